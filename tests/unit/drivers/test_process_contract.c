/* test_process_contract.c - the driver contract, on real containers. */
#include "contract/driver_contract.h"

#include "process_fixture.h"

static void *setup(struct wc_driver_config *config)
{
    static struct fixture f;
    if (geteuid() != 0 || access("/usr/bin/crun", X_OK) != 0 || access("/bin/busybox", X_OK) != 0)
        WC_SKIP("root, crun and busybox-static");
    if (unshare(CLONE_NEWNET) != 0)
        WC_SKIP("a network namespace of its own");
    fixture_begin_files(&f);
    config->paths = &f.paths;
    config->project = f.project.name;
    return &f;
}

/* What a case left is removed by a driver of its own. */
static void teardown(void *ctx)
{
    struct fixture *f = ctx;
    assert_int_equal(uv_loop_init(&f->loop), 0);
    uv_timer_init(&f->loop, &f->guard);
    uv_timer_start(&f->guard, fixture_too_late, FIXTURE_GUARD_MS, 0);
    fixture_open(f);
    fixture_end(f);
}

static const struct wc_instance *instance(void *ctx, unsigned n,
                                          const struct contract_program *program)
{
    struct fixture *f = ctx;
    struct wc_service *s = fixture_service(f, "svc");
    const char *end = program->run_ms < 0 ? "while :; do sleep 1000 & wait; done"
                                          : wc_arena_printf(&f->arena, "sleep %lld.%03lld",
                                                            (long long)program->run_ms / 1000,
                                                            (long long)program->run_ms % 1000);
    const char *script =
        wc_arena_printf(&f->arena, "trap '%s' TERM; echo ready; %s; exit %d",
                        program->ignores_term ? "" : "exit 143", end, program->exit_code);
    struct wc_instance *i = fixture_instance(f, s, script);
    i->index = n;
    i->name = wc_arena_printf(&f->arena, "proc-svc-%u", n);
    i->id = wc_arena_printf(&f->arena, "proc-svc-%u.0a1b2c3d", n);
    return i;
}

static const char *const *exec_command(void *ctx, int exit_code, int64_t sleep_ms)
{
    struct fixture *f = ctx;
    const char **argv = WC_NEW_ARRAY(&f->arena, const char *, 4);
    argv[0] = "sh";
    argv[1] = "-c";
    argv[2] = wc_arena_printf(&f->arena, "echo contract; sleep %lld.%03lld; exit %d",
                              (long long)sleep_ms / 1000, (long long)sleep_ms % 1000, exit_code);
    return argv;
}

/* The program says so itself, after its trap is set. */
static void ready(void *ctx, const struct wc_instance *i)
{
    struct fixture *f = ctx;
    for (int tries = 0; strstr(fixture_log(f, i), "ready") == NULL; tries++) {
        assert_true(tries < 2000);
        uv_sleep(5);
    }
}

static const struct contract_factory contract_the_factory = {
    .ops = &wc_process_ops,
    .setup = setup,
    .teardown = teardown,
    .instance = instance,
    .ready = ready,
    .exec = exec_command,
};

#include "contract/driver_contract_cases.h"

CONTRACT_DEFINE

WC_MAIN(WC_CASE(list_of_nothing), WC_CASE(check_does_nothing), WC_CASE(create_is_listed),
        WC_CASE(create_twice), WC_CASE(start_twice), WC_CASE(start_of_absent), WC_CASE(exit_once),
        WC_CASE(stop_ends), WC_CASE(stop_by_user), WC_CASE(stop_of_absent), WC_CASE(kill_ends),
        WC_CASE(remove_of_running), WC_CASE(remove_twice), WC_CASE(restart_of_exited),
        WC_CASE(list_after_reopen), WC_CASE(exit_while_closed), WC_CASE(exec_code),
        WC_CASE(exec_deadline), WC_CASE(exec_in_stopped), WC_CASE(update_in_place),
        WC_CASE(update_of_created_and_exited), WC_CASE(update_of_absent), WC_CASE(many_at_once),
        WC_CASE(close_with_ops))
