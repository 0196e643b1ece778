/* rules.c - from what is and what should be to one nftables transaction.
 *
 * The difference is made element by element, so that changing one port of fifty sends two lines,
 * and a call that changes nothing sends nothing at all.
 */
#include "drivers/net/rules.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "drivers/net/rules_text.h"

#define IP_FMT "%u.%u.%u.%u"
#define IP_ARG(ip) (ip) >> 24 & 255, (ip) >> 16 & 255, (ip) >> 8 & 255, (ip)&255

static const char *proto_word(enum wc_proto proto)
{
    static const char *const words[] = {
        [WC_PROTO_TCP] = "tcp",
        [WC_PROTO_UDP] = "udp",
        [WC_PROTO_SCTP] = "sctp",
    };
    return words[proto];
}

static bool same_port(const struct wc_rules_port *a, const struct wc_rules_port *b)
{
    return a->host_ip4 == b->host_ip4 && a->host_port == b->host_port && a->proto == b->proto &&
           a->target_ip4 == b->target_ip4 && a->target_port == b->target_port &&
           wc_streq(a->service, b->service);
}

static bool same_bridge(const struct wc_rules_bridge *a, const struct wc_rules_bridge *b)
{
    return wc_streq(a->name, b->name) && a->subnet4 == b->subnet4 && a->prefix4 == b->prefix4 &&
           a->internal == b->internal && wc_streq(a->owner, b->owner);
}

static bool has_port(const struct wc_rules *rules, const char *owner, const struct wc_rules_port *p)
{
    for (size_t i = 0; i < rules->n_ports; i++)
        if (wc_streq(rules->ports[i].owner, owner) && same_port(&rules->ports[i], p))
            return true;
    return false;
}

static const struct wc_rules_bridge *find_bridge(const struct wc_rules *rules, const char *name)
{
    for (size_t i = 0; i < rules->n_bridges; i++)
        if (wc_streq(rules->bridges[i].name, name))
            return &rules->bridges[i];
    return NULL;
}

static void port_line(struct wc_buf *out, const char *verb, const struct wc_rules_port *p,
                      const char *owner)
{
    wc_buf_printf(out, "%s element inet wcompose %s { ", verb,
                  p->host_ip4 != 0 ? "ports_at" : "ports");
    if (p->host_ip4 != 0)
        wc_buf_printf(out, IP_FMT " . ", IP_ARG(p->host_ip4));
    wc_buf_printf(out, "%s . %u", proto_word(p->proto), p->host_port);
    if (owner != NULL)
        wc_buf_printf(out, " comment \"%s %.60s\" : " IP_FMT " . %u", owner, p->service,
                      IP_ARG(p->target_ip4), p->target_port);
    wc_buf_adds(out, " }\n");
}

/* A bridge and all that follows from it. */
static void bridge_lines(struct wc_buf *out, const char *verb, const struct wc_rules_bridge *b,
                         const char *owner)
{
    const uint32_t ip = b->subnet4;
    wc_buf_printf(out, "%s element inet wcompose bridges { \"%s\"", verb, b->name);
    if (owner != NULL)
        wc_buf_printf(out, " comment \"%s " IP_FMT "/%u%s\"", owner, IP_ARG(ip), b->prefix4,
                      b->internal ? " internal" : "");
    wc_buf_printf(out, " }\n%s element inet wcompose same { \"%s\" . \"%s\" }\n", verb, b->name,
                  b->name);
    if (b->internal) {
        wc_buf_printf(out, "%s element inet wcompose internal { \"%s\" }\n", verb, b->name);
        return;
    }
    wc_buf_printf(out, "%s element inet wcompose subnets { " IP_FMT "/%u }\n", verb, IP_ARG(ip),
                  b->prefix4);
    wc_buf_printf(out, "%s element inet wcompose hairpin { " IP_FMT "/%u . " IP_FMT "/%u }\n", verb,
                  IP_ARG(ip), b->prefix4, IP_ARG(ip), b->prefix4);
}

/* Deletions first: a changed element is deleted and added in the same transaction. A bridge that
 * changes hands is such an element too. */
static void write_difference(struct wc_buf *out, const char *owner, const struct wc_rules *have,
                             const struct wc_rules *want)
{
    for (size_t i = 0; i < have->n_ports; i++)
        if (wc_streq(have->ports[i].owner, owner) && !has_port(want, owner, &have->ports[i]))
            port_line(out, "delete", &have->ports[i], NULL);
    for (size_t i = 0; i < have->n_bridges; i++) {
        const struct wc_rules_bridge *b = &have->bridges[i], *w = find_bridge(want, b->name);
        if (w != NULL ? !same_bridge(w, b) : wc_streq(b->owner, owner))
            bridge_lines(out, "delete", b, NULL);
    }
    for (size_t i = 0; i < have->n_bridges && have->torn; i++) /* also those of others */
        if (!wc_streq(have->bridges[i].owner, owner))
            bridge_lines(out, "add", &have->bridges[i], have->bridges[i].owner);
    for (size_t i = 0; i < want->n_bridges; i++) {
        const struct wc_rules_bridge *b = &want->bridges[i], *h = find_bridge(have, b->name);
        if (h == NULL || !same_bridge(h, b) || have->torn)
            bridge_lines(out, "add", b, b->owner);
    }
    for (size_t i = 0; i < want->n_ports; i++)
        if (!has_port(have, owner, &want->ports[i]))
            port_line(out, "add", &want->ports[i], owner);
}

