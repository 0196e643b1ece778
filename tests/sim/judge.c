/* judge.c - what must never be seen, whoever decides. */
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include "base/str.h"
#include "sim/play.h"

enum {
    SHORT_RUN_MS = 10000,
    LONGEST_MS = 60000,
    CHECK_RETRIES = 3,
    HEAL_MS = 300000 /* 30 s that don't count, 3 checks every 30 s, and the stop: more than twice */
};

/* What the judge remembers of an instance. */
struct memo {
    uint64_t seen_run; /* the last run and life of it that were told */
    enum wc_life seen;
    uint64_t run_epoch;  /* when it was asked to start last */
    uint64_t up_epoch;   /* when it was asked to start, of its last run */
    uint64_t ended_ms;   /* when it ended last */
    unsigned short_runs; /* that ended by themselves, in a row, since the last request or crash; one
                            that ran well begins a new row */
    uint64_t runs_epoch;
    bool stop_asked; /* in this run */
    bool surges;     /* it was asked to start beside the one that it replaces */
    bool healed;     /* in this run, for its failed checks, or a failed hook */
    uint64_t healed_crashes, stop_crashes; /* how many crashes there had been by then */
    bool pre_asked;                        /* for a pre_stop hook of this run */
    bool refused;     /* in this run: what changes in place, so it is replaced */
    bool ended_alone; /* the last one, with nobody having asked for it */
    bool mended;      /* in this run */
};

void play_fail(struct play *play, const char *fmt, ...)
{
    if (play->verdict.failed)
        return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(play->verdict.text, sizeof play->verdict.text, fmt, args);
    va_end(args);
    play->verdict.failed = true;
}

static struct memo *memo_of(struct play *play, const char *id)
{
    struct memo *memo = wc_map_get(&play->memos, id);
    if (memo == NULL) {
        memo = WC_NEW(&play->arena, struct memo);
        wc_map_put(&play->memos, wc_arena_strdup(&play->arena, id), memo);
    }
    return memo;
}

unsigned service_number(const char *name)
{
    bool fits = name[0] == 's' && name[1] >= '0' && name[1] < '0' + SERVICES && name[2] == '\0';
    return fits ? (unsigned)(name[1] - '0') : SERVICES;
}

/* ---- the world as it is ---- */

static const struct wc_fact *fact_at(const struct play *play, size_t i)
{
    return &((const struct sim_record *)play->world->records.entries[i].value)->fact;
}

static const struct wc_fact *fact_of(const struct play *play, const char *id)
{
    const struct sim_record *record = sim_record(play->world, id);
    return record != NULL ? &record->fact : NULL;
}

static bool same_slot(const struct wc_fact *a, const char *service, unsigned index)
{
    return a->index == index && wc_streq(a->service, service);
}

static bool is_up(const struct wc_fact *fact)
{
    return fact->life == WC_LIFE_RUNNING || fact->life == WC_LIFE_PAUSED;
}

static const struct wc_fact *beside(const struct play *play, const char *id, const char *service,
                                    unsigned index, bool running)
{
    for (size_t i = 0; i < play->world->records.n; i++) {
        const struct wc_fact *fact = fact_at(play, i);
        bool counts = running ? is_up(fact) : fact->life != WC_LIFE_ABSENT;
        if (counts && same_slot(fact, service, index) && !wc_streq(fact->id, id))
            return fact;
    }
    return NULL;
}

static bool is_current(const struct play *play, const struct wc_fact *fact, unsigned service)
{
    if (service >= SERVICES)
        return false;
    char hash[65];
    const struct part *part = &play->model.parts[service];
    if (!play->has_model || !part->there || fact->index > part->replicas)
        return false;
    judge_hash(&play->model, service, hash);
    return wc_streq(hash, fact->hash);
}

/* Started is what has run its post_start hooks. What is of an older model has none of this one. */
static bool has_started(const struct play *play, const struct wc_fact *fact, unsigned service)
{
    const struct sim_record *record = sim_record(play->world, fact->id);
    bool has_hooks = (play->model.parts[service].hooks & HOOK_POST_START) != 0;
    return !has_hooks || !is_current(play, fact, service) ||
           ((record->hooks_done | record->hooks_begun) & 1U) != 0;
}

