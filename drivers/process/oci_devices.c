/* oci_devices.c - device nodes: those the service names, or all of the host's when it is
 * privileged.
 */
#include "drivers/process/oci.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/arena.h"
#include "base/fs.h"
#include "base/str.h"
#include "wcompose/state.h"

enum { MAX_DEPTH = 8 };

static void add_node(struct wc_oci *oci, const char *path, const struct stat *st,
                     const char *access)
{
    oci->devices = wc_arena_grow(oci->arena, oci->devices, oci->n_devices, &oci->cap_devices,
                                 sizeof *oci->devices);
    oci->devices[oci->n_devices++] = (struct wc_oci_device){
        .path = path,
        .type = S_ISBLK(st->st_mode) ? 'b' : 'c',
        .major = major(st->st_rdev),
        .minor = minor(st->st_rdev),
        .mode = st->st_mode & 07777,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .access = access,
    };
}

/* Directories of /dev that are mounts of their own in a container. */
static bool is_own_mount(const char *path)
{
    static const char *const skipped[] = { "/dev/pts",     "/dev/shm",  "/dev/mqueue",   "/dev/fd",
                                           "/dev/console", "/dev/ptmx", "/dev/hugepages" };
    for (size_t i = 0; i < WC_COUNT(skipped); i++)
        if (wc_streq(path, skipped[i]))
            return true;
    return false;
}

/* Adds the node at `from`, or all nodes below it, as `to`. */
static int add_path(struct wc_oci *oci, const char *from, const char *to, const char *access,
                    unsigned depth)
{
    struct stat st;
    if (lstat(from, &st) != 0)
        return -errno;
    if (S_ISLNK(st.st_mode) && depth == 0 && stat(from, &st) != 0)
        return -errno;
    if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
        add_node(oci, to, &st, access);
        return 0;
    }
    if (!S_ISDIR(st.st_mode))
        return depth == 0 ? -ENODEV : 0;
    DIR *dir = depth < MAX_DEPTH ? opendir(from) : NULL;
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        const char *below = wc_arena_printf(oci->arena, "%s/%s", from, entry->d_name);
        if (wc_streq(entry->d_name, ".") || wc_streq(entry->d_name, "..") || is_own_mount(below))
            continue;
        (void)add_path(oci, below, wc_arena_printf(oci->arena, "%s/%s", to, entry->d_name), access,
                       depth + 1);
    }
    if (dir != NULL)
        closedir(dir);
    return 0;
}

int wc_oci_resolve_devices(const struct wc_instance *inst, struct wc_oci *oci, struct wc_err *err)
{
    const struct wc_service *spec = inst->spec;
    if (oci->privileged)
        (void)add_path(oci, "/dev", "/dev", "rwm", 0);
    for (size_t i = 0; i < spec->devices.n; i++) {
        char *from = wc_arena_strdup(oci->arena, spec->devices.items[i]);
        char *to = strchr(from, ':'), *access = NULL;
        if (to != NULL) {
            *to++ = '\0';
            access = strchr(to, ':');
            if (access != NULL)
                *access++ = '\0';
        }
        int rc = add_path(oci, from, to != NULL ? to : from, access != NULL ? access : "rwm", 0);
        if (rc != 0)
            return wc_err_at(err, wc_fs_code(-rc), spec->at, "devices: %s: %s", from,
                             rc == -ENODEV ? "not a device" : strerror(-rc));
    }
    return 0;
}
