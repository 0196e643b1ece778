/* images.h - the images of an app whose tags are followed (orchestrator/gitops, private).
 *
 * Idea:    the registries are asked, what they say is written down beside the memory, and what is
 *          applied has digests; the decision sees a hash of them.
 * Owner:   everything lives in the arena given; nothing of it is changed but what is named.
 * Threads: any. Blocks: wc_gitops_ask only.
 */
#ifndef ORCHESTRATOR_GITOPS_IMAGES_H
#define ORCHESTRATOR_GITOPS_IMAGES_H

#include "base/hash.h"
#include "wcompose/gitops.h"

/* The images of a project that the app's policy follows, without what they stand for: those of
 * services that run, aren't built, are named by a tag, and may be pulled. */
struct wc_gitops_images wc_gitops_images_of(const struct wc_agent_images *policy,
                                            const struct wc_project *project,
                                            struct wc_arena *arena);

/* Fills in what is known of the same images. True when that is all of them. */
bool wc_gitops_images_fill(struct wc_gitops_images *images, const struct wc_gitops_images *known);

/* Asks the registries what they stand for now; one that isn't told stays as it is. Returns 0; else
 * the first error, with the service's name: WC_ERR_CANCELLED, WC_ERR_NOENT (no such tag, or none
 * in the range) … */
int wc_gitops_ask(const struct wc_gitops_run *run, struct wc_gitops_images *images,
                  struct wc_arena *arena, struct wc_err *err);

/* True when all of them stand for something. */
bool wc_gitops_images_whole(const struct wc_gitops_images *images);

/* Hash of the names and digests, for struct wc_gitops_key. */
void wc_gitops_images_hash(const struct wc_gitops_images *images, char hex[WC_SHA256_HEX + 1]);

/* "image web 1.4.2 -> 1.4.3 (sha256:0123456789ab)", one after the other; "" when none differs. */
const char *wc_gitops_images_change(const struct wc_gitops_images *from,
                                    const struct wc_gitops_images *to, struct wc_arena *arena);

/* Those that are as in `before` are so since then, the others since now_ms. */
void wc_gitops_images_date(struct wc_gitops_images *images, const struct wc_gitops_images *before,
                           int64_t now_ms);

#endif
