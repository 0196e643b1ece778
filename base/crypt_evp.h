/* crypt_evp.h - libcrypto's EVP functions, loaded when the first encrypted file is opened (private
 * to base/crypt*.c).
 *
 * Idea:    linked in, they bring every algorithm of libcrypto along, and a third of the start-up
 *          time of commands that never see such a file.
 * Threads: any.
 */
#ifndef BASE_CRYPT_EVP_H
#define BASE_CRYPT_EVP_H

#include <openssl/evp.h>

#include "wcompose/err.h"

/* As EVP_… of the same name. */
struct wc_evp {
    __typeof__(&EVP_CIPHER_CTX_new) cipher_ctx_new;
    __typeof__(&EVP_CIPHER_CTX_free) cipher_ctx_free;
    __typeof__(&EVP_CIPHER_CTX_ctrl) cipher_ctx_ctrl;
    __typeof__(&EVP_DecryptInit_ex) decryptinit_ex;
    __typeof__(&EVP_DecryptUpdate) decryptupdate;
    __typeof__(&EVP_DecryptFinal_ex) decryptfinal_ex;
    __typeof__(&EVP_aes_256_gcm) aes_256_gcm;
    __typeof__(&EVP_chacha20_poly1305) chacha20_poly1305;
    __typeof__(&EVP_PKEY_CTX_new) pkey_ctx_new;
    __typeof__(&EVP_PKEY_CTX_free) pkey_ctx_free;
    __typeof__(&EVP_PKEY_derive_init) pkey_derive_init;
    __typeof__(&EVP_PKEY_derive_set_peer) pkey_derive_set_peer;
    __typeof__(&EVP_PKEY_derive) pkey_derive;
    __typeof__(&EVP_PKEY_new_raw_private_key) pkey_new_raw_private_key;
    __typeof__(&EVP_PKEY_new_raw_public_key) pkey_new_raw_public_key;
    __typeof__(&EVP_PKEY_get_raw_public_key) pkey_get_raw_public_key;
    __typeof__(&EVP_PKEY_free) pkey_free;
};

/* Loads them; as wc_crypt_load. */
int wc_evp_load(struct wc_err *err);

/* The functions, or NULL when libcrypto can't be loaded. */
const struct wc_evp *wc_evp(void);

#endif
