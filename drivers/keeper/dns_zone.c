/* dns_zone.c - the table of names, from zone files.
 *
 * Sorted arrays rather than hash tables: a host has hundreds of names, a look-up is ten
 * comparisons, and memory stays one block. What an asker may see are the networks that its own
 * instance is on: the file says which addresses belong to one instance.
 */
#include "drivers/keeper/dns.h"

#include <stdlib.h>
#include <string.h>

static char *next_word(char **line)
{
    char *word = *line + strspn(*line, " ");
    size_t len = strcspn(word, " ");
    if (len == 0)
        return NULL;
    *line = word + len;
    if (**line == ' ')
        *(*line)++ = '\0';
    return word;
}

static bool read_number(const char **text, unsigned max, unsigned *out)
{
    unsigned value = 0, digits = 0;
    for (; **text >= '0' && **text <= '9' && digits < 4; (*text)++, digits++)
        value = value * 10 + (unsigned)(**text - '0');
    *out = value;
    return digits > 0 && value <= max;
}

static bool read_ip4(const char *text, uint32_t *out)
{
    uint32_t ip4 = 0;
    for (int i = 0; i < 4; i++) {
        unsigned part;
        if ((i > 0 && *text++ != '.') || text == NULL || !read_number(&text, 255, &part))
            return false;
        ip4 = ip4 << 8 | part;
    }
    *out = ip4;
    return *text == '\0';
}

static void *grown(void *items, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return items;
    size_t more = *cap == 0 ? 32 : *cap * 2;
    void *moved = realloc(items, more * size);
    if (moved != NULL)
        *cap = more;
    return moved;
}

static bool add_net(struct wc_dns_zone *zone, char *line)
{
    struct wc_dns_net net = { 0 };
    unsigned prefix = 0;
    char *bridge = next_word(&line), *gateway = next_word(&line), *bits = next_word(&line),
         *way = next_word(&line);
    const char *digits = bits;
    if (bridge == NULL || gateway == NULL || bits == NULL || way == NULL ||
        !read_ip4(gateway, &net.gateway4) || !read_number(&digits, 32, &prefix))
        return true;
    net.prefix4 = (uint8_t)prefix;
    net.internal = strcmp(way, "internal") == 0;
    for (size_t i = 0; i < zone->n_nets; i++) {
        if (zone->nets[i].gateway4 == net.gateway4) { /* shared by two projects */
            zone->nets[i].internal = zone->nets[i].internal || net.internal;
            return true;
        }
    }
    struct wc_dns_net *nets = grown(zone->nets, zone->n_nets, &zone->cap_nets, sizeof net);
    if (nets == NULL)
        return false;
    zone->nets = nets;
    nets[zone->n_nets++] = net;
    return true;
}

static bool add_name(struct wc_dns_zone *zone, char *line)
{
    struct wc_dns_name name = { 0 };
    char *gateway = next_word(&line), *ip4 = next_word(&line);
    name.instance = next_word(&line);
    name.name = next_word(&line);
    if (name.name == NULL || !read_ip4(gateway, &name.gateway4) || !read_ip4(ip4, &name.ip4))
        return true;
    struct wc_dns_name *names = grown(zone->names, zone->n_names, &zone->cap_names, sizeof name);
    if (names == NULL)
        return false;
    zone->names = names;
    names[zone->n_names++] = name;
    return true;
}

bool wc_dns_zone_add(struct wc_dns_zone *zone, char *text)
{
    char **texts = realloc(zone->texts, (zone->n_texts + 1) * sizeof *texts);
    if (texts == NULL) {
        free(text);
        return false;
    }
    zone->texts = texts;
    texts[zone->n_texts++] = text;
    for (char *line = text; line != NULL;) {
        char *end = strchr(line, '\n');
        if (end != NULL)
            *end++ = '\0';
        bool added = strncmp(line, "net ", 4) == 0    ? add_net(zone, line + 4)
                     : strncmp(line, "name ", 5) == 0 ? add_name(zone, line + 5)
                                                      : true;
        if (!added)
            return false;
        line = end;
    }
    return true;
}

/* Equal names stay in the order of their addresses, so that rotation is even and repeatable. */
static int by_name(const void *a, const void *b)
{
    const struct wc_dns_name *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order != 0 ? order : (x->ip4 > y->ip4) - (x->ip4 < y->ip4);
}

static int by_ip(const void *a, const void *b)
{
    const struct wc_dns_name *x = *(const struct wc_dns_name *const *)a;
    const struct wc_dns_name *y = *(const struct wc_dns_name *const *)b;
    return (x->ip4 > y->ip4) - (x->ip4 < y->ip4);
}

static int by_instance(const void *a, const void *b)
{
    const struct wc_dns_name *x = *(const struct wc_dns_name *const *)a;
    const struct wc_dns_name *y = *(const struct wc_dns_name *const *)b;
    return strcmp(x->instance, y->instance);
}

bool wc_dns_zone_finish(struct wc_dns_zone *zone)
{
    if (zone->n_names == 0)
        return true;
    zone->by_ip = calloc(zone->n_names, sizeof *zone->by_ip);
    zone->by_instance = calloc(zone->n_names, sizeof *zone->by_instance);
    if (zone->by_ip == NULL || zone->by_instance == NULL)
        return false;
    qsort(zone->names, zone->n_names, sizeof *zone->names, by_name);
    for (size_t i = 0; i < zone->n_names; i++)
        zone->by_ip[i] = zone->by_instance[i] = &zone->names[i];
    qsort(zone->by_ip, zone->n_names, sizeof *zone->by_ip, by_ip);
    qsort(zone->by_instance, zone->n_names, sizeof *zone->by_instance, by_instance);
    return true;
}

