/* play.c - a story, told. */
#include "sim/play.h"

#include <string.h>

#include "base/alloc.h"
#include "base/paths.h"
#include "base/str.h"
#include "orchestrator/core/desired.h"

enum {
    OPEN_TURNS = 2000,
    SETTLE_MS = 200000, /* three times the longest backoff */
    QUIET_MS = 70000,
    TURNS_MAX = 400000
};

static const char *const names[SERVICES] = { "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7" };

/* ---- the model as the engine takes it ---- */

void judge_hash(const struct model *model, unsigned service, char hash[65])
{
    char spec[16];
    snprintf(spec, sizeof spec, "s%u-%u-%u", service, model->parts[service].version,
             model->parts[service].hooks);
    wc_desired_hash(spec, "app", hash);
}

void judge_inplace(const struct model *model, unsigned service, char hash[65])
{
    snprintf(hash, 65, "t%u", model->parts[service].tune);
}

static void fill_deps(struct wc_arena *arena, const struct model *model, unsigned i,
                      struct wc_service *s)
{
    static const enum wc_dep_condition conditions[] = { WC_DEP_STARTED, WC_DEP_STARTED,
                                                        WC_DEP_HEALTHY, WC_DEP_COMPLETED };
    s->deps = WC_NEW_ARRAY(arena, struct wc_dep, SERVICES);
    for (unsigned to = 0; to < i; to++) {
        unsigned need = model->parts[i].need[to];
        if ((need & NEED_CONDITION) == NEED_NONE || !model->parts[to].there)
            continue;
        s->deps[s->n_deps++] = (struct wc_dep){ .service = names[to],
                                                .condition = conditions[need & NEED_CONDITION],
                                                .required = (need & NEED_OPTIONAL) == 0,
                                                .restart = (need & NEED_RESTART) != 0 };
    }
}

static void fill_service(struct wc_arena *arena, const struct model *model, unsigned i,
                         struct wc_service *s)
{
    static const char *check[] = { "CMD", "check" };
    static struct wc_hook hook = { .command = { check, 2, true } };
    const struct part *part = &model->parts[i];
    *s =
        (struct wc_service){ .name = names[i],
                             .image = "app",
                             .replicas = part->replicas,
                             .restart = (enum wc_restart)part->policy,
                             .restart_max = WC_UNSET,
                             .on_unhealthy =
                                 part->heal ? WC_ON_UNHEALTHY_RESTART : WC_ON_UNHEALTHY_NONE,
                             .stop_grace_ms = 500,
                             .network_mode = part->linked ? WC_NETMODE_NETWORKS : WC_NETMODE_NONE };
    if (s->restart == WC_RESTART_ON_FAILURE && part->retries > 0)
        s->restart_max = part->retries;
    if (part->check)
        s->health = (struct wc_healthcheck){ .set = true,
                                             .test = { check, 2, true },
                                             .interval_ms = 30000,
                                             .timeout_ms = 1000,
                                             .start_interval_ms = WC_UNSET,
                                             .retries = 3 };
    s->update = (struct wc_update_config){ .set = part->gradual,
                                           .start_first = part->surge,
                                           .action = (enum wc_failure_action)part->action,
                                           .parallelism = part->parallel,
                                           .delay_ms = part->version == 1 ? 200 : 0,
                                           .monitor_ms = part->version == 2 ? 0 : 500,
                                           .progress_ms = 90000 };
    s->rollback = s->update;
    if (part->linked) {
        s->networks = WC_NEW(arena, struct wc_service_net);
        s->networks[s->n_networks++] = (struct wc_service_net){ .network = "default" };
        s->ports = WC_NEW(arena, struct wc_port);
        s->ports[0] = (struct wc_port){ .target = 80, .published = 8000 + i };
        s->n_ports = part->replicas == 1; /* more can't share it */
    }
    s->post_start = s->pre_stop = &hook;
    s->n_post_start = (part->hooks & HOOK_POST_START) != 0;
    s->n_pre_stop = (part->hooks & HOOK_PRE_STOP) != 0;
    snprintf(s->spec_hash, sizeof s->spec_hash, "s%u-%u-%u", i, part->version, part->hooks);
    judge_inplace(model, i, s->inplace_hash);
    fill_deps(arena, model, i, s);
}

