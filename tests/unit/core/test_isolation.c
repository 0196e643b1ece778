/* test_isolation.c - the decision: its rows one by one, the sample cases, the matrix of Windows
 * builds. What must hold of every combination is in tests/isolation/invariants.c.
 */
#include "harness/wc_test.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "orchestrator/core/isolation.h"
#include "orchestrator/core/windows.h"

#define DEFAULT WC_ISOLATION_DEFAULT
#define PROCESS WC_ISOLATION_PROCESS
#define HYPERV WC_ISOLATION_HYPERV
#define ONLY(level) WC_REQUIRES(WC_ISOLATION_##level)

/* ---- who demands what, on a host that can give all ---- */

static const struct {
    enum wc_isolation asked;
    enum wc_demand asked_by;
    enum wc_trust trust;
    bool tenant;
    unsigned policy, host_policy;
    enum wc_isolation level;
    const char *code;
} demand_rows[] = {
    /* nobody demands anything */
    { DEFAULT, WC_DEMAND_ASKED, WC_TRUST_UNSET, false, 0, 0, PROCESS, "default" },
    { DEFAULT, WC_DEMAND_ASKED, WC_TRUST_TRUSTED, false, 0, 0, PROCESS, "default" },
    /* one does */
    { PROCESS, WC_DEMAND_ASKED, WC_TRUST_UNSET, false, 0, 0, PROCESS, "asked" },
    { HYPERV, WC_DEMAND_ASKED, WC_TRUST_TRUSTED, false, 0, 0, HYPERV, "asked" },
    { HYPERV, WC_DEMAND_PROFILE, WC_TRUST_UNSET, false, 0, 0, HYPERV, "profile" },
    { PROCESS, WC_DEMAND_PROFILE_ALL, WC_TRUST_UNSET, false, 0, 0, PROCESS, "profile" },
    { HYPERV, WC_DEMAND_PROFILE_ALL, WC_TRUST_UNSET, false, 0, 0, HYPERV, "profile" },
    { DEFAULT, WC_DEMAND_ASKED, WC_TRUST_UNTRUSTED, false, 0, 0, HYPERV, "untrusted" },
    { DEFAULT, WC_DEMAND_ASKED, WC_TRUST_UNSET, true, 0, 0, HYPERV, "tenant" },
    { DEFAULT, WC_DEMAND_ASKED, WC_TRUST_UNSET, false, ONLY(HYPERV), 0, HYPERV, "policy" },
    { DEFAULT, WC_DEMAND_ASKED, WC_TRUST_UNSET, false, 0, ONLY(HYPERV), HYPERV, "host_policy" },
    { DEFAULT, WC_DEMAND_ASKED, WC_TRUST_UNSET, false, 0, ONLY(PROCESS), PROCESS, "host_policy" },
    /* two agree: the one of more authority is named */
    { HYPERV, WC_DEMAND_ASKED, WC_TRUST_UNSET, false, ONLY(HYPERV), 0, HYPERV, "policy" },
    { HYPERV, WC_DEMAND_ASKED, WC_TRUST_UNTRUSTED, true, ONLY(HYPERV), 0, HYPERV, "untrusted" },
    { HYPERV, WC_DEMAND_ASKED, WC_TRUST_UNTRUSTED, true, ONLY(HYPERV), ONLY(HYPERV), HYPERV,
      "host_policy" },
    { PROCESS, WC_DEMAND_ASKED, WC_TRUST_UNSET, false, ONLY(PROCESS), 0, PROCESS, "policy" },
    /* a process is raised by who isn't its author */
    { PROCESS, WC_DEMAND_ASKED, WC_TRUST_UNSET, true, 0, 0, HYPERV, "tenant" },
    { PROCESS, WC_DEMAND_ASKED, WC_TRUST_UNSET, false, ONLY(HYPERV), 0, HYPERV, "policy" },
    { PROCESS, WC_DEMAND_PROFILE, WC_TRUST_UNSET, false, 0, ONLY(HYPERV), HYPERV, "host_policy" },
    { PROCESS, WC_DEMAND_PROFILE_ALL, WC_TRUST_UNTRUSTED, false, 0, 0, HYPERV, "untrusted" },
    /* two exclude each other */
    { PROCESS, WC_DEMAND_ASKED, WC_TRUST_UNTRUSTED, false, 0, 0, DEFAULT, "trust_conflict" },
    { PROCESS, WC_DEMAND_PROFILE, WC_TRUST_UNTRUSTED, false, 0, ONLY(HYPERV), DEFAULT,
      "trust_conflict" },
    { HYPERV, WC_DEMAND_ASKED, WC_TRUST_UNSET, false, ONLY(PROCESS), 0, DEFAULT,
      "policy_conflict" },
    { HYPERV, WC_DEMAND_PROFILE_ALL, WC_TRUST_UNSET, false, 0, ONLY(PROCESS), DEFAULT,
      "policy_conflict" },
    { DEFAULT, WC_DEMAND_ASKED, WC_TRUST_UNTRUSTED, false, ONLY(PROCESS), 0, DEFAULT,
      "policy_conflict" },
    { DEFAULT, WC_DEMAND_ASKED, WC_TRUST_UNSET, true, 0, ONLY(PROCESS), DEFAULT,
      "policy_conflict" },
    { DEFAULT, WC_DEMAND_ASKED, WC_TRUST_UNSET, false, ONLY(PROCESS), ONLY(HYPERV), DEFAULT,
      "policy_conflict" },
    { DEFAULT, WC_DEMAND_ASKED, WC_TRUST_UNSET, false, ONLY(PROCESS) | ONLY(HYPERV), 0, DEFAULT,
      "policy_conflict" },
};

