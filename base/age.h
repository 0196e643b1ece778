/* age.h - opens files that age encrypted (base, layer 0).
 *
 * Idea:    the recipient type that servers use, X25519 identities, and nothing interactive:
 * passphrases, plug-ins, ssh keys and post-quantum identities are told apart and refused by name. A
 * file is opened as a whole: none of it is given out before all of it was authenticated.
 * Owner:   the caller; keys and what was decrypted are in secret.h's memory.
 * Threads: any, one at a time per value. Blocks: only wc_age_keys_read, on the file system.
 * Source:  age-encryption.org/v1 (C2SP, age.md), BIP 173 for identities.
 */
#ifndef BASE_AGE_H
#define BASE_AGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/secret.h"
#include "wcompose/err.h"

/* Identities: what files were encrypted to. Start with { 0 }. */
struct wc_age_keys {
    struct wc_secret scalars; /* n of 32 bytes */
    size_t n;
};
void wc_age_keys_deinit(struct wc_age_keys *keys);
#define WC_CLEANUP_AGE_KEYS __attribute__((cleanup(wc_age_keys_deinit)))

/* Adds those of an identity file's text: one a line, as age-keygen writes them; empty lines and
 * lines that begin with '#' are none. name  for messages, with the line
 * Returns 0, or WC_ERR_SPEC with err->at (file, line, column): a line is no identity, or of a kind
 * that can't be used; or there is none in it. No message repeats any of the text.
 */
int wc_age_keys_add(struct wc_age_keys *keys, const char *name, const char *text, size_t len,
                    struct wc_err *err);

/* Adds those of a file. It must be a regular file of root's or ours that nobody else may read or
 * write: else WC_ERR_PERM, without reading it. WC_ERR_NOENT, WC_ERR_IO, WC_ERR_LIMIT (64 KiB), and
 * as above. */
int wc_age_keys_read(struct wc_age_keys *keys, const char *path, struct wc_err *err);

/* True when it begins as an age file does, in armor or not. */
bool wc_age_is(const void *file, size_t len);

/* Opens a file, in armor or not, and appends what it holds.
 * Returns 0; WC_ERR_PERM: none of the identities fits (the message says what the file asks for);
 * WC_ERR_SPEC: it is no age file, or was cut, or altered. `out` is as it was on an error.
 */
int wc_age_open(const struct wc_age_keys *keys, const void *file, size_t len, struct wc_secret *out,
                struct wc_err *err);

#endif
