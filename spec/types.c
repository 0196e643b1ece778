/* types.c - scalars: text, truth, numbers, sizes, durations, isolation. What docker compose drops
 * without a word (a size with a fraction) is refused.
 */
#include "spec/types.h"

#include <math.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "base/units.h"
#include "spec/addresses.h"
#include "spec/kinds.h"
#include "spec/scalar.h"

static const char size_hint[] = "a whole number and a unit: 512m, 2g, 64k, 100b";
static const char duration_hint[] = "a number and a unit (ms, s, m, h, d, w): 10s, 1m30s, 500ms";

/* Adds a hint to what was reported last. */
static void hint_last(struct wc_load *load, const char *hint)
{
    if (load->diags->last != NULL)
        load->diags->last->hint = hint;
}

/* A long form that remembers what the user wrote, for messages. */
static struct wc_node *rewritten(struct wc_load *load, const char *text, const struct wc_node *node)
{
    struct wc_node *out = wc_node_string(load->arena, text, node);
    out->raw = node->raw;
    return out;
}

static void decode_text(struct wc_load *load, const struct wc_field *field,
                        const struct wc_node *node, void *dst)
{
    (void)load, (void)field;
    *(const char **)dst = node->text[0] == '\0' ? NULL : node->text;
}

/* Long forms of text fields are strings. */
static struct wc_node *canon_text(struct wc_load *load, const struct wc_field *field,
                                  struct wc_node *node, const struct wc_where *where)
{
    (void)field, (void)where;
    return node->kind == WC_NODE_STRING ? node : wc_node_string(load->arena, node->text, node);
}

static struct wc_node *canon_bool(struct wc_load *load, const struct wc_field *field,
                                  struct wc_node *node, const struct wc_where *where)
{
    bool value;
    if (node->kind == WC_NODE_BOOL)
        return node;
    if (!wc_scalar_bool(node->text, &value))
        return wc_canon_refuse(load, field, node, where);
    return wc_node_boolean(load->arena, value, node);
}

static void decode_bool(struct wc_load *load, const struct wc_field *field,
                        const struct wc_node *node, void *dst)
{
    (void)load, (void)field;
    *(bool *)dst = node->boolean;
}

static void decode_tri(struct wc_load *load, const struct wc_field *field,
                       const struct wc_node *node, void *dst)
{
    (void)load, (void)field;
    *(enum wc_tri *)dst = node->boolean ? WC_TRI_TRUE : WC_TRI_FALSE;
}

static struct wc_node *canon_int(struct wc_load *load, const struct wc_field *field,
                                 struct wc_node *node, const struct wc_where *where)
{
    int64_t value;
    if (node->kind == WC_NODE_INT)
        return node;
    if (node->kind == WC_NODE_FLOAT && node->number == floor(node->number) &&
        fabs(node->number) < 9e15)
        return wc_node_integer(load->arena, (int64_t)node->number, node);
    if (node->kind == WC_NODE_STRING && wc_scalar_int(node->text, &value))
        return wc_node_integer(load->arena, value, node);
    return wc_canon_bad(load, node, "%s takes a whole number, not '%s'", wc_where_text(load, where),
                        field == NULL ? "" : node->raw);
}

static struct wc_node *canon_count(struct wc_load *load, const struct wc_field *field,
                                   struct wc_node *node, const struct wc_where *where)
{
    struct wc_node *out = canon_int(load, field, node, where);
    if (out->kind == WC_NODE_INT && out->integer < 0)
        return wc_canon_bad(load, node, "%s can't be negative", wc_where_text(load, where));
    return out;
}

static void decode_int(struct wc_load *load, const struct wc_field *field,
                       const struct wc_node *node, void *dst)
{
    (void)load, (void)field;
    *(int64_t *)dst = node->integer;
}

