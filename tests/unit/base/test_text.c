/* test_text.c - buffers, arenas, strings, maps: what everything else stands on. */
#include "harness/wc_test.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/str.h"
#include "wcompose/model.h"

static void buf_keeps_its_terminator(void **state)
{
    (void)state;
    struct wc_buf buf = WC_BUF_INIT;
    assert_string_equal(buf.data, "");
    for (int i = 0; i < 1000; i++) {
        wc_buf_addc(&buf, 'x');
        assert_int_equal(strlen(buf.data), i + 1);
    }
    wc_buf_consume(&buf, 990);
    wc_buf_printf(&buf, "-%d", 42);
    assert_string_equal(buf.data, "xxxxxxxxxx-42");
    char *text = wc_buf_detach(&buf);
    assert_string_equal(text, "xxxxxxxxxx-42");
    assert_int_equal(buf.len, 0);
    wc_free(text);
    wc_buf_deinit(&buf);
}

static void sha256_of_known_texts(void **state)
{
    (void)state;
    char hex[WC_SHA256_HEX + 1];
    wc_sha256_hex("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    struct wc_sha256 *hash = wc_sha256_new();
    wc_sha256_update(hash, "a", 1);
    wc_sha256_update(hash, "bc", 2);
    wc_sha256_finish(hash, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    wc_sha256_finish(wc_sha256_new(), NULL);
}

static void base64_pads(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        { "", "" },        { "f", "Zg==" },        { "fo", "Zm8=" },
        { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "\xff\xfe\xfd", "//79" }
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        WC_CLEANUP_BUF struct wc_buf buf = WC_BUF_INIT;
        wc_buf_add_base64(&buf, rows[i][0], strlen(rows[i][0]));
        assert_string_equal(buf.data, rows[i][1]);
    }
}

static void arena_zeroes_and_aligns(void **state)
{
    (void)state;
    struct wc_arena arena;
    wc_arena_init(&arena);
    for (size_t size = 1; size < 5000; size += 37) {
        unsigned char *p = wc_arena_alloc(&arena, size);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xaa, size);
    }
    wc_arena_deinit(&arena);
    assert_null(arena.head);
}

static void list_grows_past_powers_of_two(void **state)
{
    (void)state;
    struct wc_arena arena;
    struct wc_strv list = { 0 };
    wc_arena_init(&arena);
    for (int i = 0; i < 100; i++)
        wc_strv_add(&arena, &list, wc_arena_printf(&arena, "item %d", i));
    assert_int_equal(list.n, 100);
    assert_string_equal(list.items[0], "item 0");
    assert_string_equal(list.items[64], "item 64");
    assert_string_equal(list.items[99], "item 99");
    assert_true(wc_strv_has(&list, "item 33"));
    assert_false(wc_strv_has(&list, "item 100"));
    wc_arena_deinit(&arena);
}

static void suggestions(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "environment", "image", NULL, "process", "hyperv", "volumes"
    };
    static const struct {
        const char *word, *expected;
    } rows[] = {
        { "enviroment", "environment" }, { "hyper-v", "hyperv" }, { "imgae", "image" },
        { "Process", "process" },        { "vm", NULL },          { "", NULL },
        { "entirely-different", NULL },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        const char *found = wc_str_suggest(rows[i].word, keys, WC_COUNT(keys));
        if (rows[i].expected == NULL)
            assert_null(found);
        else
            assert_string_equal(found, rows[i].expected);
    }
}

static void map_finds_and_keeps_order(void **state)
{
    (void)state;
    struct wc_arena arena;
    struct wc_map map;
    wc_arena_init(&arena);
    wc_map_init(&map, &arena);
    assert_null(wc_map_get(&map, "absent"));
    for (int i = 0; i < 5000; i++)
        assert_true(wc_map_put(&map, wc_arena_printf(&arena, "key%d", i),
                               wc_arena_printf(&arena, "%d", i)));
    assert_false(wc_map_put(&map, "key77", "again"));
    assert_string_equal(wc_map_get(&map, "key77"), "again");
    assert_string_equal(wc_map_get(&map, "key4999"), "4999");
    assert_false(wc_map_has(&map, "key5000"));
    for (size_t i = 0; i < map.n; i++)
        assert_string_equal(map.entries[i].key, wc_arena_printf(&arena, "key%zu", i));
    wc_arena_deinit(&arena);
}

