/* json.c - reading through cJSON, writing by hand (a writer that keeps int64 is shorter than
 * working round doubles). */
#include "base/json.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "base/str.h"

enum { DEPTH_MAX = 200 };

static const cJSON *in(const struct wc_json *value)
{
    return (const cJSON *)value;
}

/* cJSON's own limit is 1000 levels of recursion; we ask for less, before it starts. */
static bool too_deep(const char *text, size_t len)
{
    unsigned depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > DEPTH_MAX)
                return true;
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return false;
}

int wc_json_parse(const char *text, size_t len, struct wc_json **out, struct wc_err *err)
{
    if (too_deep(text, len))
        return wc_err_set(err, WC_ERR_LIMIT, 0, "JSON nested deeper than %d levels", DEPTH_MAX);
    const char *end = NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(text, len, &end, 0);
    if (root == NULL) {
        size_t offset = end == NULL ? 0 : (size_t)(end - text);
        return wc_err_set(err, WC_ERR_SPEC, 0, "not JSON: unexpected text at byte %zu", offset);
    }
    for (; end < text + len; end++) {
        if (*end == '\0' || strchr(" \t\r\n", *end) == NULL) {
            cJSON_Delete(root);
            return wc_err_set(err, WC_ERR_SPEC, 0, "not JSON: text after the value at byte %zu",
                              (size_t)(end - text));
        }
    }
    *out = (struct wc_json *)root;
    return 0;
}

void wc_json_free(struct wc_json *root)
{
    cJSON_Delete((cJSON *)root);
}

void wc_json_cleanup(struct wc_json **root)
{
    wc_json_free(*root);
}

enum wc_json_kind wc_json_kind(const struct wc_json *value)
{
    const cJSON *v = in(value);
    if (cJSON_IsObject(v))
        return WC_JSON_OBJECT;
    if (cJSON_IsArray(v))
        return WC_JSON_ARRAY;
    if (cJSON_IsString(v))
        return WC_JSON_STRING;
    if (cJSON_IsNumber(v))
        return WC_JSON_NUMBER;
    return cJSON_IsBool(v) ? WC_JSON_BOOL : WC_JSON_NULL;
}

const struct wc_json *wc_json_get(const struct wc_json *value, const char *key)
{
    if (value == NULL || !cJSON_IsObject(in(value)))
        return NULL;
    return (const struct wc_json *)cJSON_GetObjectItemCaseSensitive(in(value), key);
}

const char *wc_json_str(const struct wc_json *value, const char *fallback)
{
    return value != NULL && cJSON_IsString(in(value)) ? in(value)->valuestring : fallback;
}

int64_t wc_json_i64(const struct wc_json *value, int64_t fallback)
{
    if (value == NULL || !cJSON_IsNumber(in(value)))
        return fallback;
    double d = in(value)->valuedouble;
    if (!(fabs(d) <= 9007199254740992.0) || d != floor(d))
        return fallback;
    return (int64_t)d;
}

bool wc_json_bool(const struct wc_json *value, bool fallback)
{
    return value != NULL && cJSON_IsBool(in(value)) ? cJSON_IsTrue(in(value)) != 0 : fallback;
}

double wc_json_double(const struct wc_json *value, double fallback)
{
    return value != NULL && cJSON_IsNumber(in(value)) ? in(value)->valuedouble : fallback;
}

const struct wc_json *wc_json_first(const struct wc_json *value)
{
    if (value == NULL || !(cJSON_IsArray(in(value)) || cJSON_IsObject(in(value))))
        return NULL;
    return (const struct wc_json *)in(value)->child;
}

const struct wc_json *wc_json_next(const struct wc_json *value)
{
    return (const struct wc_json *)in(value)->next;
}

const char *wc_json_name(const struct wc_json *value)
{
    return in(value)->string;
}

size_t wc_json_count(const struct wc_json *value)
{
    size_t n = 0;
    for (const struct wc_json *v = wc_json_first(value); v != NULL; v = wc_json_next(v))
        n++;
    return n;
}

