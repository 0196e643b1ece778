/* oci_mounts.c - what is mounted where: the kernel's file systems first, then the user's mounts
 * from the shortest path to the longest, then the three name files.
 *
 * Source:  Docker's default mounts; Compose Specification, "volumes", "tmpfs", "shm_size".
 */
#include "drivers/process/oci.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/str.h"
#include "drivers/process/given.h"
#include "drivers/process/volume.h"
#include "wcompose/image.h"
#include "wcompose/state.h"

enum { SHM_DEFAULT_BYTES = 64 << 20 };

/* Adds a mount; `options` is a comma list. */
static struct wc_oci_mount *add(struct wc_oci *oci, const char *target, const char *type,
                                const char *source, const char *options)
{
    oci->mounts = wc_arena_grow(oci->arena, oci->mounts, oci->n_mounts, &oci->cap_mounts,
                                sizeof *oci->mounts);
    struct wc_oci_mount *m = &oci->mounts[oci->n_mounts++];
    *m = (struct wc_oci_mount){ .target = target, .type = type, .source = source };
    while (*options != '\0') {
        size_t len = strcspn(options, ",");
        if (len > 0)
            wc_strv_add(oci->arena, &m->options, wc_arena_strndup(oci->arena, options, len));
        options += len + (options[len] == ',');
    }
    return m;
}

static void add_kernel_mounts(const struct wc_service *spec, struct wc_oci *oci)
{
    bool rw = oci->privileged;
    add(oci, "/proc", "proc", "proc", "nosuid,noexec,nodev");
    add(oci, "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k");
    add(oci, "/dev/pts", "devpts", "devpts",
        "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5");
    add(oci, "/sys", "sysfs", "sysfs", rw ? "nosuid,noexec,nodev" : "nosuid,noexec,nodev,ro");
    add(oci, "/sys/fs/cgroup", "cgroup", "cgroup",
        rw ? "nosuid,noexec,nodev,relatime" : "nosuid,noexec,nodev,relatime,ro");
    if (oci->host_ipc) {
        add(oci, "/dev/mqueue", "bind", "/dev/mqueue", "rbind,nosuid,noexec,nodev");
        add(oci, "/dev/shm", "bind", "/dev/shm", "rbind,nosuid,noexec,nodev");
        return;
    }
    int64_t shm = spec->shm_size_bytes > 0 ? spec->shm_size_bytes : SHM_DEFAULT_BYTES;
    add(oci, "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev");
    add(oci, "/dev/shm", "tmpfs", "shm",
        wc_arena_printf(oci->arena, "nosuid,noexec,nodev,mode=1777,size=%lld", (long long)shm));
}

/* crun opens the target of an rro mount as a directory; a file has nothing below it anyway. */
static const char *read_only_option(const struct wc_oci_host *host, const char *source)
{
    struct stat st;
    bool directory = stat(source, &st) == 0 && S_ISDIR(st.st_mode);
    return host->recursive_ro && directory ? "rro" : "ro";
}

static int check_source(const struct wc_mount *m, struct wc_err *err)
{
    if (access(m->source, F_OK) == 0)
        return 0;
    if (errno != ENOENT)
        return wc_err_at(err, wc_fs_code(errno), m->at, "cannot use bind source %s: %s", m->source,
                         strerror(errno));
    if (m->object != NULL)
        return wc_err_at(err, WC_ERR_NOENT, m->at, "%s: there is no file %s", m->object, m->source);
    if (!m->create_host_path)
        return wc_err_at(err, WC_ERR_NOENT, m->at,
                         "bind source %s does not exist; make it, or set create_host_path: true",
                         m->source);
    int rc = wc_fs_mkdirs(m->source, 0755, err);
    if (rc != 0 && err != NULL)
        err->at = m->at;
    return rc;
}

static int add_bind(const struct wc_mount *m, const struct wc_oci_host *host, struct wc_oci *oci,
                    struct wc_err *err)
{
    static const char *const known[] = { "rprivate", "private", "rshared",
                                         "shared",   "rslave",  "slave" };
    const char *propagation = m->propagation != NULL ? m->propagation : "rprivate";
    bool valid = false;
    for (size_t i = 0; i < WC_COUNT(known); i++)
        valid = valid || wc_streq(known[i], propagation);
    if (!valid)
        return wc_err_at(err, WC_ERR_SPEC, m->at, "unknown bind propagation '%s'", propagation);
    int rc = check_source(m, err);
    if (rc != 0)
        return rc;
    if (strstr(propagation, "shared") != NULL)
        wc_oci_note(oci,
                    "%s: what the container mounts there stays in it: its mounts only follow "
                    "the host's",
                    m->target);
    add(oci, m->target, "bind", m->source,
        wc_arena_printf(oci->arena, "rbind,%s%s%s", propagation, m->read_only ? "," : "",
                        m->read_only ? read_only_option(host, m->source) : ""));
    return 0;
}

