/* git_source.c - looking at a remote, and fetching from it. A first fetch takes one commit; a later
 * one what lies between the last applied commit and the new one, which is what it takes to tell a
 * descendant. A remote that rewrites its history gives all of it, up to the cap, and is refused.
 */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "orchestrator/gitops/git.h"
#include "orchestrator/gitops/git_object.h"
#include "orchestrator/gitops/git_text.h"

enum { SHORT_ID = 12 };

static const char *full_ref(const struct wc_app_source *source, const char *ref,
                            struct wc_arena *arena)
{
    return wc_arena_printf(arena, "refs/%s/%s",
                           source->pin_kind == WC_PIN_BRANCH ? "heads" : "tags", ref);
}

static void name_it(struct wc_revision *revision, const char *id, struct wc_arena *arena)
{
    revision->name = wc_streq(revision->ref, id)
                         ? wc_arena_printf(arena, "%.*s", SHORT_ID, id)
                         : wc_arena_printf(arena, "%s@%.*s", revision->ref, SHORT_ID, id);
}

static int no_match(const struct wc_app_source *source, struct wc_err *err)
{
    static const char *const what[] = { [WC_PIN_BRANCH] = "branch",
                                        [WC_PIN_TAG] = "tag",
                                        [WC_PIN_SEMVER] = "tag in the range",
                                        [WC_PIN_COMMIT] = "commit" };
    return wc_err_set(err, WC_ERR_NOENT, 0, "the remote has no %s '%s'", what[source->pin_kind],
                      source->pin);
}

/* Finds what the pin names in a listing. */
static int choose(const struct wc_git *git, const struct wc_buf *text, struct wc_revision *out,
                  struct wc_err *err)
{
    const struct wc_app_source *source = git->source;
    struct wc_arena *arena = git->place->arena;
    char id[65], peeled[65];
    const char *ref = source->pin_kind == WC_PIN_SEMVER
                          ? wc_git_best_tag(text->data, text->len, source->pin, arena)
                          : source->pin;
    if (ref == NULL ||
        !wc_git_find_ref(text->data, text->len, full_ref(source, ref, arena), id, peeled))
        return no_match(source, err);
    struct wc_revision found = { .ref = wc_arena_strdup(arena, ref) };
    snprintf(found.mark, sizeof found.mark, "%s", id);
    snprintf(found.id, sizeof found.id, "%s",
             source->pin_kind != WC_PIN_BRANCH && peeled[0] != '\0' ? peeled : id);
    name_it(&found, found.id, arena);
    *out = found;
    return 0;
}

static int list_refs(const struct wc_git *git, struct wc_buf *out, struct wc_err *err)
{
    const struct wc_app_source *source = git->source;
    struct wc_arena *arena = git->place->arena;
    const char *args[8] = { "ls-remote", "--quiet" };
    size_t n = 2;
    args[n++] = source->pin_kind == WC_PIN_BRANCH ? "--heads" : "--tags";
    args[n++] = "--";
    args[n++] = git->url;
    if (source->pin_kind != WC_PIN_SEMVER)
        args[n++] = full_ref(source, source->pin, arena);
    if (source->pin_kind == WC_PIN_TAG) /* the line of what it leads to has another name */
        args[n++] = wc_arena_printf(arena, "refs/tags/%s^{}", source->pin);
    int rc = wc_git_run(git, args, NULL, out, err);
    return rc == WC_ERR_LIMIT ? wc_err_set(err, rc, 0, "the remote has more %s than are read",
                                           source->pin_kind == WC_PIN_BRANCH ? "branches" : "tags")
                              : rc;
}

int wc_git_look(const struct wc_app_source *source, const struct wc_source_place *place,
                struct wc_revision *out, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_git git;
    if (source->pin_kind == WC_PIN_COMMIT) { /* nothing that could change */
        struct wc_revision found = { .ref = wc_arena_strdup(place->arena, source->pin) };
        snprintf(found.id, sizeof found.id, "%s", source->pin);
        snprintf(found.mark, sizeof found.mark, "%s", source->pin);
        name_it(&found, found.id, place->arena);
        *out = found;
        return 0;
    }
    int rc = wc_git_open(&git, source, place, err);
    if (rc == 0)
        rc = list_refs(&git, &text, err);
    if (rc == 0)
        rc = choose(&git, &text, out, err);
    wc_git_close(&git);
    return rc;
}

/* Makes the repository, or makes it anew where it is of the other hash function. */
static int make_repository(const struct wc_git *git, const char *id, struct wc_err *err)
{
    bool is_sha256 = strlen(id) == 64;
    int status;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    const char *const ask[] = { "rev-parse", "--show-object-format", NULL };
    int rc = wc_git_ask(git, ask, &out, &status, err);
    if (rc != 0)
        return rc;
    if (status == 0 && wc_streq(out.data, is_sha256 ? "sha256\n" : "sha1\n"))
        return 0;
    if (status == 0)
        return wc_err_set(err, WC_ERR_CONFLICT, 0,
                          "the repository has changed its hash function: remove %s/git",
                          git->place->dir);
    const char *const args[] = { "init",
                                 "--quiet",
                                 "--bare",
                                 "--template=",
                                 is_sha256 ? "--object-format=sha256" : "--object-format=sha1",
                                 NULL };
    return wc_git_run(git, args, NULL, NULL, err);
}

