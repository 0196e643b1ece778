/* options.c - maps of options whose keys are the user's: of drivers, of a provider, ssh keys and
 * contexts of a build; and paths that start from the project's directory.
 *
 * Drivers take text: numbers become it, true and false are refused, since YAML and the driver may
 * not write them alike.
 */
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "spec/kinds.h"
#include "spec/types.h"

#define NUL WC_KIND(WC_NODE_NULL)

static struct wc_node *to_text(struct wc_load *load, struct wc_node *value)
{
    struct wc_node *out = wc_node_string(load->arena, value->text, value);
    out->tag = value->tag;
    return out;
}

/* One value of a map: kinds of `value_row` only, as text. */
static struct wc_node *canon_option(struct wc_load *load, const struct wc_field *value_row,
                                    struct wc_node *value, const struct wc_where *where)
{
    if (value->kind == WC_NODE_BAD || value->tag == WC_TAG_RESET || value->kind == WC_NODE_STRING)
        return value;
    if ((value_row->type->kinds & WC_KIND(value->kind)) == 0)
        return wc_canon_refuse(load, value_row, value, where);
    return to_text(load, value);
}

static struct wc_node *canon_map(struct wc_load *load, const struct wc_type *values,
                                 struct wc_node *node, const struct wc_where *where)
{
    struct wc_field value_row = { .type = values };
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_MAP, node);
    for (size_t i = 0; i < node->n; i++) {
        struct wc_member *member = &node->members[i];
        struct wc_where inner = { where, member->key, member->key_at, member->key_span, 0 };
        wc_node_put_at(load->arena, out, member,
                       canon_option(load, &value_row, member->value, &inner));
    }
    return out;
}

static struct wc_node *canon_options(struct wc_load *load, const struct wc_field *field,
                                     struct wc_node *node, const struct wc_where *where)
{
    static const struct wc_type values = { .expects = "a string or a number",
                                           .kinds = STRING | INT | FLOAT };
    (void)field;
    return canon_map(load, &values, node, where);
}

/* The same, with nothing as a value: the option stands alone. */
static struct wc_node *canon_log_options(struct wc_load *load, const struct wc_field *field,
                                         struct wc_node *node, const struct wc_where *where)
{
    static const struct wc_type values = { .expects = "a string or a number",
                                           .kinds = STRING | INT | FLOAT | NUL };
    (void)field;
    return canon_map(load, &values, node, where);
}

static struct wc_node *canon_choice(struct wc_load *load, struct wc_node *value,
                                    const struct wc_where *where)
{
    static const struct wc_type values = { .expects = "a string, a number, true, false, or a list",
                                           .kinds = STRING | INT | FLOAT | BOOL };
    static const struct wc_field row = { .type = &values };
    if (value->kind != WC_NODE_LIST || value->tag == WC_TAG_RESET)
        return canon_option(load, &row, value, where);
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_LIST, value);
    out->tag = value->tag;
    for (size_t i = 0; i < value->n; i++) {
        struct wc_where inner = { where->up, where->name, { 0 }, 0, i + 1 };
        wc_node_add(load->arena, out, canon_option(load, &row, value->items[i], &inner));
    }
    return out;
}

/* Options of a provider: each is a value or a list of them. */
static struct wc_node *canon_choices(struct wc_load *load, const struct wc_field *field,
                                     struct wc_node *node, const struct wc_where *where)
{
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_MAP, node);
    (void)field;
    for (size_t i = 0; i < node->n; i++) {
        struct wc_member *member = &node->members[i];
        struct wc_where inner = { where, member->key, member->key_at, member->key_span, 0 };
        wc_node_put_at(load->arena, out, member, canon_choice(load, member->value, &inner));
    }
    return out;
}

static struct wc_node *needs_path(struct wc_load *load, struct wc_node *at, const char *id)
{
    return wc_canon_bad(load, at, "ssh key '%s' needs a path: '%s=/path/of/the/key'", id, id);
}

