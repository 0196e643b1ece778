/* test_process_live.c - what is promised of a container, looked at from inside and from outside. */
#include "process_fixture.h"

#include <sys/utsname.h>
#include <sys/wait.h>

#include "drivers/keeper/protocol.h"
#include "drivers/process/cgroup.h"

static struct fixture f;

static const char *status_line(pid_t pid, const char *key)
{
    const char *text = fixture_read(&f, wc_arena_printf(&f.arena, "/proc/%d/status", (int)pid));
    const char *at = strstr(text, key);
    return at != NULL
               ? wc_arena_strndup(&f.arena, at + strlen(key), strcspn(at + strlen(key), "\n"))
               : "";
}

static const struct wc_fact *started(struct wc_instance *i)
{
    fixture_must(&f, WC_VERB_CREATE, i);
    fixture_must(&f, WC_VERB_START, i);
    return fixture_await(&f, i, WC_LIFE_RUNNING);
}

/* It was told to execute its program; the filter is the last thing that comes before that. */
static pid_t executing(pid_t pid)
{
    for (int i = 0; i < 1000 && !wc_streq(status_line(pid, "Name:\t"), "sleep"); i++)
        usleep(5000);
    return pid;
}

/* Runs a script to its end and returns the log. */
static const char *output_of(struct wc_service *s, const char *script, int code)
{
    struct wc_instance *i = fixture_instance(&f, s, script);
    fixture_must(&f, WC_VERB_CREATE, i);
    fixture_must(&f, WC_VERB_START, i);
    const struct wc_fact *fact = fixture_await(&f, i, WC_LIFE_EXITED);
    const char *log = fixture_log(&f, i);
    if (fact->exit_code != code)
        fail_msg("exit code %d, not %d: %s", fact->exit_code, code, log);
    return log;
}

static void expect(const char *log, const char *text)
{
    if (strstr(log, text) == NULL)
        fail_msg("'%s' is not in: %s", text, log);
}

static void rights(void **state)
{
    (void)state;
    fixture_begin(&f);
    struct wc_service *s = fixture_service(&f, "rights");
    FIXTURE_STRV(&f, s->security_opt, "no-new-privileges:true");
    FIXTURE_STRV(&f, s->cap_drop, "NET_RAW");
    FIXTURE_STRV(&f, s->cap_add, "SYS_NICE");
    struct wc_instance *i = fixture_instance(&f, s, "sleep 1000");
    pid_t pid = executing(started(i)->pid);
    /* Docker's 14 are a80425fb; without NET_RAW (2000), with SYS_NICE (800000) */
    assert_non_null(strstr(status_line(pid, "CapEff:"), "00000000a88405fb"));
    assert_non_null(strstr(status_line(pid, "CapBnd:"), "00000000a88405fb"));
    assert_non_null(strstr(status_line(pid, "CapInh:"), "0000000000000000"));
    assert_string_equal(status_line(pid, "NoNewPrivs:\t"), "1");
    assert_string_equal(status_line(pid, "Seccomp:\t"), "2");
    /* a command inside is held by the same */
    assert_int_equal(fixture_exec(&f, i, "grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status"),
                     0);
    expect(f.op.output, "00000000a88405fb");
    expect(f.op.output, "NoNewPrivs:\t1");
    expect(f.op.output, "Seccomp:\t2");
    assert_int_not_equal(fixture_exec(&f, i, "mount -t tmpfs none /tmp"), 0);
    fixture_end(&f);
}

static const char *cgroup_file(const struct wc_instance *i, const char *controller, const char *v1,
                               const char *v2)
{
    struct wc_cgroup_host host;
    struct wc_err err = { 0 };
    const char *json = fixture_read(
        &f, wc_arena_printf(&f.arena, "%s/instance.json",
                            wc_paths_instance_lib(&f.paths, &f.arena, i->project, i->id)));
    const char *at = strstr(json, "\"cgroup\":\"");
    assert_non_null(at);
    at += strlen("\"cgroup\":\"");
    const char *path = wc_arena_strndup(&f.arena, at, strcspn(at, "\""));
    assert_int_equal(wc_cgroup_detect(&f.arena, &host, &err), 0);
    const char *dir = wc_cgroup_dir(&host, controller, path, &f.arena);
    assert_non_null(dir);
    return fixture_read(
        &f, wc_arena_printf(&f.arena, "%s/%s", dir, host.mode == WC_CGROUP_V2 ? v2 : v1));
}