static void new_line(struct wc_jsonw *w)
{
    if (w->indent == 0)
        return;
    wc_buf_addc(w->out, '\n');
    for (unsigned i = 0; i < w->depth * w->indent; i++)
        wc_buf_addc(w->out, ' ');
}

/* Bytes at the start of a text that stand for themselves in JSON: mostly all of them. */
static size_t plain_length(const char *text, size_t len)
{
    size_t n = 0;
    while (n < len && text[n] >= ' ' && text[n] < 127 && text[n] != '"' && text[n] != '\\')
        n++;
    return n;
}

static void add_quoted(struct wc_buf *out, const char *text, size_t len)
{
    wc_buf_addc(out, '"');
    for (size_t i = 0; i < len;) {
        size_t plain = plain_length(text + i, len - i);
        if (plain != 0) {
            wc_buf_add(out, text + i, plain);
            i += plain;
            continue;
        }
        unsigned c;
        size_t n = wc_utf8_next(text + i, len - i, &c);
        if (c == '"' || c == '\\')
            wc_buf_printf(out, "\\%c", (char)c);
        else if (c == '\n')
            wc_buf_adds(out, "\\n");
        else if (c == '\t')
            wc_buf_adds(out, "\\t");
        else if (c == '\r')
            wc_buf_adds(out, "\\r");
        else if (wc_char_hidden(c) && c < 0x10000) /* JSON is printed to terminals too */
            wc_buf_printf(out, "\\u%04x", c);
        else if (c == 0xFFFD)
            wc_buf_adds(out, "\xef\xbf\xbd");
        else
            wc_buf_add(out, text + i, n);
        i += n;
    }
    wc_buf_addc(out, '"');
}

static void begin(struct wc_jsonw *w, const char *key)
{
    uint64_t bit = 1ULL << w->depth;
    if (w->has_members & bit)
        wc_buf_addc(w->out, ',');
    w->has_members |= bit;
    if (w->depth > 0)
        new_line(w);
    if (key != NULL) {
        if (w->long_key > 0 && strlen(key) >= w->long_key)
            wc_buf_adds(w->out, "? ");
        add_quoted(w->out, key, strlen(key));
        wc_buf_adds(w->out, w->indent > 0 ? ": " : ":");
    }
}

static void open_level(struct wc_jsonw *w, const char *key, char bracket)
{
    begin(w, key);
    wc_buf_addc(w->out, bracket);
    w->depth++;
    w->has_members &= ~(1ULL << w->depth);
}

static void close_level(struct wc_jsonw *w, char bracket)
{
    bool any = (w->has_members & (1ULL << w->depth)) != 0;
    w->depth--;
    if (any)
        new_line(w);
    wc_buf_addc(w->out, bracket);
}

void wc_jsonw_object(struct wc_jsonw *w, const char *key)
{
    open_level(w, key, '{');
}

void wc_jsonw_array(struct wc_jsonw *w, const char *key)
{
    open_level(w, key, '[');
}

void wc_jsonw_end_object(struct wc_jsonw *w)
{
    close_level(w, '}');
}

void wc_jsonw_end_array(struct wc_jsonw *w)
{
    close_level(w, ']');
}

void wc_jsonw_str(struct wc_jsonw *w, const char *key, const char *value)
{
    if (value == NULL)
        wc_jsonw_null(w, key);
    else
        wc_jsonw_strn(w, key, value, strlen(value));
}

void wc_jsonw_strn(struct wc_jsonw *w, const char *key, const char *value, size_t len)
{
    begin(w, key);
    add_quoted(w->out, value, len);
}

void wc_jsonw_i64(struct wc_jsonw *w, const char *key, int64_t value)
{
    begin(w, key);
    wc_buf_printf(w->out, "%lld", (long long)value);
}

void wc_jsonw_bool(struct wc_jsonw *w, const char *key, bool value)
{
    begin(w, key);
    wc_buf_adds(w->out, value ? "true" : "false");
}

void wc_jsonw_null(struct wc_jsonw *w, const char *key)
{
    begin(w, key);
    wc_buf_adds(w->out, "null");
}

void wc_jsonw_raw(struct wc_jsonw *w, const char *key, const char *json)
{
    begin(w, key);
    wc_buf_adds(w->out, json);
}
