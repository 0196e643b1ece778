/* lfs.h - files of Git LFS: a commit holds their SHA-256, their content is elsewhere
 * (orchestrator/gitops, private).
 *
 * Idea:    a pointer in a tree that is believed says which bytes are meant. So whoever sends them
 *          need not be believed: what comes is hashed as it comes, cut off at the size that the
 *          pointer has, and gets its name (place/lfs/<sha256>) when it is whole and right. Servers
 *          are asked by curl, ssh and cat in the jail; their answers are text in, values out.
 * Owner:   strings live in the arena. Threads: one. Blocks: on programs, until the deadline.
 * Errors:  WC_ERR_PERM (the commit's fault: a pointer that can't be), WC_ERR_LIMIT (larger than
 *          size_limit), WC_ERR_UNAVAILABLE (a server that is away, has no such object, or sends
 *          another one: it may be mended without a new commit), WC_ERR_TIMEOUT, WC_ERR_IO.
 * Source:  git-lfs, docs/spec.md, docs/api/batch.md, docs/api/server-discovery.md.
 */
#ifndef ORCHESTRATOR_GITOPS_LFS_H
#define ORCHESTRATOR_GITOPS_LFS_H

#include "orchestrator/gitops/git.h"
#include "orchestrator/gitops/git_text.h"
#include "orchestrator/gitops/tree.h"

/* Which bytes are meant. */
struct wc_lfs_object {
    char oid[65]; /* their SHA-256 */
    uint64_t size;
    const char *path; /* of a file that has them, as people are shown it */
};

/* A file of a checkout whose content is to come. */
struct wc_lfs_file {
    const char *path; /* in the checkout */
    bool is_program;
    struct wc_lfs_object object;
};

/* The files of one part of a checkout: from one repository. Zeroed to begin with. */
struct wc_lfs_files {
    struct wc_lfs_file *items;
    size_t n, cap;
};

/* What one checkout has in common. */
struct wc_lfs_use {
    const struct wc_source_place *place;
    struct wc_tree *tree;
    uint64_t deadline_at_ms;
    struct wc_lfs_object *named; /* n: what pointers named so far, in all parts */
    size_t n, cap;
};

/* lfs.c: takes note of a file if its bytes are a pointer, which *is_pointer then says. */
int wc_lfs_note(struct wc_lfs_use *use, struct wc_lfs_files *files, const struct wc_lfs_file *file,
                const struct wc_piece *bytes, bool *is_pointer, struct wc_err *err);

/* lfs.c: puts the content of all of them into the checkout. What isn't here is got from where the
 * repository of `git` comes from; nothing is, if all together is more than the checkout may be. */
int wc_lfs_lay_out(struct wc_lfs_use *use, struct wc_git *git, const struct wc_lfs_files *files,
                   struct wc_err *err);

/* --- lfs_text.c: what authors and servers say (pure) ------------------------------------------ */

/* How long a pointer is at most: what is longer is a plain file. */
enum { WC_LFS_POINTER_MAX = 1023 };

enum wc_lfs_kind { WC_LFS_PLAIN, WC_LFS_POINTER, WC_LFS_BROKEN };

/* Says what a file is, by its bytes. BROKEN: it begins as a pointer does and isn't one in the
 * canonical form, or has extensions; *why gets the reason (a constant). */
enum wc_lfs_kind wc_lfs_read_pointer(const char *text, size_t len, struct wc_lfs_object *out,
                                     const char **why);

/* How many objects a question has, how many headers an answer may want for each, how long an
 * address and a header may be, and how many bytes an answer has at most. */
enum {
    WC_LFS_BATCH = 100,
    WC_LFS_HEADERS = 16,
    WC_LFS_TEXT_MAX = 8192,
    WC_LFS_ANSWER_MAX = 4 << 20
};

/* Somebody to ask: an address, and headers for it and for nobody else. */
struct wc_lfs_target {
    const char *url; /* NULL: there is none, for the reason in `why` */
    const char *why;
    struct {
        const char *name, *value;
    } headers[WC_LFS_HEADERS];
    size_t n_headers;
};

/* Adds a header, both parts of which can be in no way more than that. False: it may not be. */
bool wc_lfs_add_header(struct wc_lfs_target *target, const char *name, const char *value);

