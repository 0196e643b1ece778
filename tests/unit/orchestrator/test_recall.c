/* test_recall.c - a memory with an end. */
// LINK: wc_orchestrator wc_core
#include "harness/wc_test.h"

#include <stdio.h>
#include <string.h>

#include "orchestrator/recall.h"

static void add(struct wc_recall *recall, uint64_t seq, size_t len)
{
    static char text[WC_RECALL_BYTES + 1];
    memset(text, 'x', sizeof text - 1);
    snprintf(text, sizeof text, "%llu", (unsigned long long)seq);
    if (len > strlen(text))
        text[strlen(text)] = 'x';
    wc_recall_add(recall, seq, (int64_t)seq * 10, text, len);
}

static void keeps_the_last(void **state)
{
    (void)state;
    struct wc_recall recall = { 0 };
    for (uint64_t seq = 1; seq <= 2500; seq++) {
        add(&recall, seq, 4);
        assert_true(recall.n <= WC_RECALL_EVENTS);
        assert_int_equal(wc_recall_get(&recall, recall.n - 1)->seq, seq);
    }
    assert_int_equal(recall.n, WC_RECALL_EVENTS);
    assert_int_equal(recall.n_forgotten, 1500);
    for (size_t i = 0; i < recall.n; i++) {
        const struct wc_recalled *at = wc_recall_get(&recall, i);
        assert_int_equal(at->seq, 1501 + i);
        assert_int_equal(at->wall_ms, (int64_t)at->seq * 10);
    }
    assert_string_equal(wc_recall_get(&recall, 0)->json, "1501");
    wc_recall_deinit(&recall);
    assert_int_equal(recall.bytes, 0);
}

static void holds_no_more_than_its_bytes(void **state)
{
    (void)state;
    struct wc_recall recall = { 0 };
    for (uint64_t seq = 1; seq <= 100; seq++) {
        add(&recall, seq, WC_RECALL_BYTES / 10);
        assert_true(recall.bytes <= WC_RECALL_BYTES);
    }
    assert_int_equal(recall.n, 10);
    add(&recall, 101, WC_RECALL_BYTES); /* one that is as long as all */
    assert_int_equal(recall.n, 1);
    add(&recall, 102, 3);
    assert_int_equal(recall.n, 1);
    assert_int_equal(wc_recall_get(&recall, 0)->seq, 102);
    wc_recall_deinit(&recall);
}

WC_MAIN(WC_CASE(keeps_the_last), WC_CASE(holds_no_more_than_its_bytes))
