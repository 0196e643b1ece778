/* graph.h - who needs whom (orchestrator/core, pure).
 *
 * Idea:    a project as numbers: services are indices, edges two compact arrays, one per direction,
 *          so that every walk over it is linear in services and edges. depends_on and sharing of a
 *          namespace (network_mode, pid, ipc: service:x) are edges alike.
 * Owner:   the arena given to wc_graph_make; names and places are borrowed from the project.
 * Threads: a value. Errors: none; an edge to a service that the project lacks is left out (spec/
 *          reports the required ones).
 * Source:  Compose Specification, "depends_on", "network_mode", "pid", "ipc".
 */
#ifndef ORCHESTRATOR_CORE_GRAPH_H
#define ORCHESTRATOR_CORE_GRAPH_H

#include <stddef.h>

#include "wcompose/model.h"

struct wc_arena;

/* service `from` needs service `to`; indices into project->services. */
struct wc_edge {
    size_t from, to;
    enum wc_dep_condition condition;
    bool required, restart;
    bool shares; /* by a namespace, not by depends_on */
    struct wc_loc at;
};

struct wc_graph {
    size_t n;              /* services */
    struct wc_edge *edges; /* sorted by from, in file order within one service */
    size_t n_edges;
    size_t *first;      /* n + 1 entries: edges of service i are first[i] .. first[i + 1] */
    size_t *dependents; /* edge indices, grouped by `to` */
    size_t *dep_first;  /* n + 1 entries: edges to service i are dependents[dep_first[i]] … */
};

/* Builds the graph of a project. */
void wc_graph_make(const struct wc_project *project, struct wc_arena *arena, struct wc_graph *out);

/* Gives each service its wave: 1 + the highest wave of what it needs, 0 for those on or behind a
 * cycle.
 *   waves  n entries; 0 = to be found, anything else is taken as given
 * Returns the highest wave found.
 */
unsigned wc_graph_waves(const struct wc_graph *graph, struct wc_arena *arena, unsigned *waves);

/* Selects along edges: what the selected services need (to_needed), or else what needs them by
 * `restart: true`; and so on. Each edge is looked at once.
 *   selected  n entries, read and written
 */
void wc_graph_spread(const struct wc_graph *graph, struct wc_arena *arena, bool *selected,
                     bool to_needed);

/* Finds a cycle among the services whose wave is 0.
 *   edges  n entries, written: indices of the edges in order round the cycle
 * Returns the number of edges, 0 when there is no cycle.
 */
size_t wc_graph_cycle(const struct wc_graph *graph, struct wc_arena *arena, const unsigned *waves,
                      size_t *edges);

/* Returns x of "service:x", or NULL for anything else (NULL included). Borrowed from `text`. */
const char *wc_graph_shared_service(const char *text);

#endif
