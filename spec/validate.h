/* validate.h - what services say about each other and about networks and volumes (spec, private).
 */
#ifndef SPEC_VALIDATE_H
#define SPEC_VALIDATE_H

#include "spec/load.h"
#include "wcompose/model.h"

/* Reports what doesn't fit together. Drops dependencies that aren't required on services that are
 * off. root  the merged file, for the names of all services and the places of keys */
void wc_validate(struct wc_load *load, struct wc_project *project, const struct wc_node *root);

/* True for names of services, networks and volumes; reports E109 otherwise. */
bool wc_validate_key(struct wc_load *load, const struct wc_member *member, const char *what);

/* Where the source of a mount is written: in its long form behind `source`, else the mount itself.
 */
struct wc_loc wc_validate_source_at(const struct wc_service *s, const struct wc_mount *mount);

#endif
