/* agent_supervisors.c - an app whose supervisor ends has nobody who restarts what dies: its pass
 * comes at once rather than at the interval. What people do to an app as a whole (stop, down) ends
 * its supervisor as well.
 */
#include "orchestrator/gitops/agent_priv.h"

#include <unistd.h>

#include "wcompose/client.h"

/* A supervisor that gives way to another is followed by it within the first; the second is for one
 * that dies each time it is started. */
enum { SETTLE_MS = 2000, APART_MS = 10000 };

static int64_t later(const struct wc_loop_app *app)
{
    int64_t since_ms = (int64_t)(uv_now(&app->loop->uv) - app->ended_ms);
    int64_t wait_ms = since_ms < APART_MS ? APART_MS - since_ms : 0;
    return wc_agent_wall_ms() + (wait_ms > SETTLE_MS ? wait_ms : SETTLE_MS);
}

static void on_closed(uv_handle_t *handle)
{
    struct wc_loop_app *app = handle->data;
    (void)close(app->end_fd);
    app->heeds_end = false;
    app->n_handles--;
    wc_agent_release(app);
}

void wc_agent_unheed(struct wc_loop_app *app)
{
    if (app->heeds_end && !uv_is_closing((uv_handle_t *)&app->end))
        uv_close((uv_handle_t *)&app->end, on_closed);
}

/* A pass that is under way sees to it, or is why. */
static void on_end(uv_poll_t *handle, int status, int events)
{
    struct wc_loop_app *app = handle->data;
    int64_t at_ms = later(app);
    (void)status;
    (void)events;
    wc_agent_unheed(app);
    if (app->is_running)
        return;
    app->is_forced = true;
    if (app->wake_at_ms == 0 || app->wake_at_ms > at_ms)
        app->wake_at_ms = at_ms;
    wc_agent_pump(app->loop);
}

void wc_agent_heed(struct wc_loop_app *app)
{
    struct wc_client *client;
    struct wc_err none = { 0 };
    bool is_wanted = app->is_listed && !app->loop->is_leaving && !app->heeds_end;
    if (!is_wanted ||
        wc_client_open(app->loop->config->paths, app->name, false, &client, &none) != 0)
        return;
    app->end_fd = wc_client_end_fd(client);
    wc_client_close(client);
    if (app->end_fd < 0)
        return;
    if (uv_poll_init(&app->loop->uv, &app->end, app->end_fd) != 0) {
        (void)close(app->end_fd);
        return;
    }
    app->end.data = app;
    app->heeds_end = true;
    app->n_handles++;
    uv_poll_start(&app->end, UV_READABLE, on_end);
}
