/* supervisor_undo.c - a first `up` that failed with no instance to show for it leaves nothing
 * behind.
 *
 * Once something runs the project stays as far as it came, as users of Compose expect; but a
 * missing image or a taken port must not leave a network, or files that make the next `down` a
 * riddle.
 */
#include "orchestrator/supervisor_priv.h"

#include "base/log.h"

static void look(void *data, const struct wc_instance_status *status)
{
    bool *found = data;
    *found = *found || status->fact.life != WC_LIFE_ABSENT;
}

static void on_undone(void *data, int status, const struct wc_err *err, unsigned changed)
{
    (void)changed;
    struct wc_sup_call *call = data;
    if (status == 0)
        wc_sup_forget(call->sup);
    else
        wc_log(WC_LOG_WARN, "supervisor", "undo: %s", err != NULL ? err->msg : "failed");
    struct wc_err failure = call->failure;
    wc_sup_finish(call, failure.code, &failure, 0);
}

bool wc_sup_undo(struct wc_sup_call *call, const struct wc_err *err)
{
    bool found = false;
    wc_engine_visit(call->sup->engine, look, &found);
    if (found || err == NULL || err->code == 0)
        return false;
    call->failure = *err;
    const struct wc_request request = { .kind = WC_REQUEST_DOWN,
                                        .timeout_ms = WC_UNSET,
                                        .quiet = true,
                                        .done = on_undone,
                                        .data = call };
    wc_engine_submit(call->sup->engine, &request);
    return true;
}
