/* oci_process.c - the process itself: arguments, environment, user, rights.
 *
 * Source:  Docker's rules for ENTRYPOINT and CMD: an entrypoint of the service drops the image's
 * command too; OCI Image Specification, config.md.
 */
#include "drivers/process/oci.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "drivers/process/caps.h"
#include "drivers/keeper/protocol.h"
#include "drivers/process/seccomp.h"
#include "wcompose/image.h"
#include "wcompose/state.h"
#include "wcompose/sealed.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum { HOST_NAME_LIMIT = 63, SECCOMP_BPF_MAX_BYTES = 1 << 20 };

void wc_oci_note(struct wc_oci *oci, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = wc_arena_vprintf(oci->arena, fmt, args);
    va_end(args);
    wc_log(WC_LOG_WARN, "process", "%s: %s", oci->spec->name, text);
    wc_strv_add(oci->arena, &oci->notes, text);
}

static void append(struct wc_oci *oci, const struct wc_strv *list)
{
    for (size_t i = 0; i < list->n; i++)
        wc_strv_add(oci->arena, &oci->args, list->items[i]);
}

int wc_oci_resolve_args(const struct wc_instance *inst, struct wc_oci *oci, struct wc_err *err)
{
    const struct wc_service *spec = inst->spec;
    if (spec->init == WC_TRI_TRUE) {
        wc_strv_add(oci->arena, &oci->args, "/sbin/wcompose-init");
        wc_strv_add(oci->arena, &oci->args, "--");
    }
    size_t before = oci->args.n;
    append(oci, spec->entrypoint.set ? &spec->entrypoint : &inst->image->entrypoint);
    if (spec->command.set)
        append(oci, &spec->command);
    else if (!spec->entrypoint.set)
        append(oci, &inst->image->cmd);
    if (oci->args.n == before)
        return wc_err_at(err, WC_ERR_SPEC, spec->at,
                         "no command: neither the service nor image %s names one",
                         inst->image->reference != NULL ? inst->image->reference : "");
    return 0;
}

/* Sets KEY in the map to the whole "KEY=VALUE"; NULL values of the service remove. */
static void put_env(struct wc_oci *oci, struct wc_map *map, const char *key, const char *value)
{
    wc_map_put(map, key, value != NULL ? wc_arena_printf(oci->arena, "%s=%s", key, value) : NULL);
}

static void resolve_env(const struct wc_instance *inst, struct wc_oci *oci)
{
    struct wc_map map;
    wc_map_init(&map, oci->arena);
    put_env(oci, &map, "PATH", DEFAULT_PATH);
    put_env(oci, &map, "HOSTNAME", oci->hostname);
    if (oci->tty)
        put_env(oci, &map, "TERM", "xterm");
    const struct wc_strv *image = &inst->image->env;
    for (size_t i = 0; i < image->n; i++) {
        const char *equals = strchr(image->items[i], '=');
        if (equals != NULL)
            put_env(
                oci, &map,
                wc_arena_strndup(oci->arena, image->items[i], (size_t)(equals - image->items[i])),
                equals + 1);
    }
    const struct wc_kvs *own = &inst->spec->environment;
    for (size_t i = 0; i < own->n; i++)
        put_env(oci, &map, own->items[i].key, own->items[i].value);
    const struct wc_healthcheck *health = &inst->spec->health;
    if (health->check.kind == WC_CHECK_NOTIFY) {
        put_env(oci, &map, "NOTIFY_SOCKET", WC_OCI_NOTIFY_DIR "/" WC_KEEPER_NOTIFY);
        if (health->watchdog_ms > 0)
            put_env(oci, &map, "WATCHDOG_USEC",
                    wc_arena_printf(oci->arena, "%lld", (long long)health->watchdog_ms * 1000));
    }
    oci->is_home_ours = !wc_map_has(&map, "HOME");
    if (oci->is_home_ours)
        put_env(oci, &map, "HOME", oci->user.home);
    for (size_t i = 0; i < map.n; i++)
        if (map.entries[i].value != NULL)
            wc_strv_add(oci->arena, &oci->env, map.entries[i].value);
}

static void resolve_names(const struct wc_instance *inst, struct wc_oci *oci)
{
    const struct wc_service *spec = inst->spec;
    const char *name = spec->hostname != NULL ? spec->hostname : inst->name;
    oci->hostname = wc_arena_strndup(oci->arena, name, HOST_NAME_LIMIT);
    oci->domainname = spec->domainname;
    oci->cwd = spec->working_dir != NULL && spec->working_dir[0] != '\0' ? spec->working_dir
               : inst->image->working_dir != NULL && inst->image->working_dir[0] != '\0'
                   ? inst->image->working_dir
                   : "/";
    if (oci->cwd[0] != '/')
        oci->cwd = wc_arena_printf(oci->arena, "/%s", oci->cwd);
}

