/* sops.h - opens files that SOPS encrypted with age keys (spec, private, pure of I/O).
 *
 * Idea:    a SOPS file is a tree whose values are encrypted one by one; each is bound to where it
 * stands, and a code over all of them (the MAC) to the others. All of it is checked before any of
 * it is given out. What comes out is the tree again, as text: equal to what `sops -d` gives in
 * value, not in layout; comments are left out. Owner:   the caller. Threads: any. Errors:  struct
 * wc_err with the place in the file; no message repeats a value. Source:  the SOPS README,
 * "Encryption Protocol", "Message Authentication Code"; files of sops 3.x.
 */
#ifndef SPEC_SOPS_H
#define SPEC_SOPS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/secret.h"
#include "spec/sops_file.h"
#include "wcompose/err.h"
#include "wcompose/lists.h"

struct wc_age_keys;
struct wc_arena;

/* A file that was opened. */
struct wc_sops {
    struct wc_secret text; /* without encryption */
    struct wc_kvs pairs;   /* DOTENV: its variables, in the arena given */
    struct wc_secret key;  /* the key that its values were encrypted with */
};
void wc_sops_deinit(struct wc_sops *sops);
#define WC_CLEANUP_SOPS __attribute__((cleanup(wc_sops_deinit)))

enum { WC_SOPS_MARK = 32 };

/* Opens one. arena  for pairs
 * Returns 0 and fills *out, which the caller ends with wc_sops_deinit; WC_ERR_PERM: there is no
 * identity that fits; WC_ERR_SPEC: it was altered, or cut, or is of a kind that can't be read.
 */
int wc_sops_open(const struct wc_sops_file *file, const struct wc_age_keys *keys,
                 struct wc_arena *arena, struct wc_sops *out, struct wc_err *err);

/* What stands for a value where it can be seen (hashes): the same for the same value under the same
 * key of the file, and without that key nothing can be told or guessed from it. WC_SOPS_MARK hex
 * digits and a NUL. */
void wc_sops_mark(const struct wc_sops *sops, const void *value, size_t len,
                  char mark[WC_SOPS_MARK + 1]);

#endif
