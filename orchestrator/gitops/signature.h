/* signature.h - whether a text was signed by somebody that the admin named (orchestrator/gitops,
 * private).
 *
 * Idea:    the form of the signature says who checks it: ssh-keygen with the allowed signers, or
 * gpg with the keyring, in a home of its own. A form without its keys is refused. Owner:   *signer
 * lives in the jail's arena. Threads: one. Blocks: on the program. Errors:  WC_ERR_PERM (not by one
 * of them, expired, revoked, weak, no signature at all), WC_ERR_NOENT (the program is missing), and
 * those of jail.h.
 */
#ifndef ORCHESTRATOR_GITOPS_SIGNATURE_H
#define ORCHESTRATOR_GITOPS_SIGNATURE_H

#include "orchestrator/gitops/jail.h"
#include "wcompose/source.h"

/* A signed text. */
struct wc_signed {
    const char *what;       /* for messages: "commit 1a2b3c" */
    const char *name_space; /* of ssh signatures: "git", "file" */
    const char *text;       /* or NULL: it is in text_file */
    size_t text_len;
    const char *text_file; /* absolute; ours */
    const char *signature;
    size_t signature_len;
};

/* Checks it, in a new directory of the place. */
int wc_signature_check(const struct wc_app_source *source, const struct wc_source_place *place,
                       const struct wc_signed *signed_, const char **signer, struct wc_err *err);

/* Reads the status lines of gpg (pure): true when they tell of exactly one good signature by a key
 * that is neither expired nor revoked; *who gets "KEYID Name <mail>" without its end. Else *why
 * says what is wrong (a constant). */
bool wc_signature_read_gpg(const char *text, const char **who, size_t *who_len, const char **why);

#endif