void wc_dns_zone_free(struct wc_dns_zone *zone)
{
    for (size_t i = 0; i < zone->n_texts; i++)
        free(zone->texts[i]);
    free(zone->texts);
    free(zone->nets);
    free(zone->names);
    free(zone->by_ip);
    free(zone->by_instance);
    memset(zone, 0, sizeof *zone);
}

/* ---- look-ups ---------------------------------------------------------------------------- */

static bool in_net(const struct wc_dns_net *net, uint32_t ip4)
{
    uint32_t mask = net->prefix4 == 0 ? 0 : UINT32_MAX << (32 - net->prefix4);
    return (net->gateway4 & mask) == (ip4 & mask);
}

static const struct wc_dns_net *net_of(const struct wc_dns_zone *zone, uint32_t gateway4)
{
    for (size_t i = 0; i < zone->n_nets; i++)
        if (zone->nets[i].gateway4 == gateway4)
            return &zone->nets[i];
    return NULL;
}

const struct wc_dns_net *wc_dns_zone_net(const struct wc_dns_zone *zone, struct wc_dns_asker asker)
{
    const struct wc_dns_net *net = net_of(zone, asker.gateway4);
    return net != NULL && in_net(net, asker.ip4) ? net : NULL;
}

/* First position of by_ip with that address. */
static size_t first_ip(const struct wc_dns_zone *zone, uint32_t ip4)
{
    size_t lo = 0, hi = zone->n_names;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (zone->by_ip[mid]->ip4 < ip4)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static size_t first_instance(const struct wc_dns_zone *zone, const char *instance)
{
    size_t lo = 0, hi = zone->n_names;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (strcmp(zone->by_instance[mid]->instance, instance) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool has(const uint32_t *list, size_t n, uint32_t value)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == value)
            return true;
    return false;
}

/* The gateways of all networks that the asker's instance is on, the asked one first. */
static size_t home(const struct wc_dns_zone *zone, struct wc_dns_asker asker,
                   uint32_t gateways[WC_DNS_HOME])
{
    const char *instance = NULL;
    size_t n = 0;
    gateways[n++] = asker.gateway4;
    size_t i = first_ip(zone, asker.ip4);
    for (; i < zone->n_names && zone->by_ip[i]->ip4 == asker.ip4 && instance == NULL; i++)
        if (zone->by_ip[i]->gateway4 == asker.gateway4)
            instance = zone->by_ip[i]->instance;
    if (instance == NULL || strcmp(instance, "-") == 0)
        return n;
    i = first_instance(zone, instance);
    for (; i < zone->n_names && strcmp(zone->by_instance[i]->instance, instance) == 0; i++) {
        uint32_t gateway4 = zone->by_instance[i]->gateway4;
        if (n < WC_DNS_HOME && !has(gateways, n, gateway4))
            gateways[n++] = gateway4;
    }
    return n;
}

/* What stands for the name of an address that no name leads to. */
static bool is_no_name(const char *name)
{
    return strcmp(name, "-") == 0;
}

size_t wc_dns_zone_find(const struct wc_dns_zone *zone, struct wc_dns_asker asker, const char *name,
                        uint32_t *ip4, size_t max)
{
    uint32_t gateways[WC_DNS_HOME];
    size_t n = 0, lo = 0, hi = zone->n_names, n_home = home(zone, asker, gateways);
    if (is_no_name(name))
        return 0;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (strcmp(zone->names[mid].name, name) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (size_t g = 0; g < n_home; g++) {
        for (size_t i = lo; i < zone->n_names && strcmp(zone->names[i].name, name) == 0; i++)
            if (n < max && zone->names[i].gateway4 == gateways[g] &&
                !has(ip4, n, zone->names[i].ip4))
                ip4[n++] = zone->names[i].ip4;
        if (n >
            0) /* the nearest network that has the name answers alone: its members are reachable */
            break;
    }
    return n;
}

const char *wc_dns_zone_reverse(const struct wc_dns_zone *zone, struct wc_dns_asker asker,
                                uint32_t ip4, bool *ours)
{
    uint32_t gateways[WC_DNS_HOME];
    const char *found = NULL;
    size_t n_home = home(zone, asker, gateways);
    *ours = false;
    for (size_t g = 0; g < n_home; g++) {
        const struct wc_dns_net *net = net_of(zone, gateways[g]);
        *ours = *ours || (net != NULL && in_net(net, ip4));
    }
    for (size_t i = first_ip(zone, ip4); i < zone->n_names && zone->by_ip[i]->ip4 == ip4; i++) {
        const struct wc_dns_name *name = zone->by_ip[i];
        if (!has(gateways, n_home, name->gateway4) || is_no_name(name->name))
            continue;
        if (found == NULL || strcmp(name->name, name->instance) == 0)
            found = name->name;
    }
    return found;
}

bool wc_dns_zone_open(const struct wc_dns_zone *zone, struct wc_dns_asker asker)
{
    uint32_t gateways[WC_DNS_HOME];
    size_t n_home = home(zone, asker, gateways);
    for (size_t g = 0; g < n_home; g++) {
        const struct wc_dns_net *net = net_of(zone, gateways[g]);
        if (net != NULL && !net->internal)
            return true;
    }
    return false;
}
