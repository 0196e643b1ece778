/* test_levels.c - rules over models: what they match, what is settled, verified and refused, and
 * that a change of level is a change of instances.
 */
// LINK: wc_spec
#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "orchestrator/core/desired.h"
#include "orchestrator/core/diff.h"
#include "orchestrator/core/levels.h"
#include "orchestrator/core/rules.h"
#include "wcompose/image.h"
#include "wcompose/plan.h"
#include "wcompose/spec.h"

struct box {
    struct wc_arena arena;
    struct wc_diags diags;
    struct wc_project *project;
    struct wc_policy policy;
};

static int read_text(void *data, const char *path, size_t limit, struct wc_buf *out,
                     struct wc_err *err)
{
    (void)path, (void)limit;
    if (data == NULL)
        return wc_err_set(err, WC_ERR_NOENT, 0, "no file");
    wc_buf_adds(out, data);
    return 0;
}

static bool exists(void *data, const char *path)
{
    (void)data, (void)path;
    return false;
}

static int load_policy(struct box *box, const char *text)
{
    const struct wc_spec_access access = { read_text, exists, (void *)(uintptr_t)text };
    return wc_spec_host_policy("/etc/policy.yaml", &access, &box->arena, &box->diags, &box->policy);
}

static void box_load(struct box *box, const char *text)
{
    const struct wc_spec_options options = { .cwd = "/nonexistent",
                                             .text = text,
                                             .text_len = strlen(text) };
    *box = (struct box){ 0 };
    wc_arena_init(&box->arena);
    wc_diags_init(&box->diags, &box->arena);
    assert_int_equal(wc_spec_load(&options, &box->arena, &box->diags, &box->project), 0);
}

static struct wc_service *service(struct box *box, const char *name)
{
    return (struct wc_service *)(uintptr_t)wc_project_service(box->project, name);
}

static const char shop[] =
    "name: shop\n"
    "services:\n"
    "  web: {image: nginx, labels: {tier: front}, privileged: true}\n"
    "  db: {image: \"registry.lan:5000/pg:15\", labels: {tier: data}, x-wcompose: {tenant: red}}\n"
    "  job: {image: busybox, isolation: process, x-wcompose: {trust: trusted}}\n";

static void rules_match(void **state)
{
    (void)state;
    static const struct {
        const char *match, *services;
    } rows[] = {
        { "{}", "db job web" },
        { "{service: web}", "web" },
        { "{service: [w*, j?b]}", "job web" },
        { "{project: shop}", "db job web" },
        { "{project: sho}", "" },
        { "{image: nginx}", "web" },
        { "{image: docker.io/library/*}", "job web" },
        { "{image: 'docker.io/library/nginx:latest'}", "web" },
        { "{image: 'registry.lan:5000/*'}", "db" },
        { "{label: [tier]}", "db web" },
        { "{label: [tier=data]}", "db" },
        { "{label: {tier: fr*}}", "web" },
        { "{label: [tier, other]}", "" },
        { "{tenant: '*'}", "db" },
        { "{trust: unset}", "db web" },
        { "{trust: trusted}", "job" },
        { "{trust: untrusted}", "" },
        { "{privileged: true}", "web" },
        { "{privileged: false, service: [db, web]}", "db" },
        { "{service: []}", "" },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct box box;
        char text[256], found[64] = "";
        box_load(&box, shop);
        snprintf(text, sizeof text, "policy: [{match: %s, require: hyperv}]\n", rows[i].match);
        assert_int_equal(load_policy(&box, text), 0);
        assert_int_equal(box.policy.n, 1);
        for (size_t k = 0; k < box.project->n_services; k++)
            if (wc_rule_matches(&box.policy.rules[0], box.project, &box.project->services[k],
                                &box.arena))
                snprintf(found + strlen(found), sizeof found - strlen(found), "%s%s",
                         found[0] != '\0' ? " " : "", box.project->services[k].name);
        if (!wc_streq(found, rows[i].services))
            fail_msg("%s: '%s'", rows[i].match, found);
        wc_arena_deinit(&box.arena);
    }
}

static void policy_files(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int status;
        const char *code;
        unsigned line, col;
    } rows[] = {
        { NULL, 0, NULL, 0, 0 },
        { "", 0, NULL, 0, 0 },
        { "# nothing yet\n", 0, NULL, 0, 0 },
        { "policy: []\n", 0, NULL, 0, 0 },
        { "polcy: []\n", WC_ERR_SPEC, "E100", 1, 1 },
        { "policy: {}\n", WC_ERR_SPEC, "E101", 1, 9 },
        { "- match\n", WC_ERR_SPEC, "E101", 1, 1 },
        { "policy:\n  - {match: {}}\n", WC_ERR_SPEC, "E114", 2, 5 },
        { "policy:\n  - {match: {}, require: vm}\n", WC_ERR_SPEC, "E102", 2, 26 },
        { "policy: [\n", WC_ERR_SPEC, "E104", 0, 0 },
        { "policy: []\n---\npolicy: []\n", WC_ERR_SPEC, "E402", 3, 1 },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct box box;
        box_load(&box, shop);
        assert_int_equal(load_policy(&box, rows[i].text), rows[i].status);
        assert_int_equal(box.policy.n, 0);
        if (rows[i].code == NULL) {
            assert_int_equal(box.diags.n, 0);
        } else {
            assert_string_equal(box.diags.items[0].code, rows[i].code);
            assert_true(rows[i].line == 0 || box.diags.items[0].at.line == rows[i].line);
            assert_true(rows[i].col == 0 || box.diags.items[0].at.col == rows[i].col);
        }
        wc_arena_deinit(&box.arena);
    }
}

