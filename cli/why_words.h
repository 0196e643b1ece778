/* why_words.h - the sentences that chains are made of (private to cli/why*.c, pure).
 *
 * Owner:   what comes out is a constant or lives in the arena.
 * Threads: any.
 */
#ifndef CLI_WHY_WORDS_H
#define CLI_WHY_WORDS_H

#include "cli/why.h"

/* How badly off an instance is: 0 = ready; grows. */
unsigned wc_why_words_rank(const struct wc_ps *ps, const struct wc_ps_row *row);

/* It exited with 0, and nobody asked for that. */
bool wc_why_words_ended_well(const struct wc_ps_row *row);

/* Events. generation: that was made then; NULL = not known. */
const char *wc_why_words_project(const struct wc_event *e, const struct wc_history_row *generation,
                                 struct wc_arena *arena);
const char *wc_why_words_event(const struct wc_event *e, struct wc_arena *arena);

/* States. */
const char *wc_why_words_exit(const struct wc_fact *fact, struct wc_arena *arena);
const char *wc_why_words_policy(const struct wc_service *s, const struct wc_ps_row *row,
                                struct wc_arena *arena);
const char *wc_why_words_need(const struct wc_ps_row *row, struct wc_arena *arena);
const char *wc_why_words_backoff(const struct wc_ps_row *row, int64_t now_ms,
                                 struct wc_arena *arena);
const char *wc_why_words_grace(const struct wc_ps_row *row, int64_t now_ms, struct wc_arena *arena);
const char *wc_why_words_unhealthy(const struct wc_ps_row *row, struct wc_arena *arena);
const char *wc_why_words_starting(const struct wc_ps_row *row, struct wc_arena *arena);
const char *wc_why_words_acting(const struct wc_ps_row *row);

/* How far a change has come that reaches the replicas one after another. */
const char *wc_why_words_rollout(const struct wc_rollout_row *row, struct wc_arena *arena);

/* The sentence above the chain; row NULL: there is no instance. */
const char *wc_why_words_summary(const struct wc_why_in *in, const struct wc_ps_row *row,
                                 const struct wc_why *why, struct wc_arena *arena);

#endif
