/* short_syntax.c - short forms of what runs with a service: devices, ulimits, depends_on, networks,
 * env files. references.c has the rest.
 */
#include "spec/short_syntax.h"

#include "base/arena.h"
#include "base/str.h"
#include "spec/kinds.h"
#include "spec/scalar.h"
#include "spec/types.h"

#include <string.h>

static const struct wc_type item_type = { .expects = "a string or a map", .kinds = STRING | MAP };
static const struct wc_field item_row = { .type = &item_type };

static struct wc_node *bad_at(struct wc_load *load, const struct wc_node *node)
{
    return wc_node_new(load->arena, WC_NODE_BAD, node);
}

static struct wc_node *canon_item(struct wc_load *load, const struct wc_field *field,
                                  struct wc_node *item, const struct wc_where *where)
{
    struct wc_field section = { .type = &wc_type_section,
                                .sub = field->sub,
                                .required = field->required };
    return wc_canon_value(load, &section, item, where);
}

struct wc_node *wc_canon_mixed(struct wc_load *load, const struct wc_field *field,
                               struct wc_node *node, const struct wc_where *where,
                               wc_expand_fn *expand, wc_finish_fn *finish)
{
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_LIST, node);
    if (node->kind == WC_NODE_STRING) {
        struct wc_node *item = expand(load, node);
        wc_node_add(load->arena, out, item == NULL ? bad_at(load, node) : item);
        return out;
    }
    for (size_t i = 0; i < node->n; i++) {
        struct wc_node *item = node->items[i], *made = NULL;
        struct wc_where inner = { where->up, where->name, { 0 }, 0, i + 1 };
        if (item->kind == WC_NODE_STRING)
            made = expand(load, item);
        else if (item->kind == WC_NODE_MAP)
            made = canon_item(load, field, item, &inner);
        else if (item->kind != WC_NODE_BAD)
            made = wc_canon_refuse(load, &item_row, item, &inner);
        if (made != NULL && item->kind == WC_NODE_MAP && finish != NULL)
            finish(load, made);
        wc_node_add(load->arena, out, made == NULL ? bad_at(load, item) : made);
    }
    return out;
}

/* A template whose braces hold a colon may stand for more than one field. */
static bool hides_colons(const char *text)
{
    const char *brace = strstr(text, "${");
    return brace != NULL && brace[strcspn(brace, ":}")] == ':';
}

static struct wc_node *expand_device(struct wc_load *load, struct wc_node *item)
{
    struct wc_arena *arena = load->arena;
    if (wc_canon_is_template(load, item) && hides_colons(item->text))
        return item;
    char *text = wc_arena_strdup(arena, item->text);
    char *target = strchr(text, ':'), *permissions = NULL;
    if (target != NULL) {
        *target++ = '\0';
        permissions = strchr(target, ':');
    }
    if (permissions != NULL)
        *permissions++ = '\0';
    if (target == NULL || *target == '\0')
        target = text;
    struct wc_node *out = wc_node_new(arena, WC_NODE_MAP, item);
    wc_node_put(arena, out, "source", wc_node_string(arena, text, item));
    wc_node_put(arena, out, "target", wc_node_string(arena, target, item));
    wc_node_put(arena, out, "permissions",
                wc_node_string(arena, permissions == NULL ? "rwm" : permissions, item));
    return out;
}

static struct wc_node *canon_devices(struct wc_load *load, const struct wc_field *field,
                                     struct wc_node *node, const struct wc_where *where)
{
    struct wc_node *out = wc_canon_mixed(load, field, node, where, expand_device, NULL);
    for (size_t i = 0; i < out->n; i++) {
        const char *permissions = wc_node_text(out->items[i], "permissions");
        if (out->items[i]->kind == WC_NODE_MAP && (wc_node_get(out->items[i], "source") == NULL ||
                                                   wc_node_get(out->items[i], "target") == NULL)) {
            wc_report(load, WC_E_MISSING, node->items[i], "a device needs 'source' and 'target'");
            out->items[i] = bad_at(load, out->items[i]);
            continue;
        }
        bool open = load->options->no_interpolate && permissions != NULL &&
                    strchr(permissions, '$') != NULL;
        if (permissions == NULL || open || strspn(permissions, "rwm") == strlen(permissions))
            continue;
        wc_report(load, WC_E_VALUE, out->items[i], "device permissions are of r, w and m, not '%s'",
                  permissions);
        out->items[i] = bad_at(load, out->items[i]);
    }
    return out;
}

