/* checkout.c - a tree of git's as a directory, written by us: `git checkout` would run filters,
 * obey attributes and follow what is there. Sizes come with the listing, so that the cap is kept
 * before any content is asked for.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/fs.h"
#include "base/str.h"
#include "orchestrator/gitops/checkout.h"
#include "orchestrator/gitops/git_object.h"
#include "orchestrator/gitops/git_text.h"

enum { BATCH_BYTES = 8 << 20, LINE_BYTES = 160, TARGET_MAX = 4095 };

/* One commit's part of a checkout: what is listed, and how far it is written. */
struct part {
    struct wc_checkout *all;
    struct wc_git *git;
    const char *commit, *tree;
    const char *prefix; /* where it is in the checkout: "", "libs/x/" */
    const char *above;  /* what the tree is beneath, in the commit: "", "deploy/shop/" */
    unsigned depth;
    struct wc_buf listing;
    const char *next;        /* in listing */
    struct wc_lfs_files lfs; /* of it, whose content is to come */
};

static const char *placed(const struct part *c, const char *path)
{
    return c->prefix[0] == '\0' ? path
                                : wc_arena_printf(c->all->place->arena, "%s%s", c->prefix, path);
}

static int broken(struct wc_err *err)
{
    return wc_err_set(err, WC_ERR_PERM, 0, "git's listing of the tree is broken");
}

/* Adds up what is listed: too much is told before it is fetched out. */
static int check_sizes(struct part *c, struct wc_err *err)
{
    struct wc_git_entry entry;
    size_t bytes = 0, files = 0;
    const char *at = c->listing.data, *end = at + c->listing.len;
    int rc;
    while ((rc = wc_git_next_entry(&at, end, &entry)) > 0) {
        if (entry.size > c->all->tree.bytes_left - bytes)
            return wc_err_set(err, WC_ERR_LIMIT, 0, "there is more in it than size_limit allows");
        bytes += (size_t)entry.size;
        if (++files > c->all->tree.files_left)
            return wc_err_set(err, WC_ERR_LIMIT, 0,
                              "there are more files in it than the cap allows (max_files)");
    }
    return rc < 0 ? broken(err) : 0;
}

/* A file, or a note that its content is elsewhere. */
static int write_file(struct part *c, const char *path, bool is_program,
                      const struct wc_piece *bytes, struct wc_err *err)
{
    const struct wc_lfs_file file = { .path = path, .is_program = is_program };
    bool is_pointer = false;
    int rc = c->all->source->lfs
                 ? wc_lfs_note(&c->all->lfs, &c->lfs, &file, bytes, &is_pointer, err)
                 : 0;
    return rc != 0 || is_pointer ? rc : wc_tree_file(&c->all->tree, path, bytes, is_program, err);
}

static int write_entry(struct part *c, const struct wc_git_entry *entry,
                       const struct wc_piece *bytes, struct wc_err *err)
{
    const char *path = placed(c, entry->path);
    switch (entry->kind) {
    case WC_GIT_FILE:
    case WC_GIT_PROGRAM:
        return write_file(c, path, entry->kind == WC_GIT_PROGRAM, bytes, err);
    case WC_GIT_LINK:
        if (bytes->len > TARGET_MAX || memchr(bytes->at, '\0', bytes->len) != NULL)
            return wc_err_set(err, WC_ERR_PERM, 0, "the link %.100s is broken", entry->path);
        return wc_tree_link(&c->all->tree, path,
                            wc_arena_strndup(c->all->place->arena, bytes->at, bytes->len), err);
    case WC_GIT_MODULE:
    case WC_GIT_UNKNOWN:
        break;
    }
    return broken(err);
}

