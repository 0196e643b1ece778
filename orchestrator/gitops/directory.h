/* directory.h - a directory on this host as a source (orchestrator/gitops, private). Contract:
 * wcompose/source.h. Who may write it decides what runs: it must be root's or ours, and nobody
 * else's to write. */
#ifndef ORCHESTRATOR_GITOPS_DIRECTORY_H
#define ORCHESTRATOR_GITOPS_DIRECTORY_H

#include "wcompose/source.h"

/* The steps of wcompose/source.h. A fetch makes the checkout at once: trees/<id>. */
int wc_directory_look(const struct wc_app_source *source, const struct wc_source_place *place,
                      struct wc_revision *out, struct wc_err *err);
int wc_directory_fetch(const struct wc_app_source *source, const struct wc_source_place *place,
                       struct wc_revision *revision, struct wc_err *err);

#endif
