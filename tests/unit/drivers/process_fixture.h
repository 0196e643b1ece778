/* process_fixture.h - a place under /tmp, a busybox image made on the spot, and a driver over both.
 *
 * Idea:    real containers in a private network namespace; teardown removes every instance that is
 * left through the driver itself, then checks that nothing remains.
 */
#ifndef TESTS_UNIT_DRIVERS_PROCESS_FIXTURE_H
#define TESTS_UNIT_DRIVERS_PROCESS_FIXTURE_H

#include "harness/wc_test.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/paths.h"
#include "base/str.h"
#include "drivers/process/bundle.h"
#include "drivers/process/cgroup.h"
#include "drivers/process/driver.h"
#include "wcompose/image.h"

#ifndef FIXTURE_GUARD_MS
#define FIXTURE_GUARD_MS 55000
#endif

enum { FIXTURE_FACTS = 64 };

struct fixture_fact {
    struct wc_fact fact;
    char id[160];
};

struct fixture {
    struct wc_arena arena;
    char root[64];
    struct wc_paths paths;
    struct wc_project project;
    struct wc_image_info image;
    uv_loop_t loop;
    uv_timer_t guard;
    const struct wc_driver_ops *ops; /* NULL: the process driver's */
    struct wc_driver *driver;
    struct fixture_fact facts[FIXTURE_FACTS];
    size_t n_facts;
    bool closed;
    struct wc_op op;
    bool op_done;
};

static inline void fixture_strv(struct wc_arena *arena, struct wc_strv *out,
                                const char *const *items)
{
    *out = (struct wc_strv){ .set = true };
    for (size_t i = 0; items[i] != NULL; i++)
        wc_strv_add(arena, out, items[i]);
}
#define FIXTURE_STRV(f, list, ...)                                                                 \
    fixture_strv(&(f)->arena, &(list), (const char *const[]){ __VA_ARGS__, NULL })

static inline void fixture_write(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static inline char *fixture_read(struct fixture *f, const char *path)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_err err = { 0 };
    if (wc_fs_read(path, 1 << 20, &text, &err) != 0)
        return wc_arena_strdup(&f->arena, "");
    return wc_arena_strdup(&f->arena, text.data);
}

static inline void fixture_copy(const char *from, const char *to)
{
    char buffer[65536];
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    ssize_t got;
    assert_true(in >= 0 && out >= 0);
    while ((got = read(in, buffer, sizeof buffer)) > 0)
        assert_int_equal(write(out, buffer, (size_t)got), got);
    assert_int_equal(got, 0);
    close(in);
    close(out);
}

/* A layer of a static busybox, two users, and a directory with content for a volume. */
static inline void fixture_make_image(struct fixture *f)
{
    static const char *const dirs[] = { "bin", "etc", "tmp", "proc", "sys", "dev", "data", "srv" };
    static const char *const tools[] = { "sh",   "cat",   "sleep", "id",    "true",
                                         "echo", "ls",    "grep",  "touch", "env",
                                         "stat", "kill",  "test",  "mkdir", "hostname",
                                         "pwd",  "false", "mount", "chown" };
    const char *layer = wc_arena_printf(&f->arena, "%s/layers/one", f->root);
    assert_int_equal(wc_fs_mkdirs(layer, 0755, NULL), 0);
    for (size_t i = 0; i < WC_COUNT(dirs); i++)
        assert_int_equal(
            wc_fs_mkdirs(wc_arena_printf(&f->arena, "%s/%s", layer, dirs[i]), 0755, NULL), 0);
    fixture_copy("/bin/busybox", wc_arena_printf(&f->arena, "%s/bin/busybox", layer));
    for (size_t i = 0; i < WC_COUNT(tools); i++)
        assert_int_equal(
            symlink("busybox", wc_arena_printf(&f->arena, "%s/bin/%s", layer, tools[i])), 0);
    fixture_write(wc_arena_printf(&f->arena, "%s/etc/passwd", layer),
                  "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:App:/home/app:/bin/sh\n", 0644);
    fixture_write(wc_arena_printf(&f->arena, "%s/etc/group", layer),
                  "root:x:0:\nstaff:x:50:app,other\napp:x:1001:\nextra:x:77:\n", 0644);
    fixture_write(wc_arena_printf(&f->arena, "%s/data/seed", layer), "seed\n", 0640);
    const char *data = wc_arena_printf(&f->arena, "%s/data", layer);
    assert_int_equal(chown(data, 1000, 1001), 0);
    assert_int_equal(chmod(data, 0750), 0);
    f->image = (struct wc_image_info){ .reference = "docker.io/library/test:latest",
                                       .os = "linux",
                                       .architecture = "amd64",
                                       .size_bytes = WC_UNSET };
    wc_strv_add(&f->arena, &f->image.layers, layer);
    FIXTURE_STRV(f, f->image.env, "PATH=/bin", "FROM_IMAGE=1");
    FIXTURE_STRV(f, f->image.cmd, "sh");
}

