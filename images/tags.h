/* tags.h - what a registry says of the tags of a repository (images, pure).
 *
 * Idea:    a page is JSON and a header that leads to the next one. Nobody is believed: what is no
 *          tag is left out, and of the header only its question is taken, so that it can't lead to
 *          another host or another repository.
 * Owner:   the arena given. Threads: any. Blocks: never.
 * Source:  OCI Distribution Specification 1.1, "Content Discovery", "Listing Tags"; RFC 8288.
 */
#ifndef IMAGES_TAGS_H
#define IMAGES_TAGS_H

#include <stddef.h>

#include "wcompose/err.h"
#include "wcompose/lists.h"

struct wc_arena;

/* Appends the tags of one page. 0 or WC_ERR_SPEC: it is no such page. */
int wc_tags_read(struct wc_arena *arena, const char *text, size_t len, struct wc_strv *out,
                 struct wc_err *err);

/* What is to be asked for next: "tags/list?last=…", by a Link header; NULL when there is no more,
 * or when it says nothing that could be asked. */
const char *wc_tags_next(struct wc_arena *arena, const char *link);

#endif