static const char *driver_option(const struct wc_volume *volume, const char *key)
{
    for (size_t i = 0; volume != NULL && i < volume->driver_opts.n; i++)
        if (wc_streq(volume->driver_opts.items[i].key, key))
            return volume->driver_opts.items[i].value;
    return NULL;
}

static void bind_data(const struct wc_mount *m, const struct wc_oci_host *host, struct wc_oci *oci,
                      const char *path)
{
    add(oci, m->target, "bind", path,
        wc_arena_printf(oci->arena, "rbind,rprivate%s%s", m->read_only ? "," : "",
                        m->read_only ? read_only_option(host, path) : ""));
}

/* driver_opts of the local driver: type none with o: bind, and tmpfs; others need a mount of ours.
 */
static int add_special_volume(const struct wc_mount *m, const struct wc_volume *volume,
                              const struct wc_oci_host *host, struct wc_oci *oci,
                              struct wc_err *err)
{
    const char *type = driver_option(volume, "type"), *o = driver_option(volume, "o");
    const char *device = driver_option(volume, "device");
    if (type != NULL && wc_streq(type, "tmpfs")) {
        add(oci, m->target, "tmpfs", "tmpfs",
            wc_arena_printf(oci->arena, "nosuid,nodev,%s", o != NULL ? o : ""));
        return 0;
    }
    if (device == NULL || o == NULL || strstr(o, "bind") == NULL)
        return wc_err_at(err, WC_ERR_UNAVAILABLE, volume->at,
                         "volume %s: driver_opts type '%s' is not supported (bind and tmpfs are)",
                         volume->key, type != NULL ? type : "");
    if (access(device, F_OK) != 0)
        return wc_err_at(err, wc_fs_code(errno), volume->at, "volume %s: device %s: %s",
                         volume->key, device, strerror(errno));
    bind_data(m, host, oci, device);
    return 0;
}

/* The source is a place that the keeper binds the volume's part to, since a path through the volume
 * could lead elsewhere by the time that the runtime takes it. */
static int pin_subpath(const struct wc_mount *m, const struct wc_oci_host *host, struct wc_oci *oci,
                       const char **path, struct wc_err *err)
{
    const char *place =
        wc_arena_printf(oci->arena, "%s/pins/%zu", host->instance_dir, oci->pins.n / 3);
    int rc = wc_volume_subpath(*path, m->subpath, place, err);
    if (rc != 0)
        return rc;
    wc_strv_add(oci->arena, &oci->pins, place);
    wc_strv_add(oci->arena, &oci->pins, *path);
    wc_strv_add(oci->arena, &oci->pins, m->subpath);
    *path = place;
    return 0;
}

static int add_named(const struct wc_instance *inst, const struct wc_mount *m,
                     const struct wc_oci_host *host, struct wc_oci *oci, struct wc_err *err)
{
    const struct wc_volume *volume = wc_project_volume(inst->model, m->source);
    const char *name = volume != NULL ? volume->name : m->source;
    if (volume != NULL && volume->driver != NULL && !wc_streq(volume->driver, "local"))
        return wc_err_at(err, WC_ERR_UNAVAILABLE, volume->at,
                         "volume %s: driver '%s' is not supported here; only local is", volume->key,
                         volume->driver);
    if (strchr(name, '/') != NULL || name[0] == '.' || name[0] == '\0')
        return wc_err_at(err, WC_ERR_SPEC, m->at, "'%s' is no name for a volume", name);
    if (volume != NULL && volume->driver_opts.n > 0)
        return add_special_volume(m, volume, host, oci, err);
    const char *dir = wc_arena_printf(oci->arena, "%s/%s", host->volumes_dir, name);
    if (volume != NULL && volume->external && !wc_fs_exists(dir))
        return wc_err_at(err, WC_ERR_NOENT, volume->at, "external volume %s does not exist (%s)",
                         name, dir);
    struct wc_volume_source source = { m->nocopy ? -1 : host->root_fd, m->target };
    const char *path;
    int rc = wc_volume_prepare(dir, &source, oci->arena, &path, err);
    if (rc == 0 && m->subpath != NULL)
        rc = pin_subpath(m, host, oci, &path, err);
    if (rc == 0)
        bind_data(m, host, oci, path);
    else if (err != NULL && err->at.file == NULL)
        err->at = m->at;
    return rc;
}

