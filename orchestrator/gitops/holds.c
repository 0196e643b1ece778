/* holds.c - what keeps a new revision waiting: other apps, and the clock. */
#include <time.h>

#include "orchestrator/core/gitops.h"
#include "orchestrator/gitops/inputs.h"

/* The first app that it waits for and that isn't Ready. */
const char *wc_gitops_waits_for(const struct wc_gitops_run *run, struct wc_arena *arena)
{
    const struct wc_strv *deps = &run->app->depends_on;
    for (size_t i = 0; i < deps->n; i++) {
        struct wc_gitops_record other;
        struct wc_err none = { 0 };
        const char *dir = wc_gitops_dir(run->paths, arena, deps->items[i]);
        if (wc_gitops_record_read(dir, arena, &other, &none) != 0 ||
            other.memory.conditions[WC_GITOPS_READY].status != WC_GITOPS_TRUE)
            return deps->items[i];
    }
    return NULL;
}

/* When the next window opens, on the wall's clock; 0 = one is open. */
int64_t wc_gitops_window_opens(const struct wc_agent_app *app, int64_t now_ms)
{
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm local;
    localtime_r(&seconds, &local);
    int64_t ahead_ms = (int64_t)local.tm_gmtoff * 1000;
    int64_t at_ms = wc_gitops_window_at(app->windows, app->n_windows, now_ms + ahead_ms);
    return at_ms == 0 ? 0 : at_ms - ahead_ms;
}