static bool option_value(const char *option, const char *name, const char **value)
{
    size_t len = strlen(name);
    if (strncmp(option, name, len) != 0 || (option[len] != ':' && option[len] != '='))
        return false;
    *value = option + len + 1;
    return true;
}

static int apply_seccomp(const char *value, struct wc_oci *oci, struct wc_err *err)
{
    oci->seccomp = NULL;
    if (wc_streq(value, "unconfined"))
        return 0;
    if (wc_streq(value, "builtin")) {
        oci->seccomp = wc_seccomp_default(oci->caps, oci->arena);
        return 0;
    }
    const char *path = value;
    if (path[0] != '/')
        return wc_err_at(err, WC_ERR_SPEC, oci->spec->at,
                         "security_opt: seccomp needs an absolute path, 'builtin' or "
                         "'unconfined', not '%s'",
                         value);
    return wc_seccomp_load(path, oci->caps, oci->arena, &oci->seccomp, err);
}

/* A runtime passes over a profile in silence where the kernel has no AppArmor. */
static int apply_apparmor(const char *value, struct wc_oci *oci, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf enabled = WC_BUF_INIT;
    oci->apparmor = NULL;
    if (wc_streq(value, "unconfined"))
        return 0;
    bool there = wc_fs_read("/sys/module/apparmor/parameters/enabled", 16, &enabled, NULL) == 0 &&
                 enabled.len > 0 && enabled.data[0] == 'Y';
    if (!there)
        return wc_err_at(err, WC_ERR_UNAVAILABLE, oci->spec->at,
                         "security_opt: apparmor=%s can't be had, as this host has no AppArmor",
                         value);
    oci->apparmor = value;
    return 0;
}

/* no-new-privileges, seccomp=, apparmor=, label=, systempaths=unconfined. */
static int apply_security_opt(const char *option, struct wc_oci *oci, struct wc_err *err)
{
    const char *value;
    if (wc_streq(option, "no-new-privileges")) {
        oci->no_new_privs = true;
        return 0;
    }
    if (option_value(option, "no-new-privileges", &value)) {
        if (!wc_streq(value, "true") && !wc_streq(value, "false"))
            return wc_err_at(err, WC_ERR_SPEC, oci->spec->at,
                             "security_opt: no-new-privileges is true or false, not '%s'", value);
        oci->no_new_privs = wc_streq(value, "true");
        return 0;
    }
    if (option_value(option, "seccomp", &value))
        return apply_seccomp(value, oci, err);
    if (option_value(option, "apparmor", &value)) {
        return apply_apparmor(value, oci, err);
    }
    if (option_value(option, "label", &value) && wc_streq(value, "disable"))
        return 0;
    return wc_err_at(err, WC_ERR_UNAVAILABLE, oci->spec->at,
                     "security_opt '%s' is not supported by the process driver", option);
}

static int resolve_rights(const struct wc_instance *inst, const struct wc_oci_host *host,
                          struct wc_oci *oci, struct wc_err *err)
{
    const struct wc_service *spec = inst->spec;
    int rc = wc_caps_resolve(spec, host->caps_available, &oci->caps, err);
    if (rc != 0)
        return rc;
    if (!spec->privileged)
        oci->seccomp = wc_seccomp_default(oci->caps, oci->arena);
    for (size_t i = 0; rc == 0 && i < spec->security_opt.n; i++)
        rc = apply_security_opt(spec->security_opt.items[i], oci, err);
    if (rc == 0 && oci->seccomp != NULL)
        rc = wc_seccomp_export(oci->seccomp, host->seccomp_cache, oci->arena, &oci->seccomp_bpf,
                               err);
    return rc;
}

/* The service's annotations, and one to crun: the compiled filter, which saves it half of its work
 * (compiling 350 rules takes 3 ms a container). Runtimes that don't know it, and old crun, use the
 * rules in config.json, which are always there. A service may not speak to the runtime by itself:
 * "run.oci.*" could switch this filter off.
 */
