/* guest_mount.c - the service's root and what is mounted in it, as an OCI runtime would.
 *
 * Every target is resolved as the root itself shows it (openat2 with that root), made where it is
 * missing, and used by descriptor, so that a link in an image leads nowhere else. Sources on the
 * share are resolved the same way, below it.
 */
#include "drivers/hyperv/guest/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "drivers/keeper/protocol.h"

#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
enum { ATTR_RDONLY = 1, RECURSIVE = 0x8000, EMPTY_PATH = 0x1000, PATH_MAX_ = 4096, LINKS = 8 };
struct mount_attr_ {
    uint64_t set, clear, propagation, userns_fd;
};

static struct fd_path {
    char text[40];
} path_of(int fd)
{
    struct fd_path path;
    struct wc_text text = WC_TEXT(path.text);
    wc_text_put(&text, "/proc/self/fd/");
    wc_text_num(&text, (uint64_t)fd);
    return path;
}

int wc_guest_open_in(int root, const char *path, uint64_t flags)
{
    struct wc_open_how how = { .flags = flags | O_CLOEXEC,
                               .resolve = WC_RESOLVE_IN_ROOT | WC_RESOLVE_NO_MAGICLINKS };
    return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

/* ---- the root ---- */

static int mount_image(const struct wc_guest *guest)
{
    if (guest->place.test) /* it is there already */
        return 0;
    if (mount(guest->place.image, WC_GUEST_IMAGE, "erofs", MS_RDONLY, NULL) != 0)
        return wc_fault("mount the image", guest->place.image, errno);
    return 0;
}

static int mount_scratch(const struct wc_guest *guest)
{
    bool disk = strcmp(guest->conf.scratch, "disk") == 0;
    if (disk ? mount(guest->place.scratch, WC_GUEST_SCRATCH, "ext4", MS_NOATIME, NULL) != 0
             : mount("scratch", WC_GUEST_SCRATCH, "tmpfs", 0, "mode=755") != 0)
        return wc_fault("mount the writable layer", disk ? guest->place.scratch : "", errno);
    if ((mkdir(WC_GUEST_SCRATCH "/upper", 0755) != 0 && errno != EEXIST) ||
        (mkdir(WC_GUEST_SCRATCH "/work", 0755) != 0 && errno != EEXIST))
        return wc_fault("make the writable layer", NULL, errno);
    return 0;
}

int wc_guest_root(const struct wc_guest *guest)
{
    static const char options[] = "lowerdir=" WC_GUEST_IMAGE ",upperdir=" WC_GUEST_SCRATCH
                                  "/upper,workdir=" WC_GUEST_SCRATCH "/work";
    if (mount_image(guest) != 0 || mount_scratch(guest) != 0)
        return -1;
    if (mount("overlay", WC_GUEST_ROOT, "overlay", 0, options) != 0)
        return wc_fault("mount the service's root", NULL, errno);
    if (guest->conf.shares && mount("shares", WC_GUEST_SHARES, "virtiofs", 0, NULL) != 0)
        return wc_fault("mount the host's shares", NULL, errno);
    return 0;
}

/* ---- places in it ---- */

static int make_path(int root, const char *path, bool directory, unsigned links);

/* A link that leads to nothing yet (/var/run -> /run in an image without it): made there. */
static int make_behind(int root, const char *parent, const char *name, bool directory,
                       unsigned links)
{
    char target[PATH_MAX_], path[PATH_MAX_];
    struct wc_text text = WC_TEXT(path);
    int dir = wc_guest_open_in(root, parent, O_PATH | O_DIRECTORY);
    if (dir < 0)
        return -1;
    ssize_t len = readlinkat(dir, name, target, sizeof target - 1);
    close(dir);
    if (len <= 0 || links == 0) /* it is there, and no link */
        return len <= 0 ? 0 : (errno = ELOOP, -1);
    target[len] = '\0';
    if (strlen(parent) + (size_t)len + 2 > sizeof path)
        return errno = ENAMETOOLONG, -1;
    if (target[0] != '/') {
        wc_text_put(&text, parent);
        wc_text_put(&text, "/");
    }
    wc_text_put(&text, target);
    int fd = wc_guest_open_in(root, path, O_PATH);
    if (fd >= 0)
        return close(fd);
    return make_path(root, path, directory, links - 1);
}

static int make_part(int root, const char *parent, const char *name, bool directory)
{
    int dir = wc_guest_open_in(root, parent, O_PATH | O_DIRECTORY);
    if (dir < 0)
        return -1;
    int rc = directory ? mkdirat(dir, name, 0755) : mknodat(dir, name, S_IFREG | 0644, 0);
    int sys = errno;
    close(dir);
    errno = sys;
    return rc == 0 ? 0 : sys == EEXIST ? 1 : -1;
}

/* Makes what is missing of an absolute path, component by component. */
static int make_path(int root, const char *path, bool directory, unsigned links)
{
    char part[PATH_MAX_];
    size_t len = strlen(path);
    if (len >= sizeof part)
        return errno = ENAMETOOLONG, -1;
    memcpy(part, path, len + 1);
    while (len > 1 && part[len - 1] == '/')
        part[--len] = '\0';
    for (size_t at = 1; at < len;) {
        size_t end = at + strcspn(part + at, "/");
        bool last = part[end] == '\0';
        char name[256];
        if (end - at >= sizeof name)
            return errno = ENAMETOOLONG, -1;
        memcpy(name, part + at, end - at);
        name[end - at] = '\0';
        part[at - 1] = '\0';
        const char *parent = at == 1 ? "/" : part;
        int rc = end == at ? 0 : make_part(root, parent, name, directory || !last);
        if (rc > 0)
            rc = make_behind(root, parent, name, directory || !last, links);
        part[at - 1] = '/';
        if (rc != 0)
            return -1;
        at = end + 1;
    }
    return 0;
}

/* The place to mount on, made if it isn't there. */
static int open_target(int root, const char *path, bool directory)
{
    int fd = wc_guest_open_in(root, path, O_PATH);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    return make_path(root, path, directory, LINKS) == 0 ? wc_guest_open_in(root, path, O_PATH) : -1;
}

/* ---- mounts ---- */

/* Read-only without losing the other flags. */
static int make_readonly(const char *path, bool recursive)
{
    struct mount_attr_ attr = { .set = ATTR_RDONLY };
    struct statvfs now;
    if (syscall(SYS_mount_setattr, AT_FDCWD, path, recursive ? RECURSIVE : 0, &attr, sizeof attr) ==
        0)
        return 0;
    if (errno != ENOSYS || statvfs(path, &now) != 0)
        return -1;
    unsigned long kept = now.f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC);
    return mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | kept, NULL);
}

