/* driver_contract_cases.h - what every driver must do, case by case (the rules of driver.h). */
#ifndef TESTS_CONTRACT_DRIVER_CONTRACT_CASES_H
#define TESTS_CONTRACT_DRIVER_CONTRACT_CASES_H

#include "contract/driver_contract.h"

static const struct contract_program contract_runs = { .run_ms = -1 };
static const struct contract_program contract_stubborn = { .run_ms = -1, .ignores_term = true };
static const struct contract_program contract_ends = { .run_ms = 50, .exit_code = 3 };

static inline const struct wc_instance *contract_made(struct contract *c, unsigned n,
                                                      const struct contract_program *program)
{
    const struct wc_instance *i = c->f->instance(c->ctx, n, program);
    assert_int_equal(contract_do(c, WC_VERB_CREATE, i), 0);
    assert_int_equal(contract_life(c, i), WC_LIFE_CREATED); /* the fact comes before done */
    return i;
}

static inline const struct wc_instance *contract_started(struct contract *c, unsigned n,
                                                         const struct contract_program *program)
{
    const struct wc_instance *i = contract_made(c, n, program);
    assert_int_equal(contract_do(c, WC_VERB_START, i), 0);
    assert_true(contract_count(c, i, WC_LIFE_RUNNING, 0) == 1);
    if (c->f->ready != NULL)
        c->f->ready(c->ctx, i);
    return i;
}

static inline void contract_list_of_nothing(struct contract *c)
{
    assert_int_equal(contract_do(c, WC_VERB_LIST, NULL), 0);
    assert_int_equal(c->n_facts, 0);
}

static inline void contract_check_does_nothing(struct contract *c)
{
    struct wc_err err = { 0 };
    const struct wc_instance *i = c->f->instance(c->ctx, 1, &contract_runs);
    assert_int_equal(wc_driver_check(c->driver, i, &err), 0);
    assert_int_equal(contract_do(c, WC_VERB_LIST, NULL), 0);
    assert_int_equal(c->n_facts, 0);
}

static inline void contract_create_is_listed(struct contract *c)
{
    const struct wc_instance *i = contract_made(c, 1, &contract_runs);
    size_t before = c->n_facts;
    assert_int_equal(contract_do(c, WC_VERB_LIST, NULL), 0);
    assert_int_equal(c->n_facts, before + 1);
    const struct contract_fact *f = &c->facts[before];
    assert_string_equal(f->id, i->id);
    assert_string_equal(f->name, i->name);
    assert_string_equal(f->service, i->service);
    assert_string_equal(f->fact.hash, i->hash);
    assert_int_equal(f->fact.index, i->index);
    assert_int_equal(f->fact.life, WC_LIFE_CREATED);
    assert_int_equal(f->fact.level, i->level);
    assert_true(f->fact.created_at_ms > 0);
    assert_int_equal(f->fact.started_at_ms, 0);
}

static inline void contract_create_twice(struct contract *c)
{
    const struct wc_instance *i = contract_made(c, 1, &contract_runs);
    assert_int_equal(contract_do(c, WC_VERB_CREATE, i), 0);
    assert_int_equal(contract_do(c, WC_VERB_START, i), 0);
    assert_int_equal(contract_do(c, WC_VERB_CREATE, i), 0);
    assert_int_equal(contract_life(c, i), WC_LIFE_RUNNING);
}

static inline void contract_start_twice(struct contract *c)
{
    const struct wc_instance *i = contract_started(c, 1, &contract_runs);
    int pid = contract_fact_since(c, i, 0)->pid;
    assert_true(pid > 0);
    assert_true(contract_fact_since(c, i, 0)->started_at_ms > 0);
    assert_int_equal(contract_do(c, WC_VERB_START, i), 0);
    assert_int_equal(contract_do(c, WC_VERB_LIST, NULL), 0);
    assert_int_equal(contract_fact_since(c, i, 0)->pid, pid);
}

