/* bundle.c - one run on disk: directories, instance.json, config.json, keeper.conf, network blobs.
 *
 * instance.json comes first (what is found later without the rest counts as broken and can be
 * removed), the marker "whole" last: a directory that has it was complete.
 */
#include "drivers/process/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/paths.h"
#include "base/str.h"
#include "drivers/keeper/protocol.h"
#include "drivers/net/net.h"
#include "drivers/process/bundle_conf.h"
#include "drivers/process/caps.h"
#include "drivers/process/flavour.h"
#include "drivers/process/image_root.h"
#include "drivers/process/keeper_link.h"
#include "drivers/process/baseline.h"
#include "drivers/process/oci.h"
#include "drivers/process/oci_runtime.h"
#include "drivers/process/sealed.h"
#include "wcompose/image.h"

const char *wc_bundle_cgroup_root(const struct wc_paths *paths, struct wc_arena *arena)
{
    char hash[WC_SHA256_HEX + 1];
    if (wc_streq(paths->run, "/run/wcompose"))
        return "/wcompose";
    wc_sha256_hex(paths->run, strlen(paths->run), hash);
    return wc_arena_printf(arena, "/wcompose-%.8s", hash);
}

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const char *below(struct wc_arena *arena, const char *dir, const char *name)
{
    return wc_arena_printf(arena, "%s/%s", dir, name);
}

/* The writable layer's top directory is the container's "/": owner and mode as the image has it. */
static int make_upper(const char *path, int root_fd, struct wc_err *err)
{
    struct stat st;
    if (mkdir(path, 0755) != 0)
        return errno == EEXIST ? 0 : wc_err_set(err, wc_fs_code(errno), errno, "%s", path);
    if (fstat(root_fd, &st) != 0 || chown(path, st.st_uid, st.st_gid) != 0 ||
        chmod(path, st.st_mode & 07777) != 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "%s", path);
    return 0;
}

static int make_dirs(const struct wc_bundle_request *req, struct wc_arena *arena,
                     struct wc_err *err)
{
    static const char *const stale[] = {
        WC_KEEPER_STATUS, WC_KEEPER_PID,      WC_KEEPER_SOCKET,    "pid",
        "keeper.err",     "runtime.log",      WC_BASELINE_FILE,    WC_BUNDLE_LINKS,
        WC_JOIN_CONF,     WC_KEEPER_NET_HOST, WC_KEEPER_NET_INSIDE
    };
    static const char *const dirs[] = { "work", "rootfs" };
    int rc = -1;
    /* again: the last removal of a project takes empty parents away */
    for (int tries = 0; rc != 0 && tries < 3; tries++)
        rc = wc_fs_mkdirs(req->lib_dir, 0700, err);
    for (size_t i = 0; rc == 0 && i < WC_COUNT(dirs); i++)
        rc = wc_fs_mkdirs(below(arena, req->lib_dir, dirs[i]), 0700, err);
    int rc_run = rc == 0 ? -1 : 0;
    for (int tries = 0; rc_run != 0 && tries < 3; tries++)
        rc_run = wc_fs_mkdirs(below(arena, req->run_dir, "bundle"), 0700, err);
    rc = rc != 0 ? rc : rc_run;
    for (size_t i = 0; rc == 0 && i < WC_COUNT(stale); i++)
        (void)unlink(below(arena, req->run_dir, stale[i]));
    (void)wc_fs_remove_tree(below(arena, req->run_dir, "vm"), NULL);
    if (req->run >
        1) { /* the last exit is not this run's; kept in case that it never comes to be */
        (void)rename(below(arena, req->lib_dir, WC_KEEPER_EXIT),
                     below(arena, req->lib_dir, "exit.prev"));
        (void)unlink(below(arena, req->lib_dir, "stopped_by_user"));
        (void)unlink(below(arena, req->lib_dir, "sick"));
    }
    return rc;
}

/* The image's name may be another image's tomorrow; what the root is made of must stay. */
static const char *layer_names(const struct wc_image_info *image, struct wc_arena *arena)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    for (size_t i = 0; i < image->layers.n; i++) {
        const char *slash = strrchr(image->layers.items[i], '/');
        wc_buf_printf(&text, "%s%s", i == 0 ? "" : ":",
                      slash == NULL ? image->layers.items[i] : slash + 1);
    }
    return wc_arena_strndup(arena, text.data, text.len);
}

