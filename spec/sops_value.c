/* sops_value.c - one encrypted value: AES-256-GCM, its place as what is authenticated with it. */
#include "spec/sops_value.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/crypt.h"
#include "base/secret.h"
#include "base/str.h"

static const char HEAD[] = "ENC[AES256_GCM,data:";

/* Cuts text up to `stop` off into the arena; NULL when that doesn't come. */
static const char *cut(const char **p, const char *stop, struct wc_arena *arena)
{
    const char *at = strstr(*p, stop);
    if (at == NULL)
        return NULL;
    const char *out = wc_arena_strndup(arena, *p, (size_t)(at - *p));
    *p = at + strlen(stop);
    return out;
}

bool wc_sops_is_value(const char *text)
{
    return wc_str_starts(text, HEAD);
}

bool wc_sops_value(const char *text, const unsigned char *key, const char *aad,
                   struct wc_arena *arena, const char **type, struct wc_secret *plain)
{
    WC_CLEANUP_BUF struct wc_buf data = WC_BUF_INIT, iv = WC_BUF_INIT, tag = WC_BUF_INIT;
    if (!wc_sops_is_value(text))
        return false;
    const char *p = text + sizeof HEAD - 1;
    const char *data_text = cut(&p, ",iv:", arena), *iv_text = NULL, *tag_text = NULL;
    if (data_text != NULL)
        iv_text = cut(&p, ",tag:", arena);
    if (iv_text != NULL)
        tag_text = cut(&p, ",type:", arena);
    *type = tag_text == NULL ? NULL : cut(&p, "]", arena);
    if (*type == NULL || *p != '\0' || !wc_buf_add_unbase64(&data, data_text) ||
        !wc_buf_add_unbase64(&iv, iv_text) || !wc_buf_add_unbase64(&tag, tag_text) ||
        tag.len != WC_CRYPT_TAG || iv.len == 0)
        return false;
    wc_secret_reserve(plain, data.len);
    const struct wc_closed closed = { .key = key,
                                      .nonce = (const unsigned char *)iv.data,
                                      .nonce_len = iv.len,
                                      .aad = aad,
                                      .aad_len = strlen(aad),
                                      .text = (const unsigned char *)data.data,
                                      .len = data.len,
                                      .tag = (const unsigned char *)tag.data };
    if (!wc_crypt_open_gcm(&closed, plain->bytes + plain->len))
        return false;
    plain->len += data.len;
    plain->bytes[plain->len] = '\0';
    return true;
}
