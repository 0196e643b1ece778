/* driver_contract.h - the harness of the contract suite: one driver, one loop, ops run to their
 * end.
 *
 * Idea:    driver_contract_cases.h holds the cases, written once; a test file brings a factory that
 * makes programs for its driver and lists the cases it runs (all of them, unless it says why not).
 * Use:     #include "contract/driver_contract_cases.h"
 *          static const struct contract_factory contract_the_factory = { … };
 *          CONTRACT_DEFINE
 *          WC_MAIN(WC_CASE(list_of_nothing), …)      names as in CONTRACT_CASES
 */
#ifndef TESTS_CONTRACT_DRIVER_CONTRACT_H
#define TESTS_CONTRACT_DRIVER_CONTRACT_H

#include "harness/wc_test.h"

#include <signal.h>
#include <uv.h>

#include "base/str.h"
#include "wcompose/driver.h"

#ifndef CONTRACT_GUARD_MS /* a whole case takes no longer */
#define CONTRACT_GUARD_MS 55000
#endif

enum { CONTRACT_FACTS = 256 };

/* What an instance's first process does. */
struct contract_program {
    int64_t run_ms;    /* ends by itself after so long; -1 = runs until it is stopped */
    int exit_code;     /* then */
    bool ignores_term; /* SIGTERM does nothing to it; else it ends within a second */
};

/* How to get a driver and things for it to run. */
struct contract_factory {
    const struct wc_driver_ops *ops;
    /* Makes a place for one case and fills paths, images, project, extra of *config. Returns a
     * context. A driver that can't run here: WC_SKIP. */
    void *(*setup)(struct wc_driver_config *config);
    void (*teardown)(void *ctx); /* the driver is closed; removes all that is left */
    /* A desired instance of service "svc", replica n (1..8), running the program. Valid until
     * teardown; the same n twice with the same program gives the same id. */
    const struct wc_instance *(*instance)(void *ctx, unsigned n,
                                          const struct contract_program *program);
    /* Waits until a started program listens to signals; NULL when it does from the start. (A first
     * process of a pid namespace loses those that come before it asks for them.) */
    void (*ready)(void *ctx, const struct wc_instance *instance);
    /* A command for EXEC that prints "contract", waits sleep_ms and exits with the code. */
    const char *const *(*exec)(void *ctx, int exit_code, int64_t sleep_ms);
};

struct contract_fact {
    struct wc_fact fact;
    char id[128], name[128], service[64];
};

struct contract {
    const struct contract_factory *f;
    void *ctx;
    uv_loop_t loop;
    uv_timer_t guard;
    struct wc_driver_config config;
    struct wc_driver *driver;
    struct contract_fact facts[CONTRACT_FACTS]; /* in order of arrival */
    size_t n_facts;
    bool closed;
};

/* An op with what the harness needs to know of it. */
struct contract_op {
    struct wc_op op;
    struct contract *c;
    unsigned n_done;
    bool submitted; /* the call that started it returned */
};

static inline void contract_observe(void *data, const struct wc_fact *fact)
{
    struct contract *c = data;
    assert_true(c->n_facts < CONTRACT_FACTS);
    assert_non_null(fact->id);
    struct contract_fact *slot = &c->facts[c->n_facts++];
    slot->fact = *fact;
    snprintf(slot->id, sizeof slot->id, "%s", fact->id);
    snprintf(slot->name, sizeof slot->name, "%s", fact->name != NULL ? fact->name : "");
    snprintf(slot->service, sizeof slot->service, "%s", fact->service != NULL ? fact->service : "");
}

static inline void contract_too_late(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("nothing happened for %d ms", CONTRACT_GUARD_MS);
}

static inline void contract_open(struct contract *c)
{
    struct wc_err err = { 0 };
    c->closed = false;
    c->config.loop = &c->loop;
    c->config.sink = (struct wc_sink){ .observe = contract_observe, .data = c };
    int status = c->f->ops->open(&c->config, &c->driver, &err);
    if (status != 0)
        fail_msg("open: %s", err.msg);
    assert_ptr_equal(c->driver->ops, c->f->ops);
}

