/* reconcile_images.c - what a pass asks registries for, by the same settings as a pull, and images
 * with digests in the place of those with tags.
 */
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "cli/reconcile.h"
#include "wcompose/pull.h"
#include "wcompose/spec.h"

static struct wc_image_pull_config config_of(const struct wc_cli_reconcile *r)
{
    return (struct wc_image_pull_config){ .environ = r->cli->environ, .etc = r->paths.etc };
}

int wc_reconcile_tags(void *data, const char *reference, struct wc_arena *arena,
                      struct wc_strv *out, struct wc_err *err)
{
    struct wc_cli_reconcile *r = data;
    const struct wc_image_pull_config config = config_of(r);
    return wc_image_tags(&config, reference, r->interrupt_fd, arena, out, err);
}

/* An error of all is the error of each. */
static void fail_all(struct wc_gitops_digest *asked, size_t n, const struct wc_err *err)
{
    for (size_t i = 0; i < n; i++)
        asked[i].err = *err;
}

void wc_reconcile_digests(void *data, struct wc_gitops_digest *asked, size_t n)
{
    struct wc_cli_reconcile *r = data;
    struct wc_arena *arena = r->cli->arena;
    const struct wc_image_pull_config config = config_of(r);
    struct wc_image_store *store;
    struct wc_err err = { 0 };
    struct wc_pull_image *images = WC_NEW_ARRAY(arena, struct wc_pull_image, n + 1);
    for (size_t i = 0; i < n; i++)
        images[i] =
            (struct wc_pull_image){ .reference = asked[i].reference, .service = asked[i].service };
    const struct wc_image_pull_options options = { .config = &config,
                                                   .images = images,
                                                   .n = n,
                                                   .ask_only = true,
                                                   .interrupt_fd = r->interrupt_fd };
    if (wc_image_store_open(r->paths.images, &store, &err) != 0) {
        fail_all(asked, n, &err);
        return;
    }
    (void)wc_image_pull(store, &options, arena, &err);
    wc_image_store_close(store);
    for (size_t i = 0; i < n; i++) {
        bool is_known = images[i].state == WC_PULL_UNCHANGED || images[i].state == WC_PULL_OFFERED;
        if (is_known)
            asked[i].digest = images[i].digest;
        else
            asked[i].err = images[i].state == WC_PULL_FAILED ? images[i].err : err;
    }
}

/* What wc_spec_pin_images is handed back. */
struct pinning {
    const struct wc_gitops_images *images;
    struct wc_arena *arena;
};

static const char *pinned(void *data, const char *service, const char *image)
{
    const struct pinning *pinning = data;
    for (size_t i = 0; i < pinning->images->n; i++)
        if (wc_streq(pinning->images->items[i].service, service))
            return wc_gitops_image_pinned(&pinning->images->items[i], pinning->arena);
    return image;
}

void wc_reconcile_pin(void *data, struct wc_project *project, const struct wc_gitops_images *images,
                      struct wc_buf *wire)
{
    struct wc_cli_reconcile *r = data;
    struct pinning pinning = { images, r->cli->arena };
    for (size_t i = 0; i < project->n_services; i++) {
        struct wc_service *s = &project->services[i];
        if (s->image != NULL)
            s->image = pinned(&pinning, s->name, s->image);
    }
    (void)wc_spec_pin_images(project, r->cli->arena, pinned, &pinning, false);
    wc_buf_reset(wire);
    wc_spec_render_wire(project, wire);
}
