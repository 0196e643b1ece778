/* test_credentials.c - config.json and auth.json: who answers for a registry, and helpers. */
#include "harness/wc_test.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "images/credentials.h"

/* user:pw of each is its name. */
static const char config[] =
    "{\"auths\":{"
    "\"https://index.docker.io/v1/\":{\"auth\":\"aHViOnB3\"},"
    "\"a.example\":{\"auth\":\"YTpwdw==\",\"identitytoken\":\"id\"},"
    "\"a.example/team\":{\"auth\":\"dGVhbTpwOnc=\"},"
    "\"https://b.example:5000\":{\"username\":\"b\",\"password\":\"pw\"},"
    "\"stored.example\":{},"
    "\"bad.example\":{\"auth\":\"%%%\"},"
    "\"t.example\":{\"registrytoken\":\"tok\"}},"
    "\"credHelpers\":{\"h.example\":\"some-helper\",\"evil.example\":\"../x\"},"
    "\"credsStore\":\"st\"}";

static void who_answers(void **state)
{
    (void)state;
    static const struct {
        const char *domain, *path, *user, *password, *helper, *server;
    } rows[] = {
        { "docker.io", "library/x", "hub", "pw", NULL, NULL },
        { "a.example", "x", "a", "pw", NULL, NULL },
        { "a.example", "team/x", "team", "p:w", NULL, NULL },
        { "a.example", "teams/x", "a", "pw", NULL, NULL },
        { "b.example:5000", "x", "b", "pw", NULL, NULL },
        { "b.example", "x", NULL, NULL, "docker-credential-st", "b.example" },
        { "h.example", "x", NULL, NULL, "docker-credential-some-helper", "h.example" },
        { "stored.example", "x", NULL, NULL, "docker-credential-st", "stored.example" },
        { "t.example", "x", NULL, NULL, NULL, NULL },
    };
    struct wc_arena arena;
    struct wc_json *root = NULL;
    struct wc_err err = { 0 };
    wc_arena_init(&arena);
    assert_int_equal(wc_json_parse(config, sizeof config - 1, &root, &err), 0);
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct wc_known known;
        assert_int_equal(
            wc_credentials_look(&arena, root, rows[i].domain, rows[i].path, &known, &err), 0);
        assert_true(known.found);
        assert_true(wc_streq0(known.credentials.user, rows[i].user));
        assert_true(wc_streq0(known.credentials.password, rows[i].password));
        assert_true(wc_streq0(known.helper, rows[i].helper));
        assert_true(wc_streq0(known.server, rows[i].server));
    }
    struct wc_known known;
    assert_int_equal(wc_credentials_look(&arena, root, "a.example", "x", &known, &err), 0);
    assert_string_equal(known.credentials.identity_token, "id");
    assert_int_equal(wc_credentials_look(&arena, root, "bad.example", "x", &known, &err),
                     WC_ERR_SPEC);
    assert_null(strstr(err.msg, "%%%"));
    assert_int_equal(wc_credentials_look(&arena, root, "evil.example", "x", &known, &err),
                     WC_ERR_SPEC);
    wc_json_free(root);
    wc_arena_deinit(&arena);
}

static void write_helper(const char *dir, const char *name, const char *body, mode_t mode)
{
    char path[256];
    snprintf(path, sizeof path, "%s/docker-credential-%s", dir, name);
    assert_int_equal(wc_fs_write_atomic(path, body, strlen(body), 0600, false, NULL), 0);
    assert_int_equal(chmod(path, mode), 0);
}

struct place {
    char dir[64];
    struct wc_arena arena;
    struct wc_strv files;
};

static void set_up(struct place *p, const char *text)
{
    char path[128];
    memset(p, 0, sizeof *p);
    wc_arena_init(&p->arena);
    snprintf(p->dir, sizeof p->dir, "/tmp/wc-creds-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(path, sizeof path, "%s/config.json", p->dir);
    assert_int_equal(wc_fs_write_atomic(path, text, strlen(text), 0600, false, NULL), 0);
    wc_strv_add(&p->arena, &p->files, wc_arena_printf(&p->arena, "%s/absent.json", p->dir));
    wc_strv_add(&p->arena, &p->files, wc_arena_strdup(&p->arena, path));
}

static void tear_down(struct place *p)
{
    assert_int_equal(wc_fs_remove_tree(p->dir, NULL), 0);
    wc_arena_deinit(&p->arena);
}

static void helpers(void **state)
{
    (void)state;
    struct place p;
    struct wc_credentials c;
    struct wc_err err = { 0 };
    set_up(&p, "{\"credHelpers\":{\"good.example\":\"good\",\"token.example\":\"token\","
               "\"none.example\":\"none\",\"rude.example\":\"rude\",\"absent.example\":\"absent\","
               "\"chatty.example\":\"chatty\"}}");
    write_helper(p.dir, "good",
                 "#!/bin/sh\nread -r s\n[ \"$1\" = get ] && "
                 "echo \"{\\\"Username\\\":\\\"u\\\",\\\"Secret\\\":\\\"for $s\\\"}\"\n",
                 0755);
    write_helper(p.dir, "token", "#!/bin/sh\necho '{\"Username\":\"<token>\",\"Secret\":\"id\"}'\n",
                 0755);
    write_helper(p.dir, "none",
                 "#!/bin/sh\necho credentials not found in native keychain\nexit 1\n", 0755);
    write_helper(p.dir, "rude", "#!/bin/sh\necho s3cret; echo s3cret >&2\nexit 1\n", 0755);
    write_helper(p.dir, "chatty", "#!/bin/sh\necho s3cret\n", 0755);
    char path[400];
    snprintf(path, sizeof path, "%s:%s", p.dir, getenv("PATH"));
    setenv("PATH", path, 1);
    assert_int_equal(wc_credentials_find(&p.arena, &p.files, "good.example", "x", &c, &err), 0);
    assert_string_equal(c.user, "u");
    assert_string_equal(c.password, "for good.example");
    assert_string_equal(wc_credentials_basic(&p.arena, &c), "Basic dTpmb3IgZ29vZC5leGFtcGxl");
    assert_int_equal(wc_credentials_find(&p.arena, &p.files, "token.example", "x", &c, &err), 0);
    assert_string_equal(c.identity_token, "id");
    assert_null(c.user);
    assert_int_equal(wc_credentials_find(&p.arena, &p.files, "none.example", "x", &c, &err), 0);
    assert_null(c.user);
    static const char *const failing[] = { "rude.example", "chatty.example", "absent.example" };
    for (size_t i = 0; i < WC_COUNT(failing); i++) {
        assert_int_equal(wc_credentials_find(&p.arena, &p.files, failing[i], "x", &c, &err),
                         WC_ERR_UNAVAILABLE);
        assert_non_null(strstr(err.msg, "docker-credential-"));
        assert_null(strstr(err.msg, "s3cret"));
    }
    tear_down(&p);
}

static void malformed_files(void **state)
{
    (void)state;
    struct place p;
    struct wc_credentials c;
    struct wc_err err = { 0 };
    set_up(&p, "{\"auths\":{\"a.example\":{\"auth\":\"czNjcmV0OnMzY3JldA==\"}} s3cret");
    assert_int_equal(wc_credentials_find(&p.arena, &p.files, "a.example", "x", &c, &err),
                     WC_ERR_SPEC);
    assert_non_null(strstr(err.msg, "config.json"));
    assert_null(strstr(err.msg, "s3cret"));
    tear_down(&p);
}

WC_MAIN(WC_CASE(who_answers), WC_CASE(helpers), WC_CASE(malformed_files))
