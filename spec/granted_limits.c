/* granted_limits.c - how much of the host all services of a restricted source may have together: a
 * commit that says `scale: 100000`, or has its memory without a limit, would take down a host
 * without anything that is refused elsewhere.
 */
#include "spec/granted.h"

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/units.h"
#include "spec/validate.h"

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* What one instance of a service may use at most; 0: anything. A machine's size is a limit too. Of
 * swap it may have as much again, as when nothing is said of it; more is more. */
static int64_t memory_of(const struct wc_service *s)
{
    int64_t memory = larger(s->mem_limit_bytes, larger(s->vm.memory_bytes, 0));
    int64_t swap = s->memswap_limit_bytes > 0 ? s->memswap_limit_bytes - memory : 0;
    if (s->memswap_unlimited)
        swap = INT64_MAX;
    return memory > 0 ? larger(memory, swap) : 0;
}

/* Whichever of the ways to say it is the larger one: who runs it may go by any. */
static int64_t cpus_of(const struct wc_service *s)
{
    int64_t nano = larger(s->nano_cpus, 0);
    double period_us = s->cpu_period_us > 0 ? (double)s->cpu_period_us : 100000;
    double quota_nano = (double)s->cpu_quota_us / period_us * 1e9;
    if (quota_nano > 0)
        nano = larger(nano, quota_nano < 9e18 ? (int64_t)quota_nano : INT64_MAX);
    return larger(nano, s->vm.cpus > 0 ? s->vm.cpus * 1000000000 : 0);
}

static int64_t pids_of(const struct wc_service *s)
{
    return larger(s->pids_limit, 0);
}

static int64_t one(const struct wc_service *s)
{
    (void)s;
    return 1;
}

static const char *bytes_text(struct wc_arena *arena, int64_t bytes)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    wc_bytes_format(bytes, &text);
    return wc_arena_strdup(arena, text.data);
}

static const char *cpus_text(struct wc_arena *arena, int64_t nano)
{
    return wc_arena_printf(arena, "%.2f", (double)nano / 1e9);
}

static const char *count_text(struct wc_arena *arena, int64_t n)
{
    return wc_arena_printf(arena, "%lld", (long long)n);
}

/* One thing that there is so much of. */
struct budget {
    const char *what, *key, *set_by; /* for messages, in `limits`, attribute of a service */
    int64_t most;                    /* 0: any amount */
    int64_t (*of)(const struct wc_service *s);
    const char *(*text)(struct wc_arena *arena, int64_t amount);
};

static void refuse(struct wc_load *load, const struct budget *budget, const struct wc_service *s,
                   const char *what)
{
    struct wc_diag *diag = wc_report_at(load, WC_E_GRANT, s->at, 1, "%s", what);
    wc_hint(load, diag, "%s; or whoever runs this host allows it: grant: {limits: {%s: …}}",
            budget->set_by, budget->key);
}

/* Adds up until it is too much, which is said once. */
static void check_budget(struct wc_load *load, const struct wc_project *project,
                         const struct budget *budget)
{
    int64_t sum = 0;
    const char *most = budget->text(load->arena, budget->most);
    for (size_t i = 0; i < project->n_services && budget->most > 0; i++) {
        const struct wc_service *s = &project->services[i];
        int64_t each = budget->of(s), all = 0;
        if (s->replicas <= 0)
            continue;
        if (each == 0)
            refuse(load, budget, s,
                   wc_arena_printf(load->arena,
                                   "service '%s' has no limit of %s, and this app may have %s in "
                                   "all",
                                   s->name, budget->what, most));
        if (__builtin_mul_overflow(each, s->replicas, &all) ||
            __builtin_add_overflow(sum, all, &sum))
            sum = INT64_MAX;
        if (sum <= budget->most)
            continue;
        refuse(load, budget, s,
               wc_arena_printf(load->arena,
                               "with service '%s' this app would have %s of %s, and may have %s",
                               s->name, budget->text(load->arena, sum), budget->what, most));
        return;
    }
}

void wc_granted_check_limits(struct wc_load *load, const struct wc_project *project)
{
    const struct wc_grant_limits *limits = &load->options->grant->limits;
    const struct budget budgets[] = {
        { "instances", "instances", "a lower scale",
          limits->instances > 0 ? limits->instances : WC_GRANT_INSTANCES, one, count_text },
        { "memory", "memory", "mem_limit", limits->memory_bytes, memory_of, bytes_text },
        { "processors", "cpus", "cpus", limits->nano_cpus, cpus_of, cpus_text },
        { "processes", "pids", "pids_limit", limits->pids, pids_of, count_text },
    };
    for (size_t i = 0; i < sizeof budgets / sizeof budgets[0]; i++)
        check_budget(load, project, &budgets[i]);
}
