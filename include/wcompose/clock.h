/* clock.h - where time comes from (contract, pure).
 *
 * Idea:    whoever decides by time asks a clock, so that a simulated hour costs microseconds and
 * every run of a test sees the same times. The product passes none and gets the loop's.
 * Owner:   the clock outlives who uses it. Threads: the loop's.
 */
#ifndef WCOMPOSE_CLOCK_H
#define WCOMPOSE_CLOCK_H

#include <stdint.h>

typedef void wc_alarm_fn(void *data);

/* A clock as a value. */
struct wc_clock {
    /* Milliseconds that only grow; never 0. */
    uint64_t (*now)(void *data);
    /* Milliseconds since 1970. */
    int64_t (*wall)(void *data);
    /* Calls fire(fire_data) on the loop once now() >= at_ms. One alarm per clock: a new one
     * replaces the old one; at_ms 0 = none. */
    void (*arm)(void *data, uint64_t at_ms, wc_alarm_fn *fire, void *fire_data);
    void *data;
};

#endif
