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
#include "orchestrator/gitops/git_stream.h"
#include "orchestrator/gitops/git_text.h"

/* What is held as a whole before it is known what becomes of it: links, and what may be a pointer
 * of LFS. */
enum { HELD_MAX = 4095 };
_Static_assert((int)HELD_MAX >= (int)WC_LFS_POINTER_MAX, "pointers are seen as a whole");

/* One commit's part of a checkout: what is listed, and how far it is written. */
struct part {
    struct wc_checkout *all;
    struct wc_git *git;
    const char *commit, *tree;
    const char *prefix; /* where it is in the checkout: "", "libs/x/" */
    const char *above;  /* what the tree is beneath, in the commit: "", "deploy/shop/" */
    unsigned depth;
    struct wc_buf listing;
    const char *next;          /* in listing */
    struct wc_git_entry entry; /* the one that is coming */
    bool is_held;              /* here: it is small; else in `file` */
    size_t n_held;
    char held[HELD_MAX];
    struct wc_tree_file file;
    struct wc_lfs_files lfs; /* of it, whose content is to come */
};

static const char *placed(const struct part *c, const char *path)
{
    return c->prefix[0] == '\0' ? path
                                : wc_arena_printf(c->all->place->arena, "%s%s", c->prefix, path);
}

static int broken(struct wc_err *err)
{
    return wc_err_set(err, WC_ERR_PERM, 0, "what git says of the tree is broken");
}

static int broken_link(const struct part *c, struct wc_err *err)
{
    const struct wc_piece path = { c->entry.path, strlen(c->entry.path) };
    return wc_err_set(err, WC_ERR_PERM, 0, "the link %s is broken",
                      wc_git_printable(c->all->place->arena, path, 100));
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
static int write_held_file(struct part *c, const char *path, struct wc_err *err)
{
    const bool is_program = c->entry.kind == WC_GIT_PROGRAM;
    const struct wc_lfs_file file = { .path = path, .is_program = is_program };
    const struct wc_piece bytes = { c->held, c->n_held };
    bool is_pointer = false;
    int rc = c->all->source->lfs
                 ? wc_lfs_note(&c->all->lfs, &c->lfs, &file, &bytes, &is_pointer, err)
                 : 0;
    return rc != 0 || is_pointer ? rc : wc_tree_file(&c->all->tree, path, &bytes, is_program, err);
}

static int write_link(struct part *c, const char *path, struct wc_err *err)
{
    if (memchr(c->held, '\0', c->n_held) != NULL)
        return broken_link(c, err);
    return wc_tree_link(&c->all->tree, path,
                        wc_arena_strndup(c->all->place->arena, c->held, c->n_held), err);
}

/* The next entry of the listing that has an object. Directories of sub-modules are made on the
 * way. 1, or 0 at the end. */
static int next_entry(struct part *c, struct wc_err *err)
{
    const char *end = c->listing.data + c->listing.len;
    int rc;
    while ((rc = wc_git_next_entry(&c->next, end, &c->entry)) > 0 &&
           c->entry.kind == WC_GIT_MODULE) {
        int made = wc_tree_dir(&c->all->tree, placed(c, c->entry.path), err);
        if (made != 0)
            return made;
    }
    return rc < 0 ? broken(err) : rc;
}

/* Objects come in the order that they were asked for, each with the id and size that the listing
 * says: size_limit was kept by those. */
static int on_begin(void *data, const struct wc_git_found *object, struct wc_err *err)
{
    struct part *c = data;
    int rc = next_entry(c, err);
    if (rc < 0)
        return rc;
    if (rc == 0 || !wc_streq(object->id, c->entry.id) || object->kind != WC_GIT_BLOB_OBJECT ||
        object->len != c->entry.size)
        return broken(err);
    c->n_held = 0;
    c->is_held = object->len <= sizeof c->held;
    if (c->is_held)
        return 0;
    if (c->entry.kind == WC_GIT_LINK)
        return broken_link(c, err);
    return wc_tree_file_begin(&c->all->tree, placed(c, c->entry.path), object->len, &c->file, err);
}

static int on_more(void *data, const char *bytes, size_t len, struct wc_err *err)
{
    struct part *c = data;
    const struct wc_piece piece = { bytes, len };
    if (!c->is_held)
        return wc_tree_file_add(&c->file, &piece, err);
    memcpy(c->held + c->n_held, bytes, len);
    c->n_held += len;
    return 0;
}

static int on_end(void *data, struct wc_err *err)
{
    struct part *c = data;
    if (!c->is_held)
        return wc_tree_file_end(&c->file, c->entry.kind == WC_GIT_PROGRAM, err);
    const char *path = placed(c, c->entry.path);
    return c->entry.kind == WC_GIT_LINK ? write_link(c, path, err) : write_held_file(c, path, err);
}

/* The ids of all objects of the listing, each on a line. */
static int list_ids(const struct part *c, struct wc_buf *out, struct wc_err *err)
{
    struct wc_git_entry entry;
    const char *at = c->listing.data, *end = at + c->listing.len;
    int rc;
    while ((rc = wc_git_next_entry(&at, end, &entry)) > 0) {
        if (entry.kind == WC_GIT_MODULE)
            continue;
        wc_buf_adds(out, entry.id);
        wc_buf_addc(out, '\n');
    }
    return rc < 0 ? broken(err) : 0;
}

/* Writes everything as it comes out of git, in pieces: memory doesn't grow with what is in it. */
static int write_all(struct part *c, struct wc_err *err)
{
    static const struct wc_git_taker taker = { on_begin, on_more, on_end };
    static const char *const args[] = { "cat-file", "--batch", NULL };
    WC_CLEANUP_BUF struct wc_buf ids = WC_BUF_INIT;
    struct wc_git_stream stream = { .taker = &taker, .data = c };
    int rc = list_ids(c, &ids, err);
    if (rc == 0 && ids.len > 0)
        rc = wc_git_run_to(c->git, args, &ids, wc_git_stream_take, &stream, err);
    wc_tree_file_drop(&c->file);
    if (rc == 0 && !wc_git_stream_is_whole(&stream))
        rc = broken(err);
    if (rc == 0)
        rc = next_entry(c, err); /* sub-modules behind the last object */
    return rc > 0 ? broken(err) : rc;
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
    if (rc == WC_ERR_LIMIT) /* a small tree in itself, again and again, has a billion entries */
        return wc_err_set(err, rc, 0, "there are more files in it than can be listed");
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