static struct wc_node *canon_number(struct wc_load *load, const struct wc_field *field,
                                    struct wc_node *node, const struct wc_where *where)
{
    double value = node->number;
    (void)field;
    if (node->kind == WC_NODE_STRING && !wc_scalar_float(node->text, &value))
        return wc_canon_bad(load, node, "%s takes a number such as 0.5, not '%s'",
                            wc_where_text(load, where), node->raw);
    if (value < 0 || value > 1e6)
        return wc_canon_bad(load, node, "%s must be between 0 and 1000000",
                            wc_where_text(load, where));
    if (node->kind != WC_NODE_STRING)
        return node;
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_FLOAT, node);
    out->number = value;
    out->text = out->raw = wc_scalar_float_text(load->arena, value);
    return out;
}

static void decode_number(struct wc_load *load, const struct wc_field *field,
                          const struct wc_node *node, void *dst)
{
    (void)load, (void)field;
    *(int64_t *)dst = (int64_t)(node->number * 1e9 + 0.5); /* not negative: canon_number */
}

static struct wc_node *canon_size(struct wc_load *load, struct wc_node *node,
                                  const struct wc_where *where, bool minus_one)
{
    int64_t bytes;
    bool is_minus_one = wc_streq(node->text, "-1");
    if (!(minus_one && is_minus_one) && !wc_bytes_parse(node->text, &bytes)) {
        struct wc_node *bad = wc_canon_bad(load, node, "%s takes a size, not '%s'",
                                           wc_where_text(load, where), node->raw);
        hint_last(load, size_hint);
        return bad;
    }
    if (is_minus_one)
        return rewritten(load, "-1", node);
    return rewritten(load, wc_arena_printf(load->arena, "%lld", (long long)bytes), node);
}

static struct wc_node *canon_bytes(struct wc_load *load, const struct wc_field *field,
                                   struct wc_node *node, const struct wc_where *where)
{
    (void)field;
    return canon_size(load, node, where, false);
}

static struct wc_node *canon_bytes_m1(struct wc_load *load, const struct wc_field *field,
                                      struct wc_node *node, const struct wc_where *where)
{
    (void)field;
    return canon_size(load, node, where, true);
}

static void decode_bytes(struct wc_load *load, const struct wc_field *field,
                         const struct wc_node *node, void *dst)
{
    (void)load, (void)field;
    if (!wc_bytes_parse(node->text, dst))
        *(int64_t *)dst = WC_UNSET;
}

static struct wc_node *canon_duration(struct wc_load *load, const struct wc_field *field,
                                      struct wc_node *node, const struct wc_where *where)
{
    (void)field;
    int64_t ns;
    if (!wc_duration_parse_ns(node->text, &ns)) {
        struct wc_node *bad = wc_canon_bad(load, node, "%s takes a duration, not '%s'",
                                           wc_where_text(load, where), node->raw);
        hint_last(load, duration_hint);
        return bad;
    }
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    wc_duration_format_ns(ns, &text);
    return rewritten(load, wc_arena_strdup(load->arena, text.data), node);
}

static void decode_duration(struct wc_load *load, const struct wc_field *field,
                            const struct wc_node *node, void *dst)
{
    (void)load, (void)field;
    if (!wc_duration_parse(node->text, dst))
        *(int64_t *)dst = WC_UNSET;
}

static const char *const isolation_words[] = { "default", "process", "hyperv" };

bool wc_isolation_parse(const char *text, enum wc_isolation *out)
{
    static const enum wc_isolation levels[] = { WC_ISOLATION_DEFAULT, WC_ISOLATION_PROCESS,
                                                WC_ISOLATION_HYPERV };
    *out = WC_ISOLATION_DEFAULT;
    for (size_t i = 0; i < WC_COUNT(isolation_words); i++) {
        if (wc_str_caseeq(text, isolation_words[i])) {
            *out = levels[i];
            return true;
        }
    }
    return text[0] == '\0';
}