static void limits(void **state)
{
    (void)state;
    fixture_begin(&f);
    struct wc_service *s = fixture_service(&f, "limits");
    s->mem_limit_bytes = 64 << 20;
    s->nano_cpus = 500000000;
    s->pids_limit = 50;
    struct wc_ulimit ulimit = { "nofile", 100, 200 };
    s->ulimits = &ulimit;
    s->n_ulimits = 1;
    s->oom_score_adj = 500;
    struct wc_instance *i = fixture_instance(&f, s, "sleep 1000");
    pid_t pid = started(i)->pid;
    assert_string_equal(cgroup_file(i, "memory", "memory.limit_in_bytes", "memory.max"),
                        "67108864\n");
    expect(cgroup_file(i, "cpu", "cpu.cfs_quota_us", "cpu.max"), "50000");
    assert_string_equal(cgroup_file(i, "pids", "pids.max", "pids.max"), "50\n");
    expect(fixture_read(&f, wc_arena_printf(&f.arena, "/proc/%d/limits", (int)pid)),
           "Max open files            100                  200");
    assert_string_equal(
        fixture_read(&f, wc_arena_printf(&f.arena, "/proc/%d/oom_score_adj", (int)pid)), "500\n");
    /* a command inside counts, and has the same limits */
    assert_int_equal(fixture_exec(&f, i, "ulimit -n; cat /proc/self/cgroup"), 0);
    expect(f.op.output, "100\n");
    fixture_end(&f);
}

static void oom_is_told(void **state)
{
    (void)state;
    fixture_begin(&f);
    struct wc_service *s = fixture_service(&f, "hog");
    s->mem_limit_bytes = s->memswap_limit_bytes = 16 << 20;
    struct wc_instance *i = fixture_instance(&f, s, "x=0123456789abcdef; while :; do x=$x$x; done");
    fixture_must(&f, WC_VERB_CREATE, i);
    fixture_must(&f, WC_VERB_START, i);
    const struct wc_fact *fact = fixture_await(&f, i, WC_LIFE_EXITED);
    assert_int_equal(fact->exit_code, 137);
    assert_true(fact->oom_killed);
    fixture_end(&f);
}

static void paths_inside(void **state)
{
    (void)state;
    fixture_begin(&f);
    struct wc_service *s = fixture_service(&f, "paths");
    s->working_dir = "/made/here";
    s->hostname = "box";
    s->user = "app";
    struct wc_kv env[] = { { "A", "1" }, { "FROM_IMAGE", NULL } };
    s->environment = (struct wc_kvs){ env, 2 };
    const char *log = output_of(
        s,
        "pwd; hostname; id; env; umask; cat /etc/hostname; cat /proc/kcore | grep -c x;"
        " touch /proc/sys/kernel/x || echo roproc; ls /sys/firmware; test -w /sys/kernel || echo "
        "rosys; exit 7",
        7);
    expect(log, "/made/here");
    expect(log, "uid=1000(app) gid=1001(app) groups=50(staff),1001(app)");
    expect(log, "A=1");
    expect(log, "HOME=/home/app");
    expect(log, "PATH=/bin");
    expect(log, "HOSTNAME=box");
    expect(log, "0022");
    expect(log, "roproc");
    expect(log, "rosys");
    assert_null(strstr(log, "FROM_IMAGE"));
    fixture_end(&f);
}

static void read_only_root(void **state)
{
    (void)state;
    fixture_begin(&f);
    struct wc_service *s = fixture_service(&f, "ro");
    struct wc_mount mounts[] = {
        { .type = WC_MOUNT_TMPFS,
          .target = "/scratch",
          .tmpfs_size_bytes = 1 << 20,
          .tmpfs_mode = 0700 },
    };
    s->read_only = true;
    s->mounts = mounts;
    s->n_mounts = 1;
    const char *log = output_of(
        s,
        "touch /x || echo readonly; touch /scratch/x && echo scratch; grep scratch /proc/mounts;"
        " echo 10.0.0.1 evil >> /etc/hosts || echo hostsro",
        0);
    expect(log, "readonly");
    expect(log, "hostsro"); /* the name files are no hole in it */
    expect(log, "scratch\\n");
    expect(log, "size=1024k,mode=700");
    expect(log, "noexec");
    fixture_end(&f);
}

