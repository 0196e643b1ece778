/* join_enter.c - from the host into the instance.
 *
 * Our own image first: a program in the instance may make us execute /proc/self/exe, keep that file
 * open and overwrite it when we are gone (the class of CVE-2019-5736). So we run from a sealed
 * memfd: nothing can write it, and the file on the host is never named by anything inside. A caller
 * that starts many probes can hold such a sealed memfd itself and execute /proc/self/fd/N; then
 * there is nothing to copy here. A read-only bind mount was rejected: it needs a mount namespace
 * for each probe and the same second exec.
 *
 * Identity is (pid, start time): the pidfd is opened first and the start time read after it, so a
 * pid that was given to another process in between is seen.
 */
#include "drivers/keeper/join.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef F_GET_SEALS
#define F_GET_SEALS 1034
#define F_ADD_SEALS 1033
#endif
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

extern char **environ;

static int copy_image(int image)
{
    int fd = memfd_create("wcompose-join", MFD_CLOEXEC | MFD_ALLOW_SEALING | WC_MFD_EXEC);
    if (fd < 0 && errno == EINVAL) /* before 6.3 there was no such flag, and all were executable */
        fd = memfd_create("wcompose-join", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -1;
    ssize_t k = 1;
    while (k > 0)
        k = sendfile(fd, image, NULL, 1 << 20);
    if (k < 0 || fchmod(fd, 0555) != 0 || fcntl(fd, F_ADD_SEALS, WC_SEALS_ALL) != 0)
        return -1;
    return fd;
}

int wc_join_seal(char **argv)
{
    int image = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (image < 0)
        return wc_fault("open own image", NULL, errno);
    int seals = fcntl(image, F_GET_SEALS);
    if (seals >= 0 && (seals & WC_SEALS_ALL) == WC_SEALS_ALL) {
        close(image);
        prctl(PR_SET_NAME, "wcompose-join");
        return 0;
    }
    int fd = copy_image(image);
    if (fd >= 0)
        syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
    return wc_fault("run from a sealed copy", NULL, errno);
}

static int open_cgroups(struct wc_join *join)
{
    join->into_cgroup = join->into_index = -1;
    for (size_t i = 0; i < join->cgroup.n; i++) {
        const char *path = join->cgroup.items[i];
        struct statfs fs;
        int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || fstatfs(fd, &fs) != 0)
            return wc_fault("open", path, errno);
        join->cgroups[join->n_cgroups] = fd;
        if (join->into_cgroup < 0 && (unsigned long)fs.f_type == WC_CGROUP2_MAGIC) {
            char dir[4096];
            struct wc_text text = WC_TEXT(dir);
            const char *slash = strrchr(path, '/');
            wc_text_putn(&text, path, slash == NULL ? 0 : (size_t)(slash - path));
            join->into_cgroup = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            join->into_index = (int)join->n_cgroups;
        }
        join->n_cgroups++;
    }
    return 0;
}

static int read_filter(struct wc_join *join)
{
    static union {
        struct wc_sock_filter code[WC_SECCOMP_MAX];
        char bytes[sizeof(struct wc_sock_filter) * WC_SECCOMP_MAX + 1];
    } program;
    if (join->seccomp == NULL || join->privileged)
        return 0;
    ssize_t len = wc_file_read(AT_FDCWD, join->seccomp, program.bytes, sizeof program.bytes);
    if (len < 0)
        return wc_fault("read", join->seccomp, errno);
    if (len == 0 || (size_t)len % sizeof program.code[0] != 0)
        return wc_fault("not a seccomp program:", join->seccomp, 0);
    join->filter.len = (uint16_t)((size_t)len / sizeof program.code[0]);
    join->filter.filter = program.code;
    return 0;
}

int wc_join_identify(struct wc_join *join)
{
    uint64_t starttime;
    join->pidfd = (int)syscall(SYS_pidfd_open, join->pid, 0);
    if (join->pidfd < 0 && errno != ESRCH)
        return wc_fault("open the instance's process", NULL, errno);
    if (join->pidfd < 0 || !wc_proc_starttime((pid_t)join->pid, &starttime) ||
        starttime != join->starttime)
        return wc_fault("the instance is not running", NULL, 0);
    fcntl(join->pidfd, F_SETFD, FD_CLOEXEC);
    join->null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (join->null < 0)
        return wc_fault("open /dev/null", NULL, errno);
    join->proc = join->apparmor == NULL ? -1 : open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (join->apparmor != NULL && join->proc < 0)
        return wc_fault("open", "/proc", errno);
    return open_cgroups(join) != 0 || read_filter(join) != 0 ? -1 : 0;
}

/* Joining one's own user namespace is an error, so it has to be known. */
static bool other_user_namespace(const struct wc_join *join)
{
    char path[48];
    struct wc_text text = WC_TEXT(path);
    struct stat theirs, ours;
    wc_text_put(&text, "/proc/");
    wc_text_num(&text, join->pid);
    wc_text_put(&text, "/ns/user");
    return stat(path, &theirs) == 0 && stat("/proc/self/ns/user", &ours) == 0 &&
           (theirs.st_ino != ours.st_ino || theirs.st_dev != ours.st_dev);
}

static int open_root(const struct wc_join *join)
{
    char path[48];
    struct wc_text text = WC_TEXT(path);
    wc_text_put(&text, "/proc/");
    wc_text_num(&text, join->pid);
    wc_text_put(&text, "/root");
    return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int wc_join_enter(struct wc_join *join)
{
    /* The root of the instance is its process's, which is not that of its mount namespace where the
     * runtime could only chroot (hosts whose own root is a chroot or an initramfs). Should the pid
     * be somebody else's by now, setns fails: the pidfd's process is gone. */
    int root = open_root(join);
    if (root < 0)
        return wc_fault(errno == ENOENT ? "the instance is not running"
                                        : "open the instance's root",
                        NULL, errno == ENOENT ? 0 : errno);
    int which = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
    if (other_user_namespace(join))
        which |= CLONE_NEWUSER;
    if (prctl(PR_SET_DUMPABLE, 0) != 0) /* from now on nobody inside may look into us */
        return wc_fault("dumpable", NULL, errno);
    if (setns(join->pidfd, which) != 0)
        return wc_fault(errno == ESRCH ? "the instance is not running" : "enter the instance", NULL,
                        errno == ESRCH ? 0 : errno);
    if (fchdir(root) != 0 || chroot(".") != 0)
        return wc_fault("enter the instance's root", NULL, errno);
    close(root);
    return 0;
}
