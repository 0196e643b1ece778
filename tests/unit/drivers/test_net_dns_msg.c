/* test_net_dns_msg.c - the name server's answers, without a socket: the pure parts of wcompose-dns
 * are compiled in here, as the program itself is static and has no library.
 */
#include "harness/wc_test.h"

#include "base/str.h"
#include "drivers/keeper/dns_local.c" /* NOLINT(bugprone-suspicious-include): see above */
#include "drivers/keeper/dns_zone.c"  /* NOLINT(bugprone-suspicious-include): see above */
#include "drivers/keeper/dns_msg.c"   /* NOLINT(bugprone-suspicious-include): see above */

#define IP4(a, b, c, d)                                                                            \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static const char *const zone_text = "net wcfront 10.1.0.1 24 open own p_front\n"
                                     "net wcback 10.2.0.1 24 internal own p_back\n"
                                     "name 10.1.0.1 10.1.0.2 p-web-1 web\n"
                                     "name 10.1.0.1 10.1.0.2 p-web-1 p-web-1\n"
                                     "name 10.1.0.1 10.1.0.3 p-web-2 web\n"
                                     "name 10.2.0.1 10.2.0.2 p-web-1 web\n"
                                     "name 10.2.0.1 10.2.0.9 p-db-1 db\n"
                                     "nonsense\nname 10.1.0.1 x y z\nnet\nname\n";

static const struct wc_dns_asker web1 = { IP4(10, 1, 0, 1), IP4(10, 1, 0, 2) };
static const struct wc_dns_asker web2 = { IP4(10, 1, 0, 1), IP4(10, 1, 0, 3) };
static const struct wc_dns_asker db = { IP4(10, 2, 0, 1), IP4(10, 2, 0, 9) };

static void load_zone(struct wc_dns_zone *zone)
{
    memset(zone, 0, sizeof *zone);
    assert_true(wc_dns_zone_add(zone, strdup(zone_text)));
    assert_true(wc_dns_zone_finish(zone));
    assert_int_equal(zone->n_nets, 2);
    assert_int_equal(zone->n_names, 5);
}

/* Makes a query; edns 0: without OPT. Returns its length. */
static size_t ask(uint8_t *msg, const char *name, unsigned type, unsigned edns)
{
    static const uint8_t head[WC_DNS_HEADER] = { 0xAB, 0xCD, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 };
    memcpy(msg, head, sizeof head);
    size_t len = WC_DNS_HEADER + write_name(name, msg + WC_DNS_HEADER, 300);
    put16(msg + len, type);
    put16(msg + len + 2, 1);
    len += 4;
    if (edns != 0) {
        msg[11] = 1;
        len += write_opt(msg + len);
        put16(msg + len - OPT_LEN + 3, edns);
    }
    return len;
}

struct result {
    long len; /* 0 forward, -1 ignore */
    unsigned rcode, n, type, truncated;
    uint32_t ip4; /* of the first record */
    uint8_t out[2048];
};

static long local(const struct wc_dns_zone *zone, struct wc_dns_message msg,
                  struct wc_dns_query *query, uint8_t *out, size_t cap)
{
    return wc_dns_local(zone, &msg, query, out, cap);
}

static struct result resolve(const struct wc_dns_zone *zone, struct wc_dns_asker asker,
                             const char *name, unsigned type, unsigned turn)
{
    struct result r = { 0 };
    struct wc_dns_query query;
    uint8_t msg[600];
    size_t len = ask(msg, name, type, 0);
    r.len = local(zone, (struct wc_dns_message){ asker, msg, len, false, turn }, &query, r.out,
                  sizeof r.out);
    if (r.len <= 0)
        return r;
    assert_memory_equal(r.out, msg, 2);
    assert_true((r.out[2] & 0x80) != 0);
    assert_memory_equal(r.out + WC_DNS_HEADER, msg + WC_DNS_HEADER, len - WC_DNS_HEADER);
    r.rcode = r.out[3] & 15;
    r.truncated = r.out[2] >> 1 & 1;
    r.n = get16(r.out + 6);
    if (r.n > 0) {
        r.type = get16(r.out + len + 2);
        r.ip4 = (uint32_t)get16(r.out + len + 12) << 16 | get16(r.out + len + 14);
    }
    return r;
}

