/* git.h - the git command, in its jail, for one source (orchestrator/gitops, private).
 *
 * Idea:    git is told everything by a configuration file of ours and believes no other: no hooks,
 *          no helpers, no prompts, one transport, every object checked. ssh likewise.
 * Owner:   the source, the place and its arena outlive it. Threads: one. Blocks: until the
 * deadline. Errors:  as wcompose/source.h says.
 */
#ifndef ORCHESTRATOR_GITOPS_GIT_H
#define ORCHESTRATOR_GITOPS_GIT_H

#include "orchestrator/gitops/jail.h"
#include "wcompose/source.h"

/* The two references of ours: what was fetched last, and what was applied last. */
#define WC_GIT_NEW "refs/wcompose/new"
#define WC_GIT_APPLIED "refs/wcompose/applied"

/* A source with all that is needed to ask git about it. */
struct wc_git {
    const struct wc_app_source *source;
    const struct wc_source_place *place;
    struct wc_jail jail;
    const char *url; /* as git is to be given it */
    const char *env[16];
    size_t n_env;
};

/* The time by which one call on a source has to be done. */
uint64_t wc_source_deadline(const struct wc_app_source *source);
size_t wc_source_max_bytes(const struct wc_app_source *source);

/* Makes a directory of the place that is ours alone, and gives its path. */
int wc_source_dir(const struct wc_source_place *place, const char *name, const char **out,
                  struct wc_err *err);

/* Fills in a jail for a source; `name` is that of its directory in the place. */
int wc_source_jail(const struct wc_app_source *source, const struct wc_source_place *place,
                   const char *name, struct wc_jail *jail, struct wc_err *err);

/* Gives jail->secret what token_file holds as "user:token" (without a user: `user`). */
int wc_source_token(const struct wc_app_source *source, const char *user, struct wc_jail *jail,
                    struct wc_err *err);

/* Prepares it; the repository is made when it isn't there. End it with wc_git_close, whatever this
 * returns. */
int wc_git_open(struct wc_git *git, const struct wc_app_source *source,
                const struct wc_source_place *place, struct wc_err *err);
void wc_git_close(struct wc_git *git);

/* Runs "git --git-dir=repo.git ARGS…" (NULL-terminated, at most 24) with `input` (may be NULL) and
 * appends what it prints to `out`. A failure is told from what git said. */
int wc_git_run(const struct wc_git *git, const char *const *args, const struct wc_buf *input,
               struct wc_buf *out, struct wc_err *err);

/* The same, with what it prints taken as it comes: no limit but the taker's. */
int wc_git_run_to(const struct wc_git *git, const char *const *args, const struct wc_buf *input,
                  wc_jail_take_fn *take, void *take_data, struct wc_err *err);

/* As wc_git_run without input, with the exit status in *status, which isn't an error. */
int wc_git_ask(const struct wc_git *git, const char *const *args, struct wc_buf *out, int *status,
               struct wc_err *err);

/* Gives the line of a program's last words that says most, in *err; returns its kind. */
int wc_source_explain(const char *program, const char *tail, struct wc_err *err);

/* The steps of wcompose/source.h, for each kind. */
int wc_git_look(const struct wc_app_source *source, const struct wc_source_place *place,
                struct wc_revision *out, struct wc_err *err);
int wc_git_fetch(const struct wc_app_source *source, const struct wc_source_place *place,
                 const struct wc_source_trail *trail, struct wc_revision *revision,
                 struct wc_err *err);
int wc_git_verify(const struct wc_app_source *source, const struct wc_source_place *place,
                  const struct wc_source_trail *trail, struct wc_revision *revision,
                  struct wc_err *err);

/* git_tidy.c: removes what a git left that was killed, or that gave up: locks, which would keep all
 * later ones out, and halves of packs. No git may be at work in it. Nothing is wrong with what
 * can't be removed: git itself will say so. */
void wc_git_sweep(const struct wc_git *git);

/* Lets all go but the commit that was applied last, once there is more than the cap in the
 * repository: it is the end of a shallow history from then on. */
int wc_git_shed(const struct wc_git *git, const char *last_id, struct wc_err *err);

int wc_git_tidy(const struct wc_app_source *source, const struct wc_source_place *place,
                struct wc_err *err);

#endif
