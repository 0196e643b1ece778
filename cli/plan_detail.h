/* plan_detail.h - what a plan changes, field by field, what that costs, and what takes longest
 * (cli, layer 5, pure).
 *
 * Idea:    the actions come from the dry run (wcompose/preview.h); here they are put beside the
 *          difference between the model in force and the file, and beside how long things took the
 *          last time, as far as the supervisor remembers.
 * Owner:   everything that comes out lives in the arena or is borrowed from what went in.
 * Threads: any. Errors: none; what isn't known is said to be unknown.
 */
#ifndef CLI_PLAN_DETAIL_H
#define CLI_PLAN_DETAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wcompose/client.h"
#include "wcompose/err.h"
#include "wcompose/preview.h"

struct wc_arena;
struct wc_buf;
struct wc_jsonw;
struct wc_style;

struct wc_plan_detail_in {
    const struct wc_project *before; /* the model in force; NULL: none */
    const struct wc_project *after;
    const struct wc_preview *preview;
    const struct wc_ps *ps; /* with detail */
    bool whole;             /* `after` is all of the project, not some services of it */
};

/* One field. */
struct wc_plan_change {
    const char *field;          /* "environment.LEVEL"; of the project: "networks.front.internal" */
    const char *before, *after; /* JSON; NULL: not there; "\"(hidden)\"" for what may be secret */
    struct wc_loc at;           /* file NULL: no place */
};

/* One service that isn't left alone. */
struct wc_plan_detail_service {
    const char *service;
    const char *how; /* "replace", "restart", "in place", …: the preview's word where it has one */
    struct wc_plan_change *changes;
    size_t n;
    bool one_by_one;  /* by a rollout: replicas change in turn */
    bool goes_down;   /* something of it runs now, and is stopped first */
    int64_t grace_ms; /* the longest that stopping takes, as the file says */
    int64_t start_ms; /* from the start to ready, the last time; WC_UNSET: not known */
};

/* One link of the critical path. */
struct wc_plan_link {
    const char *service,
        *until; /* "started", "healthy", "completed": what the next one waits for */
    int64_t ms; /* that it took the last time; WC_UNSET: not known */
};

struct wc_plan_detail {
    struct wc_plan_detail_service *services; /* in the preview's order */
    size_t n;
    struct wc_plan_change *project; /* what isn't of a service */
    size_t n_project;
    struct wc_plan_link *path; /* of those that are started, the chain that takes longest */
    size_t n_path;
    int64_t known_ms; /* sum of the known ones */
};

void wc_plan_detail_make(const struct wc_plan_detail_in *in, struct wc_arena *arena,
                         struct wc_plan_detail *out);

/* plan_detail_text.c: below the plan's table; members of its JSON object. */
void wc_plan_detail_text(const struct wc_plan_detail *detail, const struct wc_style *style,
                         const char *cwd, struct wc_buf *out);
void wc_plan_detail_json(const struct wc_plan_detail *detail, struct wc_jsonw *w);

#endif
