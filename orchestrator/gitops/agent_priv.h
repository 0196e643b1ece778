/* agent_priv.h - what the agent's files share (orchestrator/gitops, private; uses libuv).
 *
 * Idea:    callbacks record what is due; one function, wc_agent_pump, starts passes.
 * Owner:   the agent is on the stack of wc_gitops_agent; apps are freed when their last handle is
 *          closed.
 * Threads: the loop's. What waits for the disk to sync is done by others: passes are processes, the
 *          outbox has a thread (outbox_queue.h). The loop itself reads small files of this host
 *          (records, told.json, keys, the agent file), and starts processes; it looks up no name.
 */
#ifndef ORCHESTRATOR_GITOPS_AGENT_PRIV_H
#define ORCHESTRATOR_GITOPS_AGENT_PRIV_H

#include <uv.h>

#include "base/arena.h"
#include "orchestrator/gitops/outbox_queue.h"
#include "orchestrator/supervisor_notify.h"
#include "orchestrator/gitops/tree_watch.h"
#include "wcompose/gitops.h"
#include "wcompose/histogram.h"

struct wc_gitops_loop;

enum { WC_AGENT_KEY_MAX = 4096 }; /* bytes of a key of the webhook's or of who is told */

/* How passes end, for numbers. */
enum wc_pass_result { WC_PASS_OK, WC_PASS_REJECTED, WC_PASS_FAILED, WC_PASS_RESULTS };

/* What a line of an app's history can tell (struct wc_gitops_past). */
enum wc_change {
    WC_CHANGE_APPLIED,
    WC_CHANGE_REJECTED,
    WC_CHANGE_SUPERSEDED,
    WC_CHANGE_RESTORED,
    WC_CHANGE_REPAIRED,
    WC_CHANGES
};

/* What is counted of an app since the agent started. */
struct wc_app_counts {
    uint64_t passes[WC_PASS_RESULTS];
    uint64_t changes[WC_CHANGES];
    uint64_t unbelieved;      /* candidates */
    struct wc_histogram took; /* of passes */
    int64_t last_change_ms;   /* the newest line of history that was counted */
    int64_t succeeded_at_ms;  /* the last look that worked; 0: none that is known */
};

/* An app of the file, or one that was and whose pass is still under way. */
struct wc_loop_app {
    struct wc_gitops_loop *loop;
    char *name;
    bool is_listed;      /* in the file as it is now */
    bool is_running;     /* a pass is under way */
    bool has_process;    /* its handle isn't closed yet */
    bool is_due;         /* and not running */
    bool is_forced;      /* don't ask its interval */
    bool was_forced;     /* so it was when the last pass was started */
    unsigned n_busy;     /* passes in a row that met another one */
    bool again;          /* it was told while its pass was running */
    bool has_new_inputs; /* a file that it is judged by has changed, and is let settle */
    int64_t wake_at_ms;  /* wall clock; 0 = only when told */
    uv_process_t process;
    struct wc_tree_watch *watch; /* of a directory or file that is its source, or NULL */
    unsigned n_handles;          /* open ones: process, watch, end */
    uv_poll_t end;               /* of its supervisor, when it heeds_end */
    int end_fd;
    bool heeds_end;
    uint64_t ended_ms;                                      /* uv_now of its last pass's end */
    struct wc_gitops_condition known[WC_GITOPS_CONDITIONS]; /* as they were last told */
    bool has_told;       /* `known` is from the disk, or was written there */
    uint64_t generation; /* the rest: as its last pass left it, for numbers */
    unsigned failures;
    int64_t looked_at_ms;
    uint64_t started_us; /* uv_hrtime of the pass, in microseconds */
    struct wc_app_counts counts;
};

struct wc_gitops_loop {
    const struct wc_gitops_agent_config *config;
    uv_loop_t uv;
    struct wc_arena arena; /* of the file as it is now */
    struct wc_agent agent;
    struct wc_loop_app **apps; /* n_apps */
    size_t n_apps;
    unsigned n_running;
    int64_t clock_ms; /* the wall's, when it was last looked at */
    uv_timer_t timer, reload_timer, leave_timer, prune_timer, inputs_timer;
    uv_process_t pruner;
    bool is_pruning;
    uv_fs_event_t file_watch;
    struct wc_agent_inputs *inputs; /* agent_inputs.c */
    const char *policy;             /* the host's: its path, in the arena */
    uv_signal_t signals[3];
    uv_pipe_t control;
    bool has_control, is_leaving;
    uv_tcp_t hook;
    bool has_hook;
    char hook_at[64]; /* where it listens */
    unsigned n_callers;
    struct wc_mailbox **mailboxes; /* n_mailboxes; notify.c */
    size_t n_mailboxes;
    struct wc_outbox_queue outbox;
    struct wc_notify notify;
    int lock_fd;
};