static inline void contract_start_of_absent(struct contract *c)
{
    const struct wc_instance *i = c->f->instance(c->ctx, 1, &contract_runs);
    assert_int_not_equal(contract_do(c, WC_VERB_START, i), 0);
    assert_int_equal(contract_life(c, i), WC_LIFE_ABSENT);
}

static inline void contract_exit_once(struct contract *c)
{
    const struct wc_instance *i = contract_started(c, 1, &contract_ends);
    contract_await(c, i, WC_LIFE_EXITED);
    contract_pause(c, 50);
    assert_int_equal(contract_count(c, i, WC_LIFE_EXITED, 0), 1);
    const struct wc_fact *fact = contract_fact_since(c, i, 0);
    assert_true(fact->exit_known);
    assert_int_equal(fact->exit_code, 3);
    assert_int_equal(fact->exit_signal, 0);
    assert_int_equal(fact->pid, 0);
    assert_true(fact->finished_at_ms >= fact->started_at_ms);
    assert_false(fact->stopped_by_user);
}

static inline void contract_stop_ends(struct contract *c)
{
    const struct wc_instance *i = contract_started(c, 1, &contract_runs);
    assert_int_equal(contract_do(c, WC_VERB_STOP, i), 0);
    contract_await(c, i, WC_LIFE_EXITED);
    assert_false(contract_fact_since(c, i, 0)->stopped_by_user);
    size_t before = c->n_facts;
    assert_int_equal(contract_do(c, WC_VERB_STOP, i), 0); /* of the stopped one */
    assert_int_equal(contract_count(c, i, WC_LIFE_EXITED, before), 0);
}

static inline void contract_stop_by_user(struct contract *c)
{
    const struct wc_instance *i = contract_started(c, 1, &contract_runs);
    static struct contract_op o;
    memset(&o, 0, sizeof o);
    o.op = (struct wc_op){ .verb = WC_VERB_STOP, .id = i->id, .signal = SIGTERM, .by_user = true };
    contract_submit(c, &o);
    contract_wait(c, &o);
    assert_int_equal(o.op.status, 0);
    contract_await(c, i, WC_LIFE_EXITED);
    assert_true(contract_fact_since(c, i, 0)->stopped_by_user);
    contract_close(c);
    contract_open(c);
    size_t before = c->n_facts;
    assert_int_equal(contract_do(c, WC_VERB_LIST, NULL), 0);
    assert_true(contract_fact_since(c, i, before)->stopped_by_user); /* it lasts */
    assert_int_equal(contract_do(c, WC_VERB_START, i), 0);
    assert_false(contract_fact_since(c, i, 0)->stopped_by_user); /* until it is started */
}

static inline void contract_stop_of_absent(struct contract *c)
{
    const struct wc_instance *i = c->f->instance(c->ctx, 1, &contract_runs);
    assert_int_equal(contract_do(c, WC_VERB_STOP, i), 0);
    assert_int_equal(contract_do(c, WC_VERB_KILL, i), 0);
    assert_int_equal(contract_do(c, WC_VERB_REMOVE, i), 0);
}

static inline void contract_kill_ends(struct contract *c)
{
    const struct wc_instance *i = contract_started(c, 1, &contract_stubborn);
    assert_int_equal(contract_do(c, WC_VERB_STOP, i), 0);
    contract_pause(c, 100);
    assert_int_equal(contract_life(c, i), WC_LIFE_RUNNING);
    assert_int_equal(contract_do(c, WC_VERB_KILL, i), 0);
    contract_await(c, i, WC_LIFE_EXITED);
    assert_int_equal(contract_fact_since(c, i, 0)->exit_signal, SIGKILL);
    assert_int_equal(contract_fact_since(c, i, 0)->exit_code, 128 + SIGKILL);
}

