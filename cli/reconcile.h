/* reconcile.h - what the parts of `wcompose reconcile` share (private to cli/). */
#ifndef CLI_RECONCILE_H
#define CLI_RECONCILE_H

#include "base/paths.h"
#include "cli/cli.h"
#include "wcompose/gitops.h"

struct wc_cli_reconcile {
    struct wc_cli *cli;
    struct wc_paths paths;
    const char *file; /* of the agent; absolute */
    struct wc_agent agent;
    const char *app;  /* the one that is worked on, for lines; or NULL */
    int interrupt_fd; /* readable: whoever waits leaves; -1: none */
};

/* Reads the agent file; findings are printed. 0 or an exit status. */
int wc_reconcile_open(struct wc_cli *cli, struct wc_cli_reconcile *out);

/* What a pass needs of models, images and drivers. data is a struct wc_cli_reconcile. */
struct wc_gitops_ops wc_reconcile_ops(struct wc_cli_reconcile *reconcile);

/* reconcile_images.c: of struct wc_gitops_ops. */
int wc_reconcile_tags(void *data, const char *reference, struct wc_arena *arena,
                      struct wc_strv *out, struct wc_err *err);
void wc_reconcile_digests(void *data, struct wc_gitops_digest *asked, size_t n);
void wc_reconcile_pin(void *data, struct wc_project *project, const struct wc_gitops_images *images,
                      struct wc_buf *wire);

/* reconcile_show.c: words[0] is the verb. Exit statuses. */
int wc_reconcile_status(struct wc_cli_reconcile *reconcile);
int wc_reconcile_history(struct wc_cli_reconcile *reconcile);
int wc_reconcile_diff(struct wc_cli_reconcile *reconcile);

/* reconcile_events.c: the same. */
int wc_reconcile_events(struct wc_cli_reconcile *reconcile);

/* cmd_reconcile.c: SIGINT and SIGTERM become readable at the descriptor, which is the caller's. */
int wc_reconcile_signals(void);

/* The apps that words[from…] name; all where there are none. Names in the arena, *n of them; NULL
 * when one isn't there, which is printed. */
const struct wc_agent_app *const *wc_reconcile_apps(struct wc_cli_reconcile *reconcile, size_t from,
                                                    size_t *n);

/* load.c: wc_cli_plan with the findings added to *diags (sorted), nothing printed. */
int wc_cli_plan_quietly(struct wc_cli *cli, const struct wc_project *project,
                        struct wc_arena *arena, struct wc_diags *diags, struct wc_plan *out);

#endif