/* The mount on a place is reached by opening the place once more. */
static int settle_bind(int root, const struct wc_guest_mount *m, const struct wc_guest_flags *f)
{
    int fd = wc_guest_open_in(root, m->target, O_PATH);
    if (fd < 0)
        return -1;
    struct fd_path path = path_of(fd);
    unsigned long flags = f->flags & ~(unsigned long)MS_RDONLY;
    int rc = flags == 0 ? 0 : mount(NULL, path.text, NULL, MS_BIND | MS_REMOUNT | flags, NULL);
    if (rc == 0 && ((f->flags & MS_RDONLY) != 0 || f->recursive_ro))
        rc = make_readonly(path.text, f->recursive_ro);
    if (rc == 0 && f->propagation != 0)
        rc = mount(NULL, path.text, NULL, f->propagation, NULL);
    int sys = errno;
    close(fd);
    errno = sys;
    return rc;
}

/* What a "share" or "file" mount shows. */
static int open_source(const struct wc_guest_mount *m)
{
    uint64_t number;
    bool share = strcmp(m->type, "share") == 0;
    if (!share && !wc_number(m->source, WC_VM_FILES_MAX - 1, &number))
        return errno = EINVAL, -1;
    int dir = open(share ? WC_GUEST_SHARES : WC_GUEST_FILES, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -1;
    int fd = wc_guest_open_in(dir, m->source, O_PATH);
    int sys = errno;
    close(dir);
    errno = sys;
    return fd;
}

static int bind_source(int root, const struct wc_guest_mount *m, const struct wc_guest_flags *f,
                       int source)
{
    struct stat st;
    if (fstat(source, &st) != 0)
        return -1;
    int target = open_target(root, m->target, S_ISDIR(st.st_mode));
    if (target < 0)
        return -1;
    int rc = mount(path_of(source).text, path_of(target).text, NULL,
                   MS_BIND | (f->recursive ? (unsigned long)MS_REC : 0), NULL);
    int sys = errno;
    close(target);
    errno = sys;
    return rc == 0 ? settle_bind(root, m, f) : -1;
}

static int mount_bind(int root, const struct wc_guest_mount *m, const struct wc_guest_flags *f)
{
    int source = open_source(m);
    if (source < 0)
        return -1;
    int rc = bind_source(root, m, f, source);
    int sys = errno;
    close(source);
    errno = sys;
    return rc;
}

static int mount_fs(const struct wc_guest *guest, int root, const struct wc_guest_mount *m,
                    const struct wc_guest_flags *f)
{
    const char *type = strcmp(m->type, "cgroup") == 0 ? "cgroup2" : m->type;
    if (strcmp(type, "cgroup2") == 0 && guest->cgroup < 0)
        return 0; /* a kernel without: said where it matters */
    int target = open_target(root, m->target, true);
    if (target < 0)
        return -1;
    int rc =
        mount(m->source, path_of(target).text, type, f->flags, f->data[0] != '\0' ? f->data : NULL);
    int sys = errno;
    close(target);
    errno = sys;
    return rc;
}

static int mount_one(const struct wc_guest *guest, int root, const char *record)
{
    static struct wc_guest_mount m;
    static struct wc_guest_flags f;
    if (wc_guest_mount_parse(record, &m) != 0 || wc_guest_flags_parse(m.options, &f) != 0)
        return -1;
    bool bind = strcmp(m.type, "share") == 0 || strcmp(m.type, "file") == 0;
    if (bind ? mount_bind(root, &m, &f) != 0 : mount_fs(guest, root, &m, &f) != 0)
        return wc_fault("mount", m.target, errno);
    return 0;
}

static int mount_notify(int root)
{
    static const struct wc_guest_mount m = { .target = "/run/wcompose" };
    static const struct wc_guest_flags f = { .flags =
                                                 MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC };
    int source = open(WC_GUEST_NOTIFY, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (source < 0 || bind_source(root, &m, &f, source) != 0)
        return wc_fault("mount", m.target, errno);
    close(source);
    return 0;
}

static int open_the_root(void)
{
    int root = open(WC_GUEST_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return root >= 0 ? root : wc_fault("open", WC_GUEST_ROOT, errno);
}

int wc_guest_mounts(const struct wc_guest *guest)
{
    int root = open_the_root();
    if (root < 0)
        return -1;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < guest->conf.mounts.n; i++)
        rc = mount_one(guest, root, guest->conf.mounts.items[i]);
    if (rc == 0 && guest->conf.notify)
        rc = mount_notify(root);
    close(root);
    return rc;
}

/* ---- what is hidden ---- */

static int hide(int root, const char *path)
{
    struct stat st;
    int fd = wc_guest_open_in(root, path, O_PATH);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (fd < 0 || fstat(fd, &st) != 0)
        return wc_fault("hide", path, errno);
    int rc = S_ISDIR(st.st_mode)
                 ? mount("tmpfs", path_of(fd).text, "tmpfs", MS_RDONLY, "size=0,mode=755")
                 : mount("/dev/null", path_of(fd).text, NULL, MS_BIND, NULL);
    int sys = errno;
    close(fd);
    return rc == 0 ? 0 : wc_fault("hide", path, sys);
}

static int protect(int root, const char *path)
{
    int fd = wc_guest_open_in(root, path, O_PATH);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (fd < 0)
        return wc_fault("protect", path, errno);
    struct fd_path place = path_of(fd);
    int rc = mount(place.text, place.text, NULL, MS_BIND | MS_REC, NULL);
    close(fd);
    fd = rc == 0 ? wc_guest_open_in(root, path, O_PATH) : -1;
    if (fd >= 0)
        rc = make_readonly(path_of(fd).text, true);
    int sys = errno;
    if (fd >= 0)
        close(fd);
    return rc == 0 ? 0 : wc_fault("protect", path, sys);
}

int wc_guest_hide(const struct wc_guest *guest)
{
    const struct wc_guest_conf *conf = &guest->conf;
    int root = open_the_root(), rc = root < 0 ? -1 : 0;
    for (size_t i = 0; rc == 0 && i < conf->readonly.n; i++)
        rc = protect(root, conf->readonly.items[i]);
    for (size_t i = 0; rc == 0 && i < conf->mask.n; i++)
        rc = hide(root, conf->mask.items[i]);
    if (root >= 0)
        close(root);
    if (rc == 0 && conf->root_ro && make_readonly(WC_GUEST_ROOT, false) != 0)
        rc = wc_fault("make the root read-only", NULL, errno);
    return rc;
}
