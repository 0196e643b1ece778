/* fuzz_policy.c - any bytes as the host's policy file, over a fixed project.
 *
 * What must hold: no crash; rules come out exactly when there is no error, and an error has a
 * place; reading twice gives the same rules; no rule makes a service's level less than without it.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "wcompose/plan.h"
#include "wcompose/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t size;
};

static int read_input(void *data, const char *path, size_t limit, struct wc_buf *out,
                      struct wc_err *err)
{
    const struct input *input = data;
    (void)path, (void)err;
    if (input->size > limit)
        return WC_ERR_LIMIT;
    wc_buf_add(out, input->data, input->size);
    return 0;
}

static bool exists(void *data, const char *path)
{
    (void)data, (void)path;
    return false;
}

static struct wc_policy load(struct input *input, struct wc_arena *arena)
{
    const struct wc_spec_access access = { read_input, exists, input };
    struct wc_policy policy;
    struct wc_diags diags;
    wc_diags_init(&diags, arena);
    int rc = wc_spec_host_policy("/policy.yaml", &access, arena, &diags, &policy);
    if ((rc == 0) != (diags.n_errors == 0) || (rc != 0 && policy.n != 0))
        abort();
    for (size_t i = 0; i < diags.n; i++)
        if (diags.items[i].msg[0] == '\0')
            abort();
    for (size_t i = 0; i < policy.n; i++)
        if (policy.rules[i].require == WC_ISOLATION_DEFAULT || policy.rules[i].at.line == 0)
            abort();
    return policy;
}

static void check_levels(const struct wc_policy *policy, struct wc_arena *arena)
{
    static const struct wc_host_facts host = { .os = WC_OS_LINUX, .hyperv = WC_TRI_TRUE };
    struct wc_service services[] = {
        { .name = "a", .image = "nginx" },
        { .name = "b", .image = "x/y:1", .isolation = WC_ISOLATION_HYPERV, .privileged = true },
        { .name = "c", .trust = WC_TRUST_UNTRUSTED, .tenant = "red" },
    };
    const struct wc_project project = { .name = "p", .services = services, .n_services = 3 };
    for (size_t i = 0; i < project.n_services; i++) {
        struct wc_isolation_choice with, without;
        struct wc_proof_in in = { .project = &project, .service = &services[i], .host = &host };
        wc_plan_prove(&in, arena, &without);
        in.policy = policy;
        wc_plan_prove(&in, arena, &with);
        if (with.level == WC_ISOLATION_PROCESS && without.level == WC_ISOLATION_HYPERV)
            abort();
        if (with.why == NULL || with.why[0] == '\0' || with.n_steps < policy->n)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { data, size };
    struct wc_arena arena;
    wc_arena_init(&arena);
    struct wc_policy policy = load(&input, &arena), again = load(&input, &arena);
    if (policy.n != again.n)
        abort();
    check_levels(&policy, &arena);
    wc_arena_deinit(&arena);
    return 0;
}
