/* test_platform.c - platforms as people write them, and which entry of an index is taken. */
#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "images/platform.h"

static void written(void **state)
{
    (void)state;
    const char *here = wc_host_architecture();
    const char *const rows[][2] = {
        { "linux/amd64", "linux/amd64" },
        { "Linux/ARM64", "linux/arm64" },
        { "linux/arm64/v8", "linux/arm64/v8" },
        { "linux/arm/v6", "linux/arm/v6" },
        { "aarch64", "linux/arm64" },
        { "armhf", "linux/arm/v7" },
        { "linux/x86_64", "linux/amd64" },
        { "windows/amd64", "windows/amd64" },
        { "linux", NULL },
    };
    struct wc_arena arena;
    wc_arena_init(&arena);
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct wc_platform p;
        struct wc_err err = { 0 };
        assert_int_equal(wc_platform_parse(&arena, rows[i][0], &p, &err), 0);
        const char *want =
            rows[i][1] != NULL ? rows[i][1] : wc_arena_printf(&arena, "linux/%s", here);
        assert_string_equal(wc_platform_text(&arena, &p), want);
        assert_true(p.asked);
    }
    wc_arena_deinit(&arena);
}

static void refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "", "/", "linux/", "/amd64", "linux/arm/v7/x", "li nux/a", "linux//v7"
    };
    struct wc_arena arena;
    wc_arena_init(&arena);
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct wc_platform p;
        struct wc_err err = { 0 };
        assert_int_equal(wc_platform_parse(&arena, rows[i], &p, &err), WC_ERR_SPEC);
        assert_non_null(strstr(err.msg, "is not a platform"));
    }
    wc_arena_deinit(&arena);
}

/* Entries "os/architecture/variant/version/feature", in an index in which number i has size i. */
static struct wc_json *make_index(const char *const *entries)
{
    struct wc_buf text = WC_BUF_INIT;
    struct wc_json *root = NULL;
    wc_buf_adds(&text, "{\"manifests\":[");
    for (int i = 0; entries[i] != NULL; i++) {
        static const char *const keys[] = { "os", "architecture", "variant", "os.version" };
        const char *at = entries[i];
        wc_buf_printf(&text, "%s{\"digest\":\"sha256:%064d\",\"size\":%d,\"platform\":{",
                      i == 0 ? "" : ",", i, i);
        for (size_t k = 0; k < 5; k++) {
            size_t len = strcspn(at, "/");
            if (k < 4 && len > 0)
                wc_buf_printf(&text, "\"%s\":\"%.*s\",", keys[k], (int)len, at);
            else if (len > 0)
                wc_buf_printf(&text, "\"os.features\":[\"%.*s\"],", (int)len, at);
            at += len + (at[len] == '/');
        }
        wc_buf_adds(&text, "\"x\":0}}");
    }
    wc_buf_adds(&text, "]}");
    struct wc_err err = { 0 };
    assert_int_equal(wc_json_parse(text.data, text.len, &root, &err), 0);
    wc_buf_deinit(&text);
    return root;
}

struct row {
    const char *wanted;
    int taken; /* -1: none */
    const char *entries[6];
};

static void picked(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "linux/amd64", 1, { "linux/arm64", "linux/amd64", "linux/amd64" } },
        { "linux/amd64", 1, { "linux/amd64/v3", "linux/amd64" } },
        { "linux/amd64/v3", 0, { "linux/amd64/v3", "linux/amd64" } },
        { "linux/amd64/v2", 1, { "linux/amd64/v3", "linux/amd64/v2", "linux/amd64" } },
        { "linux/arm", 1, { "linux/arm/v6", "linux/arm/v7", "linux/arm/v5" } },
        { "linux/arm/v6", 2, { "linux/arm/v5", "linux/arm/v7", "linux/arm/v6" } },
        { "linux/arm/v5", -1, { "linux/arm/v6", "linux/arm/v7" } },
        { "linux/arm64/v8", 0, { "linux/arm64", "linux/arm64/v9" } },
        { "linux/arm64", 1, { "linux/arm64/v9", "linux/arm64/v8" } },
        { "linux/arm64", -1, { "linux/arm/v7" } }, /* asked for: no substitute */
        { "linux/amd64", -1, { "unknown/unknown" } },
        { "linux/amd64", 1, { "windows/amd64", "linux/amd64" } },
        { "linux/s390x", 0, { "linux/s390x" } },
        { "windows/amd64", 0, { "windows/amd64//10.0.1.2", "windows/amd64//10.0.3.4" } },
        { "linux/amd64", 1, { "linux/amd64///fancy", "linux/amd64" } },
    };
    struct wc_arena arena;
    wc_arena_init(&arena);
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct wc_platform wanted;
        struct wc_desc desc = { .size = -1 };
        struct wc_err err = { 0 };
        struct wc_json *index = make_index(rows[i].entries);
        assert_int_equal(wc_platform_parse(&arena, rows[i].wanted, &wanted, &err), 0);
        int rc = wc_platform_pick(&arena, index, &wanted, &desc, &err);
        if (desc.size != rows[i].taken)
            fail_msg("row %zu: %s takes %d: %s", i, rows[i].wanted, (int)desc.size, err.msg);
        assert_int_equal(rc, rows[i].taken < 0 ? WC_ERR_NOENT : 0);
        wc_json_free(index);
    }
    wc_arena_deinit(&arena);
}

