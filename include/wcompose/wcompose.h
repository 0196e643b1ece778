/* wcompose.h - libwcompose: load, check, render and plan Compose files from another program
 * (contract, stable).
 *
 * Idea:    one opaque value holds everything that came of one load: findings, model, text, plan.
 *          Nothing is printed, nothing is kept between calls, no file is written.
 * Owner:   whatever a function returns belongs to the loaded project and lives until wcompose_free;
 *          arguments are borrowed for the call.
 * Threads: different projects may be used by different threads at once; one project by one thread
 *          at a time.
 * Errors:  what is wrong with the files are findings, not errors of calls. Out of memory aborts the
 *          process (docs/adr/0004).
 * Stable:  within a major version symbols stay, structs only grow at their end; a struct that the
 *          caller makes begins with its size. Other headers of wcompose are not installed.
 */
#ifndef WCOMPOSE_WCOMPOSE_H
#define WCOMPOSE_WCOMPOSE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What came of one load. */
struct wcompose_project;

/* What a call says. */
enum wcompose_status {
    WCOMPOSE_OK = 0,
    WCOMPOSE_INVALID = -1, /* the files have errors: see the findings */
    WCOMPOSE_MISSING = -2, /* there is no Compose file: see the findings */
    WCOMPOSE_REFUSED = -3, /* wcompose_plan: an isolation demand can't be kept on that host */
    WCOMPOSE_USAGE = -4,   /* the options can't be used */
};

/* A caller's own files, instead of the file system. Paths are absolute and cleaned; ("/dev/stdin"
 * stands for "-".)
 *   read    returns 0 and sets *bytes, *len, which must stay until wcompose_load returns; else an
 *           errno value such as ENOENT
 *   exists  whether something is there
 *   data    handed back to both
 */
struct wcompose_files {
    int (*read)(void *data, const char *path, const char **bytes, size_t *len);
    bool (*exists)(void *data, const char *path);
    void *data;
};

/* How to load. Zero it, set `size` and `cwd`, then what is wanted. Lists are NULL-terminated and
 * may be NULL. */
struct wcompose_options {
    size_t size;                       /* sizeof(struct wcompose_options) */
    const char *cwd;                   /* absolute; relative paths count from here */
    const char *const *files;          /* as -f; NULL: looked for from cwd upwards */
    const char *const *env_files;      /* as --env-file; NULL: .env */
    const char *const *profiles;       /* as --profile */
    const char *const *services;       /* only these and what they need */
    const char *const *environ;        /* KEY=VALUE, for ${…}; NULL: none */
    const char *project_name;          /* as -p */
    const char *project_directory;     /* as --project-directory */
    const struct wcompose_files *from; /* NULL: the file system */
    bool only_shown; /* nothing is going to run: what isn't carried out yet is a warning (W013) */
};

/* Loads a project. Always sets *out (free it with wcompose_free), also when there are errors, so
 * that the findings can be read; only WCOMPOSE_USAGE leaves it untouched. */
int wcompose_load(const struct wcompose_options *options, struct wcompose_project **out);

/* Frees all that came of a load. NULL is allowed. */
void wcompose_free(struct wcompose_project *project);

/* A finding is an error (nothing can be run) or a warning. */
enum wcompose_severity { WCOMPOSE_ERROR, WCOMPOSE_WARNING };

/* A place in a file. file is NULL and line 0 when there is none; col counts code points from 1. */
struct wcompose_place {
    const char *file;
    unsigned line, col;
};

/* One thing that is wrong. hint, related_label may be NULL. */
struct wcompose_finding {
    enum wcompose_severity severity;
    const char *code; /* stable: "E100" (docs/errors.md) */
    struct wcompose_place at;
    unsigned span;       /* columns that are meant, at least 1 */
    const char *message; /* what was found and what was expected, one line */
    const char *hint;    /* how to mend it */
    struct wcompose_place related;
    const char *related_label; /* "first defined here" */
};

/* Returns how many findings there are. */
size_t wcompose_n_findings(const struct wcompose_project *project);

/* Returns finding `index`, or NULL past the end. They are sorted by file and place. */
const struct wcompose_finding *wcompose_finding(const struct wcompose_project *project,
                                                size_t index);

/* Returns line `line` (1-based) of a file that a finding names, without its newline and not
 * terminated: *len bytes. NULL when it isn't known. */
const char *wcompose_source_line(const struct wcompose_project *project, const char *file,
                                 unsigned line, size_t *len);

/* Returns the project's name, or NULL when there were errors. */
const char *wcompose_name(const struct wcompose_project *project);

/* Forms of canonical text. */
enum wcompose_format { WCOMPOSE_YAML, WCOMPOSE_JSON };

/* Returns the resolved project as text, as `wcompose config` prints it; NULL when there were
 * errors. */
const char *wcompose_render(struct wcompose_project *project, enum wcompose_format format);

/* What the host of a plan can do. `size` as above. */
struct wcompose_host {
    size_t size;
    bool hyperv;            /* it can give a service a kernel of its own */
    const char *hyperv_why; /* when not: what is missing; may be NULL */
};

/* One service of a plan. */
struct wcompose_planned {
    const char *service;
    unsigned wave;            /* 1-based; what it waits for is in earlier waves */
    const char *isolation;    /* "process" or "hyperv" */
    const char *code;         /* stable name of the rule that decided */
    const char *why;          /* the rule as a sentence */
    struct wcompose_place at; /* the line that decided, if one did */
    const char *spec_hash;    /* changes when the service needs a new instance */
    unsigned long replicas;   /* how many run */
};

/* Plans the order and the isolation of all services. Findings of the plan (a cycle, a demand that
 * can't be kept) are appended to the project's. A second call replaces the plan. Returns
 * WCOMPOSE_OK, WCOMPOSE_INVALID or WCOMPOSE_REFUSED. */
int wcompose_plan(struct wcompose_project *project, const struct wcompose_host *host);

/* Returns how many services the last successful wcompose_plan ordered. */
size_t wcompose_n_planned(const struct wcompose_project *project);

/* Returns entry `index` in start order, or NULL past the end. */
const struct wcompose_planned *wcompose_planned(const struct wcompose_project *project,
                                                size_t index);

/* Returns the library's version, "1.2.3". */
const char *wcompose_version(void);

#ifdef __cplusplus
}
#endif

#endif
