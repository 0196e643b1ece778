/* supervisor_metrics.c - how things are, as numbers, read when somebody asks: the generation,
 * conditions, instances, rollouts, our own size; and after them what was counted. One table has all
 * families but those of core/metrics.c.
 *
 * One line stands for one slot of a service, also while two incarnations of it exist: a series must
 * not be there twice. What is not known has no line.
 */
#include "orchestrator/supervisor_priv.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "base/str.h"
#include "orchestrator/core/exposition.h"

enum { LOOPING = 5 }; /* so many failures in a row are no way to get there (cli/status.c) */

/* The incarnation of a slot that counts. */
struct slot {
    const char *service;
    char index[12];
    enum wc_life life;
    enum wc_health health;
    enum wc_phase phase;
    unsigned failures;
    int64_t next_at_ms;
    bool wanted, stale;
};

/* What all families are made of. */
struct look {
    struct wc_supervisor *sup;
    const struct wc_project *project; /* NULL: the model isn't known */
    const struct wc_engine_counts *counts;
    struct wc_arena arena;
    struct slot *slots;
    size_t n, cap;
    uint64_t n_orphans, n_suspended; /* instances; services */
};

/* ---- slots ---- */

static unsigned rank(bool wanted, bool stale)
{
    return wanted && !stale ? 2 : wanted ? 1 : 0;
}

/* They come sorted by service and index, so that incarnations of one slot are neighbours. */
static void visit_slot(void *data, const struct wc_instance_status *status)
{
    struct look *look = data;
    struct slot slot = {
        .service = status->fact.service != NULL ? status->fact.service : "",
        .life = status->fact.life,
        .health = status->health,
        .phase = status->phase,
        .failures = status->failures,
        .next_at_ms = status->next_at_ms,
        .wanted = status->wanted,
        .stale = status->stale,
    };
    snprintf(slot.index, sizeof slot.index, "%u", status->fact.index);
    look->n_orphans += look->project != NULL && status->fact.life != WC_LIFE_ABSENT &&
                       wc_project_service(look->project, slot.service) == NULL;
    struct slot *last = look->n > 0 ? &look->slots[look->n - 1] : NULL;
    bool is_same =
        last != NULL && wc_streq(last->service, slot.service) && wc_streq(last->index, slot.index);
    if (is_same && rank(slot.wanted, slot.stale) < rank(last->wanted, last->stale))
        return;
    slot.service = is_same ? last->service : wc_arena_strdup(&look->arena, slot.service);
    if (!is_same) {
        look->slots =
            wc_arena_grow(&look->arena, look->slots, look->n, &look->cap, sizeof *look->slots);
        last = &look->slots[look->n++];
    }
    *last = slot;
}

static void visit_intent(void *data, const struct wc_intent *intent)
{
    struct look *look = data;
    look->n_suspended += intent->suspended;
}

static void add_states(struct wc_exposition *x, const struct look *look)
{
    for (size_t i = 0; i < look->n; i++) {
        for (int life = WC_LIFE_ABSENT; life <= WC_LIFE_BROKEN; life++) {
            const struct wc_label labels[] = { { "service", look->slots[i].service },
                                               { "slot", look->slots[i].index },
                                               { "state", wc_life_name((enum wc_life)life) } };
            wc_exposition_sample(x, labels, WC_COUNT(labels), (int)look->slots[i].life == life);
        }
    }
}

static void add_healths(struct wc_exposition *x, const struct look *look)
{
    for (size_t i = 0; i < look->n; i++) {
        bool is_checked = look->slots[i].health != WC_HEALTH_NONE;
        for (int h = WC_HEALTH_STARTING; is_checked && h <= WC_HEALTH_UNHEALTHY; h++) {
            const struct wc_label labels[] = { { "service", look->slots[i].service },
                                               { "slot", look->slots[i].index },
                                               { "health", wc_health_name((enum wc_health)h) } };
            wc_exposition_sample(x, labels, WC_COUNT(labels), (int)look->slots[i].health == h);
        }
    }
}

static void add_backoffs(struct wc_exposition *x, const struct look *look)
{
    int64_t now_ms = wc_sup_wall_ms(look->sup);
    for (size_t i = 0; i < look->n; i++) {
        const struct slot *slot = &look->slots[i];
        const struct wc_label labels[] = { { "service", slot->service }, { "slot", slot->index } };
        int64_t left_ms = slot->next_at_ms > now_ms ? slot->next_at_ms - now_ms : 0;
        if (slot->phase == WC_PHASE_WAIT_BACKOFF)
            wc_exposition_seconds(x, labels, WC_COUNT(labels), (uint64_t)left_ms);
    }
}

/* ---- conditions ---- */

struct conditions {
    size_t n_wanted, n_ready;
    bool moving, stalled;
};