static unsigned count(const struct play *play, unsigned service, bool running, bool completed)
{
    unsigned n = 0;
    for (size_t i = 0; i < play->world->records.n; i++) {
        const struct wc_fact *fact = fact_at(play, i);
        if (service_number(fact->service) != service)
            continue;
        n += running && is_up(fact) && has_started(play, fact, service);
        /* also one that somebody tidied away afterwards */
        bool ended = fact->life == WC_LIFE_EXITED || fact->life == WC_LIFE_ABSENT;
        n += completed && ended && fact->exit_known && fact->exit_code == 0;
    }
    return n;
}

/* Who wasn't told of something knows it after the next look, 33 s later at most. */
static bool was_told(const struct play *play)
{
    return play->deaf_ms == 0 || play->world->now_ms > play->deaf_ms + 40000;
}

/* ---- rollouts ---- */

struct looked {
    unsigned service;
    enum wc_rollout_state state;
};

static void look_at(void *data, const struct wc_rollout_note *note)
{
    struct looked *looked = data;
    if (service_number(note->service) == looked->service)
        looked->state = note->state;
}

static enum wc_rollout_state rollout_of(const struct play *play, unsigned service)
{
    struct looked looked = { .service = service };
    wc_engine_rollouts(play->engine, look_at, &looked);
    return looked.state;
}

/* What stopped half way is half old. */
static bool is_paused(const struct play *play, unsigned service)
{
    enum wc_rollout_state state = rollout_of(play, service);
    return state == WC_ROLLOUT_PAUSED || state == WC_ROLLOUT_FAILED;
}

/* ---- ops ---- */

static void judge_needs(struct play *play, const struct wc_instance *instance, unsigned service)
{
    const struct part *part = &play->model.parts[service];
    for (unsigned to = 0; to < service; to++) {
        const struct part *other = &play->model.parts[to];
        unsigned kind = part->need[to] & NEED_CONDITION;
        if (kind == NEED_NONE || (part->need[to] & NEED_OPTIONAL) != 0 || !other->there)
            continue;
        unsigned n = count(play, to, kind != NEED_COMPLETED, kind != NEED_HEALTHY);
        if (n < other->replicas)
            play_fail(play, "%s is started with %u of %u of s%u there", instance->id, n,
                      other->replicas, to);
    }
}

/* How long the end after so many in a row is waited for, give or take a tenth. */
static uint64_t backoff_of(unsigned n)
{
    uint64_t base = n < 2 ? 0 : n < 12 ? 100ULL << (n - 2) : LONGEST_MS;
    return base < LONGEST_MS ? base : LONGEST_MS;
}

/* Where no op fails, an end is all that the wait can come from: then it must not be longer either.
 */
static bool is_calm(const struct play *play, const struct memo *memo)
{
    return play->story->fault_permille == 0 && play->deaf_ms == 0 && play->verdict.crashes == 0 &&
           !play->robbed && play->epoch == play->apply_epoch && memo->ended_alone &&
           memo->up_epoch == play->epoch && memo->runs_epoch == play->epoch;
}

static void judge_backoff(struct play *play, const struct wc_instance *instance)
{
    const struct memo *memo = memo_of(play, instance->id);
    unsigned n = memo->short_runs;
    if (memo->runs_epoch != play->epoch || n == 0 || play->deaf_ms != 0)
        return; /* nobody can count what he isn't told */
    uint64_t base = backoff_of(n);
    uint64_t waited = play->world->now_ms - memo->ended_ms;
    uint64_t slack = 100 + 10ULL * play->story->slow_ms; /* others are started as well */
    unsigned service = service_number(instance->service);
    if (play->model.parts[service].check || play->model.parts[service].hooks != 0)
        slack += LONGEST_MS +
                 LONGEST_MS / 10; /* a check decides how well it ran, and may not have passed */
    /* one that waits for its turn in a rollout is asked nothing by a request: its row goes on */
    const struct wc_fact *fact = fact_of(play, instance->id);
    /* and one that came beside its predecessor comes again when that is gone */
    bool counted =
        is_calm(play, memo) && fact != NULL && is_current(play, fact, service) && !memo->surges;
    if (waited < base - base / 10 || (counted && waited > base + base / 10 + slack))
        play_fail(play, "%s is started %llu ms after its end, the %uth in a row", instance->id,
                  (unsigned long long)waited, n);
}

