/* test_restricted.c - files from elsewhere: what leads out of the directory is refused by name and
 * place, in memory by the path and on disk by where links lead. */
#include "harness/wc_test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fs.h"
#include "base/str.h"
#include "wcompose/spec.h"

static char top[64];
static const struct wc_grant *grant; /* of what is loaded; NULL: nothing is asked */
static char source[128];             /* of the first mount of what was loaded last */

static void put(const char *name, const char *text)
{
    char path[256];
    struct wc_err err = { 0 };
    snprintf(path, sizeof path, "%s/%s", top, name);
    assert_int_equal(wc_fs_write_atomic(path, text, strlen(text), 0644, false, &err), 0);
}

static void link_to(const char *target, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", top, name);
    assert_int_equal(symlink(target, path), 0);
}

/* A project in top/p, and what it must not see beside it. */
static void make_world(void)
{
    char path[256];
    snprintf(top, sizeof top, "/tmp/wc-test-restricted-XXXXXX");
    assert_non_null(mkdtemp(top));
    snprintf(path, sizeof path, "%s/p", top);
    assert_int_equal(mkdir(path, 0755), 0);
    put("secret.env", "SECRET=leaked\n");
    put("p/mine.env", "A=1\n");
    link_to("../secret.env", "p/link.env");
    link_to("mine.env", "p/inner.env");
    link_to("..", "p/up");
    link_to(".", "p/here");
}

static void remove_world(void)
{
    struct wc_err err = { 0 };
    assert_int_equal(wc_fs_remove_tree(top, &err), 0);
}

/* Loads p/compose.yaml. `want` is "" when it must load, else what an E116 says; at line:col. */
static void check(const char *text, const char *want, unsigned line, unsigned col)
{
    static const char *const environ[] = { "HOME=/root", "TOKEN=leaked", "FINE=1", NULL };
    static const char *const allow[] = { "FINE" };
    char cwd[128];
    snprintf(cwd, sizeof cwd, "%s/p", top);
    put("p/compose.yaml", text);
    struct wc_spec_options options = { .cwd = cwd,
                                       .environ = environ,
                                       .restricted = true,
                                       .allow_env = allow,
                                       .n_allow_env = 1,
                                       .grant = grant };
    struct wc_arena arena;
    struct wc_diags diags;
    struct wc_project *project = NULL;
    wc_arena_init(&arena);
    wc_diags_init(&diags, &arena);
    wc_spec_load(&options, &arena, &diags, &project);
    if (project != NULL && project->n_services > 0 && project->services[0].n_mounts > 0)
        snprintf(source, sizeof source, "%s", project->services[0].mounts[0].source);
    bool found = false;
    for (size_t i = 0; i < diags.n; i++) {
        const struct wc_diag *d = &diags.items[i];
        assert_null(strstr(d->msg, "leaked"));
        if (want[0] == '\0' && d->severity == WC_SEVERITY_ERROR)
            fail_msg("%s\n%u:%u: %s", text, d->at.line, d->at.col, d->msg);
        found = found || (wc_streq(d->code, "E116") && strstr(d->msg, want) != NULL &&
                          d->at.line == line && d->at.col == col);
    }
    if (want[0] != '\0' && (!found || project != NULL))
        fail_msg("%s\nnot refused with '%s' at %u:%u: %s", text, want, line, col,
                 diags.n > 0 ? diags.items[0].msg : "no word");
    wc_arena_deinit(&arena);
}

static void stays_inside(void **state)
{
    (void)state;
    make_world();
    check("services: {web: {image: nginx, env_file: [mine.env, inner.env]}}\n", "", 0, 0);
    check("services: {web: {image: nginx, volumes: [\"./data:/a\", \"v:/b\"]}}\nvolumes: {v: }\n",
          "", 0, 0);
    check("services: {web: {image: \"nginx:${FINE}${TOKEN-}\"}}\n", "", 0, 0);
    check("secrets: {s: {file: mine.env}}\n"
          "services: {web: {build: {context: ., secrets: [s]}}}\n",
          "", 0, 0);
    remove_world();
}

