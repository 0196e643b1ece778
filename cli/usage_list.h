/* usage_list.h - running instances and what they use, for top and stats (private to cli/).
 *
 * Owner:   rows live in the arena. Threads: one.
 */
#ifndef CLI_USAGE_LIST_H
#define CLI_USAGE_LIST_H

#include "base/paths.h"
#include "cli/cli.h"
#include "wcompose/client.h"
#include "wcompose/usage.h"
#include "wcompose/vm_usage.h"

/* The project that the command line names. */
struct wc_usage_target {
    struct wc_paths paths;
    const char *project;
};

/* Finds it, and checks the services that are named. 0 or an exit status, printed. */
int wc_usage_target(struct wc_cli *cli, struct wc_usage_target *out);

/* Lists the instances of the named services (all without a name) that run, into `arena`. 0 or an
 * exit status, printed. */
int wc_usage_running(struct wc_cli *cli, const struct wc_usage_target *target,
                     struct wc_arena *arena, struct wc_ps *out);

/* What one instance uses. */
struct wc_usage_seen {
    struct wc_usage usage; /* by the host's books: of a machine, what it takes from the host */
    bool has_guest;        /* its guest has answered */
    struct wc_vm_figures_said guest;
};

/* Reads it. False: the instance has ended. */
bool wc_usage_see(const struct wc_usage_target *target, const struct wc_fact *fact,
                  struct wc_usage_seen *out);

/* One line of stats. */
struct wc_usage_line {
    const struct wc_fact *fact;
    const struct wc_usage_seen *seen;
    double cpu_pct; /* of one processor; below 0 = not known yet */
};

/* How much of a processor was used between two readings. */
double wc_usage_cpu_pct(const struct wc_usage *before, const struct wc_usage *now,
                        int64_t elapsed_ns);

/* usage_text.c */
struct wc_buf;
void wc_usage_format_table(const struct wc_usage_line *lines, size_t n, struct wc_arena *arena,
                           struct wc_buf *out);
void wc_usage_format_json(const struct wc_usage_line *line, const char *project,
                          struct wc_buf *out);

#endif
