/* test_hyperv_contract.c - the driver contract, on real virtual machines (QEMU, also without KVM).
 *
 * All cases hold for machines. What "in place" means is narrower: a machine keeps the size it
 * started with, which the cases at the end show.
 */
// TIMEOUT: 240
#define CONTRACT_GUARD_MS 200000 /* without hardware help, on a busy host */
#define FIXTURE_GUARD_MS 200000
#include "contract/driver_contract.h"

#include "process_fixture.h"

#include "drivers/hyperv/driver.h"
#include "drivers/process/record.h"

enum { MIB = 1 << 20, READY_MS = 60000 };

/* Where a guest kernel is: as said, this host's, or the end-to-end tests'. Copied, since each case
 * has a root of its own. */
static const char *kernel_source(void)
{
    static const char *const places[] = { "/var/lib/wcompose/vm",
                                          WC_SOURCE_DIR "/build/release/e2e-vm/lib/vm" };
    const char *named = getenv("WC_TEST_VM");
    char path[512];
    if (named != NULL)
        return named;
    for (size_t i = 0; i < WC_COUNT(places); i++) {
        snprintf(path, sizeof path, "%s/kernel-in-use", places[i]);
        if (access(path, R_OK) == 0)
            return places[i];
    }
    return NULL;
}

static void *setup(struct wc_driver_config *config)
{
    static struct fixture f;
    struct wc_driver_facts facts;
    const char *kernels = kernel_source();
    if (geteuid() != 0 || access("/usr/bin/crun", X_OK) != 0 || access("/bin/busybox", X_OK) != 0)
        WC_SKIP("root, crun and busybox-static");
    if (kernels == NULL)
        WC_SKIP("a guest kernel: wcompose vm kernel install, or WC_TEST_VM=DIRECTORY of one");
    if (unshare(CLONE_NEWNET) != 0)
        WC_SKIP("a network namespace of its own");
    fixture_begin_files(&f);
    const char *command =
        wc_arena_printf(&f.arena, "mkdir -p %s/vm && cp -a %s/kernels %s/kernel-in-use %s/vm",
                        f.paths.lib, kernels, kernels, f.paths.lib);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a test's own paths */
    wc_hyperv_ops.probe(&f.paths, &facts);
    if (!facts.usable) {
        fixture_end_files(&f);
        WC_SKIP(facts.why);
    }
    config->paths = &f.paths;
    config->project = f.project.name;
    return &f;
}

/* What a case left is removed by a driver of its own. */
static void teardown(void *ctx)
{
    struct fixture *f = ctx;
    f->ops = &wc_hyperv_ops;
    assert_int_equal(uv_loop_init(&f->loop), 0);
    uv_timer_init(&f->loop, &f->guard);
    uv_timer_start(&f->guard, fixture_too_late, FIXTURE_GUARD_MS, 0);
    fixture_open(f);
    fixture_end(f);
}

/* As small as a machine can be, and from no template: each case has a root of its own, where it
 * would be made first. */
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
    s->vm = (struct wc_vm_options){ .memory_bytes = (int64_t)96 * MIB,
                                    .cpus = 1,
                                    .disk_bytes = (int64_t)64 * MIB,
                                    .use_template = WC_TRI_FALSE };
    i->index = n;
    i->level = WC_ISOLATION_HYPERV;
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

static void ready(void *ctx, const struct wc_instance *i)
{
    struct fixture *f = ctx;
    for (int ms = 0; strstr(fixture_log(f, i), "ready") == NULL; ms += 5) {
        assert_true(ms < READY_MS);
        uv_sleep(5);
    }
}

static const struct contract_factory contract_the_factory = {
    .ops = &wc_hyperv_ops,
    .setup = setup,
    .teardown = teardown,
    .instance = instance,
    .ready = ready,
    .exec = exec_command,
};

#include "contract/driver_contract_cases.h"

CONTRACT_DEFINE

/* ---- what differs ---- */

