/* plan_images.c - a choice for each service, put together by image. */
#include "cli/plan_images.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/image_lock.h"

static const char *action_name(enum wc_plan_image_action action)
{
    static const char *const names[] = {
        [WC_PLAN_PULL] = "pull",
        [WC_PLAN_ASK] = "ask",
        [WC_PLAN_KEEP] = "keep",
        [WC_PLAN_BUILD] = "build",
    };
    return names[action];
}

static const char *digest_here(struct wc_cli *cli, struct wc_image_store *store,
                               const struct wc_service *s)
{
    struct wc_image_info info;
    struct wc_err none = { 0 };
    if (wc_image_resolve_for(store, s->image, s->platform, cli->arena, &info, &none) != 0)
        return NULL;
    return info.list_digest != NULL ? info.list_digest : info.digest;
}

static void add(struct wc_cli *cli, struct wc_plan_images *out, const struct wc_plan_image *image,
                const char *service)
{
    struct wc_arena *arena = cli->arena;
    struct wc_plan_image *found = NULL;
    for (size_t i = 0; i < out->n && found == NULL; i++)
        if (wc_streq(out->items[i].image, image->image) && out->items[i].action == image->action &&
            wc_image_same_platform(out->items[i].platform, image->platform))
            found = &out->items[i];
    if (found == NULL) {
        out->items = wc_arena_grow(arena, out->items, out->n, &out->cap, sizeof *out->items);
        found = &out->items[out->n++];
        *found = *image;
    }
    wc_strv_add(arena, &found->services, service);
}

/* Whether up would build it: what a pull is tried for first is built only if that fails. */
static bool is_built(const struct wc_plan_images_in *in, const struct wc_service *s,
                     const struct wc_pull_choice *choice)
{
    return s->build.set && !choice->is_due &&
           (in->build || !choice->known.is_there || wc_streq0(s->pull_policy, "build"));
}

static int take(struct wc_cli *cli, struct wc_image_store *store,
                const struct wc_plan_images_in *in, const struct wc_service *s,
                struct wc_plan_images *out)
{
    struct wc_pull_choice choice;
    int status = wc_cli_pull_choose(cli, store, &in->how, s, &choice);
    if (status != 0 || choice.is_left)
        return status;
    const struct wc_cli_pin *pin = wc_cli_pin_of(in->how.pins, s->name);
    struct wc_plan_image image = { .image = s->image,
                                   .platform = s->platform,
                                   .at = pin != NULL ? pin->at : s->at };
    bool built = is_built(in, s, &choice);
    if (!choice.is_due && !built)
        return 0;
    image.action = built ? WC_PLAN_BUILD : choice.known.is_there ? WC_PLAN_ASK : WC_PLAN_PULL;
    if (!choice.known.is_there) {
        image.why = "isn't on this host";
        wc_strv_add(cli->arena, &out->assumed, s->image);
    } else if (built) {
        image.why = in->build ? "--build" : "pull_policy build";
    } else {
        image.why = wc_arena_printf(
            cli->arena, "%s %s", in->how.policy != NULL ? "--pull" : "pull_policy", choice.policy);
    }
    image.here = choice.known.is_there ? digest_here(cli, store, s) : NULL;
    add(cli, out, &image, s->name);
    return 0;
}

/* Asks the registries of what would be pulled. */
static int ask(struct wc_cli *cli, struct wc_image_store *store, struct wc_plan_images *out)
{
    struct wc_cli_pull what = { .quiet = true, .ask_only = true };
    struct wc_plan_image **asked = WC_NEW_ARRAY(cli->arena, struct wc_plan_image *, out->n + 1);
    what.images = WC_NEW_ARRAY(cli->arena, struct wc_pull_image, out->n + 1);
    for (size_t i = 0; i < out->n; i++) {
        struct wc_plan_image *image = &out->items[i];
        if (image->action == WC_PLAN_BUILD)
            continue;
        asked[what.n] = image;
        what.images[what.n++] = (struct wc_pull_image){ .reference = image->image,
                                                        .platform = image->platform,
                                                        .service = image->services.items[0],
                                                        .at = image->at };
    }
    int status = wc_cli_pull(cli, store, &what);
    for (size_t i = 0; status == 0 && i < what.n; i++) {
        asked[i]->there = what.images[i].digest;
        if (asked[i]->action == WC_PLAN_ASK)
            asked[i]->action =
                what.images[i].state == WC_PULL_OFFERED ? WC_PLAN_PULL : WC_PLAN_KEEP;
    }
    return status;
}

int wc_plan_images_make(struct wc_cli *cli, struct wc_image_store *store,
                        const struct wc_plan_images_in *in, struct wc_plan_images *out)
{
    *out = (struct wc_plan_images){ 0 };
    int status = 0;
    for (size_t i = 0; status == 0 && i < in->project->n_services; i++)
        status = take(cli, store, in, &in->project->services[i], out);
    return status == 0 && in->ask ? ask(cli, store, out) : status;
}

void wc_plan_images_text(const struct wc_plan_images *images, struct wc_buf *out)
{
    static const char *const words[] = {
        [WC_PLAN_PULL] = "would pull",
        [WC_PLAN_ASK] = "would ask for a newer",
        [WC_PLAN_KEEP] = "would keep",
        [WC_PLAN_BUILD] = "would build",
    };
    if (images->n > 0)
        wc_buf_adds(out, "\nimages\n");
    for (size_t i = 0; i < images->n; i++) {
        const struct wc_plan_image *image = &images->items[i];
        wc_buf_printf(out, "  %s %s", words[image->action], image->image);
        for (size_t k = 0; k < image->services.n; k++)
            wc_buf_printf(out, "%s%s", k == 0 ? " for " : ", ", image->services.items[k]);
        wc_buf_printf(out, ": %s", image->why);
        if (image->action == WC_PLAN_KEEP)
            wc_buf_printf(out, "; the registry has the same, %.19s…", image->there);
        else if (image->there != NULL && image->here != NULL)
            wc_buf_printf(out, "; %.19s… here, %.19s… there", image->here, image->there);
        else if (image->there != NULL)
            wc_buf_printf(out, "; %.19s… there", image->there);
        wc_buf_addc(out, '\n');
    }
}

void wc_plan_images_json(const struct wc_plan_images *images, struct wc_jsonw *w)
{
    wc_jsonw_array(w, "bring");
    for (size_t i = 0; i < images->n; i++) {
        const struct wc_plan_image *image = &images->items[i];
        wc_jsonw_object(w, NULL);
        wc_jsonw_str(w, "image", image->image);
        wc_jsonw_str(w, "action", action_name(image->action));
        wc_jsonw_str(w, "reason", image->why);
        wc_jsonw_array(w, "services");
        for (size_t k = 0; k < image->services.n; k++)
            wc_jsonw_str(w, NULL, image->services.items[k]);
        wc_jsonw_end_array(w);
        if (image->platform != NULL)
            wc_jsonw_str(w, "platform", image->platform);
        if (image->here != NULL)
            wc_jsonw_str(w, "here", image->here);
        if (image->there != NULL)
            wc_jsonw_str(w, "there", image->there);
        wc_jsonw_end_object(w);
    }
    wc_jsonw_end_array(w);
}
