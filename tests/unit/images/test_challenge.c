/* test_challenge.c - WWW-Authenticate as registries send it, and as nobody should. */
#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/str.h"
#include "images/challenge.h"

static const struct row {
    const char *value;
    struct wc_challenge want;
} rows[] = {
    { "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\","
      "scope=\"repository:library/nginx:pull\"",
      { .bearer = true,
        .realm = "https://auth.docker.io/token",
        .service = "registry.docker.io",
        .scope = "repository:library/nginx:pull" } },
    { "Basic realm=\"Registry Realm\"", { .basic = true } },
    { "bAsIc", { .basic = true } },
    { "BEARER Realm = \"https://x/t\" , Service=y",
      { .bearer = true, .realm = "https://x/t", .service = "y" } },
    { "Basic realm=\"a\", Bearer realm=\"https://x/t\",error=\"insufficient_scope\"",
      { .basic = true, .bearer = true, .realm = "https://x/t", .error = "insufficient_scope" } },
    { "Bearer realm=\"https://x/t\", Basic realm=\"a\"",
      { .basic = true, .bearer = true, .realm = "https://x/t" } },
    { "Negotiate abc==, NTLM, Bearer realm=\"q\\\"uo\\\\te\"",
      { .bearer = true, .realm = "q\"uo\\te" } },
    { "Bearer realm=\"a\", Bearer realm=\"b\"", { .bearer = true, .realm = "a" } },
    { "Bearer realm=\"a\",realm=\"b\"", { .bearer = true, .realm = "a" } },
    { "Bearer", { 0 } },
    { "Bearer service=\"x\"", { 0 } },
    { "", { 0 } },
    { ",,, = \"\" ;;; \x01", { 0 } },
    { "Bearer realm=\"never ends", { .bearer = true, .realm = "never ends" } },
    { "Bearer realm=\"x\\", { .bearer = true, .realm = "x\\" } },
};

static void read_headers(void **state)
{
    (void)state;
    struct wc_arena arena;
    wc_arena_init(&arena);
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct wc_challenge got = { 0 };
        const struct wc_challenge *want = &rows[i].want;
        wc_challenge_read(&arena, rows[i].value, &got);
        if (got.basic != want->basic || got.bearer != want->bearer ||
            !wc_streq0(got.realm, want->realm) || !wc_streq0(got.service, want->service) ||
            !wc_streq0(got.scope, want->scope) || !wc_streq0(got.error, want->error))
            fail_msg("%s: basic %d bearer %d realm %s", rows[i].value, got.basic, got.bearer,
                     got.realm != NULL ? got.realm : "-");
    }
    wc_arena_deinit(&arena);
}

static void several_headers(void **state)
{
    (void)state;
    struct wc_arena arena;
    struct wc_challenge got = { 0 };
    wc_arena_init(&arena);
    wc_challenge_read(&arena, "Basic realm=\"a\"", &got);
    wc_challenge_read(&arena, "Bearer realm=\"b\"", &got);
    assert_true(got.basic && got.bearer);
    assert_string_equal(got.realm, "b");
    wc_arena_deinit(&arena);
}

WC_MAIN(WC_CASE(read_headers), WC_CASE(several_headers))
