/* canon.c - checking and rewriting by table: the walk that every section shares. */
#include "spec/table.h"

#include <stdarg.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "spec/types.h"
#include "spec/written.h"

static const struct wc_field extension_row = { .key = "x-",
                                               .type = &wc_type_any,
                                               .offset = WC_NO_OFFSET,
                                               .merge = WC_MERGE_MAP,
                                               .support = WC_QUIET,
                                               .hash = WC_KEEPS,
                                               .clause = "11-extension.md" };

enum wc_support wc_field_support(const struct wc_field *field, enum wc_platform platform)
{
    bool own = platform == WC_PLATFORM_WINDOWS && field->windows != WC_AS_LINUX;
    return own ? field->windows : field->support;
}

bool wc_field_is_word(const struct wc_field *field)
{
    return field->words != NULL && (field->type->kinds & WC_KIND(WC_NODE_STRING)) != 0;
}

bool wc_field_takes_null(const struct wc_field *field)
{
    static const char *const keys[] = { "build", "deploy", "develop" };
    for (size_t i = 0; i < WC_COUNT(keys); i++)
        if (wc_streq(field->key, keys[i]))
            return true;
    return field->type->null_ok;
}

bool wc_field_has_entries(const struct wc_field *field)
{
    return field->type == &wc_type_entries || field->type == &wc_type_depends_on ||
           field->type == &wc_type_networks || field->type == &wc_type_names ||
           field->type == &wc_type_ulimits;
}

/* strcmp, without the call where the first letter decides. */
static int compare(const char *a, const char *b)
{
    return a[0] != b[0] ? (unsigned char)a[0] - (unsigned char)b[0] : strcmp(a, b);
}

const struct wc_field *wc_table_find(const struct wc_table *table, const char *key)
{
    size_t lo = 0, hi = table->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int order = compare(key, table->rows[mid].key);
        if (order == 0)
            return &table->rows[mid];
        if (order < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    bool extension = wc_str_starts(key, "x-") && !table->no_extensions;
    return extension ? &extension_row : NULL;
}

static struct wc_node *bad_copy(struct wc_load *load, const struct wc_node *node)
{
    struct wc_node *bad = wc_node_copy(load->arena, node);
    wc_node_spoil(bad);
    return bad;
}

struct wc_node *wc_canon_refuse(struct wc_load *load, const struct wc_field *field,
                                struct wc_node *node, const struct wc_where *where)
{
    struct wc_diag *diag =
        wc_report(load, WC_E_TYPE, node, "%s takes %s, not %s", wc_where_text(load, where),
                  field->type->expects, wc_node_describe(node));
    bool wants_text = (field->type->kinds & ~WC_KIND(WC_NODE_LIST)) == WC_KIND(WC_NODE_STRING);
    diag->hint = field->type->hint;
    if (diag->hint == NULL && wants_text &&
        (node->kind == WC_NODE_INT || node->kind == WC_NODE_FLOAT || node->kind == WC_NODE_BOOL))
        wc_hint(load, diag, "put it in quotes: \"%s\"", node->raw);
    return bad_copy(load, node);
}

struct wc_node *wc_canon_bad(struct wc_load *load, struct wc_node *node, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *msg = wc_arena_vprintf(load->arena, fmt, args);
    va_end(args);
    wc_report(load, WC_E_VALUE, node, "%s", msg);
    return bad_copy(load, node);
}

/* Reports a key that the table doesn't have; returns the one that was meant, or NULL. */
static const char *report_unknown(struct wc_load *load, const struct wc_table *table,
                                  const struct wc_member *member, const struct wc_where *where)
{
    struct wc_diag *diag =
        wc_report_at(load, WC_E_UNKNOWN_KEY, member->key_at, member->key_span,
                     "unknown key '%s' in %s", member->key, wc_where_text(load, where));
    if (diag == &load->diags->scratch) /* the thousandth: nobody will read a suggestion */
        return NULL;
    const char **words = WC_NEW_ARRAY(load->arena, const char *, table->n + 1);
    for (size_t i = 0; i < table->n; i++)
        words[i] = table->rows[i].key;
    wc_hint_words(load, diag, member->key, words, table->n, table->n <= 4);
    return wc_str_suggest(member->key, words, table->n);
}

/* A misspelt key counts as a wrong value of the key that was meant, so that its absence isn't
 * reported as well. */
static void stand_in(struct wc_load *load, const struct wc_member *member, const char *meant,
                     const struct wc_node *source, struct wc_node *out)
{
    if (meant == NULL || wc_node_member(source, meant) != NULL)
        return;
    struct wc_member stand = *member;
    stand.key = meant;
    wc_node_put_at(load->arena, out, &stand, bad_copy(load, member->value));
}

/* x-wcompose carries trust: a misspelling of it must not pass as somebody else's extension. */
static bool misspelt_own_key(const struct wc_table *table, const char *key)
{
    static const char *const own[] = { "x-wcompose" };
    return wc_table_find(table, own[0]) != &extension_row && wc_str_suggest(key, own, 1) != NULL;
}

struct wc_node *wc_canon_section(struct wc_load *load, const struct wc_table *table,
                                 struct wc_node *node, const struct wc_where *where)
{
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_MAP, node);
    out->tag = node->tag;
    wc_node_reserve(load->arena, out, node->n);
    for (size_t i = 0; i < node->n; i++) {
        const struct wc_member *member = &node->members[i];
        const struct wc_field *field = wc_table_find(table, member->key);
        if (field == NULL || (field == &extension_row && misspelt_own_key(table, member->key))) {
            stand_in(load, member, report_unknown(load, table, member, where), node, out);
            continue;
        }
        struct wc_where inner = { where, member->key, member->key_at, member->key_span, 0 };
        struct wc_node *value = wc_canon_value(load, field, member->value, &inner);
        wc_node_put_at(load->arena, out, member, value);
    }
    return out;
}