/* True when somebody else's bridge or port is in the table. */
static bool others_remain(const char *owner, const struct wc_rules *have)
{
    for (size_t i = 0; i < have->n_bridges; i++)
        if (!wc_streq(have->bridges[i].owner, owner))
            return true;
    for (size_t i = 0; i < have->n_ports; i++)
        if (!wc_streq(have->ports[i].owner, owner))
            return true;
    return false;
}

int wc_rules_apply(const char *owner, const struct wc_rules *have, const struct wc_rules *want,
                   struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf script = WC_BUF_INIT;
    if (want->n_bridges == 0 && want->n_ports == 0 && !others_remain(owner, have)) {
        if (!have->present && have->n_bridges == 0)
            return 0;
        return wc_nft_run("delete table inet wcompose\n", NULL, err);
    }
    if (!have->present)
        wc_buf_adds(&script, WC_RULES_BASE);
    write_difference(&script, owner, have, want);
    return script.len == 0 ? 0 : wc_nft_run(script.data, NULL, err);
}

static bool has_fixed(const char *dir, char path[4096], char hash[WC_SHA256_HEX + 1])
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    snprintf(path, 4096, "%s/rules", dir);
    if (wc_nft_list_fixed(&text, NULL) != 0)
        return false;
    wc_sha256_hex(text.data, text.len, hash);
    return true;
}

bool wc_rules_is_whole(const char *dir)
{
    WC_CLEANUP_BUF struct wc_buf noted = WC_BUF_INIT;
    char path[4096], hash[WC_SHA256_HEX + 1];
    return has_fixed(dir, path, hash) && wc_fs_read(path, sizeof path, &noted, NULL) == 0 &&
           wc_str_starts(noted.data, hash);
}

void wc_rules_note(const char *dir)
{
    char path[4096], hash[WC_SHA256_HEX + 1];
    struct wc_err err = { 0 };
    if (has_fixed(dir, path, hash) &&
        wc_fs_write_atomic(path, hash, WC_SHA256_HEX, 0600, false, &err) != 0)
        wc_log(WC_LOG_WARN, "net", "%s", err.msg);
}

void wc_rules_describe(const char *owner, const struct wc_rules *have, const struct wc_rules *want,
                       struct wc_buf *out)
{
    if (!have->present) {
        wc_buf_printf(out, "%stable inet wcompose -> gone", out->len > 0 ? ", " : "");
        return;
    }
    if (have->torn)
        wc_buf_printf(out, "%srules of bridges -> not complete", out->len > 0 ? ", " : "");
    for (size_t i = 0; i < want->n_bridges; i++)
        if (find_bridge(have, want->bridges[i].name) == NULL)
            wc_buf_printf(out, "%srules of bridge %s -> gone", out->len > 0 ? ", " : "",
                          want->bridges[i].name);
    for (size_t i = 0; i < want->n_ports; i++)
        if (!has_port(have, owner, &want->ports[i]))
            wc_buf_printf(out, "%sport %u/%s of %s -> not published", out->len > 0 ? ", " : "",
                          want->ports[i].host_port, proto_word(want->ports[i].proto),
                          want->ports[i].service);
    for (size_t i = 0; i < have->n_ports; i++)
        if (wc_streq(have->ports[i].owner, owner) && !has_port(want, owner, &have->ports[i]))
            wc_buf_printf(out, "%sport %u/%s -> " IP_FMT ":%u", out->len > 0 ? ", " : "",
                          have->ports[i].host_port, proto_word(have->ports[i].proto),
                          IP_ARG(have->ports[i].target_ip4), have->ports[i].target_port);
}

/* ---- docker's chain --------------------------------------------------------------------- */

/* Appends the handles of our rules in the listed chain as "delete rule" lines. */
static void find_ours(const struct wc_json *root, struct wc_buf *script, bool *found)
{
    const struct wc_json *object = wc_json_first(wc_json_get(root, "nftables"));
    for (; object != NULL; object = wc_json_next(object)) {
        const struct wc_json *rule = wc_json_get(object, "rule");
        if (!wc_streq(wc_json_str(wc_json_get(rule, "comment"), ""), "wcompose"))
            continue;
        *found = true;
        wc_buf_printf(script, "delete rule ip filter DOCKER-USER handle %lld\n",
                      (long long)wc_json_i64(wc_json_get(rule, "handle"), 0));
    }
}

void wc_rules_docker(bool wanted)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT, script = WC_BUF_INIT;
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    struct wc_err err = { 0 };
    bool found = false;
    if (wc_nft_run("list chain ip filter DOCKER-USER\n", &text, &err) != 0 ||
        wc_json_parse(text.data, text.len, &root, &err) != 0)
        return;
    find_ours(root, &script, &found);
    if (wanted) {
        if (found)
            return;
        wc_buf_reset(&script);
        wc_buf_adds(&script,
                    "insert rule ip filter DOCKER-USER oifname \"wc*\" counter accept comment "
                    "\"wcompose\"\n"
                    "insert rule ip filter DOCKER-USER iifname \"wc*\" counter accept comment "
                    "\"wcompose\"\n");
    }
    if (script.len > 0 && wc_nft_run(script.data, NULL, &err) != 0)
        wc_log(WC_LOG_WARN, "net", "docker's chain DOCKER-USER: %s", err.msg);
}
