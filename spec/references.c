/* references.c - short forms of what a service takes from elsewhere: configs, secrets, a build,
 * gpus, another service, another file, what is external.
 */
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "spec/kinds.h"
#include "spec/short_syntax.h"
#include "spec/types.h"

/* The long form {key: text} of a string. */
static struct wc_node *wrap(struct wc_load *load, const char *key, struct wc_node *text)
{
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_MAP, text);
    wc_node_put(load->arena, out, key, text);
    return out;
}

static struct wc_node *expand_reference(struct wc_load *load, struct wc_node *item)
{
    return wrap(load, "source", item);
}

static struct wc_node *canon_references(struct wc_load *load, const struct wc_field *field,
                                        struct wc_node *node, const struct wc_where *where)
{
    return wc_canon_mixed(load, field, node, where, expand_reference, NULL);
}

/* A secret's target is filled in; a config's isn't, as docker compose prints it. */
static struct wc_node *canon_secrets(struct wc_load *load, const struct wc_field *field,
                                     struct wc_node *node, const struct wc_where *where)
{
    struct wc_node *out = canon_references(load, field, node, where);
    for (size_t i = 0; i < out->n; i++) {
        struct wc_node *item = out->items[i];
        const char *source = wc_node_text(item, "source");
        if (item->kind == WC_NODE_MAP && source != NULL && wc_node_member(item, "target") == NULL)
            wc_node_put(load->arena, item, "target",
                        wc_node_string(load->arena,
                                       wc_arena_printf(load->arena, "/run/secrets/%s", source),
                                       item));
    }
    return out;
}

static const char *member_text(const struct wc_node *item, const char *key)
{
    const char *text = wc_node_text(item, key);
    return text == NULL ? "" : text;
}

const char *wc_ident_config(struct wc_arena *arena, const struct wc_node *item)
{
    const char *target = wc_node_text(item, "target");
    return target != NULL ? target : wc_arena_printf(arena, "/%s", member_text(item, "source"));
}

static struct wc_node *canon_build(struct wc_load *load, const struct wc_field *field,
                                   struct wc_node *node, const struct wc_where *where)
{
    struct wc_node *map = node->kind == WC_NODE_STRING ? wrap(load, "context", node) : node;
    return wc_canon_section(load, field->sub, map, where);
}

static struct wc_node *canon_extends(struct wc_load *load, const struct wc_field *field,
                                     struct wc_node *node, const struct wc_where *where)
{
    if (node->kind == WC_NODE_STRING)
        return wrap(load, "service", node);
    return wc_canon_section(load, field->sub, node, where);
}

static struct wc_node *expand_include(struct wc_load *load, struct wc_node *item)
{
    struct wc_node *paths = wc_node_new(load->arena, WC_NODE_LIST, item);
    wc_node_add(load->arena, paths, item);
    return wrap(load, "path", paths);
}

static struct wc_node *canon_include(struct wc_load *load, const struct wc_field *field,
                                     struct wc_node *node, const struct wc_where *where)
{
    return wc_canon_mixed(load, field, node, where, expand_include, NULL);
}

/* Every device of a kind is -1, as docker compose prints it. */
static struct wc_node *all_of(struct wc_load *load, const struct wc_node *like)
{
    return wc_node_integer(load->arena, -1, like);
}

static struct wc_node *canon_device_count(struct wc_load *load, const struct wc_field *field,
                                          struct wc_node *node, const struct wc_where *where)
{
    int64_t n;
    (void)field;
    if (wc_str_caseeq(node->text, "all"))
        return all_of(load, node);
    if (!wc_str_to_i64(node->text, -1, INT32_MAX, &n))
        return wc_canon_bad(load, node, "%s is 'all' or a number of devices, not '%s'",
                            wc_where_text(load, where), node->raw);
    return node->kind == WC_NODE_INT ? node : wc_node_integer(load->arena, n, node);
}

static void finish_request(struct wc_load *load, struct wc_node *item)
{
    const struct wc_member *count = wc_node_member(item, "count");
    const struct wc_member *ids = wc_node_member(item, "device_ids");
    if (count == NULL && ids == NULL)
        wc_node_put(load->arena, item, "count", all_of(load, item));
    if (count == NULL || ids == NULL || count->value->kind == WC_NODE_NULL)
        return;
    struct wc_diag *diag = wc_report_at(load, WC_E_CONFLICT, count->key_at, count->key_span,
                                        "a request for devices has both count and device_ids");
    diag->hint = "remove one of the two";
    diag->related = ids->key_at;
    diag->related_label = "device_ids is here";
}

