/* own.h - what x-wcompose says beside services, and places of what it says of them (spec, private).
 */
#ifndef SPEC_OWN_H
#define SPEC_OWN_H

#include "spec/load.h"
#include "wcompose/model.h"

/* Fills policy, tenants, production and may_raise of the project. Of what active profiles say, the
 * last holds; of production, whichever says it. root  the merged file */
void wc_own_settle(struct wc_load *load, const struct wc_node *root, struct wc_project *project);

/* Fills in where trust and tenant stand. node  the service's long form */
void wc_own_places(struct wc_service *service, const struct wc_node *node);

/* Decodes a list of rules in long form. where  names the list */
void wc_own_rules(struct wc_load *load, const struct wc_node *list, const struct wc_where *where,
                  struct wc_policy *out);

/* What of the top level's x-wcompose still holds when its profiles are applied: a map, or NULL when
 * nothing does. */
struct wc_node *wc_own_canonical(struct wc_load *load, const struct wc_project *project,
                                 const struct wc_node *root);

#endif
