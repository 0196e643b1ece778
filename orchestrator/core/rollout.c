/* rollout.c - three looks at the replicas: what has become of those that were released, whether too
 * many have failed, and which may go next.
 */
#include "orchestrator/core/rollout.h"

enum { BILLION = 1000000000 };

struct wc_rollout_conf wc_rollout_conf_of(const struct wc_service *service, bool back)
{
    const struct wc_update_config *c = back ? &service->rollback : &service->update;
    enum wc_failure_action action = c->action;
    if (back && action == WC_FAILURE_ROLLBACK)
        action = WC_FAILURE_PAUSE;
    return (struct wc_rollout_conf){
        .start_first = c->start_first,
        .action = action,
        .parallelism = (unsigned)c->parallelism,
        .delay_ms = (uint64_t)c->delay_ms,
        .monitor_ms = (uint64_t)c->monitor_ms,
        .progress_ms = (uint64_t)c->progress_ms,
        .max_failure_nano = (uint64_t)c->max_failure_nano,
    };
}

static uint64_t sooner(uint64_t a_ms, uint64_t b_ms)
{
    return a_ms == 0 || (b_ms != 0 && b_ms < a_ms) ? b_ms : a_ms;
}

static bool is_open(const struct wc_rollout_slot *slot)
{
    return slot->released && !slot->done && !slot->failed;
}

/* Looks at one that was released and is neither done nor failed. Returns when time alone changes
 * the answer. */
static uint64_t watch(const struct wc_rollout_conf *conf, struct wc_rollout_slot *slot,
                      uint64_t now_ms)
{
    if (!slot->new_ready)
        slot->ready_at_ms = 0;
    else if (slot->ready_at_ms == 0)
        slot->ready_at_ms = now_ms;
    uint64_t deadline_ms = slot->released_at_ms + conf->progress_ms;
    bool late = !slot->new_ready && now_ms >= deadline_ms;
    slot->failed = slot->new_failed || late;
    slot->done = !slot->failed && slot->new_ready && now_ms >= slot->ready_at_ms + conf->monitor_ms;
    if (!is_open(slot))
        return 0;
    return slot->new_ready ? slot->ready_at_ms + conf->monitor_ms : deadline_ms;
}

static bool too_many(const struct wc_rollout_conf *conf, unsigned failures, size_t n)
{
    return (uint64_t)failures * BILLION > conf->max_failure_nano * n;
}

/* Who has nothing to lose goes first: its old incarnation is down. */
static struct wc_rollout_slot *next_of(struct wc_rollout_slot *slots, size_t n)
{
    struct wc_rollout_slot *found = NULL;
    for (size_t i = 0; i < n; i++) {
        if (slots[i].released || slots[i].failed)
            continue;
        if (!slots[i].old_up)
            return &slots[i];
        if (found == NULL)
            found = &slots[i];
    }
    return found;
}

static size_t count_open(const struct wc_rollout_slot *slots, size_t n)
{
    size_t open = 0;
    for (size_t i = 0; i < n; i++)
        open += is_open(&slots[i]);
    return open;
}

static void release(struct wc_rollout_slot *slot, uint64_t now_ms)
{
    slot->released = true;
    slot->released_at_ms = now_ms;
    slot->ready_at_ms = 0;
}

uint64_t wc_rollout_step(const struct wc_rollout_conf *conf, struct wc_rollout *rollout,
                         struct wc_rollout_slot *slots, size_t n, bool may_begin, uint64_t now_ms)
{
    uint64_t wake_ms = 0;
    if (rollout->state != WC_ROLLOUT_ROLLING)
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_open(&slots[i]))
            continue;
        wake_ms = sooner(wake_ms, watch(conf, &slots[i], now_ms));
        rollout->failures += slots[i].failed;
        if (!is_open(&slots[i]))
            rollout->next_at_ms = now_ms + conf->delay_ms;
    }
    if (conf->action != WC_FAILURE_CONTINUE && too_many(conf, rollout->failures, n)) {
        rollout->state =
            conf->action == WC_FAILURE_ROLLBACK ? WC_ROLLOUT_FAILED : WC_ROLLOUT_PAUSED;
        return 0;
    }
    struct wc_rollout_slot *next = next_of(slots, n);
    if (next == NULL && count_open(slots, n) == 0) {
        rollout->state = WC_ROLLOUT_DONE;
        return 0;
    }
    if (next == NULL || !may_begin)
        return wake_ms;
    if (rollout->next_at_ms > now_ms)
        return sooner(wake_ms, rollout->next_at_ms);
    size_t room = conf->parallelism == 0 ? n : conf->parallelism;
    for (size_t open = count_open(slots, n); open < room && next != NULL; open++) {
        release(next, now_ms);
        wake_ms = sooner(wake_ms, now_ms + conf->progress_ms);
        next = next_of(slots, n);
    }
    return wake_ms;
}
