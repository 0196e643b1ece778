/* fuzz_sops.c - any bytes as a file of SOPS, its first byte as the store.
 *
 * What must hold: no crash; an error has a message and gives nothing out; the same again the second
 * time. The seeds are files whose key is known, so that what stands behind the key is reached.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/age.h"
#include "base/arena.h"
#include "base/pattern.h"
#include "spec/sops.h"
#include "spec/sops_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char IDENTITY[] =
    "AGE-SECRET-KEY-14EZG4JRVF68YMMRY2U5HPRH5RPE6U7WXMLUYALMNXCYCJJRLPRJS2WX5PN";

static int try_one(const struct wc_sops_file *file, size_t *len)
{
    struct wc_arena arena;
    WC_CLEANUP_AGE_KEYS struct wc_age_keys keys = { 0 };
    WC_CLEANUP_SOPS struct wc_sops sops = { 0 };
    struct wc_err err = { 0 };
    wc_arena_init(&arena);
    if (wc_age_keys_add(&keys, "key", IDENTITY, sizeof IDENTITY - 1, NULL) != 0)
        abort();
    int rc = wc_sops_open(file, &keys, &arena, &sops, &err);
    if ((rc == 0) != (err.msg[0] == '\0') || (rc != 0 && sops.text.bytes != NULL))
        abort();
    *len = sops.text.len;
    wc_arena_deinit(&arena);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "x.yaml", "x.json", "x.env", "x" };
    if (size == 0)
        return 0;
    char *text = malloc(size);
    if (text == NULL)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    size_t valid = wc_utf8_valid(text, size - 1), first, second;
    text[valid] = '\0'; /* files are looked at before (encoding.h) */
    struct wc_sops_file file = { .name = names[data[0] % 4], .text = { text, valid } };
    file.store = wc_sops_store(&file.text, file.name);
    if (file.store == WC_SOPS_NONE)
        file.store = (enum wc_sops_store)(WC_SOPS_DOTENV + data[0] % 5);
    if (try_one(&file, &first) != try_one(&file, &second) || first != second)
        abort();
    struct wc_pattern *pattern = NULL;
    if (wc_pattern_new(text, &pattern, NULL) == 0)
        (void)wc_pattern_found(pattern, names[data[0] % 4]);
    wc_pattern_free(pattern);
    free(text);
    return 0;
}