static struct wc_project *make_project(struct wc_arena *arena, const struct model *model)
{
    struct wc_project *project = WC_NEW(arena, struct wc_project);
    project->name = "p";
    project->services = WC_NEW_ARRAY(arena, struct wc_service, SERVICES);
    project->networks = WC_NEW(arena, struct wc_network);
    project->networks[project->n_networks++] =
        (struct wc_network){ .key = "default", .name = "p_default" };
    for (unsigned i = 0; i < SERVICES; i++)
        if (model->parts[i].there)
            fill_service(arena, model, i, &project->services[project->n_services++]);
    return project;
}

/* ---- the engine comes and goes ---- */

static void go_back(struct play *play);

static void turn(struct play *play)
{
    uv_run(&play->loop, UV_RUN_NOWAIT);
    play->verdict.steps++;
    if (play->goes_back && play->engine != NULL && play->opened)
        go_back(play);
}

static void on_opened(void *data, int status, const struct wc_err *err)
{
    struct play *play = data;
    if (status != 0)
        play_fail(play, "open: %s", err->msg);
    play->opened = true;
}

static void on_closed(void *data)
{
    ((struct play *)data)->closed = true;
}

static void excuse_dependents(struct play *play);

static void on_event(void *data, const struct wc_event *event)
{
    struct play *play = data;
    bool rolls = event->type == WC_EVENT_ROLLOUT;
    play->goes_back = play->goes_back || (rolls && wc_streq(event->action, "failed"));
    /* a change in place that can't be had is a replacement, later than it was asked for */
    bool replaces = event->type == WC_EVENT_INSTANCE && event->reason != NULL &&
                    wc_streq(event->reason, "it can't be had while it runs");
    if ((rolls && wc_streq(event->action, "done")) || replaces)
        excuse_dependents(play);
    if (play->loud && rolls)
        printf("    %8llu %s rollout %s %s\n", (unsigned long long)play->world->now_ms,
               event->service, event->action, event->reason != NULL ? event->reason : "");
    if (play->loud && event->type == WC_EVENT_INSTANCE)
        printf("    %8llu %s %s %s\n", (unsigned long long)play->world->now_ms,
               event->name != NULL ? event->name : "", event->action,
               event->reason != NULL ? event->reason : "");
}

static void open_engine(struct play *play)
{
    static const struct wc_paths nowhere = { "/sim", "/sim", "/sim", "/sim", "/sim", "/sim" };
    struct wc_err err = { 0 };
    const struct wc_engine_config config = {
        .loop = &play->loop,
        .project = "p",
        .paths = &nowhere,
        .process = &wc_sim_ops,
        .driver_extra = play->world,
        .on_event = on_event,
        .data = play,
        .clock = wc_sim_clock(play->world),
    };
    play->opened = play->closed = false;
    if (wc_engine_open(&config, on_opened, &play->engine, &err) != 0)
        play_fail(play, "open: %s", err.msg);
    for (unsigned i = 0; !play->opened && i < OPEN_TURNS; i++)
        turn(play);
    if (!play->opened)
        play_fail(play, "the engine doesn't open");
}

static void close_engine(struct play *play)
{
    wc_engine_close(play->engine, on_closed, play);
    for (unsigned i = 0; !play->closed && i < OPEN_TURNS; i++)
        uv_run(&play->loop, UV_RUN_NOWAIT);
    if (!play->closed)
        play_fail(play, "the engine doesn't close");
    play->engine = NULL;
}

/* ---- requests ---- */

static void on_done(void *data, int status, const struct wc_err *err, unsigned changed)
{
    struct pending *pending = data;
    struct play *play = pending->play;
    (void)err;
    (void)changed;
    pending->open = false;
    if (play->engine == NULL || pending->kind != WC_REQUEST_DOWN)
        return;
    pending->open = pending->failed = status != 0 && status != WC_ERR_CANCELLED;
    play->half_down = status != 0; /* the engine goes on trying all the same */
    if (status != 0)
        return;
    play->has_model = false;
    wc_sim_fence(play->world); /* a real op leaves a record before it begins, which down has seen */
}

