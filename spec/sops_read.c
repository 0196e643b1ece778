/* sops_read.c - the stores of SOPS: a file to trees, and what stands in it about its encryption.
 *
 * JSON is read as the YAML that it is; dotenv is a map of its lines, in which SOPS writes a new
 * line in a value as \n, and its own data flattened: "sops_age__list_0__map_enc".
 */
#include "spec/sops_read.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "wcompose/diag.h"

static bool has(const struct wc_text *text, const char *word)
{
    return strstr(text->bytes, word) != NULL;
}

/* True when a line begins with it. */
static bool has_line(const struct wc_text *text, const char *word)
{
    size_t len = strlen(word);
    const char *p = text->bytes, *end = text->bytes + text->len;
    while ((size_t)(end - p) >= len) {
        if (memcmp(p, word, len) == 0)
            return true;
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        if (newline == NULL)
            return false;
        p = newline + 1;
    }
    return false;
}

static bool ends_in(const char *text, const char *end)
{
    size_t a = strlen(text), b = strlen(end);
    return a >= b && wc_streq(text + a - b, end);
}

enum wc_sops_store wc_sops_store(const struct wc_text *text, const char *path)
{
    size_t at = 0;
    if (!has(text, "sops") || !has(text, "ENC[AES256_GCM,"))
        return WC_SOPS_NONE;
    while (at < text->len && strchr(" \t\r\n", text->bytes[at]) != NULL && text->bytes[at] != '\0')
        at++;
    if (at < text->len && text->bytes[at] == '{' && has(text, "\"sops\""))
        return ends_in(path, ".json")                            ? WC_SOPS_JSON
               : ends_in(path, ".yaml") || ends_in(path, ".yml") ? WC_SOPS_YAML
                                                                 : WC_SOPS_BINARY;
    if (has_line(text, "sops:"))
        return WC_SOPS_YAML;
    if (has_line(text, "[sops]"))
        return WC_SOPS_INI;
    return has_line(text, "sops_") ? WC_SOPS_DOTENV : WC_SOPS_NONE;
}

/* ---- reading ---- */

/* "a\nb" as SOPS writes it in a line. */
static const char *unescape(struct wc_arena *arena, const char *text, size_t len)
{
    char *out = wc_arena_alloc(arena, len + 1), *to = out;
    for (const char *p = text, *end = text + len; p < end; p++) {
        bool is_newline = *p == '\\' && p + 1 < end && p[1] == 'n';
        *to++ = is_newline ? '\n' : *p;
        p += is_newline ? 1 : 0;
    }
    return out;
}

static int read_dotenv(const struct wc_sops_file *file, struct wc_arena *arena,
                       struct wc_node **out, struct wc_err *err)
{
    struct wc_loc at = { file->name, 0, 1 };
    struct wc_node *map = wc_node_new(arena, WC_NODE_MAP, NULL);
    const char *p = file->text.bytes, *end = p + file->text.len;
    map->at = (struct wc_loc){ file->name, 1, 1 };
    while (p < end) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const char *stop = newline == NULL ? end : newline;
        const char *sign = memchr(p, '=', (size_t)(stop - p));
        at.line++;
        if (stop != p && *p != '#' && sign == NULL)
            return wc_err_at(err, WC_ERR_SPEC, at, "a line of an encrypted env file is KEY=value");
        if (stop != p && *p != '#') {
            const char *key = wc_arena_strndup(arena, p, (size_t)(sign - p));
            struct wc_node *value =
                wc_node_string(arena, unescape(arena, sign + 1, (size_t)(stop - sign - 1)), NULL);
            if (wc_node_get(map, key) != NULL)
                return wc_err_at(err, WC_ERR_SPEC, at, "'%.80s' stands in it twice", key);
            value->at = at;
            wc_node_put(arena, map, key, value);
        }
        p = newline == NULL ? end : newline + 1;
    }
    *out = map;
    return 0;
}

