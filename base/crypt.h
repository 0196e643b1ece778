/* crypt.h - the few cryptographic operations that reading others' encrypted files takes (base,
 * layer 0; libcrypto behind it).
 *
 * Idea:    only the way back: nothing here encrypts. What is authenticated is checked before any of
 * it is given to the caller. Keys and results that are secret belong in secret.h's memory.
 * Errors:  false: it isn't what was encrypted by that key (or libcrypto lacks the algorithm, as in
 *          a FIPS configuration, or can't be loaded); the output is overwritten then.
 * Threads: any.
 */
#ifndef BASE_CRYPT_H
#define BASE_CRYPT_H

#include <stdbool.h>
#include <stddef.h>

#include "wcompose/err.h"

enum { WC_CRYPT_KEY = 32, WC_CRYPT_TAG = 16, WC_CRYPT_NONCE = 12, WC_SHA512_BYTES = 64 };

/* Something that a key closed, and what goes with it. All is borrowed. */
struct wc_closed {
    const unsigned char *key; /* WC_CRYPT_KEY bytes */
    const unsigned char *nonce;
    size_t nonce_len; /* at least 1; ChaCha20-Poly1305: WC_CRYPT_NONCE */
    const void *aad;  /* authenticated with it, not part of it; may be NULL with aad_len 0 */
    size_t aad_len;
    const unsigned char *text;
    size_t len;
    const unsigned char *tag; /* WC_CRYPT_TAG bytes */
};

/* Loads what the three below need; they do it themselves, and can't say why it failed.
 * WC_ERR_UNAVAILABLE: the message says which package brings it. */
int wc_crypt_load(struct wc_err *err);

/* Opens what AES-256-GCM, or ChaCha20-Poly1305 (RFC 8439), closed. out  len bytes, not overlapping
 */
bool wc_crypt_open_gcm(const struct wc_closed *closed, unsigned char *out);
bool wc_crypt_open_chacha(const struct wc_closed *closed, unsigned char *out);

/* X25519 (RFC 7748) of a scalar and a point, or with point NULL of the base point: the public key.
 * False also when the result is all zero: a point of low order. All are WC_CRYPT_KEY bytes. */
bool wc_crypt_x25519(const unsigned char *scalar, const unsigned char *point, unsigned char *out);

/* Bytes by reference. */
struct wc_bytes {
    const void *at;
    size_t len;
};

/* HMAC-SHA-256 (RFC 2104); out  WC_CRYPT_KEY bytes. */
void wc_crypt_hmac(struct wc_bytes key, struct wc_bytes text, unsigned char *out);

/* HKDF-SHA-256 (RFC 5869), the first WC_CRYPT_KEY bytes of it. info  at most 256 bytes */
void wc_crypt_hkdf(struct wc_bytes secret, struct wc_bytes salt, const char *info,
                   unsigned char *out);

/* True when both have the same `len` bytes; takes as long when they don't. */
bool wc_crypt_equal(const void *a, const void *b, size_t len);

/* SHA-512, streaming; end it with wc_sha512_finish, which frees it. digest may be NULL to give up.
 */
struct wc_sha512;
struct wc_sha512 *wc_sha512_new(void);
void wc_sha512_update(struct wc_sha512 *hash, const void *bytes, size_t len);
void wc_sha512_finish(struct wc_sha512 *hash, unsigned char digest[WC_SHA512_BYTES]);

#endif
