/* archive.h - a tar archive at an https URL as a source (orchestrator/gitops, private). Contract:
 * wcompose/source.h. */
#ifndef ORCHESTRATOR_GITOPS_ARCHIVE_H
#define ORCHESTRATOR_GITOPS_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "wcompose/source.h"

/* The steps of wcompose/source.h. A fetch checks sum and signature before it unpacks anything, and
 * makes the checkout at once: trees/<id>. */
int wc_archive_look(const struct wc_app_source *source, const struct wc_source_place *place,
                    struct wc_revision *out, struct wc_err *err);
int wc_archive_fetch(const struct wc_app_source *source, const struct wc_source_place *place,
                     struct wc_revision *revision, struct wc_err *err);
int wc_archive_verify(const struct wc_app_source *source, const struct wc_source_place *place,
                      struct wc_revision *revision, struct wc_err *err);

/* Finds what tells one state of a URL from the next in the headers of an answer (of the last
 * answer, where there were redirections): "etag …" or "modified …" (pure). False: there is neither.
 */
bool wc_archive_read_mark(const char *headers, size_t len, char mark[256]);

#endif