static int has_commit(const struct wc_git *git, const char *id, bool *has, struct wc_err *err)
{
    int status;
    const char *const args[] = { "cat-file", "-e",
                                 wc_arena_printf(git->place->arena, "%s^{commit}", id), NULL };
    int rc = wc_git_ask(git, args, NULL, &status, err);
    *has = rc == 0 && status == 0;
    return rc;
}

static int is_shallow(const struct wc_git *git, bool *shallow, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    const char *const args[] = { "rev-parse", "--is-shallow-repository", NULL };
    int rc = wc_git_run(git, args, NULL, &out, err);
    *shallow = rc == 0 && wc_streq(out.data, "true\n");
    return rc;
}

/* How much history comes along: NULL, or an option of git-fetch. */
static int choose_depth(const struct wc_git *git, const struct wc_source_trail *trail,
                        bool has_last, const char **option, struct wc_err *err)
{
    bool shallow;
    *option = NULL;
    if (trail == NULL || trail->last_id == NULL || (trail->allow_rewind && !has_last)) {
        *option = "--depth=1";
        return 0;
    }
    if (has_last)
        return 0;
    int rc = is_shallow(git, &shallow, err);
    if (rc == 0 && shallow)
        *option = "--unshallow";
    return rc;
}

static int transfer(const struct wc_git *git, const char *what, const char *depth,
                    struct wc_err *err)
{
    const char *args[16] = { "fetch",
                             "--quiet",
                             "--force",
                             "--no-tags",
                             "--no-write-fetch-head",
                             "--no-auto-maintenance",
                             "--no-recurse-submodules" };
    size_t n = 7;
    if (depth != NULL)
        args[n++] = depth;
    args[n++] = "--";
    args[n++] = git->url;
    args[n++] = wc_arena_printf(git->place->arena, "+%s:" WC_GIT_NEW, what);
    return wc_git_run(git, args, NULL, NULL, err);
}

/* A commit by its id. Servers of the old protocol give only what a reference names: then all of
 * them are fetched, which the commit should be behind. */
static int transfer_commit(const struct wc_git *git, const char *id, const char *depth,
                           struct wc_err *err)
{
    struct wc_err first = { 0 };
    int rc = transfer(git, id, depth, &first);
    if (rc == 0 || (rc != WC_ERR_NOENT && rc != WC_ERR_UNAVAILABLE)) {
        if (rc != 0)
            *err = first;
        return rc;
    }
    const char *const all[] = { "fetch",
                                "--quiet",
                                "--no-tags",
                                "--no-write-fetch-head",
                                "--no-auto-maintenance",
                                "--no-recurse-submodules",
                                "--",
                                git->url,
                                "+refs/heads/*:refs/wcompose/all/heads/*",
                                "+refs/tags/*:refs/wcompose/all/tags/*",
                                NULL };
    const char *const keep[] = { "update-ref", WC_GIT_NEW, id, NULL };
    rc = wc_git_run(git, all, NULL, NULL, err);
    if (rc != 0)
        return rc;
    return wc_git_run(git, keep, NULL, NULL, err) == 0
               ? 0
               : wc_err_set(err, WC_ERR_NOENT, 0, "the remote has no commit '%s'", id);
}

/* Keeps the last applied commit from being packed away, and nothing but it where there is much. */
static int keep_last(const struct wc_git *git, const char *last_id, bool *has, struct wc_err *err)
{
    *has = false;
    if (last_id == NULL || !wc_git_is_id(last_id, strlen(last_id)))
        return 0;
    int rc = has_commit(git, last_id, has, err);
    const char *const args[] = { "update-ref", WC_GIT_APPLIED, last_id, NULL };
    if (rc == 0 && *has)
        rc = wc_git_run(git, args, NULL, NULL, err);
    return rc == 0 && *has ? wc_git_shed(git, last_id, err) : rc;
}

/* True when the trail asks that a revision follows the last one, as verify will. */
static bool must_follow(const struct wc_app_source *source, const struct wc_source_trail *trail,
                        const struct wc_revision *revision)
{
    return trail != NULL && trail->last_id != NULL && !trail->allow_rewind &&
           source->pin_kind != WC_PIN_COMMIT && !wc_streq(trail->last_id, revision->id) &&
           wc_git_is_id(trail->last_id, strlen(trail->last_id));
}