/* Nobody has asked for anything since it began to run: its policy alone says whether it comes back.
 */
static void judge_policy(struct play *play, const struct wc_fact *fact, unsigned service)
{
    const struct memo *memo = memo_of(play, fact->id);
    const struct part *part =
        part_of(play, fact, service); /* the old one's own, where it is kept */
    if (memo->up_epoch != play->epoch || !memo->ended_alone || part == NULL)
        return;
    if (part->policy == WC_RESTART_NO)
        play_fail(play, "%s is started again against its policy", fact->id);
    if (part->policy != WC_RESTART_ON_FAILURE)
        return;
    if (fact->exit_code == 0 && !memo->healed)
        play_fail(play, "%s is started again after it ended well", fact->id);
    if (part->retries > 0 && memo->short_runs > part->retries && play->deaf_ms == 0)
        play_fail(play, "%s is started after %u failures, %u are allowed", fact->id,
                  memo->short_runs, part->retries);
}

/* True when the new one of a slot may come while the one that it replaces runs. */
static bool may_surge(const struct play *play, const struct wc_fact *other)
{
    unsigned service = service_number(other->service);
    const struct part *part = &play->model.parts[service % SERVICES];
    return part->gradual && part->surge && !is_current(play, other, service);
}

/* How many slots have none that runs; -1 U when something but a rollout may be the reason. */
static unsigned slots_down(const struct play *play, unsigned service)
{
    unsigned up = 0, replicas = play->model.parts[service].replicas;
    for (unsigned index = 1; index <= replicas; index++)
        for (size_t i = 0; i < play->world->records.n; i++) {
            const struct wc_fact *fact = fact_at(play, i);
            if (fact->index == index && is_up(fact) && service_number(fact->service) == service) {
                up++;
                break;
            }
        }
    return replicas - up;
}

/* Nothing but what is done on purpose brings one of it down, though by several supervisors. */
static bool is_undisturbed(const struct play *play, unsigned service)
{
    return play->story->fault_permille == 0 && play->deaf_ms == 0 &&
           play->epoch == play->calm_epoch && !play->disturbed[service];
}

static bool is_quiet(const struct play *play, unsigned service)
{
    return is_undisturbed(play, service) && play->verdict.crashes == 0 &&
           play->epoch == play->apply_epoch;
}

/* An old one is taken down for the new one: no more at a time than allowed. */
static void judge_turn(struct play *play, const struct wc_fact *fact, unsigned service)
{
    const struct part *part = &play->model.parts[service];
    if (!part->there || !part->gradual || part->parallel == 0 || !is_undisturbed(play, service) ||
        fact->index > part->replicas)
        return;
    if (part->surge && beside(play, fact->id, fact->service, fact->index, true) == NULL)
        play_fail(play, "%s is stopped before its successor runs", fact->id);
    if (!part->surge && is_quiet(play, service) && slots_down(play, service) >= part->parallel)
        play_fail(play, "%s is stopped while %u of s%u are down, %u may be", fact->id,
                  slots_down(play, service), service, part->parallel);
}

static void judge_start(struct play *play, const struct wc_instance *instance)
{
    unsigned service = service_number(instance->service);
    const struct wc_fact *fact = fact_of(play, instance->id);
    const struct wc_fact *other =
        beside(play, instance->id, instance->service, instance->index, true);
    if (other != NULL && !may_surge(play, other))
        play_fail(play, "%s is started beside %s", instance->id, other->id);
    const struct wc_fact *old =
        beside(play, instance->id, instance->service, instance->index, false);
    bool by_boot = fact != NULL && fact->earlier_boot && play->epoch == play->boot_epoch;
    bool in_order = fact != NULL && (fact->started_at_ms == 0 || by_boot);
    if (in_order && play->has_model && was_told(play))
        judge_needs(play, instance, service);
    judge_backoff(play, instance);
    memo_of(play, instance->id)->surges = old != NULL && may_surge(play, old);
    if (fact != NULL && fact->life == WC_LIFE_EXITED)
        judge_policy(play, fact, service);
    memo_of(play, instance->id)->run_epoch = play->epoch;
}

