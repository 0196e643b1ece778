/* crypt.c - EVP where libcrypto has nothing below it (crypt_evp.h); hashes by its low-level calls
 * (hash.c says why), so that no provider is started for a file that isn't encrypted.
 */
#define OPENSSL_SUPPRESS_DEPRECATED 1
#include "base/crypt.h"

#include <limits.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "base/alloc.h"
#include "base/crypt_evp.h"
#include "base/hash.h"
#include "base/secret.h"

static bool start(const struct wc_evp *evp, EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher,
                  const struct wc_closed *c)
{
    int none;
    return c->len <= INT_MAX && c->aad_len <= INT_MAX && c->nonce_len > 0 &&
           c->nonce_len <= INT_MAX && evp->decryptinit_ex(ctx, cipher, NULL, NULL, NULL) == 1 &&
           evp->cipher_ctx_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)c->nonce_len, NULL) == 1 &&
           evp->decryptinit_ex(ctx, NULL, NULL, c->key, c->nonce) == 1 &&
           (c->aad_len == 0 || evp->decryptupdate(ctx, NULL, &none, c->aad, (int)c->aad_len) == 1);
}

static bool open_with(const struct wc_evp *evp, const EVP_CIPHER *cipher, const struct wc_closed *c,
                      unsigned char *out)
{
    EVP_CIPHER_CTX *ctx = evp->cipher_ctx_new();
    unsigned char tag[WC_CRYPT_TAG], rest[EVP_MAX_BLOCK_LENGTH];
    int n = 0, more = 0;
    memcpy(tag, c->tag, sizeof tag);
    bool ok = ctx != NULL && start(evp, ctx, cipher, c) &&
              (c->len == 0 || evp->decryptupdate(ctx, out, &n, c->text, (int)c->len) == 1) &&
              (size_t)n == c->len &&
              evp->cipher_ctx_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) == 1 &&
              evp->decryptfinal_ex(ctx, rest, &more) == 1 && more == 0;
    evp->cipher_ctx_free(ctx);
    if (!ok)
        wc_wipe(out, c->len);
    return ok;
}

bool wc_crypt_open_gcm(const struct wc_closed *closed, unsigned char *out)
{
    const struct wc_evp *evp = wc_evp();
    return evp != NULL && open_with(evp, evp->aes_256_gcm(), closed, out);
}

bool wc_crypt_open_chacha(const struct wc_closed *closed, unsigned char *out)
{
    const struct wc_evp *evp = wc_evp();
    return evp != NULL && closed->nonce_len == WC_CRYPT_NONCE &&
           open_with(evp, evp->chacha20_poly1305(), closed, out);
}

static bool is_zero(const unsigned char *bytes, size_t len)
{
    unsigned char any = 0;
    for (size_t i = 0; i < len; i++)
        any |= bytes[i];
    return any == 0;
}

/* The shared secret of a key and a peer. */
static bool derive(const struct wc_evp *evp, EVP_PKEY *key, EVP_PKEY *peer, unsigned char *out)
{
    EVP_PKEY_CTX *ctx = evp->pkey_ctx_new(key, NULL);
    size_t len = WC_CRYPT_KEY;
    bool ok = ctx != NULL && evp->pkey_derive_init(ctx) == 1 &&
              evp->pkey_derive_set_peer(ctx, peer) == 1 && evp->pkey_derive(ctx, out, &len) == 1 &&
              len == WC_CRYPT_KEY;
    evp->pkey_ctx_free(ctx);
    return ok;
}

bool wc_crypt_x25519(const unsigned char *scalar, const unsigned char *point, unsigned char *out)
{
    const struct wc_evp *evp = wc_evp();
    if (evp == NULL)
        return false;
    EVP_PKEY *key = evp->pkey_new_raw_private_key(EVP_PKEY_X25519, NULL, scalar, WC_CRYPT_KEY);
    size_t len = WC_CRYPT_KEY;
    bool ok = key != NULL;
    if (ok && point == NULL) {
        ok = evp->pkey_get_raw_public_key(key, out, &len) == 1;
    } else if (ok) {
        EVP_PKEY *peer = evp->pkey_new_raw_public_key(EVP_PKEY_X25519, NULL, point, WC_CRYPT_KEY);
        ok = peer != NULL && derive(evp, key, peer, out);
        evp->pkey_free(peer);
    }
    evp->pkey_free(key);
    ok = ok && len == WC_CRYPT_KEY && !is_zero(out, len);
    if (!ok)
        wc_wipe(out, WC_CRYPT_KEY);
    return ok;
}

void wc_crypt_hmac(struct wc_bytes key, struct wc_bytes text, unsigned char *out)
{
    wc_hmac_sha256(key.at, key.len, text.at, text.len, out);
}

void wc_crypt_hkdf(struct wc_bytes secret, struct wc_bytes salt, const char *info,
                   unsigned char *out)
{
    unsigned char extracted[WC_CRYPT_KEY], text[256 + 1];
    size_t len = strnlen(info, sizeof text - 1);
    memcpy(text, info, len);
    text[len++] = 1; /* the first block is all that is asked for */
    wc_crypt_hmac(salt, secret, extracted);
    wc_crypt_hmac((struct wc_bytes){ extracted, sizeof extracted }, (struct wc_bytes){ text, len },
                  out);
    wc_wipe(extracted, sizeof extracted);
}

bool wc_crypt_equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

struct wc_sha512 {
    SHA512_CTX ctx;
};

struct wc_sha512 *wc_sha512_new(void)
{
    struct wc_sha512 *hash = wc_alloc(sizeof *hash);
    SHA512_Init(&hash->ctx);
    return hash;
}

void wc_sha512_update(struct wc_sha512 *hash, const void *bytes, size_t len)
{
    if (len > 0)
        SHA512_Update(&hash->ctx, bytes, len);
}

void wc_sha512_finish(struct wc_sha512 *hash, unsigned char digest[WC_SHA512_BYTES])
{
    if (digest != NULL)
        SHA512_Final(digest, &hash->ctx);
    wc_wipe(hash, sizeof *hash);
    wc_free(hash);
}

int wc_crypt_load(struct wc_err *err)
{
    return wc_evp_load(err);
}
