/* given.c - a file is bound read-only, so that a new version of it is seen; what has no file, or is
 * to have an owner or a mode of its own, is a copy.
 *
 * A value from the environment goes to the supervisor beside the tree (loaded.c): what starts an
 * instance anew after a crash or a boot has no environment to look in.
 */
#include "spec/given.h"

#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/str.h"
#include "spec/access.h"
#include "spec/interpolate.h"
#include "spec/sealed.h"
#include "spec/unseal.h"
#include "spec/table.h"

enum { ID_MAX = INT32_MAX, MODE_MAX = 07777, MODE_OF_ALL = 0444 };

struct given {
    struct wc_load *load;
    const struct wc_node *root;
    struct wc_service *service;
    const char *section; /* "configs" */
    const struct wc_node *item, *entry;
    const char *source; /* the key */
};

/* "secret 'token'" */
static const char *name_of(const struct given *g)
{
    return wc_arena_printf(g->load->arena, "%.*s '%s'", (int)strlen(g->section) - 1, g->section,
                           g->source);
}

static int64_t number(const struct given *g, const char *key, int64_t most, int64_t fallback)
{
    struct wc_node *node = wc_node_get(g->item, key);
    int64_t value = fallback;
    if (node == NULL || node->kind != WC_NODE_STRING)
        return fallback;
    bool octal = most == MODE_MAX; /* canonical: octal digits */
    for (const char *p = octal ? node->text : ""; *p != '\0'; p++)
        value = (p == node->text ? 0 : value * 8) + (*p - '0');
    if (!octal && !wc_str_to_i64(node->text, 0, most, &value))
        wc_canon_bad(g->load, node, "%s of %s is a number from 0 to %lld, not '%s'", key,
                     name_of(g), (long long)most, node->text);
    return value;
}

static const char *target_of(const struct given *g)
{
    const char *target = wc_node_text(g->item, "target");
    const char *dir = wc_streq(g->section, "secrets") ? "/run/secrets" : "";
    if (target == NULL || target[0] == '\0')
        target = g->source;
    return target[0] == '/' ? target : wc_arena_printf(g->load->arena, "%s/%s", dir, target);
}

/* Of the environment, or of the values that came with canonical text. */
static const char *value_of(const struct given *g, const char *object, const struct wc_node *name)
{
    const struct wc_node *given = wc_node_get(wc_node_get(g->root, "x-loaded"), "given");
    const char *value = g->load->canonical ? wc_node_text(given, object) : NULL;
    if (value != NULL)
        return value;
    if (!g->load->options->only_shown && wc_env_refused(g->load, name->text, name->at, name->span))
        return "";
    value = wc_load_env(g->load, name->text);
    if (value != NULL || g->load->options->only_shown || g->load->canonical)
        return value != NULL ? value : "";
    struct wc_diag *diag =
        wc_report(g->load, WC_E_VARIABLE, name, "variable %s, the content of %s, isn't set",
                  name->text, name_of(g));
    wc_hint(g->load, diag, "set it in the environment, in .env or in an --env-file");
    return "";
}

static void add_mount(const struct given *g, struct wc_mount mount)
{
    struct wc_service *s = g->service;
    struct wc_mount *all = WC_NEW_ARRAY(g->load->arena, struct wc_mount, s->n_mounts + 1);
    if (s->n_mounts > 0)
        memcpy(all, s->mounts, s->n_mounts * sizeof *all);
    mount.object = wc_arena_printf(g->load->arena, "%s.%s", g->section, g->source);
    mount.target = target_of(g);
    mount.read_only = true;
    mount.tmpfs_size_bytes = mount.tmpfs_mode = WC_UNSET;
    mount.at = g->item->at;
    mount.uid = number(g, "uid", ID_MAX, 0);
    mount.gid = number(g, "gid", ID_MAX, 0);
    mount.mode = number(g, "mode", MODE_MAX, MODE_OF_ALL);
    all[s->n_mounts++] = mount;
    s->mounts = all;
}

static bool is_outside(const struct wc_node *entry)
{
    const struct wc_node *external = wc_node_get(entry, "external");
    return external != NULL && (external->kind != WC_NODE_BOOL || external->boolean);
}

