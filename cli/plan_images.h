/* plan_images.h - what `up` would do to have the services' images: pull, ask, build (cli, layer 5).
 *
 * Idea:    the same choice as up's (pull_services.h), told instead of carried out. No registry is
 *          asked unless somebody wants to know what it has.
 * Owner:   everything that comes out lives in cli->arena. Threads: one.
 */
#ifndef CLI_PLAN_IMAGES_H
#define CLI_PLAN_IMAGES_H

#include "cli/pull_services.h"

struct wc_buf;
struct wc_jsonw;

enum wc_plan_image_action {
    WC_PLAN_PULL,  /* it isn't here; or the registry was asked, and has another one */
    WC_PLAN_ASK,   /* it is here, and its registry is asked for a newer one */
    WC_PLAN_KEEP,  /* the registry was asked, and has the same */
    WC_PLAN_BUILD, /* it isn't here, or is always built */
};

/* One image. */
struct wc_plan_image {
    enum wc_plan_image_action action;
    const char *image, *platform; /* as services name it; platform NULL: this machine's */
    struct wc_strv services;      /* that want it */
    const char *why;              /* "isn't on this host", "pull_policy always" */
    const char *here;             /* digest of what is here; NULL: nothing */
    const char *there;            /* of what its registry has; NULL: not asked */
    struct wc_loc at;
};
struct wc_plan_images {
    struct wc_plan_image *items; /* in the order of the services */
    size_t n, cap;
    struct wc_strv assumed; /* those that aren't here and would be: as wc_preview_config wants it */
};

struct wc_plan_images_in {
    const struct wc_project *project;
    struct wc_cli_pull_services how; /* as up has it */
    bool build;                      /* up --build */
    bool ask;                        /* the registries, what they have */
};

/* Works it out. 0 or an exit status, everything printed: what up would refuse before it pulls. */
int wc_plan_images_make(struct wc_cli *cli, struct wc_image_store *store,
                        const struct wc_plan_images_in *in, struct wc_plan_images *out);

/* A line for each; the member "bring" of an open JSON object. */
void wc_plan_images_text(const struct wc_plan_images *images, struct wc_buf *out);
void wc_plan_images_json(const struct wc_plan_images *images, struct wc_jsonw *w);

#endif
