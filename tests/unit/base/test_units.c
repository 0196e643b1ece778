/* test_units.c - durations, sizes, times, signals: what people write and what is refused. */
#include "harness/wc_test.h"

#include <signal.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/units.h"

static void durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } rows[] = {
        { "1m30s", 90000 },  { "1.5h", 5400000 }, { "500ms", 500 },
        { "1us", 1 },        { "0s", 0 },         { "2d", 172800000 },
        { "1w", 604800000 }, { "10", -1 },        { "", -1 },
        { "10sec", -1 },     { "-1s", -1 },       { "1s ", -1 },
        { ".5s", 500 },      { "s", -1 },         { "99999999999999999h", -1 },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        int64_t ms = -1;
        assert_int_equal(wc_duration_parse(rows[i].text, &ms), rows[i].ms >= 0);
        assert_int_equal(ms, rows[i].ms);
    }
}

static void duration_format_reads_back(void **state)
{
    (void)state;
    static const int64_t values[] = { 0, 1, 999, 1000, 1500, 61001, 3600000, 90061007 };
    for (size_t i = 0; i < WC_COUNT(values); i++) {
        WC_CLEANUP_BUF struct wc_buf buf = WC_BUF_INIT;
        int64_t back;
        wc_duration_format(values[i], &buf);
        assert_true(wc_duration_parse(buf.data, &back));
        assert_int_equal(back, values[i]);
    }
}

static void bytes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes; /* -1: refused */
    } rows[] = {
        { "512m", 536870912 }, { "1.5 GiB", 1610612736 },
        { "100", 100 },        { "1k", 1024 },
        { "1KB", 1024 },       { "+5m", 5242880 },
        { "1_0m", 10485760 },  { "1__0m", -1 },
        { "_1", -1 },          { "1_", -1 },
        { "512 megs", -1 },    { "", -1 },
        { "m", -1 },           { "1e3", -1 },
        { "-1", -1 },          { "9999999999g", -1 },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        int64_t value = -1;
        assert_int_equal(wc_bytes_parse(rows[i].text, &value), rows[i].bytes >= 0);
        assert_int_equal(value, rows[i].bytes);
    }
}

static void bytes_are_short(void **state)
{
    (void)state;
    static const struct {
        int64_t bytes;
        const char *text;
    } rows[] = { { 0, "0 B" },
                 { 1023, "1023 B" },
                 { 1024, "1.0 KiB" },
                 { 1536 << 10, "1.5 MiB" },
                 { 512LL << 20, "512 MiB" },
                 { INT64_MAX / 10, "819 PiB" },
                 { INT64_MAX / 10 + 1, "819 PiB" },
                 { INT64_MAX, "8191 PiB" } };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
        wc_bytes_format(rows[i].bytes, &out);
        assert_string_equal(out.data, rows[i].text);
    }
}

static void times(void **state)
{
    (void)state;
    char text[32];
    int64_t back;
    wc_time_rfc3339(1763932399402, text, sizeof text);
    assert_string_equal(text, "2025-11-23T21:13:19.402Z");
    assert_true(wc_time_parse(text, &back));
    assert_int_equal(back, 1763932399402);
    assert_true(wc_time_parse("2025-11-23T23:13:19.402999999+02:00", &back));
    assert_int_equal(back, 1763932399402);
    assert_false(wc_time_parse("yesterday", &back));
    assert_false(wc_time_parse("2025-13-01T00:00:00Z", &back));
}

static void signals(void **state)
{
    (void)state;
    assert_int_equal(wc_signal_number("SIGTERM"), SIGTERM);
    assert_int_equal(wc_signal_number("term"), SIGTERM);
    assert_int_equal(wc_signal_number("9"), SIGKILL);
    assert_int_equal(wc_signal_number("SIGRTMIN+3"), 37);
    assert_int_equal(wc_signal_number("SIGNOPE"), 0);
    assert_string_equal(wc_signal_name(SIGUSR1), "USR1");
}

WC_MAIN(WC_CASE(durations), WC_CASE(duration_format_reads_back), WC_CASE(bytes),
        WC_CASE(bytes_are_short), WC_CASE(times), WC_CASE(signals))
