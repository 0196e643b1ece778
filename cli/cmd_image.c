/* cmd_image.c - wcompose image load|ls|rm|make: images on this host, without a registry. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/paths.h"
#include "base/str.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/image_filter.h"
#include "cli/image_store.h"
#include "cli/long_work.h"
#include "cli/table.h"
#include "wcompose/client.h"
#include "wcompose/gitops.h"
#include "wcompose/image.h"

int wc_cli_images(struct wc_cli *cli, struct wc_paths *paths, struct wc_image_store **out)
{
    struct wc_err err = { 0 };
    int status = wc_cli_paths(cli, paths);
    if (status != 0)
        return status;
    return wc_image_store_open(paths->images, out, &err) == 0 ? 0 : wc_cli_fail(cli, &err);
}

/* One line, or one object, for an image that is there now. */
static void print_image(const struct wc_cli *cli, const char *reference, const char *how)
{
    if (!cli->json) {
        printf("%s\n", reference);
        wc_cli_note(cli, "%s %s", how, reference);
        return;
    }
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct wc_jsonw w = WC_JSONW_INIT(&out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", 1);
    wc_jsonw_str(&w, "image", reference);
    wc_jsonw_str(&w, "result", how);
    wc_jsonw_end_object(&w);
    puts(out.data);
}

int wc_cmd_image_load(struct wc_cli *cli)
{
    struct wc_paths paths;
    struct wc_image_store *store;
    if (wc_cli_text(cli, "name") != NULL && cli->n_words > 1)
        return wc_cli_usage(cli, "--name is for one source");
    int status = wc_cli_images(cli, &paths, &store);
    if (status != 0)
        return status;
    struct wc_long_work work = WC_LONG_WORK(cli);
    for (size_t i = 0; i < cli->n_words && status == 0; i++) {
        struct wc_strv loaded = { 0 };
        struct wc_err err = { 0 };
        struct wc_image_load_options options = { .source = cli->words[i],
                                                 .name = wc_cli_text(cli, "name"),
                                                 .progress = wc_long_work_note,
                                                 .progress_data = &work };
        if (wc_image_load(store, &options, cli->arena, &loaded, &err) != 0)
            status = wc_cli_fail(cli, &err);
        for (size_t k = 0; k < loaded.n && status == 0; k++)
            print_image(cli, loaded.items[k], "loaded");
    }
    wc_image_store_close(store);
    return status;
}

/* ---- make ---- */

/* Where recipes are looked for by name: the user's, the installation's, the source tree's. */
static const char *const *recipe_dirs(const struct wc_cli *cli, const struct wc_paths *paths)
{
    const char *own = wc_cli_env(cli, "WCOMPOSE_RECIPES");
    const char **dirs = wc_arena_array(cli->arena, 6, sizeof *dirs);
    size_t n = 0;
    if (own != NULL)
        dirs[n++] = own;
    dirs[n++] = wc_arena_printf(cli->arena, "%s/recipes", paths->etc);
    dirs[n++] = wc_arena_printf(cli->arena, "%s/../../share/wcompose/recipes", paths->bin);
    dirs[n++] = wc_arena_printf(cli->arena, "%s/../share/wcompose/recipes", paths->bin);
    dirs[n++] = wc_arena_printf(cli->arena, "%s/../../recipes", paths->bin);
    return dirs;
}

int wc_cmd_image_make(struct wc_cli *cli)
{
    struct wc_paths paths;
    struct wc_image_store *store;
    if (wc_cli_text(cli, "name") != NULL && cli->n_words > 1)
        return wc_cli_usage(cli, "--name is for one recipe");
    int status = wc_cli_images(cli, &paths, &store);
    if (status != 0)
        return status;
    struct wc_long_work work = WC_LONG_WORK(cli);
    for (size_t i = 0; i < cli->n_words && status == 0; i++) {
        struct wc_err err = { 0 };
        const char *reference = NULL;
        bool made = false;
        struct wc_image_make_options options = { .recipe = cli->words[i],
                                                 .name = wc_cli_text(cli, "name"),
                                                 .recipe_dirs = recipe_dirs(cli, &paths),
                                                 .force = wc_cli_flag(cli, "force"),
                                                 .progress = wc_long_work_note,
                                                 .progress_data = &work };
        if (wc_image_make(store, &options, cli->arena, &reference, &made, &err) != 0)
            status = wc_cli_fail(cli, &err);
        else
            print_image(cli, reference, made ? "made" : "up to date:");
    }
    wc_image_store_close(store);
    return status;
}

/* ---- ls ---- */

struct listing {
    const struct wc_cli *cli;
    struct wc_table *table; /* NULL with --json and --quiet */
    struct wc_image_filter filter;
    bool digests, quiet, broken;
};

static const char *short_id(const struct wc_cli *cli, const char *id)
{
    const char *colon = strchr(id, ':');
    return wc_arena_strndup(cli->arena, colon != NULL ? colon + 1 : id, 12);
}

static void json_image(const struct wc_image_info *info)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct wc_jsonw w = WC_JSONW_INIT(&out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", 1);
    wc_jsonw_str(&w, "image", info->reference);
    wc_jsonw_str(&w, "id", info->id);
    wc_jsonw_str(&w, "digest", info->digest);
    wc_jsonw_str(&w, "os", info->os);
    wc_jsonw_str(&w, "architecture", info->architecture);
    wc_jsonw_i64(&w, "size_bytes", info->size_bytes);
    wc_jsonw_str(&w, "created", info->created);
    wc_jsonw_i64(&w, "layers", (int64_t)info->layers.n);
    wc_jsonw_end_object(&w);
    puts(out.data);
}

static int list_one(void *data, const struct wc_image_info *info)
{
    struct listing *listing = data;
    const struct wc_cli *cli = listing->cli;
    WC_CLEANUP_BUF struct wc_buf size = WC_BUF_INIT;
    if (!wc_image_filter_takes(&listing->filter, info))
        return 0;
    if (info->broken != NULL) {
        wc_cli_warn(cli, "%s can't be read: %s (load or make it again, or wcompose image rm it)",
                    info->reference, info->broken);
        listing->broken = true;
    }
    if (listing->quiet) {
        puts(info->id);
        return 0;
    }
    if (listing->table == NULL) {
        json_image(info);
        return 0;
    }
    if (info->size_bytes != WC_UNSET)
        wc_bytes_format(info->size_bytes, &size);
    const char *const cells[] = {
        info->reference,
        listing->digests ? info->digest : short_id(cli, info->id),
        info->broken == NULL ? wc_arena_printf(cli->arena, "%s/%s", info->os, info->architecture)
                             : "unreadable",
        info->size_bytes != WC_UNSET ? size.data : NULL,
        info->created,
    };
    wc_table_row(listing->table, cells);
    return 0;
}

int wc_cmd_image_ls(struct wc_cli *cli)
{
    static const char *const headings[] = { "IMAGE", "ID", "PLATFORM", "SIZE", "CREATED" };
    struct listing listing = { .cli = cli,
                               .digests = wc_cli_flag(cli, "digests"),
                               .quiet = wc_cli_flag(cli, "quiet") };
    struct wc_paths paths;
    struct wc_image_store *store;
    struct wc_err err = { 0 };
    int status = wc_cli_images(cli, &paths, &store);
    if (status != 0)
        return status;
    size_t n_filters = 0;
    const char *const *filters = wc_cli_list(cli, "filter", &n_filters);
    status = wc_image_filter_read(cli, store, filters, n_filters, &listing.filter);
    if (!cli->json && !listing.quiet)
        listing.table = wc_table_new(cli->arena, headings, WC_COUNT(headings));
    if (status == 0 && wc_image_list(store, list_one, &listing, &err) != 0)
        status = wc_cli_fail(cli, &err);
    wc_image_store_close(store);
    if (listing.table != NULL && status == 0) {
        WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
        wc_table_format(listing.table, &out);
        fwrite(out.data, 1, out.len, stdout);
    }
    return status == 0 && listing.broken ? WC_EXIT_FAILED : status;
}

/* ---- rm ---- */

/* Adds what an instance's root is made of, which its image's name may not lead to any more. */
static void keep_layers(struct wc_cli_keeping *keeping, const char *layers)
{
    while (layers != NULL && *layers != '\0') {
        size_t len = strcspn(layers, ":");
        const char *name = wc_arena_strndup(keeping->cli->arena, layers, len);
        if (!wc_strv_has(keeping->layers, name))
            wc_strv_add(keeping->cli->arena, keeping->layers, name);
        layers += len + (layers[len] == ':');
    }
}

/* Keeps what a rollback goes to, and what a killed attempt is gone on with. */
static void keep_followed(struct wc_cli_keeping *keeping, const char *project)
{
    struct wc_gitops_record record;
    struct wc_arena *arena = keeping->cli->arena;
    struct wc_err none = { 0 };
    const char *dir = wc_gitops_dir(keeping->paths, arena, project);
    if (wc_gitops_record_read(dir, arena, &record, &none) != 0)
        return;
    const struct wc_gitops_images *all[] = { &record.good_images, &record.attempt_images };
    for (size_t i = 0; i < WC_COUNT(all); i++)
        for (size_t k = 0; k < all[i]->n; k++)
            wc_strv_add(arena, keeping->references,
                        wc_gitops_image_pinned(&all[i]->items[k], arena));
}

/* Keeps what a project's instances were made from, and what its accepted model names (a restart
 * would need it). A project of which neither can be read has nothing that could be protected. */
static void keep_project(struct wc_cli_keeping *keeping, const char *project)
{
    struct wc_ps list = { 0 };
    const struct wc_project *model = NULL;
    struct wc_arena *arena = keeping->cli->arena;
    struct wc_err none = { 0 };
    struct wc_ps_options options = { .paths = keeping->paths, .project = project, .direct = true };
    if (wc_client_ps(&options, arena, &list, &none) == 0) {
        for (size_t i = 0; i < list.n; i++)
            keep_layers(keeping, list.rows[i].fact.layers);
    }
    if (wc_client_accepted(keeping->paths, project, arena, &model, &none) == 0) {
        for (size_t i = 0; i < model->n_services; i++)
            if (model->services[i].image != NULL)
                wc_strv_add(arena, keeping->references, model->services[i].image);
    }
    keep_followed(keeping, project);
}

void wc_cli_projects(struct wc_cli *cli, const struct wc_paths *paths, struct wc_strv *out)
{
    DIR *stream = opendir(wc_arena_printf(cli->arena, "%s/projects", paths->lib));
    const struct dirent *entry;
    while (stream != NULL && (entry = readdir(stream)) != NULL) {
        if (entry->d_name[0] != '.')
            wc_strv_add(cli->arena, out, wc_arena_strdup(cli->arena, entry->d_name));
    }
    if (stream != NULL)
        closedir(stream);
}

static void keep_projects(void *data, struct wc_strv *layers, struct wc_strv *references)
{
    struct wc_cli_keeping *keeping = data;
    struct wc_strv projects = { 0 };
    keeping->layers = layers;
    keeping->references = references;
    wc_cli_projects(keeping->cli, keeping->paths, &projects);
    for (size_t i = 0; i < projects.n; i++)
        keep_project(keeping, projects.items[i]);
}

struct wc_image_uses wc_cli_image_uses(struct wc_cli_keeping *keeping, struct wc_cli *cli,
                                       const struct wc_paths *paths)
{
    *keeping = (struct wc_cli_keeping){ .cli = cli, .paths = paths };
    return (struct wc_image_uses){ keep_projects, keeping };
}

int wc_cmd_image_rm(struct wc_cli *cli)
{
    struct wc_paths paths = { 0 };
    struct wc_image_store *store;
    struct wc_cli_keeping keeping;
    const struct wc_image_uses uses = wc_cli_image_uses(&keeping, cli, &paths);
    int status = wc_cli_images(cli, &paths, &store);
    if (status != 0)
        return status;
    bool force = wc_cli_flag(cli, "force");
    for (size_t i = 0; i < cli->n_words; i++) {
        struct wc_err err = { 0 };
        if (wc_image_remove(store, cli->words[i], &uses, force, &err) != 0)
            status = wc_cli_fail(cli, &err);
        else
            print_image(cli, cli->words[i], "removed");
    }
    wc_image_store_close(store);
    return status;
}
