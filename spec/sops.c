/* sops.c - the file's key, then a walk over the tree that decrypts and adds up the MAC at once.
 *
 * What is encrypted is what the file's rule says, never what looks like it: a value put in plain
 * text where the rule wants it encrypted is a forgery, also where the MAC leaves plain values out.
 * Paths are of keys alone: items of a list stand where their list does, as SOPS has it.
 */
#include "spec/sops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/age.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/crypt.h"
#include "base/json.h"
#include "base/pattern.h"
#include "base/str.h"
#include "spec/render.h"
#include "spec/sops_read.h"
#include "spec/sops_value.h"

enum { LEVELS = 200 };

struct walk {
    const struct wc_sops_meta *meta;
    const unsigned char *key;
    struct wc_pattern *pattern; /* of the rule; NULL: it is none of a pattern */
    struct wc_arena *arena;
    struct wc_sha512 *mac;
    const char *path[LEVELS];
    size_t depth;
    bool is_binary;
    struct wc_secret binary; /* the bytes of its `data` */
    struct wc_err *err;
};

void wc_sops_deinit(struct wc_sops *sops)
{
    wc_secret_deinit(&sops->text);
    wc_secret_deinit(&sops->key);
}

/* ---- which values ---- */

static bool ends_in(const char *text, const char *end)
{
    size_t a = strlen(text), b = strlen(end);
    return a >= b && wc_streq(text + a - b, end);
}

static bool any_key(const struct walk *w, const char *suffix)
{
    for (size_t i = 0; i < w->depth; i++)
        if (suffix != NULL ? ends_in(w->path[i], suffix) : wc_pattern_found(w->pattern, w->path[i]))
            return true;
    return false;
}

static bool is_encrypted(const struct walk *w)
{
    const struct wc_sops_meta *meta = w->meta;
    if (meta->unencrypted_suffix != NULL)
        return !any_key(w, meta->unencrypted_suffix);
    if (meta->encrypted_suffix != NULL)
        return any_key(w, meta->encrypted_suffix);
    return any_key(w, NULL) == (meta->encrypted_regex != NULL);
}

/* ---- one value ---- */

static struct wc_node *fail(struct walk *w, const struct wc_node *at, const char *why)
{
    const char *key = w->depth > 0 ? w->path[w->depth - 1] : "";
    (void)wc_err_at(w->err, WC_ERR_SPEC, at->at, "'%.80s' %s", key, why);
    return NULL;
}

/* A number as Go writes it without an exponent: what the MAC is of. */
static const char *decimal(struct wc_arena *arena, double value)
{
    char digits[40];
    for (int precision = 0; precision < 18; precision++) {
        snprintf(digits, sizeof digits, "%.*e", precision, value);
        if (strtod(digits, NULL) >= value && strtod(digits, NULL) <= value)
            break;
    }
    char *e = strchr(digits, 'e');
    if (e == NULL)
        return digits[0] == '-' ? "-Inf" : digits[0] == 'i' ? "+Inf" : "NaN";
    long exponent = strtol(e + 1, NULL, 10);
    *e = '\0';
    long shown =
        (long)strlen(digits) - (strchr(digits, '.') != NULL ? 2 : 1) - (digits[0] == '-' ? 1 : 0);
    return wc_arena_printf(arena, "%.*f", (int)(shown > exponent ? shown - exponent : 0), value);
}

/* What a plain value is to the MAC; NULL: nothing. */
static const char *plain_text(const struct walk *w, const struct wc_node *node)
{
    switch (node->kind) {
    case WC_NODE_BOOL:
        return node->boolean ? "True" : "False";
    case WC_NODE_INT:
        return wc_arena_printf(w->arena, "%lld", (long long)node->integer);
    case WC_NODE_FLOAT:
        return decimal(w->arena, node->number);
    case WC_NODE_STRING:
        return node->text;
    case WC_NODE_NULL:
    case WC_NODE_BAD:
    case WC_NODE_LIST:
    case WC_NODE_MAP:
        break;
    }
    return NULL;
}

