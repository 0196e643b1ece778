/* sops_read.h - the stores of SOPS: what is in a file, still encrypted (spec, private to sops*.c
 * but for wc_sops_store).
 *
 * Errors:  struct wc_err with the place in the file. Threads: any.
 */
#ifndef SPEC_SOPS_READ_H
#define SPEC_SOPS_READ_H

#include "spec/node.h"
#include "spec/sops_file.h"

/* Tells by what is in it which store it is; path says whether one in JSON is a tree or a binary (as
 * sops decides: the name ends in .json). A cheap look: it may still be malformed. */
enum wc_sops_store wc_sops_store(const struct wc_text *text, const char *path);

enum { WC_SOPS_RECIPIENTS = 100 };

/* What a file says about its encryption. All of it lies in the arena that the file was read into.
 */
struct wc_sops_meta {
    struct wc_loc at; /* the place of it all */
    const char *closed_keys[WC_SOPS_RECIPIENTS], *recipients[WC_SOPS_RECIPIENTS];
    size_t n;        /* age recipients: the file's key, encrypted to each */
    size_t n_others; /* ways to it that aren't age */
    const char *mac; /* NULL: none */
    struct wc_loc mac_at;
    const char *modified; /* goes with the MAC */
    bool mac_only_encrypted;
    /* Which values are encrypted: at most one is set. */
    const char *unencrypted_suffix, *encrypted_suffix, *unencrypted_regex, *encrypted_regex;
    struct wc_loc regex_at;
};

/* Reads a file into one tree a document, all of them maps. */
int wc_sops_read(const struct wc_sops_file *file, struct wc_arena *arena, struct wc_documents *out,
                 struct wc_err *err);

/* Takes what is said about the encryption out of the documents. */
int wc_sops_meta_take(const struct wc_sops_file *file, struct wc_documents *documents,
                      struct wc_arena *arena, struct wc_sops_meta *out, struct wc_err *err);

#endif
