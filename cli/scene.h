/* scene.h - all that is known of a project at one moment: the file, what was accepted, what runs
 * and what happened (private to cli/).
 *
 * Idea:    gathered once, so that what explains it is pure.
 * Owner:   everything lives in cli->arena.
 * Threads: one.
 */
#ifndef CLI_SCENE_H
#define CLI_SCENE_H

#include "base/paths.h"
#include "cli/cli.h"
#include "cli/why.h"

struct wc_scene {
    struct wc_paths paths;
    const char *project;
    const struct wc_project *file;     /* as it says now; NULL: none was read */
    const struct wc_project *accepted; /* the generation in force; NULL: none is known */
    struct wc_history history;         /* n 0: nothing is known */
    struct wc_ps ps;                   /* with detail */
    int64_t now_ms;                    /* wall clock */
};

/* Gathers it for the project that the command line names. 0 or an exit status, printed. */
int wc_scene_of_cli(struct wc_cli *cli, struct wc_scene *out);

/* Gathers the rest when paths, project and file are set. 0 or an exit status, printed. */
int wc_scene_look(struct wc_cli *cli, struct wc_scene *scene);

/* The part that a chain is made from. service NULL: of no one in particular. */
struct wc_why_in wc_scene_why(struct wc_cli *cli, const struct wc_scene *scene,
                              const char *service);

/* The options that name the project, as they have to be given again: "wcompose -f x". */
const char *wc_cli_again(const struct wc_cli *cli);

#endif
