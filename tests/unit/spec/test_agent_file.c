/* test_agent_file.c - the agent file: what comes out of a good one, and what is said of bad ones.
 */
#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "wcompose/agent.h"
#include "wcompose/diag.h"
#include "wcompose/spec.h"

struct box {
    struct wc_arena arena;
    struct wc_diags diags;
    struct wc_agent agent;
    int rc;
};

static int read_text(void *data, const char *path, size_t limit, struct wc_buf *out,
                     struct wc_err *err)
{
    (void)path, (void)limit;
    if (data == NULL)
        return wc_err_set(err, WC_ERR_NOENT, 0, "not here");
    wc_buf_adds(out, data);
    return 0;
}

static bool exists(void *data, const char *path)
{
    (void)data, (void)path;
    return false;
}

static void load(struct box *box, char *text)
{
    const struct wc_spec_access access = { read_text, exists, text };
    *box = (struct box){ 0 };
    wc_arena_init(&box->arena);
    wc_diags_init(&box->diags, &box->arena);
    box->rc = wc_agent_file_read("/etc/agent.yaml", &access, &box->arena, &box->diags, &box->agent);
}

/* It must be refused, with this code at this place, and nothing else be said. */
static void refused(const char *body, const char *code, unsigned line, const char *words)
{
    struct box box;
    char text[1024];
    snprintf(text, sizeof text, "apps:\n  shop:\n%s", body);
    load(&box, text);
    if (box.diags.n != 1 || !wc_streq(box.diags.items[0].code, code) ||
        box.diags.items[0].at.line != line || strstr(box.diags.items[0].msg, words) == NULL) {
        for (size_t i = 0; i < box.diags.n; i++)
            fprintf(stderr, "%s:%u: %s\n", box.diags.items[i].code, box.diags.items[i].at.line,
                    box.diags.items[i].msg);
        fail_msg("wanted %s in line %u: %s", code, line, words);
    }
    assert_int_equal(box.rc, WC_ERR_SPEC);
    wc_arena_deinit(&box.arena);
}

static void whole(void **state)
{
    (void)state;
    struct box box;
    char text[] = "apps:\n"
                  "  db:\n"
                  "    source: {directory: /srv/db}\n"
                  "  one:\n"
                  "    source: {file: /srv/one/stack.yml}\n"
                  "  shop:\n"
                  "    source:\n"
                  "      git: ssh://git@host/shop.git\n"
                  "      semver: '>=1.2 <2'\n"
                  "      path: deploy/shop\n"
                  "      ssh: {key: /k, known_hosts: /h}\n"
                  "      verify: {mode: tag, signers: /s}\n"
                  "    files: [compose.yaml, prod.yaml]\n"
                  "    grant: {ports: [8080, 9000-9009], env: [REGION], isolation: hyperv,\n"
                  "            limits: {instances: 9, memory: 2g, cpus: 1.5, pids: 300}}\n"
                  "    interval: 2m\n"
                  "    timeout: 90s\n"
                  "    drift: report\n"
                  "    prune: true\n"
                  "    windows: ['Mon-Fri 22:00-04:00']\n"
                  "    depends_on: [db]\n"
                  "notify: [{command: [/bin/tell, x]}]\n"
                  "webhook: {listen: '127.0.0.1:9465', secret_file: /w}\n";
    load(&box, text);
    assert_int_equal(box.diags.n, 0);
    assert_int_equal(box.rc, 0);
    assert_int_equal(box.agent.n_apps, 3);
    const struct wc_agent_app *shop = wc_agent_app(&box.agent, "shop");
    assert_non_null(shop);
    assert_string_equal(shop->source.git, "ssh://git@host/shop.git");
    assert_string_equal(shop->source.semver, ">=1.2 <2");
    assert_string_equal(shop->source.verify, "tag");
    assert_string_equal(shop->source.signers, "/s");
    assert_string_equal(shop->source.ssh_known_hosts, "/h");
    assert_string_equal(shop->trust, "restricted");
    assert_int_equal(shop->files.n, 2);
    assert_int_equal(shop->grant.n_ranges, 2);
    assert_int_equal(shop->grant.ranges[1].to, 9009);
    assert_string_equal(shop->grant.isolation, "hyperv");
    const struct wc_grant_limits limits = { 9, 2LL << 30, 1500000000, 300 };
    assert_memory_equal(&shop->grant.limits, &limits, sizeof limits);
    assert_int_equal(shop->interval_ms, 120000);
    assert_int_equal(shop->ready_ms, 90000);
    assert_string_equal(shop->drift, "report");
    assert_true(shop->prune);
    assert_int_equal(shop->n_windows, 1);
    assert_int_equal(shop->windows[0].days, 0x1f);
    assert_string_equal(wc_agent_app(&box.agent, "db")->drift, "repair");
    assert_string_equal(wc_agent_app(&box.agent, "one")->source.file, "/srv/one/stack.yml");
    assert_int_equal(wc_agent_app(&box.agent, "one")->files.n, 1);
    assert_string_equal(wc_agent_app(&box.agent, "one")->files.items[0], "stack.yml");
    assert_int_equal(box.agent.n_notify, 1);
    assert_string_equal(box.agent.notify[0].command.items[1], "x");
    assert_int_equal(box.agent.runners, 16);
    assert_false(box.agent.prune_apps);
    wc_arena_deinit(&box.arena);
    char pruning[] = "prune_apps: true\napps: {}\n", wrong[] = "prune_apps: maybe\n";
    load(&box, pruning);
    assert_int_equal(box.rc, 0);
    assert_true(box.agent.prune_apps);
    wc_arena_deinit(&box.arena);
    load(&box, wrong);
    assert_int_equal(box.rc, WC_ERR_SPEC);
    wc_arena_deinit(&box.arena);
}