/* Gets more of a history that is cut, and sees that the remote still means the same by it. */
static int deepen(const struct wc_git *git, const struct wc_revision *revision, const char *option,
                  struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    const char *const ask[] = { "rev-parse", WC_GIT_NEW, NULL };
    int rc = transfer(git, full_ref(git->source, revision->ref, git->place->arena), option, err);
    if (rc == 0)
        rc = wc_git_run(git, ask, NULL, &out, err);
    if (rc == 0 &&
        (!wc_str_starts(out.data, revision->mark) || out.len != strlen(revision->mark) + 1))
        rc = wc_err_set(err, WC_ERR_CONFLICT, 0, "'%s' has moved on meanwhile", revision->ref);
    return rc;
}

/* Gets as much of the history as it takes to tell whether a revision follows the last one. Both may
 * be here with nothing between them (each was once fetched alone), where git takes the cut for a
 * beginning. Step by step, as what is between is mostly little and the whole may be beyond the cap;
 * what doesn't follow takes all of it. */
static int reach_last(const struct wc_git *git, const struct wc_source_trail *trail,
                      const struct wc_revision *revision, struct wc_err *err)
{
    static const char *const steps[] = { "--deepen=50", "--deepen=500", "--deepen=5000",
                                         "--unshallow" };
    const char *const follows[] = { "merge-base", "--is-ancestor", trail->last_id, revision->id,
                                    NULL };
    for (size_t i = 0; i < WC_COUNT(steps); i++) {
        int status;
        bool shallow = false;
        int rc = wc_git_ask(git, follows, NULL, &status, err);
        if (rc == 0 && status != 0)
            rc = is_shallow(git, &shallow, err);
        if (rc != 0 || !shallow)
            return rc;
        rc = deepen(git, revision, steps[i], err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* What the mark names, as it is here now. */
static int check_arrived(const struct wc_git *git, struct wc_revision *revision, struct wc_err *err)
{
    struct wc_git_found found;
    int rc = wc_git_object(git, revision->mark, &found, err);
    if (rc != 0)
        return rc;
    if (found.kind == WC_GIT_TAG_OBJECT) {
        struct wc_git_object tag;
        if (!wc_git_read_tag(found.text, found.len, git->place->arena, &tag))
            return wc_err_set(err, WC_ERR_PERM, 0, "tag '%s' is broken", revision->ref);
        rc = wc_git_object(git, tag.object, &found, err);
    }
    if (rc != 0)
        return rc;
    if (found.kind != WC_GIT_COMMIT_OBJECT)
        return wc_err_set(err, WC_ERR_NOENT, 0, "'%s' leads to no commit", revision->ref);
    return wc_git_describe(git, &found, revision, err);
}

static int get(const struct wc_git *git, const struct wc_source_trail *trail,
               struct wc_revision *revision, struct wc_err *err)
{
    const struct wc_app_source *source = git->source;
    struct wc_arena *arena = git->place->arena;
    const char *last_id = trail == NULL ? NULL : trail->last_id, *depth;
    bool has_last, has_new = false;
    wc_git_sweep(git);
    int rc = make_repository(git, revision->mark, err);
    if (rc == 0)
        rc = keep_last(git, last_id, &has_last, err);
    if (rc == 0)
        rc = has_commit(git, revision->mark, &has_new, err);
    if (rc != 0)
        return rc;
    if (has_new && (last_id == NULL || trail->allow_rewind || has_last))
        return 0;
    rc = choose_depth(git, trail, has_last, &depth, err);
    if (rc != 0)
        return rc;
    rc = source->pin_kind == WC_PIN_COMMIT
             ? transfer_commit(git, revision->mark, depth, err)
             : transfer(git, full_ref(source, revision->ref, arena), depth, err);
    if (rc == 0)
        rc = has_commit(git, revision->mark, &has_new, err);
    if (rc != 0 || has_new)
        return rc;
    return source->pin_kind == WC_PIN_COMMIT
               ? wc_err_set(err, WC_ERR_NOENT, 0, "what the remote has as '%s' is no commit",
                            source->pin)
               : wc_err_set(err, WC_ERR_CONFLICT, 0, "'%s' has moved on meanwhile", revision->ref);
}

static int fetch(const struct wc_git *git, const struct wc_source_trail *trail,
                 struct wc_revision *revision, struct wc_err *err)
{
    int rc = get(git, trail, revision, err);
    if (rc == 0)
        rc = check_arrived(git, revision, err);
    if (rc == 0 && must_follow(git->source, trail, revision))
        rc = reach_last(git, trail, revision, err);
    if (rc != 0)
        wc_git_sweep(git); /* as much as the cap allows, for nothing */
    return rc;
}

int wc_git_fetch(const struct wc_app_source *source, const struct wc_source_place *place,
                 const struct wc_source_trail *trail, struct wc_revision *revision,
                 struct wc_err *err)
{
    struct wc_git git;
    if (!wc_git_is_id(revision->mark, strlen(revision->mark)) || revision->ref == NULL)
        return wc_err_set(err, WC_ERR_USAGE, 0, "a revision has to be looked at first");
    int rc = wc_git_open(&git, source, place, err);
    if (rc == 0)
        rc = fetch(&git, trail, revision, err);
    wc_git_close(&git);
    return rc;
}