static void restart_keeps_files(void **state)
{
    (void)state;
    fixture_begin(&f);
    struct wc_service *s = fixture_service(&f, "again");
    struct wc_instance *i =
        fixture_instance(&f, s, "test -e /kept && echo second || echo first; touch /kept; exit 5");
    fixture_must(&f, WC_VERB_CREATE, i);
    for (int run = 0; run < 3; run++) {
        fixture_must(&f, WC_VERB_START, i);
        assert_int_equal(fixture_await(&f, i, WC_LIFE_EXITED)->exit_code, 5);
    }
    const char *log = fixture_log(&f, i);
    expect(log, "first");
    expect(log, "second");
    fixture_end(&f);
}

static void volumes(void **state)
{
    (void)state;
    fixture_begin(&f);
    struct wc_volume volume = { .key = "data", .name = "proc_data" };
    f.project.volumes = &volume;
    f.project.n_volumes = 1;
    struct wc_service *s = fixture_service(&f, "vol");
    const char *host = wc_arena_printf(&f.arena, "%s/host", f.root);
    struct wc_mount mounts[] = {
        { .type = WC_MOUNT_VOLUME, .source = "data", .target = "/data", .tmpfs_mode = -1 },
        { .type = WC_MOUNT_BIND,
          .source = host,
          .target = "/host",
          .create_host_path = true,
          .read_only = true },
    };
    s->mounts = mounts;
    s->n_mounts = 2;
    FIXTURE_STRV(&f, f.image.volumes, "/srv", "/data");
    const char *log = output_of(
        s,
        "cat /data/seed; stat -c %u:%g:%a /data; stat -c %a /data/seed; touch /data/new /srv/a;"
        " touch /host/x || echo hostro",
        0);
    expect(log, "seed\\n");
    expect(log, "1000:1001:750");
    expect(log, "640");
    expect(log, "hostro");
    const char *new = wc_arena_printf(&f.arena, "%s/proc_data/_data/new", f.paths.volumes);
    assert_true(wc_fs_exists(new));
    memset(&f.op, 0, sizeof f.op);
    f.op.verb = WC_VERB_VOLUME_REMOVE;
    f.op.id = "proc_data";
    assert_int_equal(fixture_run(&f), 0);
    assert_false(wc_fs_exists(wc_arena_printf(&f.arena, "%s/proc_data", f.paths.volumes)));
    assert_int_equal(fixture_run(&f), 0);
    fixture_end(&f);
}

/* A part of a volume is looked up inside of it: neither a link in it nor one that comes between
 * looking and mounting leads to the host's files. */
static void volume_parts(void **state)
{
    (void)state;
    fixture_begin(&f);
    struct wc_volume volume = { .key = "parts", .name = "proc_parts" };
    f.project.volumes = &volume;
    f.project.n_volumes = 1;
    const char *data = wc_arena_printf(&f.arena, "%s/proc_parts/_data", f.paths.volumes);
    struct wc_err err = { 0 };
    assert_int_equal(wc_fs_mkdirs(wc_arena_printf(&f.arena, "%s/real/in", data), 0755, &err), 0);
    fixture_write(wc_arena_printf(&f.arena, "%s/real/in/file", data), "inside\n", 0644);
    assert_int_equal(symlink("/real", wc_arena_printf(&f.arena, "%s/link", data)), 0);
    assert_int_equal(symlink("/etc", wc_arena_printf(&f.arena, "%s/out", data)), 0);
    struct wc_mount mounts[] = {
        { .type = WC_MOUNT_VOLUME, .source = "parts", .target = "/a", .subpath = "link/in" },
        { .type = WC_MOUNT_VOLUME, .source = "parts", .target = "/b", .subpath = "real/in/file" },
    };
    mounts[0].tmpfs_mode = mounts[1].tmpfs_mode = -1;
    mounts[0].nocopy = mounts[1].nocopy = true;
    struct wc_service *s = fixture_service(&f, "parts");
    s->mounts = mounts;
    s->n_mounts = 2;
    const char *log = output_of(s, "cat /a/file /b; echo more > /a/new", 0);
    expect(log, "inside\\n\",");
    assert_true(wc_fs_exists(wc_arena_printf(&f.arena, "%s/real/in/new", data)));
    mounts[0].subpath = "out";
    struct wc_service *other = fixture_service(&f, "beyond");
    other->mounts = mounts;
    other->n_mounts = 2;
    struct wc_instance *i = fixture_instance(&f, other, "true");
    assert_int_equal(fixture_do(&f, WC_VERB_CREATE, i), WC_ERR_NOENT); /* no /etc in the volume */
    fixture_end(&f);
}

