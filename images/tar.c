/* tar.c - libarchive parses tar and nothing else; what it reads was unpacked before it (inflate.c).
 * Its own filters would hide the unpacked stream, whose hash is the layer's identity. */
#include "images/tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <unistd.h>

#include "base/alloc.h"
#include "images/inflate.h"

struct wc_tar {
    struct wc_inflate *in;
    struct archive *parser;
    struct wc_err read_err; /* what the stream said, when it was the stream */
};

static la_ssize_t on_read(struct archive *parser, void *data, const void **bytes)
{
    struct wc_tar *tar = data;
    size_t len = 0;
    if (wc_inflate_next(tar->in, bytes, &len, &tar->read_err) == 0)
        return (la_ssize_t)len;
    archive_set_error(parser, EIO, "%s", tar->read_err.msg);
    return -1;
}

static int broken(struct wc_tar *tar, struct wc_err *err)
{
    if (tar->read_err.code != 0) {
        if (err != NULL)
            *err = tar->read_err;
        return tar->read_err.code;
    }
    const char *why = archive_error_string(tar->parser);
    return wc_err_set(err, WC_ERR_SPEC, 0, "corrupt tar: %s",
                      why == NULL ? "no reason given" : why);
}

/* Takes `in`, also on failure. */
static int open_over(struct wc_inflate *in, struct wc_tar **out, struct wc_err *err)
{
    struct wc_tar *tar = wc_calloc(1, sizeof *tar);
    tar->in = in;
    tar->parser = archive_read_new();
    archive_read_support_format_tar(tar->parser);
    archive_read_support_format_empty(tar->parser);
    if (archive_read_open(tar->parser, tar, NULL, on_read, NULL) != ARCHIVE_OK) {
        int rc = broken(tar, err);
        wc_tar_close(tar);
        return rc;
    }
    *out = tar;
    return 0;
}

int wc_tar_open(const struct wc_bytes *from, uint64_t max_bytes, struct wc_tar **out,
                struct wc_err *err)
{
    return open_over(wc_inflate_open(from, max_bytes), out, err);
}

int wc_tar_open_fd(int fd, uint64_t max_bytes, struct wc_tar **out, struct wc_err *err)
{
    return open_over(wc_inflate_open_fd(fd, max_bytes), out, err);
}

void wc_tar_close(struct wc_tar *tar)
{
    if (tar == NULL)
        return;
    archive_read_free(tar->parser);
    wc_inflate_close(tar->in);
    wc_free(tar);
}

int wc_tar_next(struct wc_tar *tar, struct archive_entry **entry, struct wc_err *err)
{
    *entry = NULL;
    int rc = archive_read_next_header(tar->parser, entry);
    if (rc == ARCHIVE_EOF) {
        *entry = NULL;
        return 0;
    }
    return rc < ARCHIVE_WARN ? broken(tar, err) : 0;
}

int wc_tar_data(struct wc_tar *tar, struct wc_tar_run *run, struct wc_err *err)
{
    la_int64_t offset = 0;
    *run = (struct wc_tar_run){ 0 };
    int rc = archive_read_data_block(tar->parser, &run->bytes, &run->len, &offset);
    if (rc == ARCHIVE_EOF) {
        *run = (struct wc_tar_run){ .end = true };
        return 0;
    }
    if (rc < ARCHIVE_WARN)
        return broken(tar, err);
    if (offset < 0)
        return wc_err_set(err, WC_ERR_SPEC, 0, "corrupt tar: negative offset");
    run->offset = (uint64_t)offset;
    return 0;
}

int wc_tar_finish(struct wc_tar *tar, char hex[WC_SHA256_HEX + 1], struct wc_err *err)
{
    return wc_inflate_finish(tar->in, hex, err);
}

int wc_write_at(int fd, const void *bytes, size_t len, uint64_t offset)
{
    const char *p = bytes;
    while (len > 0) {
        ssize_t n = pwrite(fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}