/* Takes what `cat-file --batch` gave for the entries from `from` to c->next. */
static int write_batch(struct part *c, const char *from, const struct wc_buf *text,
                       struct wc_err *err)
{
    struct wc_git_entry entry;
    const char *at = text->data, *end = at + text->len;
    while (from < c->next && wc_git_next_entry(&from, c->next, &entry) > 0) {
        if (entry.kind == WC_GIT_MODULE)
            continue;
        struct wc_git_found found;
        const char *bytes = wc_git_read_batch_line(at, (size_t)(end - at), &found);
        if (bytes == NULL || !wc_streq(found.id, entry.id) || found.kind != WC_GIT_BLOB_OBJECT ||
            found.len != entry.size || found.len >= (size_t)(end - bytes))
            return broken(err);
        const struct wc_piece piece = { bytes, found.len };
        int rc = write_entry(c, &entry, &piece, err);
        if (rc != 0)
            return rc;
        at = bytes + found.len + 1;
    }
    return at == end ? 0 : broken(err);
}

/* Asks for as many objects as fit into a batch, at least one. False at the end of the listing. */
static bool gather(struct part *c, struct wc_buf *ids, size_t *bytes, struct wc_err *err, int *rc)
{
    struct wc_git_entry entry;
    const char *end = c->listing.data + c->listing.len;
    *bytes = 0;
    while (c->next < end) {
        const char *at = c->next;
        if (wc_git_next_entry(&at, end, &entry) <= 0) {
            *rc = broken(err);
            return false;
        }
        size_t cost = (size_t)entry.size + LINE_BYTES;
        if (*bytes > 0 && *bytes + cost > BATCH_BYTES)
            break;
        c->next = at;
        if (entry.kind == WC_GIT_MODULE) {
            *rc = wc_tree_dir(&c->all->tree, placed(c, entry.path), err);
            if (*rc != 0)
                return false;
            continue;
        }
        *bytes += cost;
        wc_buf_printf(ids, "%s\n", entry.id);
    }
    return ids->len > 0;
}

static int write_all(struct part *c, struct wc_err *err)
{
    static const char *const args[] = { "cat-file", "--batch", NULL };
    WC_CLEANUP_BUF struct wc_buf ids = WC_BUF_INIT;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    size_t bytes, most = c->git->jail.max_out_bytes;
    int rc = 0;
    for (const char *from = c->next; rc == 0 && gather(c, &ids, &bytes, err, &rc); from = c->next) {
        c->git->jail.max_out_bytes = bytes;
        rc = wc_git_run(c->git, args, &ids, &text, err);
        if (rc == 0)
            rc = write_batch(c, from, &text, err);
        wc_buf_reset(&ids);
        wc_buf_reset(&text);
    }
    c->git->jail.max_out_bytes = most;
    return rc;
}

static int lay_out(struct part *c, struct wc_err *err);

/* A sub-module's commit, where its directory is already. */
static int add_module(const struct part *c, const struct wc_git_entry *entry, struct wc_err *err)
{
    struct wc_arena *arena = c->all->place->arena;
    struct wc_module_source from;
    struct wc_git git;
    const struct wc_module module = {
        .git = c->git,
        .commit = c->commit,
        .path = wc_arena_printf(arena, "%s%s", c->above, entry->path),
        .id = entry->id,
    };
    if (c->depth == WC_MODULES_DEEP)
        return wc_err_set(err, WC_ERR_LIMIT, 0, "sub-modules are deeper than %d in each other",
                          WC_MODULES_DEEP);
    int rc = wc_module_fetch(c->all, &module, &from, err);
    if (rc != 0)
        return rc;
    struct part inner = {
        .all = c->all,
        .git = &git,
        .commit = from.revision.id,
        .tree = from.revision.tree,
        .prefix = wc_arena_printf(arena, "%s%s/", c->prefix, entry->path),
        .above = "",
        .depth = c->depth + 1,
        .listing = WC_BUF_INIT,
    };
    rc = wc_git_open(&git, &from.source, &from.place, err);
    if (rc == 0)
        rc = lay_out(&inner, err);
    wc_git_close(&git);
    wc_buf_deinit(&inner.listing);
    return rc;
}

