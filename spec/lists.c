/* lists.c - lists and maps of strings, and the generic containers of sections. Long forms: lists
 * stay lists, every K=V notation becomes a map.
 */
#include "spec/types.h"

#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "base/units.h"
#include "spec/kinds.h"

/* Checks the items of a list of strings; whole numbers are taken as text where `numbers` says so.
 */
static struct wc_node *canon_items(struct wc_load *load, struct wc_node *node,
                                   const struct wc_where *where, bool numbers)
{
    static const struct wc_field item_string = { .type = &wc_type_string };
    static const struct wc_field item_text = { .type = &wc_type_text };
    static const struct wc_type whole_type = { .expects = "a string or a whole number" };
    static const struct wc_field item_whole = { .type = &whole_type };
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_LIST, node);
    wc_node_reserve(load->arena, out, node->n);
    for (size_t i = 0; i < node->n; i++) {
        struct wc_where inner = { where->up, where->name, { 0 }, 0, i + 1 };
        struct wc_node *item = node->items[i];
        if (item->kind == WC_NODE_NULL || (numbers && item->kind == WC_NODE_FLOAT))
            item = wc_canon_refuse(load, numbers ? &item_whole : &item_string, item, &inner);
        wc_node_add(load->arena, out,
                    wc_canon_value(load, numbers ? &item_text : &item_string, item, &inner));
    }
    return out;
}

static struct wc_node *canon_strings(struct wc_load *load, const struct wc_field *field,
                                     struct wc_node *node, const struct wc_where *where)
{
    if (node->kind == WC_NODE_STRING) {
        struct wc_node *out = wc_node_new(load->arena, WC_NODE_LIST, node);
        wc_node_add(load->arena, out, node);
        return out;
    }
    return canon_items(load, node, where, field->type == &wc_type_texts);
}

static struct wc_node *canon_command(struct wc_load *load, const struct wc_field *field,
                                     struct wc_node *node, const struct wc_where *where)
{
    if (node->kind == WC_NODE_STRING)
        return wc_split_command(load, node);
    return canon_strings(load, field, node, where);
}

static struct wc_node *canon_test(struct wc_load *load, const struct wc_field *field,
                                  struct wc_node *node, const struct wc_where *where)
{
    static const char *const words[] = { "CMD", "CMD-SHELL", "NONE" };
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_LIST, node);
    if (node->kind == WC_NODE_STRING) {
        wc_node_add(load->arena, out, wc_node_string(load->arena, "CMD-SHELL", node));
        wc_node_add(load->arena, out, node);
        return out;
    }
    out = canon_strings(load, field, node, where);
    if (out->n == 0 || out->items[0]->kind != WC_NODE_STRING)
        return out;
    const char *first = out->items[0]->text;
    for (size_t i = 0; i < WC_COUNT(words); i++)
        if (wc_streq(first, words[i]))
            return out;
    struct wc_diag *diag = wc_report(load, WC_E_VALUE, out->items[0],
                                     "%s starts with CMD, CMD-SHELL or NONE, not '%s'",
                                     wc_where_text(load, where), first);
    wc_hint_words(load, diag, first, words, WC_COUNT(words), false);
    wc_node_spoil(out);
    return out;
}

static void decode_strv(struct wc_load *load, const struct wc_field *field,
                        const struct wc_node *node, void *dst)
{
    (void)field;
    struct wc_strv *list = dst;
    list->items = WC_NEW_ARRAY(load->arena, const char *, node->n + 1);
    list->set = true;
    for (size_t i = 0; i < node->n; i++)
        if (node->items[i]->kind == WC_NODE_STRING)
            list->items[list->n++] = node->items[i]->text;
}

/* One "K=V" or "K" of a list. */
static void canon_pair(struct wc_load *load, struct wc_node *out, struct wc_node *item,
                       bool open_keys)
{
    const char *equals = strchr(item->text, '=');
    size_t len = equals == NULL ? strlen(item->text) : (size_t)(equals - item->text);
    struct wc_member member = { .key_at = item->at, .key_span = item->span };
    if (!wc_budget_check(&load->budget, load->diags, WC_LIMIT_KEY_BYTES, len, item->at, item->span))
        return;
    member.key = wc_arena_strndup(load->arena, item->text, len);
    struct wc_node *value = wc_node_string(load->arena, equals == NULL ? "" : equals + 1, item);
    if (equals == NULL && open_keys)
        value = wc_node_new(load->arena, WC_NODE_NULL, item);
    wc_node_put_at(load->arena, out, &member, value);
}