/* True for one whose start has failed by its hook. */
static bool has_bad_start(const struct play *play, const char *id, unsigned service)
{
    return (play->model.parts[service].hooks & HOOK_POST_START) != 0 &&
           sim_record(play->world, id)->hook_failed;
}

/* True for one whose checks have failed so often that it may be stopped for that. */
static bool may_heal(const struct play *play, const char *id, unsigned service)
{
    const struct part *part = &play->model.parts[service];
    return part->heal && part->check && part->policy != WC_RESTART_NO &&
           sim_record(play->world, id)->noes >= CHECK_RETRIES;
}

/* Nobody stands in the way of a restart for failed checks, and it is long overdue. */
static void judge_check(struct play *play, const struct wc_op *op)
{
    const struct sim_record *record = sim_record(play->world, op->id);
    unsigned service = record == NULL ? SERVICES : service_number(record->fact.service);
    if (service == SERVICES || record->fact.life != WC_LIFE_RUNNING || record->noes == 0 ||
        play->story->fault_permille != 0 || !may_heal(play, op->id, service) ||
        !is_current(play, &record->fact, service) || play->wish[service] != WISH_RUNNING ||
        play->suspended[service])
        return;
    uint64_t from_ms = record->first_no_ms > play->epoch_ms ? record->first_no_ms : play->epoch_ms;
    bool comes_back = play->model.parts[service].policy != WC_RESTART_ON_FAILURE;
    if (comes_back && play->world->now_ms > from_ms + HEAL_MS && was_told(play))
        play_fail(play, "%s fails its checks for %llu ms, and is not restarted", op->id,
                  (unsigned long long)(play->world->now_ms - record->first_no_ms));
}

static bool is_going(struct play *play, const char *id)
{
    const struct memo *memo = memo_of(play, id);
    return memo->stop_asked || memo->pre_asked;
}

static void judge_reason(struct play *play, const struct wc_op *op)
{
    const struct wc_fact *fact = fact_of(play, op->id);
    unsigned service = fact == NULL ? SERVICES : service_number(fact->service);
    struct memo *memo = memo_of(play, op->id);
    if (service == SERVICES || !is_up(fact))
        return;
    judge_unled(play, fact, is_going);
    bool first = !memo->stop_asked && !memo->pre_asked, current = is_current(play, fact, service);
    if (first && play->has_model && !current)
        judge_turn(play, fact, service);
    const struct wc_fact *old = beside(play, fact->id, fact->service, fact->index, false);
    enum wc_rollout_state rollout = rollout_of(play, service);
    bool stopped = rollout == WC_ROLLOUT_FAILED || rollout == WC_ROLLOUT_PAUSED;
    /* it failed, and the old one is there, as far as anybody knows; a rollout that has stopped
     * takes back what isn't done */
    bool taken_back = old != NULL ? may_surge(play, old) || stopped
                                  : (stopped || play->is_back) && !was_told(play);
    if (!current || taken_back || (play->forced && play->model.parts[service].gradual) ||
        play->excuse[service] >= memo->run_epoch)
        return;
    if (memo->refused) {
        if (first && is_quiet(play, service) && slots_down(play, service) > 0)
            play_fail(play, "%s is replaced for its limits while another one is down", fact->id);
        return;
    }
    if (may_heal(play, op->id, service) || has_bad_start(play, op->id, service))
        memo->healed = true, memo->healed_crashes = play->verdict.crashes;
    if (!memo->healed)
        play_fail(play, "%s is stopped for no reason", op->id);
}