static struct pending *pending_new(struct play *play, enum wc_request_kind kind, unsigned service)
{
    for (unsigned i = 0; i < PENDING_MAX; i++)
        play->pending[i].open = play->pending[i].open && !play->pending[i].failed;
    for (unsigned i = 0; i < PENDING_MAX; i++) {
        struct pending *pending = &play->pending[i];
        if (pending->open)
            continue;
        *pending = (struct pending){
            .open = true, .play = play, .kind = kind, .service = service, .seq = ++play->seq
        };
        return pending;
    }
    return NULL;
}

static void submit(struct play *play, struct pending *pending, const struct model *model,
                   struct wc_request request)
{
    const char *service[1] = { NULL };
    request.kind = pending->kind;
    request.timeout_ms = WC_UNSET;
    request.done = on_done;
    request.data = pending;
    if (request.kind == WC_REQUEST_APPLY || request.kind == WC_REQUEST_ADOPT) {
        request.arena = wc_alloc(sizeof *request.arena);
        wc_arena_init(request.arena);
        request.project = make_project(request.arena, model);
        request.is_rollback = play->is_back;
        request.keeps_suspended |= play->is_back;
    } else if (pending->service < SERVICES) {
        service[0] = names[pending->service];
        request.services = service;
        request.n_services = 1;
    }
    wc_engine_submit(play->engine, &request);
    wc_sim_nudge(play->world);
}

static void ask(struct play *play, enum wc_request_kind kind, unsigned service, bool forced)
{
    struct pending *pending = pending_new(play, kind, service);
    if (pending == NULL)
        return;
    submit(play, pending, &play->model,
           (struct wc_request){ .force_recreate = forced, .remove_orphans = true });
}

/* ---- what a person expects of them ---- */

static bool covers(const struct play *play, unsigned asked, unsigned i)
{
    return play->has_model && play->model.parts[i].there && (asked == SERVICES || asked == i);
}

/* Who needs a chosen service by `restart: true`, and who needs those. */
static void add_restarted(const struct model *model, bool chosen[SERVICES])
{
    for (unsigned i = 0; i < SERVICES; i++)
        for (unsigned to = 0; to < i && model->parts[i].there; to++)
            if ((model->parts[i].need[to] & NEED_RESTART) != 0 &&
                (model->parts[i].need[to] & NEED_CONDITION) != NEED_NONE &&
                model->parts[to].there && chosen[to])
                chosen[i] = true;
}

static void add_needed(const struct model *model, bool chosen[SERVICES])
{
    for (unsigned i = SERVICES; i-- > 0;)
        for (unsigned to = 0; to < i && chosen[i]; to++)
            if ((model->parts[i].need[to] & NEED_CONDITION) != NEED_NONE && model->parts[to].there)
                chosen[to] = true;
}

static void wish(struct play *play, const bool chosen[SERVICES], enum wish what, bool excuse)
{
    for (unsigned i = 0; i < SERVICES; i++) {
        if (!chosen[i])
            continue;
        play->wish[i] = what;
        play->suspended[i] &= play->is_back;
        play->paused[i] &= play->is_back;
        if (excuse)
            play->excuse[i] = play->epoch;
    }
}

/* What they need may have been asked to be replaced earlier, and be replaced only now. */
static void excuse_dependents(struct play *play)
{
    for (unsigned i = 0; i < SERVICES; i++)
        for (unsigned to = 0; to < i; to++)
            if ((play->model.parts[i].need[to] & NEED_RESTART) != 0)
                play->excuse[i] = play->epoch;
}

static bool is_asked(const struct play *play)
{
    for (unsigned i = 0; i < PENDING_MAX; i++)
        if (play->pending[i].open)
            return true;
    return false;
}