static int read_yaml(const struct wc_sops_file *file, struct wc_arena *arena,
                     struct wc_documents *out, struct wc_err *err)
{
    const struct wc_loc start = { file->name, 1, 1 };
    struct wc_diags diags;
    wc_diags_init(&diags, arena);
    if (!wc_node_parse(arena, &diags, file->name, &file->text, NULL, out)) {
        wc_diags_sort(&diags);
        return wc_err_at(err, WC_ERR_SPEC, diags.items[0].at, "%s", diags.items[0].msg);
    }
    for (size_t i = 0; i < out->n; i++)
        if (out->roots[i]->kind != WC_NODE_MAP)
            return wc_err_at(err, WC_ERR_SPEC, out->roots[i]->at,
                             "an encrypted file is a map of values, not %s",
                             wc_node_describe(out->roots[i]));
    if (out->n == 0 || (file->store != WC_SOPS_YAML && out->n != 1))
        return wc_err_at(err, WC_ERR_SPEC, start,
                         "an encrypted file of this kind holds one document, not %zu", out->n);
    return 0;
}

int wc_sops_read(const struct wc_sops_file *file, struct wc_arena *arena, struct wc_documents *out,
                 struct wc_err *err)
{
    const struct wc_loc start = { file->name, 1, 1 };
    if (file->store == WC_SOPS_INI)
        return wc_err_at(err, WC_ERR_SPEC, start,
                         "it is an ini file of SOPS, which can't be read; binary, json, yaml and "
                         "dotenv can");
    if (file->store != WC_SOPS_DOTENV)
        return read_yaml(file, arena, out, err);
    *out = (struct wc_documents){ .roots = WC_NEW_ARRAY(arena, struct wc_node *, 1), .n = 1 };
    return read_dotenv(file, arena, &out->roots[0], err);
}

/* ---- what it says about itself ---- */

/* One plain value of it. */
static void take_word(struct wc_sops_meta *meta, const char *key, const struct wc_node *value)
{
    const struct {
        const char *key, **to;
    } words[] = { { "mac", &meta->mac },
                  { "lastmodified", &meta->modified },
                  { "unencrypted_suffix", &meta->unencrypted_suffix },
                  { "encrypted_suffix", &meta->encrypted_suffix },
                  { "unencrypted_regex", &meta->unencrypted_regex },
                  { "encrypted_regex", &meta->encrypted_regex } };
    if (!wc_node_is_scalar(value) || value->text == NULL || value->text[0] == '\0' ||
        value->kind == WC_NODE_NULL)
        return;
    for (size_t i = 0; i < WC_COUNT(words); i++)
        if (wc_streq(words[i].key, key))
            *words[i].to = value->text;
    if (wc_streq(key, "mac"))
        meta->mac_at = value->at;
    if (wc_streq(key, "unencrypted_regex") || wc_streq(key, "encrypted_regex"))
        meta->regex_at = value->at;
    if (wc_streq(key, "mac_only_encrypted"))
        meta->mac_only_encrypted = wc_str_caseeq(value->text, "true");
}

static int unreadable(const struct wc_node *at, const char *what, struct wc_err *err)
{
    return wc_err_at(err, WC_ERR_SPEC, at->at, "the file uses %s of SOPS, which can't be read",
                     what);
}

static int add_recipient(struct wc_sops_meta *meta, const struct wc_node *item, struct wc_err *err)
{
    const char *closed = wc_node_text(item, "enc"), *recipient = wc_node_text(item, "recipient");
    if (closed == NULL)
        return wc_err_at(err, WC_ERR_SPEC, item->at, "an age recipient has no key in 'enc'");
    if (meta->n == WC_SOPS_RECIPIENTS)
        return wc_err_at(err, WC_ERR_LIMIT, item->at, "it has more than %d age recipients",
                         WC_SOPS_RECIPIENTS);
    meta->closed_keys[meta->n] = closed;
    meta->recipients[meta->n++] = recipient != NULL ? recipient : "?";
    return 0;
}

/* A group of ways to the key: any of them opens it. */
static int take_group(struct wc_sops_meta *meta, const struct wc_node *group, struct wc_err *err)
{
    static const char *const others[] = {
        "kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", "pgp"
    };
    const struct wc_node *age = wc_node_get(group, "age");
    for (size_t i = 0; i < WC_COUNT(others); i++) {
        const struct wc_node *list = wc_node_get(group, others[i]);
        meta->n_others += list != NULL && list->kind == WC_NODE_LIST ? list->n : 0;
    }
    int rc = 0;
    for (size_t i = 0; rc == 0 && age != NULL && age->kind == WC_NODE_LIST && i < age->n; i++)
        rc = add_recipient(meta, age->items[i], err);
    return rc;
}

