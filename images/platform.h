/* platform.h - which of an image's platforms is wanted, and which of them that is (images, pure but
 * for the host's own).
 *
 * Idea:    an image index names an image for each platform; one rule chooses, so that a pull, a
 * load from an archive and `platform:` can't disagree. Owner:   strings are in the caller's arena
 * or literals. Threads: any. Blocks: never. Source:  OCI Image Format Specification 1.0,
 * image-index ("platform"); Go's names of systems and architectures.
 */
#ifndef IMAGES_PLATFORM_H
#define IMAGES_PLATFORM_H

#include <stdbool.h>

#include "images/manifest.h"

struct wc_platform {
    const char *os, *architecture;
    const char *variant, *os_version; /* NULL: any that can run */
    struct wc_strv os_features;       /* what the host has */
    bool asked;                       /* by somebody: another one is no substitute */
};

/* This machine's. */
void wc_platform_host(struct wc_platform *out);

/* Reads "linux/arm64/v8", "linux/amd64", or an architecture or system alone, what is missing being
 * this machine's. Returns 0 or WC_ERR_SPEC. */
int wc_platform_parse(struct wc_arena *arena, const char *text, struct wc_platform *out,
                      struct wc_err *err);

/* As wc_platform_parse; this machine's when `text` is NULL or empty, as `platform:` has it. */
int wc_platform_wanted(struct wc_arena *arena, const char *text, struct wc_platform *out,
                       struct wc_err *err);

/* "linux/arm64/v8". */
const char *wc_platform_text(struct wc_arena *arena, const struct wc_platform *platform);

/* The same, with equal texts for equal platforms: no variant where it is the usual one (arm64's v8,
 * amd64's v1), "v7" for arm without one. */
const char *wc_platform_usual(struct wc_arena *arena, const struct wc_platform *platform);

/* True when an image of that system, architecture and variant (may be NULL) is what is wanted. */
bool wc_platform_fits(const struct wc_platform *wanted, const char *os, const char *architecture,
                      const char *variant);

/* How well an image of the platform `text` (as wc_platform_usual) is what is wanted: the higher the
 * better, 0 = not at all. */
int wc_platform_rank(struct wc_arena *arena, const struct wc_platform *wanted, const char *text);

/* Picks from an index ("manifests"): the variant that is best of those that can run; where nothing
 * was asked for, else a related architecture's that can run here, or the only one there is. Returns
 * 0, WC_ERR_NOENT (the message lists what there is), WC_ERR_SPEC (no index). */
int wc_platform_pick(struct wc_arena *arena, const struct wc_json *index,
                     const struct wc_platform *wanted, struct wc_desc *out, struct wc_err *err);

#endif
