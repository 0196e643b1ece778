/* rules_read.c - our table as the kernel has it, from libnftables' JSON.
 *
 * Only what carries an owner is read: the elements of "bridges", "ports" and "ports_at". The other
 * sets follow from the bridges and are written in the same transactions.
 */
#include "drivers/net/rules.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/str.h"
#include "drivers/net/rules_text.h"

enum { OWNER_MAX = 60 }; /* so that owner, service and the rest fit a comment of 127 bytes */

const char *wc_rules_owner(struct wc_arena *arena, const char *project)
{
    char hex[WC_SHA256_HEX + 1];
    if (strlen(project) <= OWNER_MAX)
        return wc_arena_strdup(arena, project);
    wc_sha256_hex(project, strlen(project), hex);
    return wc_arena_printf(arena, "%.40s~%.12s", project, hex);
}

static uint32_t ip4_of(const struct wc_json *value)
{
    struct in_addr in;
    const char *text = wc_json_str(value, "");
    return inet_pton(AF_INET, text, &in) == 1 ? ntohl(in.s_addr) : 0;
}

static bool proto_of(const struct wc_json *value, enum wc_proto *out)
{
    static const struct {
        const char *name;
        int64_t number;
        enum wc_proto proto;
    } rows[] = { { "tcp", 6, WC_PROTO_TCP },
                 { "udp", 17, WC_PROTO_UDP },
                 { "sctp", 132, WC_PROTO_SCTP } };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        if (wc_json_i64(value, 0) == rows[i].number ||
            wc_streq(wc_json_str(value, ""), rows[i].name)) {
            *out = rows[i].proto;
            return true;
        }
    }
    return false;
}

/* An element is the bare value, or {"elem": {"val": …, "comment": …}}. */
static const struct wc_json *value_of(const struct wc_json *elem, const char **comment)
{
    const struct wc_json *full = wc_json_get(elem, "elem");
    *comment = wc_json_str(wc_json_get(full, "comment"), "");
    return full != NULL ? wc_json_get(full, "val") : elem;
}

/* Cuts "<owner> <rest>" in two. */
static const char *split(struct wc_arena *arena, const char *comment, const char **rest)
{
    size_t len = strcspn(comment, " ");
    *rest = wc_arena_strdup(arena, comment[len] == ' ' ? comment + len + 1 : "");
    return wc_arena_strndup(arena, comment, len);
}

static void read_bridge(struct wc_arena *arena, const struct wc_json *elem, struct wc_rules *out)
{
    const char *comment, *rest;
    const char *name = wc_json_str(value_of(elem, &comment), NULL);
    if (name == NULL)
        return;
    struct wc_rules_bridge b = { .name = wc_arena_strdup(arena, name),
                                 .owner = split(arena, comment, &rest) };
    unsigned a[4] = { 0 }, prefix = 0;
    /* NOLINTNEXTLINE(cert-err34-c): at most three digits each, which no unsigned overflows */
    if (sscanf(rest, "%3u.%3u.%3u.%3u/%2u", &a[0], &a[1], &a[2], &a[3], &prefix) != 5)
        return;
    b.subnet4 = a[0] << 24 | a[1] << 16 | a[2] << 8 | a[3];
    b.prefix4 = (uint8_t)prefix;
    b.internal = strstr(rest, " internal") != NULL;
    out->bridges = wc_arena_grow(arena, out->bridges, out->n_bridges, &out->cap_bridges, sizeof b);
    out->bridges[out->n_bridges++] = b;
}

