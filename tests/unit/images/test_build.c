/* test_build.c - what a build depends on, and the command line that it becomes. */
#include "harness/wc_test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "images/build_key.h"
#include "images/builder.h"
#include "images/dockerfile.h"
#include "images/dockerignore.h"

static bool ignored(const char *patterns, const char *path)
{
    struct wc_arena arena;
    struct wc_dockerignore ignore;
    wc_arena_init(&arena);
    wc_dockerignore_parse(patterns, &arena, &ignore);
    bool out = wc_dockerignore_matches(&ignore, path);
    wc_arena_deinit(&arena);
    return out;
}

static void patterns(void **state)
{
    (void)state;
    static const struct {
        const char *patterns, *path;
        bool ignored;
    } rows[] = {
        { "a", "a", true },
        { "a", "a/b/c", true },
        { "a", "b/a", false },
        { "/a/", "a", true },
        { "./a", "a/x", true },
        { "# a\n\n", "a", false },
        { "  a  \r\n", "a", true },
        { "*", "a/b", true },
        { "*.o", "a.o", true },
        { "*.o", "src/a.o", false },
        { "*/*.o", "src/a.o", true },
        { "**/*.o", "a.o", true },
        { "**/*.o", "x/y/a.o", true },
        { "**", "x/y", true },
        { "a/**/z", "a/z", true },
        { "a/**/z", "a/b/c/z", true },
        { "a?c", "abc", true },
        { "a?c", "a/c", false },
        { "[a-c]x", "bx", true },
        { "[^a-c]x", "bx", false },
        { "[a", "a", false },
        { "\\*", "*", true },
        { "\\*", "a", false },
        { "*\n!keep", "keep", false },
        { "*\n!keep", "keep/all", false },
        { "!keep\n*", "keep", true },
        { "docs\n!docs/a.md\ndocs/a.md", "docs/a.md", true },
        { "docs\n!docs/*.md", "docs/a.md", false },
        { "docs\n!docs/*.md", "docs/a.txt", true },
        { ".git", ".gitignore", false },
        { "", "a", false },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++)
        if (ignored(rows[i].patterns, rows[i].path) != rows[i].ignored)
            fail_msg("'%s' and '%s'", rows[i].patterns, rows[i].path);
    /* hostile: exponential without a bound */
    assert_false(ignored("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b",
                         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void expect_images(const char *text, const char *expected)
{
    struct wc_arena arena;
    struct wc_strv out = { 0 };
    struct wc_kv given = { .key = "BASE", .value = "given:2" };
    const struct wc_kvs args = { .items = &given, .n = 1 };
    WC_CLEANUP_BUF struct wc_buf found = WC_BUF_INIT;
    wc_arena_init(&arena);
    wc_dockerfile_images(text, &args, &arena, &out);
    for (size_t i = 0; i < out.n; i++)
        wc_buf_printf(&found, "%s%s", i > 0 ? " " : "", out.items[i]);
    assert_string_equal(found.data, expected);
    wc_arena_deinit(&arena);
}

static void images_of_a_dockerfile(void **state)
{
    (void)state;
    expect_images("FROM a:1\n", "a:1");
    expect_images("from --platform=linux/amd64 a AS x\nFROM x\nFROM b as y\nCOPY --from=x /a /b\n",
                  "a b");
    expect_images("ARG V=3\nARG Q=\"q\"\nFROM a:$V\nFROM b:${V}-${Q}\nFROM c:${NO:-d}\n",
                  "a:3 b:3-q c:d");
    expect_images("FROM $UNKNOWN\nFROM ${OPEN\nFROM scratch\n", "");
    expect_images("ARG BASE=old\nFROM $BASE\nARG V=1\nFROM x:$V\n", "given:2");
    expect_images("# FROM no\nRUN echo \\\n  # FROM no\n FROM no\nFROM \\\n a\n", "a");
    expect_images("COPY --chown=1 --from=tools:1 /x /y\nFROM a", "tools:1 a");
    expect_images("", "");
}

struct place {
    struct wc_arena arena;
    char dir[32];
};

static void put(struct place *place, const char *name, const char *text)
{
    const char *path = wc_arena_printf(&place->arena, "%s/%s", place->dir, name);
    assert_int_equal(wc_fs_write_atomic(path, text, strlen(text), 0644, false, NULL), 0);
}

static char *key_of(struct place *place)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_err err = { 0 };
    char *hex = wc_arena_alloc(&place->arena, WC_SHA256_HEX + 1);
    if (wc_build_key_tree(place->dir, "Dockerfile", &place->arena, &text, &err) != 0)
        fail_msg("%s", err.msg);
    wc_sha256_hex(text.data, text.len, hex);
    return hex;
}

static void key_of_a_context(void **state)
{
    (void)state;
    struct place p = { .dir = "/tmp/wctest.XXXXXX" };
    wc_arena_init(&p.arena);
    assert_non_null(mkdtemp(p.dir));
    assert_int_equal(mkdir(wc_arena_printf(&p.arena, "%s/src", p.dir), 0755), 0);
    put(&p, "src/a.c", "int a;");
    put(&p, "junk", "1");
    put(&p, ".dockerignore", "junk\n.dockerignore\n*.dockerignore\n");
    const char *first = key_of(&p);
    put(&p, "junk", "2");
    put(&p, "src/a.c", "int a;"); /* another file and time, the same content */
    assert_string_equal(key_of(&p), first);
    put(&p, "src/a.c", "int b;");
    assert_string_not_equal(key_of(&p), first);
    put(&p, "src/a.c", "int a;");
    assert_int_equal(chmod(wc_arena_printf(&p.arena, "%s/src/a.c", p.dir), 0755), 0);
    assert_string_not_equal(key_of(&p), first);
    put(&p, "src/a.c", "int a;");
    assert_string_equal(key_of(&p), first);
    assert_int_equal(symlink("/etc", wc_arena_printf(&p.arena, "%s/etc", p.dir)), 0);
    assert_string_not_equal(key_of(&p), first);
    put(&p, "Dockerfile.dockerignore", "*\n!src\n"); /* comes before the other */
    const char *own = key_of(&p);
    put(&p, "other", "x");
    assert_string_equal(key_of(&p), own);
    assert_int_equal(wc_fs_remove_tree(p.dir, NULL), 0);
    wc_arena_deinit(&p.arena);
}

static bool says(const struct wc_strv *argv, const char *option, const char *value)
{
    for (size_t i = 0; i + 1 < argv->n; i++)
        if (wc_streq(argv->items[i], option) && wc_streq(argv->items[i + 1], value))
            return true;
    return false;
}

static void command_lines(void **state)
{
    (void)state;
    struct wc_arena arena;
    struct wc_err err = { 0 };
    struct wc_strv buildah = { 0 }, docker = { 0 };
    struct wc_kv args[] = { { .key = "A", .value = "1" }, { .key = "OPEN", .value = NULL } };
    struct wc_kv bases[] = { { .key = "b:1", .value = "oci:/s:b:1" } };
    struct wc_build_secret hidden[] = { { .id = "f", .path = "/f" },
                                        { .id = "v", .variable = "V" } };
    struct wc_ulimit limits[] = { { "nofile", 64, -1 } };
    struct wc_build build = { .set = true,
                              .ulimits = limits,
                              .n_ulimits = 1,
                              .context = "/ctx",
                              .target = "last",
                              .args = { args, 2 },
                              .secrets = hidden,
                              .n_secrets = 2,
                              .shm_size_bytes = 1 << 20 };
    struct wc_builder_job job = { .build = &build,
                                  .name = "docker.io/library/x:latest",
                                  .file = "/ctx/D",
                                  .state = "/state",
                                  .bases = { bases, 1 },
                                  .no_cache = true };
    wc_arena_init(&arena);
    assert_int_equal(wc_builder_build(WC_BUILDER_BUILDAH, &job, &arena, &buildah, &err), 0);
    assert_true(says(&buildah, "--root", "/state/storage"));
    assert_true(says(&buildah, "--tag", "docker.io/library/x:latest"));
    assert_true(says(&buildah, "--file", "/ctx/D"));
    assert_true(says(&buildah, "--target", "last"));
    assert_true(says(&buildah, "--build-arg", "A=1"));
    assert_true(says(&buildah, "--build-arg", "OPEN"));
    assert_true(says(&buildah, "--secret", "id=f,src=/f"));
    assert_true(says(&buildah, "--secret", "id=v,type=env,env=V"));
    assert_true(says(&buildah, "--build-context", "b:1=container-image://oci:/s:b:1"));
    assert_true(wc_strv_has(&buildah, "--no-cache"));
    assert_string_equal(buildah.items[buildah.n - 1], "/ctx");
    assert_int_equal(wc_builder_build(WC_BUILDER_DOCKER, &job, &arena, &docker, &err), 0);
    assert_string_equal(docker.items[0], "docker");
    assert_true(says(&docker, "--build-arg", "A=1"));
    assert_true(says(&docker, "--ulimit", "nofile=64:-1"));
    assert_true(says(&buildah, "--ulimit", "nofile=64:-1"));
    assert_string_equal(docker.items[docker.n - 1], "/ctx");
    build.privileged = true;
    assert_int_equal(wc_builder_build(WC_BUILDER_DOCKER, &job, &arena, &docker, &err),
                     WC_ERR_UNAVAILABLE);
    wc_arena_deinit(&arena);
}

WC_MAIN(WC_CASE(patterns), WC_CASE(images_of_a_dockerfile), WC_CASE(key_of_a_context),
        WC_CASE(command_lines))
