/* record.h - what is kept of an instance on disk, and reading its state from there (process
 * driver).
 *
 * Idea:    truth is on the host. instance.json says what it is; the keeper's files and the exit
 * record say how it goes; nothing else is remembered. Any later process finds the same answer.
 * Layout:  lib/projects/<project>/instances/<id>/: instance.json, upper, work, rootfs, exit,
 *          exit.prev (of the run before), whole, stopped_by_user and sick (markers), log.json,
 *          hosts, hostname, volumes/.
 *          run/projects/<project>/instances/<id>/: the keeper's (drivers/keeper/protocol.h), and
 *          bundle/config.json: a service's environment may hold what must not be on a disk.
 * Owner:   strings of a record are the arena's. Threads: any; all calls block.
 */
#ifndef DRIVERS_PROCESS_RECORD_H
#define DRIVERS_PROCESS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "wcompose/err.h"
#include "wcompose/state.h"

struct wc_arena;

/* Written last: an instance that has it was made as a whole. */
#define WC_RECORD_WHOLE "whole"

struct wc_record {
    const char *id, *name, *project, *service, *image, *level;
    const char *layers; /* names of layer directories, ':' between them; may be NULL */
    const char *labels; /* as in struct wc_fact */
    unsigned index;
    char hash[65], inplace[65];
    int64_t created_at_ms;
    unsigned run;           /* 1 for the first start, one more for each further one */
    const char *boot_id;    /* of the run */
    const char *runtime_id; /* "<id>.<run>" */
    const char *runtime;    /* path of the OCI runtime */
    const char *cgroup;     /* "/wcompose/…" */
    struct wc_strv notes;   /* what was lessened, for people */
};

/* Sets what an UPDATE may change: what the service says of it. */
void wc_record_describe(struct wc_record *record, const struct wc_service *service,
                        struct wc_arena *arena);

int wc_record_write(const char *lib_dir, const struct wc_record *record, struct wc_err *err);

/* Returns 0, WC_ERR_NOENT, or WC_ERR_SPEC when it can't be understood. */
int wc_record_read(const char *lib_dir, struct wc_arena *arena, struct wc_record *out,
                   struct wc_err *err);

/* What the keeper says: one packet or status line, understood. */
enum wc_report_kind {
    WC_REPORT_NONE, /* not understood */
    WC_REPORT_CREATED,
    WC_REPORT_RUNNING,
    WC_REPORT_EXITED,
    WC_REPORT_FAILED,
    WC_REPORT_NOTIFY,
};
struct wc_report {
    enum wc_report_kind kind;
    pid_t pid;                 /* CREATED, RUNNING */
    uint64_t starttime;        /* CREATED, RUNNING */
    int code, signal;          /* EXITED */
    bool oom;                  /* EXITED */
    int64_t at_ms;             /* RUNNING: started, EXITED: finished; wall clock */
    int64_t started_ms;        /* EXITED by record: when it was started, 0 = never */
    char text[256];            /* FAILED; NOTIFY: STATUS=; EXITED: what it ended of, or "" */
    enum wc_notified notified; /* NOTIFY */
};
void wc_report_parse(const char *line, struct wc_report *out);

/* Reads lib:exit. False when there is none. */
bool wc_exit_read(const char *lib_dir, struct wc_report *out);

/* How an instance is, by its files and by /proc. */
struct wc_look {
    enum wc_life life;
    struct wc_report last; /* the newest that is known */
    bool exit_known;       /* EXITED */
    bool keeper_alive;     /* connect to keeper.sock for news */
    int link;              /* such a connection, or -1; filled by who connects */
    pid_t keeper;          /* a new keeper, in the place of a killed one; 0 = none */
    bool stopped_by_user, sick;
    bool earlier_boot;        /* EXITED: it last ran before the machine was started */
    bool frozen;              /* RUNNING; filled by who looks for drift, as the next two */
    const char *drift_limits; /* as wc_fact */
    const char *drift_links;
    struct wc_record record; /* BROKEN: id, name, project and service, and what else is known */
};
void wc_look(const char *lib_dir, const char *run_dir, const char *project, const char *id,
             struct wc_arena *arena, struct wc_look *out);

/* Field 22 of /proc/PID/stat, 0 when there is no such process (zombies count as gone). */
uint64_t wc_proc_starttime_of(pid_t pid);

/* The keeper that this run directory names, when it lives: its pid, and its start time for who is
 * to find the same again. Else 0. */
pid_t wc_keeper_of(const char *run_dir, uint64_t *starttime);

/* This boot's id, or "". size >= 40 */
void wc_boot_id(char *out, size_t size);

/* Writes a whole file, not synced: for what is made anew after a crash anyway. */
int wc_write_plain(const char *path, const void *bytes, size_t len, mode_t mode,
                   struct wc_err *err);

#endif
