/* ledger_text.c - the ledger as records: one line of JSON each, so that a person with `strings` can
 * read the journal and a later version can add members; what is long and ours already (a model, a
 * request's key) follows on lines of its own, as it is.
 */
#include "base/json.h"
#include "orchestrator/ledger.h"
#include "wcompose/model.h"

const char *wc_outcome_name(enum wc_outcome outcome)
{
    switch (outcome) {
    case WC_OUTCOME_APPLYING:
        return "applying";
    case WC_OUTCOME_STABLE:
        return "stable";
    case WC_OUTCOME_FAILED:
        return "failed";
    case WC_OUTCOME_REJECTED:
        return "rejected";
    case WC_OUTCOME_ROLLED_BACK:
        return "rolled back";
    case WC_OUTCOME_SUPERSEDED:
        return "superseded";
    }
    return "unknown";
}

static void put_number(struct wc_jsonw *w, const char *key, uint64_t value)
{
    if (value != 0)
        wc_jsonw_i64(w, key, (int64_t)value);
}

static void put_text(struct wc_jsonw *w, const char *key, const char *value)
{
    if (value != NULL)
        wc_jsonw_str(w, key, value);
}

static void put_flag(struct wc_jsonw *w, const char *key, bool value)
{
    if (value)
        wc_jsonw_bool(w, key, true);
}

static void put_wishes(struct wc_jsonw *w, const struct wc_wish *wishes, size_t n)
{
    if (n == 0)
        return;
    wc_jsonw_array(w, "wishes");
    for (size_t i = 0; i < n; i++) {
        wc_jsonw_object(w, NULL);
        wc_jsonw_str(w, "service", wishes[i].service);
        put_flag(w, "stopped", wishes[i].stopped);
        put_flag(w, "suspended", wishes[i].suspended);
        put_flag(w, "paused", wishes[i].paused);
        if (wishes[i].replicas >= 0)
            wc_jsonw_i64(w, "replicas", wishes[i].replicas);
        wc_jsonw_end_object(w);
    }
    wc_jsonw_end_array(w);
}

void wc_ledger_put_generation(struct wc_buf *out, const struct wc_generation *generation)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "n", (int64_t)generation->number);
    wc_jsonw_i64(&w, "at", generation->made_at_ms);
    wc_jsonw_str(&w, "outcome", wc_outcome_name(generation->outcome));
    if (generation->ended_at_ms != 0)
        wc_jsonw_i64(&w, "ended", generation->ended_at_ms);
    if (generation->stable_at_ms != 0)
        wc_jsonw_i64(&w, "stable", generation->stable_at_ms);
    put_number(&w, "restores", generation->restores);
    put_text(&w, "source", generation->source);
    put_text(&w, "reason", generation->reason);
    wc_jsonw_end_object(&w);
    wc_buf_addc(out, '\n');
    wc_buf_add(out, generation->text, generation->len);
}

static void put_ask(struct wc_buf *out, const struct wc_ask *ask, bool begins,
                    const struct wc_wish *changes, size_t n_changes)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "id", (int64_t)ask->id);
    wc_jsonw_str(&w, "verb", ask->verb);
    wc_jsonw_i64(&w, "at", ask->at_ms);
    put_number(&w, "n", ask->number);
    put_number(&w, "before", ask->before);
    put_flag(&w, "force", ask->force);
    put_flag(&w, "prune", ask->prune);
    put_flag(&w, "begins", begins);
    put_wishes(&w, changes, n_changes);
    wc_jsonw_end_object(&w);
    wc_buf_addc(out, '\n');
    wc_buf_adds(out, ask->key);
    wc_buf_addc(out, '\n');
    if (ask->text != NULL)
        wc_buf_add(out, ask->text, ask->len);
}

void wc_ledger_put_ask(struct wc_buf *out, const struct wc_ask *ask, const struct wc_wish *changes,
                       size_t n_changes)
{
    put_ask(out, ask, true, changes, n_changes);
}

void wc_ledger_put_done(struct wc_buf *out, const struct wc_done *done)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "id", (int64_t)done->id);
    wc_jsonw_i64(&w, "at", done->at_ms);
    wc_jsonw_str(&w, "outcome", wc_outcome_name(done->outcome));
    put_text(&w, "reason", done->reason);
    wc_jsonw_end_object(&w);
    wc_buf_addc(out, '\n');
}

void wc_ledger_put_wants(struct wc_buf *out, const struct wc_kept_want *changes, size_t n)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_array(&w, "wants");
    for (size_t i = 0; i < n; i++) {
        wc_jsonw_object(&w, NULL);
        wc_jsonw_str(&w, "service", changes[i].service);
        put_text(&w, "want", changes[i].want);
        if (changes[i].hash != NULL && changes[i].hash[0] != '\0')
            wc_jsonw_str(&w, "hash", changes[i].hash);
        if (changes[i].inplace != NULL && changes[i].inplace[0] != '\0')
            wc_jsonw_str(&w, "inplace", changes[i].inplace);
        wc_jsonw_end_object(&w);
    }
    wc_jsonw_end_array(&w);
    wc_jsonw_end_object(&w);
    wc_buf_addc(out, '\n');
}

void wc_ledger_put_state(struct wc_buf *out, const struct wc_ledger *ledger)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "force", (int64_t)ledger->in_force);
    put_number(&w, "last_n", ledger->last_number);
    put_number(&w, "last_id", ledger->last_id);
    put_flag(&w, "prune", ledger->prune);
    put_wishes(&w, ledger->wishes, ledger->n_wishes);
    wc_jsonw_end_object(&w);
    wc_buf_addc(out, '\n');
}

void wc_ledger_tell(const struct wc_ledger *ledger, wc_ledger_record_fn *record, void *data)
{
    WC_CLEANUP_BUF struct wc_buf payload = WC_BUF_INIT;
    wc_ledger_put_state(&payload, ledger);
    record(data, WC_RECORD_STATE, &payload);
    if (ledger->n_wants > 0) {
        wc_buf_reset(&payload);
        wc_ledger_put_wants(&payload, ledger->wants, ledger->n_wants);
        record(data, WC_RECORD_WANTS, &payload);
    }
    if (ledger->n_rollouts > 0) {
        wc_buf_reset(&payload);
        wc_ledger_put_rollouts(&payload, ledger->rollouts, ledger->n_rollouts);
        record(data, WC_RECORD_ROLLOUTS, &payload);
    }
    for (size_t i = 0; i < ledger->n_generations; i++) {
        wc_buf_reset(&payload);
        wc_ledger_put_generation(&payload, &ledger->generations[i]);
        record(data, WC_RECORD_GENERATION, &payload);
    }
    for (size_t i = 0; i < ledger->n_asks; i++) {
        wc_buf_reset(&payload);
        put_ask(&payload, &ledger->asks[i], false, NULL, 0);
        record(data, WC_RECORD_ASK, &payload);
    }
}
