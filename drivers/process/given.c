/* given.c - opened up only when owner and mode are right, so that nobody else reads it meanwhile.
 */
#include "drivers/process/given.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/hash.h"
#include "wcompose/sealed.h"

enum { MOST_BYTES = 1 << 20 };

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static int write_copy(const struct wc_mount *m, const char *path, const char *bytes, size_t len,
                      struct wc_err *err)
{
    (void)unlink(path);
    WC_CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0 && write_all(fd, bytes, len) && fchown(fd, (uid_t)m->uid, (gid_t)m->gid) == 0 &&
        fchmod(fd, (mode_t)m->mode) == 0)
        return 0;
    int sys = errno;
    (void)unlink(path);
    return wc_err_at(err, wc_fs_code(sys), m->at, "cannot copy %s to %s: %s", m->object, path,
                     strerror(sys));
}

int wc_given_copy(const struct wc_mount *mount, const char *dir, struct wc_arena *arena,
                  const char **path, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    char hash[WC_SHA256_HEX + 1];
    const struct wc_sealed *sealed = mount->sealed;
    const char *bytes = mount->content;
    size_t len = sealed != NULL ? sealed->len : bytes != NULL ? strlen(bytes) : 0;
    if (sealed != NULL && sealed->closed != NULL)
        return wc_err_at(err, WC_ERR_PERM, mount->at, "%s can't be given: %s", mount->object,
                         sealed->closed);
    int rc = bytes != NULL ? 0 : wc_fs_read(mount->source, MOST_BYTES, &text, err);
    if (rc == 0 && bytes == NULL) {
        bytes = text.len > 0 ? text.data : "";
        len = text.len;
    }
    if (rc == 0)
        rc = wc_fs_mkdirs(dir, 0700, err);
    if (rc != 0) {
        if (err != NULL)
            err->at = mount->at;
        return rc;
    }
    wc_sha256_hex(mount->target, strlen(mount->target), hash); /* there is one mount a target */
    *path = wc_arena_printf(arena, "%s/%.16s", dir, hash);
    return write_copy(mount, *path, bytes, len, err);
}