static void demands(void **state)
{
    (void)state;
    static const struct wc_host_facts linux_host = { .os = WC_OS_LINUX, .hyperv = WC_TRI_TRUE };
    static const struct wc_image_facts unknown = { .has_uvm = WC_TRI_UNSET };
    for (size_t i = 0; i < WC_COUNT(demand_rows); i++) {
        const struct wc_isolation_facts facts = { .asked = demand_rows[i].asked,
                                                  .asked_by = demand_rows[i].asked_by,
                                                  .trust = demand_rows[i].trust,
                                                  .has_other_tenant = demand_rows[i].tenant,
                                                  .policy = demand_rows[i].policy,
                                                  .host_policy = demand_rows[i].host_policy,
                                                  .host = &linux_host,
                                                  .image = &unknown };
        struct wc_verdict v = wc_isolation_decide(&facts);
        const char *code =
            v.ruling == WC_RULING_OK ? wc_demand_name(v.by) : wc_ruling_name(v.ruling);
        if (v.level != demand_rows[i].level || !wc_streq(code, demand_rows[i].code))
            fail_msg("row %zu: level %d, %s", i, (int)v.level, code);
    }
}

/* ---- what a host can give ---- */

enum {
    H_PROD = 1,
    H_RAISE = 2,
    H_DEVICES = 4,
    H_NETWORK = 8,
    H_MEMORY = 16,
    H_TRUSTED = 32,
    H_UNTRUSTED = 64
};

struct host_case {
    const char *host;
    enum wc_edition edition;
    enum wc_tri hypervisor;
    unsigned running;
    const char *image_os;
    unsigned image;
    enum wc_tri uvm;
    enum wc_isolation asked;
    unsigned how;
    enum wc_isolation level;
    const char *ruling;
    unsigned notes;
};

static void run_cases(const struct host_case *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct host_case *c = &rows[i];
        struct wc_host_facts host = *wc_host_preset(c->host);
        host.edition = c->edition;
        host.hyperv = c->hypervisor;
        host.n_hyperv = c->running;
        const struct wc_image_facts image = { .os = wc_os_parse(c->image_os),
                                              .build = c->image,
                                              .architecture = "amd64",
                                              .has_uvm = c->uvm };
        const struct wc_isolation_facts facts = {
            .asked = c->asked,
            .asked_by = WC_DEMAND_ASKED,
            .trust = (c->how & H_UNTRUSTED) != 0 ? WC_TRUST_UNTRUSTED
                     : (c->how & H_TRUSTED) != 0 ? WC_TRUST_TRUSTED
                                                 : WC_TRUST_UNSET,
            .is_production = (c->how & H_PROD) != 0,
            .may_raise = (c->how & H_RAISE) != 0,
            .needs_devices = (c->how & H_DEVICES) != 0,
            .shares_network = (c->how & H_NETWORK) != 0,
            .has_memory_limit = (c->how & H_MEMORY) != 0,
            .host = &host,
            .image = &image,
        };
        struct wc_verdict v = wc_isolation_decide(&facts);
        if (v.level != c->level || !wc_streq(wc_ruling_name(v.ruling), c->ruling) ||
            v.notes != c->notes)
            fail_msg("row %zu: level %d, %s, notes %u", i, (int)v.level, wc_ruling_name(v.ruling),
                     v.notes);
    }
}