/* Adds "Authorization: Basic …" for "user:token". */
void wc_lfs_add_token(struct wc_lfs_target *target, const char *token, struct wc_arena *arena);

/* True for an https address of a host and a path, without a user, in printable ASCII. */
bool wc_lfs_is_url(const char *url);

/* "https://host/shop.git" -> "https://host/shop.git/info/lfs". */
const char *wc_lfs_server_url(const char *url, struct wc_arena *arena);

/* An ssh source's address as ssh and the command are to be given it: "ssh://git@host:22" and
 * "git-lfs-authenticate '/shop.git' download", and where LFS is when the answer doesn't say. False:
 * it has a character that can't be passed on. */
struct wc_lfs_ssh {
    const char *destination, *command, *url;
};
bool wc_lfs_read_ssh(const char *url, struct wc_arena *arena, struct wc_lfs_ssh *out);

/* What a server is asked, and what it answered: objects[i] is to be had from targets[i]. */
struct wc_lfs_batch {
    const struct wc_lfs_object *objects;
    struct wc_lfs_target *targets;
    size_t n; /* at most WC_LFS_BATCH */
};
void wc_lfs_write_question(const struct wc_lfs_batch *batch, struct wc_buf *out);

/* Fills in the targets. `own` is whom the question was for: its headers are added for what is at
 * the same host and port, and needs a password that the answer doesn't give. */
int wc_lfs_read_answer(const struct wc_piece *text, const struct wc_lfs_target *own,
                       const struct wc_lfs_batch *batch, struct wc_arena *arena,
                       struct wc_err *err);

/* What git-lfs-authenticate prints. `url` is taken where it names none. */
int wc_lfs_read_login(const struct wc_piece *text, const char *url, struct wc_arena *arena,
                      struct wc_lfs_target *out, struct wc_err *err);

/* Appends the settings of curl's for one request, as a part of a file of settings: each is one line
 * of ours, whatever is in the target.
 *   ca_file  NULL, or certificates that are believed instead of the system's
 *   most     bytes that are wanted
 *   is_post  standard input is sent, as a question
 */
struct wc_lfs_request {
    const struct wc_lfs_target *target;
    const char *ca_file;
    uint64_t most;
    bool is_post;
};
void wc_lfs_write_request(const struct wc_lfs_request *request, struct wc_buf *out);

/* --- lfs_store.c: what is here ---------------------------------------------------------------- */

/* One stream that brings objects one behind the other. */
struct wc_lfs_intake {
    const struct wc_source_place *place;
    const struct wc_lfs_object *objects;
    size_t n, done; /* how many are wanted, and are here, whole and right */
    const char *fresh;
    int fd; /* of the one that is coming; -1: none is */
    uint64_t left;
    struct wc_sha256 *hash;
};

/* Makes the store, and empties it of what a pass left that was killed. */
int wc_lfs_store_open(const struct wc_source_place *place, struct wc_err *err);

/* Says whether an object is here. WC_ERR_PERM: it is, and has another size. */
int wc_lfs_store_has(const struct wc_source_place *place, const struct wc_lfs_object *object,
                     bool *is_here, struct wc_err *err);

/* Opens one that is here for reading; -1 with errno set. */
int wc_lfs_store_get(const struct wc_source_place *place, const struct wc_lfs_object *object);

/* Takes what comes (wc_jail_take_fn; data: the intake). End it with wc_lfs_intake_end, always. */
int wc_lfs_intake_take(void *data, const char *bytes, size_t len, struct wc_err *err);
void wc_lfs_intake_end(struct wc_lfs_intake *intake);

/* Removes all but `used`, which it sorts. */
int wc_lfs_store_sweep(const struct wc_source_place *place, struct wc_lfs_object *used, size_t n,
                       struct wc_err *err);

/* For qsort: by id, then by size. */
int wc_lfs_compare(const void *a, const void *b);

/* --- lfs_server.c: where it comes from -------------------------------------------------------- */

/* Gets objects into the store, of which none is here and no two are the same, from where `git`'s
 * repository is. */
int wc_lfs_fetch(struct wc_lfs_use *use, struct wc_git *git, const struct wc_lfs_object *objects,
                 size_t n, struct wc_err *err);

#endif
