/* settled.c - a decision becomes part of the model; names and patterns of rules. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "wcompose/model.h"

void wc_service_settle(struct wc_service *service, const struct wc_settled *settled)
{
    char text[2 * WC_SHA256_HEX + 16];
    service->settled = *settled;
    memcpy(service->spec_hash, service->tree_hash, sizeof service->spec_hash);
    if (settled->level != WC_ISOLATION_HYPERV || service->tree_hash[0] == '\0')
        return; /* one made by hand has no hashes */
    int len = snprintf(text, sizeof text, "hyperv %s %s", service->tree_hash, service->vm_hash);
    wc_sha256_hex(text, (size_t)len, service->spec_hash);
}

/* The last star takes in more whenever what is behind it doesn't fit: linear for one star, and
 * never worse than the product of the lengths. */
bool wc_pattern_matches(const char *pattern, const char *text)
{
    const char *star = NULL, *resume = NULL;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            resume = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}
