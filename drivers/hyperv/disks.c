/* disks.c - the two disks of a machine.
 *
 * The image's: an erofs made once of the image's merged layers, read-only, shared by all machines
 * of the image and, in the host's page cache, by their reads. The writable one: a sparse ext4, made
 * with the instance, gone with it. Both are made under another name and renamed when whole, so that
 * what is there is good, whoever was killed.
 */
#include "drivers/hyperv/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/paths.h"
#include "base/str.h"
#include "wcompose/image.h"

static const char mkfs_image[] = WC_VM_MKFS_IMAGE;
static const char mkfs_scratch[] = WC_VM_MKFS_SCRATCH;

/* Runs argv with `keep` (-1 = none) as descriptor 3; what it says last is the error's text. */
static int run(const char *const *argv, int keep, struct wc_err *err)
{
    static char *const env[] = { "PATH=/usr/sbin:/usr/bin", "LC_ALL=C", NULL };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none;
    char said[512] = "";
    int pipe_fds[2], status = -1;
    pid_t pid;
    if (pipe2(pipe_fds, O_CLOEXEC) != 0)
        return wc_err_set(err, WC_ERR_IO, errno, "pipe");
    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&files, pipe_fds[1], 1);
    posix_spawn_file_actions_adddup2(&files, pipe_fds[1], 2);
    if (keep >= 0)
        posix_spawn_file_actions_adddup2(&files, keep, 3);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attr, &none);
    int sys = posix_spawn(&pid, argv[0], &files, &attr, (char *const *)(uintptr_t)argv, env);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    close(pipe_fds[1]);
    size_t len = 0;
    ssize_t k;
    while (sys == 0 && (k = read(pipe_fds[0], said + len, sizeof said - 1 - len)) > 0) {
        len += (size_t)k;
        if (len == sizeof said - 1) { /* the end of it tells why */
            memmove(said, said + len / 2, len - len / 2);
            len -= len / 2;
        }
    }
    said[len] = '\0';
    close(pipe_fds[0]);
    if (sys != 0)
        return wc_err_set(err, WC_ERR_FAILED, sys, "run %s", argv[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (status == 0)
        return 0;
    while (len > 0 && said[len - 1] == '\n')
        said[--len] = '\0';
    const char *last = strrchr(said, '\n');
    return wc_err_set(err, WC_ERR_FAILED, 0, "%s: %s", argv[0], last != NULL ? last + 1 : said);
}

/* What the root is made of decides the name. */
static const char *image_path(const struct wc_machine *machine)
{
    WC_CLEANUP_BUF struct wc_buf names = WC_BUF_INIT;
    char hex[WC_SHA256_HEX + 1];
    const struct wc_strv *layers = &machine->in->request->inst->image->layers;
    for (size_t i = 0; i < layers->n; i++)
        wc_buf_printf(&names, "%s\n", layers->items[i]);
    wc_sha256_hex(names.data, names.len, hex);
    return wc_arena_printf(machine->arena, "%s/vm/images/%s.erofs",
                           machine->in->request->paths->lib, hex);
}

/* One makes it, others wait for that: the lock is the directory's, so nothing of it is left. */
static int make_image(const struct wc_machine *machine, const char *path, struct wc_err *err)
{
    const char *dir =
        wc_arena_printf(machine->arena, "%s/vm/images", machine->in->request->paths->lib);
    const char *fresh = wc_arena_printf(machine->arena, "%s.new", path);
    int rc = wc_fs_mkdirs(dir, 0700, err);
    if (rc != 0)
        return rc;
    WC_CLEANUP_FD int lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0 || flock(lock, LOCK_EX) != 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "%s", dir);
    if (access(path, R_OK) == 0)
        return 0;
    (void)unlink(fresh);
    const char *const argv[] = { mkfs_image, "--quiet", fresh, "/proc/self/fd/3/", NULL };
    rc = run(argv, machine->in->root_fd, err);
    if (rc == 0 && (chmod(fresh, 0444) != 0 || rename(fresh, path) != 0))
        rc = wc_err_set(err, wc_fs_code(errno), errno, "%s", path);
    if (rc != 0)
        (void)unlink(fresh);
    return rc == 0 ? 0 : wc_err_wrap(err, rc, "the image's disk");
}

static int make_scratch(const struct wc_machine *machine, const char *path, struct wc_err *err)
{
    const char *fresh = wc_arena_printf(machine->arena, "%s.new", path);
    const char *const argv[] = { mkfs_scratch,
                                 "-q",
                                 "-F",
                                 "-t",
                                 "ext4",
                                 "-m",
                                 "0",
                                 "-J",
                                 "size=8",
                                 "-E",
                                 "lazy_itable_init=1,lazy_journal_init=1,root_owner=0:0",
                                 fresh,
                                 NULL };
    WC_CLEANUP_FD int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || ftruncate(fd, machine->size.disk_bytes) != 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "%s", fresh);
    int rc = run(argv, -1, err);
    if (rc == 0 && (fchown(fd, machine->uid, machine->uid) != 0 || rename(fresh, path) != 0))
        rc = wc_err_set(err, wc_fs_code(errno), errno, "%s", path);
    if (rc != 0)
        (void)unlink(fresh);
    return rc == 0 ? 0 : wc_err_wrap(err, rc, "the writable disk");
}

int wc_vm_disks(struct wc_machine *machine, struct wc_err *err)
{
    machine->image = image_path(machine);
    machine->scratch = wc_arena_printf(machine->arena, "%s/scratch", machine->in->request->lib_dir);
    int rc = access(machine->image, R_OK) == 0 ? 0 : make_image(machine, machine->image, err);
    if (rc == 0 && access(machine->scratch, F_OK) != 0)
        rc = make_scratch(machine, machine->scratch, err);
    return rc;
}