/* Settled by the rules of then; verified by those of now. */
static void settled_and_verified(void **state)
{
    (void)state;
    struct box box;
    struct wc_err err = { 0 };
    box_load(&box, shop);
    wc_plan_settle(box.project, NULL, true, &box.arena);
    assert_int_equal(service(&box, "web")->settled.level, WC_ISOLATION_PROCESS);
    assert_int_equal(wc_plan_verify(box.project, NULL, &box.arena, &err), 0);
    assert_int_equal(load_policy(&box, "policy:\n  - name: data\n    match: {label: [tier=data]}\n"
                                       "    require: hyperv\n"),
                     0);
    assert_int_equal(wc_plan_verify(box.project, &box.policy, &box.arena, &err), WC_ERR_ISOLATION);
    assert_non_null(strstr(err.msg, "'db' would run as process"));
    assert_int_equal(err.at.line, 4);
    wc_plan_settle(box.project, &box.policy, false, &box.arena); /* settled ones stay */
    assert_int_equal(service(&box, "db")->settled.level, WC_ISOLATION_PROCESS);
    wc_plan_settle(box.project, &box.policy, true, &box.arena);
    assert_int_equal(service(&box, "db")->settled.level, WC_ISOLATION_HYPERV);
    assert_string_equal(service(&box, "db")->settled.code, "host_policy");
    assert_string_equal(service(&box, "db")->settled.why, "host policy 'data' requires hyperv");
    assert_int_equal(wc_plan_verify(box.project, &box.policy, &box.arena, &err), 0);
    /* what is settled is refused where it can't be had, with the reason of then */
    const struct wc_plan_host host = { .hyperv_why = "no KVM" };
    struct wc_plan plan;
    assert_int_equal(wc_plan_make(box.project, &host, &box.arena, &box.diags, &plan),
                     WC_ERR_ISOLATION);
    assert_int_equal(box.diags.n, 1);
    assert_string_equal(box.diags.items[0].msg,
                        "service 'db' needs hyperv isolation (host policy 'data' requires hyperv), "
                        "which this host can't give: no KVM");
    wc_arena_deinit(&box.arena);
}

/* Another level is another instance, and people are told. */
static void level_is_a_change(void **state)
{
    (void)state;
    struct box box;
    box_load(&box, shop);
    const struct wc_image_info image = { .id = "sha256:1" };
    struct wc_instance before, after;
    struct wc_fact seen = { .level = WC_ISOLATION_PROCESS };
    wc_plan_settle(box.project, NULL, true, &box.arena);
    wc_desired_fill(box.project, service(&box, "web"), 1, &image, &box.arena, &before);
    memcpy(seen.hash, before.hash, sizeof seen.hash);
    assert_int_equal(load_policy(&box, "policy: [{match: {service: web}, require: process}]\n"), 0);
    wc_plan_settle(box.project, &box.policy, true, &box.arena);
    wc_desired_fill(box.project, service(&box, "web"), 1, &image, &box.arena, &after);
    assert_string_equal(before.id, after.id); /* another reason for the same level */
    assert_int_equal(load_policy(&box, "policy: [{match: {service: web}, require: hyperv}]\n"), 0);
    wc_plan_settle(box.project, &box.policy, true, &box.arena);
    wc_desired_fill(box.project, service(&box, "web"), 1, &image, &box.arena, &after);
    after.level = WC_ISOLATION_HYPERV;
    assert_string_not_equal(before.id, after.id);
    assert_true(wc_diff_stale(&after, &seen));
    assert_string_equal(wc_diff_why(&after, &seen, &box.arena),
                        "isolation changed: process -> hyperv");
    wc_arena_deinit(&box.arena);
}

/* What a restricted source says now, held to what it said before. */
static void held(const char *before, const char *now, enum wc_isolation floor, const char *words)
{
    struct box old = { 0 }, box;
    if (before != NULL) {
        box_load(&old, before);
        wc_plan_settle(old.project, NULL, true, &old.arena);
    }
    box_load(&box, now);
    wc_plan_settle(box.project, NULL, true, &box.arena);
    int rc = wc_plan_hold(box.project, old.project, floor, &box.arena, &box.diags);
    assert_int_equal(rc, words == NULL ? 0 : WC_ERR_ISOLATION);
    assert_int_equal(box.diags.n_errors, words == NULL ? 0 : 1);
    if (words != NULL) {
        assert_string_equal(box.diags.items[0].code, "E117");
        assert_non_null(strstr(box.diags.items[0].msg, words));
        assert_int_equal(box.diags.items[0].at.line, 1);
    }
    wc_arena_deinit(&box.arena);
    if (before != NULL)
        wc_arena_deinit(&old.arena);
}