static bool runs_wholly(const struct play *play, unsigned service, unsigned replicas)
{
    unsigned up = 0;
    for (size_t i = 0; i < play->world->records.n; i++) {
        const struct sim_record *record = play->world->records.entries[i].value;
        up +=
            service_number(record->fact.service) == service && record->fact.life == WC_LIFE_RUNNING;
    }
    return up == replicas;
}

/* True when it is to be made anew, or looked after otherwise. */
static bool is_changed(const struct part *now, const struct part *old)
{
    struct part same = *old;
    same.tune = now->tune;
    return memcmp(now, &same, sizeof same) != 0;
}

static void note_unfinished(void *data, const struct wc_rollout_note *note)
{
    bool *unfinished = data;
    *unfinished = *unfinished || (note->state != WC_ROLLOUT_NONE && note->state != WC_ROLLOUT_DONE);
}

static void apply(struct play *play, const struct model *model, bool forced)
{
    bool changed[SERVICES], all[SERVICES];
    for (unsigned i = 0; i < SERVICES; i++) {
        const struct part *now = &model->parts[i], *old = &play->model.parts[i];
        all[i] = now->there;
        changed[i] = forced || !play->has_model || is_changed(now, old);
        play->suspended[i] &= now->there || play->is_back;
        play->paused[i] &= now->there || play->is_back;
        if (!now->there && (play->has_model || play->wish[i] != WISH_NOTHING))
            play->wish[i] = WISH_GONE;
    }
    for (unsigned i = 0; i < SERVICES; i++) /* what goes already, or only comes, isn't kept */
        play->disturbed[i] = is_asked(play) || !runs_wholly(play, i, play->model.parts[i].replicas);
    /* what hasn't changed yet is of the model before the rollout that is not over (from_of of the
     * supervisor) */
    bool unfinished = false;
    wc_engine_rollouts(play->engine, note_unfinished, &unfinished);
    if (play->has_model && memcmp(&play->model, model, sizeof *model) != 0)
        formers_note(play, unfinished);
    play->model = *model;
    play->goes_back = false;
    /* what a rollout was to make anew is made anew in its turn, though another one is taken back */
    play->forced = forced || (play->forced && (is_asked(play) || play->is_back));
    play->apply_epoch = play->calm_epoch = play->epoch;
    play->half_down = false;
    play->has_model = true;
    add_restarted(&play->model, changed);
    wish(play, all, WISH_RUNNING, false);
    for (unsigned i = 0; i < SERVICES; i++)
        if (changed[i])
            play->excuse[i] = play->epoch;
    excuse_dependents(play);
    ask(play, WC_REQUEST_APPLY, SERVICES, forced);
}

/* A rollout has failed, and the model before it is wanted back: what a supervisor does then. */
static void go_back(struct play *play)
{
    play->goes_back = false;
    if (!play->has_former || !play->has_model)
        return;
    const struct model model = play->former;
    play->epoch++;
    play->is_back = true;
    apply(play, &model, false);
}

static bool goes_down(const struct play *play)
{
    if (play->half_down)
        return true;
    for (unsigned i = 0; i < PENDING_MAX; i++)
        if (play->pending[i].open && play->pending[i].kind == WC_REQUEST_DOWN)
            return true;
    return false;
}

