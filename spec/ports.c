/* ports.c - published ports: [ip:][host[-host]:]container[-container][/proto] and the long form;
 * exposed ones: port[-port][/proto].
 * Long forms have one container port each; ranges are expanded here.
 */
#include "spec/types.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "spec/addresses.h"
#include "spec/kinds.h"

/* A port's long form: the map, and four keys with their values. */
enum { PORT_NODES = 9 };

struct range {
    int64_t from, to;
};

/* A short form, taken apart. */
struct short_port {
    char ip[64];
    char host[32];
    char container[32];
    const char *proto;
};

static const struct wc_type item_type = { .expects = "a string or a map", .kinds = STRING | MAP };
static const struct wc_field item_row = { .type = &item_type };

static bool read_range(const char *text, int64_t lo, struct range *out)
{
    char first[32];
    const char *dash = strchr(text, '-');
    size_t len = dash == NULL ? strlen(text) : (size_t)(dash - text);
    if (len >= sizeof first)
        return false;
    memcpy(first, text, len);
    first[len] = '\0';
    if (!wc_str_to_i64(first, lo, 65535, &out->from))
        return false;
    out->to = out->from;
    return dash == NULL || (wc_str_to_i64(dash + 1, out->from, 65535, &out->to));
}

static bool copy_part(char *out, size_t size, const char *from, size_t len)
{
    if (len >= size)
        return false;
    memcpy(out, from, len);
    out[len] = '\0';
    return true;
}

/* Cuts "[ip:][host:]container" at its colons, from the right. */
static bool take_apart(const char *text, size_t len, struct short_port *out)
{
    const char *end = text + len, *p = end;
    out->ip[0] = out->host[0] = '\0';
    while (p > text && p[-1] != ':')
        p--;
    if (!copy_part(out->container, sizeof out->container, p, (size_t)(end - p)))
        return false;
    if (p == text)
        return true;
    end = --p;
    while (p > text && p[-1] != ':')
        p--;
    if (!copy_part(out->host, sizeof out->host, p, (size_t)(end - p)))
        return false;
    if (p == text)
        return true;
    size_t ip_len = (size_t)(p - 1 - text);
    if (ip_len >= 2 && text[0] == '[' && text[ip_len - 1] == ']')
        return copy_part(out->ip, sizeof out->ip, text + 1, ip_len - 2);
    return memchr(text, ':', ip_len) == NULL && copy_part(out->ip, sizeof out->ip, text, ip_len);
}

static bool valid_ip(const char *ip)
{
    return strchr(ip, ':') != NULL ? wc_address_is_ip6(ip) : wc_address_is_ip4(ip);
}

static void add_port(struct wc_load *load, struct wc_node *out, const struct wc_node *item,
                     const struct short_port *in, int64_t target, const char *published)
{
    struct wc_arena *arena = load->arena;
    struct wc_node *port = wc_node_new(arena, WC_NODE_MAP, item);
    wc_node_put(arena, port, "mode", wc_node_string(arena, "ingress", item));
    if (in->ip[0] != '\0')
        wc_node_put(arena, port, "host_ip",
                    wc_node_string(arena, wc_arena_strdup(arena, in->ip), item));
    wc_node_put(arena, port, "target", wc_node_integer(arena, target, item));
    if (published != NULL)
        wc_node_put(arena, port, "published", wc_node_string(arena, published, item));
    wc_node_put(arena, port, "protocol", wc_node_string(arena, in->proto, item));
    wc_node_add(arena, out, port);
}

/* `part` follows the sentence in quotes; NULL when there is nothing to quote. */
static bool refuse(struct wc_load *load, struct wc_node *item, const char *what, const char *part)
{
    if (part == NULL)
        wc_canon_bad(load, item, "port '%s': %s", item->raw, what);
    else
        wc_canon_bad(load, item, "port '%s': %s '%s'", item->raw, what, part);
    load->diags->last->hint =
        "[ip:][host:]container[/protocol]: \"8080:80\", \"127.0.0.1:53:53/udp\"";
    return false;
}

static bool expand_ranges(struct wc_load *load, struct wc_node *item, const struct short_port *in,
                          struct wc_node *out)
{
    struct range host = { 0, 0 }, container;
    if (in->container[0] == '\0')
        return refuse(load, item, "the container's port is missing", NULL);
    if (!read_range(in->container, 1, &container))
        return refuse(load, item, "the container's port must be 1 to 65535, not", in->container);
    bool has_host = in->host[0] != '\0';
    if (has_host && !read_range(in->host, 0, &host))
        return refuse(load, item, "the host's port must be 0 to 65535, not", in->host);
    int64_t n = container.to - container.from + 1, n_host = host.to - host.from + 1;
    if (has_host && n_host != n && n != 1)
        return refuse(load, item, "both ranges must have the same length", NULL);
    size_t nodes = (size_t)n * (in->ip[0] == '\0' ? PORT_NODES : PORT_NODES + 2);
    if (n > 1 &&
        !wc_budget_take(&load->budget, load->diags, WC_LIMIT_NODES, nodes, item->at, item->span))
        return false;
    for (int64_t i = 0; i < n; i++) {
        const char *published = NULL;
        if (has_host && n == 1)
            published = wc_arena_strdup(load->arena, in->host);
        else if (has_host)
            published = wc_arena_printf(load->arena, "%lld", (long long)host.from + i);
        add_port(load, out, item, in, container.from + i, published);
    }
    return true;
}

