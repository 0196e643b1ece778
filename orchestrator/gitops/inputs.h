/* inputs.h - what a revision is judged by, as one hash (orchestrator/gitops, private). */
#ifndef ORCHESTRATOR_GITOPS_INPUTS_H
#define ORCHESTRATOR_GITOPS_INPUTS_H

#include "base/hash.h"
#include "wcompose/gitops.h"
#include "wcompose/source.h"

/* Hashes the app's settings that count, the contents of its keys and of the host's policy, and the
 * variables that it may use. Files that aren't there count as such: when they come, it is another
 * hash. Blocks for the reads. */
void wc_gitops_inputs(const struct wc_gitops_run *run, char hex[WC_SHA256_HEX + 1]);

/* The app's source as source.h wants it; borrows from the app. */
struct wc_app_source wc_gitops_source(const struct wc_agent_app *app);

/* runner.c: takes an app's lock, its directory is made. WC_ERR_CONFLICT: somebody has it. */
int wc_gitops_lock(const char *dir, int *fd, struct wc_err *err);

/* prune.c: writes down which agent file an app is followed for, before anything of it is applied.
 */
int wc_gitops_own(const char *dir, const char *file, struct wc_err *err);

/* record.c: adds a line to its history. */
void wc_gitops_record_add(struct wc_gitops_record *record, const struct wc_gitops_past *past,
                          struct wc_arena *arena);

/* holds.c: the first app that it waits for and that isn't Ready, or NULL. */
const char *wc_gitops_waits_for(const struct wc_gitops_run *run, struct wc_arena *arena);

/* holds.c: when its next window opens, on the wall's clock; 0 = one is open. */
int64_t wc_gitops_window_opens(const struct wc_agent_app *app, int64_t now_ms);

/* newest.c: the file that says that an app is suspended; arena-owned. */
const char *wc_gitops_suspended_path(const char *dir, struct wc_arena *arena);

/* tidy.c: removes checkouts and files of content that neither the record nor a generation that the
 * supervisor keeps uses. What can't be removed is left. */
void wc_gitops_tidy(const struct wc_gitops_run *run, const struct wc_gitops_record *record,
                    struct wc_arena *arena);

#endif