/* A value of a type of SOPS from its text, which the arena holds. NULL: it is none. */
static struct wc_node *typed(const struct walk *w, const char *type, const char *text,
                             const struct wc_node *like)
{
    struct wc_node *node = wc_node_string(w->arena, text, like);
    if (wc_streq(type, "str") || wc_streq(type, "bytes") || wc_streq(type, "time"))
        return node;
    if (wc_streq(type, "bool"))
        return wc_str_caseeq(text, "true") || wc_str_caseeq(text, "false")
                   ? wc_node_boolean(w->arena, wc_str_caseeq(text, "true"), like)
                   : NULL;
    node->raw = text;
    wc_node_resolve(w->arena, node);
    bool fits =
        node->kind == WC_NODE_INT || (wc_streq(type, "float") && node->kind == WC_NODE_FLOAT);
    return fits && (wc_streq(type, "int") || wc_streq(type, "float")) ? node : NULL;
}

static const char *path_text(const struct walk *w)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    for (size_t i = 0; i < w->depth; i++)
        wc_buf_printf(&text, "%s:", w->path[i]);
    return wc_arena_strdup(w->arena, text.data);
}

static struct wc_node *decrypted(struct walk *w, const struct wc_node *node)
{
    WC_CLEANUP_SECRET struct wc_secret plain = WC_SECRET_INIT;
    const char *type = NULL;
    if (node->kind == WC_NODE_STRING && node->text[0] == '\0')
        return wc_node_string(w->arena, "", node); /* nothing is left as it is */
    if (node->kind != WC_NODE_STRING || !wc_sops_is_value(node->text))
        return fail(w, node,
                    "isn't encrypted, and all but what the file's rule leaves out must be");
    if (!wc_sops_value(node->text, w->key, path_text(w), w->arena, &type, &plain))
        return fail(w, node,
                    "can't be decrypted: it was altered, or moved here from elsewhere in the file");
    if (w->is_binary && w->depth == 1 && wc_streq(w->path[0], "data"))
        wc_secret_add(&w->binary, plain.bytes, plain.len);
    else if (wc_utf8_valid((const char *)plain.bytes, plain.len) != plain.len)
        return fail(w, node, "isn't text; only a binary may be other than text");
    const char *text =
        wc_arena_strndup(w->arena, plain.len > 0 ? (const char *)plain.bytes : "", plain.len);
    struct wc_node *out = typed(w, type, text, node);
    if (out == NULL)
        return fail(w, node, "is encrypted as another type than it says");
    if (wc_streq(type, "bool"))
        text = out->boolean ? "True" : "False";
    if (wc_streq(type, "bool"))
        wc_sha512_update(w->mac, text, strlen(text));
    else
        wc_sha512_update(w->mac, plain.bytes, plain.len);
    return out;
}

static struct wc_node *value(struct walk *w, const struct wc_node *node)
{
    if (node->kind == WC_NODE_NULL)
        return wc_node_copy(w->arena, node);
    if (is_encrypted(w))
        return decrypted(w, node);
    const char *text = plain_text(w, node);
    if (text != NULL && !w->meta->mac_only_encrypted)
        wc_sha512_update(w->mac, text, strlen(text));
    return wc_node_copy(w->arena, node);
}

/* ---- the tree ---- */

/* A copy with its values decrypted; NULL with the error set. Recursion: as deep as files may be
 * (spec/limits.h), and no deeper than LEVELS. */
static struct wc_node *open_node(struct walk *w, const struct wc_node *node)
{
    if (node->kind != WC_NODE_MAP && node->kind != WC_NODE_LIST)
        return value(w, node);
    struct wc_node *out = wc_node_new(w->arena, node->kind, node);
    for (size_t i = 0; i < node->n; i++) {
        bool is_map = node->kind == WC_NODE_MAP;
        if (is_map && w->depth == LEVELS)
            return fail(w, node, "is too deep in the file");
        if (is_map)
            w->path[w->depth++] = node->members[i].key;
        struct wc_node *item = open_node(w, is_map ? node->members[i].value : node->items[i]);
        if (is_map)
            w->depth--;
        if (item == NULL)
            return NULL;
        if (is_map)
            wc_node_put_at(w->arena, out, &node->members[i], item);
        else
            wc_node_add(w->arena, out, item);
    }
    return out;
}

