/* outbox.h - what people are to be told, kept until it is taken (orchestrator/gitops, private).
 *
 * Idea:    one small file for each message to each one who is told: it is there whole, or not
 * there, and gone once it was taken. Beside it stands what each app's conditions were when they
 *          were last put here, so that a change which no agent saw is told by the next one.
 * Files:   lib/gitops/.outbox/ (0700): <when>-<id>.<to>, and in each app's directory: told.json.
 *          No app can have that name. Addresses aren't in it: `to` is a hash of who is told.
 * Owner:   the caller's arena. Threads: one process at a time, the agent. Blocks: on the disk.
 * Errors:  WC_ERR_IO, WC_ERR_PERM, WC_ERR_LIMIT.
 */
#ifndef ORCHESTRATOR_GITOPS_OUTBOX_H
#define ORCHESTRATOR_GITOPS_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "wcompose/gitops.h"
#include "wcompose/lists.h"

enum {
    WC_OUTBOX_TO = 16,     /* hex digits of who is told */
    WC_OUTBOX_MOST = 256,  /* messages for one who is told; the oldest goes for a new one */
    WC_OUTBOX_WHEN = 16,   /* hex digits of a time */
    WC_OUTBOX_BODY = 8192, /* bytes */
};

/* A message by its name. */
struct wc_outbox_name {
    int64_t at_ms; /* wall clock: when it was put */
    char id[WC_SHA256_HEX + 1], to[WC_OUTBOX_TO + 1];
};

/* The outbox of a host; arena-owned. */
const char *wc_outbox_dir(const struct wc_paths *paths, struct wc_arena *arena);

/* Who is told, as a hash of all that says who it is (not of the key). */
void wc_outbox_to(const struct wc_agent_notify *notify, char to[WC_OUTBOX_TO + 1]);

/* Writes a name, and reads one; false when it is none (pure). */
const char *wc_outbox_name(const struct wc_outbox_name *name, struct wc_arena *arena);
bool wc_outbox_read_name(const char *text, struct wc_outbox_name *out);

/* Keeps a message, durably; the directory is made. */
int wc_outbox_put(const char *dir, const char *name, const char *body, struct wc_err *err);

/* Lists what is kept, oldest first. What is no message (half-written ones of an agent that was
 * killed) is removed. No directory is an empty one. */
int wc_outbox_list(const char *dir, struct wc_arena *arena, struct wc_strv *out,
                   struct wc_err *err);

/* Gives a message's text. */
int wc_outbox_get(const char *dir, const char *name, struct wc_arena *arena, const char **body,
                  struct wc_err *err);

/* Forgets a message: it was taken. Absent is success. */
int wc_outbox_drop(const char *dir, const char *name, struct wc_err *err);

/* Removes what an agent that was killed had begun to write of it. */
void wc_told_sweep(const char *dir);

/* Reads what was last told of an app's conditions (status and reason of each); false when nothing
 * is known. `dir` is the app's (wc_gitops_dir). */
bool wc_told_read(const char *dir, struct wc_gitops_condition out[WC_GITOPS_CONDITIONS]);

/* Replaces it, durably. To be called after the messages were put: a kill between the two gives the
 * same messages again, with the same ids. */
int wc_told_write(const char *dir, const struct wc_gitops_condition told[WC_GITOPS_CONDITIONS],
                  struct wc_err *err);

#endif
