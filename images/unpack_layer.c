/* unpack_layer.c - what the thread of a layer does: verify, keep, unpack, in one pass. */
#include "images/unpack_layer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/str.h"
#include "images/inflate.h"
#include "images/store.h"
#include "images/tar.h"

enum { BLOCK = 256 * 1024 };
static const uint64_t DRAIN_MAX = 64 << 20; /* read to find out that the digest is wrong */

/* The packed bytes as they pass. */
struct passage {
    struct wc_unpack *layer;
    struct wc_sha256 *hash; /* NULL: they were verified before */
    int in_fd, blob_fd;     /* -1 = none */
    uint64_t seen;
    char *block; /* when they are read from a file */
};

static int fail(const char *doing, const char *path, struct wc_err *err)
{
    int sys = errno;
    return wc_err_set(err, wc_fs_code(sys), sys, "image store: %s %s", doing, path);
}

static int read_block(struct passage *p, const void **bytes, size_t *len, struct wc_err *err)
{
    ssize_t n;
    do {
        n = read(p->in_fd, p->block, BLOCK);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return fail("read", p->layer->digest, err);
    if (!wc_unpack_count(p->layer, (size_t)n))
        return wc_err_set(err, WC_ERR_CANCELLED, 0, "given up");
    *bytes = p->block;
    *len = (size_t)n;
    return 0;
}

static int wrong_size(const struct wc_unpack *layer, const char *how, struct wc_err *err)
{
    return wc_err_set(err, WC_ERR_SPEC, 0,
                      "corrupt: it is %s than the %llu bytes that its manifest says", how,
                      (unsigned long long)layer->size);
}

/* The source of the inflater: each run is counted, hashed and kept on its way. */
static int pass(void *data, const void **bytes, size_t *len, struct wc_err *err)
{
    struct passage *p = data;
    int rc =
        p->in_fd >= 0 ? read_block(p, bytes, len, err) : wc_unpack_take(p->layer, bytes, len, err);
    if (rc != 0 || *len == 0 || p->hash == NULL)
        return rc;
    if (*len > p->layer->size - p->seen)
        return wrong_size(p->layer, "longer", err);
    wc_sha256_update(p->hash, *bytes, *len);
    if (p->blob_fd >= 0 && wc_write_at(p->blob_fd, *bytes, *len, p->seen) != 0)
        return fail("write", p->layer->blob_temp, err);
    p->seen += *len;
    return 0;
}

/* Reads on to the end, `max` bytes at most. */
static int drain(struct passage *p, uint64_t max, struct wc_err *err)
{
    const void *bytes = NULL;
    size_t len = 1;
    int rc = 0;
    for (uint64_t read_on = 0; rc == 0 && len > 0 && read_on < max; read_on += len)
        rc = pass(p, &bytes, &len, err);
    return rc;
}

static int verify(struct passage *p, struct wc_err *err)
{
    char hex[WC_SHA256_HEX + 1];
    if (p->hash == NULL)
        return 0;
    wc_sha256_finish(p->hash, hex);
    p->hash = NULL;
    if (p->seen < p->layer->size)
        return wrong_size(p->layer, "shorter", err);
    if (!wc_streq(hex, p->layer->digest + strlen("sha256:")))
        return wc_err_set(err, WC_ERR_SPEC, 0,
                          "corrupt: its content is sha256:%.12s…, which is not its digest", hex);
    return 0;
}

/* What is wrong with content that doesn't unpack may be that it isn't the layer's at all: that is
 * the better thing to say. */
static int explain(struct passage *p, int rc, struct wc_err *err)
{
    struct wc_err other = { 0 };
    if (p->hash == NULL || p->layer->source == WC_UNPACK_FED ||
        (rc != WC_ERR_SPEC && rc != WC_ERR_LIMIT))
        return rc;
    int drained = drain(p, DRAIN_MAX, &other);
    int verified = drained != 0 ? drained : p->seen < p->layer->size ? 0 : verify(p, &other);
    if (verified != WC_ERR_SPEC)
        return rc;
    if (err != NULL)
        *err = other;
    return verified;
}

static int unpack(struct passage *p, const struct wc_image_store *store, struct wc_err *err)
{
    struct wc_unpack *layer = p->layer;
    const struct wc_layer_options options = { .limits = wc_layer_limits_default };
    const struct wc_bytes from = { pass, p };
    WC_CLEANUP_FD int root = -1;
    if (mkdirat(store->fd, layer->root_temp, 0755) == 0)
        root = openat(store->fd, layer->root_temp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 || fchmod(root, 0755) != 0) /* whatever the umask: it is a container's "/" */
        return fail("make directory", layer->root_temp, err);
    int rc = wc_layer_unpack_from(&from, root, &options, &layer->result, err);
    if (rc != 0)
        return explain(p, rc, err);
    if (!wc_streq(layer->result.diff_id, layer->diff_id + strlen("sha256:"))) {
        rc = wc_err_set(err, WC_ERR_SPEC, 0,
                        "corrupt: unpacked it is sha256:%.12s…, the image says %.19s…",
                        layer->result.diff_id, layer->diff_id);
        return explain(p, rc, err);
    }
    return 0;
}

static int open_files(struct passage *p, const struct wc_image_store *store, struct wc_err *err)
{
    const struct wc_unpack *layer = p->layer;
    if (layer->source == WC_UNPACK_BLOB) {
        p->in_fd = openat(store->fd, layer->blob_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (p->in_fd < 0)
            return fail("open", layer->blob_path, err);
    } else if (layer->source == WC_UNPACK_FILE) {
        p->in_fd = fcntl(layer->fd, F_DUPFD_CLOEXEC, 3);
        if (p->in_fd < 0)
            return fail("read", layer->digest, err);
    }
    if (p->in_fd >= 0)
        p->block = wc_alloc(BLOCK);
    if (layer->blob_temp == NULL)
        return 0;
    p->blob_fd = openat(store->fd, layer->blob_temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return p->blob_fd >= 0 ? 0 : fail("create", layer->blob_temp, err);
}

int wc_unpack_work(struct wc_unpack *layer, const struct wc_image_store *store, struct wc_err *err)
{
    struct passage p = { .layer = layer, .in_fd = -1, .blob_fd = -1 };
    if (layer->source != WC_UNPACK_BLOB)
        p.hash = wc_sha256_new();
    int rc = open_files(&p, store, err);
    if (rc == 0)
        rc = layer->root_temp != NULL ? unpack(&p, store, err) : drain(&p, UINT64_MAX, err);
    if (rc == 0)
        rc = verify(&p, err);
    if (p.hash != NULL)
        wc_sha256_finish(p.hash, NULL);
    if (p.in_fd >= 0)
        close(p.in_fd);
    if (p.blob_fd >= 0 && close(p.blob_fd) != 0 && rc == 0)
        rc = fail("write", layer->blob_temp, err);
    wc_free(p.block);
    return rc;
}