static struct wc_node *canon_kv_list(struct wc_load *load, const struct wc_field *field,
                                     struct wc_node *node, const struct wc_where *where)
{
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_MAP, node);
    struct wc_node *items = canon_items(load, node, where, false);
    bool ok = true;
    for (size_t i = 0; i < items->n; i++) {
        if (items->items[i]->kind == WC_NODE_STRING)
            canon_pair(load, out, items->items[i], field->type == &wc_type_env);
        else
            ok = false;
    }
    if (!ok)
        wc_node_spoil(out);
    return out;
}

static struct wc_node *canon_kv_value(struct wc_load *load, const struct wc_field *field,
                                      struct wc_node *value, const struct wc_where *where)
{
    static const struct wc_type scalar_type = { .expects = "a string, a number, true or false",
                                                .kinds = STRING,
                                                .null_ok = true };
    static const struct wc_field scalar = { .type = &scalar_type };
    if (value->kind == WC_NODE_BAD || value->tag == WC_TAG_RESET || value->kind == WC_NODE_STRING)
        return value;
    if (!wc_node_is_scalar(value))
        return wc_canon_refuse(load, &scalar, value, where);
    if (value->kind == WC_NODE_NULL && field->type == &wc_type_env)
        return value;
    struct wc_node *out = wc_node_string(load->arena, value->text, value);
    out->tag = value->tag;
    return out;
}

static struct wc_node *canon_kv(struct wc_load *load, const struct wc_field *field,
                                struct wc_node *node, const struct wc_where *where)
{
    if (node->kind == WC_NODE_LIST)
        return canon_kv_list(load, field, node, where);
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_MAP, node);
    wc_node_reserve(load->arena, out, node->n);
    for (size_t i = 0; i < node->n; i++) {
        struct wc_member *member = &node->members[i];
        struct wc_where inner = { where, member->key, member->key_at, member->key_span, 0 };
        wc_node_put_at(load->arena, out, member,
                       canon_kv_value(load, field, member->value, &inner));
    }
    return out;
}

static void decode_kvs(struct wc_load *load, const struct wc_field *field,
                       const struct wc_node *node, void *dst)
{
    (void)field;
    struct wc_kvs *kvs = dst;
    kvs->items = WC_NEW_ARRAY(load->arena, struct wc_kv, node->n + 1);
    for (size_t i = 0; i < node->n; i++) {
        const struct wc_member *m = &node->members[i];
        if (m->value->kind == WC_NODE_BAD)
            continue;
        kvs->items[kvs->n++] =
            (struct wc_kv){ m->key, m->value->kind == WC_NODE_NULL ? NULL : m->value->text };
    }
}

/* "host=ip" without the brackets that may stand around the address. */
static struct wc_node *host_entry(struct wc_load *load, const char *host, int host_len,
                                  const char *ip, const struct wc_node *like)
{
    size_t len = strlen(ip);
    if (len >= 2 && ip[0] == '[' && ip[len - 1] == ']')
        ip++, len -= 2;
    return wc_node_string(
        load->arena, wc_arena_printf(load->arena, "%.*s=%.*s", host_len, host, (int)len, ip), like);
}

/* "host=ip" or "host:ip" */
static struct wc_node *canon_host(struct wc_load *load, struct wc_node *item)
{
    const char *sign = strchr(item->text, '=');
    if (sign == NULL)
        sign = strchr(item->text, ':');
    if (wc_canon_is_template(load, item) && (sign == NULL || sign[1] == '\0'))
        return item;
    if (sign == NULL || sign == item->text || sign[1] == '\0')
        return wc_canon_bad(load, item, "an extra host is 'name=address', not '%s'", item->text);
    return host_entry(load, item->text, (int)(sign - item->text), sign + 1, item);
}

static void add_host(struct wc_load *load, struct wc_node *out, const struct wc_member *m,
                     struct wc_node *ip)
{
    if (ip->kind != WC_NODE_STRING) {
        if (ip->kind != WC_NODE_BAD)
            wc_report(load, WC_E_TYPE, ip, "the address of host '%s' is a string, not %s", m->key,
                      wc_node_describe(ip));
        return;
    }
    wc_node_add(load->arena, out, host_entry(load, m->key, (int)strlen(m->key), ip->text, ip));
}

static struct wc_node *canon_hosts(struct wc_load *load, const struct wc_field *field,
                                   struct wc_node *node, const struct wc_where *where)
{
    (void)field;
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_LIST, node);
    if (node->kind == WC_NODE_LIST) {
        struct wc_node *items = canon_items(load, node, where, false);
        for (size_t i = 0; i < items->n; i++)
            wc_node_add(load->arena, out,
                        items->items[i]->kind == WC_NODE_STRING ? canon_host(load, items->items[i])
                                                                : items->items[i]);
        return out;
    }
    for (size_t i = 0; i < node->n; i++) {
        struct wc_member *m = &node->members[i];
        if (m->value->tag == WC_TAG_RESET)
            continue; /* a list has no members that it could take away */
        if (m->value->kind != WC_NODE_LIST)
            add_host(load, out, m, m->value);
        for (size_t j = 0; m->value->kind == WC_NODE_LIST && j < m->value->n; j++)
            add_host(load, out, m, m->value->items[j]);
    }
    return out;
}

