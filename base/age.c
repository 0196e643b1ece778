/* age.c - the file's key from a recipient, its header checked with it, then the payload chunk by
 * chunk ("STREAM"): each has its number in the nonce, and the last one says so, which is what makes
 * a file that was cut be told from a whole one.
 */
#include "base/age.h"

#include <string.h>

#include "base/age_parse.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/crypt.h"
#include "base/str.h"

enum { FILE_KEY = 16, NONCE = 16, CHUNK = 64 << 10, WRAPPED = FILE_KEY + WC_CRYPT_TAG };

bool wc_age_is(const void *file, size_t len)
{
    static const char start[] = "age-encryption.org/v";
    return (len >= sizeof start - 1 && memcmp(file, start, sizeof start - 1) == 0) ||
           wc_age_is_armored(file, len);
}

static bool is_type(const struct wc_age_stanza *stanza, const char *type)
{
    return stanza->type_len == strlen(type) && memcmp(stanza->type, type, stanza->type_len) == 0;
}

enum unwrapped { NO_MATCH, MATCH, MALFORMED };

/* Tries one identity on one X25519 recipient whose share is given. */
static enum unwrapped unwrap(const unsigned char *scalar, const unsigned char *share,
                             const struct wc_age_stanza *stanza, unsigned char *file_key)
{
    static const unsigned char nonce[WC_CRYPT_NONCE];
    unsigned char salt[2 * WC_CRYPT_KEY];
    struct wc_secret room = WC_SECRET_INIT;
    wc_secret_reserve(&room, 2 * WC_CRYPT_KEY);
    unsigned char *shared = room.bytes, *key = room.bytes + WC_CRYPT_KEY;
    enum unwrapped result = MALFORMED; /* a share of low order */
    memcpy(salt, share, WC_CRYPT_KEY);
    if (wc_crypt_x25519(scalar, NULL, salt + WC_CRYPT_KEY) &&
        wc_crypt_x25519(scalar, share, shared)) {
        wc_crypt_hkdf((struct wc_bytes){ shared, WC_CRYPT_KEY },
                      (struct wc_bytes){ salt, sizeof salt }, "age-encryption.org/v1/X25519", key);
        const struct wc_closed closed = { .key = key,
                                          .nonce = nonce,
                                          .nonce_len = sizeof nonce,
                                          .text = stanza->body,
                                          .len = FILE_KEY,
                                          .tag = stanza->body + FILE_KEY };
        result = wc_crypt_open_chacha(&closed, file_key) ? MATCH : NO_MATCH;
    }
    wc_secret_deinit(&room);
    return result;
}

static enum unwrapped try_stanza(const struct wc_age_keys *keys, const struct wc_age_stanza *stanza,
                                 unsigned char *file_key)
{
    unsigned char share[WC_CRYPT_KEY];
    if (stanza->n_args != 1 || stanza->body_len != WRAPPED ||
        wc_age_unbase64(stanza->arg, stanza->arg_len, share, sizeof share) != WC_CRYPT_KEY)
        return MALFORMED;
    enum unwrapped result = NO_MATCH;
    for (size_t i = 0; i < keys->n && result == NO_MATCH; i++)
        result = unwrap(keys->scalars.bytes + i * WC_CRYPT_KEY, share, stanza, file_key);
    return result;
}

/* What a file that none of our identities fits asks for. */
static int no_match(const struct wc_age_keys *keys, const struct wc_age_header *header,
                    struct wc_err *err)
{
    size_t n_x25519 = 0;
    for (size_t i = 0; i < header->n; i++)
        n_x25519 += is_type(&header->stanzas[i], "X25519") ? 1 : 0;
    const struct wc_age_stanza *first = &header->stanzas[0];
    if (is_type(first, "scrypt"))
        return wc_err_set(err, WC_ERR_PERM, 0,
                          "it is encrypted with a passphrase, and nobody is asked for one");
    if (n_x25519 == 0)
        return wc_err_set(err, WC_ERR_PERM, 0,
                          "it is encrypted to recipients of type %.*s; only X25519 (age1…) can be "
                          "used",
                          (int)(first->type_len < 40 ? first->type_len : 40), first->type);
    if (keys->n == 0)
        return wc_err_set(err, WC_ERR_PERM, 0, "there is no identity to decrypt it with");
    return wc_err_set(
        err, WC_ERR_PERM, 0, "it is encrypted to %zu recipient%s, and none is that of %s", n_x25519,
        n_x25519 == 1 ? "" : "s", keys->n == 1 ? "the identity there is" : "an identity there is");
}

static bool has_passphrase(const struct wc_age_header *header)
{
    for (size_t i = 0; i < header->n; i++)
        if (is_type(&header->stanzas[i], "scrypt"))
            return true;
    return false;
}

/* A passphrase must be alone, wherever in the header it stands: looked for before any key is tried.
 */
