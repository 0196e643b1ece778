/* deps.c - dependency conditions as comparisons of counts. */
#include "orchestrator/core/deps.h"

static enum wc_deps judge(enum wc_dep_condition condition, const struct wc_dep_view *view)
{
    if (view->wanted == 0)
        return view->replicas == 0 ? WC_DEPS_READY : WC_DEPS_BLOCKED;
    switch (condition) {
    case WC_DEP_STARTED:
        if (view->started >= view->wanted)
            return WC_DEPS_READY;
        break;
    case WC_DEP_HEALTHY:
        if (view->healthy >= view->wanted)
            return WC_DEPS_READY;
        if (view->unhealthy > 0 || view->unchecked > 0 || view->completed > 0)
            return WC_DEPS_BLOCKED;
        break;
    case WC_DEP_COMPLETED:
        if (view->completed >= view->wanted)
            return WC_DEPS_READY;
        break;
    }
    return view->failed > 0 ? WC_DEPS_BLOCKED : WC_DEPS_WAIT;
}

enum wc_deps wc_deps_condition(enum wc_dep_condition condition, bool required,
                               const struct wc_dep_view *view)
{
    enum wc_deps state = judge(condition, view);
    return state == WC_DEPS_BLOCKED && !required ? WC_DEPS_READY : state;
}

struct wc_deps_answer wc_deps_judge(const struct wc_graph *graph, size_t from,
                                    const struct wc_dep_view *views)
{
    struct wc_deps_answer answer = { WC_DEPS_READY, NULL };
    for (size_t e = graph->first[from]; e < graph->first[from + 1]; e++) {
        const struct wc_edge *edge = &graph->edges[e];
        enum wc_deps state = wc_deps_condition(edge->condition, edge->required, &views[edge->to]);
        if (state == WC_DEPS_BLOCKED)
            return (struct wc_deps_answer){ state, edge };
        if (state == WC_DEPS_WAIT && answer.edge == NULL)
            answer = (struct wc_deps_answer){ state, edge };
    }
    return answer;
}