static void decode_devices(struct wc_load *load, const struct wc_field *field,
                           const struct wc_node *node, void *dst)
{
    (void)field;
    for (size_t i = 0; i < node->n; i++) {
        const struct wc_node *item = node->items[i];
        const char *source = wc_node_text(item, "source"), *target = wc_node_text(item, "target");
        if (source == NULL || target == NULL ||
            (load->options->no_interpolate && strchr(source, '$') != NULL))
            continue;
        if (source[0] != '/') {
            wc_report_not_yet(load, item->at, item->span,
                              "device '%s' is not carried out yet: only paths are", source);
            continue;
        }
        const char *permissions = wc_node_text(item, "permissions");
        wc_strv_add(load->arena, dst,
                    wc_arena_printf(load->arena, "%s:%s:%s", source, target,
                                    permissions == NULL ? "rwm" : permissions));
    }
}

static struct wc_node *canon_limit(struct wc_load *load, struct wc_node *node,
                                   const struct wc_where *where)
{
    static const struct wc_field row = { .type = &wc_type_int };
    struct wc_node *out = wc_canon_value(load, &row, node, where);
    if (out->kind == WC_NODE_INT && out->integer < -1)
        return wc_canon_bad(load, node, "%s is -1 (no limit) or more", wc_where_text(load, where));
    return out;
}

static struct wc_node *canon_ulimit(struct wc_load *load, struct wc_node *node,
                                    const struct wc_where *where)
{
    static const char *const words[] = { "hard", "soft" };
    if (node->kind == WC_NODE_BAD || node->tag == WC_TAG_RESET)
        return node;
    if (node->kind != WC_NODE_MAP)
        return canon_limit(load, node, where);
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_MAP, node);
    for (size_t i = 0; i < node->n; i++) {
        struct wc_member *m = &node->members[i];
        struct wc_where inner = { where, m->key, m->key_at, m->key_span, 0 };
        if (wc_streq(m->key, "hard") || wc_streq(m->key, "soft") || wc_str_starts(m->key, "x-")) {
            struct wc_node *value =
                m->key[0] == 'x' ? m->value : canon_limit(load, m->value, &inner);
            wc_node_put_at(load->arena, out, m, value);
            continue;
        }
        struct wc_diag *diag =
            wc_report_at(load, WC_E_UNKNOWN_KEY, m->key_at, m->key_span, "unknown key '%s' in %s",
                         m->key, wc_where_text(load, where));
        wc_hint_words(load, diag, m->key, words, 2, true);
    }
    for (size_t i = 0; i < 2; i++)
        if (wc_node_get(out, words[i]) == NULL)
            wc_report_at(load, WC_E_MISSING, where->key_at, where->key_span, "%s needs '%s'",
                         wc_where_text(load, where), words[i]);
    return out;
}

static struct wc_node *canon_ulimits(struct wc_load *load, const struct wc_field *field,
                                     struct wc_node *node, const struct wc_where *where)
{
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_MAP, node);
    size_t n_names = 0;
    while (field->words[n_names] != NULL)
        n_names++;
    for (size_t i = 0; i < node->n; i++) {
        struct wc_member *m = &node->members[i];
        struct wc_where inner = { where, m->key, m->key_at, m->key_span, 0 };
        size_t known = 0;
        while (known < n_names && !wc_streq(field->words[known], m->key))
            known++;
        if (known == n_names) {
            struct wc_diag *diag = wc_report_at(load, WC_E_UNKNOWN_KEY, m->key_at, m->key_span,
                                                "no limit is called '%s'", m->key);
            wc_hint_words(load, diag, m->key, field->words, n_names, true);
            continue;
        }
        wc_node_put_at(load->arena, out, m, canon_ulimit(load, m->value, &inner));
    }
    return out;
}

struct ulimit_list {
    struct wc_ulimit *items;
    size_t n;
};

/* A limit that is still null after merging, where null leaves what an earlier file says. */
static bool refuse_null(struct wc_load *load, const char *name, const struct wc_node *value)
{
    if (value == NULL || value->kind != WC_NODE_NULL)
        return false;
    wc_report(load, WC_E_TYPE, value, "the limit '%s' takes a number, not nothing", name)->hint =
        "-1 means no limit; remove the line to leave it as it is";
    return true;
}

