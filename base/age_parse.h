/* age_parse.h - the text of age files: armor, header, stanzas (base, private to age*.c).
 *
 * Idea:    strict to the letter: what has two forms could say two things to two readers.
 * Owner:   what is pointed at lies in the caller's text. Threads: any.
 */
#ifndef BASE_AGE_PARSE_H
#define BASE_AGE_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include "wcompose/err.h"

struct wc_buf;

enum { WC_AGE_STANZAS = 256, WC_AGE_BODY = 64, WC_AGE_MAC = 32 };

/* One way to the file's key. */
struct wc_age_stanza {
    const char *type;
    size_t type_len;
    const char *arg; /* the first behind the type; NULL: there is none */
    size_t arg_len, n_args;
    unsigned char body[WC_AGE_BODY]; /* the first of body_len bytes */
    size_t body_len;
};

struct wc_age_header {
    struct wc_age_stanza *stanzas; /* n; the caller frees with wc_free */
    size_t n;
    size_t signed_len; /* the first bytes of the file, which `mac` is of */
    unsigned char mac[WC_AGE_MAC];
    size_t len; /* the payload begins here */
};

/* True when the text begins as armor does. */
bool wc_age_is_armored(const char *text, size_t len);

/* Takes the armor off and appends what was in it. WC_ERR_SPEC. */
int wc_age_unarmor(const char *text, size_t len, struct wc_buf *out, struct wc_err *err);

/* Reads the header of a file without armor. WC_ERR_SPEC, with nothing to free; WC_ERR_LIMIT: more
 * than WC_AGE_STANZAS. */
int wc_age_header(const char *file, size_t len, struct wc_age_header *out, struct wc_err *err);

/* Reads `len` digits of unpadded canonical base64 and appends at most `room` bytes of what they
 * stand for at out. Returns how many they stand for, or -1. */
long wc_age_unbase64(const char *text, size_t len, unsigned char *out, size_t room);

#endif
