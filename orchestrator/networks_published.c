/* networks_published.c - which ports of the host lead to a project's replicas, as it was assigned.
 *
 * The file says what was asked for, which may be any port of a range or any at all; the registry
 * says what came of it.
 */
#include "orchestrator/networks_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/paths.h"
#include "base/str.h"
#include "wcompose/client.h"

static int compare(const void *a, const void *b)
{
    const struct wc_published *x = a, *y = b;
    int order = strcmp(x->service, y->service);
    if (order == 0)
        order = (x->index > y->index) - (x->index < y->index);
    if (order == 0)
        order = (x->target_port > y->target_port) - (x->target_port < y->target_port);
    if (order == 0)
        order = (x->host_port > y->host_port) - (x->host_port < y->host_port);
    return order != 0 ? order : (int)x->proto - (int)y->proto;
}

int wc_client_published(const struct wc_paths *paths, const char *project, struct wc_arena *arena,
                        struct wc_published **out, size_t *n, struct wc_err *err)
{
    struct wc_networks_work w = { .arena = arena, .err = err };
    *n = 0;
    *out = NULL;
    int rc = wc_registry_read_claims(&w, wc_arena_printf(arena, "%s/networks", paths->lib));
    if (rc != 0)
        return rc;
    *out = WC_NEW_ARRAY(arena, struct wc_published, w.n_claims);
    for (size_t i = 0; i < w.n_claims; i++) {
        const struct wc_port_claim *claim = &w.claims[i];
        if (wc_streq(claim->project, project))
            (*out)[(*n)++] = (struct wc_published){ .service = claim->service,
                                                    .index = claim->index,
                                                    .host_ip4 = claim->host_ip4,
                                                    .host_port = claim->host_port,
                                                    .target_port = claim->target_port,
                                                    .proto = claim->proto };
    }
    if (*n > 1)
        qsort(*out, *n, sizeof **out, compare);
    return 0;
}

size_t wc_published_of(const struct wc_published *all, size_t n, const char *service,
                       unsigned index)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int order = strcmp(all[mid].service, service);
        if (order < 0 || (order == 0 && all[mid].index < index))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}