static void decode_ulimits(struct wc_load *load, const struct wc_field *field,
                           const struct wc_node *node, void *dst)
{
    (void)field;
    struct ulimit_list list = { WC_NEW_ARRAY(load->arena, struct wc_ulimit, node->n + 1), 0 };
    for (size_t i = 0; i < node->n; i++) {
        const struct wc_node *value = node->members[i].value;
        const struct wc_node *soft = value, *hard = value;
        if (value->kind == WC_NODE_MAP) {
            soft = wc_node_get(value, "soft");
            hard = wc_node_get(value, "hard");
        }
        if (refuse_null(load, node->members[i].key, soft) ||
            (hard != soft && refuse_null(load, node->members[i].key, hard)))
            continue;
        if (soft == NULL || hard == NULL || soft->kind != WC_NODE_INT || hard->kind != WC_NODE_INT)
            continue;
        if (hard->integer != -1 && (soft->integer == -1 || soft->integer > hard->integer))
            wc_report(load, WC_E_VALUE, soft, "the soft limit of '%s' is above the hard one",
                      node->members[i].key);
        list.items[list.n++] =
            (struct wc_ulimit){ node->members[i].key, soft->integer, hard->integer };
    }
    memcpy(dst, &list, sizeof list);
}

/* A list of names to a map of sections, each made by `fill`. */
static struct wc_node *list_to_map(struct wc_load *load, const struct wc_field *field,
                                   struct wc_node *node, const struct wc_where *where,
                                   struct wc_node *(*fill)(struct wc_load *,
                                                           const struct wc_node *))
{
    struct wc_node *items = wc_type_strings.canon(load, field, node, where);
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_MAP, node);
    for (size_t i = 0; i < items->n; i++) {
        struct wc_node *item = items->items[i];
        if (item->kind != WC_NODE_STRING)
            continue;
        struct wc_member member = { item->text, item->at, item->span, NULL };
        wc_node_put_at(load->arena, out, &member, fill(load, item));
    }
    return out;
}

static struct wc_node *default_dep(struct wc_load *load, const struct wc_node *item)
{
    struct wc_node *dep = wc_node_new(load->arena, WC_NODE_MAP, item);
    wc_node_put(load->arena, dep, "condition",
                wc_node_string(load->arena, "service_started", item));
    wc_node_put(load->arena, dep, "required", wc_node_boolean(load->arena, true, item));
    return dep;
}

static struct wc_node *canon_depends_on(struct wc_load *load, const struct wc_field *field,
                                        struct wc_node *node, const struct wc_where *where)
{
    if (node->kind == WC_NODE_LIST)
        return list_to_map(load, field, node, where, default_dep);
    struct wc_node *out = wc_type_entries.canon(load, field, node, where);
    for (size_t i = 0; i < out->n; i++) {
        struct wc_node *dep = out->members[i].value;
        /* A map gets no defaults here: they would hide what an earlier file says. */
        if (dep->kind == WC_NODE_NULL && dep->tag != WC_TAG_RESET)
            out->members[i].value = default_dep(load, dep);
    }
    return out;
}

static bool truth(const struct wc_node *map, const char *key, bool fallback)
{
    const struct wc_node *value = wc_node_get(map, key);
    return value == NULL || value->kind != WC_NODE_BOOL ? fallback : value->boolean;
}

struct dep_list {
    struct wc_dep *items;
    size_t n;
};

static void decode_depends_on(struct wc_load *load, const struct wc_field *field,
                              const struct wc_node *node, void *dst)
{
    struct dep_list list = { WC_NEW_ARRAY(load->arena, struct wc_dep, node->n + 1), 0 };
    wc_refuse_nulls(load, field, node, load->decoding);
    for (size_t i = 0; i < node->n; i++) {
        const struct wc_member *m = &node->members[i];
        const char *condition = wc_node_text(m->value, "condition");
        enum wc_dep_condition parsed = WC_DEP_STARTED;
        if (m->value->kind != WC_NODE_MAP)
            continue;
        if (condition != NULL && wc_streq(condition, "service_healthy"))
            parsed = WC_DEP_HEALTHY;
        if (condition != NULL && wc_streq(condition, "service_completed_successfully"))
            parsed = WC_DEP_COMPLETED;
        list.items[list.n++] = (struct wc_dep){ m->key, parsed, truth(m->value, "restart", false),
                                                truth(m->value, "required", true), m->key_at };
    }
    memcpy(dst, &list, sizeof list);
}

static struct wc_node *null_entry(struct wc_load *load, const struct wc_node *item)
{
    return wc_node_new(load->arena, WC_NODE_NULL, item);
}

static struct wc_node *canon_networks(struct wc_load *load, const struct wc_field *field,
                                      struct wc_node *node, const struct wc_where *where)
{
    if (node->kind == WC_NODE_LIST)
        return list_to_map(load, field, node, where, null_entry);
    return wc_type_entries.canon(load, field, node, where);
}