static int resolve_annotations(struct wc_oci *oci, struct wc_err *err)
{
    const struct wc_kvs *own = &oci->spec->annotations;
    struct wc_kvs *all = &oci->annotations;
    all->items = WC_NEW_ARRAY(oci->arena, struct wc_kv, own->n + 1);
    for (size_t i = 0; i < own->n; i++) {
        if (wc_str_starts(own->items[i].key, "run.oci."))
            return wc_err_at(err, WC_ERR_PERM, oci->spec->at,
                             "annotation '%s' is an order to the OCI runtime; services may not "
                             "give those",
                             own->items[i].key);
        all->items[all->n++] = own->items[i];
    }
    if (oci->seccomp_bpf == NULL)
        return 0;
    WC_CLEANUP_BUF struct wc_buf program = WC_BUF_INIT;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    int rc = wc_fs_read(oci->seccomp_bpf, SECCOMP_BPF_MAX_BYTES, &program, err);
    if (rc != 0)
        return rc;
    wc_buf_add_base64(&text, program.data, program.len);
    all->items[all->n++] = (struct wc_kv){ "run.oci.seccomp_bpf_data",
                                           wc_arena_strndup(oci->arena, text.data, text.len) };
    return 0;
}

/* pid, ipc, uts and cgroup: the container's own, or the host's. */
static int resolve_namespaces(struct wc_oci *oci, struct wc_err *err)
{
    const struct wc_service *spec = oci->spec;
    const struct {
        const char *key, *value;
        bool *host;
    } rows[] = {
        { "pid", spec->pid, &oci->host_pid },
        { "ipc", spec->ipc, &oci->host_ipc },
        { "uts", spec->uts, &oci->host_uts },
        { "cgroup", spec->cgroup, &oci->host_cgroup },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        const char *value = rows[i].value;
        if (value == NULL || value[0] == '\0' || wc_streq(value, "private") ||
            wc_streq(value, "shareable"))
            continue;
        if (!wc_streq(value, "host"))
            return wc_err_at(err, WC_ERR_UNAVAILABLE, spec->at,
                             "%s: '%s' is not supported by the process driver (private and host "
                             "are)",
                             rows[i].key, value);
        *rows[i].host = true;
    }
    if (spec->cgroup_parent != NULL && spec->cgroup_parent[0] != '\0')
        return wc_err_at(err, WC_ERR_UNAVAILABLE, spec->at,
                         "cgroup_parent: '%s' is not supported by the process driver",
                         spec->cgroup_parent);
    if (spec->userns_mode != NULL && spec->userns_mode[0] != '\0' &&
        !wc_streq(spec->userns_mode, "host"))
        return wc_err_at(err, WC_ERR_UNAVAILABLE, spec->at,
                         "userns_mode: '%s' is not supported by the process driver",
                         spec->userns_mode);
    return 0;
}

int wc_oci_resolve_process(const struct wc_instance *inst, const struct wc_oci_host *host,
                           struct wc_oci *oci, struct wc_err *err)
{
    const struct wc_service *spec = inst->spec;
    oci->tty = spec->tty == WC_TRI_TRUE;
    oci->privileged = spec->privileged;
    oci->root_readonly = spec->read_only;
    resolve_names(inst, oci);
    if (spec->sealed != NULL && spec->sealed->closed != NULL)
        return wc_err_at(err, WC_ERR_PERM, spec->at, "its variables can't be given: %s",
                         spec->sealed->closed);
    int rc = wc_oci_resolve_args(inst, oci, err);
    if (rc == 0)
        rc = resolve_namespaces(oci, err);
    if (rc != 0)
        return rc;
    const char *user = spec->user != NULL ? spec->user : inst->image->user;
    rc = wc_oci_user_resolve(host->root_fd, user, &spec->group_add, oci->arena, &oci->user, err);
    if (rc != 0) {
        if (err != NULL)
            err->at = spec->at;
        return wc_err_wrap(err, rc, "user");
    }
    resolve_env(inst, oci);
    rc = resolve_rights(inst, host, oci, err);
    return rc == 0 ? resolve_annotations(oci, err) : rc;
}

int wc_oci_resolve(const struct wc_instance *inst, const struct wc_oci_host *host,
                   struct wc_arena *arena, struct wc_oci *out, struct wc_err *err)
{
    struct wc_oci oci = {
        .arena = arena, .spec = inst->spec, .rootfs = host->rootfs, .cgroup_path = host->cgroup_path
    };
    int rc = wc_oci_resolve_process(inst, host, &oci, err);
    if (rc == 0)
        rc = wc_oci_resolve_limits(inst, &oci, err);
    if (rc == 0)
        rc = wc_oci_resolve_devices(inst, &oci, err);
    if (rc == 0)
        rc = wc_oci_resolve_mounts(inst, host, &oci, err);
    if (rc == 0)
        *out = oci;
    return rc;
}
