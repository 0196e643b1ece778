/* git_text.h - what git prints, read as the hostile text that it is (orchestrator/gitops, pure).
 *
 * Idea:    listings and objects come from a remote that may lie. Each function takes a text with a
 *          length, believes nothing that isn't exactly of the form, and gives pieces of it.
 * Owner:   pieces are borrowed from the text, or copied into the arena where one is given.
 * Threads: any. Blocks: never.
 * Source:  git-ls-remote(1), git-ls-tree(1), gitformat-signature(5), git-cat-file(1).
 */
#ifndef ORCHESTRATOR_GITOPS_GIT_TEXT_H
#define ORCHESTRATOR_GITOPS_GIT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wc_arena;

/* A piece of a text; not terminated. */
struct wc_piece {
    const char *at;
    size_t len;
};

/* True when a text is an object's id: 40 or 64 lower-case hex digits. */
bool wc_git_is_id(const char *text, size_t len);

/* True when a name can stand behind "refs/heads/": git-check-ref-format(1), no leading hyphen, no
 * pattern. */
bool wc_git_is_ref_name(const char *name);

/* One line of `git ls-remote`. `peeled` is what an annotated tag leads to ("^{}" lines). */
struct wc_git_ref {
    char id[65];
    struct wc_piece name; /* "refs/heads/main", without "^{}" */
    bool is_peeled;
};

/* Reads the next line from *at (to `end`) and moves on; false at the end. A line that is no such
 * line is skipped. */
bool wc_git_next_ref(const char **at, const char *end, struct wc_git_ref *out);

/* Finds a reference by its full name. `peeled` (may be NULL) gets what a tag leads to, or "".
 * False: it isn't there. */
bool wc_git_find_ref(const char *text, size_t len, const char *name, char id[65], char peeled[65]);

/* Finds the tag with the highest version in a range. Of equal versions the tag whose name sorts
 * last is taken. Returns its name (in the arena) or NULL. */
const char *wc_git_best_tag(const char *text, size_t len, const char *range,
                            struct wc_arena *arena);

enum wc_git_entry_kind { WC_GIT_FILE, WC_GIT_PROGRAM, WC_GIT_LINK, WC_GIT_MODULE, WC_GIT_UNKNOWN };

/* One entry of `git ls-tree -r -l -z`. */
struct wc_git_entry {
    enum wc_git_entry_kind kind;
    char id[65];
    uint64_t size;    /* 0 for a sub-module */
    const char *path; /* ends in a NUL, as -z writes it */
};

/* Reads the next entry and moves on. Returns 1, 0 at the end, -1 when the text is no such listing.
 */
int wc_git_next_entry(const char **at, const char *end, struct wc_git_entry *out);

/* True when a path can be made beneath a directory: relative, no empty, "." or ".." or ".git" part
 * (in any case), no control character, no part longer than 255 bytes. */
bool wc_git_is_path(const char *path);

/* What is in a commit or a tag object. */
struct wc_git_object {
    char tree[65];             /* commit */
    char object[65];           /* tag: what it is of */
    struct wc_piece type, tag; /* tag: "commit", its name */
    struct wc_piece author;    /* "Ann <ann@example.org>": of a tag its tagger */
    struct wc_piece subject;   /* first line of the message */
    int64_t time_ms;           /* of the committer or tagger */
    size_t n_signatures;
    char *payload; /* what was signed: the object without the signature; NULL where there is none */
    size_t payload_len;
    char *signature;
    size_t signature_len;
};

/* Reads a commit object; false when it is none. Payload and signature live in the arena. */
bool wc_git_read_commit(const char *text, size_t len, struct wc_arena *arena,
                        struct wc_git_object *out);

/* Reads a tag object likewise. */
bool wc_git_read_tag(const char *text, size_t len, struct wc_arena *arena,
                     struct wc_git_object *out);

/* True when two addresses have the same scheme, host and port in front ("https://host:8443"): what
 * is for the one's server may be given to the other's. Both as they are written: no case is folded,
 * no port is filled in. */
bool wc_git_same_host(const char *a, const char *b);

/* Copies a piece as one printable line of at most `max` bytes: control characters and what isn't
 * UTF-8 become "?". */
const char *wc_git_printable(struct wc_arena *arena, struct wc_piece piece, size_t max);

#endif
