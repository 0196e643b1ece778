/* hash.h - SHA-256, streaming and at once (base, layer 0; libcrypto behind it).
 * Threads: one context at a time. Errors: none.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdbool.h>
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

/* HMAC-SHA-256 (RFC 2104) of `len` bytes; as hex digits. */
void wc_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                    unsigned char digest[WC_SHA256_BYTES]);
void wc_hmac_sha256_hex(const void *key, size_t key_len, const void *bytes, size_t len,
                        char hex[WC_SHA256_HEX + 1]);

/* Compares n bytes in a time that doesn't depend on where they differ. */
bool wc_same_secret(const void *a, const void *b, size_t n);

#endif
