/* test_sealed.c - projects that name encrypted files: values in the model, never in what is shown,
 * sent or kept.
 */
#include "harness/wc_test.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "spec/creds.h"
#include "wcompose/sealed.h"
#include "wcompose/spec.h"

#define DIR WC_SOURCE_DIR "/tests/sops"

static const char FILE_TEXT[] =
    "name: t\nservices:\n  web:\n    image: a\n    environment: {USER: mine}\n"
    "    env_file: [app.env]\n    secrets: [tree, blob]\n"
    "secrets:\n  tree: {file: tree.yaml}\n  blob: {file: blob}\n";

struct box {
    struct wc_arena arena;
    struct wc_diags diags;
    struct wc_project *project;
    char key[64];
    int rc;
};

/* The identity must be a file of nobody else's: a copy. */
static void make_key(struct box *box)
{
    static const char text[] =
        "AGE-SECRET-KEY-14EZG4JRVF68YMMRY2U5HPRH5RPE6U7WXMLUYALMNXCYCJJRLPRJS2WX5PN\n";
    snprintf(box->key, sizeof box->key, "/tmp/wc_sealed_XXXXXX");
    int fd = mkstemp(box->key);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
}

static void load_as(struct box *box, const char *text, size_t len, bool has_key, bool is_canonical,
                    bool leaves_sealed)
{
    const char *files[] = { box->key };
    const struct wc_spec_options options = { .cwd = is_canonical ? "/" : DIR,
                                             .text = text,
                                             .text_len = len,
                                             .canonical = is_canonical,
                                             .leaves_sealed = leaves_sealed,
                                             .age_files = files,
                                             .n_age_files = has_key && !is_canonical ? 1 : 0 };
    wc_arena_init(&box->arena);
    wc_diags_init(&box->diags, &box->arena);
    box->rc = wc_spec_load(&options, &box->arena, &box->diags, &box->project);
    for (size_t i = 0; has_key && i < box->diags.n; i++)
        print_message("%s\n", box->diags.items[i].msg);
}

static void load(struct box *box, const char *text, size_t len, bool has_key, bool is_canonical)
{
    load_as(box, text, len, has_key, is_canonical, false);
}

static const char *variable(const struct wc_service *s, const char *name)
{
    for (size_t i = 0; i < s->environment.n; i++)
        if (wc_streq(s->environment.items[i].key, name))
            return s->environment.items[i].value;
    return NULL;
}

static void check_values(const struct wc_service *s)
{
    assert_string_equal(variable(s, "PASS"), "a$b \"c\" 'd' # e");
    assert_string_equal(variable(s, "USER"), "mine"); /* what is nearer wins */
    assert_int_equal(s->n_mounts, 2);
    assert_int_equal(s->mounts[0].type, WC_MOUNT_COPY);
    assert_non_null(strstr(s->mounts[0].content, "hunter2"));
    assert_int_equal(s->mounts[1].sealed->len, 11);
    assert_memory_equal(s->mounts[1].content, "\0\1\2bytes\xff\n\0", 11);
}

static void values_are_in_no_text(void **state)
{
    (void)state;
    struct box box = { 0 }, again = { 0 }, closed = { 0 };
    WC_CLEANUP_BUF struct wc_buf wire = WC_BUF_INIT, shown = WC_BUF_INIT;
    make_key(&box);
    load(&box, FILE_TEXT, sizeof FILE_TEXT - 1, true, false);
    assert_int_equal(box.rc, 0);
    check_values(&box.project->services[0]);
    wc_spec_render_wire(box.project, &wire);
    wc_spec_render(box.project, WC_RENDER_YAML, &shown);
    assert_null(strstr(wire.data, "hunter2"));
    assert_null(strstr(wire.data, "a$b"));
    assert_null(strstr(shown.data, "hunter2"));
    assert_null(strstr(shown.data, "PASS"));
    assert_non_null(strstr(shown.data, "app.env"));
    load(&again, wire.data, wire.len, true, true);
    assert_int_equal(again.rc, 0);
    check_values(&again.project->services[0]);
    assert_string_equal(again.project->services[0].spec_hash, box.project->services[0].spec_hash);
    unlink(box.key); /* its owner took it away: what runs is known all the same */
    load(&closed, wire.data, wire.len, true, true);
    assert_int_equal(closed.rc, 0);
    const struct wc_service *s = &closed.project->services[0];
    assert_string_equal(s->spec_hash, box.project->services[0].spec_hash);
    assert_non_null(strstr(s->sealed->closed, "app.env: identity file /tmp/wc_sealed_"));
    assert_non_null(s->mounts[0].sealed->closed);
    assert_null(variable(s, "PASS"));
    wc_arena_wipe(&box.arena);
    wc_arena_wipe(&again.arena);
    wc_arena_wipe(&closed.arena);
}

/* Opens the next file, and says whether there are more. */
static bool open_next(struct wc_unsealing *unsealing)
{
    wc_unsealing_ops.run(unsealing, -1);
    wc_unsealing_ops.settle(unsealing);
    return wc_unsealing_ops.more(unsealing);
}

