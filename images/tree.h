/* tree.h - the files of an image in the making (images).
 *
 * Idea:    a sorted list of nodes, each with all that a tar header needs and a source for its
 *          content; the same nodes give the same bytes. Packages are unpacked into a `root`, from
 *          which only what is asked for, and the libraries that needs, is taken.
 * Owner:   the caller's arena; root_fd is borrowed.
 * Threads: one. Blocks: on reading the root.
 * Errors:  WC_ERR_SPEC (asked for what isn't there), WC_ERR_IO.
 */
#ifndef IMAGES_TREE_H
#define IMAGES_TREE_H

#include <sys/types.h>

#include "base/map.h"
#include "images/store.h"

struct wc_tree_node {
    const char *path; /* "usr/bin/x": no slash in front or behind */
    mode_t mode;      /* with type: directory, regular file, symbolic link */
    uint32_t uid, gid;
    const char *target; /* of a link */
    const char *source; /* path beneath the root of a regular file's content, or NULL: */
    const char *text;   /* its content */
    uint64_t size;
};

struct wc_tree {
    struct wc_arena *arena;
    int root_fd;         /* where packages were unpacked */
    struct wc_map nodes; /* path -> struct wc_tree_node */
    struct wc_strv skip; /* patterns (fnmatch) left out when a directory is copied */
};

void wc_tree_init(struct wc_tree *tree, struct wc_arena *arena, int root_fd);

/* Puts a node at node->path (any spelling of it; "/bin/x" becomes "usr/bin/x"), replacing what is
 * there; missing parents are made as the root has them, else 0755. */
void wc_tree_put(struct wc_tree *tree, const struct wc_tree_node *node);

bool wc_tree_has(const struct wc_tree *tree, const char *path);

/* The path of the regular file that `path` is in the root, links followed there and nowhere else;
 * no part of it is a link, and it has no slash in front. NULL: there is no such file. */
const char *wc_tree_real(struct wc_tree *tree, const char *path);

/* Takes a file from the root, and what it links to. */
int wc_tree_take(struct wc_tree *tree, const char *path, struct wc_err *err);

/* Takes what matches a pattern, directories with everything in them; no match is an error. */
int wc_tree_copy(struct wc_tree *tree, const char *pattern, struct wc_err *err);

/* Takes the library with that name from the library directories. */
int wc_tree_library(struct wc_tree *tree, const char *soname, struct wc_err *err);

/* Takes the libraries and loaders that the files in it need, to the last. */
int wc_tree_close_over(struct wc_tree *tree, struct wc_err *err);

/* Writes it as a tar, sorted, with fixed times. */
int wc_tree_write(struct wc_tree *tree, struct wc_sink *sink, struct wc_err *err);

/* All times in made images: 2020-01-01, so that the same packages give the same digest. */
#define WC_TREE_TIME INT64_C(1577836800)
#define WC_TREE_TIME_TEXT "2020-01-01T00:00:00Z"

#endif
