/* oci_render.c - the answers of wc_oci_resolve, written as config.json and join.conf.
 *
 * Source:  OCI Runtime Specification 1.0. The network namespace is not named here: the runtime
 * inherits the one that the keeper made.
 */
#include "drivers/process/oci.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "drivers/process/caps.h"
#include "drivers/process/hidden.h"
#include "drivers/process/limits.h"
#include "drivers/process/seccomp.h"

static void write_list(struct wc_jsonw *w, const char *key, const char *const *items, size_t n)
{
    wc_jsonw_array(w, key);
    for (size_t i = 0; i < n; i++)
        wc_jsonw_str(w, NULL, items[i]);
    wc_jsonw_end_array(w);
}

static void write_map(struct wc_jsonw *w, const char *key, const struct wc_kvs *map)
{
    wc_jsonw_object(w, key);
    for (size_t i = 0; i < map->n; i++)
        wc_jsonw_str(w, map->items[i].key, map->items[i].value != NULL ? map->items[i].value : "");
    wc_jsonw_end_object(w);
}

static void write_caps(struct wc_jsonw *w, const char *key, uint64_t caps)
{
    wc_jsonw_array(w, key);
    for (int i = 0; wc_caps_name(i) != NULL; i++)
        if (caps & (UINT64_C(1) << (unsigned)i))
            wc_jsonw_str(w, NULL, wc_caps_name(i));
    wc_jsonw_end_array(w);
}

static void write_user(const struct wc_oci_user *user, struct wc_jsonw *w)
{
    wc_jsonw_object(w, "user");
    wc_jsonw_i64(w, "uid", user->uid);
    wc_jsonw_i64(w, "gid", user->gid);
    wc_jsonw_array(w, "additionalGids");
    for (size_t i = 0; i < user->n_groups; i++)
        wc_jsonw_i64(w, NULL, user->groups[i]);
    wc_jsonw_end_array(w);
    wc_jsonw_end_object(w);
}

static void write_unsigned(struct wc_jsonw *w, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    wc_jsonw_raw(w, key, text);
}

static void write_process(const struct wc_oci *oci, struct wc_jsonw *w)
{
    wc_jsonw_object(w, "process");
    wc_jsonw_bool(w, "terminal", oci->tty);
    write_user(&oci->user, w);
    write_list(w, "args", oci->args.items, oci->args.n);
    write_list(w, "env", oci->env.items, oci->env.n);
    wc_jsonw_str(w, "cwd", oci->cwd);
    wc_jsonw_object(w, "capabilities");
    write_caps(w, "bounding", oci->caps);
    write_caps(w, "effective", oci->caps);
    write_caps(w, "permitted", oci->caps);
    wc_jsonw_end_object(w);
    wc_jsonw_array(w, "rlimits");
    for (size_t i = 0; i < oci->n_rlimits; i++) {
        wc_jsonw_object(w, NULL);
        wc_jsonw_str(w, "type", oci->rlimits[i].name);
        write_unsigned(w, "hard", oci->rlimits[i].hard);
        write_unsigned(w, "soft", oci->rlimits[i].soft);
        wc_jsonw_end_object(w);
    }
    wc_jsonw_end_array(w);
    wc_jsonw_bool(w, "noNewPrivileges", oci->no_new_privs);
    if (oci->apparmor != NULL)
        wc_jsonw_str(w, "apparmorProfile", oci->apparmor);
    if (oci->has_oom_score_adj)
        wc_jsonw_i64(w, "oomScoreAdj", oci->oom_score_adj);
    wc_jsonw_end_object(w);
}

static void write_mounts(const struct wc_oci *oci, struct wc_jsonw *w)
{
    wc_jsonw_array(w, "mounts");
    for (size_t i = 0; i < oci->n_mounts; i++) {
        const struct wc_oci_mount *m = &oci->mounts[i];
        wc_jsonw_object(w, NULL);
        wc_jsonw_str(w, "destination", m->target);
        wc_jsonw_str(w, "type", m->type);
        wc_jsonw_str(w, "source", m->source);
        write_list(w, "options", m->options.items, m->options.n);
        wc_jsonw_end_object(w);
    }
    wc_jsonw_end_array(w);
}

static void write_namespaces(const struct wc_oci *oci, struct wc_jsonw *w)
{
    const struct {
        const char *type;
        bool skip;
    } rows[] = {
        { "mount", false },       { "pid", oci->host_pid },       { "ipc", oci->host_ipc },
        { "uts", oci->host_uts }, { "cgroup", oci->host_cgroup },
    };
    wc_jsonw_array(w, "namespaces");
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        if (rows[i].skip)
            continue;
        wc_jsonw_object(w, NULL);
        wc_jsonw_str(w, "type", rows[i].type);
        wc_jsonw_end_object(w);
    }
    wc_jsonw_end_array(w);
}

