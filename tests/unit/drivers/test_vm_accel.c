/* test_vm_accel.c - the probe says why not, believes its note only as long as it holds, and nothing
 * that KVM does can hang it. The trial's own pieces are tested from inside. */
#include "harness/wc_test.h"

#include <stdbool.h>
#include <sys/stat.h>

#include "drivers/hyperv/accel_kvm.c"

#include "base/arena.h"
#include "base/fs.h"
#include "base/paths.h"
#include "base/str.h"

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the trial ---- */

static void body_hangs(struct trial *trial, const char *device)
{
    (void)device;
    signal(SIGTERM, SIG_IGN);
    trial->at = "it hangs";
    for (;;)
        ;
}

static void body_dies(struct trial *trial, const char *device)
{
    (void)trial;
    (void)device;
    raise(SIGKILL);
}

static void a_hanging_trial_is_ended(void **state)
{
    (void)state;
    struct trial *trial =
        mmap(NULL, sizeof *trial, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct wc_err err = { 0 };
    bool in_time = true;
    int64_t begin = now_ms();
    assert_int_equal(run_apart(body_hangs, "/dev/kvm", trial, 100, &in_time), 0);
    assert_false(in_time);
    assert_true(now_ms() - begin < 5000); /* a loaded machine has its time */
    assert_int_equal(judge(trial, in_time, "/dev/kvm", &err), WC_ERR_TIMEOUT);
    assert_non_null(strstr(err.msg, "it hangs"));
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left of it */
    *trial = (struct trial){ 0 };
    assert_int_equal(run_apart(body_dies, "/dev/kvm", trial, 5000, &in_time), 0);
    assert_int_equal(judge(trial, in_time, "/dev/kvm", &err), WC_ERR_UNAVAILABLE);
    munmap(trial, sizeof *trial);
}

static void what_is_no_kvm_is_said(void **state)
{
    (void)state;
    struct wc_err err = { 0 };
    assert_int_equal(wc_kvm_trial("/dev/null", &err), WC_ERR_UNAVAILABLE);
    assert_non_null(strstr(err.msg, "/dev/null"));
    assert_non_null(strstr(err.msg, "not KVM"));
    assert_int_equal(wc_kvm_trial("/dev/absent-kvm", &err), WC_ERR_UNAVAILABLE);
}

static void the_clock_is_steady(void **state)
{
    (void)state;
    uint64_t first = wc_tsc_khz(), second = wc_tsc_khz();
#if defined(__x86_64__)
    assert_true(first > 100000 && first < 20000000);
    uint64_t off = first > second ? first - second : second - first;
    assert_true(off * 1000 <= first); /* a thousandth */
#else
    assert_true(first == 0 && second == 0);
#endif
}

/* ---- the probe ---- */

struct host {
    char root[64], device[96], modules[96], boot_id[96], run[96], note[112];
    struct wc_accel_places places;
    struct wc_paths paths;
};

static void put(const char *path, const char *text)
{
    assert_int_equal(wc_fs_write_atomic(path, text, strlen(text), 0600, false, NULL), 0);
}

static void make_host(struct host *host)
{
    *host = (struct host){ 0 };
    snprintf(host->root, sizeof host->root, "/tmp/wc-accel-XXXXXX");
    assert_non_null(mkdtemp(host->root));
    snprintf(host->device, sizeof host->device, "%s/kvm", host->root);
    snprintf(host->modules, sizeof host->modules, "%s/module", host->root);
    snprintf(host->boot_id, sizeof host->boot_id, "%s/boot_id", host->root);
    snprintf(host->run, sizeof host->run, "%s/run", host->root);
    snprintf(host->note, sizeof host->note, "%s/vm-accel", host->run);
    put(host->boot_id, "first\n");
    host->places = (struct wc_accel_places){ host->device, host->modules, host->boot_id };
    host->paths = (struct wc_paths){ .run = host->run };
}

static struct wc_vm_accel_facts probe(const struct host *host)
{
    struct wc_vm_accel_facts facts;
    struct wc_err err = { 0 };
    assert_int_equal(wc_accel_probe_at(&host->places, &host->paths, &facts, &err), 0);
    assert_true(facts.kvm == (facts.why[0] == '\0'));
    return facts;
}

static ino_t note_of(const struct host *host)
{
    struct stat st;
    assert_int_equal(stat(host->note, &st), 0);
    return st.st_ino;
}

static void reasons_are_given(void **state)
{
    (void)state;
    struct host host;
    char module[128];
    make_host(&host);
    assert_non_null(strstr(probe(&host).why, "there is no"));
    put(host.device, "");
#if defined(__x86_64__)
    assert_non_null(strstr(probe(&host).why, "neither kvm_intel nor kvm_amd"));
#endif
    snprintf(module, sizeof module, "%s/kvm_amd", host.modules);
    assert_int_equal(wc_fs_mkdirs(module, 0755, NULL), 0);
    assert_non_null(strstr(probe(&host).why, "not KVM")); /* it was tried */
    wc_fs_remove_tree(host.root, NULL);
}

static void the_note_is_believed_while_it_holds(void **state)
{
    (void)state;
    struct host host;
    make_host(&host);
    struct wc_vm_accel_facts first = probe(&host);
    ino_t note = note_of(&host);
    struct wc_vm_accel_facts again = probe(&host);
    assert_int_equal(note_of(&host), note);
    assert_int_equal(again.tsc_khz, first.tsc_khz);
    assert_string_equal(again.qemu_version, first.qemu_version);
    put(host.boot_id, "second\n");
    (void)probe(&host);
    assert_int_not_equal(note_of(&host), note);
    note = note_of(&host);
    put(host.device, "");
    (void)probe(&host);
    assert_int_not_equal(note_of(&host), note);
    put(host.note, "{\"key\": 3");
    (void)probe(&host);
    put(host.note, "");
    (void)probe(&host);
    wc_fs_remove_tree(host.root, NULL);
}

WC_MAIN(WC_CASE(a_hanging_trial_is_ended), WC_CASE(what_is_no_kvm_is_said),
        WC_CASE(the_clock_is_steady), WC_CASE(reasons_are_given),
        WC_CASE(the_note_is_believed_while_it_holds))
