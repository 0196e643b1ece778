/* sealed.h - values that came out of encrypted files (contract, layer 1, pure).
 *
 * Idea:    a model that is sent and kept holds the encrypted files and where their identities are,
 * and marks in the place of the values; whoever loads it decrypts in memory. Where that fails, what
 * runs is known all the same, as hashes are made of the marks; only what is made anew can't be.
 * Owner:   the arena of the project. docs/secrets.md
 */
#ifndef WCOMPOSE_SEALED_H
#define WCOMPOSE_SEALED_H

#include <stddef.h>

#include "wcompose/err.h"
#include "wcompose/lists.h"

/* A value, or a service's variables, that came from such a file. */
struct wc_sealed {
    const char *closed; /* why there is no value; NULL: there is */
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
};

#endif
