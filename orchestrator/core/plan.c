/* plan.c - the order in which a project starts, with the level of each service and the reason. All
 * findings are reported, not the first: each separate cycle, each demand that can't be kept.
 */
#include "wcompose/plan.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "orchestrator/core/graph.h"
#include "orchestrator/core/levels.h"

struct planner {
    const struct wc_project *project;
    struct wc_arena *arena;
    struct wc_diags *diags;
    struct wc_graph graph;
    unsigned *waves;
};

static const char *name_of(const struct planner *p, size_t i)
{
    return p->project->services[i].name;
}

/* Edges of a cycle that are listed before the one that closes it. */
enum { CYCLE_SHOWN = 8 };

/* One diagnostic for a cycle: the whole round as message, the places of all edges as hint. */
static void report_cycle(struct planner *p, const size_t *edges, size_t n)
{
    WC_CLEANUP_BUF struct wc_buf round = WC_BUF_INIT;
    WC_CLEANUP_BUF struct wc_buf places = WC_BUF_INIT;
    for (size_t i = 0; i < n; i++) {
        const struct wc_edge *e = &p->graph.edges[edges[i]];
        if (i == CYCLE_SHOWN && n > CYCLE_SHOWN + 1) { /* the last edge closes it */
            wc_buf_printf(&round, "(%zu more) -> ", n - 1 - i);
            wc_buf_printf(&places, ", (%zu more)", n - 1 - i);
            i = n - 2;
            continue;
        }
        wc_buf_printf(&round, "%s -> ", name_of(p, e->from));
        wc_buf_printf(&places, "%s%s -> %s", i == 0 ? "" : ", ", name_of(p, e->from),
                      name_of(p, e->to));
        if (e->at.file != NULL)
            wc_buf_printf(&places, " at %s:%u:%u", e->at.file, e->at.line, e->at.col);
    }
    wc_buf_adds(&round, name_of(p, p->graph.edges[edges[0]].from));
    const struct wc_edge *first = &p->graph.edges[edges[0]], *last = &p->graph.edges[edges[n - 1]];
    struct wc_diag *diag = wc_diags_add(p->diags, WC_SEVERITY_ERROR, "E201", first->at,
                                        "dependency cycle: %s", round.data);
    diag->span = (unsigned)strlen(name_of(p, first->to));
    diag->hint = wc_arena_printf(p->arena, "remove one of the edges: %s", places.data);
    if (n > 1) {
        diag->related = last->at;
        diag->related_label = wc_arena_printf(p->arena, "%s needs %s here", name_of(p, last->from),
                                              name_of(p, last->to));
    }
}

/* Reports every separate cycle; one that is reported counts as ordered from then on. */
static int check_cycles(struct planner *p)
{
    size_t *edges = WC_NEW_ARRAY(p->arena, size_t, p->graph.n + 1);
    int status = 0;
    size_t n;
    while (p->diags->n_errors < WC_DIAGS_MAX &&
           (n = wc_graph_cycle(&p->graph, p->arena, p->waves, edges)) != 0) {
        report_cycle(p, edges, n);
        for (size_t i = 0; i < n; i++)
            p->waves[p->graph.edges[edges[i]].from] = 1;
        status = WC_ERR_SPEC;
        (void)wc_graph_waves(&p->graph, p->arena, p->waves); /* frees what hangs on it */
    }
    return status;
}

/* Services sorted by wave, by name within one: the project is sorted by name, so a counting sort by
 * wave is enough. */
static void fill(const struct planner *p, const struct wc_isolation_choice *choices,
                 struct wc_plan *out)
{
    size_t *at = WC_NEW_ARRAY(p->arena, size_t, out->n_waves + 2);
    for (size_t i = 0; i < out->n_services; i++)
        at[p->waves[i] + 1]++;
    for (size_t w = 1; w < out->n_waves + 2; w++)
        at[w] += at[w - 1];
    for (size_t i = 0; i < out->n_services; i++)
        out->services[at[p->waves[i]]++] =
            (struct wc_plan_service){ &p->project->services[i], p->waves[i], choices[i] };
}

void wc_plan_check(const struct wc_project *project, struct wc_arena *arena, struct wc_diags *diags)
{
    struct planner p = { project, arena, diags, { 0 }, NULL };
    wc_graph_make(project, arena, &p.graph);
    p.waves = WC_NEW_ARRAY(arena, unsigned, p.graph.n);
    (void)wc_graph_waves(&p.graph, arena, p.waves);
    (void)check_cycles(&p);
}

int wc_plan_make(const struct wc_project *project, const struct wc_plan_host *host,
                 struct wc_arena *arena, struct wc_diags *diags, struct wc_plan *out)
{
    struct planner p = { project, arena, diags, { 0 }, NULL };
    struct wc_plan plan = { .n_services = project->n_services };
    wc_graph_make(project, arena, &p.graph);
    p.waves = WC_NEW_ARRAY(arena, unsigned, p.graph.n);
    plan.n_waves = wc_graph_waves(&p.graph, arena, p.waves);
    plan.services = WC_NEW_ARRAY(arena, struct wc_plan_service, plan.n_services);
    struct wc_isolation_choice *choices =
        WC_NEW_ARRAY(arena, struct wc_isolation_choice, plan.n_services);
    int cycles = check_cycles(&p), levels = wc_levels_choose(project, host, arena, diags, choices);
    if (cycles != 0)
        return cycles;
    if (levels != 0)
        return levels;
    fill(&p, choices, &plan);
    *out = plan;
    return 0;
}
