/* test_pull.c - which images are due by whose policy, and what is shown of them on their way. */
#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"
#include "base/units.h"
#include "cli/pull_services.h"
#include "cli/pull_view.h"

static void policies(void **state)
{
    (void)state;
    enum { NOW = 1, OLD = 2, NEVER = 0, ABSENT = 3 };
    static const struct {
        const char *policy;
        bool due[4]; /* never asked about; asked just now; ten days ago; not there */
    } rows[] = {
        { NULL, { false, false, false, true } },       { "", { false, false, false, true } },
        { "missing", { false, false, false, true } },  { "never", { false, false, false, false } },
        { "build", { false, false, false, false } },   { "always", { true, true, true, true } },
        { "refresh", { true, true, true, true } },     { "daily", { true, false, true, true } },
        { "weekly", { true, false, true, true } },     { "every_2h", { true, false, true, true } },
        { "every_11d", { true, false, false, true } },
    };
    const int64_t now_ms = INT64_C(1800000000000);
    char recent[32], old[32];
    wc_time_rfc3339(now_ms - 60000, recent, sizeof recent);
    wc_time_rfc3339(now_ms - INT64_C(10) * 86400000, old, sizeof old);
    const struct wc_pull_known facts[] = {
        [NEVER] = { true, NULL, now_ms },
        [NOW] = { true, recent, now_ms },
        [OLD] = { true, old, now_ms },
        [ABSENT] = { false, NULL, now_ms },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++)
        for (size_t k = 0; k < WC_COUNT(facts); k++)
            if (wc_pull_is_due(rows[i].policy, &facts[k]) != rows[i].due[k])
                fail_msg("policy %s, facts %zu", rows[i].policy, k);
}

struct play {
    struct wc_arena arena;
    struct wc_cli cli;
    struct wc_pull_image images[2];
    struct wc_buf out;
    struct wc_pull_view view;
};

static void set_up(struct play *p, enum wc_progress progress)
{
    memset(p, 0, sizeof *p);
    p->out = (struct wc_buf)WC_BUF_INIT;
    wc_arena_init(&p->arena);
    p->cli = (struct wc_cli){ .arena = &p->arena,
                              .progress = progress,
                              .err = { .tty = true, .cursor = true, .width = 80, .height = 24 } };
    p->images[0].reference = "nginx";
    p->images[0].name = "docker.io/library/nginx:latest";
    p->images[1].reference = "a.example/b:2";
    p->images[1].name = "a.example/b:2";
    wc_pull_view_init(&p->view, &p->cli, p->images, 2, &p->out);
}

static void step(struct play *p, size_t i, enum wc_pull_state state, uint64_t done, uint64_t at_ms)
{
    p->images[i].state = state;
    p->images[i].done = done;
    p->images[i].total = 100 << 20;
    p->images[i].n_layers = 3;
    wc_pull_view_event(&p->view, &p->images[i], at_ms);
}

static void play(struct play *p)
{
    step(p, 0, WC_PULL_ASKING, 0, 1000);
    step(p, 1, WC_PULL_ASKING, 0, 1100);
    step(p, 0, WC_PULL_FETCHING, 0, 2000);
    for (unsigned i = 1; i <= 5; i++)
        step(p, 0, WC_PULL_FETCHING, (uint64_t)i * 10 << 20, 2000 + i * 1000);
    step(p, 1, WC_PULL_UNCHANGED, 0, 7000);
}

static void end(struct play *p)
{
    p->images[0].digest = "sha256:0123456789abcdef0123";
    step(p, 0, WC_PULL_FINISHING, 100 << 20, 11000);
    step(p, 0, WC_PULL_PULLED, 100 << 20, 11500);
    wc_pull_view_finish(&p->view, 11500);
}

static void tear_down(struct play *p)
{
    wc_buf_deinit(&p->out);
    wc_arena_deinit(&p->arena);
}

static void as_lines(void **state)
{
    (void)state;
    struct play p;
    set_up(&p, WC_PROGRESS_PLAIN);
    play(&p);
    end(&p);
    assert_string_equal(p.out.data,
                        "nginx:latest  pulling 100 MiB in 3 layers\n"
                        "a.example/b:2  is up to date\n"
                        "nginx:latest  pulled  100 MiB in 10.5 s  sha256:0123456789ab\n");
    tear_down(&p);
}

static void on_a_terminal(void **state)
{
    (void)state;
    struct play p;
    set_up(&p, WC_PROGRESS_TTY);
    play(&p);
    assert_non_null(strstr(p.out.data, "50 MiB of 100 MiB  10 MiB/s  5.0 s left"));
    assert_non_null(strstr(p.out.data, "========--------"));
    wc_buf_reset(&p.out);
    end(&p);
    assert_non_null(strstr(p.out.data, "pulled  100 MiB in 10.5 s"));
    wc_buf_reset(&p.out);
    wc_pull_view_finish(&p.view, 20000); /* what is over is left alone */
    assert_null(strstr(p.out.data, "nginx"));
    tear_down(&p);
}

static void as_objects(void **state)
{
    (void)state;
    struct play p;
    set_up(&p, WC_PROGRESS_JSON);
    play(&p);
    end(&p);
    size_t n = 0;
    for (const char *line = p.out.data; *line != '\0'; n++) {
        struct wc_json *root = NULL;
        struct wc_err err = { 0 };
        size_t len = strcspn(line, "\n");
        assert_int_equal(wc_json_parse(line, len, &root, &err), 0);
        assert_string_equal(wc_json_str(wc_json_get(root, "type"), ""), "pull");
        wc_json_free(root);
        line += len + 1;
    }
    assert_int_equal(n, 11);
    tear_down(&p);
}

static void quietly(void **state)
{
    (void)state;
    struct play p;
    set_up(&p, WC_PROGRESS_QUIET);
    play(&p);
    end(&p);
    assert_int_equal(p.out.len, 0);
    tear_down(&p);
}

WC_MAIN(WC_CASE(policies), WC_CASE(as_lines), WC_CASE(on_a_terminal), WC_CASE(as_objects),
        WC_CASE(quietly))