/* One line of the devices cgroup; -1 stands for "any". */
static void write_access(struct wc_jsonw *w, bool allow, char type, int64_t major, int64_t minor,
                         const char *access)
{
    const char text[2] = { type, '\0' };
    wc_jsonw_object(w, NULL);
    wc_jsonw_bool(w, "allow", allow);
    if (type != '\0')
        wc_jsonw_str(w, "type", text);
    if (major >= 0)
        wc_jsonw_i64(w, "major", major);
    if (minor >= 0)
        wc_jsonw_i64(w, "minor", minor);
    wc_jsonw_str(w, "access", access);
    wc_jsonw_end_object(w);
}

/* Nothing, then what Docker allows: making any node, using the harmless ones. */
static void write_device_rules(const struct wc_oci *oci, struct wc_jsonw *w)
{
    static const struct {
        char type;
        int major, minor;
        const char *access;
    } rows[] = {
        { 'c', -1, -1, "m" }, { 'b', -1, -1, "m" },    { 'c', 1, 3, "rwm" }, { 'c', 1, 5, "rwm" },
        { 'c', 1, 7, "rwm" }, { 'c', 1, 8, "rwm" },    { 'c', 1, 9, "rwm" }, { 'c', 5, 0, "rwm" },
        { 'c', 5, 2, "rwm" }, { 'c', 136, -1, "rwm" },
    };
    wc_jsonw_array(w, "devices");
    if (oci->privileged) {
        write_access(w, true, '\0', -1, -1, "rwm");
    } else {
        write_access(w, false, '\0', -1, -1, "rwm");
        for (size_t i = 0; i < WC_COUNT(rows); i++)
            write_access(w, true, rows[i].type, rows[i].major, rows[i].minor, rows[i].access);
        for (size_t i = 0; i < oci->n_devices; i++)
            write_access(w, true, oci->devices[i].type, oci->devices[i].major,
                         oci->devices[i].minor, oci->devices[i].access);
    }
    wc_jsonw_end_array(w);
}

static void write_memory(const struct wc_service *spec, const struct wc_limits *limits,
                         struct wc_jsonw *w)
{
    if (limits->memory_bytes < 0 && limits->reservation_bytes < 0 && !spec->oom_kill_disable)
        return;
    wc_jsonw_object(w, "memory");
    if (limits->memory_bytes >= 0) {
        wc_jsonw_i64(w, "limit", limits->memory_bytes);
        wc_jsonw_i64(w, "swap", limits->swap_bytes);
    }
    if (limits->reservation_bytes >= 0)
        wc_jsonw_i64(w, "reservation", limits->reservation_bytes);
    if (spec->oom_kill_disable)
        wc_jsonw_bool(w, "disableOOMKiller", true);
    wc_jsonw_end_object(w);
}

static void write_cpu(const struct wc_limits *limits, struct wc_jsonw *w)
{
    if (limits->cpu_quota_us < 0 && limits->cpu_shares < 0 && limits->cpuset == NULL)
        return;
    wc_jsonw_object(w, "cpu");
    if (limits->cpu_quota_us >= 0) {
        wc_jsonw_i64(w, "quota", limits->cpu_quota_us);
        wc_jsonw_i64(w, "period", limits->cpu_period_us);
    }
    if (limits->cpu_shares >= 0)
        wc_jsonw_i64(w, "shares", limits->cpu_shares);
    if (limits->cpuset != NULL)
        wc_jsonw_str(w, "cpus", limits->cpuset);
    wc_jsonw_end_object(w);
}

static void write_resources(const struct wc_oci *oci, struct wc_jsonw *w)
{
    struct wc_limits limits;
    if (oci->limits != NULL)
        limits = *oci->limits;
    else
        wc_limits_of(oci->spec, &limits);
    wc_jsonw_object(w, "resources");
    write_device_rules(oci, w);
    write_memory(oci->spec, &limits, w);
    write_cpu(&limits, w);
    if (limits.pids >= 0) {
        wc_jsonw_object(w, "pids");
        wc_jsonw_i64(w, "limit", limits.pids);
        wc_jsonw_end_object(w);
    }
    wc_jsonw_end_object(w);
}

static void write_device_nodes(const struct wc_oci *oci, struct wc_jsonw *w)
{
    wc_jsonw_array(w, "devices");
    for (size_t i = 0; i < oci->n_devices; i++) {
        const struct wc_oci_device *device = &oci->devices[i];
        const char type[2] = { device->type, '\0' };
        wc_jsonw_object(w, NULL);
        wc_jsonw_str(w, "path", device->path);
        wc_jsonw_str(w, "type", type);
        wc_jsonw_i64(w, "major", device->major);
        wc_jsonw_i64(w, "minor", device->minor);
        wc_jsonw_i64(w, "fileMode", device->mode);
        wc_jsonw_i64(w, "uid", device->uid);
        wc_jsonw_i64(w, "gid", device->gid);
        wc_jsonw_end_object(w);
    }
    wc_jsonw_end_array(w);
}

