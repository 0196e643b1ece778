/* limits.h - what one load may use up (spec, private).
 *
 * Idea:    one row a limit: its name for users, its default, how far it may be raised.
 * docs/limits.md is printed from the same rows. Going beyond one is an ordinary error, E105, that
 * names it and ends the load: each stage stops where it is and those behind don't begin, so a file
 * costs no more than what it took to find out. What can be reckoned is taken before it is made.
 */
#ifndef SPEC_LIMITS_H
#define SPEC_LIMITS_H

#include <stdbool.h>
#include <stddef.h>

#include "wcompose/diag.h"
#include "wcompose/spec.h"

struct wc_buf;

enum wc_limit {
    WC_LIMIT_FILE_BYTES,
    WC_LIMIT_TOTAL_BYTES,
    WC_LIMIT_FILES,
    WC_LIMIT_DEPTH,
    WC_LIMIT_NODES,
    WC_LIMIT_ALIAS_NODES,
    WC_LIMIT_EXTENDS_NODES,
    WC_LIMIT_EXTENDS_CHAIN,
    WC_LIMIT_INCLUDES,
    WC_LIMIT_INCLUDE_DEPTH,
    WC_LIMIT_INCLUDE_NODES,
    WC_LIMIT_COPY_RATIO,
    WC_LIMIT_KEY_BYTES,
    WC_LIMIT_VARIABLES,
    WC_LIMIT_ENV_LINES,
    WC_LIMIT_VALUE_BYTES,
    WC_LIMIT_EXPANDED_BYTES,
    WC_LIMIT_SERVICES,
    WC_LIMIT_COUNT
};

/* What is left of each: counters of one load. Made by wc_budget_make. */
struct wc_budget {
    size_t max[WC_LIMIT_COUNT], used[WC_LIMIT_COUNT];
    bool reported[WC_LIMIT_COUNT];
    bool over; /* one was exceeded: whoever sees it stops */
};

/* The budget that the options ask for; limits may be NULL. */
struct wc_budget wc_budget_make(const struct wc_spec_limits *limits);

/* Takes `amount` from a limit; false, and E105 reported at `at` the first time, beyond it. */
bool wc_budget_take(struct wc_budget *budget, struct wc_diags *diags, enum wc_limit limit,
                    size_t amount, struct wc_loc at, unsigned span);

/* The same for values that are there by being named, not written. Besides the limit itself, what is
 * added may be so many times what the files hold (copy-ratio): a small file can't become a large
 * project, and a large one isn't held to what is much for a small one. */
bool wc_budget_copy(struct wc_budget *budget, struct wc_diags *diags, enum wc_limit limit,
                    size_t nodes, struct wc_loc at, unsigned span);

/* The same for a limit on single things: false when `amount` is more than allowed. */
bool wc_budget_check(struct wc_budget *budget, struct wc_diags *diags, enum wc_limit limit,
                     size_t amount, struct wc_loc at, unsigned span);

/* Appends the table of docs/limits.md. */
void wc_limits_markdown(struct wc_buf *out);

#endif
