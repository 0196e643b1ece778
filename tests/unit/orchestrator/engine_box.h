/* engine_box.h - an engine over a simulated host, models written in one line, events as text.
 *
 * A model is words, sorted by name: name*REPLICAS!POLICY?VERSION+check-orphan. Each part may be
 * left out: web*2        two replicas              web!always  restart policy (always, failure, N
 * as on-failure:N) web=2        spec version 2            db+         has a health check
 *   db+^         … and is restarted when it fails (on_unhealthy)
 *   web@ web%    a post_start hook, a pre_stop hook (before any <)
 *   web&         replica by replica, the new one first (update_config: order: start-first)
 *   web<db.h,migrate.c,cache.s             needs db healthy, migrate completed, cache started
 *   web<db.h?    not required;  web<db.hr  restart: true
 */
#ifndef TESTS_UNIT_ORCHESTRATOR_ENGINE_BOX_H
#define TESTS_UNIT_ORCHESTRATOR_ENGINE_BOX_H

#include "harness/wc_test.h"

#include <uv.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "drivers/sim/sim.h"
#include "wcompose/engine.h"

struct box {
    char said[512]; /* the last words of a message, or of an update */
    uv_loop_t loop;
    struct wc_sim_world *world;
    struct wc_engine *engine;
    struct wc_buf events; /* "name action; " for each event of an instance */
    struct told {
        uint64_t seq, cause;
        char text[80]; /* "service-index action", or the action alone */
    } told[400];
    size_t n_told;
    bool opened, closed;
    int status; /* of the request that ended last */
    unsigned changed, n_done;
    struct wc_err err;
    const struct wc_driver_ops *driver; /* NULL: sim */
};

static inline void box_on_event(void *data, const struct wc_event *event)
{
    struct box *box = data;
    struct told *told = &box->told[box->n_told];
    bool named = event->type == WC_EVENT_INSTANCE;
    if (box->n_told + 1 < sizeof box->told / sizeof box->told[0])
        box->n_told++;
    *told = (struct told){ .seq = event->seq, .cause = event->cause };
    if (named)
        snprintf(told->text, sizeof told->text, "%s-%u %s", event->service, event->index,
                 event->action);
    else
        snprintf(told->text, sizeof told->text, "%s", event->action);
    if (event->reason != NULL && (!named || strcmp(event->action, "updated") == 0))
        snprintf(box->said, sizeof box->said, "%s", event->reason);
    if (event->type == WC_EVENT_INSTANCE)
        wc_buf_printf(&box->events, "%s %s; ", event->name, event->action);
}

static inline void box_on_opened(void *data, int status, const struct wc_err *err)
{
    struct box *box = data;
    if (status != 0)
        fail_msg("open: %s", err->msg);
    box->opened = true;
}

static inline void box_on_done(void *data, int status, const struct wc_err *err, unsigned changed)
{
    struct box *box = data;
    box->n_done++;
    box->status = status;
    box->changed = changed;
    box->err = err != NULL ? *err : (struct wc_err){ 0 };
}

static inline void box_on_closed(void *data)
{
    ((struct box *)data)->closed = true;
}

/* Lets the loop turn until *n reaches `goal`; false when nothing is to come before that. */
static inline bool box_until(struct box *box, const unsigned *n, unsigned goal)
{
    unsigned idle = 0;
    for (unsigned long turns = 0; *n < goal && idle < 5; turns++) {
        assert_true(turns < 3000000);
        uv_run(&box->loop, UV_RUN_NOWAIT);
        idle = wc_sim_pending(box->world) ? 0 : idle + 1;
    }
    return *n >= goal;
}

/* Lets `ms` of the world's time pass, or all that is to come. */
static inline void box_pass(struct box *box, uint64_t ms)
{
    uint64_t end = wc_sim_now(box->world) + ms;
    unsigned idle = 0;
    while (idle < 5 && wc_sim_now(box->world) < end) {
        uv_run(&box->loop, UV_RUN_NOWAIT);
        idle = wc_sim_pending(box->world) ? 0 : idle + 1;
    }
}

