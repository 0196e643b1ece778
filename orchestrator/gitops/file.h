/* file.h - one file on this host as a source: a Compose file that needs nothing beside it
 * (orchestrator/gitops, private). Contract: wcompose/source.h. Who may write it decides what runs:
 * it must be root's or ours, and nobody else's to write. */
#ifndef ORCHESTRATOR_GITOPS_FILE_H
#define ORCHESTRATOR_GITOPS_FILE_H

#include "wcompose/source.h"

/* The steps of wcompose/source.h. A fetch makes the checkout at once: trees/<id>, with the file in
 * it under its own name. A link is followed: what is believed, and watched for change, is the file
 * that it leads to. */
int wc_file_look(const struct wc_app_source *source, const struct wc_source_place *place,
                 struct wc_revision *out, struct wc_err *err);
int wc_file_fetch(const struct wc_app_source *source, const struct wc_source_place *place,
                  struct wc_revision *revision, struct wc_err *err);

/* The name of the last part of a path: what the file is called in its checkout. */
const char *wc_file_name(const char *path);

#endif
