/* bundle_conf.c - what the keeper is to know, as records. */
#include "drivers/process/bundle_conf.h"

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/paths.h"
#include "base/str.h"
#include "base/units.h"
#include "drivers/keeper/protocol.h"
#include "drivers/net/net.h"
#include "wcompose/image.h"

enum { DEFAULT_LOG_BYTES = 10 << 20, DEFAULT_LOG_FILES = 3, MAX_LOG_FILES = 1000 };

static int read_option(const struct wc_service *spec, const struct wc_kv *option,
                       struct wc_log_conf *conf, struct wc_err *err)
{
    const char *value = option->value != NULL ? option->value : "";
    if (wc_streq(option->key, "max-size")) {
        if (wc_streq(value, "-1")) {
            conf->max_bytes = 0;
            return 0;
        }
        if (wc_bytes_parse(value, &conf->max_bytes))
            return 0;
        return wc_err_at(err, WC_ERR_SPEC, spec->at, "logging: max-size '%s' is not a size", value);
    }
    if (wc_streq(option->key, "max-file")) {
        if (wc_str_to_i64(value, 1, MAX_LOG_FILES, &conf->max_files))
            return 0;
        return wc_err_at(err, WC_ERR_SPEC, spec->at, "logging: max-file '%s' is not within 1..%d",
                         value, MAX_LOG_FILES);
    }
    /* they shape what is stored by Docker only: labels, compression, blocking (ours always blocks)
     */
    static const char *const harmless[] = { "labels",    "labels-regex", "env",
                                            "env-regex", "tag",          "compress" };
    for (size_t i = 0; i < WC_COUNT(harmless); i++)
        if (wc_streq(option->key, harmless[i]))
            return 0;
    if (wc_streq(option->key, "mode") && wc_streq(value, "blocking"))
        return 0;
    return wc_err_at(err, WC_ERR_UNAVAILABLE, spec->at, "logging: option %s=%s is not supported",
                     option->key, value);
}

int wc_log_conf_read(const struct wc_service *spec, struct wc_log_conf *out, struct wc_err *err)
{
    const char *driver = spec->logging.driver != NULL ? spec->logging.driver : "json-file";
    struct wc_log_conf conf = { "json-file", DEFAULT_LOG_BYTES, DEFAULT_LOG_FILES };
    if (wc_streq(driver, "none"))
        conf.format = "none";
    else if (!wc_streq(driver, "json-file") && !wc_streq(driver, "local"))
        return wc_err_at(err, WC_ERR_UNAVAILABLE, spec->at,
                         "logging: driver '%s' is not supported (json-file, local and none are)",
                         driver);
    for (size_t i = 0; i < spec->logging.options.n; i++) {
        int rc = read_option(spec, &spec->logging.options.items[i], &conf, err);
        if (rc != 0)
            return rc;
    }
    *out = conf;
    return 0;
}

/* Overlay's list: names relative to a common directory where there is one, colons escaped. */
static void write_layers(const struct wc_strv *layers, struct wc_arena *arena, struct wc_buf *out)
{
    WC_CLEANUP_BUF struct wc_buf lower = WC_BUF_INIT;
    const char *first = layers->items[0];
    size_t shared = (size_t)(strrchr(first, '/') - first) + 1;
    for (size_t i = 1; i < layers->n; i++)
        if (strncmp(first, layers->items[i], shared) != 0)
            shared = 1;
    for (size_t i = layers->n; i > 0; i--) {
        for (const char *c = layers->items[i - 1] + shared; *c != '\0'; c++) {
            if (*c == ':' || *c == '\\' || *c == ',')
                wc_buf_addc(&lower, '\\');
            wc_buf_addc(&lower, *c);
        }
        if (i > 1)
            wc_buf_addc(&lower, ':');
    }
    wc_oci_record(out, "layers", "%s",
                  shared > 1 ? wc_arena_strndup(arena, first, shared - 1) : "/");
    wc_oci_record(out, "lower", "%s", lower.data);
}

static int write_netns(const struct wc_bundle_request *req, const struct wc_oci *oci,
                       struct wc_buf *out, struct wc_err *err)
{
    const struct wc_service *spec = req->inst->spec;
    switch (spec->network_mode) {
    case WC_NETMODE_HOST:
        wc_oci_record(out, "netns", "host");
        return 0;
    case WC_NETMODE_SERVICE:
        if (req->join_pid <= 0)
            return wc_err_at(err, WC_ERR_STATE, spec->at,
                             "network_mode: service:%s: that service does not run",
                             spec->network_mode_service != NULL ? spec->network_mode_service : "");
        wc_oci_record(out, "netns", "/proc/%d/ns/net", (int)req->join_pid);
        wc_oci_record(out, "netns_starttime", "%llu", (unsigned long long)req->join_starttime);
        return 0;
    case WC_NETMODE_NONE:
    case WC_NETMODE_NETWORKS:
        break;
    }
    wc_oci_record(out, "netns", "new");
    for (const char *const *s = wc_net_sysctls(); *s != NULL; s++)
        wc_oci_record(out, "net_sysctl", "%s", *s);
    for (size_t i = 0; i < oci->net_sysctls.n; i++)
        wc_oci_record(out, "net_sysctl", "%s=%s", oci->net_sysctls.items[i].key,
                      oci->net_sysctls.items[i].value);
    return 0;
}

