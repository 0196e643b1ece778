/* test_model_diff.c - models side by side. */
#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "cli/model_diff.h"
#include "wcompose/spec.h"

static const struct wc_project *model(struct wc_arena *arena, const char *services)
{
    struct wc_diags diags;
    struct wc_project *project;
    wc_diags_init(&diags, arena);
    const char *text = wc_arena_printf(arena, "name: shop\n%s", services);
    struct wc_spec_options options = { .cwd = "/srv", .text = text, .text_len = strlen(text) };
    if (wc_spec_load(&options, arena, &diags, &project) != 0)
        fail_msg("%s", diags.items[0].msg);
    return project;
}

/* "path: old -> new; " for each change. */
static void check(const char *before, const char *after, const char *expected, const char *words)
{
    struct wc_arena arena;
    struct wc_model_diff diff;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    wc_arena_init(&arena);
    wc_model_diff(model(&arena, before), model(&arena, after), &arena, &diff);
    for (size_t i = 0; i < diff.n; i++)
        wc_buf_printf(&text, "%s: %s -> %s; ", diff.items[i].path,
                      diff.items[i].before != NULL ? diff.items[i].before : "none",
                      diff.items[i].after != NULL ? diff.items[i].after : "none");
    assert_string_equal(text.data, expected);
    assert_string_equal(wc_model_diff_words(&diff, 40, &arena), words);
    wc_arena_deinit(&arena);
}

static void values(void **state)
{
    (void)state;
    check("services: { web: { image: a } }", "services: { web: { image: b } }",
          "services.web.image: \"a\" -> \"b\"; ", "web image");
    check("services: { web: { image: a, environment: { X: '1' } } }",
          "services: { web: { image: a, environment: { X: '2', Y.Z: '3' } } }",
          "services.web.environment.X: \"1\" -> \"2\"; "
          "services.web.environment[Y.Z]: none -> \"3\"; ",
          "web environment");
}

static void the_same_in_other_words(void **state)
{
    (void)state;
    check("services: { web: { image: a, ports: ['80:80'], environment: [X=1] } }",
          "services: { web: { image: a, environment: { X: '1' },"
          " ports: [{ target: 80, published: '80' }] } }",
          "", "");
}

static void services_come_and_go(void **state)
{
    (void)state;
    check("services: { a: { image: a }, c: { image: c } }",
          "services: { b: { image: b }, c: { image: c2, init: true } }",
          "services.a: {\"command\":null,\"entrypoint\":null,\"image\":\"a\",\"networks\":"
          "{\"default\":null}} -> none; "
          "services.b: none -> {\"command\":null,\"entrypoint\":null,\"image\":\"b\",\"networks\":"
          "{\"default\":null}}; "
          "services.c.image: \"c\" -> \"c2\"; services.c.init: none -> true; ",
          "-a, +b, c image, init");
}

static void lists(void **state)
{
    (void)state;
    check("services: { web: { image: a, dns: [1.1.1.1, 8.8.8.8] } }",
          "services: { web: { image: a, dns: [8.8.8.8, 9.9.9.9] } }",
          "services.web.dns: \"1.1.1.1\" -> none; services.web.dns: none -> \"9.9.9.9\"; ",
          "web dns");
    check("services: { web: { image: a, dns: [1.1.1.1, 8.8.8.8] } }",
          "services: { web: { image: a, dns: [8.8.8.8, 1.1.1.1] } }",
          "services.web.dns: [\"1.1.1.1\",\"8.8.8.8\"] -> [\"8.8.8.8\",\"1.1.1.1\"]; ", "web dns");
    check("services: { web: { image: a, command: [a, b] } }",
          "services: { web: { image: a, command: [a, c] } }",
          "services.web.command: [\"a\",\"b\"] -> [\"a\",\"c\"]; ", "web command");
}

static void many_are_counted(void **state)
{
    (void)state;
    check("services: { a: { image: a } }",
          "services: { a: { image: b, init: true, tty: true, user: u, hostname: hostname,"
          " domainname: d, privileged: true, read_only: true } }",
          "services.a.domainname: none -> \"d\"; services.a.hostname: none -> \"hostname\"; "
          "services.a.image: \"a\" -> \"b\"; services.a.init: none -> true; "
          "services.a.privileged: none -> true; services.a.read_only: none -> true; "
          "services.a.tty: none -> true; services.a.user: none -> \"u\"; ",
          "a domainname, hostname, image, init, 4 more");
}

WC_MAIN(WC_CASE(values), WC_CASE(the_same_in_other_words), WC_CASE(services_come_and_go),
        WC_CASE(lists), WC_CASE(many_are_counted))
