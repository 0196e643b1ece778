/* source.h - where an app's files come from, and whether they may be believed (contract, layer 1).
 *
 * Idea:    four steps, each of which can be left out when the one before it says so: look (what is
 *          there now? transfers nothing), fetch (get it, within bounds), verify (who signed it, is
 *          it newer than what runs?), check out (a directory of plain files). What is fetched is
 *          hostile until it is verified: git runs in a process of its own that can write nothing
 *          but its own directory (docs/gitops-sources.md).
 * Owner:   strings that come out live in the arena of the place; sources are borrowed for the call.
 * Threads: any, but one at a time for a place. Blocks: on the network and on processes, until the
 *          source's timeout at most; never call it on a loop.
 * Errors:  WC_ERR_USAGE (the source itself is wrong), WC_ERR_UNAVAILABLE (the remote can't be
 *          reached, or says no), WC_ERR_NOENT (no such branch, tag, commit, path, program),
 *          WC_ERR_TIMEOUT, WC_ERR_LIMIT (larger than the cap), WC_ERR_SPEC (objects that git
 *          refuses), WC_ERR_PERM (not believed: the signature, a rewind, a checksum, a link that
 *          leads out), WC_ERR_IO. A message never
 * holds a token, nor the part of a URL before the "@".
 */
#ifndef WCOMPOSE_SOURCE_H
#define WCOMPOSE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wcompose/err.h"

struct wc_arena;
struct wc_strv;

/* What an app's files come out of. */
enum wc_app_source_kind {
    WC_APP_SOURCE_GIT,
    WC_APP_SOURCE_DIRECTORY,
    WC_APP_SOURCE_FILE,
    WC_APP_SOURCE_ARCHIVE,
};

/* What of a git repository is wanted. */
enum wc_pin_kind { WC_PIN_BRANCH, WC_PIN_TAG, WC_PIN_SEMVER, WC_PIN_COMMIT };

/* What has to be signed. An archive counts as its commit: its signature is beside it (URL.sig). */
enum wc_verify_mode { WC_VERIFY_NONE, WC_VERIFY_COMMIT, WC_VERIFY_TAG, WC_VERIFY_BOTH };

/* One source, as the host's admin wrote it. NULL = not given. Paths to files of the admin's are
 * absolute; they must be root's or ours, and nobody else's to write (key and token: nor to read).
 */
struct wc_app_source {
    enum wc_app_source_kind kind;
    const char *url; /* git: ssh://…, user@host:path, https://…, /path or file:///path; directory,
                        file: /path; archive: https://… of a .tar, .tar.gz or .tar.zst */
    enum wc_pin_kind pin_kind;
    const char *pin;         /* branch, tag, range (">=1.2 <2"), 40 or 64 hex digits */
    const char *path;        /* the app's directory in it: "deploy/shop"; NULL: the top */
    const char *ssh_key;     /* private key without a passphrase */
    const char *known_hosts; /* must be given for ssh: an unknown host is refused, not learnt */
    const char *token_file;  /* https: a token, or "user:token", on one line */
    const char *ca_file;     /* https: certificates that are believed instead of the system's */
    enum wc_verify_mode verify;
    const char *signers; /* ssh allowed signers (ssh-keygen(1), ALLOWED SIGNERS) */
    const char *keyring; /* OpenPGP: keys as `gpg --export` writes them, armoured or not */
    const char *sha256;  /* archive: what it must have, 64 hex digits */
    bool submodules;     /* git: their files come along, as the commit names them */
    bool lfs;            /* git: pointers of LFS are replaced by what they stand for */
    size_t max_bytes;    /* of one transfer, and of one checkout; 0: WC_APP_SOURCE_MAX_BYTES */
    unsigned max_files;  /* of one checkout; 0: WC_APP_SOURCE_MAX_FILES */
    unsigned timeout_ms; /* of one call below; 0: WC_APP_SOURCE_TIMEOUT_MS */
};

/* What holds where a source doesn't say. */
enum {
    WC_APP_SOURCE_MAX_BYTES = 256 << 20,
    WC_APP_SOURCE_MAX_FILES = 20000,
    WC_APP_SOURCE_TIMEOUT_MS = 60000,
};

/* One state of a source. Two that have the same id have the same files; two looks that give the
 * same mark saw the same thing, so that nothing has to be fetched.
 *   id     git: the commit; directory, archive: the SHA-256 of what is in it. "" until fetched,
 *          where a look can't tell
 *   tree   of the files that are used: the tree of the sub-path in git, else id. "" until fetched
 *   mark   git: the id of what the pin names (of a signed tag: the tag's own); directory: a hash of
 *          names, sizes and times, file: of its own; archive: its ETag, else its Last-Modified. ""
 * = the remote says nothing that can be compared: fetch it to know
 */
