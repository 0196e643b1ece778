/* test_plan.c - waves, cycles with their places, isolation kept or refused. */
#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "orchestrator/core/graph.h"
#include "wcompose/plan.h"

/* "a b<a c<a,b": services by name, what they need after '<'; line of an edge = its service's. */
static struct wc_project *model(struct wc_arena *arena, const char *text)
{
    struct wc_project *project = WC_NEW(arena, struct wc_project);
    project->name = "p";
    project->services = WC_NEW_ARRAY(arena, struct wc_service, strlen(text) / 2 + 1);
    for (unsigned line = 1; *text != '\0'; line++) {
        size_t len = strcspn(text, " ");
        char *word = wc_arena_strndup(arena, text, len);
        struct wc_service *s = &project->services[project->n_services++];
        char *deps = strchr(word, '<');
        s->deps = WC_NEW_ARRAY(arena, struct wc_dep, len);
        s->at = (struct wc_loc){ "c.yaml", line, 3 };
        for (char *dep = deps; dep != NULL; dep = strchr(dep, ',')) {
            *dep++ = '\0';
            s->deps[s->n_deps++] =
                (struct wc_dep){ .service = wc_arena_strndup(arena, dep, strcspn(dep, ",")),
                                 .required = true,
                                 .at = { "c.yaml", line, 5 } };
        }
        s->name = word;
        text += len + (text[len] == ' ');
    }
    return project;
}

struct result {
    struct wc_arena arena;
    struct wc_project *project;
    struct wc_plan plan;
    struct wc_diags diags;
    int status;
};

static void make(struct result *r, const char *text)
{
    static const struct wc_plan_host host = { .hyperv_usable = false, .hyperv_why = "no KVM" };
    wc_arena_init(&r->arena);
    wc_diags_init(&r->diags, &r->arena);
    r->project = model(&r->arena, text);
    r->status = wc_plan_make(r->project, &host, &r->arena, &r->diags, &r->plan);
}

static void waves(void **state)
{
    (void)state;
    static const struct {
        const char *model, *order;
    } rows[] = {
        { "", "" },
        { "a", "1a " },
        { "a b c", "1a 1b 1c " },
        { "a<b b<c c", "1c 2b 3a " },
        { "api<db,migrate db migrate<db web<api", "1db 2migrate 3api 4web " },
        { "a<zz b", "1a 1b " }, /* not in the project: spec's to report */
        { "a b<a c<a d<b,c", "1a 2b 2c 3d " },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct result r;
        WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
        make(&r, rows[i].model);
        assert_int_equal(r.status, 0);
        for (size_t k = 0; k < r.plan.n_services; k++)
            wc_buf_printf(&text, "%u%s ", r.plan.services[k].wave,
                          r.plan.services[k].service->name);
        assert_string_equal(text.data, rows[i].order);
        wc_arena_deinit(&r.arena);
    }
}

static void cycles(void **state)
{
    (void)state;
    static const struct {
        const char *model, *message, *hint;
    } rows[] = {
        { "a<a", "dependency cycle: a -> a", "remove one of the edges: a -> a at c.yaml:1:5" },
        { "a<b b<c c<a", "dependency cycle: a -> b -> c -> a",
          "remove one of the edges: a -> b at c.yaml:1:5, b -> c at c.yaml:2:5, c -> a at "
          "c.yaml:3:5" },
        { "a<b b<c c<b d", "dependency cycle: b -> c -> b",
          "remove one of the edges: b -> c at c.yaml:2:5, c -> b at c.yaml:3:5" },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct result r;
        make(&r, rows[i].model);
        assert_int_equal(r.status, WC_ERR_SPEC);
        assert_int_equal(r.diags.n_errors, 1);
        assert_string_equal(r.diags.items[0].code, "E201");
        assert_string_equal(r.diags.items[0].msg, rows[i].message);
        assert_string_equal(r.diags.items[0].hint, rows[i].hint);
        wc_arena_deinit(&r.arena);
    }
}

static void every_cycle(void **state)
{
    struct result r;
    (void)state;
    make(&r, "a<b b<a c<d d<c e<a,c");
    assert_int_equal(r.status, WC_ERR_SPEC);
    assert_int_equal(r.diags.n_errors, 2);
    assert_string_equal(r.diags.items[1].msg, "dependency cycle: c -> d -> c");
    wc_arena_deinit(&r.arena);
}

static void shared_namespace(void **state)
{
    struct wc_arena arena;
    struct wc_graph graph;
    (void)state;
    wc_arena_init(&arena);
    struct wc_project *project = model(&arena, "a b c d");
    project->services[0].network_mode = WC_NETMODE_SERVICE;
    project->services[0].network_mode_service = "b";
    project->services[1].pid = "service:c";
    project->services[2].ipc = "host";
    wc_graph_make(project, &arena, &graph);
    assert_int_equal(graph.n_edges, 2);
    assert_int_equal(graph.edges[0].to, 1);
    assert_true(graph.edges[0].shares);
    assert_int_equal(graph.edges[1].to, 2);
    wc_arena_deinit(&arena);
}