static void judge(struct conditions *out, const struct slot *slot)
{
    bool is_well = slot->health == WC_HEALTH_NONE || slot->health == WC_HEALTH_HEALTHY;
    bool is_up = slot->phase == WC_PHASE_SETTLED && slot->life == WC_LIFE_RUNNING && is_well;
    bool wanted = slot->wanted && slot->phase != WC_PHASE_STOPPED;
    out->n_wanted += wanted;
    out->n_ready += wanted && !slot->stale && (is_up || slot->phase == WC_PHASE_COMPLETED);
    out->moving |= slot->phase >= WC_PHASE_ACTING;
    out->moving |= slot->life == WC_LIFE_RUNNING && slot->health == WC_HEALTH_STARTING;
    out->stalled |= slot->phase == WC_PHASE_FAILED || slot->phase == WC_PHASE_BLOCKED;
    out->stalled |= slot->phase == WC_PHASE_WAIT_BACKOFF && slot->failures >= LOOPING;
}

static void add_conditions(struct wc_exposition *x, const struct look *look)
{
    struct conditions all = { .moving = look->sup->calls != NULL };
    for (size_t i = 0; i < look->n; i++)
        judge(&all, &look->slots[i]);
    const struct {
        const char *type;
        bool holds;
    } rows[] = {
        { "Ready", all.n_wanted > 0 && all.n_ready == all.n_wanted },
        { "Reconciling", all.moving },
        { "Stalled", all.stalled },
        { "Suspended", look->n_suspended > 0 },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct wc_label labels[] = { { "type", rows[i].type }, { "status", "true" } };
        wc_exposition_sample(x, labels, WC_COUNT(labels), rows[i].holds);
        labels[1].value = "false";
        wc_exposition_sample(x, labels, WC_COUNT(labels), !rows[i].holds);
    }
}

/* ---- the app ---- */

static void add_version(struct wc_exposition *x, const struct look *look)
{
    (void)look;
    const struct wc_label version = { "version", WC_VERSION };
    wc_exposition_sample(x, &version, 1, 1);
}

static void add_generation(struct wc_exposition *x, const struct look *look)
{
    if (look->sup->ledger.in_force != 0)
        wc_exposition_sample(x, NULL, 0, look->sup->ledger.in_force);
}

static void add_observed(struct wc_exposition *x, const struct look *look)
{
    const struct wc_ledger *ledger = &look->sup->ledger;
    uint64_t number = 0;
    for (size_t i = 0; i < ledger->n_generations; i++)
        if (ledger->generations[i].ended_at_ms != 0)
            number = ledger->generations[i].number;
    if (number != 0)
        wc_exposition_sample(x, NULL, 0, number);
}

static void add_suspended(struct wc_exposition *x, const struct look *look)
{
    wc_exposition_sample(x, NULL, 0, look->n_suspended);
}

static void add_orphans(struct wc_exposition *x, const struct look *look)
{
    if (look->project != NULL)
        wc_exposition_sample(x, NULL, 0, look->n_orphans);
}

static void visit_rollout(void *data, const struct wc_rollout_note *note)
{
    for (int state = WC_ROLLOUT_ROLLING;
         note->state != WC_ROLLOUT_NONE && state < WC_ROLLOUT_STATES; state++) {
        const struct wc_label labels[] = {
            { "service", note->service },
            { "state", wc_rollout_state_name((enum wc_rollout_state)state) },
        };
        wc_exposition_sample(data, labels, WC_COUNT(labels), (int)note->state == state);
    }
}

static void add_rollouts(struct wc_exposition *x, const struct look *look)
{
    wc_engine_rollouts(look->sup->engine, visit_rollout, x);
}

/* ---- what was done ---- */

static const struct {
    enum wc_verb verb;
    const char *name;
} actions[] = {
    { WC_VERB_CREATE, "create" },
    { WC_VERB_START, "start" },
    { WC_VERB_STOP, "stop" },
    { WC_VERB_KILL, "kill" },
    { WC_VERB_REMOVE, "remove" },
    { WC_VERB_UPDATE, "update" },
    { WC_VERB_MEND, "mend" },
    { WC_VERB_NET_UP, "networks_up" },
    { WC_VERB_NET_DOWN, "networks_down" },
    { WC_VERB_VOLUME_REMOVE, "volume_remove" },
};