static struct wc_record make_record(const struct wc_bundle_request *req, struct wc_arena *arena)
{
    const struct wc_instance *inst = req->inst;
    struct wc_record r = { .id = inst->id,
                           .name = inst->name,
                           .project = inst->project,
                           .service = inst->service,
                           .image = inst->image->reference,
                           .layers = layer_names(inst->image, arena),
                           .level = req->flavour != NULL ? req->flavour->level : "process",
                           .index = inst->index,
                           .run = req->run };
    char boot[64];
    wc_boot_id(boot, sizeof boot);
    memcpy(r.hash, inst->hash, sizeof r.hash);
    wc_record_describe(&r, inst->spec, arena);
    r.created_at_ms = req->created_at_ms != 0 ? req->created_at_ms : wall_ms();
    r.boot_id = wc_arena_strdup(arena, boot);
    r.runtime_id = wc_arena_printf(arena, "%s.%u", inst->id, req->run);
    r.cgroup = wc_arena_printf(arena, "%s/%s/%s", wc_bundle_cgroup_root(req->paths, arena),
                               inst->project, r.runtime_id);
    return r;
}

/* While a runtime makes its groups nobody may remove empty parents under it. */
static int take_lock(const struct wc_paths *paths, struct wc_arena *arena, int how)
{
    const char *path = below(arena, paths->run, "cgroup.lock");
    if (wc_fs_mkdirs(paths->run, 0700, NULL) != 0)
        return -1;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0 && flock(fd, how) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static int write_blob(const struct wc_bundle_request *req, const char *name,
                      const struct wc_buf *blob, struct wc_arena *arena, struct wc_err *err)
{
    if (blob->len == 0)
        return 0;
    return wc_write_plain(below(arena, req->run_dir, name), blob->data, blob->len, 0600, err);
}

/* The links that a run gets: messages to the kernel outside and inside, what is noted of them, and
 * for a machine the names of its taps. */
struct network {
    struct wc_buf host, inside, links;
    struct wc_strv taps;
};

static void network_deinit(struct network *net)
{
    wc_buf_deinit(&net->host);
    wc_buf_deinit(&net->inside);
    wc_buf_deinit(&net->links);
}

static int plan_network(const struct wc_bundle_request *req, const struct wc_record *record,
                        struct wc_arena *arena, struct network *out, struct wc_err *err)
{
    enum wc_network_mode mode = req->inst->spec->network_mode;
    if (mode == WC_NETMODE_HOST || mode == WC_NETMODE_SERVICE)
        return 0;
    /* A link dies some time after its namespace, so a new one must not bear its name: the same id
     * may come again at once, after a failed create or a quick down and up. */
    uint64_t unique = 0;
    if (getrandom(&unique, sizeof unique, 0) != sizeof unique)
        return wc_err_set(err, WC_ERR_IO, errno, "get random bytes");
    const char *seed =
        wc_arena_printf(arena, "%s.%llx", record->runtime_id, (unsigned long long)unique);
    for (size_t i = 0; req->flavour != NULL && i < req->inst->n_nets; i++) {
        char name[WC_NET_IFNAME_MAX + 1];
        wc_net_host_ifname(seed, i, name);
        wc_strv_add(arena, &out->taps, wc_arena_strdup(arena, name));
    }
    if (req->flavour != NULL)
        wc_net_tap_notes(req->inst, seed, &out->links);
    if (req->flavour != NULL)
        return wc_net_tap_blobs(req->inst, seed, &out->host, &out->inside, err);
    wc_net_link_notes(req->inst, seed, &out->links);
    return wc_net_link_blobs(req->inst, seed, &out->host, &out->inside, err);
}

/* What is inside a machine is the agent's to do. */
static int write_network(const struct wc_bundle_request *req, const struct network *net,
                         struct wc_arena *arena, struct wc_err *err)
{
    int rc = write_blob(req, WC_KEEPER_NET_HOST, &net->host, arena, err);
    if (rc == 0 && req->flavour == NULL)
        rc = write_blob(req, WC_KEEPER_NET_INSIDE, &net->inside, arena, err);
    if (rc == 0)
        rc = write_blob(req, WC_BUNDLE_LINKS, &net->links, arena, err);
    return rc;
}

/* All answers, then all files. */
static int write_answers(const struct wc_bundle_request *req, const struct wc_oci_runtime *runtime,
                         const struct wc_oci *oci, struct wc_arena *arena, struct wc_bundle *out,
                         struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf config = WC_BUF_INIT;
    wc_oci_render(oci, &config);
    int rc = wc_record_write(req->lib_dir, &out->record, err);
    if (rc == 0)
        rc = wc_bundle_write_conf(req, oci, runtime, &out->record, arena, err);
    if (rc == 0)
        rc = wc_write_plain(below(arena, req->run_dir, "bundle/config.json"), config.data,
                            config.len, 0600, err);
    if (rc == 0)
        rc = wc_write_plain(below(arena, req->lib_dir, WC_RECORD_WHOLE), "", 0, 0600, err);
    return rc;
}

static int write_run(const struct wc_bundle_request *req, const struct wc_oci_runtime *runtime,
                     int root_fd, struct wc_arena *arena, struct wc_bundle *out, struct wc_err *err)
{
    const struct wc_oci_host host = {
        .root_fd = root_fd,
        .rootfs = below(arena, req->lib_dir, "rootfs"),
        .instance_dir = req->lib_dir,
        .volumes_dir = req->paths->volumes,
        .given_dir = below(arena, req->run_dir, "given"),
        .cgroup_path = out->record.cgroup,
        .notify_dir = req->inst->spec->health.check.kind == WC_CHECK_NOTIFY
                          ? below(arena, req->run_dir, WC_KEEPER_NOTIFY)
                          : NULL,
        .init_program = below(arena, req->paths->bin, "wcompose-init"),
        .seccomp_cache = below(arena, req->paths->lib, "seccomp"),
        .recursive_ro = runtime->recursive_ro,
        .caps_available = wc_caps_available(),
    };
    WC_CLEANUP_BUF struct wc_buf join = WC_BUF_INIT;
    struct wc_oci oci, jail;
    struct network net = { WC_BUF_INIT, WC_BUF_INIT, WC_BUF_INIT, { 0 } };
    struct wc_instance inst = *req->inst;
    if (req->flavour != NULL)
        inst.hosts_file =
            NULL; /* it changes while the machine has a copy: it asks the name server */
    int rc = wc_oci_resolve(&inst, &host, arena, &oci, err);
    if (rc != 0)
        return rc;
    out->record.notes = oci.notes;
    out->record.runtime = runtime->path;
    wc_oci_render_join(&oci, &join);
    char *copy = wc_arena_alloc(arena, join.len + 1);
    memcpy(copy, join.data, join.len);
    out->join = copy;
    out->join_len = join.len;
    if (req->flavour != NULL) /* making one takes long: others have to see whose it is */
        rc = wc_record_write(req->lib_dir, &out->record, err);
    if (rc == 0)
        rc = plan_network(req, &out->record, arena, &net, err);
    if (rc == 0)
        rc = write_network(req, &net, arena, err);
    if (rc == 0 && req->flavour != NULL) {
        const struct wc_wrap wrap = { req, &oci, root_fd, &net.inside };
        rc = req->flavour->wrap(&wrap, arena, &jail, err);
        jail.taps = net.taps;
        out->handed = rc == 0 ? jail.handed : 0;
    }
    if (rc == 0)
        rc = write_answers(req, runtime, req->flavour != NULL ? &jail : &oci, arena, out, err);
    network_deinit(&net);
    return rc;
}

/* Puts back what a failed run moved away. */
static void restore(const struct wc_bundle_request *req, struct wc_arena *arena)
{
    const char *record = below(arena, req->lib_dir, WC_KEEPER_EXIT);
    if (!wc_fs_exists(record))
        (void)rename(below(arena, req->lib_dir, "exit.prev"), record);
}

static int start(const struct wc_bundle_request *req, struct wc_arena *arena, struct wc_bundle *out,
                 struct wc_err *err)
{
    struct wc_oci_runtime runtime;
    WC_CLEANUP_FD int root_fd = -1;
    const char *upper = below(arena, req->lib_dir, "upper");
    const char *wanted = req->flavour != NULL ? NULL : req->inst->spec->runtime;
    bool layered = req->flavour == NULL; /* a machine's writable layer is a disk of its own */
    int rc = wc_oci_runtime_find(wanted, arena, &runtime, err);
    if (rc == 0)
        rc = make_dirs(req, arena, err);
    if (rc == 0)
        rc = wc_image_root(&req->inst->image->layers, layered && req->run > 1 ? upper : NULL,
                           &root_fd, err);
    if (rc == 0 && layered)
        rc = make_upper(upper, root_fd, err);
    out->record = make_record(req, arena);
    if (rc == 0)
        rc = write_run(req, &runtime, root_fd, arena, out, err);
    if (rc != 0)
        return rc;
    WC_CLEANUP_FD int sealed = req->sealed != NULL && runtime.copies_itself
                                   ? wc_sealed_get(req->sealed, runtime.path)
                                   : -1;
    out->lock = take_lock(req->paths, arena, LOCK_SH);
    const struct wc_keeper_start keeper = { .program =
                                                below(arena, req->paths->bin, "wcompose-keeper"),
                                            .run_dir = req->run_dir,
                                            .sealed = sealed,
                                            .pidfd = -1,
                                            .handed = out->handed };
    rc = wc_keeper_spawn(&keeper, &out->keeper, &out->link, err);
    if (rc != 0 && out->lock >= 0)
        close(out->lock);
    return rc;
}

int wc_bundle_start(const struct wc_bundle_request *req, struct wc_arena *arena,
                    struct wc_bundle *out, struct wc_err *err)
{
    struct wc_bundle bundle = { .link = -1, .lock = -1 };
    int rc = start(req, arena, &bundle, err);
    if (rc == 0) {
        *out = bundle;
    } else if (req->run > 1) {
        restore(req, arena);
    } else {
        (void)wc_fs_remove_tree(req->lib_dir, NULL);
        (void)wc_fs_remove_tree(req->run_dir, NULL);
        wc_bundle_tidy(req->paths, req->cgroup, req->inst->project, false);
    }
    return rc;
}

/* The runtime's own words get its name in front; the keeper's don't. */
static void tell(const struct wc_bundle_request *req, const struct wc_record *record,
                 const char *why, struct wc_arena *arena, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf said = WC_BUF_INIT;
    const char *path = below(arena, req->run_dir, "runtime.log");
    bool by_runtime = wc_fs_exists(path); /* it has been run at all */
    const char *slash = record->runtime != NULL ? strrchr(record->runtime, '/') : NULL;
    if (why == NULL || why[0] == '\0') {
        (void)wc_fs_read(below(arena, req->run_dir, "keeper.err"), 1 << 20, &said, NULL);
        while (said.len > 0 && said.data[said.len - 1] == '\n')
            said.data[--said.len] = '\0';
        const char *last = strrchr(said.data, '\n');
        why = said.len == 0 ? "wcompose-keeper ended early" : last != NULL ? last + 1 : said.data;
        by_runtime = false;
    }
    if (by_runtime && slash != NULL)
        (void)wc_err_set(err, WC_ERR_FAILED, 0, "%s: %s", slash + 1, why);
    else
        (void)wc_err_set(err, WC_ERR_FAILED, 0, "%s", why);
}

int wc_bundle_undo(const struct wc_bundle_request *req, const struct wc_record *record,
                   const char *why, struct wc_err *err)
{
    struct wc_arena arena;
    wc_arena_init(&arena);
    tell(req, record, why, &arena, err);
    (void)wc_cgroup_kill(req->cgroup, record->cgroup, NULL);
    (void)wc_cgroup_remove(req->cgroup, record->cgroup, NULL);
    (void)wc_fs_remove_tree(
        wc_arena_printf(&arena, "%s/oci/%s", req->paths->run, record->runtime_id), NULL);
    if (req->run > 1) {
        restore(req, &arena);
        (void)unlink(below(&arena, req->run_dir, WC_KEEPER_STATUS));
    } else {
        (void)wc_fs_remove_tree(req->lib_dir, NULL);
        (void)wc_fs_remove_tree(req->run_dir, NULL);
        wc_bundle_tidy(req->paths, req->cgroup, record->project, false);
    }
    wc_arena_deinit(&arena);
    return err != NULL ? err->code : WC_ERR_FAILED;
}

enum { OLD_RUNS = 1000 }; /* earlier runs whose delete may have been cut short, or never begun */

static int remove_groups(const struct wc_paths *paths, const struct wc_cgroup_host *cgroup,
                         const struct wc_record *record, struct wc_arena *arena, struct wc_err *err)
{
    const char *root = wc_bundle_cgroup_root(paths, arena);
    unsigned first = record->run > OLD_RUNS ? record->run - OLD_RUNS : 1;
    int rc = 0;
    for (unsigned run = first; run <= record->run && rc == 0; run++) {
        const char *group =
            wc_arena_printf(arena, "%s/%s/%s.%u", root, record->project, record->id, run);
        rc = wc_cgroup_kill(cgroup, group, err);
        if (rc == 0)
            rc = wc_cgroup_remove(cgroup, group, err);
        (void)wc_fs_remove_tree(wc_arena_printf(arena, "%s/oci/%s.%u", paths->run, record->id, run),
                                NULL);
    }
    return rc;
}

/* Moves a directory out of sight and returns its new name, or NULL when it isn't there. */
static const char *move_aside(const char *dir, const char *trash, const char *tag,
                              struct wc_arena *arena)
{
    const char *slash = strrchr(dir, '/');
    const char *to = wc_arena_printf(arena, "%s/%s.%s.%llx", trash, slash + 1, tag,
                                     (unsigned long long)wall_ms());
    (void)wc_fs_mkdirs(trash, 0700, NULL);
    return rename(dir, to) == 0 ? to : NULL;
}

int wc_bundle_remove(const struct wc_paths *paths, const struct wc_cgroup_host *cgroup,
                     const struct wc_record *record, const char *lib_dir, const char *run_dir,
                     struct wc_err *err)
{
    struct wc_arena arena;
    wc_arena_init(&arena);
    const char *lib_trash =
        below(&arena, wc_paths_project_lib(paths, &arena, record->project), "trash");
    const char *run_trash =
        below(&arena, wc_paths_project_run(paths, &arena, record->project), "trash");
    int rc = record->run > 0 ? remove_groups(paths, cgroup, record, &arena, err) : 0;
    if (rc == 0) {
        const char *lib = move_aside(lib_dir, lib_trash, "lib", &arena);
        const char *run = move_aside(run_dir, run_trash, "run", &arena);
        rc = wc_fs_remove_tree(lib != NULL ? lib : lib_dir, err);
        int rc2 = wc_fs_remove_tree(run != NULL ? run : run_dir, rc == 0 ? err : NULL);
        rc = rc != 0 ? rc : rc2;
        (void)rmdir(lib_trash);
        (void)rmdir(run_trash);
    }
    wc_arena_deinit(&arena);
    return rc;
}

enum { TIDY_TRIES = 40, TIDY_WAIT_MS = 5 }; /* somebody may be starting a container */

void wc_bundle_tidy(const struct wc_paths *paths, const struct wc_cgroup_host *cgroup,
                    const char *project, bool all)
{
    struct wc_arena arena;
    wc_arena_init(&arena);
    const struct timespec pause = { .tv_nsec = TIDY_WAIT_MS * 1000000L };
    int lock = -1;
    for (int i = 0; lock < 0 && i < TIDY_TRIES; i++) {
        if (i > 0)
            nanosleep(&pause, NULL);
        lock = take_lock(paths, &arena, LOCK_EX | LOCK_NB);
    }
    if (lock >= 0) {
        const char *root = wc_bundle_cgroup_root(paths, &arena);
        const char *group = wc_arena_printf(&arena, "%s/%s", root, project);
        if (all) /* also of runs that ended with nobody there to take their group away */
            wc_cgroup_sweep(cgroup, group);
        wc_cgroup_remove_empty(cgroup, group);
        wc_cgroup_remove_empty(cgroup, root);
        close(lock);
    }
    const char *lib = wc_paths_project_lib(paths, &arena, project);
    const char *run = wc_paths_project_run(paths, &arena, project);
    (void)rmdir(below(&arena, lib, "instances"));
    (void)rmdir(below(&arena, run, "instances"));
    if (all) { /* what a removal that was killed had already put aside goes too */
        (void)wc_fs_remove_tree(below(&arena, lib, "trash"), NULL);
        (void)wc_fs_remove_tree(below(&arena, run, "trash"), NULL);
        (void)rmdir(lib);
        (void)rmdir(run);
    }
    wc_arena_deinit(&arena);
}