static void judge_stop(struct play *play, const struct wc_op *op)
{
    const struct wc_fact *fact = fact_of(play, op->id);
    unsigned service = fact == NULL ? SERVICES : service_number(fact->service);
    struct memo *memo = memo_of(play, op->id);
    bool goes_on = op->verb == WC_VERB_KILL && memo->stop_asked && /* a stop comes to its end */
                   memo->stop_crashes == play->verdict.crashes;
    if (!goes_on)
        judge_reason(play, op);
    bool takes_leave = service < SERVICES && op->verb == WC_VERB_STOP &&
                       fact->life == WC_LIFE_RUNNING && is_current(play, fact, service) &&
                       (play->model.parts[service].hooks & HOOK_PRE_STOP) != 0;
    /* who wasn't told that it goes on takes it for one that stands still, and can't */
    if (takes_leave && was_told(play) && !memo->stop_asked && !memo->pre_asked &&
        !sim_record(play->world, op->id)->hook_failed)
        play_fail(play, "%s is stopped before its pre_stop", op->id);
    if (fact != NULL && fact->life == WC_LIFE_EXITED && play->deaf_ms != 0)
        memo->ended_alone = false; /* asked to stop (and to come back) by one who wasn't told */
    memo->stop_asked = true;
    memo->stop_crashes = play->verdict.crashes;
}

static void judge_hook(struct play *play, const struct wc_op *op)
{
    const struct sim_record *record = sim_record(play->world, op->id);
    bool before_stop = wc_str_starts(op->once, "pre_stop");
    if (record != NULL && record->hooks_open > 0)
        play_fail(play, "%s gets two hooks at a time", op->id);
    if (before_stop)
        judge_reason(play, op);
    if (before_stop)
        memo_of(play, op->id)->pre_asked = true;
    /* a successor may not know that the stop was sent */
    if (memo_of(play, op->id)->stop_asked &&
        memo_of(play, op->id)->stop_crashes == play->verdict.crashes)
        play_fail(play, "%s gets a hook after its stop", op->id);
}

static void judge_remove(struct play *play, const struct wc_op *op)
{
    const struct wc_fact *fact = fact_of(play, op->id);
    if (fact != NULL && is_up(fact))
        play_fail(play, "%s is to be removed while it runs", op->id);
}

/* What changes in place is changed for one that lacks it, and for no other. */
static void judge_update(struct play *play, const struct wc_instance *instance)
{
    const struct sim_record *record = sim_record(play->world, instance->id);
    bool crashed = play->verdict.crashes > 0; /* an op of a predecessor may come in between */
    if (record == NULL || record->fact.life == WC_LIFE_ABSENT)
        return;
    if (!crashed && was_told(play) && wc_streq(record->fact.inplace, instance->spec->inplace_hash))
        play_fail(play, "%s is given what it has", instance->id);
    if (record->fact.life == WC_LIFE_RUNNING && record->program->stiff)
        memo_of(play, instance->id)->refused = true;
}

/* Putting back what nobody changed is an op for nothing. */
static void judge_mend(struct play *play, const struct wc_op *op)
{
    const struct wc_fact *fact = fact_of(play, op->id);
    unsigned service = service_number(fact->service);
    bool changed = (fact->life == WC_LIFE_PAUSED) != op->paused || fact->drift_limits != NULL;
    if (service < SERVICES && op->paused != play->paused[service])
        play_fail(play, "%s is to %s, and nobody asked for that", op->id,
                  op->paused ? "stand still" : "go on");
    if (!changed && is_up(fact) && was_told(play) && !memo_of(play, op->id)->mended)
        play_fail(play, "%s is mended for no reason", op->id);
    memo_of(play, op->id)->mended = true;
}

static void note_op(struct play *play, const struct wc_op *op)
{
    const char *id = op->instance != NULL ? op->instance->id : op->id != NULL ? op->id : "";
    uint64_t h = play->verdict.trace ^ (play->world->now_ms << 8) ^ (uint64_t)op->verb;
    for (const char *c = id; *c != '\0'; c++)
        h = (h ^ (unsigned char)*c) * 1099511628211ULL;
    play->verdict.trace = h * 1099511628211ULL;
    play->verdict.ops++;
    if (wc_str_starts(id, "stranger"))
        play_fail(play, "%s isn't ours", id);
}

