/* cmd_why.c - wcompose why: one chain of causes for one service. */
#include <stdio.h>

#include "base/buf.h"
#include "base/str.h"
#include "cli/args.h"
#include "cli/log_tail.h"
#include "cli/proof_text.h"
#include "cli/scene.h"

static bool is_known(const struct wc_scene *scene, const char *service)
{
    for (size_t i = 0; i < scene->ps.n; i++)
        if (wc_streq0(scene->ps.rows[i].fact.service, service))
            return true;
    return (scene->file != NULL && wc_project_service(scene->file, service) != NULL) ||
           (scene->accepted != NULL && wc_project_service(scene->accepted, service) != NULL);
}

static int unknown(struct wc_cli *cli, const struct wc_scene *scene, const char *service)
{
    struct wc_err err = { 0 };
    const struct wc_project *model = scene->file != NULL ? scene->file : scene->accepted;
    if (model != NULL)
        return wc_cli_check_services(cli, model, &service, 1);
    (void)wc_err_set(&err, WC_ERR_NOENT, 0, "nothing is known of '%s' in project %s", service,
                     scene->project);
    return wc_cli_fail(cli, &err);
}

static void read_log(struct wc_cli *cli, const struct wc_scene *scene, struct wc_why *why)
{
    enum { LOG_LINES = 5 };
    if (!wc_why_wants_log(why))
        return;
    const struct wc_log_tail tail = { .paths = &scene->paths,
                                      .project = scene->project,
                                      .service = why->root->service,
                                      .index = why->root->index > 0 ? why->root->index : 1,
                                      .n_lines = LOG_LINES,
                                      .since_ms = WC_UNSET };
    wc_log_tail_read(&tail, cli->arena, &why->log);
}

/* As the file says now, with every step; without a file, what was settled when it was read. */
static int decide(struct wc_cli *cli, const struct wc_scene *scene, const char *service,
                  struct wc_isolation_choice *out)
{
    const struct wc_service *now =
        scene->file != NULL ? wc_project_service(scene->file, service) : NULL;
    const struct wc_service *then =
        scene->accepted != NULL ? wc_project_service(scene->accepted, service) : NULL;
    if (now != NULL)
        return wc_cli_prove(cli, scene->file, now, out);
    if (then != NULL && then->settled.level != WC_ISOLATION_DEFAULT)
        *out = (struct wc_isolation_choice){ .level = then->settled.level,
                                             .code = then->settled.code,
                                             .why = then->settled.why,
                                             .at = then->settled.at };
    return 0;
}

int wc_cmd_why(struct wc_cli *cli)
{
    struct wc_scene scene;
    struct wc_why why;
    const char *service = cli->words[0];
    int status = wc_scene_of_cli(cli, &scene);
    if (status != 0)
        return status;
    if (!is_known(&scene, service))
        return unknown(cli, &scene, service);
    const struct wc_why_in in = wc_scene_why(cli, &scene, service);
    wc_why_make(&in, service, (unsigned)wc_cli_int(cli, "index", 0), cli->arena, &why);
    read_log(cli, &scene, &why);
    struct wc_isolation_choice choice = { 0 };
    status = decide(cli, &scene, service, &choice);
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    if (cli->json) {
        wc_why_format_json(&why, choice.code != NULL ? &choice : NULL, scene.ps.supervised, &out);
    } else {
        wc_why_format_text(&why, &cli->out, cli->cwd, wc_cli_again(cli), &out);
        if (choice.code != NULL) {
            wc_buf_addc(&out, '\n');
            wc_proof_text(cli, service, &choice, &out);
        }
    }
    fwrite(out.data, 1, out.len, stdout);
    return status;
}