static int add_modules(const struct part *c, struct wc_err *err)
{
    struct wc_git_entry entry;
    const char *at = c->listing.data, *end = at + c->listing.len;
    int rc = 0;
    while (rc == 0 && wc_git_next_entry(&at, end, &entry) > 0)
        if (entry.kind == WC_GIT_MODULE)
            rc = add_module(c, &entry, err);
    return rc;
}

/* Recursion: as deep as sub-modules may be. */
static int lay_out(struct part *c, struct wc_err *err)
{
    const char *const args[] = { "ls-tree", "-r", "-l", "-z", "--full-tree", c->tree, NULL };
    int rc = wc_git_run(c->git, args, NULL, &c->listing, err);
    if (rc != 0 || c->listing.len == 0)
        return rc;
    c->next = c->listing.data;
    rc = check_sizes(c, err);
    if (rc == 0)
        rc = write_all(c, err);
    if (rc == 0)
        rc = wc_lfs_lay_out(&c->all->lfs, c->git, &c->lfs, err);
    if (rc == 0 && c->all->source->submodules)
        rc = add_modules(c, err);
    return rc;
}

static int make(struct part *c, const char *name, const char **dir, struct wc_err *err)
{
    struct wc_checkout *all = c->all;
    int rc = wc_tree_begin(&all->tree, all->source, all->place, "trees", err);
    if (rc != 0)
        return rc;
    rc = lay_out(c, err);
    if (rc == 0)
        rc = wc_tree_keep(&all->tree, name, dir, err);
    else
        wc_tree_drop(&all->tree);
    struct wc_err ignored = { 0 };
    if (rc == 0)
        (void)wc_tree_sweep(all->place, "modules", &all->used, &ignored);
    /* Also when it failed: else each commit that fails could leave as much as is allowed. */
    if (rc == 0 || all->lfs.n > 0)
        (void)wc_lfs_store_sweep(all->place, all->lfs.named, all->lfs.n, &ignored);
    return rc;
}

int wc_app_source_checkout(const struct wc_app_source *source, const struct wc_source_place *place,
                           const struct wc_revision *revision, const char **dir, struct wc_err *err)
{
    struct wc_git git;
    struct wc_arena *arena = place->arena;
    const char *name = wc_arena_printf(arena, "%s%s%s", revision->tree,
                                       source->submodules ? WC_TREE_WITH_MODULES : "",
                                       source->lfs ? WC_TREE_WITH_LFS : "");
    const char *path = wc_arena_printf(arena, "%s/trees/%s", place->dir, name);
    if (!wc_git_is_id(revision->tree, strlen(revision->tree)))
        return wc_err_set(err, WC_ERR_USAGE, 0, "a revision has to be fetched first");
    if (wc_fs_exists(path)) {
        *dir = path;
        return 0;
    }
    if (source->kind != WC_APP_SOURCE_GIT)
        return wc_err_set(err, WC_ERR_NOENT, 0, "its files are gone; fetch it again");
    struct wc_checkout all = { .source = source,
                               .place = place,
                               .deadline_at_ms = wc_source_deadline(source),
                               .modules_left = WC_MODULES_MAX };
    all.lfs = (struct wc_lfs_use){ .place = place,
                                   .tree = &all.tree,
                                   .deadline_at_ms = all.deadline_at_ms };
    struct part top = { .all = &all,
                        .git = &git,
                        .commit = revision->id,
                        .tree = revision->tree,
                        .prefix = "",
                        .above =
                            source->path == NULL ? "" : wc_arena_printf(arena, "%s/", source->path),
                        .listing = WC_BUF_INIT };
    int rc = wc_git_open(&git, source, place, err);
    if (rc == 0)
        rc = make(&top, name, dir, err);
    wc_git_close(&git);
    wc_buf_deinit(&top.listing);
    return rc;
}