static int check_mac(struct walk *w)
{
    WC_CLEANUP_SECRET struct wc_secret said = WC_SECRET_INIT;
    unsigned char digest[WC_SHA512_BYTES];
    char hex[2 * WC_SHA512_BYTES + 1];
    const char *type;
    wc_sha512_finish(w->mac, digest);
    w->mac = NULL;
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(hex + 2 * i, 3, "%02X", digest[i]);
    if (!wc_sops_value(w->meta->mac, w->key, w->meta->modified, w->arena, &type, &said))
        return wc_err_at(w->err, WC_ERR_SPEC, w->meta->mac_at,
                         "the file's code over all values can't be decrypted: it was altered");
    if (said.len != sizeof hex - 1 || !wc_crypt_equal(said.bytes, hex, said.len))
        return wc_err_at(w->err, WC_ERR_SPEC, w->meta->mac_at,
                         "the file was altered: its values aren't those that its code (sops.mac) "
                         "was made of");
    return 0;
}

/* ---- what comes out ---- */

static void render(const struct wc_sops_file *file, const struct wc_documents *documents,
                   struct wc_secret *out)
{
    struct wc_buf text = WC_BUF_INIT;
    wc_buf_reserve(&text, 4 * file->text.len); /* growing would leave copies behind */
    for (size_t i = 0; i < documents->n; i++) {
        if (i > 0)
            wc_buf_adds(&text, "---\n");
        if (file->store == WC_SOPS_YAML) {
            wc_render_yaml(&text, documents->roots[i], WC_RENDER_IN_ORDER);
            continue;
        }
        struct wc_jsonw w = WC_JSONW_INIT(&text);
        w.indent = 2;
        wc_render_json(&w, NULL, documents->roots[i], WC_RENDER_IN_ORDER, NULL);
        wc_buf_addc(&text, '\n');
    }
    wc_secret_add(out, text.data, text.len);
    wc_wipe(text.data, text.len);
    wc_buf_deinit(&text);
}

static void list_pairs(const struct wc_node *map, struct wc_arena *arena, struct wc_sops *out)
{
    out->pairs.items = WC_NEW_ARRAY(arena, struct wc_kv, map->n + 1);
    for (size_t i = 0; i < map->n; i++) {
        const char *key = map->members[i].key, *text = map->members[i].value->text;
        out->pairs.items[out->pairs.n++] =
            (struct wc_kv){ wc_arena_strdup(arena, key), wc_arena_strdup(arena, text) };
        wc_secret_add(&out->text, key, strlen(key));
        wc_secret_add(&out->text, "=", 1);
        for (const char *p = text; *p != '\0'; p++)
            wc_secret_add(&out->text, *p == '\n' ? "\\n" : p, *p == '\n' ? 2 : 1);
        wc_secret_add(&out->text, "\n", 1);
    }
}

static int emit(const struct wc_sops_file *file, struct walk *w,
                const struct wc_documents *documents, struct wc_arena *arena, struct wc_sops *out)
{
    if (file->store == WC_SOPS_DOTENV) {
        list_pairs(documents->roots[0], arena, out);
    } else if (file->store == WC_SOPS_BINARY) {
        if (wc_node_get(documents->roots[0], "data") == NULL)
            return wc_err_at(w->err, WC_ERR_SPEC, w->meta->at, "it has no 'data', as a binary has");
        wc_secret_reserve(&out->text, w->binary.len);
        wc_secret_add(&out->text, w->binary.bytes, w->binary.len);
    } else {
        render(file, documents, &out->text);
    }
    return 0;
}

/* ---- the whole of it ---- */

static int no_key(const struct wc_sops_meta *meta, const struct wc_age_keys *keys,
                  const struct wc_err *why, struct wc_err *err)
{
    if (meta->n == 0)
        return wc_err_at(err, WC_ERR_PERM, meta->at,
                         "it is encrypted to no age recipient%s; only those of age can be used",
                         meta->n_others > 0 ? ", only to keys of another kind" : "");
    if (why->code != WC_ERR_PERM)
        return wc_err_at(err, why->code, meta->at, "the file's key can't be decrypted: %s",
                         why->msg);
    return wc_err_at(err, WC_ERR_PERM, meta->at, "it is encrypted to %.80s%s, and %s",
                     meta->recipients[0], meta->n > 1 ? " and others" : "",
                     keys->n == 0 ? "no age identity was given"
                                  : "no identity that was given fits");
}

