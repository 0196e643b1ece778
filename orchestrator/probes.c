/* probes.c - health checks: commands run inside by the driver, or looks without one; their answers
 * judged by core/health.c.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "orchestrator/bus.h"
#include "orchestrator/engine_priv.h"
#include "wcompose/image.h"

enum { MAX_PROBES = 8, ROOM_RETRY_MS = 5 };

struct probe {
    struct wc_op op; /* first: freed as the op */
    struct inst *inst;
    uint64_t run;
    struct wc_check check; /* texts in the same block */
    const char *argv[];    /* NULL-terminated; the same; or nothing, with a check */
};

/* The texts of its check are a revision's: of the one in force, or of the one that it is kept by.
 * It holds that, as others let go of it whenever they like. */
static struct revision *revision_of(const struct inst *inst, const struct wc_instance *as)
{
    if (as == NULL)
        return NULL;
    return as == inst->former.instance ? inst->former.rev : inst->engine->rev;
}

void wc_eng_check_of(struct inst *inst)
{
    static const struct wc_healthcheck none = { .set = false };
    struct wc_health_conf conf = { 0 };
    const struct wc_instance *as = inst->desired != NULL ? inst->desired : inst->former.instance;
    const struct wc_image_info *image = as != NULL ? as->image : NULL;
    if (as != NULL)
        conf = wc_health_merge(&as->spec->health, image != NULL ? &image->health : &none);
    bool is_other = !wc_health_asks_same(&inst->check, &conf);
    struct revision *old = inst->check_rev;
    inst->check_rev = revision_of(inst, as);
    if (inst->check_rev != NULL)
        inst->check_rev->refs++;
    wc_eng_revision_unref(old);
    inst->check = conf;
    bool up = inst->fact.life == WC_LIFE_RUNNING || inst->fact.life == WC_LIFE_PAUSED;
    if (up && is_other) {
        wc_health_begin(&inst->health, &conf, inst->up_at_ms, inst->engine->now_ms);
        wc_eng_notified(inst);
    }
}

static void keep_output(struct inst *inst, const char *text)
{
    size_t len = strnlen(text, sizeof inst->health_output - 1);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
        len--;
    memcpy(inst->health_output, text, len);
    inst->health_output[len] = '\0';
}

/* A deadline that passed is an answer (no); any other error is none. */
static enum wc_probe answer_of(const struct wc_op *op)
{
    if (op->status == 0)
        return op->exit_code == 0 ? WC_PROBE_OK : WC_PROBE_FAILED;
    return op->status == WC_ERR_TIMEOUT ? WC_PROBE_FAILED : WC_PROBE_NOT_RUN;
}

static void tell_health(struct inst *inst, enum wc_health before)
{
    enum wc_health now = inst->health.status;
    if (now == before)
        return;
    if (now == WC_HEALTH_HEALTHY)
        wc_eng_tell(inst, "healthy", "%s", "");
    else if (now == WC_HEALTH_UNHEALTHY)
        wc_eng_tell(inst, "unhealthy", "%u failures in a row; last: %s", inst->health.failing,
                    inst->health_output[0] != '\0' ? inst->health_output : "no output");
}

void wc_eng_notified(struct inst *inst)
{
    enum wc_health before = inst->health.status;
    bool listens = inst->check.enabled && inst->check.check.kind == WC_CHECK_NOTIFY &&
                   inst->fact.life == WC_LIFE_RUNNING && !inst->stop_sent;
    if (!listens)
        return;
    bool late = inst->fact.notified == WC_NOTIFIED_LATE;
    keep_output(inst, late                   ? "its watchdog's time is over"
                      : inst->notice != NULL ? inst->notice
                                             : "");
    wc_health_notified(&inst->health, &inst->check, inst->fact.notified, inst->engine->now_ms);
    if (inst->engine->is_open)
        tell_health(inst, before);
    wc_eng_dirty(inst);
}

/* It had its time, and didn't say that it is ready. */
static void expire(struct inst *inst)
{
    enum wc_health before = inst->health.status;
    if (inst->health_output[0] == '\0')
        keep_output(inst, "it did not say READY=1 in time");
    wc_health_expire(&inst->health, &inst->check);
    tell_health(inst, before);
    wc_eng_dirty(inst);
}

