/* fuzz_dns.c - whatever bytes come to the name server's port, and whatever is in a zone file.
 *
 * The first byte says how the rest is cut: a zone file, then a message. The message also goes
 * against a fixed zone, so that the fuzzer needn't invent one to reach the answers.
 */
#include "drivers/keeper/dns.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/keeper/dns_local.c"
#include "drivers/keeper/dns_zone.c"
#include "drivers/keeper/dns_msg.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct wc_dns_asker asker = { 0x0A010001, 0x0A010002 };

static void exercise(const struct wc_dns_zone *zone, const uint8_t *msg, size_t len)
{
    static uint8_t out[65535];
    struct wc_dns_query query;
    for (int tcp = 0; tcp <= 1; tcp++) {
        size_t cap = tcp ? sizeof out : WC_DNS_UDP_MAX;
        const struct wc_dns_message in = { asker, msg, len, tcp == 1, 3 };
        long n = wc_dns_local(zone, &in, &query, out, cap);
        assert(n <= (long)cap);
        assert(n <= 0 || n >= WC_DNS_HEADER);
        if (n > 0 && query.question_end != 0) /* our own answers pass our own check */
            assert(wc_dns_answers(out, (size_t)n, msg, query.question_end, query.id));
    }
    if (len > WC_DNS_HEADER && wc_dns_parse(msg, len, &query) == 0)
        wc_dns_answers(msg, len, msg, query.question_end, query.id);
}

static bool load_zone(struct wc_dns_zone *zone, const char *bytes, size_t len)
{
    char *text = malloc(len + 1);
    memcpy(text, bytes, len);
    text[len] = '\0';
    return wc_dns_zone_add(zone, text) && wc_dns_zone_finish(zone);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char fixed[] = "net wc1 10.1.0.1 24 open own n\n"
                                "net wc2 10.2.0.1 24 internal own m\n"
                                "name 10.1.0.1 10.1.0.2 i1 a\nname 10.1.0.1 10.1.0.3 i2 a\n"
                                "name 10.2.0.1 10.2.0.2 i1 b.c\n";
    struct wc_dns_zone known = { 0 }, fuzzed = { 0 };
    if (size == 0)
        return 0;
    size_t cut = (size_t)data[0] * (size - 1) / 255;
    if (load_zone(&known, fixed, sizeof fixed - 1))
        exercise(&known, data + 1 + cut, size - 1 - cut);
    if (load_zone(&fuzzed, (const char *)data + 1, cut))
        exercise(&fuzzed, data + 1 + cut, size - 1 - cut);
    wc_dns_zone_free(&known);
    wc_dns_zone_free(&fuzzed);
    return 0;
}