/* What is half removed can only be removed, or applied again: the rest has no one meaning. */
static void change(struct play *play, const struct deed *deed, enum wc_request_kind kind)
{
    bool chosen[SERVICES];
    enum wish what = kind == WC_REQUEST_STOP   ? WISH_STOPPED
                     : kind == WC_REQUEST_KILL ? WISH_UNCLEAR
                     : kind == WC_REQUEST_DOWN ? WISH_GONE
                                               : WISH_RUNNING;
    unsigned service = kind == WC_REQUEST_DOWN ? SERVICES : deed->service;
    for (unsigned i = 0; i < SERVICES; i++)
        chosen[i] = covers(play, service, i);
    if (kind == WC_REQUEST_START)
        add_needed(&play->model, chosen);
    if (kind == WC_REQUEST_RESTART)
        add_restarted(&play->model, chosen);
    if (goes_down(play))
        return;
    bool stands = kind == WC_REQUEST_PAUSE || kind == WC_REQUEST_UNPAUSE;
    bool pauses = stands || kind == WC_REQUEST_SUSPEND || kind == WC_REQUEST_RESUME;
    play->is_back &= pauses;
    for (unsigned i = 0; i < SERVICES && pauses; i++)
        if (chosen[i])
            play->suspended[i] = kind == WC_REQUEST_SUSPEND;
    /* what is said of all of it is said of what the model lacks, too */
    for (unsigned i = 0; i < SERVICES && service == SERVICES; i++)
        play->suspended[i] &= play->model.parts[i].there || kind == WC_REQUEST_SUSPEND;
    for (unsigned i = 0; i < SERVICES && stands; i++)
        if (chosen[i])
            play->paused[i] = kind == WC_REQUEST_PAUSE;
    if (play->has_model && !pauses)
        wish(play, chosen, what, true);
    for (unsigned i = 0; i < SERVICES; i++)
        if (chosen[i])
            play->hit_ms[i] = play->world->now_ms;
    if (play->has_model && (service == SERVICES || chosen[service]))
        ask(play, kind, service, false);
}

/* ---- misfortunes ---- */

static struct sim_record *any_record(struct play *play, unsigned lot, bool running)
{
    struct sim_record *found[256];
    size_t n = 0;
    for (size_t i = 0; i < play->world->records.n; i++) {
        struct sim_record *record = play->world->records.entries[i].value;
        bool fits =
            running ? record->fact.life == WC_LIFE_RUNNING : record->fact.life != WC_LIFE_ABSENT;
        if (fits && service_number(record->fact.service) < SERVICES && n < WC_COUNT(found))
            found[n++] = record;
    }
    return n == 0 ? NULL : found[lot % n];
}

/* The first that stands still. */
static struct sim_record *any_paused(struct play *play)
{
    for (size_t i = 0; i < play->world->records.n; i++) {
        struct sim_record *record = play->world->records.entries[i].value;
        if (record->fact.life == WC_LIFE_PAUSED)
            return record;
    }
    return NULL;
}

static const struct wc_sim_program manners[MANNER_MANNERS] = {
    [MANNER_GOOD] = { .run_ms = -1, .stop_ms = 5 },
    [MANNER_JOB] = { .run_ms = 50, .stop_ms = 5 },
    [MANNER_FAILING] = { .run_ms = 0, .stop_ms = 5, .exit_code = 1 },
    [MANNER_CRASHY] = { .run_ms = 7000, .stop_ms = 5, .exit_code = 1 },
    [MANNER_STUBBORN] = { .run_ms = -1, .stop_ms = -1 },
    [MANNER_SLOW] = { .run_ms = -1, .stop_ms = 3000, .healthy_after_ms = 2000 },
    [MANNER_BAD_HOOK] = { .run_ms = -1, .stop_ms = 5, .hook_code = 1 },
    [MANNER_STIFF] = { .run_ms = -1, .stop_ms = 5, .stiff = true },
    [MANNER_SICK] = { .run_ms = -1, .stop_ms = 5, .healthy_after_ms = -1 },
};

static void keep_intent(void *data, const struct wc_intent *intent)
{
    struct intents *intents = data;
    unsigned i = service_number(intent->service);
    memcpy(intents->hashes[i], intent->hash, sizeof intents->hashes[i]);
    memcpy(intents->inplace[i], intent->inplace, sizeof intents->inplace[i]);
    intents->items[intents->n++] =
        (struct wc_intent){ names[i], intent->want, intents->hashes[i], intents->inplace[i],
                            false,    false };
}

static void keep_rollout(void *data, const struct wc_rollout_note *note)
{
    struct intents *intents = data;
    bool is_open = note->state == WC_ROLLOUT_ROLLING || note->state == WC_ROLLOUT_PAUSED ||
                   note->state == WC_ROLLOUT_FAILED;
    if (!is_open)
        return;
    intents->rollouts[intents->n_rollouts] = *note;
    intents->rollouts[intents->n_rollouts].service = names[service_number(note->service)];
    intents->rollouts[intents->n_rollouts++].reason = NULL;
    intents->failed = intents->failed || note->state == WC_ROLLOUT_FAILED;
}