/* What is suspended is left alone. */
static void judge_suspended(struct play *play, const struct wc_op *op)
{
    const struct wc_fact *fact = op->id != NULL ? fact_of(play, op->id) : NULL;
    const char *name = op->instance != NULL ? op->instance->service
                       : fact != NULL       ? fact->service
                                            : "";
    bool looks = op->verb == WC_VERB_EXEC && op->hook == NULL;
    unsigned service = service_number(name);
    if (service < SERVICES && play->suspended[service] && !looks)
        play_fail(play, "something is done with %s, though it is suspended", name);
}

static void on_op(void *data, const struct wc_op *op)
{
    struct play *play = data;
    note_op(play, op);
    judge_suspended(play, op);
    switch (op->verb) {
    case WC_VERB_CREATE: {
        const struct wc_instance *new = op->instance;
        const struct wc_fact *other = beside(play, new->id, new->service, new->index, false);
        if (other != NULL && !may_surge(play, other))
            play_fail(play, "%s is made beside %s", new->id, other->id);
        break;
    }
    case WC_VERB_START:
        judge_start(play, op->instance);
        break;
    case WC_VERB_STOP:
    case WC_VERB_KILL:
        judge_stop(play, op);
        break;
    case WC_VERB_REMOVE:
        judge_remove(play, op);
        break;
    case WC_VERB_UPDATE:
        judge_update(play, op->instance);
        break;
    case WC_VERB_MEND:
        judge_mend(play, op);
        break;
    case WC_VERB_VOLUME_REMOVE:
        play_fail(play, "a volume is to be removed");
        break;
    case WC_VERB_EXEC:
        if (op->hook != NULL)
            judge_hook(play, op);
        else
            judge_check(play, op);
        break;
    case WC_VERB_NET_UP:
        judge_networks(play, op->net);
        judge_lead(play, op->net, is_going);
        break;
    case WC_VERB_LIST:
    case WC_VERB_NET_LOOK:
    case WC_VERB_NET_DOWN:
        break;
    }
}

/* ---- changes ---- */

/* A restart was under way, of which nothing but hooks could be seen: the one that comes before the
 * stop, or one of its start that the stop waits for. */
static bool was_leaving(const struct play *play, const struct memo *memo,
                        const struct sim_record *record)
{
    unsigned service = service_number(record->fact.service);
    return memo->pre_asked || (service < SERVICES && record->hooks_open > 0 &&
                               play->excuse[service] >= memo->run_epoch);
}

static void on_change(void *data, const struct wc_fact *fact)
{
    struct play *play = data;
    struct memo *memo = memo_of(play, fact->id);
    uint64_t run = sim_record(play->world, fact->id)->run;
    enum wc_life seen = fact->life == WC_LIFE_PAUSED ? WC_LIFE_RUNNING : fact->life;
    if (memo->seen_run == run && memo->seen == seen)
        return; /* paused, or it got other limits: it runs on */
    memo->seen_run = run;
    memo->seen = seen;
    if (fact->life == WC_LIFE_RUNNING) {
        const struct wc_fact *other = beside(play, fact->id, fact->service, fact->index, true);
        /* an old one may also come back by an op of a predecessor */
        if (other != NULL && !memo->surges && !may_surge(play, fact))
            play_fail(play, "%s and %s run at a time", fact->id, other->id);
        unsigned service = service_number(fact->service);
        judge_address(play, fact);
        if (service < SERVICES)
            play->starts[service]++;
        memo->stop_asked = memo->healed = memo->pre_asked = false;
        memo->refused = memo->mended = false;
        memo->up_epoch = memo->run_epoch;
    } else if (fact->life == WC_LIFE_CREATED) {
        memo->short_runs = 0;
    } else if (fact->life == WC_LIFE_EXITED) {
        const struct sim_record *record = sim_record(play->world, fact->id);
        uint64_t ran_ms = play->world->now_ms - record->up_at_ms;
        if (memo->healed) /* good for something until the last check that passed */
            ran_ms = record->hook_failed ? 0 : record->last_ok_ms - record->first_ok_ms;
        /* a successor may not know for what it was stopped */
        bool alone = (!memo->stop_asked && !was_leaving(play, memo, record)) ||
                     (memo->healed && memo->healed_crashes == play->verdict.crashes);
        bool ran_well = ran_ms >= SHORT_RUN_MS && ran_ms >= 10 * backoff_of(memo->short_runs);
        if (memo->runs_epoch != play->epoch || ran_well || !alone)
            memo->short_runs = 0;
        memo->runs_epoch = play->epoch;
        memo->ended_alone = alone;
        if (alone && service_number(fact->service) < SERVICES)
            play->disturbed[service_number(fact->service)] = true;
        memo->short_runs += alone;
        memo->ended_ms = play->world->now_ms;
    }
}

