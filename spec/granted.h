/* granted.h - options.grant: what a restricted source's services may have of the host (spec,
 * private). */
#ifndef SPEC_GRANTED_H
#define SPEC_GRANTED_H

#include "spec/load.h"
#include "wcompose/model.h"

/* How an attribute of a service is held to the grant. */
enum wc_reach {
    WC_REACH_INSIDE,  /* it stays in the containers, or is checked by another rule */
    WC_REACH_NEVER,   /* it reaches the host, and can't be granted */
    WC_REACH_CHECKED, /* it depends on the value */
    WC_REACH_UNKNOWN, /* nobody has thought about it */
};

/* Looks an attribute of a service up (pure). */
enum wc_reach wc_granted_reach(const char *key);

/* Reports E117 for what the services that remain, and the networks and volumes that they use, would
 * have of the host without a grant. Nothing when options.grant is NULL. */
void wc_granted_check(struct wc_load *load, const struct wc_project *project);

/* granted_limits.c: the same of what all of them may use together; options.grant is given. */
void wc_granted_check_limits(struct wc_load *load, const struct wc_project *project);

#endif