/* When a run is followed by another one, for the keeper. */
static const char *const again_words[] = {
    [WC_RESTART_NO] = "never",
    [WC_RESTART_ALWAYS] = "always",
    [WC_RESTART_ON_FAILURE] = "failed",
    [WC_RESTART_UNLESS_STOPPED] = "always",
};

int wc_bundle_write_conf(const struct wc_bundle_request *req, const struct wc_oci *oci,
                         const struct wc_oci_runtime *runtime, const struct wc_record *record,
                         struct wc_arena *arena, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct wc_log_conf log;
    int rc = wc_log_conf_read(req->inst->spec, &log, err);
    if (rc != 0)
        return rc;
    wc_oci_record(&out, "id", "%s", record->runtime_id);
    wc_oci_record(&out, "lib", "%s", req->lib_dir);
    wc_oci_record(&out, "runtime", "%s", runtime->path);
    wc_oci_record(&out, "runtime_root", "%s/oci", req->paths->run);
    wc_oci_record(&out, "bundle", "%s/bundle", req->run_dir);
    for (size_t i = 0; runtime->state_files != NULL && runtime->state_files[i] != NULL; i++)
        wc_oci_record(&out, "state_file", "%s", runtime->state_files[i]);
    if (runtime->start_fifo != NULL)
        wc_oci_record(&out, "start_fifo", "%s", runtime->start_fifo);
    wc_oci_record(&out, "group", "%s", record->cgroup);
    for (size_t i = 0; i < req->cgroup->n_trees; i++)
        if (!wc_streq0(req->cgroup->trees[i].mount, req->cgroup->detach))
            wc_oci_record(&out, "hierarchy", "%s", req->cgroup->trees[i].mount);
    if (req->cgroup->detach != NULL)
        wc_oci_record(&out, "detach", "%s", req->cgroup->detach);
    static const char *const pin[] = { "pin_at", "pin_root", "pin_path" };
    for (size_t i = 0; i < oci->pins.n; i++)
        wc_oci_record(&out, pin[i % WC_COUNT(pin)], "%s", oci->pins.items[i]);
    if (req->flavour == NULL) {
        write_layers(&req->inst->image->layers, arena, &out);
        wc_oci_record(&out, "upper", "%s/upper", req->lib_dir);
        wc_oci_record(&out, "work", "%s/work", req->lib_dir);
    } else {
        wc_oci_record(&out, "machine", "1");
    }
    if (oci->handed > 0)
        wc_oci_record(&out, "handed", "1");
    for (size_t i = 0; i < oci->taps.n; i++)
        wc_oci_record(&out, "tap", "%s", oci->taps.items[i]);
    wc_oci_record(&out, "rootfs", "%s/rootfs", req->lib_dir);
    const char *oom = wc_cgroup_oom_file(req->cgroup, record->cgroup, arena);
    if (oom != NULL)
        wc_oci_record(&out, "oom_file", "%s", oom);
    wc_oci_record(&out, "tty", "%d", oci->tty ? 1 : 0);
    wc_oci_record(&out, "log", "%s", log.format);
    wc_oci_record(&out, "log_max_bytes", "%lld", (long long)log.max_bytes);
    wc_oci_record(&out, "log_max_files", "%lld", (long long)log.max_files);
    wc_oci_record(&out, "stdin", "%s",
                  req->inst->spec->stdin_open == WC_TRI_TRUE ? "fifo" : "null");
    wc_oci_record(&out, "again", "%s", again_words[req->inst->spec->restart]);
    wc_oci_record(&out, "owner", "%u", oci->user.uid);
    if (req->inst->spec->health.check.kind == WC_CHECK_NOTIFY) {
        int64_t watchdog_ms = req->inst->spec->health.watchdog_ms;
        wc_oci_record(&out, "notify", "1");
        wc_oci_record(&out, "notify_watchdog_ms", "%lld",
                      watchdog_ms > 0 ? (long long)watchdog_ms : 0LL);
    }
    rc = write_netns(req, oci, &out, err);
    if (rc != 0)
        return rc;
    return wc_write_plain(wc_arena_printf(arena, "%s/%s", req->run_dir, WC_KEEPER_CONF), out.data,
                          out.len, 0600, err);
}
