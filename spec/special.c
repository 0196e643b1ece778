/* special.c - restart, stop_signal, pull_policy, container_name, oom_score_adj, memswap_limit. */
#include "spec/special.h"

#include <string.h>

#include "base/str.h"
#include "base/units.h"
#include "spec/types.h"

#define STRING WC_KIND(WC_NODE_STRING)
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

const struct wc_type wc_type_restart = {
    "a string", STRING, canon_restart, decode_text, false, NULL
};
const struct wc_type wc_type_signal = { "a signal's name", STRING, canon_signal,
                                        decode_text,       false,  NULL };
const struct wc_type wc_type_pull_policy = { "a string",  STRING, canon_pull_policy,
                                             decode_text, false,  NULL };
const struct wc_type wc_type_container_name = { "a string",  STRING, canon_container_name,
                                                decode_text, false,  NULL };
const struct wc_type wc_type_oom_score = { "a whole number", NUMBERS, canon_oom_score,
                                           decode_int,       false,   NULL };
const struct wc_type wc_type_memswap = { "a size such as 512m, or -1",
                                         WC_KIND(WC_NODE_INT) | STRING,
                                         canon_memswap,
                                         decode_memswap,
                                         false,
                                         NULL };