static inline void box_open(struct box *box)
{
    struct wc_err err = { 0 };
    const struct wc_engine_config config = {
        .loop = &box->loop,
        .project = "p",
        .process = box->driver != NULL ? box->driver : &wc_sim_ops,
        .driver_extra = box->world,
        .on_event = box_on_event,
        .data = box,
        .clock = wc_sim_clock(box->world),
        .look_ms = WC_UNSET,
    };
    box->opened = box->closed = false;
    assert_int_equal(wc_engine_open(&config, box_on_opened, &box->engine, &err), 0);
    for (int i = 0; !box->opened; i++) {
        assert_true(i < 1000);
        uv_run(&box->loop, UV_RUN_NOWAIT);
    }
}

static inline void box_begin(struct box *box, uint64_t seed)
{
    *box = (struct box){ .events = WC_BUF_INIT };
    assert_int_equal(uv_loop_init(&box->loop), 0);
    box->world = wc_sim_world_new(1000, seed);
    box_open(box);
}

static inline void box_close(struct box *box)
{
    wc_engine_close(box->engine, box_on_closed, box);
    assert_false(box->closed);
    for (int i = 0; !box->closed; i++) {
        assert_true(i < 10000);
        uv_run(&box->loop, UV_RUN_NOWAIT);
    }
    box->engine = NULL;
}

static inline void box_end(struct box *box)
{
    if (box->engine != NULL)
        box_close(box);
    uv_run(&box->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&box->loop), 0);
    wc_sim_world_free(box->world);
    wc_buf_deinit(&box->events);
}

/* ---- models ---- */

static inline void box_parse_dep(struct wc_arena *arena, struct wc_service *s, const char *text,
                                 size_t len)
{
    const char *dot = memchr(text, '.', len);
    assert_non_null(dot);
    struct wc_dep *dep = &s->deps[s->n_deps++];
    *dep = (struct wc_dep){ .required = true };
    dep->service = wc_arena_strndup(arena, text, (size_t)(dot - text));
    for (const char *c = dot + 1; c < text + len; c++) {
        if (*c == 'h')
            dep->condition = WC_DEP_HEALTHY;
        if (*c == 'c')
            dep->condition = WC_DEP_COMPLETED;
        if (*c == '?')
            dep->required = false;
        if (*c == 'r')
            dep->restart = true;
    }
}

static inline void box_parse_policy(struct wc_service *s, const char *text)
{
    if (wc_str_starts(text, "always")) {
        s->restart = WC_RESTART_ALWAYS;
    } else if (wc_str_starts(text, "failure")) {
        s->restart = WC_RESTART_ON_FAILURE;
    } else {
        s->restart = WC_RESTART_ON_FAILURE;
        s->restart_max = strtol(text, NULL, 10);
    }
}

