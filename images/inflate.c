/* inflate.c - libarchive's gzip and zstd filters under its "raw" format: the filters alone, without
 * parsing. Using zlib and zstd directly would be the same code twice over. */
#include "images/inflate.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/alloc.h"

enum { BLOCK = 256 * 1024, RATIO_MAX = 1000 };
static const uint64_t RATIO_FREE = UINT64_C(1) << 30; /* below this much, any ratio is fine */

struct wc_inflate {
    struct archive *raw;
    struct wc_sha256 *hash;
    int fd, read_errno;
    uint64_t packed, unpacked, max;
    bool ended;
    char block[BLOCK];
};

static la_ssize_t on_read(struct archive *raw, void *data, const void **bytes)
{
    struct wc_inflate *in = data;
    ssize_t n;
    do {
        n = read(in->fd, in->block, BLOCK);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        in->read_errno = errno;
        archive_set_error(raw, errno, "read failed");
        return -1;
    }
    in->packed += (uint64_t)n;
    *bytes = in->block;
    return n;
}

static int broken(struct wc_inflate *in, struct wc_err *err)
{
    if (in->read_errno != 0)
        return wc_err_set(err, WC_ERR_IO, in->read_errno, "read the packed data");
    const char *why = archive_error_string(in->raw);
    return wc_err_set(err, WC_ERR_SPEC, 0, "corrupt compressed data: %s",
                      why == NULL ? "no reason given" : why);
}

int wc_inflate_open(int fd, uint64_t max_bytes, struct wc_inflate **out, struct wc_err *err)
{
    struct wc_inflate *in = wc_calloc(1, sizeof *in);
    in->fd = fd;
    in->max = max_bytes;
    in->hash = wc_sha256_new();
    in->raw = archive_read_new();
    archive_read_support_filter_gzip(in->raw);
    archive_read_support_filter_zstd(in->raw);
    archive_read_support_format_raw(in->raw);
    archive_read_support_format_empty(in->raw);
    struct archive_entry *entry = NULL;
    int rc = archive_read_open(in->raw, in, NULL, on_read, NULL);
    if (rc == ARCHIVE_OK)
        rc = archive_read_next_header(in->raw, &entry);
    if (rc == ARCHIVE_EOF) {
        in->ended = true;
    } else if (rc != ARCHIVE_OK) {
        int code = broken(in, err);
        wc_inflate_close(in);
        return code;
    }
    *out = in;
    return 0;
}

void wc_inflate_close(struct wc_inflate *in)
{
    if (in == NULL)
        return;
    archive_read_free(in->raw);
    wc_sha256_finish(in->hash, NULL);
    wc_free(in);
}

static bool over_limit(const struct wc_inflate *in)
{
    return in->unpacked > in->max ||
           (in->unpacked > RATIO_FREE && in->unpacked / RATIO_MAX > in->packed);
}

int wc_inflate_next(struct wc_inflate *in, const void **bytes, size_t *len, struct wc_err *err)
{
    *len = 0;
    la_int64_t offset = 0;
    while (!in->ended && *len == 0) {
        int rc = archive_read_data_block(in->raw, bytes, len, &offset);
        if (rc == ARCHIVE_EOF) {
            in->ended = true;
            *len = 0;
        } else if (rc < ARCHIVE_WARN) {
            *len = 0;
            return broken(in, err);
        }
    }
    if (*len == 0)
        return 0;
    in->unpacked += *len;
    if (over_limit(in))
        return wc_err_set(err, WC_ERR_LIMIT, 0,
                          "unpacks to more than is allowed (%llu bytes from %llu so far)",
                          (unsigned long long)in->unpacked, (unsigned long long)in->packed);
    wc_sha256_update(in->hash, *bytes, *len);
    return 0;
}

int wc_inflate_finish(struct wc_inflate *in, char hex[WC_SHA256_HEX + 1], struct wc_err *err)
{
    const void *bytes = NULL;
    size_t len = 0;
    do {
        int rc = wc_inflate_next(in, &bytes, &len, err);
        if (rc != 0)
            return rc;
    } while (len > 0);
    wc_sha256_finish(in->hash, hex);
    in->hash = wc_sha256_new();
    return 0;
}