struct wc_revision {
    char id[65], tree[65];
    char mark[256];
    const char *ref;     /* what the pin led to: "main", "v1.4.2"; never NULL once looked */
    const char *name;    /* for people: "main@1a2b3c4d5e6f" */
    const char *author;  /* "Ann <ann@example.org>"; from here on NULL until fetched, or unknown */
    const char *subject; /* first line of the message, made printable */
    const char *signer;  /* set by verify: "ann@example.org (ssh SHA256:…)"; NULL: not verified */
    int64_t time_ms;     /* of the commit; 0: unknown */
};

/* Where one app's sources are kept, and the memory of the answers. The directory is made with what
 * is missing above it (0700), and holds repo.git, trees/, files/ and home/.
 */
struct wc_source_place {
    const char *dir; /* absolute: <lib>/gitops/<app> */
    struct wc_arena *arena;
};

/* What a new revision has to follow. */
struct wc_source_trail {
    const char *last_id; /* the commit applied last, or NULL: the first */
    bool allow_rewind;   /* a revision that isn't a descendant of it is taken too */
};

/* Says whether a source makes sense by itself, without touching anything: the form of the URL, of
 * the pin, of the path, that keys are given where something has to be signed. Returns 0, or
 * WC_ERR_USAGE with the reason in *err and in *field (when not NULL) the name of the member of
 * struct wc_app_source that is wrong ("url", "pin", …; a constant). */
int wc_app_source_check(const struct wc_app_source *source, const char **field, struct wc_err *err);

/* Sees what is there now. Transfers no content: a listing of references, a HEAD request, stat(2).
 */
int wc_app_source_look(const struct wc_app_source *source, const struct wc_source_place *place,
                       struct wc_revision *out, struct wc_err *err);

/* Gets what a look saw, unless it is here already, and fills in the rest of *revision.
 *   trail  last_id is kept here, so that a descendant can be told; may be NULL
 * WC_ERR_CONFLICT: the remote has moved on since the look; look again.
 */
int wc_app_source_fetch(const struct wc_app_source *source, const struct wc_source_place *place,
                        const struct wc_source_trail *trail, struct wc_revision *revision,
                        struct wc_err *err);

/* Decides whether a fetched revision is to be believed, by source->verify and its keys alone: what
 * can't be checked (no key file, a lightweight tag where a signed one is wanted) is refused, never
 * taken as less. Sets revision->signer where a signature was asked for.
 */
int wc_app_source_verify(const struct wc_app_source *source, const struct wc_source_place *place,
                         const struct wc_source_trail *trail, struct wc_revision *revision,
                         struct wc_err *err);

/* Makes a directory of a fetched revision's files (the sub-path's), or finds the one that was made
 * before: trees/<tree>. Content is as it is in the source: no filter, no hook, no attribute. A
 * sub-module is an empty directory unless the source has `submodules`, which are fetched now, from
 * where the revision says; a file of LFS is its pointer, unless the source has `lfs`, when its
 * content is got now and held to the pointer; links that lead out are refused.
 *   dir  gets the absolute path. For a directory source too: what is loaded is a copy that holds
 *        still, though somebody edits the original
 */
int wc_app_source_checkout(const struct wc_app_source *source, const struct wc_source_place *place,
                           const struct wc_revision *revision, const char **dir,
                           struct wc_err *err);

/* Removes checkouts that aren't among `keep` (tree ids), and packs the repository where it has
 * become scattered. */
int wc_app_source_tidy(const struct wc_app_source *source, const struct wc_source_place *place,
                       const struct wc_strv *keep, struct wc_err *err);

/* --- Files by their content: where containers use them from (content.c) ----------------------- */

/* Copies a file, or a directory with what is in it, out of a checkout to files/<id>/<name>, unless
 * that is there, and gives its path; the id is a hash of content, names and whether it is a
 * program. The same content has the same path for ever, whatever the commit: an instance whose
 * files haven't changed isn't touched, and one of an older revision finds them as they were.
 *   source  its caps on bytes and files hold for what is copied
 *   root    the checkout; nothing outside it is read, no symbolic link followed out of it
 *   path    absolute, beneath root (or root itself)
 */
int wc_content_keep(const struct wc_app_source *source, const struct wc_source_place *place,
                    const char *root, const char *path, const char **out, struct wc_err *err);

/* Removes what wc_content_keep made, but for the paths in `used` (as it gave them). */
int wc_content_tidy(const struct wc_source_place *place, const struct wc_strv *used,
                    struct wc_err *err);

#endif
