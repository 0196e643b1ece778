/* git_verify.c - is a fetched commit one to apply? Signed as the admin wants it, and after the
 * last. A tag's signature covers the commit by its id, and its own name: an old signed tag that is
 * published under a new name is told by that.
 */
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "orchestrator/gitops/git.h"
#include "orchestrator/gitops/git_object.h"
#include "orchestrator/gitops/git_text.h"
#include "orchestrator/gitops/signature.h"

static int check_one(const struct wc_git *git, const char *what, const struct wc_git_object *object,
                     const char **signer, struct wc_err *err)
{
    if (object->n_signatures == 0)
        return wc_err_set(err, WC_ERR_PERM, 0, "%s is not believed: it is not signed", what);
    if (object->n_signatures != 1 || object->signature == NULL)
        return wc_err_set(err, WC_ERR_PERM, 0, "%s is not believed: it has several signatures",
                          what);
    const struct wc_signed text = { .what = what,
                                    .name_space = "git",
                                    .text = object->payload,
                                    .text_len = object->payload_len,
                                    .signature = object->signature,
                                    .signature_len = object->signature_len };
    return wc_signature_check(git->source, git->place, &text, signer, err);
}

static int verify_commit(const struct wc_git *git, const char *id, const char **signer,
                         struct wc_err *err)
{
    struct wc_git_found found;
    struct wc_git_object object;
    struct wc_arena *arena = git->place->arena;
    const char *what = wc_arena_printf(arena, "commit %.12s", id);
    int rc = wc_git_object(git, id, &found, err);
    if (rc != 0)
        return rc;
    if (found.kind != WC_GIT_COMMIT_OBJECT ||
        !wc_git_read_commit(found.text, found.len, arena, &object))
        return wc_err_set(err, WC_ERR_PERM, 0, "%s is broken", what);
    return check_one(git, what, &object, signer, err);
}

static bool is_text(struct wc_piece piece, const char *text)
{
    return piece.len == strlen(text) && memcmp(piece.at, text, piece.len) == 0;
}

static int verify_tag(const struct wc_git *git, const struct wc_revision *revision,
                      const char **signer, struct wc_err *err)
{
    struct wc_git_found found;
    struct wc_git_object object;
    struct wc_arena *arena = git->place->arena;
    const char *what = wc_arena_printf(arena, "tag '%s'", revision->ref);
    int rc = wc_git_object(git, revision->mark, &found, err);
    if (rc != 0)
        return rc;
    if (found.kind != WC_GIT_TAG_OBJECT)
        return wc_err_set(err, WC_ERR_PERM, 0, "%s is not believed: it is not signed", what);
    if (!wc_git_read_tag(found.text, found.len, arena, &object))
        return wc_err_set(err, WC_ERR_PERM, 0, "%s is broken", what);
    if (!is_text(object.tag, revision->ref))
        return wc_err_set(err, WC_ERR_PERM, 0, "%s is not believed: it was made under another name",
                          what);
    if (!is_text(object.type, "commit") || !wc_streq(object.object, revision->id))
        return wc_err_set(err, WC_ERR_PERM, 0, "%s is not believed: it is of another object", what);
    return check_one(git, what, &object, signer, err);
}

static int verify_signatures(const struct wc_git *git, const struct wc_revision *revision,
                             const char **signer, struct wc_err *err)
{
    int rc = 0;
    const char *of_tag = NULL, *of_commit = NULL;
    switch (git->source->verify) {
    case WC_VERIFY_NONE:
        return 0;
    case WC_VERIFY_COMMIT:
        rc = verify_commit(git, revision->id, &of_commit, err);
        break;
    case WC_VERIFY_TAG:
        rc = verify_tag(git, revision, &of_tag, err);
        break;
    case WC_VERIFY_BOTH:
        rc = verify_tag(git, revision, &of_tag, err);
        if (rc == 0)
            rc = verify_commit(git, revision->id, &of_commit, err);
        break;
    }
    if (rc != 0)
        return rc;
    *signer = of_tag != NULL && of_commit != NULL && !wc_streq(of_tag, of_commit)
                  ? wc_arena_printf(git->place->arena, "%s; commit: %s", of_tag, of_commit)
                  : (of_tag != NULL ? of_tag : of_commit);
    return 0;
}

/* Something that the admin pinned by its id is what he wants, whatever ran before. */
static int verify_trail(const struct wc_git *git, const struct wc_revision *revision,
                        const struct wc_source_trail *trail, struct wc_err *err)
{
    int status = 0;
    if (trail == NULL || trail->last_id == NULL || trail->allow_rewind ||
        git->source->pin_kind == WC_PIN_COMMIT || wc_streq(trail->last_id, revision->id))
        return 0;
    const char *const args[] = { "merge-base", "--is-ancestor", trail->last_id, revision->id,
                                 NULL };
    if (wc_git_is_id(trail->last_id, strlen(trail->last_id))) {
        int rc = wc_git_ask(git, args, NULL, &status, err);
        if (rc != 0 || status == 0)
            return rc;
    }
    return wc_err_set(err, WC_ERR_PERM, 0,
                      "%.12s does not follow %.12s, which was applied last: the history was "
                      "rewritten or rewound (reconcile --once --allow-rewind APP takes it)",
                      revision->id, trail->last_id);
}

int wc_git_verify(const struct wc_app_source *source, const struct wc_source_place *place,
                  const struct wc_source_trail *trail, struct wc_revision *revision,
                  struct wc_err *err)
{
    struct wc_git git;
    const char *signer = NULL;
    if (source->pin_kind == WC_PIN_COMMIT && !wc_streq(source->pin, revision->id))
        return wc_err_set(err, WC_ERR_PERM, 0, "%.12s is not the commit that is pinned",
                          revision->id);
    int rc = wc_git_open(&git, source, place, err);
    if (rc == 0)
        rc = verify_signatures(&git, revision, &signer, err);
    if (rc == 0)
        rc = verify_trail(&git, revision, trail, err);
    wc_git_close(&git);
    if (rc == 0)
        revision->signer = signer;
    return rc;
}