static const struct pending *oldest_after(const struct pending *all, uint64_t seq)
{
    const struct pending *found = NULL;
    for (unsigned i = 0; i < PENDING_MAX; i++)
        if (all[i].open && all[i].seq > seq && (found == NULL || all[i].seq < found->seq))
            found = &all[i];
    return found;
}

/* A restart that was cut short is done once more, whole: it may stop what it has started. */
static void again(struct play *play, const struct pending *pending)
{
    bool chosen[SERVICES];
    for (unsigned i = 0; i < SERVICES; i++)
        chosen[i] = covers(play, pending->service, i);
    add_restarted(&play->model, chosen);
    for (unsigned i = 0; i < SERVICES && pending->kind == WC_REQUEST_RESTART; i++)
        if (chosen[i])
            play->excuse[i] = play->epoch;
    struct pending *anew = pending_new(play, pending->kind, pending->service);
    if (anew != NULL)
        submit(play, anew, &play->model,
               (struct wc_request){ .remove_orphans = true, .keeps_suspended = true });
}

static void adopt_former(struct play *play, const struct model *model)
{
    submit(play, pending_new(play, WC_REQUEST_ADOPT, SERVICES), model,
           (struct wc_request){ .is_former = true, .remove_orphans = true });
}

/* Models before the one in force are adopted first when some of them is still to be kept. */
static void adopt(struct play *play, const struct intents *intents)
{
    struct wc_request request = { .intents = intents->items,
                                  .n_intents = intents->n,
                                  .rollouts = intents->rollouts,
                                  .n_rollouts = intents->n_rollouts,
                                  .remove_orphans = true };
    bool unfinished = intents->n_rollouts > 0 && play->has_former;
    if (unfinished)
        adopt_former(play, &play->former);
    for (unsigned k = 0; unfinished && k < play->n_later; k++)
        adopt_former(play, &play->later[k]);
    submit(play, pending_new(play, WC_REQUEST_ADOPT, SERVICES), &play->model, request);
}

/* What its files tell the successor of a supervisor that was killed: the model with what is wanted
 * of each service; then what was asked. */
static void resume(struct play *play, const struct intents *intents)
{
    struct pending old[PENDING_MAX];
    uint64_t applied = 0;
    memcpy(old, play->pending, sizeof old);
    memset(play->pending, 0, sizeof play->pending);
    for (unsigned i = 0; i < PENDING_MAX; i++)
        if (old[i].open && old[i].kind == WC_REQUEST_APPLY && old[i].seq > applied)
            applied = old[i].seq;
    if (!play->has_model)
        return;
    if (applied > 0)
        excuse_dependents(play);
    if (applied == 0 || intents->n_rollouts > 0 || intents->suspended)
        adopt(play, intents);
    if (applied > 0 && !play->goes_back)
        again(play, &(struct pending){ .kind = WC_REQUEST_APPLY, .service = SERVICES });
    for (const struct pending *p; (p = oldest_after(old, applied)) != NULL; applied = p->seq)
        if (p->kind != WC_REQUEST_KILL && p->kind != WC_REQUEST_ADOPT)
            again(play, p);
}

/* The ledger has it before the engine hears of it. */
static void know_suspended(const struct play *play, struct intents *intents)
{
    intents->suspended = false;
    for (unsigned k = 0; k < intents->n; k++) {
        struct wc_intent *item = &intents->items[k];
        item->suspended = play->suspended[service_number(item->service)];
        item->paused = play->paused[service_number(item->service)];
        intents->suspended = intents->suspended || item->suspended || item->paused;
    }
}

static void new_epoch(struct play *play)
{
    play->epoch++;
    play->epoch_ms = play->world->now_ms;
}

