/* git_object.c - one `git cat-file --batch` an object. */
#include "orchestrator/gitops/git_object.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "orchestrator/gitops/git_text.h"

enum { AUTHOR_MAX = 120, SUBJECT_MAX = 200 };

static const char *read_kind(const char *at, struct wc_git_found *out)
{
    static const struct {
        const char *text;
        enum wc_git_object_kind kind;
    } kinds[] = { { "commit ", WC_GIT_COMMIT_OBJECT },
                  { "tag ", WC_GIT_TAG_OBJECT },
                  { "tree ", WC_GIT_TREE_OBJECT },
                  { "blob ", WC_GIT_BLOB_OBJECT } };
    for (size_t i = 0; i < WC_COUNT(kinds); i++)
        if (wc_str_starts(at, kinds[i].text)) {
            out->kind = kinds[i].kind;
            return at + strlen(kinds[i].text);
        }
    return NULL;
}

const char *wc_git_read_batch_line(const char *text, size_t len, struct wc_git_found *out)
{
    char line[160];
    const char *eol = memchr(text, '\n', len);
    size_t n = eol == NULL ? sizeof line : (size_t)(eol - text);
    if (n >= sizeof line || memchr(text, '\0', n) != NULL)
        return NULL;
    memcpy(line, text, n);
    line[n] = '\0';
    size_t id_len = strcspn(line, " ");
    if (!wc_git_is_id(line, id_len) || line[id_len] != ' ')
        return NULL;
    memcpy(out->id, line, id_len);
    out->id[id_len] = '\0';
    const char *size = read_kind(line + id_len + 1, out);
    int64_t bytes;
    if (size == NULL || !wc_ascii_isdigit(*size) || !wc_str_to_i64(size, 0, INT64_MAX, &bytes))
        return NULL;
    out->len = (size_t)bytes;
    return eol + 1;
}

int wc_git_object(const struct wc_git *git, const char *name, struct wc_git_found *out,
                  struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf input = WC_BUF_INIT;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    const char *const args[] = { "cat-file", "--batch", NULL };
    wc_buf_printf(&input, "%s\n", name);
    int rc = wc_git_run(git, args, &input, &text, err);
    if (rc != 0)
        return rc;
    const char *at = wc_git_read_batch_line(text.data, text.len, out);
    if (at == NULL)
        return wc_err_set(err, WC_ERR_NOENT, 0, "the repository has no '%.80s'", name);
    if (out->len + 1 != text.len - (size_t)(at - text.data)) /* a newline ends it */
        return wc_err_set(err, WC_ERR_IO, 0, "git gave another size than it said");
    char *copy = wc_arena_alloc(git->place->arena, out->len + 1);
    memcpy(copy, at, out->len);
    out->text = copy;
    return 0;
}

/* The tree of the sub-path. */
static int find_tree(const struct wc_git *git, const char *commit, char tree[65],
                     struct wc_err *err)
{
    const char *path = git->source->path;
    struct wc_git_found found;
    if (path == NULL)
        return 0;
    const char *name = wc_arena_printf(git->place->arena, "%s:%s", commit, path);
    int rc = wc_git_object(git, name, &found, err);
    if (rc == WC_ERR_NOENT || (rc == 0 && found.kind != WC_GIT_TREE_OBJECT))
        return wc_err_set(err, WC_ERR_NOENT, 0, "there is no directory '%s' in %.12s", path,
                          commit);
    if (rc == 0)
        snprintf(tree, 65, "%s", found.id);
    return rc;
}

int wc_git_describe(const struct wc_git *git, const struct wc_git_found *commit,
                    struct wc_revision *revision, struct wc_err *err)
{
    struct wc_git_object object;
    struct wc_arena *arena = git->place->arena;
    char tree[65];
    if (!wc_git_read_commit(commit->text, commit->len, arena, &object))
        return wc_err_set(err, WC_ERR_PERM, 0, "commit %.12s is broken", commit->id);
    snprintf(tree, sizeof tree, "%s", object.tree);
    int rc = find_tree(git, commit->id, tree, err);
    if (rc != 0)
        return rc;
    snprintf(revision->id, sizeof revision->id, "%s", commit->id);
    snprintf(revision->tree, sizeof revision->tree, "%s", tree);
    revision->author = wc_git_printable(arena, object.author, AUTHOR_MAX);
    revision->subject = wc_git_printable(arena, object.subject, SUBJECT_MAX);
    revision->time_ms = object.time_ms;
    return 0;
}
