/* unsealing.c - the files of one project, opened one after another, apart from its load.
 *
 * What is found there is matched with the model by marks: a variable, or a mount, has the value of
 * the file that gave it its mark. So nothing has to be remembered of how files lay over each other,
 * and a value that isn't the one that the model was made with never gets into it.
 */
#include "wcompose/sealed.h"

#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/str.h"
#include "spec/unseal.h"
#include "wcompose/model.h"

struct wc_unsealing {
    struct wc_project *project;
    struct wc_arena arena;      /* all that came out */
    struct wc_sealed_file *now; /* files as they are opened */
    struct wc_unsealed *open;
    size_t n, at; /* at: those before had their turn */
};

static struct wc_unsealing *unsealing_new(const struct wc_project *project)
{
    const struct wc_sealed_files *files = project->sealed;
    if (files == NULL || files->closed_in == NULL)
        return NULL;
    struct wc_unsealing *u = wc_calloc(1, sizeof *u);
    wc_arena_init(&u->arena);
    u->project = files->closed_in;
    u->n = files->n;
    u->now = WC_NEW_ARRAY(&u->arena, struct wc_sealed_file, u->n);
    u->open = WC_NEW_ARRAY(&u->arena, struct wc_unsealed, u->n);
    for (size_t i = 0; i < u->n; i++) {
        u->now[i] = files->items[i];
        u->open[i] = (struct wc_unsealed){ .file = &u->now[i], .is_untried = true };
    }
    return u;
}

static void unsealing_free(struct wc_unsealing *u)
{
    if (u == NULL)
        return;
    wc_arena_wipe(&u->arena);
    wc_free(u);
}

/* The one to be opened next, or n. */
static size_t next_of(const struct wc_unsealing *u)
{
    size_t i = u->at;
    while (i < u->n && u->open[i].closed == NULL && !u->open[i].is_untried)
        i++;
    return i;
}

static bool unsealing_more(const struct wc_unsealing *u)
{
    return next_of(u) < u->n;
}

static void unsealing_run(struct wc_unsealing *u, int cancel_fd)
{
    struct wc_opener opener = { .arena = &u->arena,
                                .project = u->project->name,
                                .identities = &u->project->sealed->identities,
                                .was_opened = true,
                                .cancel_fd = cancel_fd };
    struct wc_err err = { 0 };
    size_t i = next_of(u);
    u->at = i;
    if (i == u->n)
        return;
    const struct wc_sealed_file *file = &u->project->sealed->items[i];
    u->now[i] = *file;
    (void)wc_unseal(&opener, file->path, &u->now[i], &u->open[i], &err);
    wc_opener_deinit(&opener);
    u->at++;
}

static void unsealing_again(struct wc_unsealing *u)
{
    u->at = 0; /* what is open is passed over */
}

/* ---- into the model ---- */

/* The values found so far for the variables of one service, or why there are none. */
struct found {
    const char *closed;
    bool is_untried;
};

static void note(struct found *found, const struct wc_unsealed *file)
{
    found->is_untried = found->is_untried || file->is_untried;
    if (found->closed == NULL)
        found->closed = file->closed;
}

/* The place of a variable, by its mark, among those of a file. */
static bool place_of(const struct wc_kvs *marks, const struct wc_kv *wanted, size_t *out)
{
    for (size_t i = 0; i < marks->n; i++)
        if (wc_streq(marks->items[i].key, wanted->key) &&
            wc_streq0(marks->items[i].value, wanted->value)) {
            *out = i;
            return true;
        }
    return false;
}

/* The value of a variable. NULL: `found` says why not. */
static const char *value_of(const struct wc_unsealing *u, const struct wc_kv *wanted,
                            struct found *found)
{
    size_t place;
    for (size_t i = 0; i < u->n; i++) {
        const struct wc_unsealed *file = &u->open[i];
        if (!place_of(&u->project->sealed->items[i].marks, wanted, &place))
            continue;
        if (file->is_untried || file->closed != NULL) {
            note(found, file);
            return NULL;
        }
        if (place_of(&file->file->marks, wanted, &place))
            return file->pairs.items[place].value;
    }
    found->closed = "its encrypted file isn't the one that it was made with";
    return NULL;
}

static void settle_service(struct wc_unsealing *u, struct wc_service *service)
{
    struct wc_sealed *sealed = service->sealed;
    struct found found = { 0 };
    struct wc_kvs all = { .n = 0 };
    if (sealed == NULL || sealed->closed == NULL)
        return;
    all.items = WC_NEW_ARRAY(&u->arena, struct wc_kv, service->environment.n + sealed->env.n);
    for (size_t i = 0; i < service->environment.n; i++)
        all.items[all.n++] = service->environment.items[i];
    for (size_t i = 0; i < sealed->env.n; i++) {
        const char *value = value_of(u, &sealed->env.items[i], &found);
        if (value != NULL)
            all.items[all.n++] = (struct wc_kv){ sealed->env.items[i].key, value };
    }
    sealed->is_untried = found.is_untried;
    if (!found.is_untried)
        sealed->closed = found.closed;
    if (sealed->closed == NULL)
        service->environment = all;
}

static void settle_mount(const struct wc_unsealing *u, struct wc_mount *mount)
{
    struct wc_sealed *sealed = mount->sealed;
    if (sealed == NULL || sealed->closed == NULL)
        return;
    for (size_t i = 0; i < u->n; i++) {
        const struct wc_unsealed *file = &u->open[i];
        if (!wc_streq0(u->project->sealed->items[i].mark, sealed->mark) || file->is_untried)
            continue;
        bool is_same = wc_streq0(file->file->mark, sealed->mark);
        sealed->is_untried = false;
        sealed->closed = is_same ? file->closed : "it isn't the one that it was made with";
        if (sealed->closed != NULL)
            continue;
        mount->content = file->content;
        sealed->len = file->len;
        return;
    }
}

static void unsealing_settle(struct wc_unsealing *u)
{
    for (size_t i = 0; i < u->project->n_services; i++) {
        struct wc_service *service = &u->project->services[i];
        settle_service(u, service);
        for (size_t k = 0; k < service->n_mounts; k++)
            settle_mount(u, &service->mounts[k]);
    }
}

const struct wc_unsealing_ops wc_unsealing_ops = {
    .new = unsealing_new,
    .more = unsealing_more,
    .run = unsealing_run,
    .settle = unsealing_settle,
    .again = unsealing_again,
    .free = unsealing_free,
};
