/* accel.c - which accelerator, which QEMU, how fast the clock: found out once a boot.
 *
 * Idea:    what is known without trying is asked first (no device; on x86, no module of hardware
 *          behind it), then KVM is tried (accel_kvm.c). The answer is noted together with all that
 *          it depends on, and believed as long as that is the same.
 */
#include "drivers/hyperv/accel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/paths.h"
#include "base/run.h"
#include "base/str.h"

/* A timeout may have been the load's doing: it is believed for so long only. */
enum { NOTE_MAX_BYTES = 16 << 10, TIMEOUT_BELIEVED_S = 600, TSC_MS = 5, TSC_TRIES = 8 };

const struct wc_accel_places wc_accel_host = { .device = "/dev/kvm",
                                               .modules = "/sys/module",
                                               .boot_id = "/proc/sys/kernel/random/boot_id" };

/* ---- the clock ---- */

#if defined(__x86_64__)

/* A moment on both clocks, as exactly as TSC_TRIES looks give it: that with the least time between
 * the two readings of the counter around the clock's. */
static void moment(uint64_t *tsc, uint64_t *ns)
{
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < TSC_TRIES; i++) {
        struct timespec now;
        uint64_t before = __builtin_ia32_rdtsc();
        clock_gettime(CLOCK_MONOTONIC_RAW, &now);
        uint64_t after = __builtin_ia32_rdtsc();
        if (after - before < least) {
            least = after - before;
            *tsc = before + least / 2;
            *ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
        }
    }
}

uint64_t wc_tsc_khz(void)
{
    uint64_t tsc[2] = { 0 }, ns[2] = { 0 };
    const struct timespec pause = { .tv_nsec = TSC_MS * 1000000 };
    moment(&tsc[0], &ns[0]);
    (void)nanosleep(&pause, NULL);
    moment(&tsc[1], &ns[1]);
    if (ns[1] <= ns[0] || tsc[1] <= tsc[0])
        return 0;
    return (uint64_t)((double)(tsc[1] - tsc[0]) * 1e6 / (double)(ns[1] - ns[0]) + 0.5);
}

#else

uint64_t wc_tsc_khz(void)
{
    return 0;
}

#endif

/* ---- QEMU ---- */

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* Finds qemu-system-MACHINE in PATH and the usual directories; "" when it is nowhere. */
static void find_qemu(char *out, size_t size)
{
    struct utsname host;
    const char *path = getenv("PATH");
    const char *const lists[] = { path != NULL ? path : "", "/usr/bin:/usr/local/bin" };
    out[0] = '\0';
    if (uname(&host) != 0)
        return;
    for (size_t i = 0; i < WC_COUNT(lists); i++)
        for (const char *dir = lists[i]; *dir != '\0';) {
            size_t len = strcspn(dir, ":");
            int n = snprintf(out, size, "%.*s/qemu-system-%s", (int)len, dir, host.machine);
            if (dir[0] == '/' && n > 0 && (size_t)n < size && is_program(out))
                return;
            dir += len + (dir[len] == ':');
        }
    out[0] = '\0';
}

/* "QEMU emulator version 7.2.22 (Debian …)" -> "7.2.22" */
static void ask_version(const char *qemu, char *out, size_t size)
{
    static const char word[] = "version ";
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    const char *const argv[] = { qemu, "--version", NULL };
    out[0] = '\0';
    if (wc_run(argv, NULL, &text, NULL) != 0)
        return;
    const char *at = strstr(text.data, word);
    if (at != NULL) {
        at += sizeof word - 1;
        snprintf(out, size, "%.*s", (int)strcspn(at, " \n"), at);
    }
}

/* ---- KVM ---- */

static bool has_module(const struct wc_accel_places *places, const char *name)
{
    char path[512];
    int n = snprintf(path, sizeof path, "%s/%s", places->modules, name);
    return n > 0 && (size_t)n < sizeof path && access(path, F_OK) == 0;
}

static bool has_hardware(const struct wc_accel_places *places)
{
#if defined(__x86_64__)
    return has_module(places, "kvm_intel") || has_module(places, "kvm_amd");
#else
    (void)places;
    return true;
#endif
}

/* Sets out->kvm or out->why; returns how long the answer is good in seconds, 0 = till the host
 * changes. WC_ERR_IO (negative) when it couldn't be tried. */
static int look_at_kvm(const struct wc_accel_places *places, struct wc_vm_accel_facts *out,
                       struct wc_err *err)
{
    struct wc_err why = { 0 };
    if (access(places->device, F_OK) != 0) {
        snprintf(out->why, sizeof out->why, "there is no %s", places->device);
        return 0;
    }
    if (access(places->device, R_OK | W_OK) != 0) {
        snprintf(out->why, sizeof out->why, "%s may not be opened by this user (group kvm may)",
                 places->device);
        return 0;
    }
    if (!has_hardware(places)) {
        snprintf(out->why, sizeof out->why,
                 "%s has no hardware behind it: neither kvm_intel nor kvm_amd is loaded",
                 places->device);
        return 0;
    }
    int rc = wc_kvm_trial(places->device, &why);
    out->kvm = rc == 0;
    snprintf(out->why, sizeof out->why, "%.*s", (int)sizeof out->why - 1, why.msg);
    if (rc == WC_ERR_IO)
        return wc_err_set(err, rc, why.sys, "try KVM");
    return rc == WC_ERR_TIMEOUT ? TIMEOUT_BELIEVED_S : 0;
}