/* A failing create says why in one message and leaves nothing. */
static void create_failures(void **state)
{
    (void)state;
    fixture_begin(&f);
    struct wc_service *s = fixture_service(&f, "bad");
    struct wc_instance *i = fixture_instance(&f, s, NULL);
    FIXTURE_STRV(&f, s->command, "no-such-program");
    assert_int_not_equal(fixture_do(&f, WC_VERB_CREATE, i), 0);
    expect(f.op.err.msg, "crun: executable file `no-such-program` not found");
    struct wc_mount mount = { .type = WC_MOUNT_BIND,
                              .source = "/no/such/dir",
                              .target = "/x",
                              .at = { "compose.yaml", 9, 5 } };
    s->mounts = &mount;
    s->n_mounts = 1;
    assert_int_equal(fixture_do(&f, WC_VERB_CREATE, i), WC_ERR_NOENT);
    expect(f.op.err.msg, "/no/such/dir");
    assert_int_equal(f.op.err.at.line, 9);
    s->n_mounts = 0;
    s->user = "nobody-here";
    assert_int_equal(fixture_do(&f, WC_VERB_CREATE, i), WC_ERR_NOENT);
    s->user = NULL;
    s->runtime = "no-such-runtime";
    assert_int_equal(fixture_do(&f, WC_VERB_CREATE, i), WC_ERR_UNAVAILABLE);
    s->runtime = NULL;
    s->logging.driver = "syslog";
    assert_int_equal(fixture_do(&f, WC_VERB_CREATE, i), WC_ERR_UNAVAILABLE);
    s->logging.driver = NULL;
    f.image.layers.items[0] = "/no/such/layer";
    assert_int_equal(fixture_do(&f, WC_VERB_CREATE, i), WC_ERR_NOENT);
    size_t before = f.n_facts;
    fixture_must(&f, WC_VERB_LIST, NULL);
    assert_int_equal(f.n_facts, before);
    fixture_end(&f);
}

static pid_t keeper_of(const struct wc_instance *i)
{
    const char *run = wc_paths_instance_run(&f.paths, &f.arena, i->project, i->id);
    return (pid_t)strtol(fixture_read(&f, wc_arena_printf(&f.arena, "%s/keeper.pid", run)), NULL,
                         10);
}

/* From 6.15 on the status of a process can be had by who isn't its parent. */
static bool tells_status(void)
{
    struct utsname host;
    int major = 0, minor = 0;
    uname(&host);
    return sscanf(host.release, "%d.%d", &major, &minor) == 2 &&
           (major > 6 || (major == 6 && minor >= 15));
}

/* A keeper that is killed takes nothing along: another one takes its place. */
static void keeper_dies(void **state)
{
    (void)state;
    fixture_begin(&f);
    struct wc_instance *i = fixture_instance(&f, fixture_service(&f, "orphan"), "sleep 1000");
    started(i);
    pid_t killed = keeper_of(i);
    assert_int_equal(kill(killed, SIGKILL), 0);
    for (int k = 0; k < 400 && keeper_of(i) == killed; k++) {
        uv_run(&f.loop, UV_RUN_NOWAIT);
        uv_sleep(5);
    }
    assert_int_equal(fixture_fact(&f, i)->life, WC_LIFE_RUNNING);
    fixture_close(&f);
    fixture_open(&f);
    fixture_must(&f, WC_VERB_LIST, NULL);
    assert_int_equal(fixture_fact(&f, i)->life, WC_LIFE_RUNNING);
    assert_int_equal(fixture_exec(&f, i, "true"), 0);
    fixture_must(&f, WC_VERB_KILL, i);
    const struct wc_fact *fact = fixture_await(&f, i, WC_LIFE_EXITED);
    assert_true(fact->exit_known || !tells_status());
    assert_int_equal(fact->exit_code, fact->exit_known ? 137 : 0);
    fixture_must(&f, WC_VERB_START, i); /* and it can go on */
    fixture_await(&f, i, WC_LIFE_RUNNING);
    fixture_end(&f);
}

/* As a supervisor finds it that reads "created" a moment before the keeper writes "running". */
static void open_too_early(const struct wc_instance *i, pid_t pid)
{
    const char *run = wc_paths_instance_run(&f.paths, &f.arena, i->project, i->id);
    const char *line = wc_arena_printf(&f.arena, "created %d %llu\n", (int)pid,
                                       (unsigned long long)wc_proc_starttime_of(pid));
    fixture_close(&f);
    fixture_write(wc_arena_printf(&f.arena, "%s/" WC_KEEPER_STATUS, run), line, 0600);
    fixture_open(&f);
    fixture_must(&f, WC_VERB_LIST, NULL);
    for (int k = 0; k < 20; k++) { /* the keeper's greeting */
        uv_run(&f.loop, UV_RUN_NOWAIT);
        uv_sleep(1);
    }
}

