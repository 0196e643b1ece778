/* test_logs.c - reading and following logs: generated files, rotation under the reader's hands. */
#include "harness/wc_test.h"

#include <stdio.h>
#include <unistd.h>
#include <uv.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/paths.h"
#include "base/str.h"
#include "orchestrator/logs_priv.h"
#include "wcompose/logread.h"

struct world {
    char root[64];
    struct wc_paths paths;
    struct wc_arena arena;
    struct wc_buf got; /* "service-index text|" per line */
    size_t n;
    unsigned n_closed;
};

static void world_init(struct world *w)
{
    memset(w, 0, sizeof *w);
    snprintf(w->root, sizeof w->root, "/tmp/wc-logs-XXXXXX");
    assert_non_null(mkdtemp(w->root));
    wc_arena_init(&w->arena);
    w->paths.lib = w->root;
    w->got = (struct wc_buf)WC_BUF_INIT;
}

static void world_deinit(struct world *w)
{
    struct wc_err err = { 0 };
    assert_int_equal(wc_fs_remove_tree(w->root, &err), 0);
    wc_buf_deinit(&w->got);
    wc_arena_deinit(&w->arena);
}

static const char *dir_of(struct world *w, const char *id)
{
    struct wc_err err = { 0 };
    const char *dir = wc_paths_instance_lib(&w->paths, &w->arena, "shop", id);
    assert_int_equal(wc_fs_mkdirs(dir, 0700, &err), 0);
    return dir;
}

/* Appends entries first..last; entry i was written at second i and says "<word> i". */
static void put(struct world *w, const char *id, const char *file, const char *word, int first,
                int last)
{
    const char *path = wc_arena_printf(&w->arena, "%s/%s", dir_of(w, id), file);
    FILE *out = fopen(path, "a");
    assert_non_null(out);
    for (int i = first; i <= last; i++)
        fprintf(out,
                "{\"log\":\"%s %d\\n\",\"stream\":\"%s\",\"time\":\"2026-01-01T00:%02d:%02d."
                "000000%03dZ\"}\n",
                word, i, i % 2 ? "stdout" : "stderr", i / 60, i % 60, i);
    fclose(out);
}

static void rotate(struct world *w, const char *id)
{
    const char *dir = dir_of(w, id);
    for (int n = 8; n >= 0; n--) {
        const char *from = n == 0 ? wc_arena_printf(&w->arena, "%s/log.json", dir)
                                  : wc_arena_printf(&w->arena, "%s/log.json.%d", dir, n);
        const char *to = wc_arena_printf(&w->arena, "%s/log.json.%d", dir, n + 1);
        if (wc_fs_exists(from))
            assert_int_equal(rename(from, to), 0);
    }
}

static void on_line(void *data, const struct wc_log_line *line)
{
    struct world *w = data;
    w->n++;
    wc_buf_printf(&w->got, "%s-%u ", line->service, line->index);
    wc_buf_add(&w->got, line->text, line->len);
    if (w->got.data[w->got.len - 1] == '\n')
        w->got.data[w->got.len - 1] = '|';
    else
        wc_buf_addc(&w->got, '+');
}

static struct wc_logread_query query_of(struct world *w)
{
    return (struct wc_logread_query){ .paths = &w->paths,
                                      .project = "shop",
                                      .tail = WC_UNSET,
                                      .since_ms = WC_UNSET,
                                      .until_ms = WC_UNSET,
                                      .line = on_line,
                                      .data = w };
}

static void on_closed(void *data)
{
    ((struct world *)data)->n_closed++;
}

static void read_all(struct world *w, const struct wc_logread_query *query)
{
    struct wc_err err = { 0 };
    struct wc_logread *reader;
    wc_buf_reset(&w->got);
    w->n = 0;
    assert_int_equal(wc_logread_open(query, &reader, &err), 0);
    assert_int_equal(wc_logread_run(reader, &err), 0);
    assert_int_equal(wc_logread_damaged(reader), 0);
    wc_logread_close(reader, on_closed, w);
}

static void ids(void **state)
{
    (void)state;
    char service[32];
    unsigned index = 0;
    assert_true(
        wc_instance_id_parse("shop-web-1.0a1b2c3d", "shop", service, sizeof service, &index));
    assert_string_equal(service, "web");
    assert_int_equal(index, 1);
    assert_true(wc_instance_id_parse("shop-my-api.v2-12.0a1b2c3d", "shop", service, sizeof service,
                                     &index));
    assert_string_equal(service, "my-api.v2");
    assert_int_equal(index, 12);
    static const char *const bad[] = { "other-web-1.0a1b2c3d", "shop-web.0a1b2c3d",
                                       "shop-web-1",           "shop-web-0.0a1b2c3d",
                                       "shop--1.aa",           "shop-web-x.aa",
                                       "shop-web-1.",          "." };
    for (size_t i = 0; i < WC_COUNT(bad); i++)
        assert_false(wc_instance_id_parse(bad[i], "shop", service, sizeof service, &index));
}