static void refused_with_a_place(void **state)
{
    (void)state;
    make_world();
    static const struct {
        const char *text, *want;
        unsigned col;
    } rows[] = {
        { "services: {web: {image: nginx, env_file: ../secret.env}}\n", "'../secret.env'", 42 },
        { "services: {web: {image: nginx, env_file: link.env}}\n", "'link.env'", 42 },
        { "services: {web: {image: nginx, env_file: up/secret.env}}\n", "'up/secret.env'", 42 },
        { "services: {web: {image: nginx, env_file: /etc/hostname}}\n", "'/etc/hostname'", 42 },
        { "services: {web: {image: nginx, env_file: [{path: ../x, required: false}]}}\n", "'../x'",
          50 },
        { "services: {web: {image: nginx, label_file: ../secret.env}}\n", "'../secret.env'", 44 },
        { "services: {web: {image: nginx, volumes: [\"/:/host\"]}}\n", "'/'", 42 },
        { "services: {web: {image: nginx, volumes: [\"~/.ssh:/s\"]}}\n", "'~/.ssh'", 42 },
        { "services: {web: {image: nginx, volumes: [\"./up:/s\"]}}\n", "up'", 42 },
        { "services: {web: {image: nginx, volumes: [{type: bind, source: .., target: /x}]}}\n",
          "leads out", 63 },
        { "services: {web: {image: nginx, build: ../other}}\n", "leads out", 39 },
        { "services: {web: {build: {context: ., dockerfile: ../D}}}\n", "leads out", 50 },
        { "services: {web: {build: {context: ., dockerfile: /etc/hostname}}}\n", "'/etc/hostname'",
          50 },
        { "services: {web: {build: {context: ., additional_contexts: {a: ../other}}}}\n",
          "leads out", 63 },
        { "services: {web: {build: {context: ., ssh: [\"k=/etc/key\"]}}}\n", "'/etc/key'", 44 },
        { "services: {web: {build: {context: ., args: [TOKEN]}}}\n", "variable 'TOKEN'", 45 },
        { "secrets: {s: {environment: TOKEN}}\nservices: {web: {build: {context: ., secrets: "
          "[s]}}}\n",
          "variable 'TOKEN'", 28 },
        { "secrets: {s: {file: ../secret.env}}\nservices: {web: {image: nginx}}\n", "leads out",
          21 },
        { "services: {web: {image: \"nginx:$TOKEN\"}}\n", "variable 'TOKEN'", 32 },
        { "services: {web: {image: nginx, user: \"a ${HOME}\"}}\n", "variable 'HOME'", 41 },
        { "services: {web: {image: nginx, environment: [TOKEN]}}\n", "variable 'TOKEN'", 46 },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++)
        check(rows[i].text, rows[i].want, 1, rows[i].col);
    put("p/.env", "X=1\n");
    check("services: {web: {image: \"nginx:${X}\"}}\n", "", 0, 0);
    remove_world();
}

/* A directory that is granted is left by a link as little as the project is. */
static void links_of_what_is_granted(void **state)
{
    (void)state;
    char text[400], directory[128];
    make_world();
    snprintf(directory, sizeof directory, "%s/granted", top);
    assert_int_equal(mkdir(directory, 0755), 0);
    put("granted/file", "x\n");
    link_to("file", "granted/inner");
    link_to("..", "granted/out");
    const char *items[] = { directory };
    const struct wc_grant binds = { .binds = { .items = items, .n = 1 } };
    static const struct {
        const char *rest;
        bool fine;
    } rows[] = {
        { "", true }, { "/inner", true }, { "/out", false }, { "/out/secret.env", false }
    };
    grant = &binds;
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        snprintf(text, sizeof text, "services: {web: {image: x, volumes: [\"%s%s:/s\"]}}\n",
                 directory, rows[i].rest);
        check(text, rows[i].fine ? "" : "leads out", 1, 38);
    }
    grant = NULL;
    remove_world();
}

