/* jail.h - a program that talks to strangers: run with nothing but what it needs
 * (orchestrator/gitops, private).
 *
 * Idea:    git, ssh, gpg, curl and tar read what a remote sends. Whoever finds a hole in one of
 *          them gets a process that may write one directory, read the system's programs and a few
 *          named files, and has no privilege. What keeps it there, from the outside in: a mount,
 * PID and IPC namespace and another user (where we are root and may make them), no capability, no
 * new privileges, Landlock (where the kernel has it), limits on what it writes and how long it
 * runs. Its environment is the few variables that are given. Owner:   everything is borrowed; paths
 * that are given out live in the arena. Threads: any. Blocks: until the program ends, or its
 * deadline, when it is killed with all it has started. Errors:  WC_ERR_NOENT (no such program),
 * WC_ERR_TIMEOUT, WC_ERR_LIMIT (said too much), WC_ERR_UNAVAILABLE (the jail can't be made),
 * WC_ERR_IO. A program that fails is none: its status is in the answer.
 */
#ifndef ORCHESTRATOR_GITOPS_JAIL_H
#define ORCHESTRATOR_GITOPS_JAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "wcompose/err.h"

struct wc_arena;

/* Files of the admin's, or ours, that may be read; the program knows them by wc_jail_file. */
struct wc_jail_file {
    const char *name; /* a constant: "ssh_key" */
    const char *path; /* absolute */
    bool is_program;
    bool is_secret; /* as wc_fs_read_secret has it */
    struct wc_buf bytes;
};

enum { WC_JAIL_FILES_MAX = 8, WC_JAIL_TAIL = 4096 };

struct wc_jail {
    struct wc_arena *arena;
    const char *dir;         /* its own: written, and where it runs */
    const char *local;       /* NULL, or a directory that it may read */
    const char *secret;      /* NULL, or what it reads from descriptor 3 */
    size_t max_file_bytes;   /* of one file that it writes */
    size_t max_out_bytes;    /* of its standard output, where that is kept */
    uint64_t deadline_at_ms; /* CLOCK_MONOTONIC */
    struct wc_jail_file files[WC_JAIL_FILES_MAX];
    size_t n_files;
    bool is_boxed; /* in namespaces of its own, as user uid */
    uid_t uid;
    gid_t gid;
};

/* What came of a run. */
struct wc_jail_answer {
    struct wc_buf out;       /* standard output, all of it */
    char tail[WC_JAIL_TAIL]; /* the end of standard error, terminated */
    int status;              /* exit status; 128 + signal */
};

/* Prepares a jail whose other members are set: makes `dir` (and what is missing above it) for the
 * user that it runs as. A directory of another user's, from a former life, is replaced. */
int wc_jail_open(struct wc_jail *jail, struct wc_err *err);

/* Forgets what is kept of files. */
void wc_jail_close(struct wc_jail *jail);

/* Adds a file. It must be root's or ours, and nobody else's to write (a secret: nor to read). */
int wc_jail_add(struct wc_jail *jail, struct wc_jail_file file, struct wc_err *err);

/* How a program in it calls its directory, the local directory, and a file by its name. */
const char *wc_jail_dir(const struct wc_jail *jail);
const char *wc_jail_local(const struct wc_jail *jail);
const char *wc_jail_file(const struct wc_jail *jail, const char *name);

/* Gets what a program prints, as it comes. Not 0, with *err: enough; the program is killed. */
typedef int wc_jail_take_fn(void *data, const char *bytes, size_t len, struct wc_err *err);

/* What is run: argv[0] is looked for in /usr/bin, /bin and /usr/local/bin; env is all there is. */
struct wc_jail_call {
    const char *const *argv;
    const char *const *env;
    const void *input; /* NULL: standard input is empty, or this file (absolute path) */
    size_t input_len;
    const char *input_file;
    wc_jail_take_fn *take; /* NULL: standard output is kept in the answer */
    void *take_data;
};

/* Runs it. `answer` must be zeroed with out = WC_BUF_INIT; the caller ends its buffer. */
int wc_jail_run(const struct wc_jail *jail, const struct wc_jail_call *call,
                struct wc_jail_answer *answer, struct wc_err *err);

/* Milliseconds of CLOCK_MONOTONIC. */
uint64_t wc_jail_now_ms(void);

/* --- between jail.c and jail_child.c ---------------------------------------------------------- */

/* What a new process needs, all made before it: it may only make system calls. */
struct wc_jail_birth {
    const struct wc_jail *jail;
    const char *program;
    char *const *argv, *const *env;
    int in_fd, out_fd, err_fd, secret_fd; /* secret_fd -1: none */
    int report_fd;                        /* closed by exec; else gets struct wc_jail_report */
};

/* Why a process didn't come to be. */
struct wc_jail_report {
    int sys;
    char step[32];
};

/* Enters the jail and becomes the program; never returns. */
void wc_jail_enter(const struct wc_jail_birth *given) __attribute__((noreturn));

#endif