static struct wc_node *canon_isolation(struct wc_load *load, const struct wc_field *field,
                                       struct wc_node *node, const struct wc_where *where)
{
    (void)field;
    enum wc_isolation level;
    if (wc_isolation_parse(node->text, &level))
        return node->text[0] == '\0' ? node
                                     : wc_node_string(load->arena, isolation_words[level], node);
    const struct wc_where *owner = where->up;
    bool service = owner != NULL && owner->up != NULL && owner->up->name != NULL &&
                   wc_streq(owner->up->name, "services");
    struct wc_diag *diag =
        wc_report(load, WC_E_ISOLATION, node, "unknown isolation '%s' for %s%s%s", node->text,
                  service ? "service '" : "", service ? owner->name : wc_where_text(load, owner),
                  service ? "'" : "");
    wc_hint_words(load, diag, node->text, isolation_words, WC_COUNT(isolation_words), true);
    struct wc_node *bad = wc_node_copy(load->arena, node);
    bad->kind = WC_NODE_BAD;
    return bad;
}

static void decode_isolation(struct wc_load *load, const struct wc_field *field,
                             const struct wc_node *node, void *dst)
{
    (void)load, (void)field;
    enum wc_isolation level;
    wc_isolation_parse(node->text, &level);
    *(enum wc_isolation *)dst = level;
}

static void decode_trust(struct wc_load *load, const struct wc_field *field,
                         const struct wc_node *node, void *dst)
{
    (void)load, (void)field;
    *(enum wc_trust *)dst =
        wc_streq(node->text, "untrusted") ? WC_TRUST_UNTRUSTED : WC_TRUST_TRUSTED;
}

static void decode_unhealthy(struct wc_load *load, const struct wc_field *field,
                             const struct wc_node *node, void *dst)
{
    (void)load, (void)field;
    *(enum wc_on_unhealthy *)dst =
        wc_streq(node->text, "restart") ? WC_ON_UNHEALTHY_RESTART : WC_ON_UNHEALTHY_NONE;
}

static void decode_accel(struct wc_load *load, const struct wc_field *field,
                         const struct wc_node *node, void *dst)
{
    (void)load, (void)field;
    *(enum wc_vm_accel *)dst = wc_streq(node->text, "kvm")   ? WC_VM_ACCEL_KVM
                               : wc_streq(node->text, "tcg") ? WC_VM_ACCEL_TCG
                                                             : WC_VM_ACCEL_AUTO;
}

const struct wc_type wc_type_string = {
    .expects = "a string", .kinds = STRING, .decode = decode_text, .schema = SCHEMA_STRING
};
const struct wc_type wc_type_ip4 = {
    .expects = "an IPv4 address",
    .kinds = STRING,
    .canon = wc_canon_ip4,
    .decode = decode_text,
    .hint = "four numbers up to 255, without zeros in front: 172.20.0.5",
    .schema = "{'type':'string','pattern':'^([0-9]{1,3}([.][0-9]{1,3}){3})?$|[$]'}"
};
const struct wc_type wc_type_ip6 = {
    .expects = "an IPv6 address",
    .kinds = STRING,
    .canon = wc_canon_ip6,
    .decode = decode_text,
    .hint = "groups of hex digits, without a prefix length: 2001:db8::5",
    .schema = "{'type':'string','pattern':'^([0-9a-fA-F]*:[0-9a-fA-F:.]*)?$|[$]'}"
};
const struct wc_type wc_type_mac = {
    .expects = "a MAC address of one card",
    .kinds = STRING,
    .canon = wc_canon_mac,
    .decode = decode_text,
    .hint = "six pairs of hex digits, the first of them even: \"02:42:ac:11:00:02\"",
    .schema = "{'type':'string','pattern':'^([0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5})?$|[$]'}"
};
const struct wc_type wc_type_text = { .expects = "a string or a number",
                                      .kinds = STRING | INT | FLOAT,
                                      .canon = canon_text,
                                      .decode = decode_text,
                                      .schema = SCHEMA_STRING_OR_NUMBER };
const struct wc_type wc_type_truth_text = { .expects = "a string, true or false",
                                            .kinds = STRING | BOOL,
                                            .canon = canon_text,
                                            .schema = "{'type':['string','boolean']}" };
const struct wc_type wc_type_word = { .expects = "a word", .kinds = STRING, .decode = decode_text };
const struct wc_type wc_type_bool = { .expects = "true or false",
                                      .kinds = BOOL | STRING,
                                      .canon = canon_bool,
                                      .decode = decode_bool,
                                      .schema = "{'type':['boolean','string']}" };
