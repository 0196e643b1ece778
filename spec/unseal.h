/* unseal.h - opens one encrypted file (spec, private).
 *
 * Idea:    apart from what finds them (sealed.h), as it may take seconds: a load from files opens
 * at once, one of canonical text may leave it to a thread (wcompose/sealed.h).
 * Threads: one at a time for an opener. Blocks: for a credential, 10 s at most.
 */
#ifndef SPEC_UNSEAL_H
#define SPEC_UNSEAL_H

#include <stdbool.h>

#include "base/age.h"
#include "wcompose/err.h"
#include "wcompose/lists.h"
#include "wcompose/sealed.h"

struct wc_arena;

/* A file, opened. All of it lies in the opener's arena. */
struct wc_unsealed {
    const struct wc_sealed_file *file; /* its place in the list may move: copied */
    const char *closed;                /* why it isn't open; NULL: it is */
    bool is_untried;                   /* nobody has tried to open it (closed says so) */
    const char *content;               /* len bytes and a NUL */
    size_t len;
    struct wc_kvs pairs; /* of an env file, as the file's marks */
    bool has_pairs;      /* a credential's: it is of lines NAME=VALUE and nothing else */
};

/* What opens them. Zero the rest; ends with wc_opener_deinit, which overwrites the keys. */
struct wc_opener {
    struct wc_arena *arena;
    const char *project;              /* its name: a credential's begins with it; may be NULL */
    const struct wc_strv *identities; /* files of age identities, read when the first is needed */
    bool was_opened;                  /* as wc_creds_ask */
    int cancel_fd;                    /* as wc_creds_ask */
    struct wc_age_keys keys;
    bool has_keys;       /* all of them were read, or tried */
    const char *no_keys; /* why they couldn't be; NULL: they were */
};
void wc_opener_deinit(struct wc_opener *opener);

/* Opens file->text into *out, and makes the marks of *file anew. shown  its name in messages.
 * Returns 0; else an error, which out->closed tells too: as base/creds.h or spec/sops.h. */
int wc_unseal(struct wc_opener *opener, const char *shown, struct wc_sealed_file *file,
              struct wc_unsealed *out, struct wc_err *err);

#endif
