/* process.h - inside of the process driver: the driver object, its instances, its jobs.
 *
 * Idea:    an instance has a queue of ops and one stage. An op that changes it (CREATE, START,
 * STOP, KILL, REMOVE, UPDATE, MEND) waits for its turn and then walks the stages: a job on the
 * thread pool, a packet from the keeper, an answer. EXEC runs beside them. The instance's life is
 * what the host said last. Files:   driver.c (table, close), instance.c (queue and stages),
 * events.c (what keepers say), start.c (create and start), ends.c (stop, kill, remove), update.c,
 * scan.c (LIST and adoption), drift.c (what others change, and MEND), netwatch.c, exec.c, probe.c,
 * job.c. Owner: the driver owns instances and jobs; an instance is freed when it is absent from the
 * host, has no op, and its handles are closed. Threads: everything on the loop's; jobs' work
 * functions on the pool, which touch only their job.
 */
#ifndef DRIVERS_PROCESS_PROCESS_H
#define DRIVERS_PROCESS_PROCESS_H

#include <uv.h>

#include "base/arena.h"
#include "drivers/net/net.h"
#include "drivers/net/news.h"
#include "drivers/process/bundle.h"
#include "drivers/process/cgroup.h"
#include "drivers/process/changes.h"
#include "drivers/process/record.h"
#include "drivers/process/sealed.h"
#include "wcompose/driver.h"

enum wc_stage {
    WC_STAGE_UNKNOWN, /* nobody has looked at the host yet */
    WC_STAGE_IDLE,
    WC_STAGE_PARTING, /* START: lets go of the last run's keeper, which still cleans up */
    WC_STAGE_SLOT,    /* waits for one of the few places for starts */
    WC_STAGE_JOB,     /* a job of the op is on the pool */
    WC_STAGE_CREATED, /* waits for the keeper's "created" */
    WC_STAGE_RUNNING, /* waits for "running" */
    WC_STAGE_FAILED,  /* waits for a failed keeper's end */
    WC_STAGE_ABORTED, /* REMOVE: waits for the end of what was never started, then the keeper's */
};

struct wc_inst {
    struct wc_inst *next;
    struct wc_process *driver;
    struct wc_arena arena; /* id and directories */
    const char *id, *lib_dir, *run_dir;

    struct wc_arena record_arena;
    struct wc_record record;
    enum wc_life life;
    pid_t pid;
    uint64_t starttime;
    int pidfd; /* CREATED and RUNNING: of pid, else -1 */
    int64_t started_at_ms;
    uint64_t killed_at_ms; /* loop time of the first SIGKILL to this process; 0 = none */
    struct wc_report exit; /* EXITED, when exit_known */
    bool exit_known, stopped_by_user, sick;
    bool earlier_boot; /* EXITED: it last ran before the machine was started */

    enum wc_stage stage;
    struct wc_op *op;                      /* under way, or NULL */
    struct wc_op *queue_head, *queue_tail; /* not begun */
    bool fresh;                            /* the op makes the first run */
    struct wc_inst *next_slot;             /* in the driver's line for places */
    char *join;                            /* join.conf to be; heap */
    size_t join_len;
    int held[2]; /* stdout and stderr of the process: what nobody has read yet outlives a keeper
                    that is killed right before the program ends; -1 = none */
    int lock;    /* held while the runtime makes cgroups, else -1 */
    enum wc_notified notified; /* what this run said of itself */
    char notice[256];
    bool frozen;                      /* RUNNING: its group stands still */
    char *drift_limits, *drift_links; /* as wc_fact; heap */
    struct wc_watch *watches;
    bool looking, look_again; /* for drift: a job is under way; something changed since */
    uint64_t touched;         /* the driver's turn when an op of it ended last */
    char why[256];            /* what a failing keeper said */
    bool have_slot;

