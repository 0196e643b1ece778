/* fuzz_age.c - any bytes as an age file, and as an identity file.
 *
 * A first byte '!' means identities. What must hold: no crash; an error has a message and gives
 * nothing out; armor is taken off into a file that is read as the same one.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/age.h"
#include "base/age_parse.h"
#include "base/alloc.h"
#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char IDENTITY[] =
    "AGE-SECRET-KEY-1JK6Y2NC09JSMDNQU97H5T5H2T0K6WFR8Y85CJ779P8GCN54E6NES0EULRZ";

static void identities(const char *text, size_t len)
{
    WC_CLEANUP_AGE_KEYS struct wc_age_keys keys = { 0 };
    struct wc_err err = { 0 };
    int rc = wc_age_keys_add(&keys, "keys", text, len, &err);
    if ((rc == 0) != (err.msg[0] == '\0') || (rc == 0 && keys.n == 0) ||
        keys.scalars.len != keys.n * 32 || (rc != 0 && err.at.line == 0))
        abort();
}

static void headers(const char *text, size_t len)
{
    struct wc_age_header header;
    if (wc_age_header(text, len, &header, NULL) != 0)
        return;
    if (header.n == 0 || header.signed_len >= header.len || header.len > len)
        abort();
    wc_free(header.stanzas);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    WC_CLEANUP_AGE_KEYS struct wc_age_keys keys = { 0 };
    WC_CLEANUP_SECRET struct wc_secret out = WC_SECRET_INIT, again = WC_SECRET_INIT;
    WC_CLEANUP_BUF struct wc_buf bytes = WC_BUF_INIT;
    struct wc_err err = { 0 };
    if (size > 0 && data[0] == '!') {
        identities(text + 1, size - 1);
        return 0;
    }
    if (wc_age_keys_add(&keys, "key", IDENTITY, sizeof IDENTITY - 1, NULL) != 0)
        abort();
    headers(text, size);
    int rc = wc_age_open(&keys, data, size, &out, &err);
    if ((rc == 0) != (err.msg[0] == '\0') || (rc != 0 && out.len != 0))
        abort();
    if (wc_age_is_armored(text, size) && wc_age_unarmor(text, size, &bytes, NULL) == 0 &&
        (wc_age_open(&keys, bytes.data, bytes.len, &again, NULL) != rc || again.len != out.len))
        abort();
    return 0;
}