static void crash(struct play *play, bool reboot)
{
    struct intents intents = { .n = 0 };
    struct pending pending[PENDING_MAX];
    play->verdict.crashes++;
    wc_engine_intents(play->engine, keep_intent, &intents);
    wc_engine_rollouts(play->engine, keep_rollout, &intents);
    know_suspended(play, &intents);
    memcpy(pending, play->pending, sizeof pending);
    bool has_model = play->has_model;
    wc_sim_set_crash(play->world, true, play->story->late_ms);
    close_engine(play);
    if (reboot)
        wc_sim_reboot(play->world);
    memcpy(play->pending, pending, sizeof pending);
    play->has_model = has_model;
    open_engine(play);
    bool calm = play->calm_epoch == play->epoch && !reboot;
    new_epoch(play); /* what it takes up is asked anew */
    if (calm)
        play->calm_epoch = play->epoch;
    if (reboot)
        play->boot_epoch = play->epoch;
    play->goes_back = intents.failed && play->has_former;
    if (!play->verdict.failed)
        resume(play, &intents);
}

/* ---- the tale ---- */

static void pass(struct play *play, uint64_t ms)
{
    uint64_t end = play->world->now_ms + ms;
    unsigned idle = 0;
    for (unsigned turns = 0; idle < 5 && play->world->now_ms < end && !play->verdict.failed;
         turns++) {
        if (turns > TURNS_MAX)
            play_fail(play, "it spins: %u turns within %llu ms", turns, (unsigned long long)ms);
        turn(play);
        idle = wc_sim_pending(play->world) ? 0 : idle + 1;
    }
}

/* Something happens to an instance behind everybody's back; now and then nobody is told. */
static void befall(struct play *play, const struct deed *deed)
{
    struct sim_record *record = any_record(play, deed->lot, deed->kind != DEED_VANISH);
    struct sim_record *still = deed->kind == DEED_DRIFT ? any_paused(play) : NULL;
    bool deaf = (deed->lot >> 9) % 4 == 0;
    if (still != NULL)
        record = still;
    if (record == NULL)
        return;
    play->robbed = play->robbed || deed->kind == DEED_VANISH;
    if (deaf)
        play->deaf_ms = play->world->now_ms;
    wc_sim_deafen(play->world, deaf);
    if (deed->kind == DEED_EXIT)
        wc_sim_exit(play->world, record->fact.id, (int)(deed->lot >> 8) & 1);
    else if (still != NULL && (deed->lot >> 8) % 2 == 0)
        wc_sim_unpause(play->world, record->fact.id);
    else if (deed->kind == DEED_DRIFT && (deed->lot >> 8) % 2 == 0)
        wc_sim_pause(play->world, record->fact.id);
    else if (deed->kind == DEED_DRIFT)
        wc_sim_meddle(play->world, record->fact.id);
    else
        wc_sim_vanish(play->world, record->fact.id);
    wc_sim_deafen(play->world, false);
    wc_sim_nudge(play->world);
}

static void do_deed(struct play *play, const struct deed *deed)
{
    if (play->loud)
        printf("    %8llu -- deed %td\n", (unsigned long long)play->world->now_ms,
               deed - play->story->deeds);
    if (deed->kind != DEED_PASS && deed->kind != DEED_EXIT && deed->kind != DEED_MANNER &&
        deed->kind != DEED_CLOCK && deed->kind != DEED_DRIFT)
        new_epoch(play);
    switch (deed->kind) {
    case DEED_PASS:
        pass(play, deed->ms);
        break;
    case DEED_APPLY:
        play->is_back = false;
        apply(play, &deed->model, false);
        break;
    case DEED_RECREATE:
        play->is_back = false;
        apply(play, &deed->model, true);
        break;
    case DEED_STOP:
        change(play, deed, WC_REQUEST_STOP);
        break;
    case DEED_START:
        change(play, deed, WC_REQUEST_START);
        break;
    case DEED_RESTART:
        change(play, deed, WC_REQUEST_RESTART);
        break;
    case DEED_KILL:
        change(play, deed, WC_REQUEST_KILL);
        break;
    case DEED_DOWN:
        change(play, deed, WC_REQUEST_DOWN);
        break;
    case DEED_EXIT:
    case DEED_VANISH:
    case DEED_DRIFT:
        befall(play, deed);
        break;
    case DEED_MANNER:
        wc_sim_set_program(play->world, names[deed->service % SERVICES],
                           &manners[deed->lot % MANNER_MANNERS]);
        break;
    case DEED_CRASH:
    case DEED_REBOOT:
        crash(play, deed->kind == DEED_REBOOT);
        break;
    case DEED_CLOCK:
        wc_sim_jump(play->world, (int)deed->ms);
        break;
    case DEED_SUSPEND:
        change(play, deed, WC_REQUEST_SUSPEND);
        break;
    case DEED_RESUME:
        change(play, deed, WC_REQUEST_RESUME);
        break;
    case DEED_PAUSE:
        change(play, deed, WC_REQUEST_PAUSE);
        break;
    case DEED_UNPAUSE:
        change(play, deed, WC_REQUEST_UNPAUSE);
        break;
    case DEED_KINDS:
        break;
    }
}