static void write_words(struct wc_jsonw *w, const char *key, const char *const *words)
{
    size_t n = 0;
    while (words[n] != NULL)
        n++;
    write_list(w, key, words, n);
}

/* A mount that is to pass mounts from the host to the container needs a root that lets it. */
static const char *root_propagation(const struct wc_oci *oci)
{
    for (size_t i = 0; i < oci->n_mounts; i++) {
        const struct wc_strv *options = &oci->mounts[i].options;
        if (wc_strv_has(options, "rslave") || wc_strv_has(options, "slave"))
            return "rslave";
    }
    return NULL;
}

static void write_linux(const struct wc_oci *oci, struct wc_jsonw *w)
{
    wc_jsonw_object(w, "linux");
    wc_jsonw_str(w, "cgroupsPath", oci->cgroup_path);
    write_namespaces(oci, w);
    write_resources(oci, w);
    if (oci->n_devices > 0)
        write_device_nodes(oci, w);
    if (oci->sysctls.n > 0)
        write_map(w, "sysctl", &oci->sysctls);
    if (!oci->privileged) {
        write_words(w, "maskedPaths", wc_hidden_masked);
        write_words(w, "readonlyPaths", wc_hidden_readonly);
    }
    if (root_propagation(oci) != NULL)
        wc_jsonw_str(w, "rootfsPropagation", root_propagation(oci));
    if (oci->seccomp != NULL)
        wc_seccomp_render(oci->seccomp, w);
    wc_jsonw_end_object(w);
}

void wc_oci_render(const struct wc_oci *oci, struct wc_buf *out)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_str(&w, "ociVersion", "1.0.2");
    write_process(oci, &w);
    wc_jsonw_object(&w, "root");
    wc_jsonw_str(&w, "path", oci->rootfs);
    wc_jsonw_bool(&w, "readonly", oci->root_readonly);
    wc_jsonw_end_object(&w);
    if (!oci->host_uts) {
        wc_jsonw_str(&w, "hostname", oci->hostname);
        if (oci->domainname != NULL)
            wc_jsonw_str(&w, "domainname", oci->domainname);
    }
    write_mounts(oci, &w);
    if (oci->annotations.n > 0)
        write_map(&w, "annotations", &oci->annotations);
    write_linux(oci, &w);
    wc_jsonw_end_object(&w);
}

void wc_oci_record(struct wc_buf *out, const char *key, const char *fmt, ...)
{
    va_list args;
    wc_buf_printf(out, "%s=", key);
    va_start(args, fmt);
    wc_buf_vprintf(out, fmt, args);
    va_end(args);
    wc_buf_addc(out, '\0');
}

void wc_oci_render_join(const struct wc_oci *oci, struct wc_buf *out)
{
    WC_CLEANUP_BUF struct wc_buf groups = WC_BUF_INIT;
    for (size_t i = 0; i < oci->user.n_groups; i++)
        wc_buf_printf(&groups, "%s%u", i > 0 ? "," : "", oci->user.groups[i]);
    wc_oci_record(out, "uid", "%u", oci->user.uid);
    wc_oci_record(out, "gid", "%u", oci->user.gid);
    wc_oci_record(out, "groups", "%s", groups.data);
    wc_oci_record(out, "umask", "%d", 022);
    wc_oci_record(out, "cwd", "%s", oci->cwd);
    for (size_t i = 0; i < oci->env.n; i++) {
        if (oci->is_home_ours && wc_str_starts(oci->env.items[i], "HOME="))
            continue; /* join finds that of the user it runs as */
        wc_oci_record(out, "env", "%s", oci->env.items[i]);
    }
    wc_oci_record(out, "caps", "%llx", (unsigned long long)oci->caps);
    if (oci->no_new_privs)
        wc_oci_record(out, "nnp", "1");
    if (oci->apparmor != NULL)
        wc_oci_record(out, "apparmor", "%s", oci->apparmor);
    if (oci->seccomp_bpf != NULL)
        wc_oci_record(out, "seccomp", "%s", oci->seccomp_bpf);
    for (size_t i = 0; i < oci->n_rlimits; i++)
        wc_oci_record(out, "rlimit", "%d %llu %llu", oci->rlimits[i].resource,
                      (unsigned long long)oci->rlimits[i].soft,
                      (unsigned long long)oci->rlimits[i].hard);
}