static inline void contract_remove_of_running(struct contract *c)
{
    const struct wc_instance *i = contract_started(c, 1, &contract_runs);
    assert_int_equal(contract_do(c, WC_VERB_REMOVE, i), WC_ERR_CONFLICT);
    assert_int_equal(contract_life(c, i), WC_LIFE_RUNNING);
}

static inline void contract_remove_twice(struct contract *c)
{
    const struct wc_instance *i = contract_made(c, 1, &contract_runs);
    assert_int_equal(contract_do(c, WC_VERB_REMOVE, i), 0);
    assert_int_equal(contract_life(c, i), WC_LIFE_ABSENT);
    assert_int_equal(contract_do(c, WC_VERB_REMOVE, i), 0);
    size_t before = c->n_facts;
    assert_int_equal(contract_do(c, WC_VERB_LIST, NULL), 0);
    assert_int_equal(c->n_facts, before);
    contract_made(c, 1, &contract_runs); /* and can be made again */
}

static inline void contract_restart_of_exited(struct contract *c)
{
    const struct wc_instance *i = contract_started(c, 1, &contract_ends);
    contract_await(c, i, WC_LIFE_EXITED);
    size_t before = c->n_facts;
    assert_int_equal(contract_do(c, WC_VERB_START, i), 0);
    assert_int_equal(contract_count(c, i, WC_LIFE_RUNNING, before), 1);
    contract_await(c, i, WC_LIFE_EXITED);
    contract_pause(c, 50);
    assert_int_equal(contract_count(c, i, WC_LIFE_EXITED, before), 1);
    assert_int_equal(contract_do(c, WC_VERB_REMOVE, i), 0);
}

static inline void contract_list_after_reopen(struct contract *c)
{
    const struct wc_instance *i = contract_started(c, 1, &contract_runs);
    int pid = contract_fact_since(c, i, 0)->pid;
    contract_close(c);
    contract_open(c);
    size_t before = c->n_facts;
    assert_int_equal(contract_do(c, WC_VERB_LIST, NULL), 0);
    const struct wc_fact *fact = contract_fact_since(c, i, before);
    assert_non_null(fact);
    assert_int_equal(fact->life, WC_LIFE_RUNNING);
    assert_int_equal(fact->pid, pid);
    assert_int_equal(contract_do(c, WC_VERB_KILL, i), 0);
    contract_await(c, i, WC_LIFE_EXITED);
    assert_int_equal(contract_count(c, i, WC_LIFE_EXITED, before), 1);
}

static inline void contract_exit_while_closed(struct contract *c)
{
    const struct wc_instance *i = contract_started(c, 1, &contract_ends);
    contract_close(c);
    contract_pause(c, 300);
    contract_open(c);
    assert_int_equal(contract_do(c, WC_VERB_LIST, NULL), 0);
    contract_await(c, i, WC_LIFE_EXITED);
    assert_true(contract_fact_since(c, i, 0)->exit_known);
    assert_int_equal(contract_fact_since(c, i, 0)->exit_code, 3);
}

/* Runs a command inside to its end; its exit code, or the negative status. */
static inline int contract_exec(struct contract *c, const struct wc_instance *i, int code,
                                int64_t sleep_ms, uint64_t deadline_ms)
{
    static struct contract_op o;
    memset(&o, 0, sizeof o);
    o.op = (struct wc_op){ .verb = WC_VERB_EXEC, .id = i->id, .deadline_ms = deadline_ms };
    o.op.argv = c->f->exec(c->ctx, code, sleep_ms);
    contract_submit(c, &o);
    contract_wait(c, &o);
    if (o.op.status == 0)
        assert_non_null(strstr(o.op.output, "contract"));
    return o.op.status != 0 ? o.op.status : o.op.exit_code;
}

static inline void contract_exec_code(struct contract *c)
{
    const struct wc_instance *i = contract_started(c, 1, &contract_runs);
    assert_int_equal(contract_exec(c, i, 0, 0, 0), 0);
    assert_int_equal(contract_exec(c, i, 42, 0, 0), 42);
}

