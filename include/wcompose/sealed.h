/* sealed.h - values that came out of encrypted files (contract, layer 1, pure of libuv).
 *
 * Idea:    a model that is sent and kept holds the encrypted files and where their identities are,
 * and marks in the place of the values; whoever loads it decrypts in memory: at once, or, since it
 * may take seconds, later and on another thread (wc_unsealing). Until then, and where it fails,
 * what runs is known all the same, as hashes are made of the marks; only what is made anew can't
 * be. Owner:   the arena of the project. docs/secrets.md
 */
#ifndef WCOMPOSE_SEALED_H
#define WCOMPOSE_SEALED_H

#include <stdbool.h>
#include <stddef.h>

#include "wcompose/err.h"
#include "wcompose/lists.h"

struct wc_project;
struct wc_service;

/* A value, or a service's variables, that came from such a file. */
struct wc_sealed {
    const char *closed; /* why there is no value; NULL: there is */
    bool is_untried;    /* with closed: its files have not been opened yet */
    const char *mark;   /* a mount's: what its hash is made of. Hex, tells nothing */
    size_t len;         /* a mount's: bytes of its content, which may be any */
    struct wc_kvs env;  /* a service's: name -> mark, of those that nothing else sets */
};

/* One file. */
struct wc_sealed_file {
    const char *path; /* absolute */
    const char *text; /* encrypted */
    size_t len;
    const char *mark;    /* of all that was in it */
    struct wc_kvs marks; /* of an env file: name -> mark, in order */
};

/* All that a project uses. */
struct wc_sealed_files {
    struct wc_sealed_file *items;
    size_t n, cap;
    struct wc_strv identities; /* absolute paths */
    struct wc_project
        *closed_in; /* what was loaded without opening them (leaves_sealed), or NULL */
};

/* How it is with the values of a service, its mounts included. */
enum wc_sealed_state {
    WC_SEALED_OPEN,    /* all are there, or none is encrypted */
    WC_SEALED_UNTRIED, /* one isn't, as its file was not opened yet */
    WC_SEALED_CLOSED,  /* one isn't, as its file could not be opened */
};
enum wc_sealed_state wc_sealed_state(const struct wc_service *service);

/* The opening of a project's files, apart from its load. Holds the values: freed after the last use
 * of the project, which is borrowed. */
struct wc_unsealing;

/* Returns NULL when there is nothing to open: no encrypted file, or opened by the load. */
typedef struct wc_unsealing *wc_unsealing_new_fn(const struct wc_project *project);

/* True while there is a file that had no turn. */
typedef bool wc_unsealing_more_fn(const struct wc_unsealing *unsealing);

/* Opens the next file. Blocks, for a credential 10 s at most. On any thread, one at a time, and
 * touches nothing of the services.
 *   cancel_fd  when it can be read, a credential is given up; -1: never */
typedef void wc_unsealing_run_fn(struct wc_unsealing *unsealing, int cancel_fd);

/* Puts what was opened so far into the project's services, those that aren't open yet: nobody else
 * may read them meanwhile. Not while one runs. */
typedef void wc_unsealing_settle_fn(struct wc_unsealing *unsealing);

/* Those that could not be opened have a turn again. Not while one runs. */
typedef void wc_unsealing_again_fn(struct wc_unsealing *unsealing);

/* Overwrites the values and frees; NULL is fine. */
typedef void wc_unsealing_free_fn(struct wc_unsealing *unsealing);

/* A table, as the engine, which is given it, knows nothing of files. */
struct wc_unsealing_ops {
    wc_unsealing_new_fn *new;
    wc_unsealing_more_fn *more;
    wc_unsealing_run_fn *run;
    wc_unsealing_settle_fn *settle;
    wc_unsealing_again_fn *again;
    wc_unsealing_free_fn *free;
};

/* spec/unsealing.c */
extern const struct wc_unsealing_ops wc_unsealing_ops;

#endif