static void add_action(struct wc_exposition *x, const char *name,
                       const struct wc_engine_action *action)
{
    static const char *const reasons[WC_OP_REASONS] = {
        [WC_REASON_MODEL] = "model",     [WC_REASON_ASKED] = "asked",
        [WC_REASON_POLICY] = "policy",   [WC_REASON_UNHEALTHY] = "unhealthy",
        [WC_REASON_ROLLOUT] = "rollout", [WC_REASON_DRIFT] = "drift",
    };
    static const char *const results[] = { "ok", "failed" };
    for (size_t reason = 0; reason < WC_OP_REASONS; reason++) {
        const uint64_t *n = action->n[reason];
        for (size_t i = 0; n[0] + n[1] > 0 && i < WC_COUNT(results); i++) {
            const struct wc_label labels[] = { { "action", name },
                                               { "reason", reasons[reason] },
                                               { "result", results[i] } };
            wc_exposition_sample(x, labels, WC_COUNT(labels), n[i]);
        }
    }
}

static void add_actions(struct wc_exposition *x, const struct look *look)
{
    for (size_t i = 0; i < WC_COUNT(actions); i++)
        add_action(x, actions[i].name, &look->counts->actions[actions[i].verb]);
}

static void add_action_times(struct wc_exposition *x, const struct look *look)
{
    static const enum wc_isolation levels[] = { WC_ISOLATION_PROCESS, WC_ISOLATION_HYPERV };
    for (size_t i = 0; i < WC_COUNT(actions); i++) {
        for (size_t level = 0; level < WC_COUNT(levels); level++) {
            const struct wc_histogram *took = &look->counts->actions[actions[i].verb].took[level];
            const struct wc_label labels[] = { { "action", actions[i].name },
                                               { "driver", wc_isolation_name(levels[level]) } };
            if (wc_histogram_total(took) > 0)
                wc_exposition_histogram(x, labels, WC_COUNT(labels), took);
        }
    }
}

static const char *const probe_kinds[WC_CHECK_NOTIFY] = {
    [WC_CHECK_TEST] = "exec", [WC_CHECK_TCP] = "tcp",   [WC_CHECK_HTTP] = "http",
    [WC_CHECK_FILE] = "file", [WC_CHECK_UNIX] = "unix",
};

static void add_probes(struct wc_exposition *x, const struct look *look)
{
    static const char *const answers[] = { "ok", "failed", "not_run" };
    for (size_t kind = 0; kind < WC_COUNT(probe_kinds); kind++) {
        const uint64_t *n = look->counts->probes[kind].n;
        for (size_t i = 0; n[0] + n[1] + n[2] > 0 && i < WC_COUNT(answers); i++) {
            const struct wc_label labels[] = { { "kind", probe_kinds[kind] },
                                               { "result", answers[i] } };
            wc_exposition_sample(x, labels, WC_COUNT(labels), n[i]);
        }
    }
}

static void add_probe_times(struct wc_exposition *x, const struct look *look)
{
    for (size_t kind = 0; kind < WC_COUNT(probe_kinds); kind++) {
        const struct wc_label label = { "kind", probe_kinds[kind] };
        if (wc_histogram_total(&look->counts->probes[kind].took) > 0)
            wc_exposition_histogram(x, &label, 1, &look->counts->probes[kind].took);
    }
}

static void add_ready(struct wc_exposition *x, const struct look *look)
{
    wc_exposition_histogram(x, NULL, 0, &look->counts->ready);
}

/* ---- ourselves ---- */

static bool read_rss(uint64_t *bytes)
{
    unsigned long long size, resident;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return false;
    bool is_read = fscanf(file, "%llu %llu", &size, &resident) == 2;
    fclose(file);
    *bytes = is_read ? resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
    return is_read;
}

static bool count_fds(uint64_t *n)
{
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL)
        return false;
    *n = 0;
    for (const struct dirent *at = readdir(dir); at != NULL; at = readdir(dir))
        *n += at->d_name[0] != '.';
    *n -= *n > 0; /* the one of this directory */
    closedir(dir);
    return true;
}

/* libuv says how long it slept; the rest of the time nobody else was served. */
void wc_sup_note_turn(struct wc_supervisor *sup)
{
    uint64_t now_ns = uv_hrtime(), idle_ns = uv_metrics_idle_time(sup->config.loop);
    uint64_t passed_ns = now_ns - sup->turn_at_ns, slept_ns = idle_ns - sup->turn_idle_ns;
    if (sup->turn_at_ns != 0)
        wc_histogram_add(&sup->turns, passed_ns > slept_ns ? (passed_ns - slept_ns) / 1000 : 0);
    sup->turn_at_ns = now_ns;
    sup->turn_idle_ns = idle_ns;
}

static void add_lag(struct wc_exposition *x, const struct look *look)
{
    wc_exposition_histogram(x, NULL, 0, &look->sup->turns);
}

static void add_journal(struct wc_exposition *x, const struct look *look)
{
    if (!look->sup->journal.refused)
        wc_exposition_sample(x, NULL, 0, wc_journal_bytes(&look->sup->journal));
}

static void add_journal_failed(struct wc_exposition *x, const struct look *look)
{
    wc_exposition_sample(x, NULL, 0, look->sup->journal.failed.code != 0);
}