/* The place is the word that lowers it, underlined; without one it is the service. */
static void what_is_held_is_shown(void **state)
{
    (void)state;
    static const struct {
        const char *now, *msg;
        enum wc_isolation floor;
        unsigned col, span;
    } rows[] = {
        { "services: {a: {image: x, isolation: process}}\n",
          "service 'a' has a kernel of its own, and would lose it: process (isolation: process)",
          WC_ISOLATION_DEFAULT, 37, 7 },
        { "services: {a: {image: x, isolation: default}}\n", "", WC_ISOLATION_DEFAULT, 37, 1 },
        { "services: {a: {image: x}}\n", "", WC_ISOLATION_DEFAULT, 12, 1 },
        { "services: {a: {image: x, isolation: process}}\n",
          "service 'a' must have a kernel of its own, and would run as process (isolation: "
          "process)",
          WC_ISOLATION_HYPERV, 37, 7 },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct box old, box;
        box_load(&old, "services: {a: {image: x, isolation: hyperv}}\n");
        wc_plan_settle(old.project, NULL, true, &old.arena);
        box_load(&box, rows[i].now);
        wc_plan_settle(box.project, NULL, true, &box.arena);
        assert_int_equal(
            wc_plan_hold(box.project, old.project, rows[i].floor, &box.arena, &box.diags),
            WC_ERR_ISOLATION);
        const struct wc_diag *d = &box.diags.items[0];
        if (d->at.col != rows[i].col || d->span != rows[i].span ||
            (rows[i].msg[0] != '\0' && !wc_streq(d->msg, rows[i].msg)))
            fail_msg("%s%u, %u: %s", rows[i].now, d->at.col, d->span, d->msg);
        wc_arena_deinit(&box.arena);
        wc_arena_deinit(&old.arena);
    }
}

/* The place of the demand that this host can't keep; the word is underlined where it is one. */
static void what_cant_be_had_is_shown(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned col, span;
    } rows[] = {
        { "services: {a: {image: x, isolation: hyperv}}\n", 37, 6 },
        { "services: {a: {image: x, x-wcompose: {trust: untrusted}}}\n", 46, 1 },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct box box;
        struct wc_isolation_choice choice;
        const struct wc_plan_host host = { .hyperv_usable = false };
        box_load(&box, rows[i].text);
        assert_int_equal(wc_levels_choose(box.project, &host, &box.arena, &box.diags, &choice),
                         WC_ERR_ISOLATION);
        const struct wc_diag *d = &box.diags.items[0];
        assert_string_equal(d->code, "E401");
        if (d->at.col != rows[i].col || d->span != rows[i].span)
            fail_msg("%s%u, %u: %s", rows[i].text, d->at.col, d->span, d->msg);
        wc_arena_deinit(&box.arena);
    }
}

static void levels_are_held(void **state)
{
    (void)state;
    const enum wc_isolation none = WC_ISOLATION_DEFAULT;
    const char *vm = "services: {a: {image: x, isolation: hyperv}}\n";
    const char *shared = "services: {a: {image: x, isolation: process}}\n";
    const char *silent = "services: {a: {image: x}}\n";
    held(NULL, shared, none, NULL);
    held(vm, vm, none, NULL);
    held(shared, vm, none, NULL);
    held(silent, shared, none, NULL);
    held(vm, shared, none, "would lose it: process (");
    held(vm, silent, none, "would lose it: process (");
    held(vm, silent, WC_ISOLATION_PROCESS, NULL);
    held(vm, "services: {b: {image: x}}\n", none, NULL);
    held(vm, "services: {a: {image: x, scale: 0}}\n", none, "would lose it"); /* not in two steps */
    held(NULL, "services: {a: {image: x, scale: 0}}\n", WC_ISOLATION_HYPERV, NULL);
    held(NULL, silent, WC_ISOLATION_HYPERV, "must have a kernel");
    held(shared, shared, WC_ISOLATION_HYPERV, "must have a kernel");
    held(NULL, vm, WC_ISOLATION_HYPERV, NULL);
    /* whoever demands it: the trust that is said, too */
    held(vm, "services: {a: {image: x, x-wcompose: {trust: untrusted}}}\n", none, NULL);
}

WC_MAIN(WC_CASE(rules_match), WC_CASE(policy_files), WC_CASE(settled_and_verified),
        WC_CASE(level_is_a_change), WC_CASE(what_is_held_is_shown),
        WC_CASE(what_cant_be_had_is_shown), WC_CASE(levels_are_held))