static inline void contract_exec_deadline(struct contract *c)
{
    const struct wc_instance *i = contract_started(c, 1, &contract_runs);
    uv_update_time(&c->loop);
    assert_int_equal(contract_exec(c, i, 0, 20000, uv_now(&c->loop) + 200), WC_ERR_TIMEOUT);
    assert_int_equal(contract_life(c, i), WC_LIFE_RUNNING);
}

static inline void contract_exec_in_stopped(struct contract *c)
{
    const struct wc_instance *i = contract_started(c, 1, &contract_ends);
    contract_await(c, i, WC_LIFE_EXITED);
    assert_true(contract_exec(c, i, 0, 0, 0) < 0);
}

static inline void contract_many_at_once(struct contract *c)
{
    enum { N = 6 };
    static struct contract_op ops[N];
    memset(ops, 0, sizeof ops);
    for (unsigned n = 0; n < N; n++) {
        ops[n].op.verb = WC_VERB_CREATE;
        ops[n].op.instance = c->f->instance(c->ctx, n + 1, &contract_runs);
        ops[n].op.id = ops[n].op.instance->id;
        contract_submit(c, &ops[n]);
    }
    for (unsigned n = 0; n < N; n++) {
        contract_wait(c, &ops[n]);
        assert_int_equal(ops[n].op.status, 0);
        assert_int_equal(contract_life(c, ops[n].op.instance), WC_LIFE_CREATED);
    }
}

static inline void contract_close_with_ops(struct contract *c)
{
    static struct contract_op ops[3];
    memset(ops, 0, sizeof ops);
    const struct wc_instance *running = contract_started(c, 1, &contract_runs);
    ops[0].op.verb = WC_VERB_CREATE;
    ops[0].op.instance = c->f->instance(c->ctx, 2, &contract_runs);
    ops[1].op.verb = WC_VERB_EXEC;
    ops[1].op.argv = c->f->exec(c->ctx, 0, 20000);
    ops[1].op.id = running->id;
    ops[2].op.verb = WC_VERB_LIST;
    ops[2].op.project = c->config.project;
    for (size_t k = 0; k < 3; k++)
        contract_submit(c, &ops[k]);
    contract_close(c);
    for (size_t k = 0; k < 3; k++) {
        assert_int_equal(ops[k].n_done, 1);
        assert_true(ops[k].op.status == 0 || ops[k].op.status == WC_ERR_CANCELLED);
    }
    contract_open(c);
    assert_int_equal(contract_do(c, WC_VERB_LIST, NULL), 0);
    assert_int_equal(contract_life(c, running), WC_LIFE_RUNNING); /* instances live on */
}

/* The same instance, wanted with another label. */
static inline const struct wc_instance *contract_labelled(const struct wc_instance *i,
                                                          const char *value)
{
    static struct wc_service spec;
    static struct wc_instance other;
    static struct wc_kv label = { .key = "tier" };
    spec = *i->spec;
    label.value = value;
    spec.labels = (struct wc_kvs){ &label, 1 };
    snprintf(spec.inplace_hash, sizeof spec.inplace_hash, "%s", value);
    other = *i;
    other.spec = &spec;
    return &other;
}

static inline void contract_update_in_place(struct contract *c)
{
    const struct wc_instance *i = contract_started(c, 1, &contract_runs);
    int pid = contract_fact_since(c, i, 0)->pid;
    assert_int_equal(contract_do(c, WC_VERB_UPDATE, contract_labelled(i, "gold")), 0);
    const struct wc_fact *fact = contract_fact_since(c, i, 0); /* told before done */
    assert_string_equal(fact->inplace, "gold");
    assert_int_equal(fact->life, WC_LIFE_RUNNING);
    assert_int_equal(fact->pid, pid);
    assert_string_equal(fact->hash, i->hash);
    assert_int_equal(contract_do(c, WC_VERB_UPDATE, contract_labelled(i, "gold")), 0);
    contract_close(c);
    contract_open(c);
    size_t before = c->n_facts;
    assert_int_equal(contract_do(c, WC_VERB_LIST, NULL), 0); /* it lasts */
    assert_string_equal(contract_fact_since(c, i, before)->inplace, "gold");
    assert_int_equal(contract_fact_since(c, i, before)->pid, pid);
}