static void opened_after_the_load(void **state)
{
    (void)state;
    struct box box = { 0 }, later = { 0 };
    WC_CLEANUP_BUF struct wc_buf wire = WC_BUF_INIT;
    const struct wc_unsealing_ops *ops = &wc_unsealing_ops;
    make_key(&box);
    load(&box, FILE_TEXT, sizeof FILE_TEXT - 1, true, false);
    assert_int_equal(box.rc, 0);
    assert_null(ops->new (box.project)); /* nothing is left to be opened */
    wc_spec_render_wire(box.project, &wire);
    load_as(&later, wire.data, wire.len, true, true, true);
    assert_int_equal(later.rc, 0);
    const struct wc_service *s = &later.project->services[0];
    assert_string_equal(s->spec_hash, box.project->services[0].spec_hash);
    assert_int_equal(wc_sealed_state(s), WC_SEALED_UNTRIED);
    assert_null(variable(s, "PASS"));

    char away[80];
    snprintf(away, sizeof away, "%s.away", box.key);
    assert_int_equal(rename(box.key, away), 0);
    struct wc_unsealing *unsealing = ops->new (later.project);
    assert_non_null(unsealing);
    assert_true(open_next(unsealing));
    assert_int_equal(wc_sealed_state(s), WC_SEALED_UNTRIED);
    assert_true(open_next(unsealing));
    assert_false(open_next(unsealing));
    assert_int_equal(wc_sealed_state(s), WC_SEALED_CLOSED);
    assert_non_null(strstr(s->sealed->closed, "identity file /tmp/wc_sealed_"));
    assert_null(variable(s, "PASS"));

    assert_int_equal(rename(away, box.key), 0);
    ops->again(unsealing);
    assert_true(ops->more(unsealing));
    while (open_next(unsealing))
        continue;
    assert_int_equal(wc_sealed_state(s), WC_SEALED_OPEN);
    check_values(s);
    ops->again(unsealing); /* what is open isn't opened again */
    assert_false(ops->more(unsealing));
    ops->free(unsealing);
    unlink(box.key);
    wc_arena_wipe(&box.arena);
    wc_arena_wipe(&later.arena);
}

/* The values of a model are those that it was made with, or none. */
static void another_text_under_the_mark(void **state)
{
    (void)state;
    struct box box = { 0 }, later = { 0 };
    WC_CLEANUP_BUF struct wc_buf wire = WC_BUF_INIT;
    make_key(&box);
    load(&box, FILE_TEXT, sizeof FILE_TEXT - 1, true, false);
    for (size_t i = 0; i < box.project->services[0].sealed->env.n; i++) {
        char *mark = (char *)box.project->services[0].sealed->env.items[i].value;
        mark[0] = mark[0] == '0' ? '1' : '0';
    }
    wc_spec_render_wire(box.project, &wire);
    load_as(&later, wire.data, wire.len, true, true, true);
    const struct wc_service *s = &later.project->services[0];
    struct wc_unsealing *unsealing = wc_unsealing_ops.new(later.project);
    while (open_next(unsealing))
        continue;
    assert_int_equal(wc_sealed_state(s), WC_SEALED_CLOSED);
    assert_non_null(strstr(s->sealed->closed, "isn't the one that it was made with"));
    assert_null(variable(s, "PASS"));
    wc_unsealing_ops.free(unsealing);
    unlink(box.key);
    wc_arena_wipe(&box.arena);
    wc_arena_wipe(&later.arena);
}

static void never_used_encrypted(void **state)
{
    (void)state;
    struct box box = { 0 };
    load(&box, FILE_TEXT, sizeof FILE_TEXT - 1, false, false);
    assert_int_equal(box.rc, WC_ERR_SPEC);
    assert_int_equal(box.diags.n, 3);
    for (size_t i = 0; i < box.diags.n; i++) {
        assert_string_equal(box.diags.items[i].code, "E119");
        assert_non_null(strstr(box.diags.items[i].msg, "no age identity was given"));
        assert_non_null(strstr(box.diags.items[i].hint, "--age-identity"));
        assert_true(box.diags.items[i].at.line > 0);
    }
    wc_arena_deinit(&box.arena);
}

static void not_where_it_would_be_seen(void **state)
{
    (void)state;
    static const char text[] = "name: t\nservices: {web: {image: a, label_file: app.env}}\n";
    struct box box = { 0 };
    load(&box, text, sizeof text - 1, false, false);
    assert_int_equal(box.rc, WC_ERR_SPEC);
    assert_string_equal(box.diags.items[0].code, "E119");
    assert_string_equal(box.diags.items[0].msg,
                        "'app.env' is encrypted, and can't be a label_file");
    assert_int_equal(box.diags.items[0].at.line, 2);
    wc_arena_deinit(&box.arena);
}

/* Credentials of systemd's: opened by a key of this host, for the project that they were made for.
 */
