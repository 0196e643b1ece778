/* test_contract_sim.c - the driver contract on the simulated host. */
// LINK: wc_orchestrator wc_drivers wc_images wc_core
#include "contract/driver_contract_cases.h"

#include "drivers/sim/sim.h"

struct sim_ctx {
    struct wc_sim_world *world;
    struct wc_project project;
    struct wc_instance instances[8];
    char ids[8][32], names[8][32], code[8], sleep[24];
    const char *argv[4];
    struct wc_service spec;
};

static void *setup(struct wc_driver_config *config)
{
    struct sim_ctx *ctx = calloc(1, sizeof *ctx);
    assert_non_null(ctx);
    ctx->world = wc_sim_world_new(uv_now(config->loop) + 1, 1);
    config->project = "p";
    config->extra = ctx->world;
    ctx->project.name = "p";
    ctx->spec = (struct wc_service){ .name = "svc", .image = "app" };
    return ctx;
}

static void teardown(void *data)
{
    struct sim_ctx *ctx = data;
    wc_sim_world_free(ctx->world);
    free(ctx);
}

static const struct wc_instance *instance(void *data, unsigned n,
                                          const struct contract_program *program)
{
    struct sim_ctx *ctx = data;
    struct wc_instance *i = &ctx->instances[n - 1];
    wc_sim_set_program(ctx->world, "svc",
                       &(struct wc_sim_program){ .run_ms = program->run_ms,
                                                 .exit_code = program->exit_code,
                                                 .stop_ms = program->ignores_term ? -1 : 5 });
    snprintf(ctx->ids[n - 1], sizeof ctx->ids[0], "p-svc-%u.0123abcd", n);
    snprintf(ctx->names[n - 1], sizeof ctx->names[0], "p-svc-%u", n);
    *i = (struct wc_instance){ .id = ctx->ids[n - 1],
                               .name = ctx->names[n - 1],
                               .project = "p",
                               .service = "svc",
                               .index = n,
                               .hash = "0123abcd",
                               .spec = &ctx->spec,
                               .model = &ctx->project,
                               .level = WC_ISOLATION_PROCESS };
    return i;
}

static const char *const *exec_argv(void *data, int exit_code, int64_t sleep_ms)
{
    struct sim_ctx *ctx = data;
    snprintf(ctx->code, sizeof ctx->code, "%d", exit_code);
    snprintf(ctx->sleep, sizeof ctx->sleep, "%lld", (long long)sleep_ms);
    ctx->argv[0] = "sim-exec";
    ctx->argv[1] = ctx->code;
    ctx->argv[2] = ctx->sleep;
    return ctx->argv;
}

static const struct contract_factory contract_the_factory = {
    .ops = &wc_sim_ops,
    .setup = setup,
    .teardown = teardown,
    .instance = instance,
    .exec = exec_argv,
};

CONTRACT_DEFINE

WC_MAIN(WC_CASE(list_of_nothing), WC_CASE(check_does_nothing), WC_CASE(create_is_listed),
        WC_CASE(create_twice), WC_CASE(start_twice), WC_CASE(start_of_absent), WC_CASE(exit_once),
        WC_CASE(stop_ends), WC_CASE(stop_by_user), WC_CASE(stop_of_absent), WC_CASE(kill_ends),
        WC_CASE(remove_of_running), WC_CASE(remove_twice), WC_CASE(restart_of_exited),
        WC_CASE(list_after_reopen), WC_CASE(exit_while_closed), WC_CASE(exec_code),
        WC_CASE(exec_deadline), WC_CASE(exec_in_stopped), WC_CASE(update_in_place),
        WC_CASE(update_of_created_and_exited), WC_CASE(update_of_absent), WC_CASE(many_at_once),
        WC_CASE(close_with_ops))