/* Anonymous volumes live in the instance's directory and go with it. */
static int add_anonymous(const struct wc_mount *m, const struct wc_oci_host *host,
                         struct wc_oci *oci, struct wc_err *err)
{
    char hash[WC_SHA256_HEX + 1];
    wc_sha256_hex(m->target, strlen(m->target), hash);
    const char *dir = wc_arena_printf(oci->arena, "%s/volumes/%.12s", host->instance_dir, hash);
    struct wc_volume_source source = { m->nocopy ? -1 : host->root_fd, m->target };
    const char *path;
    int rc = wc_volume_prepare(dir, &source, oci->arena, &path, err);
    if (rc == 0)
        bind_data(m, host, oci, path);
    return rc;
}

static void add_tmpfs(const struct wc_mount *m, struct wc_oci *oci)
{
    WC_CLEANUP_BUF struct wc_buf options = WC_BUF_INIT;
    const char *given = m->tmpfs_options != NULL ? m->tmpfs_options : "";
    /* Docker's defaults; what the user wrote comes after and wins */
    wc_buf_adds(&options, "nosuid,nodev");
    if (strstr(given, "exec") == NULL)
        wc_buf_adds(&options, ",noexec");
    wc_buf_printf(&options, ",mode=%llo",
                  (unsigned long long)(m->tmpfs_mode >= 0 ? m->tmpfs_mode : 01777));
    if (m->tmpfs_size_bytes > 0)
        wc_buf_printf(&options, ",size=%lld", (long long)m->tmpfs_size_bytes);
    if (given[0] != '\0')
        wc_buf_printf(&options, ",%s", given);
    if (m->read_only)
        wc_buf_adds(&options, ",ro");
    add(oci, m->target, "tmpfs", "tmpfs", options.data);
}

static int add_copy(const struct wc_mount *m, const struct wc_oci_host *host, struct wc_oci *oci,
                    struct wc_err *err)
{
    const char *path;
    int rc = wc_given_copy(m, host->given_dir, oci->arena, &path, err);
    if (rc == 0)
        add(oci, m->target, "bind", path, "bind,rprivate,ro,nosuid,nodev,noexec");
    return rc;
}

static int add_mount(const struct wc_instance *inst, const struct wc_mount *m,
                     const struct wc_oci_host *host, struct wc_oci *oci, struct wc_err *err)
{
    switch (m->type) {
    case WC_MOUNT_BIND:
        return add_bind(m, host, oci, err);
    case WC_MOUNT_VOLUME:
        return m->source != NULL ? add_named(inst, m, host, oci, err)
                                 : add_anonymous(m, host, oci, err);
    case WC_MOUNT_TMPFS:
        add_tmpfs(m, oci);
        return 0;
    case WC_MOUNT_COPY:
        return add_copy(m, host, oci, err);
    }
    return wc_err_at(err, WC_ERR_BUG, m->at, "mount of unknown type %d", (int)m->type);
}

static size_t depth_of(const char *path)
{
    size_t depth = 0;
    for (; *path != '\0'; path++)
        depth += *path == '/' && path[1] != '\0' && path[1] != '/';
    return depth;
}

static int by_depth(const void *a, const void *b)
{
    const struct wc_mount *x = *(const struct wc_mount *const *)a;
    const struct wc_mount *y = *(const struct wc_mount *const *)b;
    size_t dx = depth_of(x->target), dy = depth_of(y->target);
    return dx != dy ? (dx < dy ? -1 : 1) : strcmp(x->target, y->target);
}

static bool has_target(const struct wc_mount *const *list, size_t n, const char *target)
{
    for (size_t i = 0; i < n; i++)
        if (wc_streq(list[i]->target, target))
            return true;
    return false;
}

