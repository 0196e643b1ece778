/* image_lock.h - wcompose.lock: which content each image's name means in this project (cli, layer
 * 5).
 *
 * Idea:    a name can be moved, a digest can't. `wcompose lock` writes down what the names lead to;
 *          with `--locked` nothing else is pulled or run. The file is JSON, sorted, one pin a
 *          line, so that a change reads well in a review:
 *
 *     {
 *       "version": 1,
 *       "images": {
 *         "docker.io/library/nginx:1.22": "sha256:8f2c…"
 *       }
 *     }
 *
 *          Keys are names in their normal form, values the digest of the manifest, or of the list
 *          of manifests that it was chosen from. It lies in the project's directory.
 * Owner:   strings live in the command's arena. Threads: one.
 */
#ifndef CLI_IMAGE_LOCK_H
#define CLI_IMAGE_LOCK_H

#include "cli/cli.h"

/* What a service's image is, and is pinned to. */
struct wc_cli_pin {
    const char *service, *image; /* as the file says it */
    const char *platform;        /* likewise, or NULL */
    const char *name;            /* normal form, its digest left out */
    const char *digest; /* what this host's store has under the name: of the list of manifests where
                           it came from one, which holds on other platforms too; NULL: nothing */
    const char *locked; /* what the lock says, NULL: nothing */
    struct wc_loc at;   /* where it says so */
    bool agrees;        /* the host's content is what is locked, or named by its digest */
    bool is_here;       /* what is locked is in the store, under whatever name */
};
struct wc_cli_pins {
    struct wc_cli_pin *items; /* in the order of the services */
    size_t n, cap;
    const char *path; /* of the lock */
    bool has_lock;
};

/* Reads the lock and the store for all services that have an image and no build. 0 or an exit
 * status. A lock that is missing is no error here. */
int wc_cli_pins(struct wc_cli *cli, const struct wc_project *project, struct wc_cli_pins *out);

/* Appends them: a table for people; the member "images" of an open JSON object. */
struct wc_buf;
struct wc_jsonw;
void wc_cli_pins_text(const struct wc_cli *cli, const struct wc_cli_pins *pins, struct wc_buf *out);
void wc_cli_pins_json(const struct wc_cli_pins *pins, struct wc_jsonw *w);

/* For --locked: gives the services their pinned content instead of their images' names
 * ("nginx:1.22@sha256:…"), in the model and in what becomes of it, so that nothing else can be
 * pulled or run. 0 or an exit status: no lock, or one that doesn't pin all of them; each is
 * printed with what to do. */
int wc_cli_pin_services(struct wc_cli *cli, struct wc_project *project,
                        const struct wc_cli_pins *pins);

/* The pin of a service, NULL when there is none; pins may be NULL. */
const struct wc_cli_pin *wc_cli_pin_of(const struct wc_cli_pins *pins, const char *service);

#endif
