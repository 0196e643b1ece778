/* archive_bytes.h - an archive's bytes on their way from one file to another (orchestrator/gitops,
 * private).
 *
 * Idea:    an archive may be hundreds of megabytes, and is never in memory as a whole: 64 KiB are.
 * Threads: any. Blocks: on the disk.
 */
#ifndef ORCHESTRATOR_GITOPS_ARCHIVE_BYTES_H
#define ORCHESTRATOR_GITOPS_ARCHIVE_BYTES_H

#include <stddef.h>

#include "base/hash.h"
#include "wcompose/err.h"

/* What is known of them. */
struct wc_archive_bytes {
    char sum[WC_SHA256_HEX + 1];
    unsigned char head[4]; /* the first ones; zeros where there are fewer */
    size_t len;
};

/* Reads `in` to its end, and writes it to `out` (-1: nowhere).
 *   most  more bytes are WC_ERR_LIMIT
 * Returns 0 and fills *bytes; or WC_ERR_IO and kin. */
int wc_archive_pass(int in, int out, size_t most, struct wc_archive_bytes *bytes,
                    struct wc_err *err);

#endif