/* A service with every number unset. */
static inline struct wc_service *fixture_service(struct fixture *f, const char *name)
{
    struct wc_service *s = WC_NEW(&f->arena, struct wc_service);
    s->name = name;
    s->at = (struct wc_loc){ "compose.yaml", 2, 3 };
    s->network_mode = WC_NETMODE_NONE;
    s->restart_max = s->shm_size_bytes = s->mem_limit_bytes = s->mem_reservation_bytes = WC_UNSET;
    s->memswap_limit_bytes = s->nano_cpus = s->cpu_shares = s->pids_limit = WC_UNSET;
    s->init = s->tty = s->stdin_open = WC_TRI_UNSET;
    s->oom_score_adj = INT64_MIN;
    s->stop_grace_ms = 10000;
    s->replicas = 1;
    return s;
}

/* The service's first instance, running `sh -c script` unless script is NULL. */
static inline struct wc_instance *fixture_instance(struct fixture *f, struct wc_service *s,
                                                   const char *script)
{
    struct wc_instance *i = WC_NEW(&f->arena, struct wc_instance);
    i->name = wc_arena_printf(&f->arena, "%s-%s-1", f->project.name, s->name);
    i->id = wc_arena_printf(&f->arena, "%s.0a1b2c3d", i->name);
    i->project = f->project.name;
    i->service = s->name;
    i->index = 1;
    snprintf(i->hash, sizeof i->hash, "0a1b2c3d");
    i->spec = s;
    i->model = &f->project;
    i->image = &f->image;
    i->level = WC_ISOLATION_PROCESS;
    if (script != NULL)
        FIXTURE_STRV(f, s->command, "sh", "-c", script);
    return i;
}

static inline void fixture_observe(void *data, const struct wc_fact *fact)
{
    struct fixture *f = data;
    assert_true(f->n_facts < FIXTURE_FACTS);
    struct fixture_fact *slot = &f->facts[f->n_facts++];
    slot->fact = *fact;
    snprintf(slot->id, sizeof slot->id, "%s", fact->id);
}

static inline void fixture_open(struct fixture *f)
{
    const struct wc_driver_config config = { .loop = &f->loop,
                                             .sink = { .observe = fixture_observe, .data = f },
                                             .project = f->project.name,
                                             .paths = &f->paths };
    struct wc_err err = { 0 };
    if (f->ops == NULL)
        f->ops = &wc_process_ops;
    if (f->ops->open(&config, &f->driver, &err) != 0)
        fail_msg("open: %s", err.msg);
    f->closed = false;
}

static inline void fixture_on_closed(void *data)
{
    struct fixture *f = data;
    f->closed = true;
}

static inline void fixture_close(struct fixture *f)
{
    f->ops->close(f->driver, fixture_on_closed, f);
    while (!f->closed)
        uv_run(&f->loop, UV_RUN_ONCE);
}

static inline void fixture_too_late(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("nothing happened for %d ms", FIXTURE_GUARD_MS);
}

/* Paths and image only: for what needs no driver. */
static inline void fixture_begin_files(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    wc_arena_init(&f->arena);
    snprintf(f->root, sizeof f->root, "/tmp/wctest.XXXXXX");
    assert_non_null(mkdtemp(f->root));
    assert_int_equal(chmod(f->root, 0755), 0);
    setenv("WCOMPOSE_ROOT", f->root, 1);
    struct wc_err err = { 0 };
    if (wc_paths_find(&f->arena, &f->paths, &err) != 0)
        fail_msg("paths: %s", err.msg);
    f->project.name = "proc";
    f->project.working_dir = f->root;
    fixture_make_image(f);
}

static inline void fixture_end_files(struct fixture *f)
{
    struct wc_err err = { 0 };
    if (wc_fs_remove_tree(f->root, &err) != 0)
        fail_msg("%s", err.msg);
    wc_arena_deinit(&f->arena);
}

static inline void fixture_begin(struct fixture *f)
{
    if (geteuid() != 0)
        WC_SKIP("root");
    if (access("/usr/bin/crun", X_OK) != 0 || access("/bin/busybox", X_OK) != 0)
        WC_SKIP("crun and busybox-static");
    if (unshare(CLONE_NEWNET) != 0) /* before any thread exists */
        WC_SKIP("a network namespace of its own");
    fixture_begin_files(f);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    uv_timer_init(&f->loop, &f->guard);
    uv_timer_start(&f->guard, fixture_too_late, FIXTURE_GUARD_MS, 0);
    fixture_open(f);
}