static const char *protocol_word(const char *text)
{
    static const char *const words[] = { "tcp", "udp", "sctp" };
    for (size_t i = 0; i < WC_COUNT(words); i++)
        if (wc_str_caseeq(text, words[i]))
            return words[i];
    return NULL;
}

static bool expand_short(struct wc_load *load, struct wc_node *item, struct wc_node *out)
{
    struct short_port in = { .proto = "tcp" };
    const char *slash = strchr(item->text, '/');
    size_t len = slash == NULL ? strlen(item->text) : (size_t)(slash - item->text);
    if (slash != NULL && (in.proto = protocol_word(slash + 1)) == NULL)
        return refuse(load, item, "the protocol is tcp, udp or sctp, not", slash + 1);
    if (!take_apart(item->text, len, &in))
        return refuse(load, item, "not of the form", "[ip:][host:]container");
    if (in.ip[0] != '\0' && !valid_ip(in.ip))
        return refuse(load, item, "not an address:", in.ip);
    return expand_ranges(load, item, &in, out);
}

/* Defaults and checks of the long form. */
static bool finish_long(struct wc_load *load, struct wc_node *port, struct wc_node *out)
{
    struct wc_arena *arena = load->arena;
    struct wc_node *target = wc_node_get(port, "target"), *ip = wc_node_get(port, "host_ip");
    struct wc_node *published = wc_node_get(port, "published");
    struct range range;
    if (target == NULL || target->kind != WC_NODE_INT)
        return target != NULL && target->kind == WC_NODE_BAD;
    if (target->integer < 1 || target->integer > 65535)
        return refuse(load, target, "the container's port must be 1 to 65535", NULL);
    if (published != NULL && published->kind == WC_NODE_STRING && published->text[0] != '\0' &&
        !read_range(published->text, 0, &range))
        return refuse(load, published, "the host's port must be 0 to 65535", NULL);
    if (ip != NULL && ip->kind == WC_NODE_STRING && !valid_ip(ip->text))
        return refuse(load, ip, "not an address", NULL);
    if (wc_node_get(port, "mode") == NULL)
        wc_node_put(arena, port, "mode", wc_node_string(arena, "ingress", port));
    if (wc_node_get(port, "protocol") == NULL)
        wc_node_put(arena, port, "protocol", wc_node_string(arena, "tcp", port));
    wc_node_add(arena, out, port);
    return true;
}

static struct wc_node *canon_ports(struct wc_load *load, const struct wc_field *field,
                                   struct wc_node *node, const struct wc_where *where)
{
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_LIST, node);
    bool ok = true;
    for (size_t i = 0; i < node->n; i++) {
        struct wc_node *item = node->items[i];
        struct wc_where inner = { where->up, where->name, { 0 }, 0, i + 1 };
        if (wc_canon_is_template(load, item)) {
            wc_node_add(load->arena, out, item);
        } else if (item->kind == WC_NODE_STRING || item->kind == WC_NODE_INT) {
            ok &= expand_short(load, item, out);
        } else if (item->kind == WC_NODE_MAP) {
            struct wc_node *port = wc_canon_section(load, field->sub, item, &inner);
            const struct wc_node *target = wc_node_get(port, "target");
            if (target == NULL || target->kind == WC_NODE_NULL)
                wc_report(load, WC_E_MISSING, item, "%s needs 'target'",
                          wc_where_text(load, &inner));
            ok &= finish_long(load, port, out);
        } else if (item->kind != WC_NODE_BAD) {
            wc_canon_refuse(load, &item_row, item, &inner);
            ok = false;
        }
    }
    if (!ok)
        wc_node_spoil(out);
    return out;
}