static void credentials(void **state)
{
    (void)state;
    static const char text[] = "name: t\nservices: {web: {image: a, env_file: [db.env.cred],"
                               " secrets: [cert]}}\nsecrets: {cert: {file: cert.cred}}\n";
    static const char others[] = "name: o\nservices: {web: {image: a, env_file: [db.env.cred]}}\n";
    static const char no_env[] = "name: t\nservices: {web: {image: a, env_file: [cert.cred]}}\n";
    struct box box = { 0 }, again = { 0 }, refused = { 0 };
    WC_CLEANUP_BUF struct wc_buf wire = WC_BUF_INIT;
    if (geteuid() != 0 || access("/usr/bin/systemd-creds", X_OK) != 0 || unshare(CLONE_NEWNS) != 0)
        WC_SKIP("needs root and systemd-creds (package systemd)");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", "/var/lib/systemd", "tmpfs", 0, "mode=700") != 0 ||
        mount("tmpfs", DIR, "tmpfs", 0, "mode=755") != 0)
        WC_SKIP("needs a mount namespace");
    assert_int_equal(
        system("exec 2>/dev/null; cd " DIR "; systemd-creds setup;"
               "printf 'A=pla$nted\\n# c\\n\\nB=x=y\\n' | systemd-creds encrypt --with-key=host"
               " --name=t.db.env - db.env.cred; printf 'by\\0tes' | systemd-creds encrypt"
               " --with-key=host --name=t.cert - cert.cred"),
        0);
    load(&box, text, sizeof text - 1, false, false);
    assert_int_equal(box.rc, 0);
    const struct wc_service *s = &box.project->services[0];
    assert_string_equal(variable(s, "A"), "pla$nted");
    assert_string_equal(variable(s, "B"), "x=y");
    assert_int_equal(s->n_mounts, 1);
    assert_int_equal(s->mounts[0].sealed->len, 6);
    assert_memory_equal(s->mounts[0].content, "by\0tes", 6);
    wc_spec_render_wire(box.project, &wire);
    assert_null(strstr(wire.data, "nted"));
    load(&again, wire.data, wire.len, false, true);
    assert_int_equal(again.rc, 0);
    assert_string_equal(variable(&again.project->services[0], "A"), "pla$nted");
    assert_string_equal(again.project->services[0].spec_hash, s->spec_hash);
    wc_arena_wipe(&again.arena);
    load_as(&again, wire.data, wire.len, false, true, true);
    struct wc_unsealing *unsealing = wc_unsealing_ops.new(again.project);
    while (open_next(unsealing))
        continue;
    assert_int_equal(wc_sealed_state(&again.project->services[0]), WC_SEALED_OPEN);
    assert_string_equal(variable(&again.project->services[0], "B"), "x=y");
    assert_int_equal(again.project->services[0].mounts[0].sealed->len, 6);
    assert_memory_equal(again.project->services[0].mounts[0].content, "by\0tes", 6);
    wc_unsealing_ops.free(unsealing);
    wc_arena_wipe(&box.arena);
    wc_arena_wipe(&again.arena);
    load(&refused, others, sizeof others - 1, false, false);
    assert_int_equal(refused.rc, WC_ERR_SPEC);
    assert_string_equal(refused.diags.items[0].code, "E119");
    assert_non_null(strstr(refused.diags.items[0].msg, "does not match"));
    wc_arena_wipe(&refused.arena);
    load(&refused, no_env, sizeof no_env - 1, false, false);
    assert_int_equal(refused.rc, WC_ERR_SPEC);
    assert_non_null(strstr(refused.diags.items[0].msg, "NAME=VALUE"));
    assert_null(strstr(refused.diags.items[0].msg, "tes"));
    wc_arena_wipe(&refused.arena);
    assert_int_equal(umount2(DIR, MNT_DETACH) | umount2("/var/lib/systemd", MNT_DETACH), 0);
}

static void lines_of_credentials(void **state)
{
    (void)state;
    struct wc_arena arena;
    struct wc_kvs pairs;
    wc_arena_init(&arena);
    assert_true(wc_creds_pairs("A=1\r\nB=\nA=2", 11, &arena, &pairs));
    assert_int_equal(pairs.n, 2);
    assert_string_equal(pairs.items[0].value, "2");
    assert_string_equal(pairs.items[1].value, "");
    assert_true(wc_creds_pairs("", 0, &arena, &pairs));
    assert_false(wc_creds_pairs("A", 1, &arena, &pairs));
    assert_false(wc_creds_pairs("1A=x", 4, &arena, &pairs));
    assert_false(wc_creds_pairs("A=\0", 3, &arena, &pairs));
    assert_false(wc_creds_pairs("A=\xff", 3, &arena, &pairs));
    assert_string_equal(wc_creds_name("p", "/x/db.env.cred", &arena), "p.db.env");
    assert_string_equal(wc_creds_name("p", "key", &arena), "p.key");
    assert_string_equal(wc_creds_name("p", ".cred", &arena), "p..cred");
    wc_arena_deinit(&arena);
}

WC_MAIN(WC_CASE(opened_after_the_load), WC_CASE(another_text_under_the_mark), WC_CASE(credentials),
        WC_CASE(lines_of_credentials), WC_CASE(values_are_in_no_text),
        WC_CASE(never_used_encrypted), WC_CASE(not_where_it_would_be_seen))