static void members_and_replicas(void **state)
{
    (void)state;
    struct wc_dns_zone zone;
    load_zone(&zone);
    struct result r = resolve(&zone, web1, "web", WC_DNS_A, 0);
    assert_int_equal(r.n, 2);
    assert_int_equal(r.ip4, IP4(10, 1, 0, 2));
    r = resolve(&zone, web1, "WEB", WC_DNS_A, 1);
    assert_int_equal(r.n, 2);
    assert_int_equal(r.ip4, IP4(10, 1, 0, 3));
    r = resolve(&zone, web1, "web", WC_DNS_AAAA, 0); /* no data, but the name exists */
    assert_int_equal(r.rcode, WC_DNS_NOERROR);
    assert_int_equal(r.n, 0);
    assert_int_equal(resolve(&zone, web1, "example.org", WC_DNS_A, 0).len, 0);
    assert_int_equal(resolve(&zone, web1, "", 2, 0).len, 0);
    wc_dns_zone_free(&zone);
}

static void an_instance_sees_the_names_of_its_networks_only(void **state)
{
    (void)state;
    struct wc_dns_zone zone;
    load_zone(&zone);
    assert_int_equal(resolve(&zone, web1, "db", WC_DNS_A, 0).ip4, IP4(10, 2, 0, 9));
    assert_int_equal(resolve(&zone, web2, "db", WC_DNS_A, 0).len, 0); /* forwarded, unknown here */
    assert_int_equal(resolve(&zone, db, "web", WC_DNS_A, 0).ip4, IP4(10, 2, 0, 2));
    assert_int_equal(resolve(&zone, db, "web", WC_DNS_A, 0).n, 1);
    wc_dns_zone_free(&zone);
}

static void internal_networks_ask_nobody_outside(void **state)
{
    (void)state;
    struct wc_dns_zone zone;
    load_zone(&zone);
    struct result r = resolve(&zone, db, "example.org", WC_DNS_A, 0);
    assert_true(r.len > 0);
    assert_int_equal(r.rcode, WC_DNS_NXDOMAIN);
    const struct wc_dns_asker web_back = { IP4(10, 2, 0, 1), IP4(10, 2, 0, 2) };
    assert_int_equal(resolve(&zone, web_back, "example.org", WC_DNS_A, 0).len, 0);
    wc_dns_zone_free(&zone);
}

static void strangers_are_ignored(void **state)
{
    (void)state;
    struct wc_dns_zone zone;
    load_zone(&zone);
    const struct wc_dns_asker from_outside = { IP4(10, 1, 0, 1), IP4(192, 168, 0, 9) };
    const struct wc_dns_asker other_network = { IP4(10, 1, 0, 1), IP4(10, 2, 0, 9) };
    assert_int_equal(resolve(&zone, from_outside, "web", WC_DNS_A, 0).len, -1);
    assert_int_equal(resolve(&zone, other_network, "web", WC_DNS_A, 0).len, -1);
    wc_dns_zone_free(&zone);
}

static void reverse_names(void **state)
{
    (void)state;
    static const uint8_t name[] = { 7, 'p', '-', 'w', 'e', 'b', '-', '1', 0 };
    struct wc_dns_zone zone;
    load_zone(&zone);
    struct result r = resolve(&zone, web2, "2.0.1.10.in-addr.arpa", WC_DNS_PTR, 0);
    assert_int_equal(r.n, 1);
    assert_int_equal(r.type, WC_DNS_PTR);
    assert_memory_equal(r.out + r.len - (long)sizeof name, name, sizeof name);
    r = resolve(&zone, web2, "77.0.1.10.in-addr.arpa", WC_DNS_PTR, 0);
    assert_int_equal(r.rcode, WC_DNS_NXDOMAIN);
    assert_int_equal(resolve(&zone, web2, "8.8.8.8.in-addr.arpa", WC_DNS_PTR, 0).len, 0);
    uint32_t ip4;
    assert_false(wc_dns_reverse_name("1.2.3.in-addr.arpa", &ip4));
    assert_false(wc_dns_reverse_name("256.2.3.4.in-addr.arpa", &ip4));
    assert_false(wc_dns_reverse_name("1.2.3.4.in-addr.arpa.x", &ip4));
    wc_dns_zone_free(&zone);
}