static inline void contract_begin(struct contract *c, const struct contract_factory *f)
{
    memset(c, 0, sizeof *c);
    c->f = f;
    assert_int_equal(uv_loop_init(&c->loop), 0);
    uv_timer_init(&c->loop, &c->guard);
    uv_timer_start(&c->guard, contract_too_late, CONTRACT_GUARD_MS, 0);
    c->config.loop = &c->loop;
    c->ctx = f->setup(&c->config);
    contract_open(c);
}

static inline void contract_on_closed(void *data)
{
    struct contract *c = data;
    assert_false(c->closed);
    c->closed = true;
}

static inline void contract_close(struct contract *c)
{
    c->f->ops->close(c->driver, contract_on_closed, c);
    assert_false(c->closed); /* never synchronous */
    while (!c->closed)
        uv_run(&c->loop, UV_RUN_ONCE);
    c->driver = NULL;
}

static inline void contract_end(struct contract *c)
{
    if (c->driver != NULL)
        contract_close(c);
    uv_close((uv_handle_t *)&c->guard, NULL);
    uv_run(&c->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&c->loop), 0);
    c->f->teardown(c->ctx);
}

static inline void contract_done(struct wc_op *op)
{
    struct contract_op *o = op->data;
    assert_true(o->submitted); /* never before the call returned */
    assert_int_equal(o->n_done, 0);
    assert_int_equal(op->status != 0, op->err.code != 0);
    o->n_done++;
}

static inline void contract_submit(struct contract *c, struct contract_op *o)
{
    o->c = c;
    o->op.done = contract_done;
    o->op.data = o;
    wc_driver_submit(c->driver, &o->op);
    assert_int_equal(o->n_done, 0);
    o->submitted = true;
}

static inline void contract_wait(struct contract *c, const struct contract_op *o)
{
    while (o->n_done == 0)
        uv_run(&c->loop, UV_RUN_ONCE);
}

/* Lets the loop run for a while of real time (a simulated host just runs dry). */
static inline void contract_pause(struct contract *c, uint64_t ms)
{
    uint64_t end = uv_hrtime() + ms * 1000000;
    while (uv_hrtime() < end) {
        uv_run(&c->loop, UV_RUN_NOWAIT);
        uv_sleep(1);
    }
}

/* Runs one op to its end and returns its status. */
static inline int contract_do(struct contract *c, enum wc_verb verb, const struct wc_instance *i)
{
    static struct contract_op o; /* an op is too large for some stacks; one runs at a time */
    memset(&o, 0, sizeof o);
    o.op.verb = verb;
    o.op.project = c->config.project;
    o.op.instance = i;
    o.op.id = i != NULL ? i->id : NULL;
    o.op.signal = verb == WC_VERB_KILL ? SIGKILL : SIGTERM;
    contract_submit(c, &o);
    contract_wait(c, &o);
    return o.op.status;
}

/* The newest fact about an instance since fact number `since`, or NULL. */
static inline const struct wc_fact *contract_fact_since(const struct contract *c,
                                                        const struct wc_instance *i, size_t since)
{
    for (size_t k = c->n_facts; k > since; k--)
        if (wc_streq(c->facts[k - 1].id, i->id))
            return &c->facts[k - 1].fact;
    return NULL;
}

/* How the instance is, by the newest fact; ABSENT when none came. */
static inline enum wc_life contract_life(const struct contract *c, const struct wc_instance *i)
{
    const struct wc_fact *fact = contract_fact_since(c, i, 0);
    return fact == NULL ? WC_LIFE_ABSENT : fact->life;
}

static inline void contract_await(struct contract *c, const struct wc_instance *i,
                                  enum wc_life life)
{
    while (contract_life(c, i) != life)
        uv_run(&c->loop, UV_RUN_ONCE);
}

/* Number of facts of a life about an instance since fact number `since`. */
static inline unsigned contract_count(const struct contract *c, const struct wc_instance *i,
                                      enum wc_life life, size_t since)
{
    unsigned n = 0;
    for (size_t k = since; k < c->n_facts; k++)
        n += wc_streq(c->facts[k].id, i->id) && c->facts[k].fact.life == life;
    return n;
}

#endif