static void add_syncs(struct wc_exposition *x, const struct look *look)
{
    wc_exposition_histogram(x, NULL, 0, &look->sup->journal.syncs);
}

static void add_rss(struct wc_exposition *x, const struct look *look)
{
    uint64_t value;
    (void)look;
    if (read_rss(&value))
        wc_exposition_sample(x, NULL, 0, value);
}

static void add_fds(struct wc_exposition *x, const struct look *look)
{
    uint64_t value;
    (void)look;
    if (count_fds(&value))
        wc_exposition_sample(x, NULL, 0, value);
}

/* ---- all ---- */

static const struct {
    const char *name, *type, *help;
    void (*add)(struct wc_exposition *x, const struct look *look);
} families[] = {
    { "wcompose_build_info", "gauge", "Which version the supervisor is.", add_version },
    { "wcompose_app_generation", "gauge", "The generation in force.", add_generation },
    { "wcompose_app_observed_generation", "gauge",
      "The newest generation that was carried out, or has failed.", add_observed },
    { "wcompose_app_condition", "gauge", "1 where the condition of the app has that status.",
      add_conditions },
    { "wcompose_app_suspended", "gauge", "How many services are suspended.", add_suspended },
    { "wcompose_orphans", "gauge", "Instances of services that the file doesn't have.",
      add_orphans },
    { "wcompose_instance_state", "gauge",
      "1 for the state that the instance is in, 0 for the others.", add_states },
    { "wcompose_instance_health", "gauge",
      "1 for what the health checks say, 0 for what they don't; no line without a check.",
      add_healths },
    { "wcompose_instance_backoff_seconds", "gauge",
      "How long until the next try; no line where nothing waits for one.", add_backoffs },
    { "wcompose_instance_ready_seconds", "histogram",
      "From the creation of an instance until it was ready for the first time.", add_ready },
    { "wcompose_rollout_state", "gauge",
      "1 for the state of a service's last rollout, 0 for the others.", add_rollouts },
    { "wcompose_plan_actions_total", "counter",
      "Operations of drivers that have ended, by what, why and how.", add_actions },
    { "wcompose_action_duration_seconds", "histogram", "How long those operations took.",
      add_action_times },
    { "wcompose_probe_total", "counter",
      "Health checks that have ended; not_run: they gave no answer.", add_probes },
    { "wcompose_probe_duration_seconds", "histogram", "How long those checks took.",
      add_probe_times },
    { "wcompose_loop_lag_seconds", "histogram",
      "Turns of the supervisor's loop: so long it served nobody else.", add_lag },
    { "wcompose_journal_bytes", "gauge", "Size of the project's journal.", add_journal },
    { "wcompose_journal_failed", "gauge", "1 while the journal can't be written.",
      add_journal_failed },
    { "wcompose_journal_fsync_seconds", "histogram",
      "How long the disk took to make the journal durable.", add_syncs },
    { "wcompose_rss_bytes", "gauge", "Resident memory of the supervisor.", add_rss },
    { "wcompose_fds", "gauge", "Open descriptors of the supervisor.", add_fds },
};

void wc_sup_expose(struct wc_supervisor *sup, struct wc_buf *out)
{
    struct wc_exposition x = { .out = out, .project = sup->config.project };
    struct look look = { .sup = sup,
                         .project = wc_engine_project(sup->engine),
                         .counts = wc_engine_counts(sup->engine) };
    wc_arena_init(&look.arena);
    wc_engine_visit(sup->engine, visit_slot, &look);
    wc_engine_intents(sup->engine, visit_intent, &look);
    for (size_t i = 0; i < WC_COUNT(families); i++) {
        wc_exposition_family(&x, families[i].name, families[i].type, families[i].help);
        families[i].add(&x, &look);
    }
    for (size_t i = 0; look.project != NULL && i < look.project->n_services; i++)
        wc_metrics_know(&sup->metrics, look.project->services[i].name);
    wc_metrics_expose(&sup->metrics, &x);
    wc_arena_deinit(&look.arena);
}

int wc_sup_metrics(struct wc_supervisor *sup, struct wc_conn *conn,
                   const struct wc_control_message *message, struct wc_err *err)
{
    (void)err;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    WC_CLEANUP_BUF struct wc_buf line = WC_BUF_INIT;
    struct wc_jsonw w = WC_JSONW_INIT(&line);
    wc_sup_expose(sup, &text);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "id", (int64_t)message->id);
    wc_jsonw_bool(&w, "done", true);
    wc_jsonw_i64(&w, "code", 0);
    wc_jsonw_str(&w, "text", text.data);
    wc_jsonw_end_object(&w);
    wc_conn_send(conn, WC_CONN_ANSWER, line.data, line.len);
    return 0;
}