static void versions_and_substitutes(void **state)
{
    (void)state;
    static const char *const builds[] = { "windows/amd64//10.0.17763.1",
                                          "windows/amd64//10.0.20348.2", NULL };
    static const char *const other[] = { "linux/386", "unknown/unknown", NULL };
    static const char *const alone[] = { "linux/riscv64", NULL };
    static const char *const two[] = { "linux/riscv64", "linux/mips", NULL };
    struct wc_arena arena;
    struct wc_desc desc = { .size = -1 };
    struct wc_err err = { 0 };
    struct wc_platform p = { .os = "windows",
                             .architecture = "amd64",
                             .os_version = "10.0.20348.9" };
    wc_arena_init(&arena);
    struct wc_json *index = make_index(builds);
    assert_int_equal(wc_platform_pick(&arena, index, &p, &desc, &err), 0);
    assert_int_equal(desc.size, 1);
    wc_json_free(index);
    p = (struct wc_platform){ .os = "linux", .architecture = "amd64" };
    index = make_index(other);
    assert_int_equal(wc_platform_pick(&arena, index, &p, &desc, &err), 0);
    assert_int_equal(desc.size, 0);
    wc_json_free(index);
    index = make_index(alone);
    assert_int_equal(wc_platform_pick(&arena, index, &p, &desc, &err), 0);
    wc_json_free(index);
    index = make_index(two);
    assert_int_equal(wc_platform_pick(&arena, index, &p, &desc, &err), WC_ERR_NOENT);
    assert_non_null(strstr(err.msg, "linux/riscv64, linux/mips"));
    wc_json_free(index);
    wc_arena_deinit(&arena);
}

/* One text for one platform, and how well it serves. */
static void usual_and_rank(void **state)
{
    (void)state;
    static const struct {
        const char *said, *usual, *wanted;
        bool serves;
    } rows[] = {
        { "linux/arm64/v8", "linux/arm64", "linux/arm64", true },
        { "linux/amd64/v1", "linux/amd64", "linux/amd64", true },
        { "linux/arm", "linux/arm/v7", "linux/arm/v7", true },
        { "linux/arm/v6", "linux/arm/v6", "linux/arm/v7", true },
        { "linux/arm/v7", "linux/arm/v7", "linux/arm/v6", false },
        { "linux/arm64/v9", "linux/arm64/v9", "linux/arm64", false },
        { "linux/ppc64le", "linux/ppc64le", "linux/s390x", false },
        { "windows/amd64", "windows/amd64", "linux/amd64", false },
    };
    struct wc_arena arena;
    wc_arena_init(&arena);
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct wc_platform p, wanted;
        struct wc_err err = { 0 };
        assert_int_equal(wc_platform_parse(&arena, rows[i].said, &p, &err), 0);
        assert_string_equal(wc_platform_usual(&arena, &p), rows[i].usual);
        assert_int_equal(wc_platform_parse(&arena, rows[i].wanted, &wanted, &err), 0);
        assert_true((wc_platform_rank(&arena, &wanted, rows[i].usual) > 0) == rows[i].serves);
    }
    wc_arena_deinit(&arena);
}

WC_MAIN(WC_CASE(usual_and_rank), WC_CASE(written), WC_CASE(refused), WC_CASE(picked),
        WC_CASE(versions_and_substitutes))
