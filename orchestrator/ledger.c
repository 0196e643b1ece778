/* ledger.c - the value: what a record does to it.
 *
 * A record is read wholly before anything changes; one that lacks what it needs is refused, and the
 * journal keeps it for whoever understands it. Which records belong together is in one record (an
 * ask carries what it means for services, its end carries the outcome), so that a torn tail can't
 * leave half of a change.
 */
#include "orchestrator/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/sorted.h"
#include "base/str.h"
#include "wcompose/model.h"

/* ---- storage ---- */

static char *dup0(const char *text)
{
    return text != NULL ? wc_strdup(text) : NULL;
}

static char *dup_n(const char *text, size_t len)
{
    char *copy = wc_alloc(len + 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

static void set_text(const char **field, const char *text)
{
    char *copy = dup0(text);
    wc_free((char *)*field);
    *field = copy;
}

static void free_generation(struct wc_generation *generation)
{
    wc_free((char *)generation->source);
    wc_free((char *)generation->reason);
    wc_free((char *)generation->text);
}

static void free_ask(struct wc_ask *ask)
{
    wc_free((char *)ask->verb);
    wc_free((char *)ask->key);
    wc_free((char *)ask->text);
}

static void free_want(struct wc_kept_want *want)
{
    wc_free((char *)want->service);
    wc_free((char *)want->want);
    wc_free((char *)want->hash);
    wc_free((char *)want->inplace);
}

static void clear(struct wc_ledger *ledger)
{
    for (size_t i = 0; i < ledger->n_generations; i++)
        free_generation(&ledger->generations[i]);
    for (size_t i = 0; i < ledger->n_asks; i++)
        free_ask(&ledger->asks[i]);
    for (size_t i = 0; i < ledger->n_wishes; i++)
        wc_free((char *)ledger->wishes[i].service);
    for (size_t i = 0; i < ledger->n_wants; i++)
        free_want(&ledger->wants[i]);
    wc_ledger_clear_rollouts(ledger);
    wc_free(ledger->wants);
    wc_free(ledger->generations);
    wc_free(ledger->asks);
    wc_free(ledger->wishes);
}

void wc_ledger_deinit(struct wc_ledger *ledger)
{
    clear(ledger);
    *ledger = (struct wc_ledger){ 0 };
}

/* ---- look-ups ---- */

static struct wc_generation *find_generation(const struct wc_ledger *ledger, uint64_t number)
{
    for (size_t i = ledger->n_generations; i-- > 0;)
        if (ledger->generations[i].number == number)
            return &ledger->generations[i];
    return NULL;
}

const struct wc_generation *wc_ledger_generation(const struct wc_ledger *ledger, uint64_t number)
{
    return find_generation(ledger, number);
}

const struct wc_generation *wc_ledger_accepted(const struct wc_ledger *ledger)
{
    return ledger->in_force != 0 ? find_generation(ledger, ledger->in_force) : NULL;
}

const struct wc_ask *wc_ledger_ask(const struct wc_ledger *ledger, uint64_t id)
{
    for (size_t i = 0; i < ledger->n_asks; i++)
        if (ledger->asks[i].id == id)
            return &ledger->asks[i];
    return NULL;
}

static bool same_text(const struct wc_generation *a, const struct wc_generation *b)
{
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

const struct wc_generation *wc_ledger_last_stable(const struct wc_ledger *ledger)
{
    const struct wc_generation *now = wc_ledger_accepted(ledger);
    for (size_t i = ledger->n_generations; now != NULL && i-- > 0;) {
        const struct wc_generation *at = &ledger->generations[i];
        if (at->number < now->number && at->stable_at_ms != 0 && !same_text(at, now))
            return at;
    }
    return NULL;
}

/* ---- generations ---- */

static bool is_needed(const struct wc_ledger *ledger, uint64_t number)
{
    const struct wc_generation *back = wc_ledger_last_stable(ledger);
    if (number == ledger->in_force || number == ledger->last_number ||
        (back != NULL && number == back->number) || wc_ledger_is_rolling_from(ledger, number))
        return true;
    for (size_t i = 0; i < ledger->n_asks; i++)
        if (ledger->asks[i].number == number || ledger->asks[i].before == number)
            return true;
    return false;
}

/* Lets the oldest go that nothing refers to. Only at the end of an ask: while a whole file is
 * replayed, who refers to what isn't known before all of it was read. */
static void prune(struct wc_ledger *ledger)
{
    for (size_t i = 0;
         i < ledger->n_generations && ledger->n_generations > WC_LEDGER_GENERATIONS;) {
        struct wc_generation *at = &ledger->generations[i];
        if (is_needed(ledger, at->number)) {
            i++;
            continue;
        }
        free_generation(at);
        ledger->n_generations--;
        memmove(at, at + 1, (ledger->n_generations - i) * sizeof *at);
    }
}

static uint64_t number_of(const struct wc_json *head, const char *key)
{
    int64_t value = wc_json_i64(wc_json_get(head, key), 0);
    return value > 0 ? (uint64_t)value : 0;
}

static bool read_outcome(const struct wc_json *head, enum wc_outcome *out)
{
    const char *word = wc_json_str(wc_json_get(head, "outcome"), NULL);
    for (int i = 0; word != NULL && i < WC_OUTCOMES; i++)
        if (wc_streq(word, wc_outcome_name((enum wc_outcome)i))) {
            *out = (enum wc_outcome)i;
            return true;
        }
    return false;
}

static bool take_generation(struct wc_ledger *ledger, const struct wc_json *head, const char *text,
                            size_t len)
{
    struct wc_generation made = {
        .number = number_of(head, "n"),
        .made_at_ms = wc_json_i64(wc_json_get(head, "at"), 0),
        .ended_at_ms = wc_json_i64(wc_json_get(head, "ended"), 0),
        .stable_at_ms = wc_json_i64(wc_json_get(head, "stable"), 0),
        .restores = number_of(head, "restores"),
    };
    if (made.number == 0 || len == 0 || find_generation(ledger, made.number) != NULL ||
        !read_outcome(head, &made.outcome) ||
        (ledger->n_generations > 0 &&
         ledger->generations[ledger->n_generations - 1].number > made.number))
        return false;
    made.source = dup0(wc_json_str(wc_json_get(head, "source"), NULL));
    made.reason = dup0(wc_json_str(wc_json_get(head, "reason"), NULL));
    made.text = dup_n(text, len);
    made.len = len;
    ledger->generations = wc_realloc(ledger->generations, ledger->n_generations + 1, sizeof made);
    ledger->generations[ledger->n_generations++] = made;
    if (made.number > ledger->last_number)
        ledger->last_number = made.number;
    return true;
}

/* ---- wishes ---- */

/* Where it is, or belongs. */
static size_t wish_pos(const struct wc_ledger *ledger, const char *service)
{
    return wc_sorted_pos(ledger->wishes, ledger->n_wishes, sizeof *ledger->wishes, service);
}

const struct wc_wish *wc_ledger_wish(const struct wc_ledger *ledger, const char *service)
{
    size_t i = wish_pos(ledger, service);
    bool found = i < ledger->n_wishes && wc_streq(ledger->wishes[i].service, service);
    return found ? &ledger->wishes[i] : NULL;
}

static struct wc_wish *wish_at(struct wc_ledger *ledger, const char *service)
{
    size_t i = wish_pos(ledger, service);
    if (i < ledger->n_wishes && wc_streq(ledger->wishes[i].service, service))
        return &ledger->wishes[i];
    ledger->wishes = wc_realloc(ledger->wishes, ledger->n_wishes + 1, sizeof *ledger->wishes);
    struct wc_wish *at = &ledger->wishes[i];
    memmove(at + 1, at, (ledger->n_wishes - i) * sizeof *at);
    ledger->n_wishes++;
    *at = (struct wc_wish){ .service = wc_strdup(service), .replicas = WC_UNSET };
    return at;
}

static bool check_wishes(const struct wc_json *list)
{
    for (const struct wc_json *at = wc_json_first(list); at != NULL; at = wc_json_next(at))
        if (wc_json_str(wc_json_get(at, "service"), NULL) == NULL)
            return false;
    return true;
}

static void take_wishes(struct wc_ledger *ledger, const struct wc_json *list)
{
    size_t n = 0;
    for (const struct wc_json *at = wc_json_first(list); at != NULL; at = wc_json_next(at)) {
        struct wc_wish *wish = wish_at(ledger, wc_json_str(wc_json_get(at, "service"), ""));
        wish->stopped = wc_json_bool(wc_json_get(at, "stopped"), false);
        wish->suspended = wc_json_bool(wc_json_get(at, "suspended"), false);
        wish->paused = wc_json_bool(wc_json_get(at, "paused"), false);
        wish->replicas = wc_json_i64(wc_json_get(at, "replicas"), WC_UNSET);
    }
    for (size_t i = 0; i < ledger->n_wishes; i++) { /* those that say nothing any more go */
        struct wc_wish *wish = &ledger->wishes[i];
        if (wish->stopped || wish->suspended || wish->paused || wish->replicas >= 0)
            ledger->wishes[n++] = *wish;
        else
            wc_free((char *)wish->service);
    }
    ledger->n_wishes = n;
}

/* ---- wants ---- */

static size_t want_pos(const struct wc_ledger *ledger, const char *service)
{
    return wc_sorted_pos(ledger->wants, ledger->n_wants, sizeof *ledger->wants, service);
}

const struct wc_kept_want *wc_ledger_want(const struct wc_ledger *ledger, const char *service)
{
    size_t i = want_pos(ledger, service);
    bool found = i < ledger->n_wants && wc_streq(ledger->wants[i].service, service);
    return found ? &ledger->wants[i] : NULL;
}

static void take_want(struct wc_ledger *ledger, const char *service, const struct wc_json *from)
{
    size_t i = want_pos(ledger, service);
    bool found = i < ledger->n_wants && wc_streq(ledger->wants[i].service, service);
    if (!found) {
        ledger->wants = wc_realloc(ledger->wants, ledger->n_wants + 1, sizeof *ledger->wants);
        memmove(&ledger->wants[i + 1], &ledger->wants[i],
                (ledger->n_wants - i) * sizeof *ledger->wants);
        ledger->wants[i] = (struct wc_kept_want){ .service = wc_strdup(service) };
        ledger->n_wants++;
    }
    set_text(&ledger->wants[i].want, wc_json_str(wc_json_get(from, "want"), NULL));
    set_text(&ledger->wants[i].hash, wc_json_str(wc_json_get(from, "hash"), ""));
    set_text(&ledger->wants[i].inplace, wc_json_str(wc_json_get(from, "inplace"), ""));
}

static bool take_wants(struct wc_ledger *ledger, const struct wc_json *head)
{
    const struct wc_json *list = wc_json_get(head, "wants");
    size_t n = 0;
    if (list == NULL || !check_wishes(list))
        return false;
    for (const struct wc_json *at = wc_json_first(list); at != NULL; at = wc_json_next(at))
        take_want(ledger, wc_json_str(wc_json_get(at, "service"), ""), at);
    for (size_t i = 0; i < ledger->n_wants; i++) { /* those that want nothing go */
        if (ledger->wants[i].want != NULL)
            ledger->wants[n++] = ledger->wants[i];
        else
            free_want(&ledger->wants[i]);
    }
    ledger->n_wants = n;
    return true;
}

/* ---- asks ---- */

static bool take_ask(struct wc_ledger *ledger, const struct wc_json *head, const char *rest,
                     size_t len)
{
    const char *end = len > 0 ? memchr(rest, '\n', len) : NULL;
    const struct wc_json *changes = wc_json_get(head, "wishes");
    const char *verb = wc_json_str(wc_json_get(head, "verb"), NULL);
    struct wc_ask ask = {
        .id = number_of(head, "id"),
        .at_ms = wc_json_i64(wc_json_get(head, "at"), 0),
        .number = number_of(head, "n"),
        .before = number_of(head, "before"),
        .force = wc_json_bool(wc_json_get(head, "force"), false),
        .prune = wc_json_bool(wc_json_get(head, "prune"), false),
    };
    bool is_apply = verb != NULL && wc_streq(verb, "apply");
    if (verb == NULL || end == NULL || ask.id == 0 || wc_ledger_ask(ledger, ask.id) != NULL ||
        ledger->n_asks >= WC_LEDGER_ASKS_MAX || !check_wishes(changes) ||
        (is_apply && find_generation(ledger, ask.number) == NULL))
        return false;
    size_t rest_len = len - (size_t)(end + 1 - rest);
    ask.verb = wc_strdup(verb);
    ask.key = dup_n(rest, (size_t)(end - rest));
    ask.text = rest_len > 0 ? dup_n(end + 1, rest_len) : NULL;
    ask.len = rest_len;
    ledger->asks = wc_realloc(ledger->asks, ledger->n_asks + 1, sizeof ask);
    ledger->asks[ledger->n_asks++] = ask;
    if (ask.id > ledger->last_id)
        ledger->last_id = ask.id;
    if (!wc_json_bool(wc_json_get(head, "begins"), false)) /* of a whole file: STATE has said it */
        return true;
    take_wishes(ledger, changes);
    if (is_apply) {
        ledger->in_force = ask.number;
        ledger->prune = ask.prune;
        find_generation(ledger, ask.number)->outcome = WC_OUTCOME_APPLYING;
    }
    return true;
}

static void conclude(struct wc_ledger *ledger, const struct wc_ask *ask, const struct wc_done *done)
{
    struct wc_generation *generation = find_generation(ledger, ask->number);
    if (generation == NULL)
        return;
    generation->outcome = done->outcome;
    generation->ended_at_ms = done->at_ms;
    set_text(&generation->reason, done->reason);
    if (done->outcome == WC_OUTCOME_STABLE)
        generation->stable_at_ms = done->at_ms;
    if (done->outcome == WC_OUTCOME_REJECTED && ledger->in_force == ask->number) {
        ledger->in_force = find_generation(ledger, ask->before) != NULL ? ask->before : 0;
        return;
    }
    struct wc_generation *before =
        generation->restores != 0 ? find_generation(ledger, ask->before) : NULL;
    if (before != NULL && before != generation)
        before->outcome = WC_OUTCOME_ROLLED_BACK;
}

static bool take_done(struct wc_ledger *ledger, const struct wc_json *head)
{
    struct wc_done done = {
        .id = number_of(head, "id"),
        .at_ms = wc_json_i64(wc_json_get(head, "at"), 0),
        .reason = wc_json_str(wc_json_get(head, "reason"), NULL),
    };
    struct wc_ask *ask = (struct wc_ask *)wc_ledger_ask(ledger, done.id);
    if (ask == NULL || !read_outcome(head, &done.outcome))
        return false;
    if (ask->number != 0)
        conclude(ledger, ask, &done);
    free_ask(ask);
    ledger->n_asks--;
    memmove(ask, ask + 1, (ledger->n_asks - (size_t)(ask - ledger->asks)) * sizeof *ask);
    prune(ledger);
    return true;
}

/* ---- all of it ---- */

static bool take_state(struct wc_ledger *ledger, const struct wc_json *head)
{
    const struct wc_json *wishes = wc_json_get(head, "wishes");
    if (wc_json_get(head, "force") == NULL || !check_wishes(wishes))
        return false;
    clear(ledger);
    *ledger = (struct wc_ledger){
        .in_force = number_of(head, "force"),
        .last_number = number_of(head, "last_n"),
        .last_id = number_of(head, "last_id"),
        .prune = wc_json_bool(wc_json_get(head, "prune"), false),
    };
    take_wishes(ledger, wishes);
    return true;
}

bool wc_ledger_apply(struct wc_ledger *ledger, unsigned type, const char *payload, size_t len)
{
    WC_CLEANUP_JSON struct wc_json *head = NULL;
    const char *end = len > 0 ? memchr(payload, '\n', len) : NULL;
    struct wc_err err;
    if (end == NULL || wc_json_parse(payload, (size_t)(end - payload), &head, &err) != 0)
        return false;
    const char *rest = end + 1;
    size_t rest_len = len - (size_t)(rest - payload);
    switch (type) {
    case WC_RECORD_STATE:
        return take_state(ledger, head);
    case WC_RECORD_GENERATION:
        return take_generation(ledger, head, rest, rest_len);
    case WC_RECORD_ASK:
        return take_ask(ledger, head, rest, rest_len);
    case WC_RECORD_DONE:
        return take_done(ledger, head);
    case WC_RECORD_WANTS:
        return take_wants(ledger, head);
    case WC_RECORD_ROLLOUTS:
        return wc_ledger_take_rollouts(ledger, head);
    }
    return false;
}
