/* scene.c - gathering. */
#include "cli/scene.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "cli/model_diff.h"
#include "cli/time_option.h"

int wc_scene_look(struct wc_cli *cli, struct wc_scene *scene)
{
    struct wc_err err = { 0 };
    struct wc_ps_options options = { .paths = &scene->paths,
                                     .project = scene->project,
                                     .detail = true };
    if (wc_client_ps(&options, cli->arena, &scene->ps, &err) != 0)
        return wc_cli_fail(cli, &err);
    scene->now_ms = wc_cli_wall_ms();
    int rc = wc_history_read(&scene->paths, scene->project, cli->arena, &scene->history, &err);
    if (rc != 0)
        scene->history = (struct wc_history){ 0 };
    if (rc != 0 && rc != WC_ERR_NOENT)
        wc_cli_warn(cli, "what was accepted is not known: %s", err.msg);
    if (scene->history.in_force != NULL &&
        wc_history_model(scene->history.in_force, cli->arena, &scene->accepted, &err) != 0)
        scene->accepted = NULL;
    return 0;
}

int wc_scene_of_cli(struct wc_cli *cli, struct wc_scene *out)
{
    *out = (struct wc_scene){ 0 };
    int status = wc_cli_project(cli, cli->arena, &out->project, &out->file);
    if (status == 0)
        status = wc_cli_paths(cli, &out->paths);
    return status == 0 ? wc_scene_look(cli, out) : status;
}

/* The generation that the one in force took the place of. */
static const struct wc_history_row *before(const struct wc_history *history)
{
    const struct wc_history_row *found = NULL;
    for (size_t i = 0; history->in_force != NULL && i < history->n; i++)
        if (&history->rows[i] < history->in_force)
            found = &history->rows[i];
    return found;
}

/* "environment.LEVEL, image": names of what differs, not values, which may be secrets. */
static const char *changed_of(struct wc_cli *cli, const struct wc_scene *scene, const char *service)
{
    const struct wc_history_row *row = before(&scene->history);
    const struct wc_project *old;
    struct wc_model_diff diff;
    struct wc_err unread;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    if (service == NULL || row == NULL || scene->accepted == NULL ||
        wc_history_model(row, cli->arena, &old, &unread) != 0)
        return NULL;
    wc_model_diff(old, scene->accepted, cli->arena, &diff);
    const char *prefix = wc_arena_printf(cli->arena, "services.%s.", service);
    for (size_t i = 0; i < diff.n; i++)
        if (wc_str_starts(diff.items[i].path, prefix))
            wc_buf_printf(&text, "%s%s", text.len > 0 ? ", " : "",
                          diff.items[i].path + strlen(prefix));
    return text.len > 0 ? wc_arena_strdup(cli->arena, text.data) : NULL;
}

struct wc_why_in wc_scene_why(struct wc_cli *cli, const struct wc_scene *scene, const char *service)
{
    return (struct wc_why_in){
        .model = scene->file != NULL ? scene->file : scene->accepted,
        .ps = &scene->ps,
        .history = &scene->history,
        .changed = changed_of(cli, scene, service),
        .now_ms = scene->now_ms,
    };
}

const char *wc_cli_again(const struct wc_cli *cli)
{
    static const char *const kept[] = { "file", "project-name", "profile", "env-file",
                                        "project-directory" };
    const char *text = "wcompose";
    for (size_t i = 0; i < cli->n_values; i++) {
        const struct wc_cli_value *value = &cli->values[i];
        for (size_t k = 0; k < WC_COUNT(kept); k++) {
            if (!wc_streq(value->option->name, kept[k]))
                continue;
            text = value->option->letter != 0 ? wc_arena_printf(cli->arena, "%s -%c %s", text,
                                                                value->option->letter, value->text)
                                              : wc_arena_printf(cli->arena, "%s --%s %s", text,
                                                                value->option->name, value->text);
        }
    }
    return text;
}
