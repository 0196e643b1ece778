/* gitops_window.c - maintenance windows, in minutes of a week. */
#include "orchestrator/core/gitops.h"

enum { MINUTE_MS = 60000, THURSDAY = 3 }; /* 1970 began on one */

/* Minutes from `minute` of the week to the beginning of the window's turn on `day`; 0 when that is
 * now, or was and lasts. */
static int64_t until(const struct wc_agent_window *w, unsigned day, int64_t minute)
{
    int64_t begin = (int64_t)day * WC_DAY_MINUTES + w->from;
    int64_t since = (minute - begin + WC_WEEK_MINUTES) % WC_WEEK_MINUTES;
    return since < w->length ? 0 : WC_WEEK_MINUTES - since;
}

int64_t wc_gitops_window_at(const struct wc_agent_window *windows, size_t n, int64_t local_ms)
{
    int64_t whole = local_ms / MINUTE_MS;
    int64_t minute = (whole + THURSDAY * WC_DAY_MINUTES) % WC_WEEK_MINUTES;
    int64_t soonest = WC_WEEK_MINUTES;
    for (size_t i = 0; i < n; i++)
        for (unsigned day = 0; day < 7; day++)
            if ((windows[i].days >> day & 1U) != 0 && until(&windows[i], day, minute) < soonest)
                soonest = until(&windows[i], day, minute);
    return n == 0 || soonest == 0 ? 0 : (whole + soonest) * MINUTE_MS;
}