static inline void fixture_done(struct wc_op *op)
{
    struct fixture *f = op->data;
    assert_false(f->op_done);
    f->op_done = true;
}

/* Runs f->op to its end; returns its status. */
static inline int fixture_run(struct fixture *f)
{
    f->op.done = fixture_done;
    f->op.data = f;
    f->op_done = false;
    wc_driver_submit(f->driver, &f->op);
    assert_false(f->op_done);
    while (!f->op_done)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->op.status != 0, f->op.err.code != 0);
    return f->op.status;
}

static inline int fixture_do(struct fixture *f, enum wc_verb verb, const struct wc_instance *i)
{
    memset(&f->op, 0, sizeof f->op);
    f->op.verb = verb;
    f->op.project = f->project.name;
    f->op.instance = i;
    f->op.id = i != NULL ? i->id : NULL;
    return fixture_run(f);
}

/* The same, and it must succeed. */
static inline void fixture_must(struct fixture *f, enum wc_verb verb, const struct wc_instance *i)
{
    if (fixture_do(f, verb, i) != 0)
        fail_msg("verb %d: %s", (int)verb, f->op.err.msg);
}

static inline int fixture_exec(struct fixture *f, const struct wc_instance *i, const char *script)
{
    const char *argv[] = { "sh", "-c", script, NULL };
    memset(&f->op, 0, sizeof f->op);
    f->op.verb = WC_VERB_EXEC;
    f->op.id = i->id;
    f->op.argv = argv;
    int rc = fixture_run(f);
    if (rc != 0)
        fail_msg("exec: %s", f->op.err.msg);
    return f->op.exit_code;
}

/* The newest fact of an instance. */
static inline const struct wc_fact *fixture_fact(const struct fixture *f,
                                                 const struct wc_instance *i)
{
    for (size_t k = f->n_facts; k > 0; k--)
        if (wc_streq(f->facts[k - 1].id, i->id))
            return &f->facts[k - 1].fact;
    return NULL;
}

static inline const struct wc_fact *fixture_await(struct fixture *f, const struct wc_instance *i,
                                                  enum wc_life life)
{
    const struct wc_fact *fact;
    while ((fact = fixture_fact(f, i)) == NULL || fact->life != life)
        uv_run(&f->loop, UV_RUN_ONCE);
    return fact;
}

static inline const char *fixture_log(struct fixture *f, const struct wc_instance *i)
{
    return fixture_read(
        f, wc_arena_printf(&f->arena, "%s/log.json",
                           wc_paths_instance_lib(&f->paths, &f->arena, i->project, i->id)));
}

/* No group of this root is left in any hierarchy. */
static inline void fixture_no_cgroups(struct fixture *f)
{
    struct wc_cgroup_host host;
    const char *root = wc_bundle_cgroup_root(&f->paths, &f->arena);
    assert_int_equal(wc_cgroup_detect(&f->arena, &host, NULL), 0);
    for (size_t i = 0; i < host.n_trees; i++)
        if (wc_fs_exists(wc_arena_printf(&f->arena, "%s%s", host.trees[i].mount, root)))
            fail_msg("%s%s is left", host.trees[i].mount, root);
}

/* Kills and removes what is left, closes, and looks for leftovers. */
static inline void fixture_end(struct fixture *f)
{
    char ids[FIXTURE_FACTS][160];
    size_t n = 0;
    f->n_facts = 0;
    fixture_must(f, WC_VERB_LIST, NULL);
    for (size_t k = 0; k < f->n_facts; k++)
        snprintf(ids[n++], sizeof ids[0], "%s", f->facts[k].id);
    for (size_t k = 0; k < n; k++) {
        struct wc_instance i = { .id = ids[k] };
        bool runs = fixture_fact(f, &i)->life == WC_LIFE_RUNNING;
        memset(&f->op, 0, sizeof f->op);
        f->op.verb = WC_VERB_KILL;
        f->op.id = ids[k];
        assert_int_equal(fixture_run(f), 0);
        if (runs)
            fixture_await(f, &i, WC_LIFE_EXITED);
        memset(&f->op, 0, sizeof f->op);
        f->op.verb = WC_VERB_REMOVE;
        f->op.id = ids[k];
        if (fixture_run(f) != 0)
            fail_msg("remove: %s", f->op.err.msg);
    }
    fixture_close(f);
    uv_close((uv_handle_t *)&f->guard, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_false(
        wc_fs_exists(wc_arena_printf(&f->arena, "%s/projects/proc/instances", f->paths.lib)));
    assert_false(
        wc_fs_exists(wc_arena_printf(&f->arena, "%s/projects/proc/instances", f->paths.run)));
    fixture_no_cgroups(f);
    fixture_end_files(f);
}

#endif