static struct wc_node *canon_requests(struct wc_load *load, const struct wc_field *field,
                                      struct wc_node *node, const struct wc_where *where)
{
    if (node->kind == WC_NODE_STRING) {
        struct wc_node *out = wc_node_new(load->arena, WC_NODE_LIST, node);
        if (!wc_streq(node->text, "all"))
            return wc_canon_bad(load, node, "%s takes 'all' or a list, not '%s'",
                                wc_where_text(load, where), node->raw);
        wc_node_add(load->arena, out, wrap(load, "count", all_of(load, node)));
        return out;
    }
    struct wc_node *out = wc_type_items.canon(load, field, node, where);
    for (size_t i = 0; i < out->n; i++)
        if (out->items[i]->kind == WC_NODE_MAP && out->items[i]->tag == WC_TAG_NONE)
            finish_request(load, out->items[i]);
    return out;
}

/* "all" is all, also when two files say it. */
const char *wc_ident_request(struct wc_arena *arena, const struct wc_node *item)
{
    const struct wc_node *count = wc_node_get(item, "count");
    (void)arena;
    bool all = item->n == 1 && count != NULL && count->kind == WC_NODE_INT && count->integer == -1;
    return all ? "all" : NULL;
}

static struct wc_node *canon_external(struct wc_load *load, const struct wc_field *field,
                                      struct wc_node *node, const struct wc_where *where)
{
    if (node->kind != WC_NODE_MAP)
        return wc_type_bool.canon(load, field, node, where);
    return wc_canon_section(load, field->sub, node, where);
}

static void decode_external(struct wc_load *load, const struct wc_field *field,
                            const struct wc_node *node, void *dst)
{
    (void)load, (void)field;
    *(bool *)dst = node->kind == WC_NODE_MAP || node->boolean;
}

const struct wc_type wc_type_configs = { .expects = "a list",
                                         .kinds = LIST,
                                         .canon = canon_references,
                                         .brief = "[config]",
                                         .schema = SCHEMA_LIST(SCHEMA_EITHER(SCHEMA_STRING, "@")) };
const struct wc_type wc_type_secrets = { .expects = "a list",
                                         .kinds = LIST,
                                         .canon = canon_secrets,
                                         .brief = "[secret]",
                                         .schema = SCHEMA_LIST(SCHEMA_EITHER(SCHEMA_STRING, "@")) };
const struct wc_type wc_type_build = { .expects = "a path or a map",
                                       .kinds = STRING | MAP,
                                       .canon = canon_build,
                                       .brief = "./dir",
                                       .schema = SCHEMA_ONE_OF_3(SCHEMA_STRING, "@", SCHEMA_NULL) };
const struct wc_type wc_type_extends = { .expects = "a service or a map",
                                         .kinds = STRING | MAP,
                                         .canon = canon_extends,
                                         .brief = "service",
                                         .schema = SCHEMA_EITHER(SCHEMA_STRING, "@") };
const struct wc_type wc_type_include = { .expects = "a list of files",
                                         .kinds = LIST,
                                         .canon = canon_include,
                                         .brief = "[a.yaml]",
                                         .schema = SCHEMA_LIST(SCHEMA_EITHER(SCHEMA_STRING, "@")) };
const struct wc_type wc_type_gpus = { .expects = "'all' or a list",
                                      .kinds = STRING | LIST,
                                      .canon = canon_requests,
                                      .brief = "all",
                                      .schema = SCHEMA_ONE_OF_3("{'enum':['all']}",
                                                                "{'type':'string','pattern':'[$]'}",
                                                                SCHEMA_LIST("@")) };
const struct wc_type wc_type_requests = {
    .expects = "a list of maps", .kinds = LIST, .canon = canon_requests, .schema = SCHEMA_LIST("@")
};
const struct wc_type wc_type_device_count = { .expects = "'all' or a number",
                                              .kinds = STRING | INT,
                                              .canon = canon_device_count,
                                              .brief = "all",
                                              .schema = SCHEMA_STRING_OR_NUMBER };
const struct wc_type wc_type_external = { .expects = "true or false",
                                          .kinds = BOOL | STRING | MAP,
                                          .canon = canon_external,
                                          .decode = decode_external,
                                          .brief = "true",
                                          .schema =
                                              SCHEMA_EITHER("{'type':['boolean','string']}", "@") };
