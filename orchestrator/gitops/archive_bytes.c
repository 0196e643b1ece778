/* archive_bytes.c - a copy in pieces; what is to be known of the whole is gathered on the way. */
#include "orchestrator/gitops/archive_bytes.h"

#include <errno.h>
#include <unistd.h>

#include "base/fs.h"

enum { PIECE = 64 << 10 };

static int write_all(int fd, const char *bytes, size_t len, struct wc_err *err)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = write(fd, bytes + at, len - at);
        if (n < 0 && errno != EINTR)
            return wc_err_set(err, wc_fs_code(errno), errno, "keep the archive");
        at += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int wc_archive_pass(int in, int out, size_t most, struct wc_archive_bytes *bytes,
                    struct wc_err *err)
{
    char piece[PIECE];
    struct wc_sha256 *hash = wc_sha256_new();
    int rc = 0;
    *bytes = (struct wc_archive_bytes){ .len = 0 };
    for (;;) {
        ssize_t n = read(in, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = wc_err_set(err, WC_ERR_IO, errno, "read the archive");
        else if ((size_t)n > most - bytes->len)
            rc = wc_err_set(err, WC_ERR_LIMIT, 0, "there is more in it than size_limit allows");
        if (n <= 0 || rc != 0)
            break;
        for (size_t i = bytes->len; i < sizeof bytes->head && i < bytes->len + (size_t)n; i++)
            bytes->head[i] = (unsigned char)piece[i - bytes->len];
        wc_sha256_update(hash, piece, (size_t)n);
        bytes->len += (size_t)n;
        rc = out < 0 ? 0 : write_all(out, piece, (size_t)n, err);
        if (rc != 0)
            break;
    }
    wc_sha256_finish(hash, rc == 0 ? bytes->sum : NULL);
    return rc;
}
