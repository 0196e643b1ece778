/* dns_local.c - what the name server itself answers, and what it hands on.
 *
 * A name of the asker's networks is answered here for every type, also those we have no data for:
 * handing "AAAA web" to the outside would only leak names and wait. From an instance that has only
 * internal networks nothing is handed on: a resolver outside would be a way out.
 */
#include "drivers/keeper/dns.h"

enum { ADDRESSES_MAX = 512 };

static size_t limit_of(const struct wc_dns_query *query, bool tcp, size_t cap)
{
    return tcp || query->udp_size > cap ? cap : query->udp_size;
}

/* True when the answer is ours to give; fills it in. */
static bool decide(const struct wc_dns_zone *zone, struct wc_dns_asker asker,
                   const struct wc_dns_query *query, uint32_t *ip4, struct wc_dns_answer *answer)
{
    uint32_t reverse;
    bool ours = false;
    if (query->plain) {
        size_t n = wc_dns_zone_find(zone, asker, query->name, ip4, ADDRESSES_MAX);
        if (n > 0) {
            if (query->qtype == WC_DNS_A || query->qtype == WC_DNS_ANY)
                *answer = (struct wc_dns_answer){ .ip4 = ip4, .n_ip4 = n, .first = answer->first };
            return true;
        }
        if (wc_dns_reverse_name(query->name, &reverse)) {
            answer->ptr = wc_dns_zone_reverse(zone, asker, reverse, &ours);
            if (answer->ptr == NULL && ours)
                answer->rcode = WC_DNS_NXDOMAIN;
            if (query->qtype != WC_DNS_PTR && query->qtype != WC_DNS_ANY)
                answer->ptr = NULL;
        }
    }
    if (ours || answer->ptr != NULL)
        return true;
    answer->rcode = WC_DNS_NXDOMAIN;
    return !wc_dns_zone_open(zone, asker);
}

long wc_dns_local(const struct wc_dns_zone *zone, const struct wc_dns_message *msg,
                  struct wc_dns_query *query, uint8_t *out, size_t cap)
{
    uint32_t ip4[ADDRESSES_MAX];
    struct wc_dns_answer answer = { .first = msg->turn };
    if (wc_dns_zone_net(zone, msg->asker) == NULL)
        return -1;
    int refused = wc_dns_parse(msg->bytes, msg->len, query);
    if (refused < 0)
        return -1;
    answer.rcode = (enum wc_dns_rcode)refused;
    if (refused == 0 && !decide(zone, msg->asker, query, ip4, &answer))
        return 0;
    return (long)wc_dns_build(msg->bytes, query, &answer, out, limit_of(query, msg->tcp, cap));
}
