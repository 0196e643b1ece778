/* crypt_evp.c - dlopen, once; it stays. */
#include "base/crypt_evp.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "base/str.h"

#define LIBRARY "libcrypto.so.3"

static struct wc_evp loaded;
static const struct wc_evp *ready;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define ROW(field, name)                                                                           \
    {                                                                                              \
        name, offsetof(struct wc_evp, field)                                                       \
    }
static const struct {
    const char *name;
    size_t offset;
} functions[] = {
    ROW(cipher_ctx_new, "EVP_CIPHER_CTX_new"),
    ROW(cipher_ctx_free, "EVP_CIPHER_CTX_free"),
    ROW(cipher_ctx_ctrl, "EVP_CIPHER_CTX_ctrl"),
    ROW(decryptinit_ex, "EVP_DecryptInit_ex"),
    ROW(decryptupdate, "EVP_DecryptUpdate"),
    ROW(decryptfinal_ex, "EVP_DecryptFinal_ex"),
    ROW(aes_256_gcm, "EVP_aes_256_gcm"),
    ROW(chacha20_poly1305, "EVP_chacha20_poly1305"),
    ROW(pkey_ctx_new, "EVP_PKEY_CTX_new"),
    ROW(pkey_ctx_free, "EVP_PKEY_CTX_free"),
    ROW(pkey_derive_init, "EVP_PKEY_derive_init"),
    ROW(pkey_derive_set_peer, "EVP_PKEY_derive_set_peer"),
    ROW(pkey_derive, "EVP_PKEY_derive"),
    ROW(pkey_new_raw_private_key, "EVP_PKEY_new_raw_private_key"),
    ROW(pkey_new_raw_public_key, "EVP_PKEY_new_raw_public_key"),
    ROW(pkey_get_raw_public_key, "EVP_PKEY_get_raw_public_key"),
    ROW(pkey_free, "EVP_PKEY_free"),
};

static int load(struct wc_err *err)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    bool is_whole = library != NULL;
    for (size_t i = 0; i < WC_COUNT(functions) && is_whole; i++) {
        void *symbol = dlsym(library, functions[i].name);
        memcpy((char *)&loaded + functions[i].offset, &symbol, sizeof symbol);
        is_whole = symbol != NULL;
    }
    if (is_whole) {
        ready = &loaded;
        return 0;
    }
    const char *why = dlerror();
    return wc_err_set(err, WC_ERR_UNAVAILABLE, 0,
                      "to decrypt needs " LIBRARY ", which can't be used: %s; on Debian, apt "
                      "install libssl3 brings it",
                      why != NULL ? why : "something is missing in it");
}

int wc_evp_load(struct wc_err *err)
{
    pthread_mutex_lock(&lock);
    int rc = ready != NULL ? 0 : load(err);
    pthread_mutex_unlock(&lock);
    return rc;
}

const struct wc_evp *wc_evp(void)
{
    struct wc_err ignored = { 0 };
    return wc_evp_load(&ignored) == 0 ? &loaded : NULL;
}
