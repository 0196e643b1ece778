/* keep_root.c - the mount namespace of one instance and the overlay that is its root.
 *
 * The overlay lives only in the keeper's namespace: the host's mount table stays short, nothing is
 * left behind whatever dies, and propagation as a slave still lets the host unmount its own things.
 * lower names are relative to the layers directory, as a mount's options have to fit in one page.
 */
#include "drivers/keeper/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <unistd.h>

#include "drivers/keeper/common.h"
#include "drivers/keeper/common_kernel.h"

/* Whether we are in a user namespace of our own, where overlay's marks can't be trusted.* ones. */
static bool in_user_namespace(void)
{
    char map[256];
    if (wc_file_read(AT_FDCWD, "/proc/self/uid_map", map, sizeof map) < 0)
        return false;
    return strstr(map, "4294967295") == NULL;
}

/* An option's value: the kernel splits options at commas. */
static void put_value(struct wc_text *text, const char *key, const char *value)
{
    wc_text_put(text, key);
    for (; *value != '\0'; value++) {
        if (*value == ',' || *value == '\\')
            wc_text_put(text, "\\");
        wc_text_putn(text, value, 1);
    }
}

static int overlay_options(const struct wc_keep_conf *conf, char options[4096])
{
    struct wc_text text = { options, 0, 4096 };
    const char *rest = conf->lower;
    wc_text_put(&text, in_user_namespace() ? "userxattr,lowerdir=" : "lowerdir=");
    if (strlen(rest) > 4000)
        return wc_fault("overlay: too many layers for one mount", NULL, 0);
    wc_text_put(&text, rest);
    if (!conf->read_only) {
        put_value(&text, ",upperdir=", conf->upper);
        put_value(&text, ",workdir=", conf->work);
    }
    if (text.len == text.cap - 1)
        return wc_fault("overlay: options are longer than a page", NULL, 0);
    return 0;
}

/* The run before this one may still have the upper directory mounted: it tells of its end before it
 * unmounts, which takes as long as the file system needs to write down what it holds. Two overlays
 * must not share one, so this waits for the lock that each holds for as long. */
static int lock_upper(struct wc_keep *keep)
{
    const struct wc_keep_conf *conf = &keep->conf;
    if (conf->read_only)
        return 0;
    keep->upper_lock = open(conf->upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (keep->upper_lock < 0 || flock(keep->upper_lock, LOCK_EX) != 0)
        return wc_fault("overlay: lock", conf->upper, errno);
    return 0;
}

static int mount_overlay(struct wc_keep *keep)
{
    const struct wc_keep_conf *conf = &keep->conf;
    char options[4096];
    if (overlay_options(conf, options) != 0 || lock_upper(keep) != 0)
        return -1;
    if (chdir(conf->layers) != 0)
        return wc_fault("overlay: enter", conf->layers, errno);
    int status =
        mount("overlay", conf->rootfs, "overlay", conf->read_only ? MS_RDONLY : 0, options);
    if (status != 0)
        wc_fault("overlay: mount at", conf->rootfs, errno);
    if (chdir(keep->run) != 0)
        return wc_fault("enter", keep->run, errno);
    keep->overlay = status == 0;
    return status;
}

/* A part of a volume is looked up and mounted by one descriptor: the containers that have the
 * volume may swap a directory on the way for a link at any time, which the runtime would follow to
 * the host's files (the class of CVE-2017-1002101). */
static int pin(const char *at, const char *root, const char *path)
{
    const struct wc_open_how how = { .flags = O_PATH | O_CLOEXEC,
                                     .resolve = WC_RESOLVE_IN_ROOT | WC_RESOLVE_NO_MAGICLINKS };
    char name[40];
    struct wc_text text = WC_TEXT(name);
    int dir = open(root, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int fd = dir < 0 ? -1 : (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
    wc_text_put(&text, "/proc/self/fd/");
    wc_text_num(&text, fd < 0 ? 0 : (uint64_t)fd);
    int status = fd < 0 ? -1 : mount(name, at, NULL, MS_BIND | MS_REC, NULL);
    if (status != 0)
        wc_fault("volume: subpath", path, errno);
    if (fd >= 0)
        close(fd);
    if (dir >= 0)
        close(dir);
    return status;
}

/* What the runtime makes in the place of a mount that we took away (crun does: it looks for a group
 * there) goes with our namespace, instead of lying in the host's directory below that mount. */
static int cover(const char *point)
{
    const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    return mount("tmpfs", point, "tmpfs", flags, "size=64k,nr_inodes=64,mode=0700") == 0 ||
                   errno == ENOENT
               ? 0
               : -1;
}

int wc_keep_mounts(struct wc_keep *keep)
{
    const struct wc_keep_conf *conf = &keep->conf;
    if (unshare(CLONE_NEWNS) != 0)
        return wc_fault("new mount namespace", NULL, errno);
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0)
        return wc_fault("mount propagation", NULL, errno);
    for (size_t i = 0; i < conf->detach.n; i++) {
        const char *point = conf->detach.items[i];
        if (umount2(point, MNT_DETACH) != 0 && errno != EINVAL && errno != ENOENT)
            return wc_fault("detach", point, errno);
        if (cover(point) != 0)
            return wc_fault("cover", point, errno);
    }
    return 0;
}

int wc_keep_root_up(struct wc_keep *keep)
{
    const struct wc_keep_conf *conf = &keep->conf;
    if (wc_keep_mounts(keep) != 0)
        return -1;
    for (size_t i = 0; i < conf->pin_at.n; i++)
        if (pin(conf->pin_at.items[i], conf->pin_root.items[i], conf->pin_path.items[i]) != 0)
            return -1;
    return conf->lower == NULL ? 0 : mount_overlay(keep);
}

void wc_keep_root_down(struct wc_keep *keep)
{
    if (keep->overlay)
        umount2(keep->conf.rootfs, MNT_DETACH); /* it would go with the namespace anyway */
    keep->overlay = false;
    if (keep->upper_lock >= 0)
        close(keep->upper_lock);
    keep->upper_lock = -1;
}
