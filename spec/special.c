/* special.c - restart, stop_signal, pull_policy, container_name, oom_score_adj, memswap_limit,
 * mem_swappiness, cpu_rt_period, file modes.
 */
#include "spec/special.h"

#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "base/units.h"
#include "spec/kinds.h"
#include "spec/types.h"

#define NUMBERS (WC_KIND(WC_NODE_INT) | WC_KIND(WC_NODE_FLOAT) | STRING)

static void decode_text(struct wc_load *load, const struct wc_field *field,
                        const struct wc_node *node, void *dst)
{
    wc_type_string.decode(load, field, node, dst);
}

/* Reports E102 with a suggestion among words. */
static struct wc_node *refuse_word(struct wc_load *load, struct wc_node *node,
                                   const struct wc_where *where, const char *const *words, size_t n)
{
    struct wc_node *bad =
        wc_canon_bad(load, node, "%s can't be '%s'", wc_where_text(load, where), node->text);
    wc_hint_words(load, load->diags->last, node->text, words, n, true);
    return bad;
}

static struct wc_node *canon_restart(struct wc_load *load, const struct wc_field *field,
                                     struct wc_node *node, const struct wc_where *where)
{
    static const char *const words[] = { "no", "always", "on-failure", "unless-stopped" };
    int64_t max;
    (void)field;
    for (size_t i = 0; i < WC_COUNT(words); i++)
        if (wc_streq(node->text, words[i]))
            return node;
    if (node->text[0] == '\0' || (wc_str_starts(node->text, "on-failure:") &&
                                  wc_str_to_i64(node->text + 11, 0, INT32_MAX, &max)))
        return node;
    return refuse_word(load, node, where, words, WC_COUNT(words));
}

static struct wc_node *canon_signal(struct wc_load *load, const struct wc_field *field,
                                    struct wc_node *node, const struct wc_where *where)
{
    static const char *const words[] = { "SIGTERM", "SIGINT",  "SIGQUIT", "SIGHUP",
                                         "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGWINCH" };
    (void)field;
    if (wc_signal_number(node->text) != 0 || node->text[0] == '\0')
        return node;
    return refuse_word(load, node, where, words, WC_COUNT(words));
}

static struct wc_node *canon_pull_policy(struct wc_load *load, const struct wc_field *field,
                                         struct wc_node *node, const struct wc_where *where)
{
    static const char *const words[] = { "always", "never",   "missing", "if_not_present",
                                         "build",  "refresh", "daily",   "weekly" };
    int64_t ms;
    (void)field;
    if (wc_streq(node->text, "if_not_present"))
        return wc_node_string(load->arena, "missing", node);
    for (size_t i = 0; i < WC_COUNT(words); i++)
        if (wc_streq(node->text, words[i]))
            return node;
    if (node->text[0] == '\0' ||
        (wc_str_starts(node->text, "every_") && wc_duration_parse(node->text + 6, &ms)))
        return node;
    return refuse_word(load, node, where, words, WC_COUNT(words));
}

static struct wc_node *canon_container_name(struct wc_load *load, const struct wc_field *field,
                                            struct wc_node *node, const struct wc_where *where)
{
    (void)field, (void)where;
    size_t len = strlen(node->text), n = 0;
    while (n < len &&
           (wc_ascii_isalnum(node->text[n]) || (n > 0 && strchr("_.-", node->text[n]) != NULL)))
        n++;
    if (n == len && len >= 2)
        return node;
    struct wc_diag *diag =
        wc_report(load, WC_E_NAME, node, "'%s' can't name a container", node->text);
    diag->hint = "two or more letters, digits, '_', '.' and '-', the first a letter or digit";
    struct wc_node *bad = wc_node_copy(load->arena, node);
    bad->kind = WC_NODE_BAD;
    return bad;
}

static struct wc_node *canon_oom_score(struct wc_load *load, const struct wc_field *field,
                                       struct wc_node *node, const struct wc_where *where)
{
    struct wc_node *out = wc_type_int.canon(load, field, node, where);
    if (out->kind == WC_NODE_INT && (out->integer < -1000 || out->integer > 1000))
        return wc_canon_bad(load, node, "%s must be between -1000 and 1000",
                            wc_where_text(load, where));
    return out;
}

static void decode_int(struct wc_load *load, const struct wc_field *field,
                       const struct wc_node *node, void *dst)
{
    wc_type_int.decode(load, field, node, dst);
}

static struct wc_node *canon_memswap(struct wc_load *load, const struct wc_field *field,
                                     struct wc_node *node, const struct wc_where *where)
{
    return wc_type_bytes_m1.canon(load, field, node, where);
}

static void decode_memswap(struct wc_load *load, const struct wc_field *field,
                           const struct wc_node *node, void *dst)
{
    if (wc_streq(node->text, "-1"))
        *(int64_t *)dst = INT64_MAX;
    else
        wc_type_bytes.decode(load, field, node, dst);
}

static struct wc_node *canon_swappiness(struct wc_load *load, const struct wc_field *field,
                                        struct wc_node *node, const struct wc_where *where)
{
    int64_t percent;
    (void)field;
    if (!wc_str_to_i64(node->text, 0, 100, &percent))
        return wc_canon_bad(load, node, "%s is a percentage from 0 to 100, not '%s'",
                            wc_where_text(load, where), node->raw);
    return node->kind == WC_NODE_STRING ? node : wc_node_string(load->arena, node->text, node);
}