static void entries(void **state)
{
    (void)state;
    struct wc_log_line line = { 0 };
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    static const char good[] = "{\"log\":\"a\\t\\\"\\u0000\\u00e9\\ud83d\\ude00\\ud800\\n\","
                               "\"stream\":\"stderr\",\"time\":\"2026-01-01T00:00:00.123456789Z\"}";
    assert_true(wc_log_entry_read(good, sizeof good - 1, &line, &text));
    assert_true(line.is_stderr);
    assert_int_equal(line.time_ns % 1000000000, 123456789);
    static const char want[] = "a\t\"\0\xc3\xa9\xf0\x9f\x98\x80\xef\xbf\xbd\n";
    assert_int_equal(line.len, sizeof want - 1);
    assert_memory_equal(line.text, want, line.len);
    static const char *const bad[] = {
        "",
        "{}",
        "{\"log\":\"x",
        "{\"log\":\"x\\q\",\"stream\":\"stdout\",\"time\":\"2026-01-01T00:00:00Z\"}",
        "{\"log\":\"x\\u12\",\"stream\":\"stdout\",\"time\":\"2026-01-01T00:00:00Z\"}",
        "{\"log\":\"x\",\"stream\":\"stdout\",\"time\":\"soon\"}",
        "{\"stream\":\"stdout\",\"time\":\"2026-01-01T00:00:00Z\"}",
        "{\"log\":1,\"time\":\"2026-01-01T00:00:00Z\"}",
    };
    for (size_t i = 0; i < WC_COUNT(bad); i++)
        assert_false(wc_log_entry_read(bad[i], strlen(bad[i]), &line, &text));
}

static void merges_by_time(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    put(&w, "shop-web-1.aaaaaaaa", "log.json.1", "w", 1, 2);
    put(&w, "shop-web-1.aaaaaaaa", "log.json", "w", 5, 5);
    put(&w, "shop-db-1.bbbbbbbb", "log.json", "d", 2, 4);
    put(&w, "shop-db-2.bbbbbbbb", "log.json", "e", 4, 4);
    struct wc_logread_query query = query_of(&w);
    read_all(&w, &query);
    assert_string_equal(w.got.data,
                        "web-1 w 1|db-1 d 2|web-1 w 2|db-1 d 3|db-1 d 4|db-2 e 4|web-1 w 5|");
    query.services = (const char *const[]){ "db" };
    query.n_services = 1;
    query.index = 2;
    read_all(&w, &query);
    assert_string_equal(w.got.data, "db-2 e 4|");
    assert_int_equal(w.n_closed, 2);
    world_deinit(&w);
}

static void tail_crosses_files(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    put(&w, "shop-web-1.aaaaaaaa", "log.json.2", "w", 1, 1000);
    put(&w, "shop-web-1.aaaaaaaa", "log.json.1", "w", 1001, 2000);
    put(&w, "shop-web-1.aaaaaaaa", "log.json", "w", 2001, 2003);
    struct wc_logread_query query = query_of(&w);
    static const struct {
        int64_t tail;
        size_t n;
        const char *first;
    } rows[] = { { 0, 0, "" },
                 { 1, 1, "web-1 w 2003|" },
                 { 3, 3, "web-1 w 2001|" },
                 { 4, 4, "web-1 w 2000|" },
                 { 1003, 1003, "web-1 w 1001|" },
                 { 1004, 1004, "web-1 w 1000|" },
                 { 2003, 2003, "web-1 w 1|" },
                 { 9999, 2003, "web-1 w 1|" } };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        query.tail = rows[i].tail;
        read_all(&w, &query);
        assert_int_equal(w.n, rows[i].n);
        assert_memory_equal(w.got.data, rows[i].first, strlen(rows[i].first));
    }
    world_deinit(&w);
}

static void since_and_until(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    put(&w, "shop-web-1.aaaaaaaa", "log.json", "w", 1, 100);
    struct wc_logread_query query = query_of(&w);
    query.since_ms = INT64_C(1767225610000); /* 2026-01-01T00:00:10Z */
    query.until_ms = INT64_C(1767225612500);
    read_all(&w, &query);
    assert_string_equal(w.got.data, "web-1 w 10|web-1 w 11|web-1 w 12|");
    world_deinit(&w);
}

