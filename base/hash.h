/* hash.h - SHA-256, streaming and at once (base, layer 0; libcrypto behind it).
 * Threads: one context at a time. Errors: none.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>

enum { WC_SHA256_BYTES = 32, WC_SHA256_HEX = 64 };

struct wc_sha256; /* owned by the caller of wc_sha256_new */

/* Starts a hash; end it with wc_sha256_finish, which frees it. */
struct wc_sha256 *wc_sha256_new(void);
void wc_sha256_update(struct wc_sha256 *hash, const void *bytes, size_t len);

/* Writes 64 lower-case hex digits and a NUL, and frees the context. hex may be NULL to give up. */
void wc_sha256_finish(struct wc_sha256 *hash, char hex[WC_SHA256_HEX + 1]);

/* Hashes `len` bytes at once. */
void wc_sha256_hex(const void *bytes, size_t len, char hex[WC_SHA256_HEX + 1]);

#endif