const struct wc_type wc_type_flag = {
    .expects = "true or false", .kinds = BOOL, .decode = decode_bool, .schema = "{'type':'boolean'}"
};
const struct wc_type wc_type_tri = { .expects = "true or false",
                                     .kinds = BOOL | STRING,
                                     .canon = canon_bool,
                                     .decode = decode_tri,
                                     .schema = "{'type':['boolean','string']}" };
const struct wc_type wc_type_int = { .expects = "a whole number",
                                     .kinds = INT | FLOAT | STRING,
                                     .canon = canon_int,
                                     .decode = decode_int,
                                     .schema = SCHEMA_STRING_OR_NUMBER };
const struct wc_type wc_type_whole = { .expects = "a whole number",
                                       .kinds = INT | FLOAT,
                                       .canon = canon_int,
                                       .decode = decode_int,
                                       .schema = "{'type':'number'}" };
const struct wc_type wc_type_count = { .expects = "a whole number",
                                       .kinds = INT | FLOAT | STRING,
                                       .canon = canon_count,
                                       .decode = decode_int,
                                       .schema = SCHEMA_STRING_OR_NUMBER };
const struct wc_type wc_type_number = { .expects = "a number",
                                        .kinds = INT | FLOAT | STRING,
                                        .canon = canon_number,
                                        .decode = decode_number,
                                        .schema = SCHEMA_STRING_OR_NUMBER };
const struct wc_type wc_type_bytes = { .expects = "a size such as 512m",
                                       .kinds = INT | STRING,
                                       .canon = canon_bytes,
                                       .decode = decode_bytes,
                                       .hint = size_hint,
                                       .brief = "512m",
                                       .schema = SCHEMA_STRING_OR_NUMBER };
const struct wc_type wc_type_size = { .expects = "a size such as 512m, as a string",
                                      .kinds = STRING,
                                      .canon = canon_bytes,
                                      .decode = decode_bytes,
                                      .hint = size_hint,
                                      .brief = "512m",
                                      .schema = SCHEMA_STRING };
const struct wc_type wc_type_bytes_m1 = { .expects = "a size such as 512m, or -1",
                                          .kinds = INT | STRING,
                                          .canon = canon_bytes_m1,
                                          .decode = decode_bytes,
                                          .hint = size_hint,
                                          .brief = "512m",
                                          .schema = SCHEMA_STRING_OR_NUMBER };
const struct wc_type wc_type_duration = { .expects = "a duration such as 1m30s",
                                          .kinds = STRING,
                                          .canon = canon_duration,
                                          .decode = decode_duration,
                                          .hint = duration_hint,
                                          .brief = "1m30s",
                                          .schema = SCHEMA_STRING };
const struct wc_type wc_type_isolation = {
    .expects = "default, process or hyperv",
    .kinds = STRING,
    .canon = canon_isolation,
    .decode = decode_isolation,
    .schema = SCHEMA_EITHER("{'enum':['default','process','hyperv']}",
                            "{'type':'string','pattern':'[$]|^([dD][eE][fF][aA][uU][lL][tT]|[pP]["
                            "rR][oO][cC][eE][sS][sS]|[hH][yY][pP][eE][rR][vV])?$'}")
};
const struct wc_type wc_type_trust = { .expects = "trusted or untrusted",
                                       .kinds = STRING,
                                       .decode = decode_trust };
const struct wc_type wc_type_accel = { .expects = "auto, kvm or tcg",
                                       .kinds = STRING,
                                       .decode = decode_accel };
const struct wc_type wc_type_unhealthy = { .expects = "none or restart",
                                           .kinds = STRING,
                                           .decode = decode_unhealthy };
const struct wc_type wc_type_pid = { .expects = "a string",
                                     .kinds = STRING,
                                     .decode = decode_text,
                                     .null_ok = true,
                                     .schema = "{'type':['string','null']}" };
const struct wc_type wc_type_any = {
    .expects = "anything", .kinds = ANY, .null_ok = true, .schema = "{}"
};