static int find_key(const struct wc_age_keys *keys, const struct wc_age_header *header,
                    unsigned char *file_key, struct wc_err *err)
{
    if (header->n != 1 && has_passphrase(header))
        return wc_err_set(err, WC_ERR_SPEC, 0,
                          "it is no age file that can be read: a passphrase beside recipients");
    for (size_t i = 0; i < header->n; i++) {
        if (!is_type(&header->stanzas[i], "X25519"))
            continue;
        switch (try_stanza(keys, &header->stanzas[i], file_key)) {
        case NO_MATCH:
            break;
        case MATCH:
            return 0;
        case MALFORMED:
            return wc_err_set(
                err, WC_ERR_SPEC, 0,
                "it is no age file that can be read: a recipient of its header is malformed");
        }
    }
    return no_match(keys, header, err);
}

static bool is_signed(const char *file, const struct wc_age_header *header,
                      const unsigned char *file_key)
{
    unsigned char key[WC_CRYPT_KEY], mac[WC_CRYPT_KEY];
    wc_crypt_hkdf((struct wc_bytes){ file_key, FILE_KEY }, (struct wc_bytes){ NULL, 0 }, "header",
                  key);
    wc_crypt_hmac((struct wc_bytes){ key, sizeof key },
                  (struct wc_bytes){ file, header->signed_len }, mac);
    bool is_same = wc_crypt_equal(mac, header->mac, sizeof mac);
    wc_wipe(key, sizeof key);
    return is_same;
}

/* The nonce of a chunk: 11 bytes of its number, and whether it is the last. */
static void number_chunk(unsigned char nonce[WC_CRYPT_NONCE], size_t i, bool is_last)
{
    memset(nonce, 0, WC_CRYPT_NONCE);
    for (int at = WC_CRYPT_NONCE - 2; at >= 0 && i != 0; at--, i >>= 8)
        nonce[at] = (unsigned char)(i & 0xff);
    nonce[WC_CRYPT_NONCE - 1] = is_last ? 1 : 0;
}

static bool open_chunks(const unsigned char *key, const unsigned char *text, size_t len,
                        struct wc_secret *out)
{
    for (size_t i = 0;; i++) {
        size_t n = len < CHUNK + WC_CRYPT_TAG ? len : CHUNK + WC_CRYPT_TAG;
        bool is_last = n == len;
        unsigned char nonce[WC_CRYPT_NONCE];
        if (n < WC_CRYPT_TAG || (n == WC_CRYPT_TAG && i != 0)) /* only a whole payload is empty */
            return false;
        number_chunk(nonce, i, is_last);
        const struct wc_closed closed = { .key = key,
                                          .nonce = nonce,
                                          .nonce_len = sizeof nonce,
                                          .text = text,
                                          .len = n - WC_CRYPT_TAG,
                                          .tag = text + n - WC_CRYPT_TAG };
        if (!wc_crypt_open_chacha(&closed, out->bytes + out->len))
            return false;
        out->len += closed.len;
        if (is_last)
            return true;
        text += n;
        len -= n;
    }
}

static int open_payload(const char *file, size_t len, const unsigned char *file_key,
                        struct wc_secret *out, struct wc_err *err)
{
    WC_CLEANUP_SECRET struct wc_secret key = WC_SECRET_INIT;
    const unsigned char *text = (const unsigned char *)file;
    size_t before = out->len;
    if (len < NONCE)
        return wc_err_set(err, WC_ERR_SPEC, 0, "it ends where its content should begin");
    wc_secret_reserve(&key, WC_CRYPT_KEY);
    wc_crypt_hkdf((struct wc_bytes){ file_key, FILE_KEY }, (struct wc_bytes){ text, NONCE },
                  "payload", key.bytes);
    wc_secret_reserve(out, len);
    bool ok = open_chunks(key.bytes, text + NONCE, len - NONCE, out);
    if (!ok) {
        wc_wipe(out->bytes + before, out->len - before);
        out->len = before;
    }
    out->bytes[out->len] = '\0';
    return ok ? 0
              : wc_err_set(err, WC_ERR_SPEC, 0, "its content was cut or altered since it was made");
}

static int open_plain(const struct wc_age_keys *keys, const char *file, size_t len,
                      struct wc_secret *out, struct wc_err *err)
{
    WC_CLEANUP_SECRET struct wc_secret key = WC_SECRET_INIT;
    struct wc_age_header header;
    int rc = wc_crypt_load(err);
    if (rc == 0)
        rc = wc_age_header(file, len, &header, err);
    if (rc != 0)
        return rc;
    wc_secret_reserve(&key, FILE_KEY);
    rc = find_key(keys, &header, key.bytes, err);
    if (rc == 0 && !is_signed(file, &header, key.bytes))
        rc = wc_err_set(err, WC_ERR_SPEC, 0, "its header was altered since it was made");
    if (rc == 0)
        rc = open_payload(file + header.len, len - header.len, key.bytes, out, err);
    wc_free(header.stanzas);
    return rc;
}

int wc_age_open(const struct wc_age_keys *keys, const void *file, size_t len, struct wc_secret *out,
                struct wc_err *err)
{
    if (!wc_age_is_armored(file, len))
        return open_plain(keys, file, len, out, err);
    WC_CLEANUP_BUF struct wc_buf bytes = WC_BUF_INIT;
    int rc = wc_age_unarmor(file, len, &bytes, err);
    return rc != 0 ? rc : open_plain(keys, bytes.data, bytes.len, out, err);
}