static void found_while_it_starts(void **state)
{
    (void)state;
    fixture_begin(&f);
    struct wc_instance *i = fixture_instance(&f, fixture_service(&f, "early"), "sleep 1000");
    pid_t pid = started(i)->pid;
    open_too_early(i, pid);
    assert_int_equal(fixture_fact(&f, i)->life, WC_LIFE_RUNNING);
    fixture_must(&f, WC_VERB_START, i);
    open_too_early(i, pid);
    assert_int_equal(fixture_do(&f, WC_VERB_REMOVE, i), WC_ERR_CONFLICT);
    assert_int_equal(fixture_fact(&f, i)->pid, pid);
    fixture_end(&f);
}

/* A keeper that is there and can't be spoken to: a start doesn't wait for ever. */
static void keeper_out_of_reach(void **state)
{
    (void)state;
    fixture_begin(&f);
    struct wc_instance *i = fixture_instance(&f, fixture_service(&f, "deaf"), "sleep 1000");
    const char *run = wc_paths_instance_run(&f.paths, &f.arena, i->project, i->id);
    fixture_must(&f, WC_VERB_CREATE, i);
    fixture_close(&f);
    assert_int_equal(unlink(wc_arena_printf(&f.arena, "%s/" WC_KEEPER_SOCKET, run)), 0);
    fixture_open(&f);
    fixture_must(&f, WC_VERB_LIST, NULL);
    assert_int_equal(fixture_fact(&f, i)->life, WC_LIFE_CREATED);
    assert_int_equal(fixture_do(&f, WC_VERB_START, i), WC_ERR_STATE);
    assert_int_equal(fixture_fact(&f, i)->life, WC_LIFE_BROKEN);
    fixture_must(&f, WC_VERB_REMOVE, i);
    started(i);
    fixture_end(&f);
}

static void broken_is_removed(void **state)
{
    (void)state;
    fixture_begin(&f);
    struct wc_instance *i = fixture_instance(&f, fixture_service(&f, "half"), "true");
    const char *lib = wc_paths_instance_lib(&f.paths, &f.arena, i->project, i->id);
    assert_int_equal(wc_fs_mkdirs(wc_arena_printf(&f.arena, "%s/upper", lib), 0700, NULL), 0);
    fixture_must(&f, WC_VERB_LIST, NULL);
    const struct wc_fact *fact = fixture_fact(&f, i);
    assert_int_equal(fact->life, WC_LIFE_BROKEN);
    assert_string_equal(fact->service, i->service); /* by its id: there is no record */
    assert_int_equal(fact->index, i->index);
    assert_string_equal(fact->name, i->name);
    assert_int_not_equal(fixture_do(&f, WC_VERB_START, i), 0);
    assert_int_not_equal(fixture_do(&f, WC_VERB_CREATE, i), 0);
    fixture_must(&f, WC_VERB_REMOVE, i);
    assert_false(wc_fs_exists(lib));
    fixture_must(&f, WC_VERB_CREATE, i);
    /* made, but its maker was killed before it had told how to get in */
    fixture_close(&f);
    const char *run = wc_paths_instance_run(&f.paths, &f.arena, i->project, i->id);
    assert_int_equal(unlink(wc_arena_printf(&f.arena, "%s/" WC_JOIN_CONF, run)), 0);
    fixture_open(&f);
    fixture_must(&f, WC_VERB_LIST, NULL);
    assert_int_equal(fixture_fact(&f, i)->life, WC_LIFE_BROKEN);
    fixture_must(&f, WC_VERB_REMOVE, i);
    fixture_must(&f, WC_VERB_CREATE, i);
    fixture_end(&f);
}

static void with_init(void **state)
{
    (void)state;
    fixture_begin(&f);
    struct wc_service *s = fixture_service(&f, "init");
    s->init = WC_TRI_TRUE;
    struct wc_instance *i =
        fixture_instance(&f, s, "trap 'echo bye; exit 9' TERM; echo ready; sleep 1000 & wait");
    pid_t pid = started(i)->pid;
    assert_int_equal(fixture_exec(&f, i, "cat /proc/1/comm"), 0);
    expect(f.op.output, "wcompose-init");
    assert_true(pid > 0);
    while (strstr(fixture_log(&f, i), "ready") == NULL)
        uv_sleep(5);
    fixture_must(&f, WC_VERB_STOP, i);
    assert_int_equal(fixture_await(&f, i, WC_LIFE_EXITED)->exit_code, 9);
    expect(fixture_log(&f, i), "bye");
    fixture_end(&f);
}