/* A machine keeps its size: that takes a new one. What the host shares out changes in place. */
static void contract_size_is_for_good(struct contract *c)
{
    const struct wc_instance *i = contract_made(c, 1, &contract_runs);
    struct wc_service spec = *i->spec;
    struct wc_instance other = *i;
    other.spec = &spec;
    snprintf(spec.inplace_hash, sizeof spec.inplace_hash, "other");
    spec.vm.memory_bytes = (int64_t)128 * MIB;
    assert_int_equal(contract_do(c, WC_VERB_UPDATE, &other), WC_ERR_CONFLICT);
    spec = *i->spec;
    spec.vm.cpus = 2;
    assert_int_equal(contract_do(c, WC_VERB_UPDATE, &other), WC_ERR_CONFLICT);
    spec = *i->spec;
    spec.pids_limit = 50;
    assert_int_equal(contract_do(c, WC_VERB_UPDATE, &other), WC_ERR_CONFLICT);
    assert_string_equal(contract_fact_since(c, i, 0)->inplace, "");
    spec = *i->spec;
    spec.cpu_shares = 512;
    spec.mem_limit_bytes = (int64_t)300 * MIB; /* vm.memory says what the machine has */
    snprintf(spec.inplace_hash, sizeof spec.inplace_hash, "gold");
    assert_int_equal(contract_do(c, WC_VERB_UPDATE, &other), 0);
    assert_string_equal(contract_fact_since(c, i, 0)->inplace, "gold");
}

/* The group's file that a memory limit is in; its text. */
static const char *memory_limit(struct fixture *f, const struct wc_instance *i, const char *value)
{
    struct wc_cgroup_host host;
    struct wc_record record;
    const char *lib = wc_paths_instance_lib(&f->paths, &f->arena, i->project, i->id);
    assert_int_equal(wc_cgroup_detect(&f->arena, &host, NULL), 0);
    assert_int_equal(wc_record_read(lib, &f->arena, &record, NULL), 0);
    const char *dir = wc_cgroup_dir(&host, "memory", record.cgroup, &f->arena);
    const char *path = wc_arena_printf(&f->arena, "%s/memory.limit_in_bytes", dir);
    if (!wc_fs_exists(path))
        path = wc_arena_printf(&f->arena, "%s/memory.max", dir);
    if (value != NULL)
        fixture_write(path, value, 0644);
    return fixture_read(f, path);
}

/* The jail's group is its machine's size and what the VMM needs beside; somebody else's change of
 * it is seen and put back, and a change of labels is none. */
static void contract_limits_that_somebody_changed(struct contract *c)
{
    struct fixture *f = c->ctx;
    const struct wc_instance *i = contract_started(c, 1, &contract_runs);
    const char *meant = memory_limit(f, i, NULL);
    assert_true(strtoll(meant, NULL, 10) > (long long)96 * MIB);
    assert_int_equal(contract_do(c, WC_VERB_UPDATE, contract_labelled(i, "gold")), 0);
    assert_string_equal(memory_limit(f, i, NULL), meant);
    assert_int_equal(contract_do(c, WC_VERB_LIST, NULL), 0);
    assert_null(contract_fact_since(c, i, 0)->drift_limits);
    memory_limit(f, i, "314572800");
    while (contract_fact_since(c, i, 0)->drift_limits == NULL) /* told by the kernel's news */
        uv_run(&c->loop, UV_RUN_ONCE);
    assert_int_equal(contract_do(c, WC_VERB_MEND, i), 0);
    assert_string_equal(memory_limit(f, i, NULL), meant);
    assert_null(contract_fact_since(c, i, 0)->drift_limits);
}

CONTRACT_DEFINE_ONE(size_is_for_good)
CONTRACT_DEFINE_ONE(limits_that_somebody_changed)

WC_MAIN(WC_CASE(list_of_nothing), WC_CASE(check_does_nothing), WC_CASE(create_is_listed),
        WC_CASE(create_twice), WC_CASE(start_twice), WC_CASE(start_of_absent), WC_CASE(exit_once),
        WC_CASE(stop_ends), WC_CASE(stop_by_user), WC_CASE(stop_of_absent), WC_CASE(kill_ends),
        WC_CASE(remove_of_running), WC_CASE(remove_twice), WC_CASE(restart_of_exited),
        WC_CASE(list_after_reopen), WC_CASE(exit_while_closed), WC_CASE(exec_code),
        WC_CASE(exec_deadline), WC_CASE(exec_in_stopped), WC_CASE(update_in_place),
        WC_CASE(update_of_created_and_exited), WC_CASE(update_of_absent), WC_CASE(many_at_once),
        WC_CASE(close_with_ops), WC_CASE(size_is_for_good), WC_CASE(limits_that_somebody_changed))
