/* changes.h - what the process driver does about changes by others: drift.c, netwatch.c.
 *
 * Idea:    the kernel tells that something was changed; a look says what; MEND puts it back.
 * Owner, threads: as process.h, which includes this.
 */
#ifndef DRIVERS_PROCESS_CHANGES_H
#define DRIVERS_PROCESS_CHANGES_H

#include <stdbool.h>
#include <stdint.h>

struct wc_arena;
struct wc_inst;
struct wc_look;
struct wc_process;

/* A file that the kernel tells changes of, and whose it is. */
struct wc_watch {
    int wd;
    struct wc_inst *inst;
    struct wc_watch *next_of_inst, *next; /* next: with the same place in the driver's table */
};

/* ---- drift.c: what others change of a running instance, and MEND ---- */

/* Looks at it (any thread; the instance runs). */
void wc_drift_look(const struct wc_process *driver, const char *run_dir, struct wc_arena *arena,
                   struct wc_look *look);
/* Takes over what a look that began in a turn of the driver's saw; false: nothing that wasn't
 * known. What was seen before an op ended, or while one is under way, is passed over. */
bool wc_drift_take(struct wc_inst *inst, const struct wc_look *look, uint64_t begun);
/* Something of it may have changed: looks, now or after what is under way. */
void wc_drift_suspect(struct wc_inst *inst);
/* An op of it has ended: news that came meanwhile are looked into now. */
void wc_drift_settle(struct wc_inst *inst);
/* From now on changes of its files are told. */
void wc_drift_watch(struct wc_inst *inst);
/* Nothing is known of it any more: it has ended. */
void wc_drift_forget(struct wc_inst *inst);
void wc_begin_mend(struct wc_inst *inst);
/* Opens and closes the source of news. */
void wc_drift_open(struct wc_process *driver);
void wc_drift_close(struct wc_process *driver);

/* ---- netwatch.c: news of networks ---- */

/* From now on they are told, and led on; once. */
void wc_netwatch_open(struct wc_process *driver);
/* The name server is this one now; taken over, -1 = none runs. */
void wc_netwatch_server(struct wc_process *driver, int pidfd);
void wc_netwatch_close(struct wc_process *driver);

#endif
