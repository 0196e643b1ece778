/* desired.h - from services to the instances that should exist (orchestrator/core, pure).
 *
 * Idea:    names are derived, never invented: the same service and image give the same id, so
 * making an instance twice is making it once, and nothing is ever renamed. Owner:   the arena;
 * services, images and the project are borrowed. Threads: none. Errors: none.
 */
#ifndef ORCHESTRATOR_CORE_DESIRED_H
#define ORCHESTRATOR_CORE_DESIRED_H

#include <stddef.h>

#include "wcompose/state.h"

struct wc_arena;

/* Writes the hash of an instance: 32 digits for the service, 32 for the image, so that diff.h can
 * tell which of the two changed.
 *   image_id  NULL = no image is known
 */
void wc_desired_hash(const char *spec_hash, const char *image_id, char hash[65]);

/* Writes the name that users see ("shop-web-1", or container_name) and the id with the hash. */
const char *wc_desired_name(const struct wc_project *project, const struct wc_service *service,
                            unsigned index, struct wc_arena *arena);
const char *wc_desired_id(const struct wc_project *project, const struct wc_service *service,
                          unsigned index, const char hash[65], struct wc_arena *arena);

/* Fills one instance but for level, nets and join_instance.
 *   image  may be NULL
 */
void wc_desired_fill(const struct wc_project *project, const struct wc_service *service,
                     unsigned index, const struct wc_image_info *image, struct wc_arena *arena,
                     struct wc_instance *out);

#endif
