/* supervisor.h - the process that keeps a project's promises after the command has gone (contract;
 * uses libuv).
 *
 * Idea:    one supervisor per project: an engine, a control socket, the accepted specification on
 *          disk; nothing that dies with it. It leaves by itself when nothing is wanted, nothing
 *          runs and nobody listens.
 * Files:   run/projects/<project>/ (0700): control.sock (0600), supervisor.lock, supervisor.log;
 *          lib/projects/<project>/: journal (0600): accepted models, what people asked of services,
 *          requests under way, so that a killed supervisor's successor finishes them
 *          (docs/state.md).
 * Threads: the loop's.
 */
#ifndef WCOMPOSE_SUPERVISOR_H
#define WCOMPOSE_SUPERVISOR_H

#include <stdbool.h>
#include <uv.h>

#include "wcompose/err.h"

struct wc_clock;
struct wc_disk;
struct wc_driver_ops;
struct wc_image_store;
struct wc_paths;
struct wc_supervisor;
struct wc_unsealing_ops;

/* What a supervisor needs. Everything is borrowed until it has ended. */
struct wc_supervisor_config {
    uv_loop_t *loop;
    const char *project;
    const struct wc_paths *paths;
    struct wc_image_store *images;       /* may be NULL with drivers that need none */
    const struct wc_driver_ops *process; /* as wc_engine_config */
    const struct wc_driver_ops *hyperv;
    void *driver_extra;
    const struct wc_clock *clock;             /* as wc_engine_config */
    const struct wc_unsealing_ops *unsealing; /* as wc_engine_config; NULL: wc_unsealing_ops */
    const struct wc_disk *disk;               /* where state goes; NULL: the host's */
    const char *metrics; /* "127.0.0.1:9464": also serve numbers there; NULL: nowhere. An address
                            that others can reach is refused; one that is taken is only told of */
    unsigned first_client_ms; /* how long to wait for a first client before leaving idle */
    bool stays; /* it doesn't leave by itself: somebody would start it again at once */
};

/* Runs once, on the loop, when it serves (status 0), or could not (it then ends by itself). */
typedef void wc_supervisor_ready_fn(void *data, int status, const struct wc_err *err);

/* Runs once, last: no handle of it is left on the loop, its memory is freed. */
typedef void wc_supervisor_ended_fn(void *data);

/* Who is told. */
struct wc_supervisor_listener {
    wc_supervisor_ready_fn *ready;
    wc_supervisor_ended_fn *ended;
    void *data;
};

/* Takes the project's lock, opens the engine (adopting what runs), finishes what a killed
 * supervisor left, and serves the control socket. Returns 0 and later calls ready; WC_ERR_CONFLICT
 * when another one lives, WC_ERR_IO, WC_ERR_PERM, WC_ERR_USAGE: then no callback comes.
 */
int wc_supervisor_start(const struct wc_supervisor_config *config,
                        const struct wc_supervisor_listener *listener, struct wc_supervisor **out,
                        struct wc_err *err);

/* Ends it: clients are disconnected, instances live on. `ended` follows. */
void wc_supervisor_end(struct wc_supervisor *supervisor);

/* What `wcompose supervise` is told. */
struct wc_supervise {
    const char *project;
    int ready_fd; /* to say "ready\n" or "error CODE TEXT\n" on, closed afterwards; -1 = none */
    const char *metrics; /* as wc_supervisor_config; NULL: as WCOMPOSE_METRICS says */
    bool stays;          /* as wc_supervisor_config */
    bool replaces; /* another one that runs is asked to leave, as soon as no call is under way */
};

/* Runs a supervisor until it ends; tells the service manager of NOTIFY_SOCKET when it serves, that
 * its loop turns, and that it leaves. Returns an exit status. */
int wc_supervisor_main(const struct wc_supervise *what);

#endif