/* ---- the note ---- */

static void add_stat(struct wc_buf *key, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        wc_buf_printf(key, "%s -;", path);
    else
        wc_buf_printf(key, "%s %llx:%llx:%llx:%o:%u:%u:%llx:%llx;", path,
                      (unsigned long long)st.st_dev, (unsigned long long)st.st_ino,
                      (unsigned long long)st.st_rdev, (unsigned)st.st_mode, (unsigned)st.st_uid,
                      (unsigned)st.st_gid, (unsigned long long)st.st_size,
                      (unsigned long long)st.st_mtime);
}

/* All that the answer depends on, as one line. A device's times change with each use of its node's
 * file system; what it is doesn't. */
static void make_key(const struct wc_accel_places *places, const char *qemu, struct wc_buf *key)
{
    static const char *const modules[] = { "kvm_intel", "kvm_amd" };
    wc_buf_printf(key, "1;%u;", (unsigned)geteuid());
    if (wc_fs_read(places->boot_id, 256, key, NULL) != 0)
        wc_buf_adds(key, "?");
    add_stat(key, qemu);
    add_stat(key, places->device);
    for (size_t i = 0; i < WC_COUNT(modules); i++)
        wc_buf_addc(key, has_module(places, modules[i]) ? '+' : '-');
    for (char *c = key->data; *c != '\0'; c++)
        if (*c == '\n')
            *c = ' ';
}

static int64_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec;
}

static bool read_note(const char *path, const char *key, struct wc_vm_accel_facts *out)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    WC_CLEANUP_JSON struct wc_json *note = NULL;
    if (wc_fs_read(path, NOTE_MAX_BYTES, &text, NULL) != 0 ||
        wc_json_parse(text.data, text.len, &note, NULL) != 0 ||
        !wc_streq(wc_json_str(wc_json_get(note, "key"), ""), key))
        return false;
    int64_t until = wc_json_i64(wc_json_get(note, "until_s"), 0);
    if (until != 0 && now_s() >= until)
        return false;
    out->kvm = wc_json_bool(wc_json_get(note, "kvm"), false);
    out->tsc_khz = (uint64_t)wc_json_i64(wc_json_get(note, "tsc_khz"), 0);
    snprintf(out->why, sizeof out->why, "%s", wc_json_str(wc_json_get(note, "why"), ""));
    snprintf(out->qemu_version, sizeof out->qemu_version, "%s",
             wc_json_str(wc_json_get(note, "qemu_version"), ""));
    return true;
}

/* What can't be noted is found out again the next time. */
static void write_note(const struct wc_paths *paths, const char *path, const char *key,
                       int64_t good_s, const struct wc_vm_accel_facts *facts)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_jsonw w = WC_JSONW_INIT(&text);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_str(&w, "key", key);
    wc_jsonw_i64(&w, "until_s", good_s > 0 ? now_s() + good_s : 0);
    wc_jsonw_bool(&w, "kvm", facts->kvm);
    wc_jsonw_str(&w, "why", facts->why);
    wc_jsonw_str(&w, "qemu_version", facts->qemu_version);
    wc_jsonw_i64(&w, "tsc_khz", (int64_t)facts->tsc_khz);
    wc_jsonw_end_object(&w);
    if (wc_fs_mkdirs(paths->run, 0700, NULL) == 0)
        (void)wc_fs_write_atomic(path, text.data, text.len, 0644, false, NULL);
}

int wc_accel_probe_at(const struct wc_accel_places *places, const struct wc_paths *paths,
                      struct wc_vm_accel_facts *out, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf key = WC_BUF_INIT, path = WC_BUF_INIT;
    struct wc_vm_accel_facts facts = { 0 };
    find_qemu(facts.qemu, sizeof facts.qemu);
    make_key(places, facts.qemu, &key);
    wc_buf_printf(&path, "%s/vm-accel", paths->run);
    if (!read_note(path.data, key.data, &facts)) {
        int good_s = look_at_kvm(places, &facts, err);
        if (good_s < 0)
            return good_s;
        if (facts.qemu[0] != '\0')
            ask_version(facts.qemu, facts.qemu_version, sizeof facts.qemu_version);
        facts.tsc_khz = wc_tsc_khz();
        write_note(paths, path.data, key.data, good_s, &facts);
    }
    *out = facts;
    return 0;
}

int wc_vm_accel_probe(const struct wc_paths *paths, struct wc_vm_accel_facts *out,
                      struct wc_err *err)
{
    return wc_accel_probe_at(&wc_accel_host, paths, out, err);
}