bool wc_eng_is_sick(const struct inst *inst)
{
    return inst->desired != NULL && inst->desired->spec->on_unhealthy == WC_ON_UNHEALTHY_RESTART &&
           wc_health_is_sick(&inst->health, &inst->check);
}

/* True when its health is asked for at all. */
static bool wanted(const struct inst *inst)
{
    return inst->fact.life == WC_LIFE_RUNNING && inst->check.enabled && !inst->engine->closing &&
           inst->desired != NULL && !inst->stop_sent && inst->goal != WC_GOAL_LEAVE;
}

uint64_t wc_eng_probe_at(const struct inst *inst)
{
    return wanted(inst) && inst->probe == NULL ? inst->health.next_at_ms : 0;
}

static void on_probe(struct wc_op *op)
{
    struct probe *probe = (struct probe *)op;
    struct inst *inst = probe->inst;
    struct wc_engine *engine = inst->engine;
    engine->now_ms = engine->clock.now(engine->clock.data);
    inst->probe = NULL;
    wc_eng_note_probe(engine, op, answer_of(op));
    if (probe->run == inst->run && wanted(inst)) {
        enum wc_health before = inst->health.status;
        keep_output(inst, op->status == 0 ? op->output : op->err.msg);
        wc_health_answer(&inst->health, &inst->check, answer_of(op), engine->now_ms);
        tell_health(inst, before);
    }
    wc_eng_dirty(inst);
    wc_eng_op_end(engine, op);
}

/* The command: CMD takes its words as they are, CMD-SHELL goes to the shell inside. The words are
 * copied, because the revision that they come from may be replaced meanwhile. */
static struct probe *make_probe(const struct wc_strv *test)
{
    bool shell = wc_streq(test->items[0], "CMD-SHELL");
    size_t n = shell ? 3 : test->n - 1, bytes = 0;
    for (size_t i = 1; i < test->n; i++)
        bytes += strlen(test->items[i]) + 1;
    struct probe *probe = wc_calloc(1, sizeof *probe + (n + 1) * sizeof probe->argv[0] + bytes);
    char *text = (char *)&probe->argv[n + 1];
    size_t at = 0;
    if (shell) {
        probe->argv[at++] = "/bin/sh";
        probe->argv[at++] = "-c";
    }
    for (size_t i = 1; i < test->n && at < n; i++) {
        size_t len = strlen(test->items[i]) + 1;
        probe->argv[at++] = memcpy(text, test->items[i], len);
        text += len;
    }
    return probe;
}

/* What is looked for without running anything. */
static struct probe *make_look(const struct wc_check *check)
{
    size_t path = check->path != NULL ? strlen(check->path) + 1 : 0;
    size_t host = check->host != NULL ? strlen(check->host) + 1 : 0;
    struct probe *probe = wc_calloc(1, sizeof *probe + path + host);
    char *text = (char *)probe->argv;
    probe->check = *check;
    if (path > 0)
        probe->check.path = memcpy(text, check->path, path);
    if (host > 0)
        probe->check.host = memcpy(text + path, check->host, host);
    probe->op.check = &probe->check;
    return probe;
}

void wc_eng_probe(struct inst *inst)
{
    struct wc_engine *engine = inst->engine;
    uint64_t at_ms = wc_eng_probe_at(inst);
    if (at_ms == 0 || at_ms > engine->now_ms)
        return;
    if (inst->check.check.kind == WC_CHECK_NOTIFY) {
        expire(inst);
        return;
    }
    if (engine->n_ops[WC_VERB_EXEC] - engine->n_hooks >= MAX_PROBES) {
        inst->health.next_at_ms = engine->now_ms + ROOM_RETRY_MS;
        return;
    }
    bool runs = inst->check.check.kind == WC_CHECK_TEST;
    struct probe *probe = runs ? make_probe(&inst->check.test) : make_look(&inst->check.check);
    probe->inst = inst;
    probe->run = inst->run;
    probe->op.verb = WC_VERB_EXEC;
    probe->op.done = on_probe;
    probe->op.id = inst->id;
    probe->op.argv = runs ? probe->argv : NULL;
    probe->op.project = engine->config.project;
    probe->op.deadline_ms = engine->now_ms + inst->check.timeout_ms;
    inst->probe = &probe->op;
    wc_eng_submit_op(engine, inst->fact.level, &probe->op);
}
