/* rules.h - which rules are about a service (orchestrator/core, pure). */
#ifndef ORCHESTRATOR_CORE_RULES_H
#define ORCHESTRATOR_CORE_RULES_H

#include <stdbool.h>

#include "wcompose/model.h"

struct wc_arena;

/* True when all that the rule says of services holds for this one. */
bool wc_rule_matches(const struct wc_rule *rule, const struct wc_project *project,
                     const struct wc_service *service, struct wc_arena *arena);

/* A tenant of the project other than the service's own, or NULL: it has none, or is the only one.
 */
const char *wc_rule_other_tenant(const struct wc_project *project,
                                 const struct wc_service *service);

/* The full name of an image: "docker.io/library/nginx:latest" for "nginx". From the arena. */
const char *wc_rule_image(const char *written, struct wc_arena *arena);

#endif
