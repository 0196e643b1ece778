/* paths.h - where things are on disk (base, layer 0).
 *
 * Idea:    three roots, decided once: configuration, state that lasts, state that dies with the
 * boot. WCOMPOSE_ROOT moves all three beneath one directory, so that tests and a user's apps never
 * meet. Source:  FHS 3.0 for root; XDG Base Directory Specification for others.
 */
#ifndef BASE_PATHS_H
#define BASE_PATHS_H

#include "wcompose/err.h"

struct wc_arena;

struct wc_paths {
    const char *etc;     /* /etc/wcompose */
    const char *lib;     /* /var/lib/wcompose */
    const char *run;     /* /run/wcompose */
    const char *images;  /* lib/images */
    const char *volumes; /* lib/volumes */
    const char *bin;     /* directory of our helper programs (wcompose-keeper, …) */
};

/* Fills *out with absolute paths from the arena, from WCOMPOSE_ROOT, WCOMPOSE_LIBEXEC, the
 * effective user and XDG_*. Makes nothing but an ordinary user's run directory in /tmp, where there
 * is no other. Helpers are looked for in WCOMPOSE_LIBEXEC, beside the
 * running program, then in ../libexec/wcompose. Returns 0, WC_ERR_NOENT (no HOME for an ordinary
 * user; helper programs not found) or WC_ERR_PERM (somebody else may write one of the roots).
 */
int wc_paths_find(struct wc_arena *arena, struct wc_paths *out, struct wc_err *err);

/* Paths made of the above; arena-owned.
 *   the host's policy        etc/policy.yaml
 *   project directory        lib/projects/<project>
 *   instance state           lib/projects/<project>/instances/<id>
 *   project's run directory  run/projects/<project>
 *   instance's run directory run/projects/<project>/instances/<id>
 */
const char *wc_paths_policy(const struct wc_paths *paths, struct wc_arena *arena);
const char *wc_paths_project_lib(const struct wc_paths *paths, struct wc_arena *arena,
                                 const char *project);
const char *wc_paths_project_run(const struct wc_paths *paths, struct wc_arena *arena,
                                 const char *project);
const char *wc_paths_instance_lib(const struct wc_paths *paths, struct wc_arena *arena,
                                  const char *project, const char *id);
const char *wc_paths_instance_run(const struct wc_paths *paths, struct wc_arena *arena,
                                  const char *project, const char *id);

#endif
