/* cmd_status.c - wcompose status: one short screen of the app; exit 0 when it is ready. */
#include <stdio.h>

#include "base/buf.h"
#include "cli/model_diff.h"
#include "cli/scene.h"
#include "cli/status.h"

static bool file_differs(struct wc_cli *cli, const struct wc_scene *scene)
{
    struct wc_model_diff diff;
    if (scene->file == NULL || scene->accepted == NULL)
        return false;
    wc_model_diff(scene->accepted, scene->file, cli->arena, &diff);
    return diff.n > 0;
}

int wc_cmd_status(struct wc_cli *cli)
{
    struct wc_scene scene;
    struct wc_status status;
    int rc = wc_scene_of_cli(cli, &scene);
    if (rc != 0)
        return rc;
    struct wc_why_in in = wc_scene_why(cli, &scene, NULL);
    if (scene.accepted != NULL) /* which services there are is what runs, not what is planned */
        in.model = scene.accepted;
    wc_status_make(&in, scene.project, file_differs(cli, &scene), cli->arena, &status);
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    if (cli->json)
        wc_status_format_json(&status, &out);
    else
        wc_status_format_text(&status, &cli->out, wc_cli_again(cli), &out);
    fwrite(out.data, 1, out.len, stdout);
    return status.ready.holds ? WC_EXIT_OK : WC_EXIT_STATE;
}
