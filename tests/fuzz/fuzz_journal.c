/* fuzz_journal.c - any bytes as a journal: a scan stays within them, reads the same from what it
 * says holds, and what is appended there is read as well; the ledger takes the records, and its own
 * telling of itself gives the same ledger. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "orchestrator/journal.h"
#include "orchestrator/ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

static void check(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

struct seen {
    uint32_t crc;
    uint64_t last_seq;
};

static bool see(void *data, const struct wc_journal_record *record)
{
    struct seen *seen = data;
    check(record->seq > seen->last_seq, "a number that doesn't grow");
    seen->last_seq = record->seq;
    seen->crc = wc_crc32c(seen->crc, record->payload, record->len);
    return record->type % 2 == 0;
}

static bool take(void *data, const struct wc_journal_record *record)
{
    return wc_ledger_apply(data, record->type, record->payload, record->len);
}

static void retell(void *data, enum wc_record type, const struct wc_buf *payload)
{
    check(wc_ledger_apply(data, type, payload->data, payload->len), "it doesn't know itself");
}

static void write_down(void *data, enum wc_record type, const struct wc_buf *payload)
{
    wc_buf_printf(data, "%d:", (int)type);
    wc_buf_add(data, payload->data, payload->len);
}

static void check_ledger(const uint8_t *data, size_t size)
{
    struct wc_ledger ledger = { 0 }, again = { 0 };
    struct wc_journal_scan scan;
    WC_CLEANUP_BUF struct wc_buf first = WC_BUF_INIT;
    WC_CLEANUP_BUF struct wc_buf second = WC_BUF_INIT;
    if (wc_journal_scan_bytes((const char *)data, size, take, &ledger, &scan, NULL) == 0) {
        wc_ledger_tell(&ledger, retell, &again);
        wc_ledger_tell(&ledger, write_down, &first);
        wc_ledger_tell(&again, write_down, &second);
        check(first.len == second.len && memcmp(first.data, second.data, first.len) == 0,
              "another ledger");
    }
    wc_ledger_deinit(&ledger);
    wc_ledger_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_ledger(data, size);
    struct seen first = { 0 }, again = { 0 }, more = { 0 };
    struct wc_journal_scan scan, rescan;
    struct wc_err err = { 0 };
    if (wc_journal_scan_bytes((const char *)data, size, see, &first, &scan, &err) != 0) {
        check(err.code == WC_ERR_STATE, "an error without a message");
        return 0;
    }
    check(scan.good_len <= size, "more than there is");
    check(scan.last_seq == first.last_seq, "another last number");
    if (scan.good_len == 0 || scan.last_seq == UINT64_MAX)
        return 0;
    wc_journal_scan_bytes((const char *)data, scan.good_len, see, &again, &rescan, &err);
    check(rescan.good_len == scan.good_len && again.crc == first.crc, "the good part differs");
    WC_CLEANUP_BUF struct wc_buf bytes = WC_BUF_INIT;
    wc_buf_add(&bytes, data, scan.good_len);
    const struct wc_journal_record record = {
        .seq = scan.last_seq + 1, .type = 7, .payload = "next", .len = 4
    };
    wc_journal_put_record(&bytes, &record);
    wc_journal_scan_bytes(bytes.data, bytes.len, see, &more, &rescan, &err);
    check(rescan.n_records == scan.n_records + 1 && rescan.good_len == bytes.len,
          "an appended record isn't read");
    return 0;
}

static uint32_t get4(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void put4(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

/* Puts the checksums right, or nearly every change would end at the first look. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    size_t len = LLVMFuzzerMutate(data, size, max_size);
    if (seed % 8 == 0 || len < WC_JOURNAL_HEAD_BYTES)
        return len;
    memcpy(data, "wcjrnl\r\n\1\0\0\0", 12);
    put4(data + 12, wc_crc32c(0, data, 12));
    for (size_t at = WC_JOURNAL_HEAD_BYTES; at + WC_JOURNAL_RECORD_BYTES <= len;) {
        size_t n = get4(data + at);
        if (n > len - at - WC_JOURNAL_RECORD_BYTES) { /* the last one: as long as there is room */
            n = len - at - WC_JOURNAL_RECORD_BYTES;
            put4(data + at, (uint32_t)n);
        }
        uint32_t crc = wc_crc32c(0, data + at, 4);
        put4(data + at + 4, wc_crc32c(crc, data + at + 8, WC_JOURNAL_RECORD_BYTES - 8 + n));
        at += WC_JOURNAL_RECORD_BYTES + n;
    }
    return len;
}
