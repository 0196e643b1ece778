/* pull.h - images from registries into the store (contract, pure of libuv).
 *
 * Idea:    one call for all images that are wanted: they are asked for, fetched and unpacked side
 * by side, and each is in the store as a whole or not at all. What goes on is told by events, which
 * are what a terminal, a log and a program are shown. Owner:   the caller's; strings of results are
 * in the arena given. Threads: any, one call at a time for a config; events run on the calling
 * thread. Blocks: on the network and the disk. Errors:  of each image in its entry. WC_ERR_NOENT
 * (no such image, or not for the platform), WC_ERR_PERM (the registry refuses, or is blocked),
 * WC_ERR_UNAVAILABLE (not reached), WC_ERR_SPEC (a registry that lies, a malformed image, file or
 * reference), WC_ERR_LIMIT, WC_ERR_IO (disk full …), WC_ERR_CANCELLED. Source:  OCI Distribution
 * Specification 1.0; Docker Image Manifest V2, schema 2.
 */
#ifndef WCOMPOSE_PULL_H
#define WCOMPOSE_PULL_H

#include "wcompose/image.h"

/* Where settings come from (docs/pull.md). */
struct wc_image_pull_config {
    const char *const *environ; /* NULL-terminated */
    const char *etc;            /* our own directory of settings, or NULL */
    struct wc_strv insecure;    /* hosts[:ports] that may do without TLS */
};

/* How far an image has come. */
enum wc_pull_state {
    WC_PULL_WAITING,
    WC_PULL_ASKING,    /* the registry, for the manifest */
    WC_PULL_FETCHING,  /* done of total packed bytes are there */
    WC_PULL_FINISHING, /* everything is there, and is unpacked and put on disk */
    WC_PULL_PULLED,    /* it is in the store, and new */
    WC_PULL_UNCHANGED, /* the store had it already */
    WC_PULL_OFFERED,   /* the registry has it, and it isn't what the store has (ask_only) */
    WC_PULL_FAILED,    /* err says why */
};

/* One image. */
struct wc_pull_image {
    const char *reference; /* as people type it */
    const char *platform;  /* "linux/arm64", or NULL: this machine's */
    const char *service;   /* that wants it, for errors; or NULL */
    struct wc_loc at;      /* where that is said, for errors; or file NULL */

    /* kept up to date while it goes on, final when the call returns */
    enum wc_pull_state state;
    uint64_t done, total;      /* packed bytes; total 0 = not known yet */
    unsigned layers, n_layers; /* fetched, of all that had to be */
    unsigned retries;          /* transfers that broke and were gone on with */
    const char *name;          /* normal form: "docker.io/library/nginx:latest" */
    const char *digest;        /* of the manifest, once known */
    const char *id;
    const char *source; /* the host that it came from, when that isn't the reference's */
    const char *note;   /* a warning for people, or NULL */
    struct wc_err err;
};

/* What is pulled, and who is told. */
struct wc_image_pull_options {
    const struct wc_image_pull_config *config;
    struct wc_pull_image *images; /* n of them; one reference twice is fetched once */
    size_t n;
    bool ask_only;    /* what the registries have now is found out: nothing is fetched or changed */
    int interrupt_fd; /* everything is given up when it can be read; -1: never */
    void (*event)(void *data, const struct wc_pull_image *image); /* it changed; may be NULL */
    void *data;
};

/* Pulls all of them; one that fails doesn't stop the others. Returns 0 when none failed, else the
 * first one's code; WC_ERR_SPEC and the like of the settings, WC_ERR_UNAVAILABLE without libcurl,
 * with *err set in each case. */
int wc_image_pull(struct wc_image_store *store, const struct wc_image_pull_options *options,
                  struct wc_arena *arena, struct wc_err *err);

/* Lists the tags of the repository that a reference names, at the first of its endpoints (mirrors,
 * then the registry) that answers, page by page. They are appended to *tags in no order, each fit
 * for a reference; the strings live in the arena. 0, or an error as above: WC_ERR_LIMIT for more
 * than 100000 tags, WC_ERR_CANCELLED as soon as interrupt_fd (-1: none) can be read.
 */
int wc_image_tags(const struct wc_image_pull_config *config, const char *reference,
                  int interrupt_fd, struct wc_arena *arena, struct wc_strv *tags,
                  struct wc_err *err);

/* Checks a platform as `platform:` has it. */
int wc_image_check_platform(const char *text, struct wc_err *err);

/* True when an image in the store is for such a platform (NULL and "": this machine's, and then
 * also what it can run besides). */
bool wc_image_is_for(const char *platform, const struct wc_image_info *info);

/* True when two of them (NULL and "": this machine's) ask for the same. */
bool wc_image_same_platform(const char *a, const char *b);

/* "waiting", "asking", "fetching" … */
const char *wc_pull_state_name(enum wc_pull_state state);

#endif
