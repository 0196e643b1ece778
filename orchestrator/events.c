/* events.c - an event's JSON form and back: the one place that knows its member names. */
#include "wcompose/event.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "base/units.h"

static void str_if(struct wc_jsonw *w, const char *key, const char *value)
{
    if (value != NULL)
        wc_jsonw_str(w, key, value);
}

void wc_event_to_json(const struct wc_event *event, struct wc_buf *out)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    char ts[32];
    wc_time_rfc3339(event->wall_ms, ts, sizeof ts);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", WC_EVENT_VERSION);
    wc_jsonw_i64(&w, "seq", (int64_t)event->seq);
    if (event->cause != 0)
        wc_jsonw_i64(&w, "cause", (int64_t)event->cause);
    wc_jsonw_str(&w, "ts", ts);
    wc_jsonw_i64(&w, "elapsed_ms", (int64_t)event->elapsed_ms);
    wc_jsonw_str(&w, "type", wc_event_type_name(event->type));
    wc_jsonw_str(&w, "action", event->action);
    str_if(&w, "project", event->project);
    str_if(&w, "service", event->service);
    str_if(&w, "name", event->name);
    if (event->type == WC_EVENT_INSTANCE) {
        wc_jsonw_i64(&w, "index", event->index);
        wc_jsonw_str(&w, "isolation", wc_isolation_name(event->level));
    }
    if (event->exit_code != 0 || wc_streq0(event->action, "exited"))
        wc_jsonw_i64(&w, "exit_code", event->exit_code);
    str_if(&w, "reason", event->reason);
    wc_jsonw_end_object(&w);
}

static const char *member(const struct wc_json *root, const char *key, struct wc_arena *arena)
{
    return wc_arena_strdup(arena, wc_json_str(wc_json_get(root, key), NULL));
}

static int64_t number(const struct wc_json *root, const char *key, int64_t lo, int64_t hi)
{
    int64_t value = wc_json_i64(wc_json_get(root, key), 0);
    return value < lo || value > hi ? 0 : value;
}

static int type_of(const struct wc_json *root, enum wc_event_type *out)
{
    const char *word = wc_json_str(wc_json_get(root, "type"), "");
    for (int type = WC_EVENT_NETWORK; type <= WC_EVENT_LOG; type++) {
        if (wc_streq(word, wc_event_type_name((enum wc_event_type)type))) {
            *out = (enum wc_event_type)type;
            return 0;
        }
    }
    return -1;
}

static enum wc_isolation level_of(const struct wc_json *root)
{
    const char *word = wc_json_str(wc_json_get(root, "isolation"), "");
    if (wc_streq(word, wc_isolation_name(WC_ISOLATION_PROCESS)))
        return WC_ISOLATION_PROCESS;
    if (wc_streq(word, wc_isolation_name(WC_ISOLATION_HYPERV)))
        return WC_ISOLATION_HYPERV;
    return WC_ISOLATION_DEFAULT;
}

int wc_event_from_json(const char *text, size_t len, struct wc_arena *arena, struct wc_event *out,
                       struct wc_err *err)
{
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    int rc = wc_json_parse(text, len, &root, err);
    return rc == 0 ? wc_event_read(root, arena, out, err) : wc_err_wrap(err, rc, "event");
}

int wc_event_read(const struct wc_json *root, struct wc_arena *arena, struct wc_event *out,
                  struct wc_err *err)
{
    struct wc_event event = { 0 };
    if (wc_json_i64(wc_json_get(root, "v"), 0) != WC_EVENT_VERSION)
        return wc_err_set(err, WC_ERR_SPEC, 0, "event: version %d is expected", WC_EVENT_VERSION);
    if (type_of(root, &event.type) != 0)
        return wc_err_set(err, WC_ERR_SPEC, 0, "event: unknown type '%.40s'",
                          wc_json_str(wc_json_get(root, "type"), ""));
    event.action = member(root, "action", arena);
    if (event.action == NULL)
        return wc_err_set(err, WC_ERR_SPEC, 0, "event: no action");
    if (!wc_time_parse(wc_json_str(wc_json_get(root, "ts"), ""), &event.wall_ms))
        return wc_err_set(err, WC_ERR_SPEC, 0, "event: 'ts' is not a time");
    event.seq = (uint64_t)number(root, "seq", 0, INT64_MAX);
    event.cause = (uint64_t)number(root, "cause", 0, INT64_MAX);
    event.elapsed_ms = (uint64_t)number(root, "elapsed_ms", 0, INT64_MAX);
    event.project = member(root, "project", arena);
    event.service = member(root, "service", arena);
    event.name = member(root, "name", arena);
    event.index = (unsigned)number(root, "index", 0, 1000000);
    event.level = level_of(root);
    event.exit_code = (int)number(root, "exit_code", -255, 255);
    event.reason = member(root, "reason", arena);
    *out = event;
    return 0;
}