static void long_answers_are_truncated_unless_asked_otherwise(void **state)
{
    (void)state;
    struct wc_dns_zone zone = { 0 };
    struct wc_dns_query query;
    uint8_t msg[600], out[8192];
    char *text = malloc(20000);
    size_t at = (size_t)snprintf(text, 20000, "net wcbig 10.1.0.1 24 open own n\n");
    for (unsigned i = 2; i < 102; i++)
        at += (size_t)snprintf(text + at, 20000 - at, "name 10.1.0.1 10.1.0.%u i%u web\n", i, i);
    assert_true(wc_dns_zone_add(&zone, text));
    assert_true(wc_dns_zone_finish(&zone));
    size_t len = ask(msg, "web", WC_DNS_A, 0);
    long n =
        local(&zone, (struct wc_dns_message){ web1, msg, len, false, 0 }, &query, out, sizeof out);
    assert_in_range(n, 450, 512);
    assert_true((out[2] & 2) != 0);
    n = local(&zone, (struct wc_dns_message){ web1, msg, len, true, 0 }, &query, out, sizeof out);
    assert_true(n > 512); /* a stream carries it whole */
    assert_int_equal(get16(out + 6), 100);
    assert_int_equal(out[2] & 2, 0);
    len = ask(msg, "web", WC_DNS_A, 4096);
    n = local(&zone, (struct wc_dns_message){ web1, msg, len, false, 0 }, &query, out, sizeof out);
    assert_in_range(n, 1100, WC_DNS_UDP_MAX);
    assert_int_equal(get16(out + 10), 1); /* OPT in return */
    wc_dns_zone_free(&zone);
}

static void broken_questions(void **state)
{
    (void)state;
    struct wc_dns_zone zone;
    struct wc_dns_query query;
    uint8_t msg[600], out[600];
    load_zone(&zone);
    size_t len = ask(msg, "web", WC_DNS_A, 0);
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *exact = malloc(cut + 1); /* so that the sanitizer sees a read beyond */
        memcpy(exact, msg, cut);
        exact = realloc(exact, cut > 0 ? cut : 1);
        long n = local(&zone, (struct wc_dns_message){ web1, exact, cut, false, 0 }, &query, out,
                       sizeof out);
        assert_int_equal(n, cut < WC_DNS_HEADER ? -1 : WC_DNS_HEADER);
        if (n > 0)
            assert_int_equal(out[3] & 15, WC_DNS_FORMERR);
        free(exact);
    }
    msg[WC_DNS_HEADER] = 0xC0; /* compression in a question */
    assert_int_equal(wc_dns_parse(msg, len, &query), WC_DNS_FORMERR);
    msg[2] = 0x10; /* another opcode */
    assert_int_equal(wc_dns_parse(msg, len, &query), WC_DNS_NOTIMP);
    msg[2] = 0x80; /* an answer */
    assert_int_equal(wc_dns_parse(msg, len, &query), -1);
    wc_dns_zone_free(&zone);
}

static void only_the_answer_to_the_question_counts(void **state)
{
    (void)state;
    uint8_t msg[600], reply[600];
    struct wc_dns_query query;
    size_t len = ask(msg, "example.org", WC_DNS_A, 0);
    assert_int_equal(wc_dns_parse(msg, len, &query), 0);
    memcpy(reply, msg, len);
    assert_false(wc_dns_answers(reply, len, msg, query.question_end, 0xABCD));
    reply[2] |= 0x80;
    assert_true(wc_dns_answers(reply, len, msg, query.question_end, 0xABCD));
    assert_false(wc_dns_answers(reply, len, msg, query.question_end, 0xABCE));
    reply[WC_DNS_HEADER + 1] = 'E';
    assert_true(wc_dns_answers(reply, len, msg, query.question_end, 0xABCD));
    reply[WC_DNS_HEADER + 1] = 'f';
    assert_false(wc_dns_answers(reply, len, msg, query.question_end, 0xABCD));
    assert_false(wc_dns_answers(reply, len - 1, msg, query.question_end, 0xABCD));
}

WC_MAIN(WC_CASE(members_and_replicas), WC_CASE(an_instance_sees_the_names_of_its_networks_only),
        WC_CASE(internal_networks_ask_nobody_outside), WC_CASE(strangers_are_ignored),
        WC_CASE(reverse_names), WC_CASE(long_answers_are_truncated_unless_asked_otherwise),
        WC_CASE(broken_questions), WC_CASE(only_the_answer_to_the_question_counts))
