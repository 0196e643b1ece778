/* hash.c - SHA-256 through OpenSSL's EVP, which picks the CPU's instructions (1.7 GB/s here against
 * 0.3 for libsodium). */
#include "base/hash.h"

#include <stdlib.h>

#include <openssl/evp.h>

struct wc_sha256 *wc_sha256_new(void)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
        abort();
    return (struct wc_sha256 *)ctx;
}

void wc_sha256_update(struct wc_sha256 *hash, const void *bytes, size_t len)
{
    if (EVP_DigestUpdate((EVP_MD_CTX *)hash, bytes, len) != 1)
        abort();
}

void wc_sha256_finish(struct wc_sha256 *hash, char hex[WC_SHA256_HEX + 1])
{
    EVP_MD_CTX *ctx = (EVP_MD_CTX *)hash;
    if (hex != NULL) {
        unsigned char digest[WC_SHA256_BYTES];
        if (EVP_DigestFinal_ex(ctx, digest, NULL) != 1)
            abort();
        for (size_t i = 0; i < sizeof digest; i++) {
            static const char digits[] = "0123456789abcdef";
            hex[2 * i] = digits[digest[i] >> 4];
            hex[2 * i + 1] = digits[digest[i] & 15];
        }
        hex[WC_SHA256_HEX] = '\0';
    }
    EVP_MD_CTX_free(ctx);
}

void wc_sha256_hex(const void *bytes, size_t len, char hex[WC_SHA256_HEX + 1])
{
    struct wc_sha256 *hash = wc_sha256_new();
    wc_sha256_update(hash, bytes, len);
    wc_sha256_finish(hash, hex);
}