static void absent_and_empty(void **state)
{
    (void)state;
    struct box box;
    char nothing[] = "# later\n";
    load(&box, NULL);
    assert_int_equal(box.rc, WC_ERR_NOENT);
    assert_int_equal(box.diags.n, 0);
    wc_arena_deinit(&box.arena);
    load(&box, nothing);
    assert_int_equal(box.rc, 0);
    assert_int_equal(box.agent.n_apps, 0);
    wc_arena_deinit(&box.arena);
}

static void bad_ones(void **state)
{
    (void)state;
#define GIT "    source: {git: /r, branch: main}\n"
    refused("    source: {git: /r}\n", "E114", 3, "which revision");
    refused("    source: {git: /r, branch: a, tag: b}\n", "E205", 3, "both branch and tag");
    refused("    source: {git: /r, directory: /d, branch: a}\n", "E205", 3, "both git and");
    refused("    source: {directory: /d, branch: a}\n", "E205", 3, "branch is for a source");
    refused("    source: {file: /d/c.yaml, directory: /d}\n", "E205", 3, "both directory and file");
    refused("    source: {file: c.yaml}\n", "E102", 3, "absolute");
    refused("    source: {file: /d/}\n", "E102", 3, "no file's name");
    refused("    source: {file: /c.yaml, path: x}\n", "E205", 3, "path is for");
    refused("    source: {file: /c.yaml, token_file: /t}\n", "E205", 3, "token_file is for");
    refused("    source: {file: /c.yaml}\n    files: [c.yaml]\n", "E205", 4, "files is for");
    refused("    source: {file: /c.yaml}\n    env_files: [e]\n", "E205", 4, "env_files is for");
    refused("    source: {file: /c}\n    grant: {isolation: vm}\n", "E102", 4, "vm");
    refused("    source: {file: /c}\n    grant: {limits: {memory: 0}}\n", "E102", 4, "more than 0");
    refused("    source: {file: /c}\n    grant: {limits: {cpus: 0}}\n", "E102", 4, "more than 0");
    refused("    source: {directory: d}\n", "E102", 3, "absolute");
    refused("    source: {git: /r, brnch: main, branch: m}\n", "E100", 3, "brnch");
    refused("    source: {git: 'ssh://h/r', branch: a}\n", "E114", 3, "known_hosts");
    refused("    source: {git: /r, branch: a, path: ../x}\n", "E102", 3, "stay below");
    refused("    source: {git: /r, branch: a, verify: {mode: commit}}\n", "E114", 3, "no key");
    refused("    source: {git: /r, branch: a, verify: {mode: none, signers: /s}}\n", "E205", 3,
            "never looks");
    refused("    drift: repair\n", "E114", 2, "source");
    refused(GIT "    windows: !reset []\n", "E402", 4, "!reset and !override");
    refused(GIT "    drift: ignore\n", "E102", 4, "");
    refused(GIT "    interval: 1s\n", "E102", 4, "from 5s");
    refused(GIT "    windows: ['Mon 22-23']\n", "E102", 4, "no maintenance window");
    refused(GIT "    trust: trusted\n    grant: {build: true}\n", "E205", 5, "grant says nothing");
    refused(GIT "    grant: {ports: [90-80]}\n", "E102", 4, "no port");
    refused(GIT "    grant: {binds: [srv]}\n", "E102", 4, "absolute");
    refused(GIT "    depends_on: [shp]\n", "E200", 4, "isn't here");
    refused(GIT "    depends_on: [shop]\n", "E201", 4, "wait for itself");
    refused("    source: {directory: /x, submodules: true}\n", "E205", 3, "with git alone");
    refused("    source: {archive: 'https://h/x.tar', lfs: true}\n", "E205", 3, "with git alone");
    refused(GIT "    image_policy: semver\n", "E114", 4, "needs a range");
    refused(GIT "    image_policy: digest-change\n", "E102", 4, "digest-change");
    refused(GIT "    image_policy: [semver]\n", "E101", 4, "");
    refused(GIT "    image_policy: {range: '~1.4'}\n", "E114", 4, "kind");
    refused(GIT "    image_policy: {kind: semver, range: 'abc'}\n", "E102", 4, "no range");
    refused(GIT "    image_policy: {kind: digest-changes, range: '1'}\n", "E205", 4, "never looks");
    refused(GIT "    image_policy: {kind: semver, rnge: '1', range: '1'}\n", "E100", 4, "rnge");
    refused(GIT "    image_policy: {kind: digest-changes, interval: 1s}\n", "E102", 4, "from 5s");
    refused(GIT "    image_policy: {kind: none, interval: 1h}\n", "E205", 4, "no registry");
    refused(GIT "    image_policy: {kind: none, services: {web: semver}}\n", "E114", 4, "range");
    refused(GIT "    image_policy: {kind: none, services: {web: }}\n", "E101", 4, "");
    refused(GIT "    image_policy: {kind: none, services: {web: {range: '1'}}}\n", "E114", 4,
            "kind");
    refused(GIT "    image_policy: {kind: none, services: {web: semvre}}\n", "E102", 4, "semvre");
    refused(GIT "webhook: {listen: '0.0.0.0:1', secret_file: /w}\n", "E102", 4, "127.0.0.1");
    refused(GIT "notify: [{url: 'http://example.org'}]\n", "E102", 4, "https");
    refused(GIT "notify: [{secret_file: /s}]\n", "E114", 4, "who is to be told");
}

