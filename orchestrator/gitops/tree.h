/* tree.h - directories of plain files that are made in one go (orchestrator/gitops, private).
 *
 * Idea:    a tree is written where nobody looks, and gets its name when it is whole: trees/<id> is
 *          there and complete, or not there. Paths are hostile: each is made beneath the tree's own
 *          descriptor, never through a link.
 * Owner:   strings come from the arena. Threads: one. Blocks: on the disk.
 * Errors:  WC_ERR_LIMIT (more bytes or files than allowed), WC_ERR_PERM (a link or a path that
 * leads out, something that is neither file, directory nor link), WC_ERR_NOENT, WC_ERR_IO.
 */
#ifndef ORCHESTRATOR_GITOPS_TREE_H
#define ORCHESTRATOR_GITOPS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "orchestrator/gitops/git_text.h"
#include "wcompose/err.h"
#include "wcompose/source.h"

struct stat;
struct wc_arena;
struct wc_strv;

/* A tree in the making. */
struct wc_tree {
    struct wc_arena *arena;
    const char *store; /* absolute: the directory that it will be in */
    const char *fresh; /* absolute: where it is for now */
    int fd;
    size_t bytes_left;
    unsigned files_left;
};

/* Begins one in place/<store>. End it with wc_tree_keep or wc_tree_drop. */
int wc_tree_begin(struct wc_tree *tree, const struct wc_app_source *source,
                  const struct wc_source_place *place, const char *store, struct wc_err *err);

/* Makes an entry, and the directories above it. `path` must be wc_git_is_path. */
int wc_tree_file(struct wc_tree *tree, const char *path, const struct wc_piece *bytes,
                 bool is_program, struct wc_err *err);

/* The same, piece by piece: `size` bytes in all, which are counted at once. A file that was begun
 * is ended, or dropped where something went wrong: then it is the tree's caller who drops the tree.
 */
struct wc_tree_file {
    int fd;           /* of no file while `path` is NULL: zeroed to begin with */
    const char *path; /* the caller's */
};
int wc_tree_file_begin(struct wc_tree *tree, const char *path, size_t size,
                       struct wc_tree_file *out, struct wc_err *err);
int wc_tree_file_add(struct wc_tree_file *file, const struct wc_piece *bytes, struct wc_err *err);
int wc_tree_file_end(struct wc_tree_file *file, bool is_program, struct wc_err *err);
void wc_tree_file_drop(struct wc_tree_file *file);

/* The same, with so many bytes of an open file, from where it stands. */
struct wc_tree_copy {
    int fd;
    size_t bytes; /* of wc_tree_file_from */
    bool is_program;
};
int wc_tree_file_from(struct wc_tree *tree, const char *path, const struct wc_tree_copy *copy,
                      struct wc_err *err);

/* The same, with all that can be read of an open file from where it stands, however much that is by
 * then; hex gets the SHA-256 of what was written. In pieces: memory doesn't grow with it. */
int wc_tree_file_rest(struct wc_tree *tree, const char *path, const struct wc_tree_copy *copy,
                      char hex[65], struct wc_err *err);

int wc_tree_link(struct wc_tree *tree, const char *path, const char *target, struct wc_err *err);
int wc_tree_dir(struct wc_tree *tree, const char *path, struct wc_err *err);

/* Syncs it and gives it its name. *out gets the path; where that is there already, it is taken. */
int wc_tree_keep(struct wc_tree *tree, const char *id, const char **out, struct wc_err *err);

/* Removes what was made. */
void wc_tree_drop(struct wc_tree *tree);

/* True when a link in the directory of `path` can't lead out of the tree: relative, ".." only at
 * its beginning and not more often than there are directories (pure). */
bool wc_tree_link_stays(const char *path, const char *target);

/* Copies what `from_fd` is (a file or directory) into the tree as `name`, or, when name is "", what
 * is in the directory. `id` gets the hash of modes, names and content.
 *   free_links  links are copied whatever they say, because nobody follows them on this host
 */
int wc_source_tree_copy(struct wc_tree *tree, int from_fd, const char *name, bool free_links,
                        char id[65], struct wc_err *err);

/* Makes a tree of what is open, under its id, in place/<store>: a copy that holds still. Errors as
 * above; id and *dir are set when it is there. */
struct wc_tree_copy_open {
    const struct wc_app_source *source; /* its caps hold */
    const struct wc_source_place *place;
    const char *store, *name; /* name, free_links: as wc_source_tree_copy's */
    bool free_links;
};
int wc_tree_copy_open(const struct wc_tree_copy_open *take, int from_fd, char id[65],
                      const char **dir, struct wc_err *err);

/* True when somebody else than root and us may write what this is of: it can't be believed then. */
bool wc_tree_is_open_to_others(const struct stat *st);

/* Hashes names, modes, sizes, times and inodes of what is in a directory: changes when something
 * in it may have. */
int wc_tree_stat_hash(int fd, unsigned max_files, char id[65], struct wc_err *err);

/* Behind the id in the name of a checkout that has its sub-modules' files in it, and then of one
 * that has the content of LFS. */
#define WC_TREE_WITH_MODULES "+modules"
#define WC_TREE_WITH_LFS "+lfs"

/* Removes what is in place/store but for what `keep` names, by path or by name (content.c). */
int wc_tree_sweep(const struct wc_source_place *place, const char *store,
                  const struct wc_strv *keep, struct wc_err *err);

/* Removes trees whose ids aren't in `keep` (content.c). */
int wc_tree_tidy(const struct wc_source_place *place, const struct wc_strv *keep,
                 struct wc_err *err);

/* Opens `path` beneath an open directory, links followed as long as they stay beneath it. Devices
 * and FIFOs aren't waited for. Returns the descriptor, or -1 with errno set. */
int wc_tree_open(int root_fd, const char *path, int flags);

#endif