void judge_begin(struct play *play)
{
    wc_map_init(&play->memos, &play->arena);
    wc_sim_judge(play->world, on_op, play);
    wc_sim_watch(play->world, on_change, play);
}

/* ---- the end ---- */

static bool is_certain(const struct play *play, unsigned service);

/* True when everything that it needs is certain to come. */
static bool has_needs(const struct play *play, unsigned service)
{
    const struct part *part = &play->model.parts[service];
    if (!play->has_model || !part->there || play->wish[service] != WISH_RUNNING ||
        play->paused[service])
        return false;
    for (unsigned to = 0; to < service; to++) {
        unsigned kind = part->need[to] & NEED_CONDITION;
        if (kind == NEED_NONE || !play->model.parts[to].there ||
            play->model.parts[to].replicas == 0)
            continue;
        bool never = kind == NEED_HEALTHY && !play->model.parts[to].check;
        if (kind == NEED_COMPLETED || never || !is_certain(play, to))
            return false;
    }
    return true;
}

/* True when nothing but time stands between the service and running: its own policy brings it back,
 * and so do those of all that it needs. */
static bool is_certain(const struct play *play, unsigned service)
{
    uint8_t policy = play->model.parts[service].policy;
    /* what a stopped rollout left as it was comes back by its own policy only, the former one */
    bool half = is_paused(play, service) && (play->robbed || play->disturbed[service]);
    return has_needs(play, service) && !half &&
           (policy == WC_RESTART_ALWAYS || policy == WC_RESTART_UNLESS_STOPPED);
}

/* What may fail so many times has done so before it is given up. */
static void must_have_been_tried(struct play *play, unsigned service)
{
    const struct part *part = &play->model.parts[service];
    if (!has_needs(play, service) || part->policy != WC_RESTART_ON_FAILURE || part->retries == 0)
        return;
    for (size_t i = 0; i < play->world->records.n; i++) {
        const struct wc_fact *fact = fact_at(play, i);
        const struct memo *memo = memo_of(play, fact->id);
        if (service_number(fact->service) == service && fact->life == WC_LIFE_EXITED &&
            fact->exit_code != 0 && is_calm(play, memo) && memo->short_runs <= part->retries)
            play_fail(play, "in the end %s was given up after %u failures, %u are allowed",
                      fact->id, memo->short_runs, part->retries);
    }
}

/* What is started again whenever it fails either runs or has ended well. */
static void must_not_have_failed(struct play *play, unsigned service)
{
    const struct part *part = &play->model.parts[service];
    if (!has_needs(play, service) || part->policy != WC_RESTART_ON_FAILURE || part->retries > 0)
        return;
    for (size_t i = 0; i < play->world->records.n; i++) {
        const struct wc_fact *fact = fact_at(play, i);
        if (service_number(fact->service) != service || fact->life == WC_LIFE_ABSENT ||
            fact->life == WC_LIFE_RUNNING)
            continue;
        if (fact->life != WC_LIFE_EXITED || fact->exit_code != 0)
            play_fail(play, "in the end %s is %s", fact->id, wc_life_name(fact->life));
    }
}