static void integers(void **state)
{
    (void)state;
    int64_t value;
    assert_true(wc_str_to_i64("-5", -10, 10, &value));
    assert_int_equal(value, -5);
    assert_false(wc_str_to_i64("11", -10, 10, &value));
    assert_false(wc_str_to_i64("5 ", -10, 10, &value));
    assert_false(wc_str_to_i64("", -10, 10, &value));
    assert_false(wc_str_to_i64("99999999999999999999", 0, INT64_MAX, &value));
}

static void integers_in_a_row(void **state)
{
    (void)state;
    int64_t n[3] = { 0 };
    assert_true(wc_str_to_i64s("1 -22\t333 rest", n, 3));
    assert_int_equal(n[0], 1);
    assert_int_equal(n[1], -22);
    assert_int_equal(n[2], 333);
    assert_true(wc_str_to_i64s("", n, 0));
    assert_true(wc_str_to_i64s("7\n", n, 1));
    assert_false(wc_str_to_i64s("1 2", n, 3));
    assert_false(wc_str_to_i64s("1 2x 3", n, 3));
    assert_false(wc_str_to_i64s("1 - 3", n, 3));
    assert_false(wc_str_to_i64s("+1", n, 1));
    assert_false(wc_str_to_i64s("9223372036854775808", n, 1));
}

static void start_of_a_process(void **state)
{
    (void)state;
    char letter = '?';
    const char *stat = "17 (a) b (c) Z 1 17 17 0 -1 4194560 9 0 0 0 0 0 0 0 20 0 1 0 4711 0 0\n";
    assert_int_equal(wc_str_stat_start(stat, &letter), 4711);
    assert_int_equal(letter, 'Z');
    assert_int_equal(wc_str_stat_start("17 (sh) R 1 17", NULL), 0);
    assert_int_equal(wc_str_stat_start("17 (sh)", &letter), 0);
    assert_int_equal(wc_str_stat_start("", NULL), 0);
    assert_false(wc_str_stat_is_leaving(stat));
    assert_true(wc_str_stat_is_leaving("17 (a) b) R 1 17 17 0 -1 4194564 9 0"));
    assert_false(wc_str_stat_is_leaving("17 (4 4 4) R 4 4 4 4 4 8 4"));
    assert_false(wc_str_stat_is_leaving("17 (sh) R 1 17"));
    assert_false(wc_str_stat_is_leaving(""));
}

static void base64_back(void **state)
{
    (void)state;
    static const char *const good[][2] = {
        { "", "" },
        { "Zg==", "f" },
        { "Zg", "f" },
        { "Zm8=", "fo" },
        { "Zm9v", "foo" },
        { "Zm8", "fo" },
        { "dTpwOncK", "u:p:w\n" },
    };
    static const char *const bad[] = {
        "Z", "Zg=", "Zg===", "Z=g=", "Zm 9", "Zm9v=", "Zm8==", "-_"
    };
    for (size_t i = 0; i < WC_COUNT(good); i++) {
        WC_CLEANUP_BUF struct wc_buf buf = WC_BUF_INIT;
        wc_buf_adds(&buf, "x");
        assert_true(wc_buf_add_unbase64(&buf, good[i][0]));
        assert_string_equal(buf.data + 1, good[i][1]);
    }
    for (size_t i = 0; i < WC_COUNT(bad); i++) {
        WC_CLEANUP_BUF struct wc_buf buf = WC_BUF_INIT;
        assert_false(wc_buf_add_unbase64(&buf, bad[i]));
        assert_int_equal(buf.len, 0);
    }
}

WC_MAIN(WC_CASE(buf_keeps_its_terminator), WC_CASE(sha256_of_known_texts), WC_CASE(base64_pads),
        WC_CASE(base64_back), WC_CASE(arena_zeroes_and_aligns),
        WC_CASE(list_grows_past_powers_of_two), WC_CASE(suggestions),
        WC_CASE(map_finds_and_keeps_order), WC_CASE(integers), WC_CASE(integers_in_a_row),
        WC_CASE(start_of_a_process))