/* A long chain and a wide star: linear, and no recursion. */
static void large(void **state)
{
    enum { N = 20000 };
    struct wc_arena arena;
    struct wc_diags diags;
    struct wc_plan plan;
    const struct wc_plan_host host = { 0 };
    (void)state;
    wc_arena_init(&arena);
    wc_diags_init(&diags, &arena);
    struct wc_project project = { .name = "p", .n_services = N };
    project.services = WC_NEW_ARRAY(&arena, struct wc_service, N);
    struct wc_dep *deps = WC_NEW_ARRAY(&arena, struct wc_dep, N);
    for (size_t i = 0; i < N; i++) {
        project.services[i].name = wc_arena_printf(&arena, "s%05zu", i);
        deps[i].service = project.services[i > 0 && i < N / 2 ? i - 1 : 0].name;
        project.services[i].deps = &deps[i];
        project.services[i].n_deps = i != 0;
    }
    assert_int_equal(wc_plan_make(&project, &host, &arena, &diags, &plan), 0);
    assert_int_equal(plan.n_waves, N / 2);
    project.services[0].n_deps = 1;
    deps[0].service = project.services[N / 2 - 1].name;
    assert_int_equal(wc_plan_make(&project, &host, &arena, &diags, &plan), WC_ERR_SPEC);
    wc_arena_deinit(&arena);
}

struct ask {
    enum wc_isolation isolation;
    enum wc_trust trust;
    bool host;
    enum wc_isolation level; /* DEFAULT: refused */
    const char *code;
};

static void isolation(void **state)
{
    (void)state;
    static const struct ask rows[] = {
        { WC_ISOLATION_DEFAULT, WC_TRUST_UNSET, false, WC_ISOLATION_PROCESS, "default" },
        { WC_ISOLATION_PROCESS, WC_TRUST_UNSET, true, WC_ISOLATION_PROCESS, "asked" },
        { WC_ISOLATION_HYPERV, WC_TRUST_UNSET, true, WC_ISOLATION_HYPERV, "asked" },
        { WC_ISOLATION_HYPERV, WC_TRUST_TRUSTED, false, WC_ISOLATION_DEFAULT, NULL },
        { WC_ISOLATION_DEFAULT, WC_TRUST_UNTRUSTED, true, WC_ISOLATION_HYPERV, "untrusted" },
        { WC_ISOLATION_DEFAULT, WC_TRUST_UNTRUSTED, false, WC_ISOLATION_DEFAULT, NULL },
        { WC_ISOLATION_DEFAULT, WC_TRUST_TRUSTED, true, WC_ISOLATION_PROCESS, "default" },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct result r;
        make(&r, "a");
        r.project->services[0].isolation = rows[i].isolation;
        r.project->services[0].isolation_at = (struct wc_loc){ "c.yaml", 7, 9 };
        r.project->services[0].trust = rows[i].trust;
        const struct wc_plan_host host = { .hyperv_usable = rows[i].host, .hyperv_why = "no KVM" };
        int status = wc_plan_make(r.project, &host, &r.arena, &r.diags, &r.plan);
        if (rows[i].level == WC_ISOLATION_DEFAULT) {
            assert_int_equal(status, WC_ERR_ISOLATION);
            assert_string_equal(r.diags.items[0].code, "E401");
            assert_non_null(strstr(r.diags.items[0].msg, "no KVM"));
            assert_true(r.diags.items[0].at.line > 0);
        } else {
            assert_int_equal(status, 0);
            assert_int_equal(r.plan.services[0].isolation.level, rows[i].level);
            assert_string_equal(r.plan.services[0].isolation.code, rows[i].code);
        }
        wc_arena_deinit(&r.arena);
    }
}

static void tenants(void **state)
{
    struct result r;
    (void)state;
    make(&r, "a b c");
    const struct wc_plan_host host = { .hyperv_usable = true };
    r.project->services[0].tenant = r.project->services[1].tenant = "red";
    assert_int_equal(wc_plan_make(r.project, &host, &r.arena, &r.diags, &r.plan), 0);
    assert_int_equal(r.plan.services[0].isolation.level, WC_ISOLATION_PROCESS);
    r.project->services[1].tenant = "blue";
    assert_int_equal(wc_plan_make(r.project, &host, &r.arena, &r.diags, &r.plan), 0);
    assert_int_equal(r.plan.services[0].isolation.level, WC_ISOLATION_HYPERV);
    assert_int_equal(r.plan.services[1].isolation.level, WC_ISOLATION_HYPERV);
    assert_int_equal(r.plan.services[2].isolation.level, WC_ISOLATION_PROCESS);
    assert_string_equal(r.plan.services[0].isolation.why,
                        "tenant red never shares a kernel with tenant blue");
    wc_arena_deinit(&r.arena);
}

/* What a file with other mistakes has: a dependency that isn't there; the cycle is found all the
 * same, and only what plan_check is about is said. */
static void check_of_a_broken_project(void **state)
{
    (void)state;
    struct wc_arena arena;
    struct wc_diags diags;
    wc_arena_init(&arena);
    wc_diags_init(&diags, &arena);
    struct wc_project *project = model(&arena, "a<b,nowhere b<a c<nowhere");
    project->services[2].isolation = WC_ISOLATION_HYPERV;
    wc_plan_check(project, &arena, &diags);
    assert_int_equal(diags.n, 1);
    assert_string_equal(diags.items[0].code, "E201");
    assert_non_null(strstr(diags.items[0].msg, "a -> b -> a"));
    wc_arena_deinit(&arena);
}

WC_MAIN(WC_CASE(waves), WC_CASE(cycles), WC_CASE(every_cycle), WC_CASE(check_of_a_broken_project),
        WC_CASE(shared_namespace), WC_CASE(large), WC_CASE(isolation), WC_CASE(tenants))
