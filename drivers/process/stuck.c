/* stuck.c - three things withstand SIGKILL: a call that the kernel does not interrupt, a frozen
 * cgroup, and the last duty of a pid namespace's init, which is to see all others reaped. In the
 * third case the one to blame is elsewhere: the parent, outside, of a zombie inside.
 */
#include "drivers/process/stuck.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"

enum { NAME_ROOM = 64 };

struct look {
    char name[NAME_ROOM];
    char state; /* as in /proc/PID/stat; 0 = no such process */
    pid_t parent;
};

static void read_line(pid_t pid, const char *file, char *out, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    WC_CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, out, size - 1) : -1;
    out[len > 0 ? len : 0] = '\0';
}

/* "PID (NAME) STATE PARENT …"; the name may hold anything, so its end is the last bracket. */
static struct look look_at(pid_t pid)
{
    struct look look = { 0 };
    char text[512];
    read_line(pid, "stat", text, sizeof text);
    const char *open = strchr(text, '('), *close = strrchr(text, ')');
    if (open == NULL || close == NULL || close < open || strlen(close) < 4)
        return look;
    snprintf(look.name, sizeof look.name, "%.*s", (int)(close - open - 1), open + 1);
    look.state = close[2];
    look.parent = (pid_t)strtol(close + 3, NULL, 10);
    return look;
}

static bool namespace_of(pid_t pid, struct stat *out)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
    return stat(path, out) == 0;
}

/* A dead process, not reaped, in the pid namespace that `init` is the first of. 0 = none. */
static pid_t find_zombie(pid_t init)
{
    struct stat wanted, its;
    pid_t found = 0;
    DIR *proc = opendir("/proc");
    const struct dirent *entry;
    if (proc == NULL || !namespace_of(init, &wanted)) {
        if (proc != NULL)
            closedir(proc);
        return 0;
    }
    while (found == 0 && (entry = readdir(proc)) != NULL) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid <= 0 || pid == init || !namespace_of(pid, &its))
            continue;
        if (its.st_ino == wanted.st_ino && its.st_dev == wanted.st_dev && look_at(pid).state == 'Z')
            found = pid;
    }
    closedir(proc);
    return found;
}

int wc_stuck_look(pid_t pid, struct wc_err *err)
{
    char where[NAME_ROOM] = "";
    struct look look = look_at(pid);
    if (look.state == '\0' || look.state == 'X')
        return 0;
    struct look parent = look_at(look.parent);
    if (look.state == 'Z')
        return wc_err_set(err, WC_ERR_TIMEOUT, 0,
                          "process %d has ended, but its parent %d (%s) does not reap it", (int)pid,
                          (int)look.parent, parent.name);
    pid_t zombie = find_zombie(pid);
    if (zombie != 0) {
        look = look_at(zombie);
        parent = look_at(look.parent);
        return wc_err_set(
            err, WC_ERR_TIMEOUT, 0,
            "SIGKILL has no effect yet: process %d (%s) of it is dead, but its parent "
            "%d (%s) does not reap it; end that one, or run an init that reaps",
            (int)zombie, look.name, (int)look.parent, parent.name);
    }
    read_line(pid, "wchan", where, sizeof where);
    bool known = where[0] != '\0' && !wc_streq(where, "0");
    if (strstr(where, "refrigerator") != NULL || strstr(where, "freezer") != NULL)
        return wc_err_set(err, WC_ERR_TIMEOUT, 0,
                          "SIGKILL has no effect on process %d while its cgroup is frozen",
                          (int)pid);
    return wc_err_set(err, WC_ERR_TIMEOUT, 0,
                      "SIGKILL has no effect on process %d yet: it is in state %c%s%s; a disk or "
                      "network file system that does not answer would do that",
                      (int)pid, look.state, known ? ", in the kernel's " : "", known ? where : "");
}
