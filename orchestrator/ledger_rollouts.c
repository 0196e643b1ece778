/* ledger_rollouts.c - the last rollout of each service: what a record does to the list, and the
 * record that tells it.
 */
#include "orchestrator/ledger.h"

#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/sorted.h"
#include "base/str.h"

static void free_rollout(struct wc_rollout_row *rollout)
{
    wc_free((char *)rollout->service);
    wc_free((char *)rollout->reason);
}

void wc_ledger_clear_rollouts(struct wc_ledger *ledger)
{
    for (size_t i = 0; i < ledger->n_rollouts; i++)
        free_rollout(&ledger->rollouts[i]);
    wc_free(ledger->rollouts);
    ledger->rollouts = NULL;
    ledger->n_rollouts = 0;
}

/* Where it is, or belongs. */
static size_t pos_of(const struct wc_ledger *ledger, const char *service)
{
    return wc_sorted_pos(ledger->rollouts, ledger->n_rollouts, sizeof *ledger->rollouts, service);
}

const struct wc_rollout_row *wc_ledger_rollout(const struct wc_ledger *ledger, const char *service)
{
    size_t i = pos_of(ledger, service);
    bool found = i < ledger->n_rollouts && wc_streq(ledger->rollouts[i].service, service);
    return found ? &ledger->rollouts[i] : NULL;
}

bool wc_ledger_is_rolling_from(const struct wc_ledger *ledger, uint64_t number)
{
    for (size_t i = 0; i < ledger->n_rollouts; i++) {
        const struct wc_rollout_row *r = &ledger->rollouts[i];
        if (r->state != WC_ROLLOUT_DONE && (r->from == number || r->to == number))
            return true;
    }
    return false;
}

static bool state_of(const struct wc_json *at, enum wc_rollout_state *out)
{
    const char *word = wc_json_str(wc_json_get(at, "state"), "");
    for (int i = 0; i < WC_ROLLOUT_STATES; i++)
        if (wc_streq(word, wc_rollout_state_name((enum wc_rollout_state)i))) {
            *out = (enum wc_rollout_state)i;
            return true;
        }
    return false;
}

static uint64_t count_of(const struct wc_json *at, const char *key)
{
    int64_t value = wc_json_i64(wc_json_get(at, key), 0);
    return value > 0 ? (uint64_t)value : 0;
}

static void remove_at(struct wc_ledger *ledger, size_t i)
{
    free_rollout(&ledger->rollouts[i]);
    ledger->n_rollouts--;
    memmove(&ledger->rollouts[i], &ledger->rollouts[i + 1],
            (ledger->n_rollouts - i) * sizeof *ledger->rollouts);
}

static void insert_at(struct wc_ledger *ledger, size_t i)
{
    ledger->rollouts =
        wc_realloc(ledger->rollouts, ledger->n_rollouts + 1, sizeof *ledger->rollouts);
    memmove(&ledger->rollouts[i + 1], &ledger->rollouts[i],
            (ledger->n_rollouts - i) * sizeof *ledger->rollouts);
    ledger->n_rollouts++;
}

static void take(struct wc_ledger *ledger, const struct wc_json *at)
{
    const char *service = wc_json_str(wc_json_get(at, "service"), ""),
               *reason = wc_json_str(wc_json_get(at, "reason"), NULL);
    struct wc_rollout_row made = {
        .from = count_of(at, "from"),
        .to = count_of(at, "to"),
        .back = wc_json_bool(wc_json_get(at, "back"), false),
        .n = (unsigned)count_of(at, "n"),
        .n_changed = (unsigned)count_of(at, "changed"),
        .failures = (unsigned)count_of(at, "failures"),
        .began_at_ms = wc_json_i64(wc_json_get(at, "began"), 0),
        .ended_at_ms = wc_json_i64(wc_json_get(at, "ended"), 0),
    };
    (void)state_of(at, &made.state);
    size_t i = pos_of(ledger, service);
    bool found = wc_ledger_rollout(ledger, service) != NULL;
    if (made.state == WC_ROLLOUT_NONE) {
        if (found)
            remove_at(ledger, i);
        return;
    }
    made.service = wc_strdup(service);
    made.reason = reason != NULL ? wc_strdup(reason) : NULL;
    if (found)
        free_rollout(&ledger->rollouts[i]);
    else
        insert_at(ledger, i);
    ledger->rollouts[i] = made;
}

bool wc_ledger_take_rollouts(struct wc_ledger *ledger, const struct wc_json *head)
{
    const struct wc_json *list = wc_json_get(head, "rollouts");
    enum wc_rollout_state state;
    if (list == NULL)
        return false;
    for (const struct wc_json *at = wc_json_first(list); at != NULL; at = wc_json_next(at))
        if (wc_json_str(wc_json_get(at, "service"), NULL) == NULL || !state_of(at, &state))
            return false;
    for (const struct wc_json *at = wc_json_first(list); at != NULL; at = wc_json_next(at))
        take(ledger, at);
    return true;
}

void wc_ledger_put_rollouts(struct wc_buf *out, const struct wc_rollout_row *changes, size_t n)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_array(&w, "rollouts");
    for (size_t i = 0; i < n; i++) {
        const struct wc_rollout_row *r = &changes[i];
        wc_jsonw_object(&w, NULL);
        wc_jsonw_str(&w, "service", r->service);
        wc_jsonw_str(&w, "state", wc_rollout_state_name(r->state));
        wc_jsonw_i64(&w, "from", (int64_t)r->from);
        wc_jsonw_i64(&w, "to", (int64_t)r->to);
        wc_jsonw_bool(&w, "back", r->back);
        wc_jsonw_i64(&w, "n", r->n);
        wc_jsonw_i64(&w, "changed", r->n_changed);
        wc_jsonw_i64(&w, "failures", r->failures);
        wc_jsonw_i64(&w, "began", r->began_at_ms);
        wc_jsonw_i64(&w, "ended", r->ended_at_ms);
        if (r->reason != NULL)
            wc_jsonw_str(&w, "reason", r->reason);
        wc_jsonw_end_object(&w);
    }
    wc_jsonw_end_array(&w);
    wc_jsonw_end_object(&w);
    wc_buf_addc(out, '\n');
}