static struct wc_node *check_words(struct wc_load *load, const struct wc_field *field,
                                   struct wc_node *node, const struct wc_where *where)
{
    size_t n = 0;
    for (; field->words[n] != NULL; n++)
        if (wc_streq(field->words[n], node->text))
            return node;
    struct wc_diag *diag = wc_report(load, WC_E_VALUE, node, "%s can't be '%s'",
                                     wc_where_text(load, where), node->text);
    wc_hint_words(load, diag, node->text, field->words, n, true);
    return bad_copy(load, node);
}

/* Drops repeats within one file's list; the last stays, in the place of the first. Two mounts on
 * one target stay: that is an error (E207). */
static struct wc_node *without_repeats(struct wc_load *load, const struct wc_field *field,
                                       struct wc_node *list)
{
    struct wc_map seen;
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_LIST, list);
    wc_map_init(&seen, load->arena);
    for (size_t i = 0; i < list->n; i++) {
        struct wc_node *item = list->items[i];
        bool ours = item->kind == WC_NODE_STRING || item->kind == WC_NODE_MAP;
        const char *key = ours && item->tag == WC_TAG_NONE ? field->ident(load->arena, item) : NULL;
        uintptr_t position = key == NULL ? 0 : (uintptr_t)wc_map_get(&seen, key);
        if (position != 0) {
            out->items[position - 1] = item;
            continue;
        }
        wc_node_add(load->arena, out, item);
        if (key != NULL)
            wc_map_put(&seen, key, (void *)(uintptr_t)out->n);
    }
    return out;
}

/* An item under !reset is gone from its own list; it takes nothing from other files. */
static struct wc_node *without_reset_items(struct wc_load *load, struct wc_node *list)
{
    size_t i = 0;
    while (i < list->n && list->items[i]->tag != WC_TAG_RESET)
        i++;
    if (i == list->n)
        return list;
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_LIST, list);
    out->tag = list->tag;
    for (i = 0; i < list->n; i++)
        if (list->items[i]->tag != WC_TAG_RESET)
            wc_node_add(load->arena, out, list->items[i]);
    return out;
}

static bool folds(const struct wc_field *field, const struct wc_node *node)
{
    return node->kind == WC_NODE_LIST && node->n > 1 && field->merge == WC_MERGE_UNIQUE &&
           (field->ident == wc_ident_text || field->ident == wc_ident_port ||
            field->type == &wc_type_devices);
}

bool wc_canon_is_template(const struct wc_load *load, const struct wc_node *node)
{
    return load->options->no_interpolate && !load->canonical && node->kind == WC_NODE_STRING &&
           strchr(node->text, '$') != NULL;
}

/* Kinds of a value that may be given by a template. */
static bool takes_template(const struct wc_field *field)
{
    if (field->type == &wc_type_env_files || field->type == &wc_type_string_or_list ||
        field->type == &wc_type_build)
        return false; /* one more item of a list; the context */
    return (field->type->kinds & (WC_KIND(WC_NODE_STRING) | WC_KIND(WC_NODE_BOOL) |
                                  WC_KIND(WC_NODE_INT) | WC_KIND(WC_NODE_FLOAT))) != 0;
}

struct wc_node *wc_canon_value(struct wc_load *load, const struct wc_field *field,
                               struct wc_node *node, const struct wc_where *where)
{
    if (node->kind == WC_NODE_BAD || node->kind == WC_NODE_NULL || node->tag == WC_TAG_RESET)
        return node;
    if (wc_canon_is_template(load, node) && takes_template(field))
        return node;
    if ((field->type->kinds & WC_KIND(node->kind)) == 0)
        return wc_canon_refuse(load, field, node, where);
    if (node->kind == WC_NODE_LIST)
        node = without_reset_items(load, node);
    struct wc_node *out = node;
    if (field->type->canon != NULL)
        out = field->type->canon(load, field, node, where);
    if (field->words != NULL && out->kind == WC_NODE_STRING && out->text[0] != '\0')
        out = check_words(load, field, out, where);
    if (field->required != NULL && out->kind == WC_NODE_MAP && field->merge != WC_MERGE_MAP)
        wc_require(load, out, field->required, where);
    if (folds(field, out))
        out = without_repeats(load, field, out);
    if (node->tag != WC_TAG_NONE && out->tag != node->tag) {
        out = wc_node_copy(load->arena, out);
        out->tag = node->tag;
    }
    if (load->options->no_interpolate && out != node && out->kind != WC_NODE_BAD)
        wc_written_note(load, field, out, node);
    return out;
}
