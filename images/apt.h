/* apt.h - Debian packages without installing them (images).
 *
 * Idea:    apt resolves and downloads (and checks signatures), dpkg-deb opens; nothing is
 * installed, no maintainer script runs, and the machine's own package state is neither read nor
 * changed. Owner:   the caller's arena. Threads: one per work directory. Blocks: on the network and
 * the disk. Errors:  WC_ERR_UNAVAILABLE (apt or dpkg-deb can't, with their words), WC_ERR_IO.
 */
#ifndef IMAGES_APT_H
#define IMAGES_APT_H

#include <stdbool.h>

#include "wcompose/image.h"

struct wc_package {
    const char *name, *version;
    const char *file; /* name of the .deb, once fetched */
};
struct wc_packages {
    struct wc_package *items; /* sorted by name */
    size_t n, cap;
};

struct wc_apt {
    struct wc_arena *arena;
    const char *work; /* a directory of our own, absolute */
    bool own_lists;   /* the machine's package lists didn't do; use ours */
};

/* True for the name of a package (Debian Policy 5.6.7). What else a recipe may say, apt-get would
 * take for an option, and its options can run commands, or for a pattern, a file, a package to
 * remove. */
bool wc_apt_is_package(const char *name);

/* Resolves `wanted` (packages' names, every one) and, of what they depend on, what matches a
 * pattern of `depends` and none of `without` (fnmatch). */
int wc_apt_resolve(struct wc_apt *apt, const struct wc_strv *wanted, const struct wc_strv *depends,
                   const struct wc_strv *without, struct wc_packages *out, struct wc_err *err);

/* Downloads them into work/debs and sets their `file`. */
int wc_apt_fetch(struct wc_apt *apt, struct wc_packages *packages, struct wc_err *err);

/* Gets package lists of our own, for machines whose own are missing or old. */
int wc_apt_update(struct wc_apt *apt, struct wc_err *err);

/* True when the machine has package lists. */
bool wc_apt_has_lists(void);

/* Unpacks a fetched package into the directory root_fd, with /bin, /lib … merged into /usr. */
int wc_apt_unpack(const struct wc_apt *apt, const struct wc_package *package, int root_fd,
                  struct wc_err *err);

#endif