struct net_list {
    struct wc_service_net *items;
    size_t n;
};

static void decode_networks(struct wc_load *load, const struct wc_field *field,
                            const struct wc_node *node, void *dst)
{
    struct net_list list = { WC_NEW_ARRAY(load->arena, struct wc_service_net, node->n + 1), 0 };
    for (size_t i = 0; i < node->n; i++) {
        const struct wc_member *m = &node->members[i];
        struct wc_service_net *net = &list.items[list.n++];
        struct wc_where entry = { load->decoding, m->key, m->key_at, m->key_span, 0 };
        net->network = m->key;
        net->at = m->key_at;
        if (m->value->kind == WC_NODE_MAP)
            wc_decode_section(load, field->sub, m->value, net, &entry);
    }
    memcpy(dst, &list, sizeof list);
}

static struct wc_node *expand_env_file(struct wc_load *load, struct wc_node *item)
{
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_MAP, item);
    wc_node_put(load->arena, out, "path", item);
    return out;
}

static struct wc_node *canon_env_files(struct wc_load *load, const struct wc_field *field,
                                       struct wc_node *node, const struct wc_where *where)
{
    return wc_canon_mixed(load, field, node, where, expand_env_file, NULL);
}

const char *wc_ident_text(struct wc_arena *arena, const struct wc_node *item)
{
    (void)arena;
    return item->text;
}

static const char *member_text(const struct wc_node *item, const char *key)
{
    const char *text = wc_node_text(item, key);
    return text == NULL ? "" : text;
}

const char *wc_ident_target(struct wc_arena *arena, const struct wc_node *item)
{
    (void)arena;
    if (item->kind == WC_NODE_STRING) /* not expanded */
        return item->text;
    const char *target = wc_node_text(item, "target");
    return target == NULL ? member_text(item, "source") : target;
}

const char *wc_ident_path(struct wc_arena *arena, const struct wc_node *item)
{
    (void)arena;
    return member_text(item, "path");
}

const char *wc_ident_subnet(struct wc_arena *arena, const struct wc_node *item)
{
    (void)arena;
    return member_text(item, "subnet");
}

const struct wc_type wc_type_devices = { .expects = "a list of devices",
                                         .kinds = LIST,
                                         .canon = canon_devices,
                                         .decode = decode_devices,
                                         .brief = "[/dev/a:/dev/b:rwm]",
                                         .schema = SCHEMA_LIST(SCHEMA_EITHER(SCHEMA_STRING, "@")) };
const struct wc_type wc_type_ulimits = {
    .expects = "a map of limits",
    .kinds = MAP,
    .canon = canon_ulimits,
    .decode = decode_ulimits,
    .brief = "{nofile: 1024}",
    .schema =
        "{'type':'object','propertyNames':%,'additionalProperties':{'anyOf':[{'type':'integer','"
        "minimum':-1},{'type':'string','pattern':'^[-+]?[0-9][0-9a-zA-Z_.+-]*$|[$]'},@]}}"
};
const struct wc_type wc_type_depends_on = {
    .expects = "a list of services or a map",
    .kinds = LIST | MAP,
    .canon = canon_depends_on,
    .decode = decode_depends_on,
    .brief = "[service]",
    .schema = SCHEMA_EITHER(SCHEMA_MAP(SCHEMA_EITHER("@", SCHEMA_NULL)), SCHEMA_LIST(SCHEMA_STRING))
};
const struct wc_type wc_type_networks = {
    .expects = "a list of networks or a map",
    .kinds = LIST | MAP,
    .canon = canon_networks,
    .decode = decode_networks,
    .brief = "[network]",
    .schema = SCHEMA_EITHER(SCHEMA_MAP(SCHEMA_EITHER("@", SCHEMA_NULL)), SCHEMA_LIST(SCHEMA_STRING))
};
const struct wc_type wc_type_names = {
    .expects = "a list of names or a map",
    .kinds = LIST | MAP,
    .canon = canon_networks,
    .brief = "[name]",
    .schema = SCHEMA_EITHER(SCHEMA_MAP(SCHEMA_EITHER("@", SCHEMA_NULL)), SCHEMA_LIST(SCHEMA_STRING))
};
const struct wc_type wc_type_env_files = {
    .expects = "a path or a list of paths",
    .kinds = STRING | LIST,
    .canon = canon_env_files,
    .brief = "a.env",
    .schema = SCHEMA_EITHER(SCHEMA_STRING, SCHEMA_LIST(SCHEMA_EITHER(SCHEMA_STRING, "@")))
};