static int find_key(const struct wc_sops_meta *meta, const struct wc_age_keys *keys,
                    struct wc_secret *key, struct wc_err *err)
{
    struct wc_err why = { 0 };
    for (size_t i = 0; i < meta->n; i++) {
        int rc = wc_age_open(keys, meta->closed_keys[i], strlen(meta->closed_keys[i]), key, &why);
        if (rc == 0 && key->len == WC_CRYPT_KEY)
            return 0;
        if (rc == 0)
            return wc_err_at(err, WC_ERR_SPEC, meta->at, "the file's key isn't of 32 bytes");
    }
    return no_key(meta, keys, &why, err);
}

static int walk_all(struct walk *w, struct wc_documents *documents)
{
    static const unsigned char only_encrypted[] = {
        0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34,
        0xf3, 0xd1, 0x47, 0xbe, 0x0b, 0x0b, 0x97, 0x5b, 0x3b, 0xf4, 0x4f,
        0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69
    }; /* SHA-256 of "sops": what such a MAC begins with */
    const struct wc_sops_meta *meta = w->meta;
    const char *regex =
        meta->encrypted_regex != NULL ? meta->encrypted_regex : meta->unencrypted_regex;
    int rc = regex == NULL ? 0 : wc_pattern_new(regex, &w->pattern, w->err);
    if (rc != 0) {
        w->err->at = meta->regex_at;
        return rc;
    }
    w->mac = wc_sha512_new();
    if (meta->mac_only_encrypted)
        wc_sha512_update(w->mac, only_encrypted, sizeof only_encrypted);
    for (size_t i = 0; rc == 0 && i < documents->n; i++) {
        documents->roots[i] = open_node(w, documents->roots[i]);
        rc = documents->roots[i] == NULL ? WC_ERR_SPEC : 0;
    }
    if (rc == 0)
        rc = check_mac(w);
    if (w->mac != NULL)
        wc_sha512_finish(w->mac, NULL);
    wc_pattern_free(w->pattern);
    return rc;
}

int wc_sops_open(const struct wc_sops_file *file, const struct wc_age_keys *keys,
                 struct wc_arena *arena, struct wc_sops *out, struct wc_err *err)
{
    struct wc_arena own;
    struct wc_documents documents = { 0 };
    struct wc_sops_meta meta;
    struct wc_sops made = { 0 };
    struct wc_err why = { 0 };
    struct walk w = {
        .meta = &meta, .arena = &own, .err = &why, .is_binary = file->store == WC_SOPS_BINARY
    };
    wc_arena_init(&own);
    int rc = wc_sops_read(file, &own, &documents, &why);
    if (rc == 0)
        rc = wc_sops_meta_take(file, &documents, &own, &meta, &why);
    if (rc == 0)
        rc = find_key(&meta, keys, &made.key, &why);
    if (rc == 0) {
        w.key = made.key.bytes;
        rc = walk_all(&w, &documents);
    }
    if (rc == 0)
        rc = emit(file, &w, &documents, arena, &made);
    if (rc == 0)
        *out = made;
    else
        wc_sops_deinit(&made);
    if (rc != 0 && err != NULL) {
        *err = why;
        err->at.file = file->name; /* the other one is in the arena that goes */
    }
    wc_secret_deinit(&w.binary);
    wc_arena_wipe(&own);
    return rc;
}

void wc_sops_mark(const struct wc_sops *sops, const void *value, size_t len,
                  char mark[WC_SOPS_MARK + 1])
{
    unsigned char key[WC_CRYPT_KEY], digest[WC_CRYPT_KEY];
    wc_crypt_hkdf((struct wc_bytes){ sops->key.bytes, sops->key.len }, (struct wc_bytes){ NULL, 0 },
                  "wcompose mark of a value", key); /* a key of its own for each use */
    wc_crypt_hmac((struct wc_bytes){ key, sizeof key }, (struct wc_bytes){ value, len }, digest);
    for (size_t i = 0; i < WC_SOPS_MARK / 2; i++)
        snprintf(mark + 2 * i, 3, "%02x", digest[i]);
    wc_wipe(key, sizeof key);
}
