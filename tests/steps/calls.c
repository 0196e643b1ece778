/* calls.c - a table of calls, and what of their arguments decides. Reads aren't in it; neither is
 * what only concerns memory, clocks and waiting: between two steps a kill leaves the same behind
 * wherever it comes.
 */
#include "calls.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* What the arguments are: bits say which are paths; FD: the first is a descriptor that is written;
 * OPEN, OPENAT, OPENAT2: a step only when it creates or truncates. */
enum kind { PLAIN, FD, OPEN, OPENAT, OPENAT2 };

#define P(n) (1u << (n))

static const struct row {
    long nr;
    const char *name;
    enum kind kind;
    unsigned paths;
} rows[] = {
    { SYS_write, "write", FD, 0 },
    { SYS_pwrite64, "pwrite64", FD, 0 },
    { SYS_writev, "writev", FD, 0 },
    { SYS_pwritev, "pwritev", FD, 0 },
    { SYS_sendto, "sendto", FD, 0 },
    { SYS_sendmsg, "sendmsg", FD, 0 },
    { SYS_sendmmsg, "sendmmsg", FD, 0 },
    { SYS_sendfile, "sendfile", FD, 0 },
    { SYS_copy_file_range, "copy_file_range", PLAIN, 0 },
    { SYS_splice, "splice", PLAIN, 0 },
    { SYS_ftruncate, "ftruncate", FD, 0 },
    { SYS_truncate, "truncate", PLAIN, P(0) },
    { SYS_fallocate, "fallocate", FD, 0 },
    { SYS_fsync, "fsync", FD, 0 },
    { SYS_fdatasync, "fdatasync", FD, 0 },
    { SYS_syncfs, "syncfs", FD, 0 },
    { SYS_openat, "openat", OPENAT, P(1) },
    { SYS_openat2, "openat2", OPENAT2, P(1) },
    { SYS_mkdirat, "mkdirat", PLAIN, P(1) },
    { SYS_mknodat, "mknodat", PLAIN, P(1) },
    { SYS_unlinkat, "unlinkat", PLAIN, P(1) },
    { SYS_linkat, "linkat", PLAIN, P(1) | P(3) },
    { SYS_symlinkat, "symlinkat", PLAIN, P(0) | P(2) },
    { SYS_renameat2, "renameat2", PLAIN, P(1) | P(3) },
    { SYS_fchmodat, "fchmodat", PLAIN, P(1) },
    { SYS_fchownat, "fchownat", PLAIN, P(1) },
    { SYS_fchmod, "fchmod", FD, 0 },
    { SYS_fchown, "fchown", FD, 0 },
    { SYS_setxattr, "setxattr", PLAIN, P(0) },
    { SYS_flock, "flock", FD, 0 },
    { SYS_mount, "mount", PLAIN, P(1) },
    { SYS_umount2, "umount2", PLAIN, P(0) },
    { SYS_connect, "connect", PLAIN, 0 },
    { SYS_bind, "bind", PLAIN, 0 },
    { SYS_listen, "listen", PLAIN, 0 },
    { SYS_clone, "clone", PLAIN, 0 },
    { SYS_clone3, "clone3", PLAIN, 0 },
    { SYS_execve, "execve", PLAIN, P(0) },
    { SYS_execveat, "execveat", PLAIN, P(1) },
    { SYS_kill, "kill", PLAIN, 0 },
    { SYS_exit_group, "exit_group", PLAIN, 0 },
#ifdef SYS_open /* those that newer machines don't have */
    { SYS_open, "open", OPEN, P(0) },
    { SYS_creat, "creat", PLAIN, P(0) },
    { SYS_rename, "rename", PLAIN, P(0) | P(1) },
    { SYS_link, "link", PLAIN, P(0) | P(1) },
    { SYS_symlink, "symlink", PLAIN, P(0) | P(1) },
    { SYS_unlink, "unlink", PLAIN, P(0) },
    { SYS_rmdir, "rmdir", PLAIN, P(0) },
    { SYS_mkdir, "mkdir", PLAIN, P(0) },
    { SYS_mknod, "mknod", PLAIN, P(0) },
    { SYS_chmod, "chmod", PLAIN, P(0) },
    { SYS_chown, "chown", PLAIN, P(0) },
    { SYS_lchown, "lchown", PLAIN, P(0) },
    { SYS_fork, "fork", PLAIN, 0 },
    { SYS_vfork, "vfork", PLAIN, 0 },
#endif
#ifdef SYS_renameat
    { SYS_renameat, "renameat", PLAIN, P(1) | P(3) },
#endif
};

static const struct row *find(uint64_t nr)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if ((uint64_t)rows[i].nr == nr)
            return &rows[i];
    return NULL;
}

/* Copies from the process as much as can be read, which may be less than is asked for. */
static size_t peek(pid_t pid, uint64_t at, void *out, size_t size)
{
    enum { PAGE = 4096 };
    size_t len = 0;
    while (len < size) { /* a page at a time: the next one may not be there */
        size_t part = PAGE - (size_t)((at + len) % PAGE);
        struct iovec here = { (char *)out + len, part < size - len ? part : size - len };
        struct iovec there = { (void *)(uintptr_t)(at + len), here.iov_len };
        ssize_t n = process_vm_readv(pid, &here, 1, &there, 1, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    return len;
}

static void add_path(pid_t pid, uint64_t at, char *text, size_t size)
{
    char path[512];
    size_t len = peek(pid, at, path, sizeof path - 1), used = strlen(text);
    path[len] = '\0';
    snprintf(text + used, size - used, " %.200s", path);
}

static void read_fd(pid_t pid, uint64_t fd, char out[256])
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, (int)fd);
    ssize_t n = readlink(path, out, 255);
    out[n > 0 ? n : 0] = '\0';
}

/* Descriptors that are gone with the process. */
static bool is_inside(const char *target, bool is_first)
{
    static const char *const inside[] = { "anon_inode:", "/memfd:", "/dev/null" };
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++)
        if (strncmp(target, inside[i], strlen(inside[i])) == 0)
            return true;
    return !is_first && strncmp(target, "pipe:", 5) == 0;
}

static bool makes(uint64_t flags)
{
    return (flags & (O_CREAT | O_TRUNC)) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

static bool opens_for_change(pid_t pid, const struct row *row, const struct call *call)
{
    struct open_how how = { 0 };
    switch (row->kind) {
    case OPEN:
        return makes(call->args[1]);
    case OPENAT:
        return makes(call->args[2]);
    case OPENAT2:
        return peek(pid, call->args[2], &how, sizeof how) == sizeof how && makes(how.flags);
    case PLAIN:
    case FD:
        break;
    }
    return true;
}

bool call_is_step(pid_t pid, const struct call *call, bool is_first, char *text, size_t size)
{
    char target[256] = "";
    const struct row *row = find(call->nr);
    if (row == NULL || !opens_for_change(pid, row, call))
        return false;
    if (row->kind == FD)
        read_fd(pid, call->args[0], target);
    if (row->kind == FD && is_inside(target, is_first))
        return false;
    snprintf(text, size, "%s%s%s", row->name, target[0] != '\0' ? " " : "", target);
    for (unsigned i = 0; i < 6; i++)
        if ((row->paths & P(i)) != 0)
            add_path(pid, call->args[i], text, size);
    return true;
}
