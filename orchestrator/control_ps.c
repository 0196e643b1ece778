/* control_ps.c - an instance's status to JSON and back: both directions in one file, so that they
 * can't drift apart. */
#include "orchestrator/control_ps.h"
#include "orchestrator/core/address.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"

static const char *proto_name(enum wc_proto proto)
{
    switch (proto) {
    case WC_PROTO_TCP:
        return "tcp";
    case WC_PROTO_UDP:
        return "udp";
    case WC_PROTO_SCTP:
        return "sctp";
    }
    return "unknown";
}

void wc_ps_ports(const struct wc_service *service, struct wc_buf *out)
{
    for (size_t i = 0; service != NULL && i < service->n_ports; i++) {
        const struct wc_port *port = &service->ports[i];
        if (i > 0)
            wc_buf_adds(out, ", ");
        if (port->host_ip != NULL)
            wc_buf_printf(out, strchr(port->host_ip, ':') != NULL ? "[%s]:" : "%s:", port->host_ip);
        if (port->published != 0)
            wc_buf_printf(out, "%u", port->published);
        if (port->published_end > port->published)
            wc_buf_printf(out, "-%u", port->published_end);
        wc_buf_printf(out, "->%u/%s", port->target, proto_name(port->proto));
    }
}

void wc_ps_published(const struct wc_published *port, struct wc_buf *out)
{
    char ip[16];
    if (out->len > 0)
        wc_buf_adds(out, ", ");
    if (port->host_ip4 != 0)
        wc_buf_printf(out, "%s:", wc_ip4_format(port->host_ip4, ip));
    wc_buf_printf(out, "%u->%u/%s", port->host_port, port->target_port, proto_name(port->proto));
}

static void str_if(struct wc_jsonw *w, const char *key, const char *value)
{
    if (value != NULL && value[0] != '\0')
        wc_jsonw_str(w, key, value);
}

static void bool_if(struct wc_jsonw *w, const char *key, bool value)
{
    if (value)
        wc_jsonw_bool(w, key, true);
}

static void number_if(struct wc_jsonw *w, const char *key, int64_t value)
{
    if (value != 0)
        wc_jsonw_i64(w, key, value);
}

static void write_story(struct wc_jsonw *w, const struct wc_instance_status *status)
{
    wc_jsonw_i64(w, "phase", status->phase);
    number_if(w, "phase_ms", status->phase_at_ms);
    number_if(w, "next_ms", status->next_at_ms);
    number_if(w, "failures", status->failures);
    number_if(w, "failing", status->failing);
    str_if(w, "needs", status->needs);
    number_if(w, "needs_condition", status->needs_condition);
    bool_if(w, "needs_shares", status->needs_shares);
    if (status->last.seq == 0)
        return;
    wc_jsonw_object(w, "last");
    wc_jsonw_i64(w, "seq", (int64_t)status->last.seq);
    number_if(w, "cause", (int64_t)status->last.cause);
    wc_jsonw_i64(w, "at_ms", status->last.wall_ms);
    wc_jsonw_str(w, "action", status->last.action);
    str_if(w, "reason", status->last.reason);
    wc_jsonw_end_object(w);
}

void wc_ps_write(struct wc_jsonw *w, const struct wc_instance_status *status,
                 const struct wc_project *project)
{
    const struct wc_fact *fact = &status->fact;
    const struct wc_service *service = project == NULL || fact->service == NULL
                                           ? NULL
                                           : wc_project_service(project, fact->service);
    WC_CLEANUP_BUF struct wc_buf ports = WC_BUF_INIT;
    wc_ps_ports(service, &ports);
    wc_jsonw_object(w, NULL);
    str_if(w, "id", fact->id);
    str_if(w, "name", fact->name);
    str_if(w, "service", fact->service);
    wc_jsonw_i64(w, "index", fact->index);
    str_if(w, "hash", fact->hash);
    str_if(w, "labels", fact->labels);
    wc_jsonw_i64(w, "level", fact->level);
    wc_jsonw_i64(w, "life", fact->life);
    number_if(w, "pid", fact->pid);
    number_if(w, "exit_code", fact->exit_code);
    number_if(w, "exit_signal", fact->exit_signal);
    bool_if(w, "exit_known", fact->exit_known);
    bool_if(w, "oom_killed", fact->oom_killed);
    bool_if(w, "earlier_boot", fact->earlier_boot);
    str_if(w, "cause", fact->cause);
    number_if(w, "created_ms", fact->created_at_ms);
    number_if(w, "started_ms", fact->started_at_ms);
    number_if(w, "finished_ms", fact->finished_at_ms);
    bool_if(w, "stopped_by_user", fact->stopped_by_user);
    str_if(w, "image", fact->image);
    str_if(w, "layers", fact->layers);
    str_if(w, "error", fact->error);
    wc_jsonw_i64(w, "health", status->health);
    number_if(w, "restarts", status->restarts);
    str_if(w, "waiting", status->waiting);
    bool_if(w, "wanted", status->wanted);
    bool_if(w, "stale", status->stale);
    bool_if(w, "suspended", status->suspended);
    str_if(w, "health_output", status->health_output);
    str_if(w, "ports", ports.data);
    write_story(w, status);
    wc_jsonw_end_object(w);
}