static void damaged_entries_are_counted(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    put(&w, "shop-web-1.aaaaaaaa", "log.json", "w", 1, 1);
    FILE *out =
        fopen(wc_arena_printf(&w.arena, "%s/log.json", dir_of(&w, "shop-web-1.aaaaaaaa")), "a");
    assert_non_null(out);
    fputs("garbage\n\n", out);
    fclose(out);
    put(&w, "shop-web-1.aaaaaaaa", "log.json", "w", 2, 2);
    struct wc_logread_query query = query_of(&w);
    struct wc_err err = { 0 };
    struct wc_logread *reader;
    assert_int_equal(wc_logread_open(&query, &reader, &err), 0);
    assert_int_equal(wc_logread_run(reader, &err), 0);
    assert_string_equal(w.got.data, "web-1 w 1|web-1 w 2|");
    assert_int_equal(wc_logread_damaged(reader), 2);
    wc_logread_close(reader, NULL, NULL);
    world_deinit(&w);
}

/* Runs the loop until n lines have come, at most twenty seconds. */
static void on_late(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

static void run_until(uv_loop_t *loop, struct world *w, size_t n)
{
    uv_timer_t timer;
    bool is_late = false;
    uv_timer_init(loop, &timer);
    timer.data = &is_late;
    uv_timer_start(&timer, on_late, 20000, 0);
    while (w->n < n && !is_late)
        uv_run(loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
    assert_int_equal(w->n, n);
}

static void follows_across_rotation(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    const char *id = "shop-web-1.aaaaaaaa";
    put(&w, id, "log.json", "w", 1, 3);
    struct wc_logread_query query = query_of(&w);
    query.tail = 1;
    struct wc_err err = { 0 };
    struct wc_logread *reader;
    uv_loop_t loop;
    uv_loop_init(&loop);
    assert_int_equal(wc_logread_open(&query, &reader, &err), 0);
    assert_int_equal(wc_logread_run(reader, &err), 0);
    assert_int_equal(wc_logread_follow(reader, &loop, &err), 0);
    run_until(&loop, &w, 1);
    put(&w, id, "log.json", "w", 4, 4);
    run_until(&loop, &w, 2);
    for (int i = 5; i < 15; i += 2) { /* two at once, so that a file is passed over unread */
        rotate(&w, id);
        put(&w, id, "log.json", "w", i, i);
        rotate(&w, id);
        put(&w, id, "log.json", "w", i + 1, i + 1);
    }
    run_until(&loop, &w, 12);
    assert_string_equal(w.got.data,
                        "web-1 w 3|web-1 w 4|web-1 w 5|web-1 w 6|web-1 w 7|web-1 w 8|web-1 w 9|"
                        "web-1 w 10|web-1 w 11|web-1 w 12|web-1 w 13|web-1 w 14|");
    assert_int_equal(wc_logread_damaged(reader), 0);
    wc_logread_close(reader, on_closed, &w);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(w.n_closed, 1);
    assert_int_equal(uv_loop_close(&loop), 0);
    world_deinit(&w);
}

static void follows_new_and_replaced_instances(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    put(&w, "shop-web-1.aaaaaaaa", "log.json", "w", 1, 1);
    struct wc_logread_query query = query_of(&w);
    struct wc_err err = { 0 };
    struct wc_logread *reader;
    uv_loop_t loop;
    uv_loop_init(&loop);
    assert_int_equal(wc_logread_open(&query, &reader, &err), 0);
    assert_int_equal(wc_logread_follow(reader, &loop, &err), 0);
    run_until(&loop, &w, 1);
    put(&w, "shop-api-1.bbbbbbbb", "log.json", "a", 2, 3);
    run_until(&loop, &w, 3);
    put(&w, "shop-api-1.bbbbbbbb", "log.json", "a", 4, 4);
    run_until(&loop, &w, 4);
    /* removed and made again under the same id, as `down` and `up` do */
    assert_int_equal(wc_fs_remove_tree(dir_of(&w, "shop-api-1.bbbbbbbb"), &err), 0);
    put(&w, "shop-api-1.bbbbbbbb", "log.json", "again", 5, 5);
    run_until(&loop, &w, 5);
    put(&w, "shop-api-1.bbbbbbbb", "log.json", "again", 6, 6);
    run_until(&loop, &w, 6);
    assert_string_equal(w.got.data, "web-1 w 1|api-1 a 2|api-1 a 3|api-1 a 4|api-1 again 5|"
                                    "api-1 again 6|");
    wc_logread_close(reader, on_closed, &w);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(w.n_closed, 1);
    assert_int_equal(uv_loop_close(&loop), 0);
    world_deinit(&w);
}

WC_MAIN(WC_CASE(ids), WC_CASE(entries), WC_CASE(merges_by_time), WC_CASE(tail_crosses_files),
        WC_CASE(since_and_until), WC_CASE(damaged_entries_are_counted),
        WC_CASE(follows_across_rotation), WC_CASE(follows_new_and_replaced_instances))
