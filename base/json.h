/* json.h - JSON in and out (base, layer 0; cJSON behind the reader).
 *
 * Idea:    one wrapper, so that the library's traps (look-ups that ignore case, numbers as doubles)
 * are dealt with once. Reading gives a tree; writing is a stream onto a buffer that keeps 64-bit
 * integers and order. Threads: one at a time per value.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wcompose/err.h"

struct wc_buf;
struct wc_json; /* a value in a parsed tree; borrowed from its root */

enum wc_json_kind {
    WC_JSON_NULL,
    WC_JSON_BOOL,
    WC_JSON_NUMBER,
    WC_JSON_STRING,
    WC_JSON_ARRAY,
    WC_JSON_OBJECT
};

/* Parses one value of exactly len bytes (white space around it is fine). Returns 0 and the root,
 * which the caller frees with wc_json_free; WC_ERR_SPEC with the byte offset in the message
 * otherwise. Depth is limited to 200.
 */
int wc_json_parse(const char *text, size_t len, struct wc_json **out, struct wc_err *err);
void wc_json_free(struct wc_json *root);
void wc_json_cleanup(struct wc_json **root);
#define WC_CLEANUP_JSON __attribute__((cleanup(wc_json_cleanup)))

enum wc_json_kind wc_json_kind(const struct wc_json *value);

/* Member of an object by exact name; NULL when absent, when `value` is NULL, or when it is no
 * object. */
const struct wc_json *wc_json_get(const struct wc_json *value, const char *key);

/* The value's content, or the fallback when it is NULL or of another kind. Strings are borrowed
 * from the tree. wc_json_i64 also gives the fallback for fractions and beyond +-2^53. */
const char *wc_json_str(const struct wc_json *value, const char *fallback);
int64_t wc_json_i64(const struct wc_json *value, int64_t fallback);
bool wc_json_bool(const struct wc_json *value, bool fallback);
double wc_json_double(const struct wc_json *value, double fallback);

/* Walk arrays and objects: first child, next sibling (NULL at the end), name of an object's member.
 */
const struct wc_json *wc_json_first(const struct wc_json *value);
const struct wc_json *wc_json_next(const struct wc_json *value);
const char *wc_json_name(const struct wc_json *value);
size_t wc_json_count(const struct wc_json *value);

/* Writer: commas and nesting are kept for you. Start with WC_JSONW_INIT(buf). `key` is NULL inside
 * arrays and at the top. With indent > 0 the output is spread over lines. Invalid UTF-8 comes out
 * as U+FFFD. Depth up to 62.
 */
struct wc_jsonw {
    struct wc_buf *out;
    unsigned depth, indent;
    uint64_t has_members; /* bit d: something was written at depth d */
    size_t long_key;      /* from this length on a key gets YAML's "? " before it, as YAML takes
                             no key of more than 1024 characters without; 0 = never: JSON */
};
#define WC_JSONW_INIT(buf)                                                                         \
    {                                                                                              \
        .out = (buf)                                                                               \
    }

void wc_jsonw_object(struct wc_jsonw *w, const char *key);
void wc_jsonw_array(struct wc_jsonw *w, const char *key);
void wc_jsonw_end_object(struct wc_jsonw *w);
void wc_jsonw_end_array(struct wc_jsonw *w);
void wc_jsonw_str(struct wc_jsonw *w, const char *key, const char *value); /* NULL writes null */
void wc_jsonw_strn(struct wc_jsonw *w, const char *key, const char *value, size_t len);
void wc_jsonw_i64(struct wc_jsonw *w, const char *key, int64_t value);
void wc_jsonw_bool(struct wc_jsonw *w, const char *key, bool value);
void wc_jsonw_null(struct wc_jsonw *w, const char *key);
void wc_jsonw_raw(struct wc_jsonw *w, const char *key,
                  const char *json); /* a ready value or number */

#endif