/* Microseconds; the specification writes durations too, which docker compose refuses. */
static struct wc_node *canon_micros(struct wc_load *load, const struct wc_field *field,
                                    struct wc_node *node, const struct wc_where *where)
{
    int64_t ms, number;
    if (node->kind == WC_NODE_STRING && !wc_str_to_i64(node->text, INT64_MIN, INT64_MAX, &number)) {
        if (wc_duration_parse(node->text, &ms) && ms <= INT32_MAX)
            return wc_node_integer(load->arena, ms * 1000, node);
        return wc_canon_bad(load, node,
                            "%s takes microseconds or a duration such as 400ms, not '%s'",
                            wc_where_text(load, where), node->raw);
    }
    return wc_type_int.canon(load, field, node, where);
}

/* A number is what YAML made of it (0440 is octal there), a string is octal; the long form is four
 * octal digits. */
static struct wc_node *canon_file_mode(struct wc_load *load, const struct wc_field *field,
                                       struct wc_node *node, const struct wc_where *where)
{
    int64_t mode = node->kind == WC_NODE_INT ? node->integer : 0;
    (void)field;
    for (const char *p = node->text; node->kind == WC_NODE_STRING && *p != '\0'; p++)
        mode = *p < '0' || *p > '7' || mode > 07777 ? 010000 : mode * 8 + (*p - '0');
    if (mode >= 0 && mode <= 07777 && node->text[0] != '\0')
        return wc_node_string(
            load->arena, wc_arena_printf(load->arena, "%04llo", (unsigned long long)mode), node);
    return wc_canon_bad(load, node, "%s is an octal mode such as \"0440\", not '%s'",
                        wc_where_text(load, where), node->raw);
}

/* A rule that requires nothing is none. */
static struct wc_node *canon_level(struct wc_load *load, const struct wc_field *field,
                                   struct wc_node *node, const struct wc_where *where)
{
    static const char *const words[] = { "process", "hyperv" };
    enum wc_isolation level;
    (void)field;
    if (!wc_isolation_parse(node->text, &level) || level == WC_ISOLATION_DEFAULT)
        return refuse_word(load, node, where, words, WC_COUNT(words));
    return wc_node_string(load->arena, words[level - WC_ISOLATION_PROCESS], node);
}

static void decode_rule_trust(struct wc_load *load, const struct wc_field *field,
                              const struct wc_node *node, void *dst)
{
    (void)load, (void)field;
    *(enum wc_rule_trust *)dst = wc_streq(node->text, "untrusted") ? WC_RULE_TRUST_UNTRUSTED
                                 : wc_streq(node->text, "trusted") ? WC_RULE_TRUST_TRUSTED
                                                                   : WC_RULE_TRUST_UNSET;
}

static void decode_level(struct wc_load *load, const struct wc_field *field,
                         const struct wc_node *node, void *dst)
{
    wc_type_isolation.decode(load, field, node, dst);
}

const struct wc_type wc_type_level = {
    .expects = "process or hyperv",
    .kinds = STRING,
    .canon = canon_level,
    .decode = decode_level,
    .schema = SCHEMA_EITHER("{'enum':['process','hyperv']}",
                            "{'type':'string','pattern':'[$]|^([pP][rR][oO][cC][eE][sS][sS]|"
                            "[hH][yY][pP][eE][rR][vV])$'}")
};
const struct wc_type wc_type_rule_trust = { .expects = "trusted, untrusted or unset",
                                            .kinds = STRING,
                                            .decode = decode_rule_trust };
const struct wc_type wc_type_restart = {
    .expects = "a string",
    .kinds = STRING,
    .canon = canon_restart,
    .decode = decode_text,
    .schema = SCHEMA_EITHER("{'enum':['no','always','on-failure','unless-stopped']}",
                            "{'type':'string','pattern':'[$]|^(on-failure:[0-9]+)?$'}")
};
const struct wc_type wc_type_signal = { .expects = "a signal's name",
                                        .kinds = STRING,
                                        .canon = canon_signal,
                                        .decode = decode_text,
                                        .schema = SCHEMA_STRING };
const struct wc_type wc_type_pull_policy = {
    .expects = "a string",
    .kinds = STRING,
    .canon = canon_pull_policy,
    .decode = decode_text,
    .schema = SCHEMA_EITHER(
        "{'enum':['always','never','missing','if_not_present','build','refresh','daily','weekly']}",
        "{'type':'string','pattern':'[$]|^(every_.+)?$'}")
};
const struct wc_type wc_type_container_name = { .expects = "a string",
                                                .kinds = STRING,
                                                .canon = canon_container_name,
                                                .decode = decode_text,
                                                .schema = SCHEMA_STRING };
const struct wc_type wc_type_oom_score = { .expects = "a whole number",
                                           .kinds = NUMBERS,
                                           .canon = canon_oom_score,
                                           .decode = decode_int,
                                           .schema = SCHEMA_STRING_OR_NUMBER };
const struct wc_type wc_type_memswap = { .expects = "a size such as 512m, or -1",
                                         .kinds = INT | STRING,
                                         .canon = canon_memswap,
                                         .decode = decode_memswap,
                                         .brief = "1g",
                                         .schema = SCHEMA_STRING_OR_NUMBER };
const struct wc_type wc_type_swappiness = { .expects = "a percentage, 0 to 100",
                                            .kinds = INT | STRING,
                                            .canon = canon_swappiness,
                                            .schema = SCHEMA_STRING_OR_NUMBER };
const struct wc_type wc_type_micros = { .expects = "microseconds, or a duration such as 400ms",
                                        .kinds = NUMBERS,
                                        .canon = canon_micros,
                                        .brief = "400ms",
                                        .schema = SCHEMA_STRING_OR_NUMBER };
const struct wc_type wc_type_file_mode = { .expects = "an octal mode such as 0440",
                                           .kinds = INT | STRING,
                                           .canon = canon_file_mode,
                                           .brief = "0440",
                                           .schema = SCHEMA_STRING_OR_NUMBER };
