/* image_root.c - detached overlays; on kernels before 6.5 by way of a mount namespace that ends
 * with its thread.
 *
 * Why two ways: fsconfig takes at most 255 bytes a value, too short for a list of layers;
 * "lowerdir+" (6.5) takes them one by one. The other way, mount(2), takes a page, but needs a place
 * to mount on: a private mount namespace of a thread that has its own (CLONE_FS | CLONE_NEWNS).
 */
#include "drivers/process/image_root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"

int wc_image_root_open(int root_fd, const char *path, int flags)
{
    struct open_how how = { .flags = (unsigned)flags | O_CLOEXEC,
                            .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
    return (int)syscall(SYS_openat2, root_fd, path, &how, sizeof how);
}

static int add_lower(int fs, const char *dir)
{
    return fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", dir, 0);
}

/* Returns a mount descriptor, or -1 with errno (EINVAL: this kernel has no "lowerdir+"). */
static int detached(const struct wc_strv *layers, const char *upper)
{
    WC_CLEANUP_FD int fs = fsopen("overlay", FSOPEN_CLOEXEC);
    if (fs < 0)
        return -1;
    if (upper != NULL && add_lower(fs, upper) != 0)
        return -1;
    for (size_t i = layers->n; i > 0; i--)
        if (add_lower(fs, layers->items[i - 1]) != 0)
            return -1;
    if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
        return -1;
    return fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
}

struct by_thread {
    const struct wc_strv *layers;
    const char *upper;
    int fd, sys;
};

/* Shortens what all layers share: they are siblings in the store. */
static size_t common_dir(const struct by_thread *t)
{
    const char *first = t->layers->items[0];
    size_t len = (size_t)(strrchr(first, '/') - first) + 1;
    for (size_t i = 1; i < t->layers->n; i++)
        if (strncmp(first, t->layers->items[i], len) != 0)
            return 0;
    return len;
}

static void *mount_in_thread(void *arg)
{
    struct by_thread *t = arg;
    WC_CLEANUP_BUF struct wc_buf options = WC_BUF_INIT;
    WC_CLEANUP_BUF struct wc_buf dir = WC_BUF_INIT;
    size_t shared = common_dir(t);
    wc_buf_adds(&options, "lowerdir=");
    if (t->upper != NULL)
        wc_buf_printf(&options, "%s:", t->upper);
    for (size_t i = t->layers->n; i > 0; i--)
        wc_buf_printf(&options, "%s%s", t->layers->items[i - 1] + shared, i > 1 ? ":" : "");
    wc_buf_add(&dir, t->layers->items[0], shared > 0 ? shared : 0);
    t->fd = -1;
    if (unshare(CLONE_FS | CLONE_NEWNS) == 0 &&
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
        (shared == 0 || chdir(dir.data) == 0) &&
        mount("overlay", "/proc", "overlay", MS_RDONLY | MS_NOSUID | MS_NODEV, options.data) == 0)
        t->fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    t->sys = errno;
    return NULL;
}

static int by_thread(const struct wc_strv *layers, const char *upper)
{
    struct by_thread t = { .layers = layers, .upper = upper, .fd = -1 };
    pthread_t thread;
    int rc = pthread_create(&thread, NULL, mount_in_thread, &t);
    if (rc == 0)
        pthread_join(thread, NULL);
    errno = rc != 0 ? rc : t.sys;
    return t.fd;
}

int wc_image_root(const struct wc_strv *layers, const char *upper, int *fd, struct wc_err *err)
{
    for (size_t i = 0; i < layers->n; i++)
        if (access(layers->items[i], R_OK | X_OK) != 0)
            return wc_err_set(err, wc_fs_code(errno), errno, "image layer %s", layers->items[i]);
    if (layers->n == 0)
        return wc_err_set(err, WC_ERR_NOENT, 0, "the image has no layers");
    int got;
    if (layers->n == 1 && upper == NULL) {
        got = open(layers->items[0], O_PATH | O_DIRECTORY | O_CLOEXEC);
    } else {
        got = detached(layers, upper);
        if (got < 0 && errno == EINVAL)
            got = by_thread(layers, upper);
    }
    if (got < 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "cannot look into the image's layers");
    *fd = got;
    return 0;
}