static void on_runc(void **state)
{
    (void)state;
    if (access("/usr/sbin/runc", X_OK) != 0 && access("/usr/bin/runc", X_OK) != 0)
        WC_SKIP("runc");
    fixture_begin(&f);
    struct wc_service *s = fixture_service(&f, "runc");
    s->runtime = "runc";
    s->working_dir = "/made/here";
    s->mem_limit_bytes = 64 << 20;
    s->read_only = true;
    s->user = "app";
    const char *log =
        output_of(s, "pwd; id; grep -E 'CapBnd|Seccomp:' /proc/self/status; exit 4", 4);
    expect(log, "/made/here");
    expect(log, "uid=1000");
    expect(log, "00000000a80425fb");
    expect(log, "Seccomp:\\t2");
    fixture_end(&f);
}

static void privileged(void **state)
{
    (void)state;
    fixture_begin(&f);
    struct wc_service *s = fixture_service(&f, "priv");
    s->privileged = true;
    const char *log = output_of(s,
                                "mount -t tmpfs none /tmp && echo mounted; test -w /proc/sys && "
                                "echo rwproc; test -c /dev/null && echo node; grep Seccomp: "
                                "/proc/self/status",
                                0);
    expect(log, "mounted");
    expect(log, "rwproc");
    expect(log, "node");
    expect(log, "Seccomp:\\t0");
    fixture_end(&f);
}

static void shared_network(void **state)
{
    (void)state;
    fixture_begin(&f);
    struct wc_instance *first = fixture_instance(&f, fixture_service(&f, "one"), "sleep 1000");
    pid_t pid = started(first)->pid;
    struct wc_service *s = fixture_service(&f, "two");
    s->network_mode = WC_NETMODE_SERVICE;
    s->network_mode_service = "one";
    struct wc_instance *second = fixture_instance(&f, s, "sleep 1000");
    second->join_instance = first->id;
    pid_t other = started(second)->pid;
    char a[64], b[64], own[64];
    ssize_t la = readlink(wc_arena_printf(&f.arena, "/proc/%d/ns/net", (int)pid), a, 63);
    ssize_t lb = readlink(wc_arena_printf(&f.arena, "/proc/%d/ns/net", (int)other), b, 63);
    ssize_t lo = readlink("/proc/self/ns/net", own, 63);
    assert_true(la > 0 && la == lb && lo > 0);
    a[la] = b[lb] = own[lo] = '\0';
    assert_string_equal(a, b);
    assert_string_not_equal(a, own);
    fixture_end(&f);
}

static unsigned n_removed;

static void on_removed(struct wc_op *op)
{
    assert_int_equal(op->status, 0);
    n_removed++;
}

/* Removals that go on side by side leave no more than one after another (fixture_end looks). */
static void removed_together(void **state)
{
    (void)state;
    enum { N = 4 };
    static struct wc_op ops[N];
    static struct wc_instance *list[N];
    fixture_begin(&f);
    for (int k = 0; k < N; k++) {
        const char *name = wc_arena_printf(&f.arena, "s%d", k);
        list[k] = fixture_instance(&f, fixture_service(&f, name), "true");
        fixture_must(&f, WC_VERB_CREATE, list[k]);
    }
    for (int k = 0; k < N; k++) {
        ops[k] = (struct wc_op){ .verb = WC_VERB_REMOVE, .id = list[k]->id, .done = on_removed };
        wc_driver_submit(f.driver, &ops[k]);
    }
    while (n_removed < N)
        uv_run(&f.loop, UV_RUN_ONCE);
    fixture_no_cgroups(&f);
    fixture_end(&f);
}

WC_MAIN(WC_CASE(removed_together), WC_CASE(rights), WC_CASE(limits), WC_CASE(oom_is_told),
        WC_CASE(paths_inside), WC_CASE(read_only_root), WC_CASE(restart_keeps_files),
        WC_CASE(volumes), WC_CASE(volume_parts), WC_CASE(create_failures), WC_CASE(keeper_dies),
        WC_CASE(found_while_it_starts), WC_CASE(keeper_out_of_reach), WC_CASE(broken_is_removed),
        WC_CASE(with_init), WC_CASE(on_runc), WC_CASE(privileged), WC_CASE(shared_network))