static void show_one(void *data, const struct wc_instance_status *status)
{
    (void)data;
    printf("    %s: %s, %s\n", status->fact.id, wc_life_name(status->fact.life),
           status->waiting != NULL ? status->waiting : "waits for nothing");
}

/* Misfortune ends; from here on everything must come right by itself, and then be at rest. */
static void settle(struct play *play)
{
    wc_sim_set_faults(play->world, 0);
    for (unsigned i = 0; i < SERVICES; i++)
        wc_sim_set_program(play->world, names[i], &manners[MANNER_GOOD]);
    new_epoch(play);
    change(play, &(struct deed){ .service = SERVICES }, WC_REQUEST_RESUME);
    if (play->story->seed % 2 == 0) /* else what is paused stays so */
        change(play, &(struct deed){ .service = SERVICES }, WC_REQUEST_UNPAUSE);
    pass(play, SETTLE_MS);
    if (!play->verdict.failed)
        judge_end(play);
    unsigned before = 0, after = 0;
    for (int verb = WC_VERB_CREATE; verb < WC_VERB_EXEC; verb++)
        before += wc_sim_count_ops(play->world, (enum wc_verb)verb);
    pass(play, QUIET_MS);
    for (int verb = WC_VERB_CREATE; verb < WC_VERB_EXEC; verb++)
        after += wc_sim_count_ops(play->world, (enum wc_verb)verb);
    if (after != before)
        play_fail(play, "%u ops after everything was settled", after - before);
}

/* Somebody else's container, of a project with the same services. */
static void add_stranger(struct play *play)
{
    const struct wc_instance stranger = {
        .id = "stranger", .name = "stranger", .project = "q", .service = "x", .index = 1
    };
    sim_start(play->world, sim_create(play->world, &stranger, false));
}

struct verdict play_story(const struct story *story, bool loud)
{
    struct play play = { .story = story, .loud = loud };
    wc_arena_init(&play.arena);
    uv_loop_init(&play.loop);
    play.world = wc_sim_world_new(1000, story->seed);
    for (int verb = WC_VERB_CREATE; verb <= WC_VERB_EXEC; verb++)
        wc_sim_set_latency(play.world, (enum wc_verb)verb, 1, story->slow_ms);
    judge_begin(&play);
    nets_begin();
    add_stranger(&play);
    open_engine(&play);
    wc_sim_set_faults(play.world, story->fault_permille);
    for (size_t i = 0; i < story->n && !play.verdict.failed; i++)
        do_deed(&play, &story->deeds[i]);
    if (!play.verdict.failed)
        settle(&play);
    if (loud && play.engine != NULL)
        wc_engine_visit(play.engine, show_one, NULL);
    if (play.engine != NULL)
        close_engine(&play);
    uv_run(&play.loop, UV_RUN_DEFAULT);
    uv_loop_close(&play.loop);
    wc_sim_world_free(play.world);
    nets_end();
    wc_arena_deinit(&play.arena);
    return play.verdict;
}