/* The service's mounts, and the image's volumes that nothing else covers, parents first. */
static const struct wc_mount **sorted(const struct wc_instance *inst, struct wc_arena *arena,
                                      size_t *n)
{
    const struct wc_service *spec = inst->spec;
    const struct wc_strv *declared = &inst->image->volumes;
    const struct wc_mount **list =
        WC_NEW_ARRAY(arena, const struct wc_mount *, spec->n_mounts + declared->n + 1);
    for (size_t i = 0; i < spec->n_mounts; i++)
        list[(*n)++] = &spec->mounts[i];
    for (size_t i = 0; i < declared->n; i++) {
        if (has_target(list, *n, declared->items[i]) || declared->items[i][0] != '/')
            continue;
        struct wc_mount *m = WC_NEW(arena, struct wc_mount);
        *m = (struct wc_mount){ .type = WC_MOUNT_VOLUME, .target = declared->items[i] };
        m->tmpfs_mode = m->tmpfs_size_bytes = WC_UNSET;
        list[(*n)++] = m;
    }
    qsort(list, *n, sizeof *list, by_depth);
    return list;
}

static int write_file(const char *path, const char *text, struct wc_err *err)
{
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return wc_err_set(err, wc_fs_code(errno), errno, "%s", path);
    bool bad = fputs(text, file) == EOF;
    bad = fchmod(fileno(file), 0644) != 0 || bad;
    bad = fclose(file) != 0 || bad;
    return bad ? wc_err_set(err, wc_fs_code(errno), errno, "%s", path) : 0;
}

static const char *own_hosts(const struct wc_instance *inst, const struct wc_oci *oci)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    wc_buf_adds(&text, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
    for (size_t i = 0; i < inst->spec->extra_hosts.n; i++)
        wc_buf_printf(&text, "%s\t%s\n", inst->spec->extra_hosts.items[i].value,
                      inst->spec->extra_hosts.items[i].key);
    for (size_t i = 0; i < inst->n_nets; i++) {
        uint32_t ip = inst->nets[i].ip4;
        wc_buf_printf(&text, "%u.%u.%u.%u\t%s\n", ip >> 24, (ip >> 16) & 255, (ip >> 8) & 255,
                      ip & 255, oci->hostname);
    }
    return wc_arena_strdup(oci->arena, text.data);
}

/* /etc/hosts, /etc/hostname and /etc/resolv.conf, unless the user mounts something there; as
 * unchangeable as the root that they are part of. */
static int add_name_files(const struct wc_instance *inst, const struct wc_oci_host *host,
                          const struct wc_mount *const *list, size_t n, struct wc_oci *oci,
                          struct wc_err *err)
{
    const char *hosts = inst->hosts_file;
    const char *hostname = wc_arena_printf(oci->arena, "%s/hostname", host->instance_dir);
    int rc = write_file(hostname, wc_arena_printf(oci->arena, "%s\n", oci->hostname), err);
    if (rc == 0 && hosts == NULL) {
        hosts = wc_arena_printf(oci->arena, "%s/hosts", host->instance_dir);
        rc = write_file(hosts, own_hosts(inst, oci), err);
    }
    if (rc != 0)
        return rc;
    const char *const files[][2] = { { "/etc/hosts", hosts },
                                     { "/etc/hostname", hostname },
                                     { "/etc/resolv.conf", inst->resolv_file } };
    for (size_t i = 0; i < WC_COUNT(files); i++)
        if (files[i][1] != NULL && !has_target(list, n, files[i][0]))
            add(oci, files[i][0], "bind", files[i][1],
                oci->root_readonly ? "rbind,rprivate,ro" : "rbind,rprivate");
    return 0;
}

int wc_oci_resolve_mounts(const struct wc_instance *inst, const struct wc_oci_host *host,
                          struct wc_oci *oci, struct wc_err *err)
{
    size_t n = 0;
    const struct wc_mount **list = sorted(inst, oci->arena, &n);
    add_kernel_mounts(inst->spec, oci);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && wc_streq(list[i]->target, list[i - 1]->target))
            return wc_err_at(err, WC_ERR_SPEC, list[i]->at, "two mounts at %s", list[i]->target);
        int rc = add_mount(inst, list[i], host, oci, err);
        if (rc != 0)
            return rc;
    }
    int rc = add_name_files(inst, host, list, n, oci, err);
    if (rc == 0 && host->notify_dir != NULL)
        add(oci, WC_OCI_NOTIFY_DIR, "bind", host->notify_dir,
            "bind,rprivate,ro,nosuid,nodev,noexec");
    if (rc == 0 && inst->spec->init == WC_TRI_TRUE)
        add(oci, "/sbin/wcompose-init", "bind", host->init_program, "bind,ro,nosuid,nodev");
    return rc;
}