static void decode_hosts(struct wc_load *load, const struct wc_field *field,
                         const struct wc_node *node, void *dst)
{
    (void)field;
    struct wc_kvs *kvs = dst;
    kvs->items = WC_NEW_ARRAY(load->arena, struct wc_kv, node->n + 1);
    for (size_t i = 0; i < node->n; i++) {
        const char *text = node->items[i]->text, *equals = strchr(text, '=');
        if (node->items[i]->kind != WC_NODE_STRING || equals == NULL)
            continue;
        const char *host = wc_arena_strndup(load->arena, text, (size_t)(equals - text));
        kvs->items[kvs->n++] = (struct wc_kv){ host, equals + 1 };
    }
}

static struct wc_node *canon_section_type(struct wc_load *load, const struct wc_field *field,
                                          struct wc_node *node, const struct wc_where *where)
{
    return wc_canon_section(load, field->sub, node, where);
}

static struct wc_node *canon_entries(struct wc_load *load, const struct wc_field *field,
                                     struct wc_node *node, const struct wc_where *where)
{
    static const struct wc_type entry_type = {
        .expects = "a map", .kinds = MAP, .canon = canon_section_type, .null_ok = true
    };
    struct wc_field entry = {
        .type = &entry_type, .sub = field->sub, .required = field->required, .merge = WC_MERGE_MAP
    };
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_MAP, node);
    wc_node_reserve(load->arena, out, node->n);
    for (size_t i = 0; i < node->n; i++) {
        struct wc_member *member = &node->members[i];
        struct wc_where inner = { where, member->key, member->key_at, member->key_span, 0 };
        wc_node_put_at(load->arena, out, member,
                       wc_canon_value(load, &entry, member->value, &inner));
    }
    return out;
}

static struct wc_node *canon_item_sections(struct wc_load *load, const struct wc_field *field,
                                           struct wc_node *node, const struct wc_where *where)
{
    static const struct wc_type item_type = { .expects = "a map",
                                              .kinds = MAP,
                                              .canon = canon_section_type };
    struct wc_field entry = { .type = &item_type, .sub = field->sub, .required = field->required };
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_LIST, node);
    wc_node_reserve(load->arena, out, node->n);
    for (size_t i = 0; i < node->n; i++) {
        struct wc_where inner = { where->up, where->name, { 0 }, 0, i + 1 };
        wc_node_add(load->arena, out, wc_canon_value(load, &entry, node->items[i], &inner));
    }
    return out;
}

const struct wc_type wc_type_strings = { .expects = "a list of strings",
                                         .kinds = LIST,
                                         .canon = canon_strings,
                                         .decode = decode_strv,
                                         .schema = SCHEMA_LIST(SCHEMA_STRING) };
const struct wc_type wc_type_texts = { .expects = "a list",
                                       .kinds = LIST,
                                       .canon = canon_strings,
                                       .decode = decode_strv,
                                       .schema = SCHEMA_LIST(SCHEMA_STRING_OR_NUMBER) };
const struct wc_type wc_type_string_or_list = { .expects = "a string or a list of strings",
                                                .kinds = STRING | LIST,
                                                .canon = canon_strings,
                                                .decode = decode_strv,
                                                .brief = "a",
                                                .schema = SCHEMA_EITHER(
                                                    SCHEMA_STRING, SCHEMA_LIST(SCHEMA_STRING)) };
const struct wc_type wc_type_command = { .expects = "a string or a list of strings",
                                         .kinds = STRING | LIST,
                                         .canon = canon_command,
                                         .decode = decode_strv,
                                         .null_ok = true,
                                         .brief = "prog -o arg",
                                         .schema = SCHEMA_ONE_OF_3(SCHEMA_NULL, SCHEMA_STRING,
                                                                   SCHEMA_LIST(SCHEMA_STRING)) };
const struct wc_type wc_type_test = { .expects = "a string or a list of strings",
                                      .kinds = STRING | LIST,
                                      .canon = canon_test,
                                      .decode = decode_strv,
                                      .brief = "curl -f localhost",
                                      .schema = SCHEMA_EITHER(SCHEMA_STRING,
                                                              SCHEMA_LIST(SCHEMA_STRING)) };
