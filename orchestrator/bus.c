/* bus.c - events: what happened, with its reason and the event that led to it, to the one who
 * listens.
 *
 * Causes form a chain back to what came from outside: a person's request, an end or a bad health
 * check that nobody asked for. An instance carries the number of the event that what is done with
 * it next follows from (`cause`); whoever turns its fate sets it (a request in wc_eng_take, a
 * dependency in wc_eng_awaits), and every event of its own takes its place. (Rejected: to pass the
 * cause along with every call that acts. Decisions come from the level of things, not from events,
 * so no caller has it.)
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "orchestrator/bus.h"
#include "orchestrator/engine_priv.h"

static void publish(struct wc_engine *engine, struct wc_event *event, const struct request *request)
{
    event->seq = ++engine->event_seq;
    event->wall_ms = engine->clock.wall(engine->clock.data);
    event->project = engine->config.project;
    if (request != NULL)
        event->elapsed_ms = engine->now_ms - request->began_ms;
    if (engine->config.on_event != NULL)
        engine->config.on_event(engine->config.data, event);
}

static bool was_told(const struct inst *inst, const char *action)
{
    return inst->story.said.action != NULL && wc_streq(inst->story.said.action, action);
}

/* The event that this one follows from; 0 for what came from outside. */
static uint64_t cause_of(const struct inst *inst, const char *action)
{
    if (wc_streq(action, "exited")) {
        bool asked = was_told(inst, "stopping") || was_told(inst, "killing");
        return asked ? inst->story.said.seq : inst->story.hit ? inst->story.cause : 0;
    }
    bool by_others = wc_streq(action, "paused") ? !wc_eng_is_pause_wished(inst)
                                                : wc_streq(action, "limits changed") ||
                                                      wc_streq(action, "network changed");
    by_others = by_others || (wc_streq(action, "unpaused") && wc_eng_is_pause_wished(inst));
    if (wc_streq(action, "unhealthy") || by_others || (wc_streq(action, "removed") && inst->lost))
        return 0;
    if (wc_streq(action, "healthy") && inst->story.started != 0)
        return inst->story.started; /* it passed its check because it runs */
    if (wc_streq(action, "healthy") || (wc_streq(action, "failed") && inst->story.said.seq != 0))
        return inst->story.said.seq;
    if (wc_streq(action, "waiting") && inst->story.awaited != NULL &&
        inst->story.awaited->said != 0)
        return inst->story.awaited->said;
    return inst->story.cause;
}

static void remember(struct inst *inst, const struct wc_event *event)
{
    char *reason = (char *)inst->story.said.reason;
    wc_eng_set(&reason, event->reason);
    inst->story.said = (struct wc_said){ .seq = event->seq,
                                         .cause = event->cause,
                                         .wall_ms = event->wall_ms,
                                         .action = event->action,
                                         .reason = reason };
    inst->svc->said = event->seq;
    if (!wc_streq(event->action, "healthy")) /* nothing is done because of it */
        inst->story.cause = event->seq;
    if (wc_streq(event->action, "started"))
        inst->story.started = event->seq;
    if (wc_streq(event->action, "started") || wc_streq(event->action, "exited"))
        inst->story.hit = false;
}

void wc_eng_tell(struct inst *inst, const char *action, const char *fmt, ...)
{
    char reason[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(reason, sizeof reason, fmt, args);
    va_end(args);
    wc_log(WC_LOG_DEBUG, "engine", "%s: %s %s", inst->id, action, reason);
    struct wc_event event = {
        .type = WC_EVENT_INSTANCE,
        .cause = cause_of(inst, action),
        .action = action,
        .service = inst->svc->name,
        .name = inst->name != NULL ? inst->name : inst->id,
        .index = inst->fact.index,
        .level = inst->fact.level,
        .exit_code = inst->fact.life == WC_LIFE_EXITED ? inst->fact.exit_code : 0,
        .end = wc_streq(action, "restarting") ? wc_eng_end_of(inst) : WC_END_NONE,
        .reason = reason[0] != '\0' ? reason : NULL,
    };
    publish(inst->engine, &event, inst->request);
    remember(inst, &event);
}

void wc_eng_awaits(struct inst *inst)
{
    bool waits = inst->out.phase == WC_PHASE_WAIT_DEPS || inst->out.phase == WC_PHASE_BLOCKED;
    if (waits && inst->needs != NULL && inst->engine->rev != NULL)
        inst->story.awaited = inst->engine->rev->svcs[inst->needs->to];
    else if (inst->story.awaited != NULL) {
        if (inst->story.awaited->said != 0)
            inst->story.cause = inst->story.awaited->said;
        inst->story.awaited = NULL;
    }
}

void wc_eng_note_phase(struct inst *inst)
{
    const struct wc_engine *engine = inst->engine;
    if (inst->out.phase == inst->story.phase && inst->story.at_ms != 0)
        return;
    inst->story.phase = inst->out.phase;
    inst->story.at_ms = engine->clock.wall(engine->clock.data);
}

void wc_eng_tell_other(struct wc_engine *engine, const struct wc_event *event)
{
    struct wc_event copy = *event;
    publish(engine, &copy, engine->requests);
}

void wc_eng_tell_project(struct request *request, const char *action, const char *reason)
{
    struct wc_event event = {
        .type = WC_EVENT_PROJECT, .action = action, .reason = reason, .cause = request->said
    };
    publish(request->engine, &event, request);
    if (request->said == 0)
        request->said = event.seq;
}

void wc_eng_tell_asked(struct request *request)
{
    static const char *const verbs[] = {
        [WC_REQUEST_APPLY] = "up",        [WC_REQUEST_START] = "start",
        [WC_REQUEST_STOP] = "stop",       [WC_REQUEST_RESTART] = "restart",
        [WC_REQUEST_KILL] = "kill",       [WC_REQUEST_DOWN] = "down",
        [WC_REQUEST_ADOPT] = "adopt",     [WC_REQUEST_SUSPEND] = "suspend",
        [WC_REQUEST_RESUME] = "resume",   [WC_REQUEST_PAUSE] = "pause",
        [WC_REQUEST_UNPAUSE] = "unpause",
    };
    char text[256];
    size_t len = (size_t)snprintf(text, sizeof text, "%s", verbs[request->ask.kind]);
    for (size_t i = 0; i < request->ask.n_services && len < sizeof text; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i > 0 ? ", " : " ",
                                request->ask.services[i]);
    wc_eng_tell_project(request, "asked", text);
}