/* The project's directory is the one that counts, not the one that the command is run in. */
static void where_it_is_run_is_nobodys(void **state)
{
    (void)state;
    static const char text[] =
        "services: {web: {image: x, volumes: [\"../secret.env:/s\", \"./data:/d\"]}}\n";
    char directory[128];
    make_world();
    snprintf(directory, sizeof directory, "%s/p", top);
    const struct wc_spec_options options = { .cwd = top,
                                             .project_directory = directory,
                                             .text = text,
                                             .text_len = strlen(text),
                                             .restricted = true };
    struct wc_arena arena;
    struct wc_diags diags;
    struct wc_project *project = NULL;
    wc_arena_init(&arena);
    wc_diags_init(&diags, &arena);
    assert_int_not_equal(wc_spec_load(&options, &arena, &diags, &project), 0);
    assert_int_equal(diags.n_errors, 1);
    assert_string_equal(diags.items[0].code, "E116");
    assert_non_null(strstr(diags.items[0].msg, "secret.env"));
    wc_arena_deinit(&arena);
    remove_world();
}

/* Whoever's files are their own reads what they like. */
static void others_are_not_held_to_it(void **state)
{
    (void)state;
    static const char text[] = "services: {web: {image: x, env_file: ../secret.env}}\n";
    char cwd[128];
    make_world();
    snprintf(cwd, sizeof cwd, "%s/p", top);
    const struct wc_spec_options options = { .cwd = cwd, .text = text, .text_len = strlen(text) };
    struct wc_arena arena;
    struct wc_diags diags;
    struct wc_project *project = NULL;
    wc_arena_init(&arena);
    wc_diags_init(&diags, &arena);
    assert_int_equal(wc_spec_load(&options, &arena, &diags, &project), 0);
    wc_arena_deinit(&arena);
    remove_world();
}

/* "here/.." is the directory that it is in for who reads the text, and the one above for who
 * follows links: what is used is what was looked at. */
static void up_again_behind_a_link(void **state)
{
    (void)state;
    char text[400], wanted[128];
    make_world();
    snprintf(text, sizeof text,
             "services: {web: {image: x, volumes: [\"%s/p/here/../secret.env:/s\"]}}\n", top);
    snprintf(wanted, sizeof wanted, "%s/p/secret.env", top);
    check(text, "", 0, 0);
    assert_string_equal(source, wanted);
    snprintf(text, sizeof text,
             "services: {web: {image: x, volumes: [\"%s/p/no/../../secret.env:/s\"]}}\n", top);
    check(text, "leads out", 1, 38);
    check("services: {web: {build: {context: here, dockerfile: here/../../secret.env}}}\n",
          "leads out", 1, 53);
    check("services: {web: {build: {context: here, dockerfile: ../secret.env}}}\n", "leads out", 1,
          53);
    remove_world();
}

/* The project's own .env may not choose files elsewhere, nor be a link to one. */
static void dotenv_is_not_trusted(void **state)
{
    (void)state;
    make_world();
    put("p/.env", "COMPOSE_FILE=../other.yaml\n");
    put("other.yaml", "services: {evil: {image: x}}\n");
    check("services: {web: {image: nginx}}\n", "", 0, 0);
    char path[256];
    snprintf(path, sizeof path, "%s/p/.env", top);
    assert_int_equal(unlink(path), 0);
    link_to("../secret.env", "p/.env");
    check("services: {web: {image: \"nginx:${SECRET-}\"}}\n", "'.env'", 0, 0);
    remove_world();
}

WC_MAIN(WC_CASE(stays_inside), WC_CASE(refused_with_a_place), WC_CASE(up_again_behind_a_link),
        WC_CASE(links_of_what_is_granted), WC_CASE(others_are_not_held_to_it),
        WC_CASE(where_it_is_run_is_nobodys), WC_CASE(dotenv_is_not_trusted))
