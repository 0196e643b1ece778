/* graph.c - the graph is built twice over the same walk (count, then fill), so that it is two flat
 * arrays without a list per service; waves by Kahn's method; cycles by an iterative walk, because a
 * chain of a hundred thousand services must not become a hundred thousand stack frames.
 */
#include "orchestrator/core/graph.h"

#include "base/arena.h"
#include "base/map.h"
#include "base/str.h"

struct builder {
    const struct wc_project *project;
    struct wc_map index; /* name -> service */
    struct wc_graph *graph;
    bool fill;
    size_t n;
};

const char *wc_graph_shared_service(const char *text)
{
    if (text == NULL || !wc_str_starts(text, "service:"))
        return NULL;
    return text + strlen("service:");
}

static void add_edge(struct builder *b, size_t from, const char *to, struct wc_edge edge)
{
    const struct wc_service *target = to == NULL ? NULL : wc_map_get(&b->index, to);
    if (target == NULL)
        return;
    edge.from = from;
    edge.to = (size_t)(target - b->project->services);
    if (b->fill)
        b->graph->edges[b->n] = edge;
    b->n++;
}

static void add_edges_of(struct builder *b, size_t from)
{
    const struct wc_service *s = &b->project->services[from];
    for (size_t i = 0; i < s->n_deps; i++)
        add_edge(b, from, s->deps[i].service,
                 (struct wc_edge){ .condition = s->deps[i].condition,
                                   .required = s->deps[i].required,
                                   .restart = s->deps[i].restart,
                                   .at = s->deps[i].at });
    const struct wc_edge sharing = {
        .condition = WC_DEP_STARTED, .required = true, .shares = true, .at = s->at
    };
    if (s->network_mode == WC_NETMODE_SERVICE)
        add_edge(b, from, s->network_mode_service, sharing);
    add_edge(b, from, wc_graph_shared_service(s->pid), sharing);
    add_edge(b, from, wc_graph_shared_service(s->ipc), sharing);
}

static void walk(struct builder *b, bool fill)
{
    b->fill = fill;
    b->n = 0;
    for (size_t i = 0; i < b->project->n_services; i++) {
        if (fill)
            b->graph->first[i] = b->n;
        add_edges_of(b, i);
    }
    if (fill)
        b->graph->first[b->project->n_services] = b->n;
}

/* Groups the edges by target: a counting sort. */
static void reverse_edges(struct wc_graph *graph, struct wc_arena *arena)
{
    graph->dep_first = WC_NEW_ARRAY(arena, size_t, graph->n + 1);
    graph->dependents = WC_NEW_ARRAY(arena, size_t, graph->n_edges);
    size_t *at = WC_NEW_ARRAY(arena, size_t, graph->n + 1);
    for (size_t e = 0; e < graph->n_edges; e++)
        graph->dep_first[graph->edges[e].to + 1]++;
    for (size_t i = 0; i < graph->n; i++)
        graph->dep_first[i + 1] += graph->dep_first[i];
    for (size_t i = 0; i < graph->n; i++)
        at[i] = graph->dep_first[i];
    for (size_t e = 0; e < graph->n_edges; e++)
        graph->dependents[at[graph->edges[e].to]++] = e;
}

void wc_graph_make(const struct wc_project *project, struct wc_arena *arena, struct wc_graph *out)
{
    struct builder b = { .project = project, .graph = out };
    *out = (struct wc_graph){ .n = project->n_services };
    wc_map_init(&b.index, arena);
    for (size_t i = 0; i < project->n_services; i++)
        wc_map_put(&b.index, project->services[i].name, &project->services[i]);
    walk(&b, false);
    out->n_edges = b.n;
    out->edges = WC_NEW_ARRAY(arena, struct wc_edge, b.n);
    out->first = WC_NEW_ARRAY(arena, size_t, out->n + 1);
    walk(&b, true);
    reverse_edges(out, arena);
}

unsigned wc_graph_waves(const struct wc_graph *graph, struct wc_arena *arena, unsigned *waves)
{
    size_t *missing = WC_NEW_ARRAY(arena, size_t, graph->n); /* edges not yet satisfied */
    size_t *queue = WC_NEW_ARRAY(arena, size_t, graph->n);
    size_t head = 0, tail = 0;
    unsigned highest = 0;
    for (size_t i = 0; i < graph->n; i++) {
        for (size_t e = graph->first[i]; e < graph->first[i + 1]; e++)
            missing[i] += waves[graph->edges[e].to] == 0;
        if (missing[i] == 0 && waves[i] == 0)
            queue[tail++] = i;
    }
    while (head < tail) {
        size_t i = queue[head++];
        unsigned wave = 0;
        for (size_t e = graph->first[i]; e < graph->first[i + 1]; e++)
            if (waves[graph->edges[e].to] > wave)
                wave = waves[graph->edges[e].to];
        waves[i] = wave + 1;
        if (waves[i] > highest)
            highest = waves[i];
        for (size_t d = graph->dep_first[i]; d < graph->dep_first[i + 1]; d++) {
            size_t dependent = graph->edges[graph->dependents[d]].from;
            if (--missing[dependent] == 0 && waves[dependent] == 0)
                queue[tail++] = dependent;
        }
    }
    return highest;
}

/* The first edge of i that leads to another service without a wave; n_edges when none does. */
static size_t open_edge(const struct wc_graph *graph, const unsigned *waves, size_t i)
{
    for (size_t e = graph->first[i]; e < graph->first[i + 1]; e++)
        if (waves[graph->edges[e].to] == 0)
            return e;
    return graph->n_edges;
}

void wc_graph_spread(const struct wc_graph *graph, struct wc_arena *arena, bool *selected,
                     bool to_needed)
{
    size_t *queue = WC_NEW_ARRAY(arena, size_t, graph->n);
    size_t head = 0, tail = 0;
    for (size_t i = 0; i < graph->n; i++)
        if (selected[i])
            queue[tail++] = i;
    while (head < tail) {
        size_t node = queue[head++];
        const size_t *first = to_needed ? graph->first : graph->dep_first;
        for (size_t k = first[node]; k < first[node + 1]; k++) {
            const struct wc_edge *edge = &graph->edges[to_needed ? k : graph->dependents[k]];
            size_t other = to_needed ? edge->to : edge->from;
            if (selected[other] || (!to_needed && !edge->restart))
                continue;
            selected[other] = true;
            queue[tail++] = other;
        }
    }
}

size_t wc_graph_cycle(const struct wc_graph *graph, struct wc_arena *arena, const unsigned *waves,
                      size_t *edges)
{
    /* A service without a wave needs one without a wave; following such edges must come back. */
    size_t *seen_at = WC_NEW_ARRAY(arena, size_t, graph->n); /* 1 + position in path, 0 = not yet */
    size_t start = 0, n = 0;
    while (start < graph->n && waves[start] != 0)
        start++;
    if (start == graph->n)
        return 0;
    for (size_t i = start; seen_at[i] == 0; n++) {
        seen_at[i] = n + 1;
        edges[n] = open_edge(graph, waves, i);
        if (edges[n] == graph->n_edges)
            return 0;
        start = i = graph->edges[edges[n]].to;
    }
    size_t skip = seen_at[start] - 1; /* the way to the cycle is no part of it */
    for (size_t k = skip; k < n; k++)
        edges[k - skip] = edges[k];
    return n - skip;
}