static void decode_port(const struct wc_node *node, struct wc_port *port)
{
    struct range range = { 0, 0 };
    const struct wc_node *target = wc_node_get(node, "target");
    const char *published = wc_node_text(node, "published");
    const char *proto = wc_node_text(node, "protocol"), *ip = wc_node_text(node, "host_ip");
    if (published != NULL)
        read_range(published, 0, &range);
    port->host_ip = ip == NULL || ip[0] == '\0' ? NULL : ip;
    port->published = (unsigned)range.from;
    port->published_end = (unsigned)range.to;
    port->target = target == NULL ? 0 : (unsigned)target->integer;
    port->proto = WC_PROTO_TCP;
    if (proto != NULL && wc_str_caseeq(proto, "udp"))
        port->proto = WC_PROTO_UDP;
    if (proto != NULL && wc_str_caseeq(proto, "sctp"))
        port->proto = WC_PROTO_SCTP;
    port->mode = wc_node_text(node, "mode");
    port->name = wc_node_text(node, "name");
    port->app_protocol = wc_node_text(node, "app_protocol");
    port->at = node->at;
}

struct port_list {
    struct wc_port *items;
    size_t n;
};

static void decode_ports(struct wc_load *load, const struct wc_field *field,
                         const struct wc_node *node, void *dst)
{
    (void)field;
    struct port_list list = { WC_NEW_ARRAY(load->arena, struct wc_port, node->n + 1), 0 };
    for (size_t i = 0; i < node->n; i++)
        if (node->items[i]->kind == WC_NODE_MAP)
            decode_port(node->items[i], &list.items[list.n++]);
    memcpy(dst, &list, sizeof list);
}

const char *wc_ident_port(struct wc_arena *arena, const struct wc_node *item)
{
    if (item->kind == WC_NODE_STRING) /* not expanded */
        return item->text;
    const char *ip = wc_node_text(item, "host_ip"), *published = wc_node_text(item, "published");
    const char *target = wc_node_text(item, "target"), *proto = wc_node_text(item, "protocol");
    return wc_arena_printf(arena, "%s:%s:%s/%s", ip == NULL || *ip == '\0' ? "0.0.0.0" : ip,
                           published == NULL ? "" : published, target == NULL ? "" : target,
                           proto == NULL ? "" : proto);
}

/* One item of `expose`; what isn't a port would fail when the container is made. */
static struct wc_node *canon_exposed(struct wc_load *load, const struct wc_field *field,
                                     struct wc_node *node, const struct wc_where *where)
{
    struct range range;
    char ports[32];
    const char *slash = strchr(node->text, '/');
    size_t len = slash == NULL ? strlen(node->text) : (size_t)(slash - node->text);
    (void)field;
    if (copy_part(ports, sizeof ports, node->text, len) && read_range(ports, 1, &range) &&
        (slash == NULL || protocol_word(slash + 1) != NULL))
        return node;
    struct wc_node *bad = wc_canon_bad(load, node, "%s takes a port of 1 to 65535, not '%s'",
                                       wc_where_text(load, where), node->raw);
    load->diags->last->hint =
        strchr(node->text, ':') != NULL
            ? "a port of the host is published by 'ports'; 'expose' names the container's: \"80\""
            : "PORT[-PORT][/tcp|udp|sctp]: \"80\", \"8000-8010/udp\"";
    return bad;
}

static struct wc_node *canon_expose(struct wc_load *load, const struct wc_field *field,
                                    struct wc_node *node, const struct wc_where *where)
{
    static const struct wc_type exposed = { .expects = "a port",
                                            .kinds = STRING,
                                            .canon = canon_exposed };
    static const struct wc_field row = { .type = &exposed };
    static const struct wc_field texts = { .type = &wc_type_texts };
    struct wc_node *out = wc_type_texts.canon(load, &texts, node, where);
    (void)field;
    for (size_t i = 0; i < out->n; i++) {
        struct wc_where inner = { where->up, where->name, { 0 }, 0, i + 1 };
        if (out->items[i]->kind == WC_NODE_STRING)
            out->items[i] = wc_canon_value(load, &row, out->items[i], &inner);
    }
    return out;
}

static void decode_expose(struct wc_load *load, const struct wc_field *field,
                          const struct wc_node *node, void *dst)
{
    wc_type_texts.decode(load, field, node, dst);
}

const struct wc_type wc_type_expose = {
    .expects = "a list of ports",
    .kinds = LIST,
    .canon = canon_expose,
    .decode = decode_expose,
    .schema = SCHEMA_LIST(SCHEMA_EITHER("{'type':'integer','minimum':1,'maximum':65535}",
                                        "{'type':'string','pattern':'^[0-9]+(-[0-9]+)?(/"
                                        "([tT][cC][pP]|[uU][dD][pP]|[sS][cC][tT][pP]))?$|[$]'}"))
};
const struct wc_type wc_type_ports = { .expects = "a list of ports",
                                       .kinds = LIST,
                                       .canon = canon_ports,
                                       .decode = decode_ports,
                                       .brief = "[127.0.0.1:8080:80/tcp]",
                                       .schema = SCHEMA_LIST(
                                           SCHEMA_EITHER(SCHEMA_STRING_OR_NUMBER, "@")) };