static inline void contract_update_of_created_and_exited(struct contract *c)
{
    const struct wc_instance *i = contract_made(c, 1, &contract_ends);
    assert_int_equal(contract_do(c, WC_VERB_UPDATE, contract_labelled(i, "gold")), 0);
    assert_int_equal(contract_life(c, i), WC_LIFE_CREATED);
    assert_string_equal(contract_fact_since(c, i, 0)->inplace, "gold");
    assert_int_equal(contract_do(c, WC_VERB_START, contract_labelled(i, "gold")), 0);
    contract_await(c, i, WC_LIFE_EXITED);
    assert_int_equal(contract_do(c, WC_VERB_UPDATE, contract_labelled(i, "lead")), 0);
    assert_int_equal(contract_life(c, i), WC_LIFE_EXITED);
    assert_string_equal(contract_fact_since(c, i, 0)->inplace, "lead");
    assert_int_equal(contract_fact_since(c, i, 0)->exit_code, 3);
    assert_int_equal(contract_do(c, WC_VERB_START, contract_labelled(i, "iron")), 0);
    contract_await(c, i, WC_LIFE_EXITED); /* each start takes what is wanted then */
    assert_string_equal(contract_fact_since(c, i, 0)->inplace, "iron");
}

static inline void contract_update_of_absent(struct contract *c)
{
    const struct wc_instance *i = c->f->instance(c->ctx, 1, &contract_runs);
    assert_int_equal(contract_do(c, WC_VERB_UPDATE, i), WC_ERR_NOENT);
    assert_int_equal(contract_life(c, i), WC_LIFE_ABSENT);
}

/* The suite. X(name) for each case. */
#define CONTRACT_CASES(X)                                                                          \
    X(list_of_nothing)                                                                             \
    X(check_does_nothing)                                                                          \
    X(create_is_listed)                                                                            \
    X(create_twice)                                                                                \
    X(start_twice)                                                                                 \
    X(start_of_absent)                                                                             \
    X(exit_once)                                                                                   \
    X(stop_ends)                                                                                   \
    X(stop_by_user)                                                                                \
    X(stop_of_absent)                                                                              \
    X(kill_ends)                                                                                   \
    X(remove_of_running)                                                                           \
    X(remove_twice)                                                                                \
    X(restart_of_exited)                                                                           \
    X(list_after_reopen)                                                                           \
    X(exit_while_closed)                                                                           \
    X(exec_code)                                                                                   \
    X(exec_deadline)                                                                               \
    X(exec_in_stopped)                                                                             \
    X(update_in_place)                                                                             \
    X(update_of_created_and_exited)                                                                \
    X(update_of_absent)                                                                            \
    X(many_at_once)                                                                                \
    X(close_with_ops)

/* Defines the cases for a factory, as functions for WC_CASE. Each is used by WC_MAIN by name; one
 * that is left out is an error of the compiler (unused function). */
#define CONTRACT_DEFINE_ONE(name)                                                                  \
    static void name(void **state)                                                                 \
    {                                                                                              \
        static struct contract c;                                                                  \
        (void)state;                                                                               \
        contract_begin(&c, &contract_the_factory);                                                 \
        contract_##name(&c);                                                                       \
        contract_end(&c);                                                                          \
    }
#define CONTRACT_DEFINE CONTRACT_CASES(CONTRACT_DEFINE_ONE)

#endif