    int link;            /* to the keeper, -1 = none */
    unsigned n_adopted;  /* keepers in the place of killed ones, in quick succession */
    uint64_t adopted_ms; /* loop time of the last one */
    pid_t keeper;        /* our child, 0 = not ours */
    uv_poll_t link_poll; /* on link; else on pidfd when the keeper is gone (orphan) */
    bool polling, closing, orphan;
    bool relook; /* a job looks at the host because something ended without a word */
    unsigned n_execs;
};

struct wc_exec;
struct wc_probe;

struct wc_process {
    struct wc_driver base; /* first */
    uv_loop_t *loop;
    struct wc_sink sink;
    const char *project; /* arena */
    const struct wc_paths *paths;
    const struct wc_flavour *flavour; /* NULL: containers */
    void *flavour_data;
    struct wc_arena arena;
    struct wc_cgroup_host cgroup;
    struct wc_sealed sealed; /* the runtime, for keepers to come */
    struct wc_inst *insts;
    struct wc_inst *slot_head, *slot_tail; /* instances in stage SLOT */
    unsigned slots_used;
    struct wc_op *ready_head, *ready_tail; /* finished; done is called by the kick timer */
    uv_async_t kick;
    pid_t *zombies; /* keepers that ended or will; n_zombies entries, reaped as we go */
    size_t n_zombies, cap_zombies;
    uint64_t turn;    /* counts ends of ops */
    unsigned n_jobs;  /* on the pool */
    unsigned n_polls; /* open poll handles */
    struct wc_exec *execs;
    struct wc_probe *probes;
    uv_poll_t news_poll;       /* on news, open while that is */
    int news;                  /* inotify; -1 = none: then the looks of LIST have to do */
    struct wc_watch **watches; /* n_slots lists, a power of two; each at its wd's place */
    size_t n_watches, n_slots;
    struct { /* netwatch.c */
        bool begun, suspect;
        int fds[WC_NET_NEWS + 1]; /* the last one: of the name server */
        bool is_open[WC_NET_NEWS + 1];
        uv_poll_t polls[WC_NET_NEWS + 1];
        int server; /* that is to be watched next, -1 = none */
        uv_timer_t timer;
        struct wc_net_seen seen;
    } net;
    unsigned n_path_looks; /* on the pool: a path may lead to what never answers */
    bool closing, kick_closed;
    wc_driver_closed_fn *closed;
    void *closed_data;
};

/* ---- driver.c ---- */

/* Ends an op: copies *err when rc != 0 and lets `done` run from the loop. */
void wc_process_finish(struct wc_process *driver, struct wc_op *op, int rc,
                       const struct wc_err *err);
/* Goes on with a close when nothing is under way any more. Call after anything ended. */
void wc_process_settle(struct wc_process *driver);
/* Takes over a child that will end; it is reaped without waiting. */
void wc_process_reap(struct wc_process *driver, pid_t pid);

/* ---- job.c: work on the thread pool ---- */

struct wc_job;
typedef void wc_job_fn(struct wc_job *job);

/* One piece of work. `work` runs on the pool and sets rc and err; `after` runs on the loop, then
 * the job is freed with its arena. */
struct wc_job {
    uv_work_t req;
    struct wc_process *driver;
    struct wc_inst *inst; /* may be NULL */
    struct wc_op *op;     /* may be NULL */
    struct wc_arena arena;
    wc_job_fn *work, *after;
    int rc;
    struct wc_err err;
    struct wc_bundle_request request;
    struct wc_bundle bundle;
    struct wc_look *looks; /* scan: n_looks entries */
    size_t n_looks, cap_looks;
    struct wc_record record;
    const char *why;
    int signal, pidfd;                 /* pidfd: borrowed, -1 = none */
    pid_t stuck;                       /* STOP, KILL: to be looked at after the signal, 0 = none */
    bool all, mark, last, adopt, thaw; /* all: the whole group; UPDATE: it has groups */
    struct wc_net_seen seen;           /* NET_LOOK; NET_UP: none */
    int server;                        /* NET_UP: a pidfd of the name server, -1 = none */
    uint64_t begun;                    /* looks for drift: the driver's turn then */
    const char *path, *sick_path;
};
struct wc_job *wc_job_new(struct wc_process *driver, struct wc_inst *inst, struct wc_op *op);
void wc_job_run(struct wc_job *job, wc_job_fn *work, wc_job_fn *after);

