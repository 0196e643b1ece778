/* creds.h - opens what systemd-creds encrypted (base, layer 0).
 *
 * Idea:    the program itself opens them, as only it knows all keys that a host may have (a file of
 *          root's, a TPM): a child without a shell, with an environment of ours, the encrypted text
 *          on its standard input, and what it says on a pipe into memory that is locked.
 * Owner:   the caller. Threads: any. Blocks: until it has ended, 10 s at most.
 * Source:  systemd-creds(1), systemd 250 and later.
 */
#ifndef BASE_CREDS_H
#define BASE_CREDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/secret.h"
#include "wcompose/err.h"

/* True when it begins as one does, in base64 as the program writes it, or without. */
bool wc_creds_is(const void *text, size_t len);

/* What is to be opened. */
struct wc_creds_ask {
    const char *text; /* len bytes */
    size_t len;
    const char *name; /* that it must have been encrypted with (--name=) */
    bool was_opened;  /* the same was opened under the same name before, without this: that it has a
                         name at all isn't looked at again (half the work) */
    int cancel_fd;    /* when it can be read, all is given up; -1: never */
};

/* Opens one, and appends what it holds. One without a name is refused, as it would open under any.
 * Returns 0; WC_ERR_UNAVAILABLE: the program isn't there, or took too long; WC_ERR_PERM: it has
 * another name or none, or this host has no key for it; WC_ERR_SPEC: it isn't in base64;
 * WC_ERR_LIMIT (1 MiB); WC_ERR_CANCELLED. Nothing of what it holds is in a message. */
int wc_creds_open(const struct wc_creds_ask *ask, struct wc_secret *out, struct wc_err *err);

#endif
