/* git_object.h - objects of the repository, asked for by name (orchestrator/gitops, private).
 *
 * Owner: texts live in the place's arena. Threads: one. Blocks: on git. Errors: WC_ERR_NOENT (no
 * such object, or path), and those of wcompose/source.h.
 */
#ifndef ORCHESTRATOR_GITOPS_GIT_OBJECT_H
#define ORCHESTRATOR_GITOPS_GIT_OBJECT_H

#include "orchestrator/gitops/git.h"

enum wc_git_object_kind {
    WC_GIT_COMMIT_OBJECT,
    WC_GIT_TAG_OBJECT,
    WC_GIT_TREE_OBJECT,
    WC_GIT_BLOB_OBJECT
};

/* One object. text has len bytes and a NUL. */
struct wc_git_found {
    char id[65];
    enum wc_git_object_kind kind;
    const char *text;
    size_t len;
};

/* Gets an object by what git takes for a name: an id, a reference, "<commit>:<path>". */
int wc_git_object(const struct wc_git *git, const char *name, struct wc_git_found *out,
                  struct wc_err *err);

/* Reads "<id> <type> <size>", the line that `git cat-file --batch` writes before an object (pure).
 * Returns the byte after it, or NULL. "<name> missing" is NULL too. */
const char *wc_git_read_batch_line(const char *text, size_t len, struct wc_git_found *out);

/* Fills in what a commit says of itself, and the id of the tree that is used. */
int wc_git_describe(const struct wc_git *git, const struct wc_git_found *commit,
                    struct wc_revision *revision, struct wc_err *err);

#endif
