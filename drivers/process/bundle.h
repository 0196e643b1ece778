/* bundle.h - everything of one run on disk, and the keeper that carries it (process driver).
 *
 * Idea:    the same call prepares the first run of an instance (CREATE) and a further one (START of
 * an exited instance): the writable layer stays, the rest is written anew from the desired
 * instance. Owner:   results live in the arena given. Threads: a worker's; blocks.
 */
#ifndef DRIVERS_PROCESS_BUNDLE_H
#define DRIVERS_PROCESS_BUNDLE_H

#include <stddef.h>
#include <sys/types.h>

#include "drivers/process/bundle_request.h"
#include "drivers/process/cgroup.h"
#include "drivers/process/record.h"
#include "wcompose/err.h"

struct wc_arena;
struct wc_paths;

/* In the run directory: a line for each link that was made (wc_net_link_notes). */
#define WC_BUNDLE_LINKS "links"

struct wc_bundle {
    struct wc_record record;
    const char *join; /* join.conf but for pid, starttime, cgroup: join_len bytes with NULs */
    size_t join_len;
    int handed;   /* as of wc_oci; borrowed */
    int link;     /* our end of the keeper's socket, non-blocking; the caller closes it */
    int lock;     /* held until the runtime has made the cgroups; the caller closes it */
    pid_t keeper; /* our child, to be reaped by the caller */
};

/* Writes the bundle and starts the keeper. On failure nothing of this run is left (on the first
 * run: nothing at all). Errors as wc_oci_resolve, and WC_ERR_UNAVAILABLE (no runtime), WC_ERR_SPEC
 * (logging).
 */
int wc_bundle_start(const struct wc_bundle_request *req, struct wc_arena *arena,
                    struct wc_bundle *out, struct wc_err *err);

/* Undoes a run whose container never came to be: on the first run everything goes, on a later one
 * the state of before comes back. `why` is what the keeper said; its text, better told, is set in
 * *err. Returns err's code.
 */
int wc_bundle_undo(const struct wc_bundle_request *req, const struct wc_record *record,
                   const char *why, struct wc_err *err);

/* Removes all of an instance: processes that are left, cgroups, runtime state, directories. The
 * directories are first moved to lib/projects/<project>/trash. */
int wc_bundle_remove(const struct wc_paths *paths, const struct wc_cgroup_host *cgroup,
                     const struct wc_record *record, const char *lib_dir, const char *run_dir,
                     struct wc_err *err);

/* Removes the empty cgroups and directories of a project that holds no instance any more; with
 * `all` also what removals that were killed left (empty groups below the project's, what was put
 * aside), and the project's own directories, if nobody else has anything there. */
void wc_bundle_tidy(const struct wc_paths *paths, const struct wc_cgroup_host *cgroup,
                    const char *project, bool all);

/* "/wcompose", or "/wcompose-<hash>" for a state root of the user's own (WCOMPOSE_ROOT), so that
 * two roots with equal project names never meet. */
const char *wc_bundle_cgroup_root(const struct wc_paths *paths, struct wc_arena *arena);

#endif