#define SERVER WC_EDITION_DATACENTER
#define CLIENT WC_EDITION_CLIENT
#define YES WC_TRI_TRUE
#define NO WC_TRI_FALSE

/* The sample cases of the research. */
static void samples(void **state)
{
    (void)state;
    static const struct host_case rows[] = {
        { "ws2022", SERVER, YES, 0, "windows", 20348, YES, DEFAULT, H_PROD, PROCESS, "ok", 0 },
        { "ws2022", SERVER, YES, 0, "windows", 17763, YES, DEFAULT, H_PROD | H_RAISE, HYPERV,
          "raised", WC_NOTE_RAISED | WC_NOTE_MEMORY },
        { "ws2022", SERVER, YES, 0, "windows", 17763, YES, PROCESS, 0, DEFAULT, "version", 0 },
        { "ws2022", SERVER, NO, 0, "windows", 17763, YES, DEFAULT, 0, DEFAULT, "version", 0 },
        { "ws2022", SERVER, YES, 0, "windows", 26100, YES, HYPERV, 0, DEFAULT, "image_newer", 0 },
        { "ws2025", WC_EDITION_STANDARD, YES, 2, "windows", 20348, YES, DEFAULT, H_UNTRUSTED,
          HYPERV, "ok", WC_NOTE_LICENCE | WC_NOTE_MEMORY },
        { "ws2025", WC_EDITION_STANDARD, YES, 2, "windows", 20348, YES, PROCESS, H_UNTRUSTED,
          DEFAULT, "trust_conflict", 0 },
        { "w11-25h2", CLIENT, YES, 0, "windows", 20348, YES, PROCESS, 0, PROCESS, "ok",
          WC_NOTE_TESTS_ONLY },
        { "w11-25h2", CLIENT, YES, 0, "windows", 20348, YES, DEFAULT, 0, HYPERV, "ok",
          WC_NOTE_MEMORY },
        { "w11-24h2", CLIENT, YES, 0, "windows", 20348, YES, PROCESS, H_PROD, DEFAULT,
          "client_prod", 0 },
        { "w10-22h2", CLIENT, YES, 0, "windows", 17763, YES, PROCESS, H_RAISE, HYPERV, "raised",
          WC_NOTE_RAISED | WC_NOTE_MEMORY },
        { "w10-22h2", CLIENT, YES, 0, "windows", 20348, YES, HYPERV, 0, DEFAULT, "image_newer", 0 },
        { "w11-24h2", CLIENT, NO, 0, "windows", 26100, YES, DEFAULT, H_TRUSTED, PROCESS, "trusted",
          WC_NOTE_TESTS_ONLY },
        { "ws2022", SERVER, YES, 0, "windows", 0, YES, DEFAULT, 0, PROCESS, "ok",
          WC_NOTE_VERSION_UNKNOWN },
    };
    run_cases(rows, WC_COUNT(rows));
}