/* A key without a path is the agent's, and only that of "default". */
static struct wc_node *canon_ssh(struct wc_load *load, const struct wc_field *field,
                                 struct wc_node *node, const struct wc_where *where)
{
    static const struct wc_field pairs = { .type = &wc_type_env };
    (void)field;
    for (size_t i = 0; node->kind == WC_NODE_LIST && i < node->n; i++) {
        struct wc_node *item = node->items[i];
        if (item->kind == WC_NODE_STRING && strchr(item->text, '=') == NULL &&
            !wc_streq(item->text, "default"))
            return needs_path(load, item, item->text);
    }
    for (size_t i = 0; node->kind == WC_NODE_MAP && i < node->n; i++) {
        const struct wc_member *m = &node->members[i];
        if (strchr(m->key, '=') != NULL)
            return wc_canon_bad(load, node, "ssh key '%s': an ID has no '='", m->key);
        if (m->value->kind == WC_NODE_NULL && !wc_streq(m->key, "default"))
            return needs_path(load, m->value, m->key);
    }
    return wc_type_env.canon(load, &pairs, node, where);
}

static struct wc_node *canon_contexts(struct wc_load *load, const struct wc_field *field,
                                      struct wc_node *node, const struct wc_where *where)
{
    static const struct wc_field pairs = { .type = &wc_type_kv };
    (void)field;
    return wc_type_kv.canon(load, &pairs, node, where);
}

static struct wc_node *canon_path(struct wc_load *load, const struct wc_field *field,
                                  struct wc_node *node, const struct wc_where *where)
{
    (void)field;
    if (node->text[0] == '\0')
        return wc_canon_bad(load, node, "%s is a path; it can't be empty",
                            wc_where_text(load, where));
    return node;
}

static void decode_options(struct wc_load *load, const struct wc_field *field,
                           const struct wc_node *node, void *dst)
{
    wc_type_kv.decode(load, field, node, dst);
}

static void decode_context(struct wc_load *load, const struct wc_field *field,
                           const struct wc_node *node, void *dst)
{
    wc_type_string.decode(load, field, node, dst);
}

const struct wc_type wc_type_options = { .expects = "a map of strings",
                                         .kinds = MAP,
                                         .canon = canon_options,
                                         .decode = decode_options,
                                         .schema = SCHEMA_MAP(SCHEMA_STRING_OR_NUMBER) };
const struct wc_type wc_type_log_options = { .expects = "a map of strings",
                                             .kinds = MAP,
                                             .canon = canon_log_options,
                                             .decode = decode_options,
                                             .schema = SCHEMA_MAP(
                                                 "{'type':['string','number','null']}") };
const struct wc_type wc_type_choices = {
    .expects = "a map",
    .kinds = MAP,
    .canon = canon_choices,
    .schema = SCHEMA_MAP(SCHEMA_EITHER("{'type':['string','number','boolean']}",
                                       SCHEMA_LIST("{'type':['string','number','boolean']}")))
};
const struct wc_type wc_type_ssh = {
    .expects = "a map, or a list of ID=path",
    .kinds = LIST | MAP,
    .canon = canon_ssh,
    .brief = "[default, ID=path]",
    .schema = SCHEMA_EITHER(SCHEMA_MAP("{'type':['string','null']}"), SCHEMA_LIST(SCHEMA_STRING))
};
const struct wc_type wc_type_context = { .expects = "a path or an address",
                                         .kinds = STRING,
                                         .decode = decode_context,
                                         .schema = SCHEMA_STRING };
const struct wc_type wc_type_contexts = { .expects = "a map, or a list of NAME=context",
                                          .kinds = LIST | MAP,
                                          .canon = canon_contexts,
                                          .decode = decode_options,
                                          .brief = "[NAME=context]",
                                          .schema = SCHEMA_EITHER(SCHEMA_MAP(SCHEMA_STRING),
                                                                  SCHEMA_LIST(SCHEMA_STRING)) };
const struct wc_type wc_type_path = {
    .expects = "a path", .kinds = STRING, .canon = canon_path, .schema = SCHEMA_STRING
};
