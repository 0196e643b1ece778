/* deb.h - packages of the distribution, without installing them (hyperv driver).
 *
 * Idea:    apt finds, downloads and checks signatures, dpkg-deb opens; no maintainer script runs,
 *          and the machine's package state isn't changed. Needs no root.
 * Threads: one per work directory; calls block (network, disk).
 * Errors:  WC_ERR_UNAVAILABLE with apt's words, WC_ERR_IO.
 */
#ifndef DRIVERS_HYPERV_DEB_H
#define DRIVERS_HYPERV_DEB_H

#include "wcompose/vm.h"

struct wc_deb_work {
    struct wc_arena *arena;
    const char *dir;             /* a directory of our own, absolute */
    bool own_lists;              /* the machine's package lists didn't do */
    wc_vm_progress_fn *progress; /* may be NULL */
    void *progress_data;
};

/* Finds the version of `package` that apt would take, and of what it depends on the first name that
 * begins with `depends` (NULL: not asked for, then *dependency isn't set). Gets package lists of
 * our own when the machine's don't have it. */
int wc_deb_find(struct wc_deb_work *work, const char *package, const char *depends,
                const char **version, const char **dependency, struct wc_err *err);

/* Downloads a package into work->dir and gives its file. */
int wc_deb_download(struct wc_deb_work *work, const char *package, const char **file,
                    struct wc_err *err);

/* Unpacks a package file into a directory, which is made. */
int wc_deb_unpack(const char *file, const char *into, struct wc_err *err);

#endif
