/* git_stream.h - what `git cat-file --batch` prints, as it comes (orchestrator/gitops, pure).
 *
 * Idea:    an object may be as large as the source's cap, a piece of it is what the pipe gave: what
 *          is kept is the line before an object and a count. What comes is hostile: a line that is
 *          none, or an object that doesn't end where its line says, is the end of it.
 * Owner:   the caller's storage; pieces are borrowed for the call.
 * Threads: one. Blocks: as the taker does.
 * Errors:  WC_ERR_PERM (it isn't of the form), and the taker's own.
 * Source:  git-cat-file(1), BATCH OUTPUT.
 */
#ifndef ORCHESTRATOR_GITOPS_GIT_STREAM_H
#define ORCHESTRATOR_GITOPS_GIT_STREAM_H

#include "orchestrator/gitops/git_object.h"

/* Who wants the objects. `begin` comes once for each, with its id, kind and len (no text), then its
 * bytes in pieces, none of which is empty, then `end`. Each returns 0, or a code with *err, which
 * ends it. */
struct wc_git_taker {
    int (*begin)(void *data, const struct wc_git_found *object, struct wc_err *err);
    int (*more)(void *data, const char *bytes, size_t len, struct wc_err *err);
    int (*end)(void *data, struct wc_err *err);
};

/* Begin with { .taker = …, .data = … }. */
struct wc_git_stream {
    const struct wc_git_taker *taker;
    void *data;
    enum { WC_GIT_STREAM_LINE, WC_GIT_STREAM_BYTES, WC_GIT_STREAM_NEWLINE } at;
    char line[160];
    size_t line_len;
    uint64_t left; /* of the object that is coming */
};

/* Takes what comes next (wc_jail_take_fn; stream: a struct wc_git_stream). Not to be called again
 * once it returned a code. */
int wc_git_stream_take(void *stream, const char *bytes, size_t len, struct wc_err *err);

/* True between two objects: what has come so far is whole. */
bool wc_git_stream_is_whole(const struct wc_git_stream *stream);

#endif