static void image_policies(void **state)
{
    (void)state;
    struct box box;
    char text[] = "apps:\n"
                  "  a: {source: {directory: /a}}\n"
                  "  b: {source: {directory: /b}, image_policy: digest-changes}\n"
                  "  c:\n"
                  "    source: {directory: /c}\n"
                  "    image_policy:\n"
                  "      kind: semver\n"
                  "      range: 1.4\n"
                  "      interval: 30s\n"
                  "      services: {db: none, web: {kind: semver, range: '>=2 <3'}}\n";
    load(&box, text);
    assert_int_equal(box.diags.n, 0);
    const struct wc_agent_images *a = &wc_agent_app(&box.agent, "a")->images;
    const struct wc_agent_images *b = &wc_agent_app(&box.agent, "b")->images;
    const struct wc_agent_images *c = &wc_agent_app(&box.agent, "c")->images;
    assert_string_equal(a->all.kind, "none");
    assert_false(wc_agent_follows_images(a));
    assert_string_equal(wc_agent_image_rule(b, "web")->kind, "digest-changes");
    assert_true(wc_agent_follows_images(b));
    assert_int_equal(b->interval_ms, 300000);
    assert_int_equal(c->interval_ms, 30000);
    assert_string_equal(wc_agent_image_rule(c, "x")->range, "1.4");
    assert_string_equal(wc_agent_image_rule(c, "db")->kind, "none");
    assert_null(wc_agent_image_rule(c, "db")->range);
    assert_string_equal(wc_agent_image_rule(c, "web")->range, ">=2 <3");
    wc_arena_deinit(&box.arena);
}

/* A word that is nearly right is answered with the right one, at its place. */
static void image_policy_suggests(void **state)
{
    (void)state;
    struct box box;
    char text[] = "apps:\n"
                  "  a:\n"
                  "    source: {directory: /a}\n"
                  "    image_policy: digest_changes\n";
    load(&box, text);
    assert_int_equal(box.diags.n, 1);
    assert_int_equal(box.diags.items[0].at.col, 19);
    assert_non_null(box.diags.items[0].hint);
    assert_non_null(strstr(box.diags.items[0].hint, "digest-changes"));
    wc_arena_deinit(&box.arena);
}

static void windows(void **state)
{
    (void)state;
    struct wc_agent_window w;
    assert_true(wc_agent_window_parse("Sat-Mon 23:30-00:15", &w));
    assert_int_equal(w.days, 0x61);
    assert_int_equal(w.from, 23 * 60 + 30);
    assert_int_equal(w.length, 45);
    assert_true(wc_agent_window_parse("03:00-24:00", &w));
    assert_int_equal(w.days, 0x7f);
    assert_int_equal(w.length, 21 * 60);
    assert_true(wc_agent_window_parse("Mon,Wed-Thu 00:00-24:00", &w));
    assert_int_equal(w.days, 0x0d);
    assert_int_equal(w.length, WC_DAY_MINUTES);
    static const char *const bad[] = { "",
                                       "Mon",
                                       "Mon 3:00-4:00",
                                       "Monday 03:00-04:00",
                                       "Mon- 03:00-04:00",
                                       "03:00-03:00",
                                       "24:00-01:00",
                                       "03:60-04:00",
                                       "03:00-04:00 x",
                                       "Mon  03:00-04:00",
                                       "03:00-25:00" };
    for (size_t i = 0; i < WC_COUNT(bad); i++)
        assert_false(wc_agent_window_parse(bad[i], &w));
}

WC_MAIN(WC_CASE(whole), WC_CASE(absent_and_empty), WC_CASE(bad_ones), WC_CASE(image_policies),
        WC_CASE(image_policy_suggests), WC_CASE(windows))