static void must_run(struct play *play, unsigned service)
{
    unsigned running = 0, there = 0;
    bool half = is_paused(play, service);
    bool calm = play->story->fault_permille == 0 && play->verdict.crashes == 0 &&
                play->deaf_ms == 0 && !play->disturbed[service] &&
                !play->model.parts[service].check;
    if (half && calm && play->epoch == play->apply_epoch)
        play_fail(play, "in the end the rollout of s%u is stopped for no reason", service);
    for (size_t i = 0; i < play->world->records.n; i++) {
        const struct wc_fact *fact = fact_at(play, i);
        if (service_number(fact->service) != service || fact->life == WC_LIFE_ABSENT)
            continue;
        there++;
        running += fact->life == WC_LIFE_RUNNING && (half || is_current(play, fact, service));
    }
    if (running != play->model.parts[service].replicas || there != running)
        play_fail(play, "in the end %u of %u of s%u run, %u exist", running,
                  play->model.parts[service].replicas, service, there);
}

/* Everything of the model has what can be given to it in place. */
static void must_be_up_to_date(struct play *play, unsigned service)
{
    char inplace[65];
    judge_inplace(&play->model, service, inplace);
    for (size_t i = 0; i < play->world->records.n && !is_paused(play, service); i++) {
        const struct wc_fact *fact = fact_at(play, i);
        if (service_number(fact->service) == service && fact->life == WC_LIFE_RUNNING &&
            is_current(play, fact, service) && !wc_streq(fact->inplace, inplace))
            play_fail(play, "in the end %s has %s, and is to have %s", fact->id, fact->inplace,
                      inplace);
    }
}

/* Nothing that a stranger did to what runs is left. */
static void must_be_mended(struct play *play, unsigned service)
{
    for (size_t i = 0; i < play->world->records.n; i++) {
        const struct wc_fact *fact = fact_at(play, i);
        if (service_number(fact->service) != service || !is_up(fact))
            continue;
        if (fact->life == WC_LIFE_PAUSED || fact->drift_limits != NULL)
            play_fail(play, "in the end %s is %s, %s", fact->id, wc_life_name(fact->life),
                      fact->drift_limits != NULL ? fact->drift_limits : "its limits as meant");
    }
}

/* What was asked to stand still does, whoever let it go on. */
static void must_be_paused(struct play *play, unsigned service)
{
    if (!play->has_model || !play->model.parts[service].there ||
        play->wish[service] != WISH_RUNNING || !play->paused[service])
        return;
    for (size_t i = 0; i < play->world->records.n; i++) {
        const struct wc_fact *fact = fact_at(play, i);
        if (service_number(fact->service) == service && fact->life == WC_LIFE_RUNNING)
            play_fail(play, "in the end %s goes on, and is to stand still", fact->id);
    }
}

static unsigned existing(const struct play *play, unsigned service, bool running)
{
    unsigned n = 0;
    for (size_t i = 0; i < play->world->records.n; i++) {
        const struct wc_fact *fact = fact_at(play, i);
        if (service_number(fact->service) == service)
            n += running ? is_up(fact) : fact->life != WC_LIFE_ABSENT;
    }
    return n;
}

void judge_end(struct play *play)
{
    for (unsigned i = 0; i < SERVICES; i++) {
        if (is_certain(play, i))
            must_run(play, i);
        if (is_certain(play, i))
            must_be_up_to_date(play, i);
        must_not_have_failed(play, i);
        must_have_been_tried(play, i);
        if (is_certain(play, i))
            must_be_mended(play, i);
        must_be_paused(play, i);
        if (play->wish[i] == WISH_GONE && existing(play, i, false) > 0)
            play_fail(play, "in the end s%u is still there", i);
        else if (play->wish[i] == WISH_STOPPED && existing(play, i, true) > 0)
            play_fail(play, "in the end s%u runs, though it was stopped", i);
    }
    for (size_t i = 0; i < play->world->records.n; i++)
        if (wc_str_starts(fact_at(play, i)->id, "stranger") &&
            fact_at(play, i)->life != WC_LIFE_RUNNING && !fact_at(play, i)->earlier_boot)
            play_fail(play, "a stranger was harmed");
}