const struct wc_type wc_type_kv = { .expects = "a map, or a list of KEY=value",
                                    .kinds = LIST | MAP,
                                    .canon = canon_kv,
                                    .decode = decode_kvs,
                                    .brief = "[KEY=value]",
                                    .schema = SCHEMA_EITHER(
                                        SCHEMA_MAP("{'type':['string','number','boolean','null']}"),
                                        SCHEMA_LIST(SCHEMA_STRING)) };
const struct wc_type wc_type_env = {
    .expects = "a map, or a list of KEY=value",
    .kinds = LIST | MAP,
    .canon = canon_kv,
    .decode = decode_kvs,
    .brief = "[KEY=value, KEY]",
    .schema = SCHEMA_EITHER(SCHEMA_MAP("{'type':['string','number','boolean','null']}"),
                            SCHEMA_LIST(SCHEMA_STRING))
};
const struct wc_type wc_type_hosts = {
    .expects = "a map, or a list of name=address",
    .kinds = LIST | MAP,
    .canon = canon_hosts,
    .decode = decode_hosts,
    .brief = "[name=address]",
    .schema = SCHEMA_EITHER(SCHEMA_MAP(SCHEMA_EITHER(SCHEMA_STRING, SCHEMA_LIST(SCHEMA_STRING))),
                            SCHEMA_LIST(SCHEMA_STRING))
};
const struct wc_type wc_type_section = {
    .expects = "a map", .kinds = MAP, .canon = canon_section_type, .schema = "@"
};
const struct wc_type wc_type_entries = { .expects = "a map",
                                         .kinds = MAP,
                                         .canon = canon_entries,
                                         .null_ok = true,
                                         .schema = SCHEMA_MAP(SCHEMA_EITHER("@", SCHEMA_NULL)) };
const struct wc_type wc_type_items = { .expects = "a list of maps",
                                       .kinds = LIST,
                                       .canon = canon_item_sections,
                                       .schema = SCHEMA_LIST("@") };

static void decode_hook(struct wc_load *load, const struct wc_node *item, struct wc_hook *hook)
{
    const struct wc_node *command = wc_node_get(item, "command");
    const struct wc_node *environment = wc_node_get(item, "environment");
    const struct wc_node *privileged = wc_node_get(item, "privileged");
    hook->at = item->at;
    if (command != NULL && command->kind == WC_NODE_LIST)
        decode_strv(load, NULL, command, &hook->command);
    if (environment != NULL && environment->kind == WC_NODE_MAP)
        decode_kvs(load, NULL, environment, &hook->environment);
    hook->user = wc_node_text(item, "user");
    hook->working_dir = wc_node_text(item, "working_dir");
    hook->privileged =
        privileged != NULL && privileged->kind == WC_NODE_BOOL && privileged->boolean;
}

static void decode_hooks(struct wc_load *load, const struct wc_field *field,
                         const struct wc_node *node, void *dst)
{
    struct {
        struct wc_hook *items;
        size_t n;
    } *list = dst;
    (void)field;
    list->items = WC_NEW_ARRAY(load->arena, struct wc_hook, node->n + 1);
    for (size_t i = 0; i < node->n; i++)
        if (node->items[i]->kind == WC_NODE_MAP)
            decode_hook(load, node->items[i], &list->items[list->n++]);
}

const struct wc_type wc_type_hooks = { .expects = "a list of maps",
                                       .kinds = LIST,
                                       .canon = canon_item_sections,
                                       .decode = decode_hooks,
                                       .schema = SCHEMA_LIST("@") };

/* Of {path, rate} or {path, weight}. */
static void decode_io_list(struct wc_load *load, const struct wc_field *field,
                           const struct wc_node *node, void *dst)
{
    struct wc_io_list *list = dst;
    (void)field;
    list->items = WC_NEW_ARRAY(load->arena, struct wc_io_device, node->n + 1);
    for (size_t i = 0; i < node->n; i++) {
        const struct wc_node *item = node->items[i];
        const struct wc_node *rate = wc_node_get(item, "rate");
        const struct wc_node *weight = wc_node_get(item, "weight");
        const char *path = wc_node_text(item, "path");
        struct wc_io_device *device = &list->items[list->n++];
        *device = (struct wc_io_device){ .path = path != NULL ? path : "",
                                         .value = WC_UNSET,
                                         .at = item->at };
        if (weight != NULL && weight->kind == WC_NODE_INT)
            device->value = weight->integer;
        if (rate != NULL && rate->text != NULL && !wc_bytes_parse(rate->text, &device->value))
            device->value = WC_UNSET;
    }
}

const struct wc_type wc_type_io_list = { .expects = "a list of maps",
                                         .kinds = LIST,
                                         .canon = canon_item_sections,
                                         .decode = decode_io_list,
                                         .schema = SCHEMA_LIST("@") };