/* Says a line for people; %-formatted. */
void wc_agent_say(struct wc_gitops_loop *loop, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Marks an app due: at once, or when its pass has ended, which is told meanwhile: it may be waiting
 * for a revision to get ready. */
void wc_agent_tell(struct wc_loop_app *app);

/* Starts the passes that are due, as many as may run at a time, and sets the timer. */
void wc_agent_pump(struct wc_gitops_loop *loop);

/* Starts a wcompose of its own with `args` (NULL-terminated, the program's name first), which says
 * what it has to say where we do. Returns 0 or libuv's error; the handle is to be closed either
 * way.
 */
int wc_agent_spawn(struct wc_gitops_loop *loop, uv_process_t *process, char **args,
                   uv_exit_cb on_end);

/* The wall's clock. */
int64_t wc_agent_wall_ms(void);

/* The app of that name that the file lists, or NULL. */
struct wc_loop_app *wc_agent_find(const struct wc_gitops_loop *loop, const char *name);

/* agent_file.c: reads the file; the apps become what it says. What is wrong is reported, and
 * everything stays as it is: WC_ERR_SPEC. */
int wc_agent_reload(struct wc_gitops_loop *loop);

/* agent_control.c: listens at run/gitops/agent.sock. */
int wc_agent_listen(struct wc_gitops_loop *loop, struct wc_err *err);

/* Frees an app that has no handle any more and is not listed. */
void wc_agent_release(struct wc_loop_app *app);

/* agent_file.c: ends the watch over its source; NULL is fine. */
void wc_agent_unwatch(struct wc_loop_app *app);

/* agent_inputs.c: watches, as the file was read anew, the files that it names to fetch and judge
 * by, and the host's policy: when one of them changes, its apps are due. */
void wc_agent_inputs_watch(struct wc_gitops_loop *loop);
void wc_agent_inputs_close(struct wc_gitops_loop *loop);

/* agent_supervisors.c: has the app due when the supervisor that it has now ends, if it has one and
 * that isn't heeded yet; or no longer. */
void wc_agent_heed(struct wc_loop_app *app);
void wc_agent_unheed(struct wc_loop_app *app);

/* webhook.c: listens where the file says, or no longer. */
void wc_agent_hook(struct wc_gitops_loop *loop);

/* agent_prune.c: after a change of the file, sees soon to apps that it no longer has; or no longer.
 */
void wc_agent_prune(struct wc_gitops_loop *loop);
void wc_agent_prune_close(struct wc_gitops_loop *loop);

/* notify.c: takes up what an agent before left unsent; sends what waits now, as the file was read
 * anew; or leaves it to the next agent. */
void wc_agent_notify_open(struct wc_gitops_loop *loop);
void wc_agent_notify_again(struct wc_gitops_loop *loop);
void wc_agent_notify_close(struct wc_gitops_loop *loop);

/* Puts a message, unless it waits already: it is sent once it is on disk, after those before it. */
void wc_agent_post(struct wc_gitops_loop *loop, const struct wc_agent_notify *to, const char *id,
                   const char *body);

/* notices.c. Reads app->known from the disk, where an agent before has left it. */
void wc_agent_recall(struct wc_loop_app *app);

/* Tells whom the file lists of conditions that are others than app->known. */
void wc_agent_notify(struct wc_loop_app *app, const struct wc_gitops_condition *now,
                     const char *revision);

/* agent_metrics.c: counts what a pass left in the record, before app->known becomes that. The first
 * time, what was before is only noted. */
void wc_agent_count(struct wc_loop_app *app, const struct wc_gitops_record *record, bool is_first);

/* Appends the numbers, in Prometheus' text format. */
void wc_agent_metrics(const struct wc_gitops_loop *loop, struct wc_buf *out);

#endif