static const char *text(const struct wc_json *object, const char *key, struct wc_arena *arena)
{
    return wc_arena_strdup(arena, wc_json_str(wc_json_get(object, key), NULL));
}

static int64_t number(const struct wc_json *object, const char *key, int64_t max)
{
    int64_t value = wc_json_i64(wc_json_get(object, key), 0);
    return value < 0 || value > max ? 0 : value;
}

static bool flag(const struct wc_json *object, const char *key)
{
    return wc_json_bool(wc_json_get(object, key), false);
}

static void read_story(const struct wc_json *object, struct wc_arena *arena, struct wc_ps_row *out)
{
    const struct wc_json *last = wc_json_get(object, "last");
    out->phase = (enum wc_phase)number(object, "phase", WC_PHASE_WAIT_DEPENDENTS);
    out->phase_at_ms = number(object, "phase_ms", INT64_MAX);
    out->next_at_ms = number(object, "next_ms", INT64_MAX);
    out->failures = (unsigned)number(object, "failures", INT32_MAX);
    out->failing = (unsigned)number(object, "failing", INT32_MAX);
    out->needs = text(object, "needs", arena);
    out->needs_condition =
        (enum wc_dep_condition)number(object, "needs_condition", WC_DEP_COMPLETED);
    out->needs_shares = flag(object, "needs_shares");
    out->last = (struct wc_said){ .seq = (uint64_t)number(last, "seq", INT64_MAX),
                                  .cause = (uint64_t)number(last, "cause", INT64_MAX),
                                  .wall_ms = number(last, "at_ms", INT64_MAX),
                                  .action = text(last, "action", arena),
                                  .reason = text(last, "reason", arena) };
}

void wc_ps_read(const struct wc_json *object, struct wc_arena *arena, struct wc_ps_row *out)
{
    *out = (struct wc_ps_row){ 0 };
    struct wc_fact *fact = &out->fact;
    fact->id = text(object, "id", arena);
    fact->name = text(object, "name", arena);
    fact->service = text(object, "service", arena);
    fact->index = (unsigned)number(object, "index", 1000000);
    const char *hash = wc_json_str(wc_json_get(object, "hash"), "");
    memcpy(fact->hash, hash, strnlen(hash, sizeof fact->hash - 1));
    fact->level = (enum wc_isolation)number(object, "level", WC_ISOLATION_HYPERV);
    fact->life = (enum wc_life)number(object, "life", WC_LIFE_BROKEN);
    fact->pid = (int)number(object, "pid", INT32_MAX);
    fact->exit_code = (int)number(object, "exit_code", 255);
    fact->exit_signal = (int)number(object, "exit_signal", 128);
    fact->exit_known = flag(object, "exit_known");
    fact->oom_killed = flag(object, "oom_killed");
    fact->earlier_boot = flag(object, "earlier_boot");
    fact->cause = text(object, "cause", arena);
    fact->created_at_ms = number(object, "created_ms", INT64_MAX);
    fact->started_at_ms = number(object, "started_ms", INT64_MAX);
    fact->finished_at_ms = number(object, "finished_ms", INT64_MAX);
    fact->stopped_by_user = flag(object, "stopped_by_user");
    fact->image = text(object, "image", arena);
    fact->layers = text(object, "layers", arena);
    fact->labels = text(object, "labels", arena);
    fact->error = text(object, "error", arena);
    out->health = (enum wc_health)number(object, "health", WC_HEALTH_UNHEALTHY);
    out->restarts = (unsigned)number(object, "restarts", INT32_MAX);
    out->waiting = text(object, "waiting", arena);
    out->wanted = flag(object, "wanted");
    out->stale = flag(object, "stale");
    out->suspended = flag(object, "suspended");
    out->health_output = text(object, "health_output", arena);
    out->ports = text(object, "ports", arena);
    if (out->ports == NULL)
        out->ports = "";
    read_story(object, arena, out);
}

void wc_ps_copy_fact(const struct wc_fact *fact, struct wc_arena *arena, struct wc_fact *out)
{
    *out = *fact;
    out->id = wc_arena_strdup(arena, fact->id);
    out->name = wc_arena_strdup(arena, fact->name);
    out->project = wc_arena_strdup(arena, fact->project);
    out->service = wc_arena_strdup(arena, fact->service);
    out->image = wc_arena_strdup(arena, fact->image);
    out->layers = wc_arena_strdup(arena, fact->layers);
    out->labels = wc_arena_strdup(arena, fact->labels);
    out->cause = wc_arena_strdup(arena, fact->cause);
    out->error = wc_arena_strdup(arena, fact->error);
}
