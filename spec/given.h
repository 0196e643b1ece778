/* given.h - the configs and secrets that services are given (spec, private).
 *
 * Source:  Compose Specification, 05-services.md#configs and #secrets, 08-configs.md,
 * 09-secrets.md; where the content is a file, it is bound, as docker compose does it.
 */
#ifndef SPEC_GIVEN_H
#define SPEC_GIVEN_H

#include "spec/load.h"
#include "wcompose/model.h"

/* Adds a mount for each to the services that remain, and the secrets of their builds; reports what
 * can't be had: external ones, those of a driver, and variables that aren't set (E107; not with
 * options.only_shown). */
void wc_given_settle(struct wc_load *load, struct wc_project *project, const struct wc_node *root);

#endif
