/* keep_clean.c - what the runtime's delete would do for a container that has ended, without running
 * it.
 *
 * Executing a runtime costs more than all that it then does: remove the empty cgroups and its own
 * state directory, of our own --root. Where the supervisor knows the runtime's files (state_file)
 * and nothing else is found, that is done here. Whatever looks different (a process is left, a
 * group below, a file with another name) is left to the runtime's own delete, which goes on from
 * any point.
 */
#include "drivers/keeper/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* One entry as getdents64(2) gives it. */
struct entry {
    uint64_t inode, offset;
    uint16_t len;
    uint8_t type;
    char name[];
};

static bool is_known(const struct wc_list *files, const char *name)
{
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return true;
    for (size_t i = 0; i < files->n; i++)
        if (strcmp(files->items[i], name) == 0)
            return true;
    return false;
}

static bool holds_known_only(int dir, const struct wc_list *files)
{
    char entries[2048] __attribute__((aligned(8)));
    long len;
    while ((len = syscall(SYS_getdents64, dir, entries, sizeof entries)) > 0)
        for (long at = 0; at < len;) {
            const struct entry *entry = (const void *)(entries + at);
            if (!is_known(files, entry->name))
                return false;
            at += entry->len;
        }
    return len == 0;
}

/* A process that was reaped is of its group until it has left the processor for good, which on a
 * busy machine takes a while; a group is in use if it is after that. */
static bool remove_group(const char *hierarchy, const char *group)
{
    char path[4200];
    struct wc_text text = WC_TEXT(path);
    wc_text_put(&text, hierarchy);
    wc_text_put(&text, group);
    const struct timespec pause = { .tv_nsec = 1000000 };
    for (int tries = 0; tries < 30; tries++) {
        if (rmdir(path) == 0 || errno == ENOENT)
            return true;
        if (errno != EBUSY)
            return false;
        nanosleep(&pause, NULL);
    }
    return false;
}

static bool remove_state(int parent, int dir, const char *id, const struct wc_list *files)
{
    for (size_t i = 0; i < files->n; i++)
        if (unlinkat(dir, files->items[i], 0) != 0 && errno != ENOENT)
            return false;
    return unlinkat(parent, id, AT_REMOVEDIR) == 0;
}

bool wc_keep_clean(const struct wc_keep_conf *conf)
{
    const int how = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    if (conf->state_file.n == 0)
        return false;
    int parent = open(conf->runtime_root, how);
    int dir = parent < 0 ? -1 : openat(parent, conf->id, how);
    bool clean = dir >= 0 && holds_known_only(dir, &conf->state_file);
    for (size_t i = 0; clean && i < conf->hierarchy.n; i++)
        clean = remove_group(conf->hierarchy.items[i], conf->group);
    clean = clean && remove_state(parent, dir, conf->id, &conf->state_file);
    if (dir >= 0)
        close(dir);
    if (parent >= 0)
        close(parent);
    return clean;
}
