/* deps.h - whether what a service needs is there (orchestrator/core, pure).
 *
 * Idea:    counts, not events: a service looks to those who need it like seven numbers, and a
 * condition is a comparison of two of them. A service without replicas is not waited for.
 * Threads: none. Errors: none.
 * Source:  Compose Specification, "depends_on", long syntax.
 */
#ifndef ORCHESTRATOR_CORE_DEPS_H
#define ORCHESTRATOR_CORE_DEPS_H

#include <stdbool.h>
#include <stddef.h>

#include "orchestrator/core/graph.h"

/* What a service looks like from outside; counts of its wanted instances. */
struct wc_dep_view {
    unsigned replicas;  /* that the model has; with wanted 0 they are not to be there */
    unsigned wanted;    /* replicas that are to be there */
    unsigned started;   /* running, or completed */
    unsigned healthy;   /* running with a check that passed */
    unsigned unhealthy; /* running with a check that failed */
    unsigned unchecked; /* running without a check */
    unsigned completed; /* ended with 0 */
    unsigned failed;    /* will not come any further by itself */
};

enum wc_deps { WC_DEPS_READY, WC_DEPS_WAIT, WC_DEPS_BLOCKED };

/* Judges one condition. What isn't required doesn't block: it counts as ready once it can't come.
 */
enum wc_deps wc_deps_condition(enum wc_dep_condition condition, bool required,
                               const struct wc_dep_view *view);

struct wc_deps_answer {
    enum wc_deps state;
    const struct wc_edge *edge; /* the first that isn't ready; NULL when READY */
};

/* Judges all needs of service `from`.
 *   views  one for each service of the graph
 */
struct wc_deps_answer wc_deps_judge(const struct wc_graph *graph, size_t from,
                                    const struct wc_dep_view *views);

#endif
