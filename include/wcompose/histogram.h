/* histogram.h - how long things took: how many in all, in sum, and of at most each bound (contract,
 * pure).
 *
 * Idea:    one scale for everything, from a sync of a quick disk to a service that takes minutes to
 *          come up: each bound is 2 to 3 times the one before, so a quantile is known to within
 *          that.
 * Owner:   a value; all zero is an empty one.
 * Threads: a value. Errors: none.
 * Source:  prometheus.io, "Histograms and summaries".
 */
#ifndef WCOMPOSE_HISTOGRAM_H
#define WCOMPOSE_HISTOGRAM_H

#include <stdint.h>

/* How many bounds there are. */
enum { WC_HISTOGRAM_BOUNDS = 19 };

/* 0.1 ms to 5 minutes, ascending. */
extern const uint64_t wc_histogram_bounds_us[WC_HISTOGRAM_BOUNDS];

/* What was counted. */
struct wc_histogram {
    uint64_t n[WC_HISTOGRAM_BOUNDS + 1]; /* n[i]: of at most bound i, and more than the one before;
                                            the last: of more than all bounds */
    uint64_t sum_us;
};

/* Counts one that took so long. */
void wc_histogram_add(struct wc_histogram *histogram, uint64_t took_us);

/* Returns how many were counted. */
uint64_t wc_histogram_total(const struct wc_histogram *histogram);

#endif