/* The rows of the table that the samples don't come by. */
static void obstacles(void **state)
{
    (void)state;
    static const struct host_case rows[] = {
        { "linux-kvm", SERVER, YES, 0, "windows", 20348, YES, HYPERV, 0, DEFAULT, "engine_os", 0 },
        { "linux-kvm", SERVER, YES, 0, "linux", 0, YES, HYPERV, 0, HYPERV, "ok", 0 },
        { "linux-kvm", SERVER, YES, 0, "freebsd", 0, YES, DEFAULT, 0, DEFAULT, "image_os", 0 },
        { "linux", SERVER, NO, 0, NULL, 0, YES, HYPERV, H_RAISE, DEFAULT, "no_hypervisor", 0 },
        { "linux", SERVER, NO, 0, NULL, 0, YES, DEFAULT, 0, PROCESS, "ok", 0 },
        { "linux-tcg", SERVER, YES, 0, NULL, 0, YES, HYPERV, 0, HYPERV, "ok", WC_NOTE_EMULATED },
        { "ws2022", SERVER, YES, 0, "linux", 0, YES, DEFAULT, 0, DEFAULT, "image_os", 0 },
        { "ws2022", SERVER, YES, 0, NULL, 0, YES, DEFAULT, 0, DEFAULT, "image_unknown", 0 },
        { "ws2022", WC_EDITION_HOME, YES, 0, "windows", 20348, YES, DEFAULT, 0, DEFAULT, "edition",
          0 },
        { "ws2016", SERVER, YES, 0, "windows", 14393, YES, DEFAULT, 0, DEFAULT, "host_old", 0 },
        { "ws2022", SERVER, YES, 0, "windows", 20348, NO, HYPERV, 0, DEFAULT, "no_uvm", 0 },
        { "ws2022", SERVER, YES, 0, "windows", 20348, YES, HYPERV, H_DEVICES, DEFAULT,
          "hyperv_devices", 0 },
        { "ws2022", SERVER, YES, 0, "windows", 20348, YES, HYPERV, H_NETWORK, DEFAULT,
          "hyperv_network", 0 },
        { "ws2022", SERVER, YES, 0, "windows", 20348, YES, HYPERV, H_MEMORY, HYPERV, "ok", 0 },
        { "ws2022", SERVER, WC_TRI_UNSET, 0, "windows", 20348, YES, HYPERV, H_MEMORY, HYPERV, "ok",
          WC_NOTE_UNVERIFIED },
        { "ws2022", WC_EDITION_SERVER, YES, 2, "windows", 20348, YES, HYPERV, H_MEMORY, HYPERV,
          "ok", WC_NOTE_LICENCE },
        { "ws2022", WC_EDITION_STANDARD, YES, 1, "windows", 20348, YES, HYPERV, H_MEMORY, HYPERV,
          "ok", 0 },
        /* the default of a client gives way for the trusted alone, and never in production */
        { "w11-24h2", CLIENT, NO, 0, "windows", 26100, YES, DEFAULT, 0, DEFAULT, "no_hypervisor",
          0 },
        { "w11-24h2", CLIENT, NO, 0, "windows", 26100, YES, DEFAULT, H_TRUSTED | H_PROD, DEFAULT,
          "no_hypervisor", 0 },
        { "w11-24h2", CLIENT, NO, 0, "windows", 26100, YES, HYPERV, H_TRUSTED, DEFAULT,
          "no_hypervisor", 0 },
        /* raising is refused where a machine can't be had either */
        { "ws2022", SERVER, YES, 0, "windows", 17763, YES, PROCESS, H_RAISE | H_DEVICES, DEFAULT,
          "version", 0 },
    };
    run_cases(rows, WC_COUNT(rows));
    struct wc_host_facts arm = *wc_host_preset("linux-kvm");
    arm.architecture = "arm64";
    const struct wc_image_facts image = { .os = WC_OS_LINUX, .architecture = "amd64" };
    const struct wc_isolation_facts facts = { .host = &arm, .image = &image };
    assert_string_equal(wc_ruling_name(wc_isolation_decide(&facts).ruling), "architecture");
}

/* An engine may be told its default; a known defect is said. */
static void engines_and_defects(void **state)
{
    (void)state;
    struct wc_host_facts host = *wc_host_preset("ws2022");
    struct wc_image_facts image = { .os = WC_OS_WINDOWS, .build = 20348, .has_uvm = YES };
    const struct wc_isolation_facts facts = { .host = &host, .image = &image };
    host.level = HYPERV;
    assert_int_equal(wc_isolation_decide(&facts).level, HYPERV);
    host = *wc_host_preset("w11-25h2");
    host.level = PROCESS;
    assert_int_equal(wc_isolation_decide(&facts).level, PROCESS);
    host.revision = 7171;
    image.build = 26100;
    assert_true((wc_isolation_decide(&facts).notes & WC_NOTE_DEFECT) != 0);
    host.revision = 8246;
    assert_true((wc_isolation_decide(&facts).notes & WC_NOTE_DEFECT) == 0);
}

/* ---- Windows as data ---- */