static inline void box_parse_service(struct wc_arena *arena, struct wc_service *s, const char *text,
                                     size_t len)
{
    static const char *check[] = { "CMD", "check" };
    static struct wc_hook hook = { .command = { check, 2, true } };
    size_t name_len = strcspn(text, "*!=+^@%~$&< ");
    char *word = wc_arena_strndup(arena, text, len);
    *s = (struct wc_service){ .name = wc_arena_strndup(arena, text, name_len),
                              .image = "app",
                              .replicas = 1,
                              .restart_max = WC_UNSET,
                              .stop_grace_ms = 10000,
                              .network_mode = WC_NETMODE_NONE };
    char version = '1';
    for (char *c = word + name_len; *c != '\0' && *c != '<'; c++) {
        if (*c == '*')
            s->replicas = strtol(c + 1, NULL, 10);
        if (*c == '!')
            box_parse_policy(s, c + 1);
        if (*c == '=')
            version = c[1];
        if (*c == '~') {
            s->mem_limit_bytes = (c[1] - '0') * (INT64_C(64) << 20);
            snprintf(s->inplace_hash, sizeof s->inplace_hash, "t%c", c[1]);
        }
        if (*c == '$') { /* $DELAY/WINDOW/ATTEMPTS */
            char *rest = NULL;
            s->restart_delay_ms = strtol(c + 1, &rest, 10);
            s->restart_window_ms = *rest == '/' ? strtol(rest + 1, &rest, 10) : 0;
            s->restart_max = *rest == '/' ? strtol(rest + 1, &rest, 10) : WC_UNSET;
        }
        if (*c == '@')
            s->post_start = &hook, s->n_post_start++;
        if (*c == '%')
            s->pre_stop = &hook, s->n_pre_stop++;
        if (*c == '&')
            s->update = (struct wc_update_config){ .set = true,
                                                   .start_first = true,
                                                   .parallelism = 1,
                                                   .monitor_ms = 100,
                                                   .progress_ms = 90000 };
        if (*c == '^')
            s->on_unhealthy = WC_ON_UNHEALTHY_RESTART;
        if (*c == '+')
            s->health = (struct wc_healthcheck){ .set = true,
                                                 .test = { check, 2, true },
                                                 .interval_ms = 1000,
                                                 .timeout_ms = 1000,
                                                 .start_period_ms = 0,
                                                 .start_interval_ms = WC_UNSET,
                                                 .retries = 3 };
    }
    snprintf(s->spec_hash, sizeof s->spec_hash, "%s-%c", s->name, version);
    char *deps = strchr(word, '<');
    s->deps = WC_NEW_ARRAY(arena, struct wc_dep, deps == NULL ? 0 : strlen(deps));
    while (deps != NULL && *deps != '\0') {
        size_t n = strcspn(deps + 1, ",");
        box_parse_dep(arena, s, deps + 1, n);
        deps += n + 1;
    }
}

static inline struct wc_project *box_model(struct wc_arena *arena, const char *text)
{
    struct wc_project *project = WC_NEW(arena, struct wc_project);
    project->name = "p";
    project->services = WC_NEW_ARRAY(arena, struct wc_service, strlen(text) / 2 + 1);
    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        if (len > 0)
            box_parse_service(arena, &project->services[project->n_services++], text, len);
        text += len + (text[len] == ' ');
    }
    return project;
}

/* ---- requests ---- */

static inline void box_submit(struct box *box, struct wc_request request, const char *model,
                              const char *service)
{
    const char *names[1] = { service };
    request.done = box_on_done;
    request.data = box;
    if (request.timeout_ms == 0)
        request.timeout_ms = WC_UNSET;
    if (model != NULL) {
        request.arena = wc_alloc(sizeof *request.arena);
        wc_arena_init(request.arena);
        request.project = box_model(request.arena, model);
    }
    if (service != NULL) {
        request.services = names;
        request.n_services = 1;
    }
    unsigned before = box->n_done;
    wc_engine_submit(box->engine, &request);
    assert_int_equal(box->n_done, before); /* never before it returns */
}

/* Runs a request to its end; false when it hangs. */
static inline bool box_do(struct box *box, struct wc_request request, const char *model,
                          const char *service)
{
    unsigned goal = box->n_done + 1;
    wc_buf_reset(&box->events);
    box_submit(box, request, model, service);
    return box_until(box, &box->n_done, goal);
}

static inline void box_apply(struct box *box, const char *model)
{
    assert_true(box_do(box, (struct wc_request){ .wait = WC_WAIT_READY }, model, NULL));
}

static inline void box_request(struct box *box, enum wc_request_kind kind, const char *service)
{
    assert_true(box_do(box, (struct wc_request){ .kind = kind }, NULL, service));
}

/* True when the events contain `first`, and `then` after it. */
static inline bool box_in_order(const struct box *box, const char *first, const char *then)
{
    const char *at = strstr(box->events.data, first);
    return at != NULL && strstr(at, then) != NULL;
}

static inline unsigned box_ops(const struct box *box)
{
    unsigned n = 0;
    for (int verb = WC_VERB_CREATE; verb <= WC_VERB_VOLUME_REMOVE; verb++)
        if (verb != WC_VERB_EXEC)
            n += wc_sim_count_ops(box->world, (enum wc_verb)verb);
    return n;
}

static inline size_t box_running(const struct box *box, const char *service)
{
    return wc_sim_count(box->world, service, WC_LIFE_RUNNING);
}

#endif
