/* oci_runtime.c - crun, else runc, else whatever the service names. */
#include "drivers/process/oci_runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/str.h"

static const char *search(const char *name, struct wc_arena *arena)
{
    static const char usual[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    const char *path = getenv("PATH");
    const char *at = wc_arena_printf(arena, "%s:%s", path != NULL ? path : "", usual);
    while (*at != '\0') {
        size_t len = strcspn(at, ":");
        const char *file = wc_arena_printf(arena, "%.*s/%s", (int)len, at, name);
        if (at[0] == '/' && access(file, X_OK) == 0)
            return file;
        at += len + (at[len] == ':');
    }
    return NULL;
}

/* An invalid call tells whether the kernel (5.12) has it at all. */
static bool kernel_has_mount_setattr(void)
{
    return mount_setattr(-1, NULL, 0, NULL, 0) == 0 || errno != ENOSYS;
}

int wc_oci_runtime_find(const char *wanted, struct wc_arena *arena, struct wc_oci_runtime *out,
                        struct wc_err *err)
{
    static const char *const usual[] = { "crun", "runc" };
    const char *path = NULL;
    if (wanted != NULL && wanted[0] == '/')
        path = access(wanted, X_OK) == 0 ? wanted : NULL;
    else if (wanted != NULL && strchr(wanted, '/') == NULL)
        path = search(wanted, arena);
    for (size_t i = 0; wanted == NULL && path == NULL && i < WC_COUNT(usual); i++)
        path = search(usual[i], arena);
    if (path == NULL && wanted == NULL)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0,
                          "no OCI runtime found; install one: apt-get install crun");
    if (path == NULL && (wc_streq(wanted, "crun") || wc_streq(wanted, "runc")))
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0,
                          "runtime '%s' is not installed: apt-get install %s", wanted, wanted);
    if (path == NULL && wanted[0] == '/')
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0,
                          "runtime '%s' is no program on this host; install it there, or leave "
                          "`runtime` out to use crun or runc",
                          wanted);
    if (path == NULL)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0,
                          "runtime '%s' is not on this host; put a program of that name in a "
                          "directory of PATH, or leave `runtime` out to use crun or runc",
                          wanted);
    out->path = wc_arena_strdup(arena, path);
    out->name = strrchr(out->path, '/') + 1;
    static const char *const of_crun[] = { "status", "config.json", "seccomp.bpf", "exec.fifo",
                                           NULL };
    static const char *const of_runc[] = { "state.json", "exec.fifo", NULL };
    bool crun = wc_streq(out->name, "crun"), runc = wc_streq(out->name, "runc");
    out->recursive_ro = (crun || runc) && kernel_has_mount_setattr();
    out->copies_itself = crun;
    out->start_fifo = crun ? "exec.fifo" : NULL; /* runc's goes the other way */
    out->state_files = crun ? of_crun : runc ? of_runc : NULL;
    return 0;
}

void wc_oci_runtime_version(const char *path, char *out, size_t size)
{
    int ends[2];
    out[0] = '\0';
    if (pipe2(ends, O_CLOEXEC) != 0)
        return;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    char *const argv[] = { (char *)(uintptr_t)path, (char[]){ "--version" }, NULL };
    char *const env[] = { NULL };
    pid_t pid;
    int rc = posix_spawn(&pid, path, &actions, NULL, argv, env);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    size_t len = 0;
    ssize_t got;
    while (rc == 0 && len + 1 < size && (got = read(ends[0], out + len, size - 1 - len)) > 0)
        len += (size_t)got;
    out[len] = '\0';
    out[strcspn(out, "\n")] = '\0';
    close(ends[0]);
    if (rc == 0)
        waitpid(pid, NULL, 0);
}