/* The content of an encrypted file. */
static void add_sealed(const struct given *g, const struct wc_unsealed *file)
{
    struct wc_sealed *sealed = WC_NEW(g->load->arena, struct wc_sealed);
    *sealed = (struct wc_sealed){ .closed = file->closed,
                                  .is_untried = file->is_untried,
                                  .mark = file->file->mark,
                                  .len = file->len };
    add_mount(g, (struct wc_mount){ .type = WC_MOUNT_COPY,
                                    .content = file->content != NULL ? file->content : "",
                                    .sealed = sealed });
}

static void give(const struct given *g)
{
    const struct wc_node *variable = wc_node_get(g->entry, "environment");
    const struct wc_node *at = wc_node_get(g->entry, "file");
    const struct wc_unsealed *sealed;
    const char *path = wc_node_text(g->entry, "file"), *text = wc_node_text(g->entry, "content");
    bool own = wc_node_get(g->item, "uid") != NULL || wc_node_get(g->item, "gid") != NULL ||
               wc_node_get(g->item, "mode") != NULL;
    if (is_outside(g->entry) || wc_node_get(g->entry, "driver") != NULL) {
        struct wc_diag *diag =
            wc_report_not_yet(g->load, g->item->at, g->item->span,
                              "%s is kept elsewhere, and there is no such store", name_of(g));
        wc_hint(g->load, diag, "give its content by file or environment");
    } else if (path != NULL && (sealed = wc_sealed_file(g->load, path, at)) != NULL) {
        add_sealed(g, sealed);
    } else if (path != NULL && !own) {
        add_mount(g, (struct wc_mount){ .type = WC_MOUNT_BIND, .source = path });
    } else if (path != NULL) {
        add_mount(g, (struct wc_mount){ .type = WC_MOUNT_COPY, .source = path });
    } else if (text != NULL) {
        add_mount(g, (struct wc_mount){ .type = WC_MOUNT_COPY, .content = text });
    } else if (variable != NULL && variable->kind == WC_NODE_STRING) {
        const char *object = wc_arena_printf(g->load->arena, "%s.%s", g->section, g->source);
        add_mount(g, (struct wc_mount){ .type = WC_MOUNT_COPY,
                                        .content = value_of(g, object, variable) });
    }
}

static void give_all(struct given *g, const char *section)
{
    const struct wc_node *list = wc_node_get(g->service->tree, section);
    const struct wc_node *entries = wc_node_get(g->root, section);
    g->section = section;
    for (size_t i = 0; list != NULL && list->kind == WC_NODE_LIST && i < list->n; i++) {
        g->item = list->items[i];
        g->source = wc_node_text(g->item, "source");
        g->entry = g->source != NULL ? wc_node_get(entries, g->source) : NULL;
        if (g->entry != NULL && g->entry->kind == WC_NODE_MAP)
            give(g);
    }
}

/* What isn't there, or is kept elsewhere, is reported by who checks the section (objects.c). */
static void give_build(const struct given *g)
{
    struct wc_build *build = &g->service->build;
    const struct wc_node *list = wc_node_get(wc_node_get(g->service->tree, "build"), "secrets");
    if (list == NULL || list->kind != WC_NODE_LIST || list->n == 0)
        return;
    build->secrets = WC_NEW_ARRAY(g->load->arena, struct wc_build_secret, list->n);
    for (size_t i = 0; i < list->n; i++) {
        const char *source = wc_node_text(list->items[i], "source");
        const char *target = wc_node_text(list->items[i], "target");
        const struct wc_node *entry =
            source != NULL ? wc_node_get(wc_node_get(g->root, "secrets"), source) : NULL;
        const struct wc_node *file = entry == NULL ? NULL : wc_node_get(entry, "file");
        struct wc_text secret;
        if (entry == NULL)
            continue;
        if (file != NULL && file->kind == WC_NODE_STRING && !g->load->options->only_shown &&
            !g->load->canonical && wc_access_peek(g->load, file->text, &secret) &&
            wc_sealed_refuse(g->load, &secret, file->text, file->at, file->span,
                             "a secret of a build"))
            continue;
        build->secrets[build->n_secrets++] =
            (struct wc_build_secret){ .id = target != NULL ? target : source,
                                      .path = wc_node_text(entry, "file"),
                                      .variable = wc_node_text(entry, "environment") };
    }
}

void wc_given_settle(struct wc_load *load, struct wc_project *project, const struct wc_node *root)
{
    for (size_t i = 0; i < project->n_services; i++) {
        struct given g = { .load = load, .root = root, .service = &project->services[i] };
        give_all(&g, "configs");
        give_all(&g, "secrets");
        give_build(&g);
    }
}