static void matrix(void **state)
{
    (void)state;
    static const unsigned images[] = { 14393, 17763, 19041, 19042, 20348, 26100 };
    static const struct {
        unsigned host;
        const char *cells[WC_COUNT(images)];
    } rows[] = {
        { 17763, { "H", "PH", "-", "-", "-", "-" } },
        { 19041, { "H", "H", "PH", "-", "-", "-" } },
        { 19045, { "H", "H", "H", "H", "-", "-" } },
        { 20348, { "H", "H", "H", "H", "PH", "-" } },
        { 22000, { "H", "H", "H", "H", "PH", "-" } },
        { 22621, { "H", "H", "H", "H", "PH", "-" } },
        { 22631, { "H", "H", "H", "H", "PH", "-" } },
        { 25398, { "H", "H", "H", "H", "PH", "-" } },
        { 26100, { "H", "H", "H", "H", "PH", "PH" } },
        { 26200, { "H", "H", "H", "H", "PH", "PH" } },
        { 27000, { "H", "H", "H", "H", "PH", "PH" } },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++)
        for (size_t k = 0; k < WC_COUNT(images); k++) {
            bool p = wc_windows_process_fits(rows[i].host, 0, images[k], 0);
            bool h = wc_windows_hyperv_fits(rows[i].host, images[k]);
            const char *cell = p && h ? "PH" : h ? "H" : "-";
            if (!wc_streq(cell, rows[i].cells[k]))
                fail_msg("%u on %u: %s", images[k], rows[i].host, cell);
        }
    assert_true(wc_windows_process_fits(14393, 5, 14393, 5));
    assert_false(wc_windows_process_fits(14393, 5, 14393, 6));
    assert_string_equal(wc_windows_image_for(22631), "ltsc2022");
    assert_string_equal(wc_windows_image_for(26200), "ltsc2025");
    assert_null(wc_windows_image_for(19045));
}

static void versions(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        unsigned build, revision;
    } rows[] = {
        { "10.0.17763.5329", true, 17763, 5329 },
        { "10.0.20348", true, 20348, 0 },
        { "10.0", false, 0, 0 },
        { "10.0.", false, 0, 0 },
        { "10.0.0", false, 0, 0 },
        { "6.3.9600", false, 0, 0 },
        { "10.0.20348.1.2", false, 0, 0 },
        { "10.0.20348.", false, 0, 0 },
        { "10.0.-1", false, 0, 0 },
        { "10.0.99999999999", false, 0, 0 },
        { "", false, 0, 0 },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        unsigned build = 0, revision = 0;
        assert_int_equal(wc_windows_version_parse(rows[i].text, &build, &revision), rows[i].ok);
        assert_int_equal(build, rows[i].build);
        assert_int_equal(revision, rows[i].revision);
    }
}

static void errors(void **state)
{
    (void)state;
    assert_string_equal(wc_windows_error(0x80370101)->name, "HCS_E_IMAGE_MISMATCH");
    assert_ptr_equal(wc_windows_error(0xc0370101), wc_windows_error(0x80370101));
    assert_string_equal(wc_windows_error(0xc0370103)->meaning, "it isn't over yet");
    assert_null(wc_windows_error(0x00370101));
    assert_null(wc_windows_error(0x80370199));
    for (size_t i = 0; wc_host_preset_at(i) != NULL; i++) {
        const struct wc_host_facts *host = wc_host_preset_at(i);
        assert_ptr_equal(wc_host_preset(host->name), host);
        assert_true((host->os == WC_OS_WINDOWS) == (host->build != 0));
    }
    assert_null(wc_host_preset("ws2003"));
    enum wc_edition edition;
    assert_true(wc_edition_parse("Standard", &edition));
    assert_int_equal(edition, WC_EDITION_STANDARD);
    assert_string_equal(wc_edition_name(edition), "standard");
    assert_false(wc_edition_parse("ultimate", &edition));
}

/* docs/windows.md is what the rows print; WC_UPDATE=1 prints it anew. */
static void windows_is_documented(void **state)
{
    (void)state;
    static const char path[] = WC_SOURCE_DIR "/docs/windows.md";
    WC_CLEANUP_BUF struct wc_buf want = WC_BUF_INIT, file = WC_BUF_INIT;
    struct wc_err err = { 0 };
    wc_windows_markdown(&want);
    if (getenv("WC_UPDATE") != NULL)
        assert_int_equal(wc_fs_write_atomic(path, want.data, want.len, 0644, false, &err), 0);
    assert_int_equal(wc_fs_read(path, 1 << 20, &file, &err), 0);
    if (!wc_streq(file.data, want.data))
        fail_msg("%s isn't what the tables print: WC_UPDATE=1 makes it anew", path);
}

WC_MAIN(WC_CASE(demands), WC_CASE(samples), WC_CASE(obstacles), WC_CASE(engines_and_defects),
        WC_CASE(matrix), WC_CASE(versions), WC_CASE(errors), WC_CASE(windows_is_documented))
