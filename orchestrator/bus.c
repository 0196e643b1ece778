/* bus.c - events: what happened, with its reason, to the one who listens. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "orchestrator/bus.h"
#include "orchestrator/engine_priv.h"

static void publish(struct wc_engine *engine, struct wc_event *event, const struct request *request)
{
    if (engine->config.on_event == NULL)
        return;
    event->seq = ++engine->event_seq;
    event->wall_ms = engine->clock.wall(engine->clock.data);
    event->project = engine->config.project;
    if (request != NULL)
        event->elapsed_ms = engine->now_ms - request->began_ms;
    engine->config.on_event(engine->config.data, event);
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
        .action = action,
        .service = inst->svc->name,
        .name = inst->name != NULL ? inst->name : inst->id,
        .index = inst->fact.index,
        .level = inst->fact.level,
        .exit_code = inst->fact.life == WC_LIFE_EXITED ? inst->fact.exit_code : 0,
        .reason = reason[0] != '\0' ? reason : NULL,
    };
    publish(inst->engine, &event, inst->request);
}

void wc_eng_tell_other(struct wc_engine *engine, const struct wc_event *event)
{
    struct wc_event copy = *event;
    publish(engine, &copy, engine->requests);
}

void wc_eng_tell_project(struct request *request, const char *action, const char *reason)
{
    struct wc_event event = { .type = WC_EVENT_PROJECT, .action = action, .reason = reason };
    publish(request->engine, &event, request);
}