/* [key, value]; key is proto . port, or address . proto . port; value is address . port. */
static void read_port(struct wc_arena *arena, const struct wc_json *pair, struct wc_rules *out)
{
    const char *comment, *none;
    const struct wc_json *first = wc_json_first(pair);
    const struct wc_json *key = wc_json_first(wc_json_get(value_of(first, &comment), "concat"));
    const struct wc_json *data = first != NULL ? wc_json_next(first) : NULL;
    data = data != NULL ? wc_json_first(wc_json_get(value_of(data, &none), "concat")) : NULL;
    struct wc_rules_port p = { 0 };
    if (key == NULL || data == NULL)
        return;
    if (!proto_of(key, &p.proto)) {
        p.host_ip4 = ip4_of(key);
        key = wc_json_next(key);
        if (key == NULL || !proto_of(key, &p.proto))
            return;
    }
    p.host_port = (unsigned)wc_json_i64(wc_json_next(key), 0);
    p.target_ip4 = ip4_of(data);
    p.target_port = (unsigned)wc_json_i64(wc_json_next(data), 0);
    p.owner = split(arena, comment, &p.service);
    out->ports = wc_arena_grow(arena, out->ports, out->n_ports, &out->cap_ports, sizeof p);
    out->ports[out->n_ports++] = p;
}

typedef void read_elem_fn(struct wc_arena *arena, const struct wc_json *elem, struct wc_rules *out);

static void read_elems(struct wc_arena *arena, const struct wc_json *set, read_elem_fn *read,
                       struct wc_rules *out)
{
    const struct wc_json *e = wc_json_first(wc_json_get(set, "elem"));
    for (; e != NULL; e = wc_json_next(e))
        read(arena, e, out);
}

/* How many elements the sets have that follow from the bridges. */
enum derived { SAME, INTERNAL, SUBNETS, HAIRPIN, DERIVED };

static void count_derived(const struct wc_json *set, size_t counts[DERIVED])
{
    static const char *const names[DERIVED] = { "same", "internal", "subnets", "hairpin" };
    for (size_t i = 0; i < DERIVED; i++)
        if (wc_streq(wc_json_str(wc_json_get(set, "name"), ""), names[i]))
            counts[i] = wc_json_count(wc_json_get(set, "elem"));
}

static bool is_torn(const struct wc_rules *rules, const size_t counts[DERIVED])
{
    size_t internal = 0;
    for (size_t i = 0; i < rules->n_bridges; i++)
        internal += rules->bridges[i].internal;
    size_t outward = rules->n_bridges - internal;
    return counts[SAME] != rules->n_bridges || counts[INTERNAL] != internal ||
           counts[SUBNETS] != outward || counts[HAIRPIN] != outward;
}

static void read_object(struct wc_arena *arena, const struct wc_json *object,
                        size_t counts[DERIVED], struct wc_rules *out)
{
    const struct wc_json *set = wc_json_get(object, "set"), *map = wc_json_get(object, "map");
    if (wc_streq(wc_json_str(wc_json_get(set, "name"), ""), "bridges"))
        read_elems(arena, set, read_bridge, out);
    if (wc_str_starts(wc_json_str(wc_json_get(map, "name"), ""), "ports"))
        read_elems(arena, map, read_port, out);
    count_derived(set, counts);
    const struct wc_json *chain = wc_json_get(object, "chain");
    if (wc_streq(wc_json_str(wc_json_get(chain, "name"), ""), WC_RULES_VERSION))
        out->present = true;
}

int wc_rules_read(struct wc_arena *arena, struct wc_rules *out, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    struct wc_rules found = { 0 };
    size_t counts[DERIVED] = { 0 };
    struct wc_err why = { 0 };
    int status = wc_nft_run("list table inet wcompose\n", &text, &why);
    if (status == WC_ERR_NOENT) {
        *out = found;
        return 0;
    }
    if (status == 0)
        status = wc_json_parse(text.data, text.len, &root, &why);
    if (status != 0) {
        *err = why;
        return wc_err_wrap(err, status, "read our nftables table");
    }
    const struct wc_json *object = wc_json_first(wc_json_get(root, "nftables"));
    for (; object != NULL; object = wc_json_next(object))
        read_object(arena, object, counts, &found);
    found.torn = is_torn(&found, counts);
    *out = found;
    return 0;
}
