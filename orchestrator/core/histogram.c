/* histogram.c - each value is counted once, in the first bucket that it fits; sums over buckets are
 * made by who prints them.
 */
#include "wcompose/histogram.h"

#include <stddef.h>

#define MS(n) ((n)*UINT64_C(1000))
#define S(n) ((n)*UINT64_C(1000000))

const uint64_t wc_histogram_bounds_us[WC_HISTOGRAM_BOUNDS] = {
    100,     250,     500,  MS(1),    UINT64_C(2500), MS(5), MS(10), MS(25), MS(50), MS(100),
    MS(250), MS(500), S(1), MS(2500), S(5),           S(10), S(30),  S(60),  S(300),
};

void wc_histogram_add(struct wc_histogram *histogram, uint64_t took_us)
{
    size_t at = 0;
    while (at < WC_HISTOGRAM_BOUNDS && took_us > wc_histogram_bounds_us[at])
        at++;
    histogram->n[at]++;
    histogram->sum_us += took_us;
}

uint64_t wc_histogram_total(const struct wc_histogram *histogram)
{
    uint64_t total = 0;
    for (size_t i = 0; i <= WC_HISTOGRAM_BOUNDS; i++)
        total += histogram->n[i];
    return total;
}
