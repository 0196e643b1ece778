/* inflate.c - looks at the first bytes, puts the right filter in the way, hashes and counts what
 * comes out. libarchive's filters would do the same with zlib alone, and by pulling from inside. */
#include "images/inflate.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "images/filter.h"

enum { BLOCK = 256 * 1024, MAGIC = 6, RATIO_MAX = 1000 };
static const uint64_t RATIO_FREE = UINT64_C(1) << 30; /* below this much, any ratio is fine */

struct wc_inflate {
    struct wc_bytes from;
    int fd; /* what from reads, when it is a file */
    struct wc_sha256 *hash;
    const struct wc_filter *filter; /* NULL: plain */
    void *state;                    /* the filter's */
    uint64_t packed, unpacked, max;
    const uint8_t *in; /* what the source gave and the filter didn't take */
    size_t in_len;
    bool looked, ended, between;
    uint8_t head[MAGIC]; /* the first bytes, when they came in several runs */
    char out[BLOCK];
    char file[]; /* BLOCK bytes, when we read a file */
};

static int read_file(void *data, const void **bytes, size_t *len, struct wc_err *err)
{
    struct wc_inflate *in = data;
    ssize_t n;
    do {
        n = read(in->fd, in->file, BLOCK);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return wc_err_set(err, WC_ERR_IO, errno, "read the packed data");
    *bytes = in->file;
    *len = (size_t)n;
    return 0;
}

static struct wc_inflate *open_sized(size_t extra, uint64_t max_bytes)
{
    struct wc_inflate *in = wc_alloc(sizeof *in + extra);
    memset(in, 0, offsetof(struct wc_inflate, out)); /* buffers are not read before written */
    in->max = max_bytes;
    in->hash = wc_sha256_new();
    return in;
}

struct wc_inflate *wc_inflate_open(const struct wc_bytes *from, uint64_t max_bytes)
{
    struct wc_inflate *in = open_sized(0, max_bytes);
    in->from = *from;
    return in;
}

struct wc_inflate *wc_inflate_open_fd(int fd, uint64_t max_bytes)
{
    struct wc_inflate *in = open_sized(BLOCK, max_bytes);
    in->fd = fd;
    in->from = (struct wc_bytes){ .next = read_file, .data = in };
    return in;
}

void wc_inflate_close(struct wc_inflate *in)
{
    if (in == NULL)
        return;
    if (in->state != NULL)
        in->filter->close(in->state);
    wc_sha256_finish(in->hash, NULL);
    wc_free(in);
}

static int fill(struct wc_inflate *in, struct wc_err *err)
{
    const void *bytes = NULL;
    size_t len = 0;
    int rc = in->from.next(in->from.data, &bytes, &len, err);
    if (rc != 0)
        return rc;
    in->in = bytes;
    in->in_len = len;
    in->packed += len;
    return 0;
}

static int no_memory(struct wc_err *err)
{
    return wc_err_set(err, WC_ERR_IO, ENOMEM, "unpack");
}

static int choose(struct wc_inflate *in, const uint8_t *head, size_t len, struct wc_err *err)
{
    static const struct {
        uint8_t magic[MAGIC];
        size_t len;
        const struct wc_filter *filter;
        const char *other; /* one that images don't have */
    } rows[] = {
        { { 0x1f, 0x8b }, 2, &wc_filter_zlib, NULL },
        { { 0x28, 0xb5, 0x2f, 0xfd }, 4, &wc_filter_zstd, NULL },
        { { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6, NULL, "xz" },
        { { 'B', 'Z', 'h' }, 3, NULL, "bzip2" },
        { { 'P', 'K', 3, 4 }, 4, NULL, "zip" },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        if (len < rows[i].len || memcmp(head, rows[i].magic, rows[i].len) != 0)
            continue;
        if (rows[i].other != NULL)
            return wc_err_set(err, WC_ERR_SPEC, 0,
                              "packed with %s, which images don't use: plain, gzip and zstd are "
                              "read; unpack it first",
                              rows[i].other);
        in->filter = rows[i].filter;
        if (in->filter == &wc_filter_zlib && wc_filter_has_isal())
            in->filter = &wc_filter_isal;
        in->state = in->filter->open();
        return in->state == NULL ? no_memory(err) : 0;
    }
    return 0;
}

/* Looks at the first bytes, which may come one at a time. */
static int look(struct wc_inflate *in, struct wc_err *err)
{
    size_t have = 0;
    int rc = fill(in, err);
    while (rc == 0 && in->in_len > 0 && have + in->in_len < MAGIC) {
        memcpy(in->head + have, in->in, in->in_len);
        have += in->in_len;
        rc = fill(in, err);
    }
    if (rc != 0)
        return rc;
    in->looked = true;
    if (have == 0)
        return choose(in, in->in, in->in_len, err);
    uint8_t head[MAGIC];
    size_t more = in->in_len < MAGIC - have ? in->in_len : MAGIC - have;
    memcpy(head, in->head, have);
    if (more > 0)
        memcpy(head + have, in->in, more);
    rc = choose(in, head, have + more, err);
    if (rc != 0 || in->filter == NULL)
        return rc == 0 ? (int)have : rc;
    /* a filter takes its first bytes from here; none of them gives output or ends anything */
    struct wc_filter_io io = {
        .in = in->head, .in_len = have, .out = (uint8_t *)in->out, .out_len = BLOCK
    };
    if (in->filter->step(in->state, &io) != 0 || io.in_len > 0 || io.out_len != BLOCK)
        return wc_err_set(err, WC_ERR_SPEC, 0, "corrupt compressed data");
    return 0;
}

static int broken(const char *why, struct wc_err *err)
{
    return wc_err_set(err, WC_ERR_SPEC, 0, "corrupt compressed data: %s", why);
}

/* Lets the filter work until its output is full or the stream is over. */
static int run_filter(struct wc_inflate *in, size_t *len, struct wc_err *err)
{
    struct wc_filter_io io = { .out = (uint8_t *)in->out,
                               .out_len = BLOCK,
                               .between = in->between };
    while (io.out_len > 0) {
        size_t had_in = in->in_len, had_out = io.out_len;
        io.in = in->in;
        io.in_len = in->in_len;
        if (in->filter->step(in->state, &io) != 0)
            return broken(io.why, err);
        in->in = io.in;
        in->in_len = io.in_len;
        in->between = io.between;
        if (io.in_len > 0 && (io.in_len < had_in || io.out_len < had_out))
            continue;
        if (io.in_len > 0)
            return broken("it leads nowhere", err);
        if (io.out_len < had_out)
            continue; /* there may be more behind it */
        int rc = fill(in, err);
        if (rc != 0)
            return rc;
        in->ended = in->in_len == 0;
        if (in->ended && !in->between)
            return broken("it ends too soon", err);
        if (in->ended)
            break;
    }
    *len = BLOCK - io.out_len;
    return 0;
}

/* The next unpacked run, not yet hashed or counted. */
static int next_run(struct wc_inflate *in, const void **bytes, size_t *len, struct wc_err *err)
{
    if (!in->looked) {
        int rc = look(in, err);
        if (rc < 0)
            return rc;
        if (rc > 0) { /* plain, and its start is in `head` */
            *bytes = in->head;
            *len = (size_t)rc;
            return 0;
        }
    }
    if (in->filter != NULL) {
        *bytes = in->out;
        return run_filter(in, len, err);
    }
    int rc = in->in_len == 0 ? fill(in, err) : 0;
    if (rc != 0)
        return rc;
    *bytes = in->in;
    *len = in->in_len;
    in->ended = in->in_len == 0;
    in->in_len = 0;
    return 0;
}

static bool over_limit(const struct wc_inflate *in)
{
    return in->unpacked > in->max ||
           (in->unpacked > RATIO_FREE && in->unpacked / RATIO_MAX > in->packed);
}

int wc_inflate_next(struct wc_inflate *in, const void **bytes, size_t *len, struct wc_err *err)
{
    *len = 0;
    if (in->ended)
        return 0;
    int rc = next_run(in, bytes, len, err);
    if (rc != 0 || *len == 0)
        return rc;
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