static int take_tree(struct wc_sops_meta *meta, const struct wc_node *own, struct wc_err *err)
{
    const struct wc_node *groups = wc_node_get(own, "key_groups");
    bool has_groups = groups != NULL && groups->kind == WC_NODE_LIST;
    for (size_t i = 0; i < own->n; i++) {
        const char *key = own->members[i].key;
        take_word(meta, key, own->members[i].value);
        if (wc_streq(key, "unencrypted_comment_regex") || wc_streq(key, "encrypted_comment_regex"))
            return unreadable(own->members[i].value, "encryption by comment", err);
    }
    if (has_groups && groups->n > 1)
        return unreadable(groups, "several groups of keys (Shamir's secret sharing)", err);
    int rc = take_group(meta, own, err);
    if (rc == 0 && has_groups && groups->n == 1)
        rc = take_group(meta, groups->items[0], err);
    return rc;
}

/* The flattened form as a tree of the two levels that are needed. */
static int take_lines(struct wc_sops_meta *meta, struct wc_node *map, struct wc_arena *arena,
                      struct wc_err *err)
{
    struct wc_node *rest = wc_node_new(arena, WC_NODE_MAP, map);
    struct wc_node *items[WC_SOPS_RECIPIENTS] = { 0 };
    size_t n = 0;
    meta->at = map->at;
    for (size_t i = 0; i < map->n; i++) {
        const struct wc_member *m = &map->members[i];
        unsigned number;
        int at = 0;
        if (!wc_str_starts(m->key, "sops_")) {
            wc_node_put_at(arena, rest, m, m->value);
            continue;
        }
        const char *key = m->key + strlen("sops_");
        take_word(meta, key, m->value);
        if (wc_str_starts(key, "key_groups__"))
            return unreadable(m->value, "groups of keys", err);
        if (ends_in(key, "_comment_regex"))
            return unreadable(m->value, "encryption by comment", err);
        bool is_age = sscanf(key, "age__list_%2u__map_%n", &number, &at) == 1 && at > 0;
        meta->n_others += !is_age && strstr(key, "__list_0__map_enc") != NULL ? 1 : 0;
        if (!is_age)
            continue;
        if (items[number] == NULL) {
            items[number] = wc_node_new(arena, WC_NODE_MAP, m->value);
            n = number >= n ? number + 1 : n;
        }
        wc_node_put(arena, items[number], key + at, m->value);
    }
    *map = *rest;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = items[i] == NULL ? 0 : add_recipient(meta, items[i], err);
    return rc;
}

static int check(const struct wc_sops_meta *meta, struct wc_err *err)
{
    const int rules = (meta->unencrypted_suffix != NULL) + (meta->encrypted_suffix != NULL) +
                      (meta->unencrypted_regex != NULL) + (meta->encrypted_regex != NULL);
    if (rules > 1)
        return wc_err_at(err, WC_ERR_SPEC, meta->at,
                         "it has more than one rule about what is encrypted");
    if (meta->mac == NULL || meta->modified == NULL)
        return wc_err_at(err, WC_ERR_SPEC, meta->at,
                         "its code over all values (sops.mac) is missing, without which anybody "
                         "could have altered it");
    return 0;
}

int wc_sops_meta_take(const struct wc_sops_file *file, struct wc_documents *documents,
                      struct wc_arena *arena, struct wc_sops_meta *out, struct wc_err *err)
{
    int rc = 0;
    *out = (struct wc_sops_meta){ .at = { file->name, 1, 1 } };
    if (file->store == WC_SOPS_DOTENV) {
        rc = take_lines(out, documents->roots[0], arena, err);
    } else {
        const struct wc_member *member = wc_node_member(documents->roots[0], "sops");
        const struct wc_node *own = member == NULL ? NULL : member->value;
        if (own == NULL || own->kind != WC_NODE_MAP)
            return wc_err_at(err, WC_ERR_SPEC, documents->roots[0]->at,
                             "it looks like a file of SOPS, but has no map 'sops'");
        out->at = member->key_at;
        rc = take_tree(out, own, err);
        for (size_t i = 0; i < documents->n; i++)
            (void)wc_node_drop(documents->roots[i], "sops");
    }
    if (rc == 0)
        rc = check(out, err);
    if (rc == 0 && out->unencrypted_suffix == NULL && out->encrypted_suffix == NULL &&
        out->unencrypted_regex == NULL && out->encrypted_regex == NULL)
        out->unencrypted_suffix = "_unencrypted";
    return rc;
}
