/* scene_box.h - a project, rows and events written down by a test, for what explains them. */
#ifndef TESTS_UNIT_CLI_SCENE_BOX_H
#define TESTS_UNIT_CLI_SCENE_BOX_H

#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "cli/style.h"
#include "cli/why.h"
#include "wcompose/spec.h"

#define T0 1795802400000LL /* 2026-11-27T18:00:00Z */

struct scene {
    struct wc_arena arena;
    struct wc_ps_row rows[8];
    struct wc_event events[32];
    struct wc_ps ps;
    struct wc_history_row generations[4];
    struct wc_history history;
    struct wc_why_in in;
};

static inline void scene_begin(struct scene *s, const char *model)
{
    struct wc_diags diags;
    struct wc_project *project = NULL;
    *s = (struct scene){ 0 };
    wc_arena_init(&s->arena);
    wc_diags_init(&diags, &s->arena);
    struct wc_spec_options options = { .cwd = "/srv", .text = model, .text_len = strlen(model) };
    if (wc_spec_load(&options, &s->arena, &diags, &project) != 0)
        fail_msg("%s", diags.items[0].msg);
    s->ps = (struct wc_ps){ .rows = s->rows, .events = s->events, .supervised = true };
    s->history.rows = s->generations;
    s->in = (struct wc_why_in){
        .model = project, .ps = &s->ps, .history = &s->history, .now_ms = T0 + 60000
    };
}

static inline void scene_end(struct scene *s)
{
    wc_arena_deinit(&s->arena);
}

/* An instance that runs, ready, since T0 + 10 s. */
static inline struct wc_ps_row *scene_row(struct scene *s, const char *service)
{
    struct wc_ps_row *row = &s->rows[s->ps.n++];
    *row = (struct wc_ps_row){ .fact = { .service = service,
                                         .index = 1,
                                         .life = WC_LIFE_RUNNING,
                                         .started_at_ms = T0 + 10000 },
                               .wanted = true,
                               .phase_at_ms = T0 + 10000 };
    return row;
}

static inline struct wc_ps_row *scene_exited(struct scene *s, const char *service, int code)
{
    struct wc_ps_row *row = scene_row(s, service);
    row->fact.life = WC_LIFE_EXITED;
    row->fact.exit_known = true;
    row->fact.exit_code = code;
    row->fact.finished_at_ms = T0 + 12000;
    row->phase = code == 0 ? WC_PHASE_COMPLETED : WC_PHASE_FAILED;
    return row;
}

/* The event number `seq`, so many seconds after T0. service NULL: of the project. */
static inline void scene_event(struct scene *s, uint64_t seq, uint64_t cause, const char *service,
                               const char *action, const char *reason)
{
    s->events[s->ps.n_events++] = (struct wc_event){
        .type = service == NULL ? WC_EVENT_PROJECT : WC_EVENT_INSTANCE,
        .seq = seq,
        .cause = cause,
        .wall_ms = T0 + (int64_t)seq * 1000,
        .service = service,
        .index = service == NULL ? 0 : 1,
        .action = action,
        .reason = reason,
    };
}

static inline void scene_generation(struct scene *s, uint64_t number, int64_t made_at_ms)
{
    s->generations[s->history.n] = (struct wc_history_row){ .number = number,
                                                            .made_at_ms = made_at_ms,
                                                            .outcome = WC_OUTCOME_STABLE };
    s->history.in_force = &s->generations[s->history.n++];
}

#endif