/* ---- instance.c ---- */

struct wc_inst *wc_inst_find(struct wc_process *driver, const char *id);
/* Finds it, or makes one of which nothing is known. */
struct wc_inst *wc_inst_get(struct wc_process *driver, const char *id);
/* Puts an op in line and begins it when its turn is now. */
void wc_inst_submit(struct wc_inst *inst, struct wc_op *op);
/* Begins what is next in line, or forgets the instance when it is absent and nobody wants it. */
void wc_inst_next(struct wc_inst *inst);
/* Ends the op under way and goes on. */
void wc_inst_finish(struct wc_inst *inst, int rc, const struct wc_err *err);
/* Tells the sink how it is. */
void wc_inst_report(struct wc_inst *inst);
/* Takes over a record (copied). */
void wc_inst_set_record(struct wc_inst *inst, const struct wc_record *record);
/* Notes the process; opens its pidfd and checks that it is the one meant. False: it is gone. The
 * one that is noted already stays so, gone or not. */
bool wc_inst_set_pid(struct wc_inst *inst, pid_t pid, uint64_t starttime);
void wc_inst_clear_pid(struct wc_inst *inst);
/* Takes a look at the host as the truth (boot, LIST, after a keeper died). link: -1 or a
 * connection, taken over. Reports only when `tell`. */
void wc_inst_apply(struct wc_inst *inst, const struct wc_look *look, int link);

/* ---- events.c ---- */

/* Watches `link` (taken over). */
void wc_inst_watch_link(struct wc_inst *inst, int link);
/* Stops watching and closes the link. */
void wc_inst_unwatch(struct wc_inst *inst);
/* Notes the exit that the host told of; no fact yet. */
void wc_inst_set_exited(struct wc_inst *inst, const struct wc_report *exit, bool known);

/* ---- start.c ---- */

void wc_begin_create(struct wc_inst *inst);
void wc_begin_start(struct wc_inst *inst);
void wc_go_on_starting(struct wc_inst *inst);
void wc_slot_release(struct wc_inst *inst);
void wc_on_created(struct wc_inst *inst, const struct wc_report *report);
void wc_on_running(struct wc_inst *inst, const struct wc_report *report);
/* The keeper of a run that is being made has ended without success. */
void wc_on_start_failed(struct wc_inst *inst);

/* ---- ends.c ---- */

void wc_begin_stop(struct wc_inst *inst);
void wc_begin_remove(struct wc_inst *inst);
void wc_go_on_removing(struct wc_inst *inst);
void wc_refuse_remove(struct wc_inst *inst); /* it runs */

/* ---- update.c ---- */
void wc_begin_update(struct wc_inst *inst);

/* ---- scan.c ---- */

void wc_begin_list(struct wc_process *driver, struct wc_op *op);
/* Looks at one instance on the host, then begins its first op. */
void wc_begin_look(struct wc_inst *inst);
/* Looks again because a keeper or an orphaned process ended. */
void wc_begin_relook(struct wc_inst *inst);

/* ---- exec.c ---- */

void wc_begin_exec(struct wc_inst *inst, struct wc_op *op);
/* Kills all commands under way (close). */
void wc_execs_cancel(struct wc_process *driver);

/* ---- probe.c ---- */

/* EXEC with a check: looks without running anything. The instance runs. */
void wc_begin_probe(struct wc_inst *inst, struct wc_op *op);
/* Gives up all of them (close). */
void wc_probes_cancel(struct wc_process *driver);

#endif
