/* test_process_oci.c - config.json, users, profiles and cgroup paths, without a container. */
#include "process_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "drivers/process/bundle_conf.h"
#include "drivers/process/caps.h"
#include "drivers/process/cgroup.h"
#include "drivers/process/image_root.h"
#include "drivers/process/oci.h"
#include "drivers/process/record.h"
#include "drivers/process/seccomp.h"
#include "drivers/process/volume.h"

#define ALL_CAPS UINT64_C(0x1ffffffffff)

static struct fixture f;
static struct wc_oci oci;
static struct wc_err err;

static int resolve(struct wc_service *s)
{
    int root_fd = -1;
    struct wc_instance *i = fixture_instance(&f, s, NULL);
    err = (struct wc_err){ 0 };
    assert_int_equal(wc_image_root(&f.image.layers, NULL, &root_fd, &err), 0);
    const struct wc_oci_host host = {
        .root_fd = root_fd,
        .rootfs = "/rootfs",
        .instance_dir = f.root,
        .volumes_dir = f.paths.volumes,
        .cgroup_path = "/wcompose/proc/x.1",
        .init_program = "/lib/init",
        .seccomp_cache = wc_arena_printf(&f.arena, "%s/seccomp", f.root),
        .recursive_ro = true,
        .caps_available = ALL_CAPS,
    };
    int rc = wc_oci_resolve(i, &host, &f.arena, &oci, &err);
    close(root_fd);
    return rc;
}

static struct wc_json *rendered(struct wc_service *s)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_json *root = NULL;
    if (resolve(s) != 0)
        fail_msg("%s", err.msg);
    wc_oci_render(&oci, &text);
    assert_int_equal(wc_json_parse(text.data, text.len, &root, &err), 0);
    return root;
}

/* Follows names separated by dots. */
static const struct wc_json *at(const struct wc_json *value, const char *path)
{
    char name[64];
    while (value != NULL && *path != '\0') {
        size_t len = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)len, path);
        value = wc_json_get(value, name);
        path += len + (path[len] == '.');
    }
    return value;
}

static bool lists(const struct wc_json *array, const char *text)
{
    for (const struct wc_json *v = wc_json_first(array); v != NULL; v = wc_json_next(v))
        if (wc_streq(wc_json_str(v, ""), text))
            return true;
    return false;
}

static const struct wc_json *mount_at(const struct wc_json *root, const char *target)
{
    const struct wc_json *v = wc_json_first(at(root, "mounts"));
    while (v != NULL && !wc_streq(wc_json_str(wc_json_get(v, "destination"), ""), target))
        v = wc_json_next(v);
    return v;
}

static void defaults_of_config(void **state)
{
    (void)state;
    fixture_begin_files(&f);
    WC_CLEANUP_JSON struct wc_json *root = rendered(fixture_service(&f, "web"));
    assert_int_equal(wc_json_count(at(root, "process.capabilities.bounding")), 14);
    assert_true(lists(at(root, "process.capabilities.effective"), "CAP_NET_BIND_SERVICE"));
    assert_false(lists(at(root, "process.capabilities.effective"), "CAP_SYS_ADMIN"));
    assert_null(at(root, "process.capabilities.inheritable"));
    assert_null(at(root, "process.capabilities.ambient"));
    assert_true(lists(at(root, "linux.maskedPaths"), "/proc/kcore"));
    assert_true(lists(at(root, "linux.maskedPaths"), "/sys/firmware"));
    assert_true(lists(at(root, "linux.readonlyPaths"), "/proc/sys"));
    assert_string_equal(wc_json_str(at(root, "linux.cgroupsPath"), ""), "/wcompose/proc/x.1");
    assert_int_equal(wc_json_count(at(root, "linux.namespaces")), 5);
    assert_string_equal(wc_json_str(at(root, "linux.seccomp.defaultAction"), ""), "SCMP_ACT_ERRNO");
    const struct wc_json *first = wc_json_first(at(root, "linux.resources.devices"));
    assert_false(wc_json_bool(wc_json_get(first, "allow"), true));
    assert_string_equal(wc_json_str(wc_json_get(first, "access"), ""), "rwm");
    assert_true(lists(at(mount_at(root, "/sys"), "options"), "ro"));
    assert_true(lists(at(mount_at(root, "/dev/shm"), "options"), "size=67108864"));
    assert_string_equal(wc_json_str(at(root, "hostname"), ""), "proc-web-1");
    fixture_end_files(&f);
}

static void limits_in_config(void **state)
{
    (void)state;
    fixture_begin_files(&f);
    struct wc_service *s = fixture_service(&f, "web");
    struct wc_kv sysctls[] = { { "net.core.somaxconn", "512" }, { "kernel.msgmax", "65536" } };
    s->mem_limit_bytes = 100 << 20;
    s->nano_cpus = 1500000000;
    s->pids_limit = 20;
    s->cpuset = "0";
    s->shm_size_bytes = 1 << 20;
    s->sysctls = (struct wc_kvs){ sysctls, 2 };
    WC_CLEANUP_JSON struct wc_json *root = rendered(s);
    const struct wc_json *r = at(root, "linux.resources");
    assert_int_equal(wc_json_i64(at(r, "memory.limit"), 0), 100 << 20);
    assert_int_equal(wc_json_i64(at(r, "memory.swap"), 0), 200 << 20);
    assert_int_equal(wc_json_i64(at(r, "cpu.quota"), 0), 150000);
    assert_int_equal(wc_json_i64(at(r, "cpu.period"), 0), 100000);
    assert_string_equal(wc_json_str(at(r, "cpu.cpus"), ""), "0");
    assert_int_equal(wc_json_i64(at(r, "pids.limit"), 0), 20);
    assert_true(lists(at(mount_at(root, "/dev/shm"), "options"), "size=1048576"));
    /* names of sysctls hold dots, so no path here; the net one is the keeper's */
    assert_string_equal(wc_json_str(wc_json_get(at(root, "linux.sysctl"), "kernel.msgmax"), ""),
                        "65536");
    assert_int_equal(wc_json_count(at(root, "linux.sysctl")), 1);
    assert_int_equal(oci.net_sysctls.n, 1);
    sysctls[1].key = "kernel.panic";
    assert_int_equal(resolve(s), WC_ERR_SPEC);
    fixture_end_files(&f);
}

static const char *joined(const struct wc_strv *list)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    for (size_t i = 0; i < list->n; i++)
        wc_buf_printf(&out, "%s%s", i > 0 ? " " : "", list->items[i]);
    return wc_arena_strdup(&f.arena, out.data);
}

/* Docker's table of ENTRYPOINT and CMD. */
static void args_rules(void **state)
{
    (void)state;
    static const struct {
        const char *entrypoint, *command; /* NULL: not set, "": explicitly none */
        const char *wanted;               /* NULL: refused */
    } rows[] = {
        { NULL, NULL, "img-entry img-cmd" },
        { NULL, "cmd", "img-entry cmd" },
        { "entry", NULL, "entry" },
        { "entry", "cmd", "entry cmd" },
        { NULL, "", "img-entry" },
        { "", "cmd", "cmd" },
        { "", NULL, NULL },
    };
    fixture_begin_files(&f);
    FIXTURE_STRV(&f, f.image.entrypoint, "img-entry");
    FIXTURE_STRV(&f, f.image.cmd, "img-cmd");
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct wc_service *s = fixture_service(&f, "web");
        s->entrypoint.set = rows[i].entrypoint != NULL;
        s->command.set = rows[i].command != NULL;
        if (rows[i].entrypoint != NULL && rows[i].entrypoint[0] != '\0')
            wc_strv_add(&f.arena, &s->entrypoint, rows[i].entrypoint);
        if (rows[i].command != NULL && rows[i].command[0] != '\0')
            wc_strv_add(&f.arena, &s->command, rows[i].command);
        assert_int_equal(resolve(s), rows[i].wanted != NULL ? 0 : WC_ERR_SPEC);
        if (rows[i].wanted != NULL)
            assert_string_equal(joined(&oci.args), rows[i].wanted);
    }
    fixture_end_files(&f);
}

static void users(void **state)
{
    (void)state;
    static const struct {
        const char *user;
        int rc;
        uint32_t uid, gid;
        size_t n_groups;
        const char *home;
    } rows[] = {
        { "", 0, 0, 0, 1, "/root" },
        { "app", 0, 1000, 1001, 2, "/home/app" }, /* its group and staff */
        { "1000", 0, 1000, 1001, 2, "/home/app" },
        { "4000", 0, 4000, 0, 1, "/" },
        { "4000:4001", 0, 4000, 4001, 1, "/" },
        { "app:extra", 0, 1000, 77, 1, "/home/app" },
        { "nobody-here", WC_ERR_NOENT, 0, 0, 0, NULL },
        { "app:none-such", WC_ERR_NOENT, 0, 0, 0, NULL },
        { "4294967295", WC_ERR_NOENT, 0, 0, 0, NULL }, /* -1 means "don't change" */
        { "-1", WC_ERR_NOENT, 0, 0, 0, NULL },
    };
    int root_fd = -1;
    fixture_begin_files(&f);
    assert_int_equal(wc_image_root(&f.image.layers, NULL, &root_fd, &err), 0);
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct wc_oci_user user;
        int rc = wc_oci_user_resolve(root_fd, rows[i].user, NULL, &f.arena, &user, &err);
        assert_int_equal(rc, rows[i].rc);
        if (rc != 0)
            continue;
        assert_int_equal(user.uid, rows[i].uid);
        assert_int_equal(user.gid, rows[i].gid);
        assert_int_equal(user.n_groups, rows[i].n_groups);
        assert_string_equal(user.home, rows[i].home);
    }
    struct wc_strv add;
    struct wc_oci_user user;
    FIXTURE_STRV(&f, add, "extra", "900");
    assert_int_equal(wc_oci_user_resolve(root_fd, "app", &add, &f.arena, &user, &err), 0);
    assert_int_equal(user.n_groups, 4);
    close(root_fd);
    fixture_end_files(&f);
}

/* A link in the image can't lead to the host's files. */
static void image_links_stay_inside(void **state)
{
    (void)state;
    int root_fd = -1;
    fixture_begin_files(&f);
    const char *passwd = wc_arena_printf(&f.arena, "%s/etc/passwd", f.image.layers.items[0]);
    assert_int_equal(unlink(passwd), 0);
    assert_int_equal(symlink("../../../../../../../../etc/passwd-of-image", passwd), 0);
    fixture_write(wc_arena_printf(&f.arena, "%s-of-image", passwd), "own:x:7:8::/own:\n", 0644);
    assert_int_equal(wc_image_root(&f.image.layers, NULL, &root_fd, &err), 0);
    struct wc_oci_user user;
    assert_int_equal(wc_oci_user_resolve(root_fd, "own", NULL, &f.arena, &user, &err), 0);
    assert_int_equal(user.uid, 7);
    close(root_fd);
    fixture_end_files(&f);
}

/* The tree of several layers shows what a container would see. */
static void layered_root(void **state)
{
    (void)state;
    int root_fd = -1;
    if (geteuid() != 0)
        WC_SKIP("root");
    fixture_begin_files(&f);
    const char *top = wc_arena_printf(&f.arena, "%s/layers/two", f.root);
    assert_int_equal(wc_fs_mkdirs(wc_arena_printf(&f.arena, "%s/etc", top), 0755, NULL), 0);
    fixture_write(wc_arena_printf(&f.arena, "%s/etc/passwd", top), "top:x:5:6::/t:\n", 0644);
    assert_int_equal(mknod(wc_arena_printf(&f.arena, "%s/etc/group", top), S_IFCHR, 0), 0);
    wc_strv_add(&f.arena, &f.image.layers, top);
    assert_int_equal(wc_image_root(&f.image.layers, NULL, &root_fd, &err), 0);
    struct wc_oci_user user;
    assert_int_equal(wc_oci_user_resolve(root_fd, "top", NULL, &f.arena, &user, &err), 0);
    assert_int_equal(user.uid, 5);
    assert_int_equal(wc_oci_user_resolve(root_fd, "top:staff", NULL, &f.arena, &user, &err),
                     WC_ERR_NOENT); /* whiteout: the group file is gone */
    assert_true(faccessat(root_fd, "bin/busybox", F_OK, 0) == 0);
    close(root_fd);
    fixture_end_files(&f);
}

static uint64_t caps_of(const char *const *add, const char *const *drop, bool privileged)
{
    struct wc_service *s = fixture_service(&f, "web");
    uint64_t caps = 0;
    fixture_strv(&f.arena, &s->cap_add, add);
    fixture_strv(&f.arena, &s->cap_drop, drop);
    s->privileged = privileged;
    assert_int_equal(wc_caps_resolve(s, ALL_CAPS, &caps, &err), 0);
    return caps;
}
#define LIST(...) ((const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

static void capabilities(void **state)
{
    (void)state;
    fixture_begin_files(&f);
    assert_int_equal(wc_caps_default(), 0xa80425fb);
    assert_int_equal(caps_of(LIST(), LIST(), false), 0xa80425fb);
    assert_int_equal(caps_of(LIST(), LIST("ALL"), false), 0);
    assert_int_equal(caps_of(LIST("cap_chown"), LIST("all"), false), 1);
    assert_int_equal(caps_of(LIST("ALL"), LIST("CHOWN"), false), ALL_CAPS & ~UINT64_C(1));
    assert_int_equal(caps_of(LIST(), LIST(), true), ALL_CAPS);
    struct wc_service *s = fixture_service(&f, "web");
    uint64_t caps = 77;
    FIXTURE_STRV(&f, s->cap_add, "NET_ADMN");
    assert_int_equal(wc_caps_resolve(s, ALL_CAPS, &caps, &err), WC_ERR_SPEC);
    assert_non_null(strstr(err.msg, "NET_ADMIN"));
    FIXTURE_STRV(&f, s->cap_add, "SYS_RESOURCE");
    assert_int_equal(wc_caps_resolve(s, wc_caps_default(), &caps, &err), WC_ERR_PERM);
    assert_int_equal(caps, 77);
    fixture_end_files(&f);
}

static const struct wc_seccomp_rule *rule_for(const struct wc_seccomp *p, const char *call)
{
    for (size_t i = 0; i < p->n_rules; i++)
        for (size_t k = 0; k < p->rules[i].n_names; k++)
            if (wc_streq(p->rules[i].names[k], call))
                return &p->rules[i];
    return NULL;
}

static void seccomp_profile(void **state)
{
    (void)state;
    static const char *const denied[] = { "keyctl",          "add_key",     "request_key",
                                          "mount",           "umount2",     "bpf",
                                          "kexec_load",      "reboot",      "init_module",
                                          "io_uring_setup",  "userfaultfd", "open_by_handle_at",
                                          "setns",           "unshare",     "swapon",
                                          "perf_event_open", "quotactl",    "settimeofday",
                                          "syslog",          "move_pages",  "nfsservctl",
                                          "pivot_root" };
    static const char *const allowed[] = { "read",       "openat",  "execve", "futex",
                                           "epoll_wait", "accept4", "mmap",   "clock_gettime",
                                           "chroot",     "rseq" };
    fixture_begin_files(&f);
    const struct wc_seccomp *p = wc_seccomp_default(wc_caps_default(), &f.arena);
    for (size_t i = 0; i < WC_COUNT(denied); i++)
        if (rule_for(p, denied[i]) != NULL)
            fail_msg("%s is allowed", denied[i]);
    for (size_t i = 0; i < WC_COUNT(allowed); i++)
        if (rule_for(p, allowed[i]) == NULL)
            fail_msg("%s is denied", allowed[i]);
    assert_string_equal(p->default_action, "SCMP_ACT_ERRNO");
    assert_int_equal(rule_for(p, "clone")->args[0].value, 0x7e020000);
    assert_int_equal(rule_for(p, "clone3")->errno_ret, ENOSYS);
    assert_string_equal(rule_for(p, "clone3")->action, "SCMP_ACT_ERRNO");
    assert_int_equal(rule_for(p, "socket")->n_args, 1);
    const struct wc_seccomp *admin = wc_seccomp_default(ALL_CAPS, &f.arena);
    assert_non_null(rule_for(admin, "mount"));
    assert_null(rule_for(admin, "keyctl"));
    const struct wc_seccomp *server = wc_seccomp_file_server(wc_caps_default(), &f.arena);
    assert_int_equal(server->n_rules, p->n_rules + 1);
    assert_int_equal(rule_for(server, "unshare")->args[0].value, CLONE_FS);
    assert_string_equal(rule_for(server, "unshare")->args[0].op, "SCMP_CMP_EQ");
    const char *path, *again, *cache = wc_arena_printf(&f.arena, "%s/bpf", f.root);
    assert_int_equal(wc_seccomp_export(p, cache, &f.arena, &path, &err), 0);
    assert_int_equal(wc_seccomp_export(p, cache, &f.arena, &again, &err), 0);
    assert_string_equal(path, again);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size > 0 && st.st_size % 8 == 0 && st.st_size / 8 <= 4096);
    fixture_end_files(&f);
}

static void seccomp_file(void **state)
{
    (void)state;
    fixture_begin_files(&f);
    const char *path = wc_arena_printf(&f.arena, "%s/profile.json", f.root);
    const struct wc_seccomp *p;
    fixture_write(path,
                  "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":["
                  "{\"names\":[\"mkdir\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":13},"
                  "{\"names\":[\"mount\"],\"action\":\"SCMP_ACT_ERRNO\","
                  "\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}},"
                  "{\"names\":[\"bpf\"],\"action\":\"SCMP_ACT_ERRNO\","
                  "\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}}]}",
                  0600);
    assert_int_equal(wc_seccomp_load(path, 0, &f.arena, &p, &err), 0);
    assert_int_equal(rule_for(p, "mkdir")->errno_ret, 13);
    assert_non_null(rule_for(p, "mount"));
    assert_null(rule_for(p, "bpf"));
    fixture_write(path, "{\"syscalls\":[]}", 0600);
    assert_int_equal(wc_seccomp_load(path, 0, &f.arena, &p, &err), WC_ERR_SPEC);
    fixture_end_files(&f);
}

/* A profile is held to, or the service is refused. */
static void apparmor_profile(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf enabled = WC_BUF_INIT;
    fixture_begin(&f);
    bool there = wc_fs_read("/sys/module/apparmor/parameters/enabled", 16, &enabled, NULL) == 0 &&
                 enabled.len > 0 && enabled.data[0] == 'Y';
    struct wc_service *s = fixture_service(&f, "profile");
    FIXTURE_STRV(&f, s->security_opt, "apparmor=box");
    assert_int_equal(resolve(s), there ? 0 : WC_ERR_UNAVAILABLE);
    if (there) {
        WC_CLEANUP_BUF struct wc_buf join = WC_BUF_INIT;
        wc_oci_render_join(&oci, &join);
        assert_non_null(memmem(join.data, join.len, "\0apparmor=box\0", 14));
    }
    FIXTURE_STRV(&f, s->security_opt, "apparmor=unconfined");
    assert_int_equal(resolve(s), 0);
    fixture_end(&f);
}

/* What wcompose-join reads: numbers are decimal there, the umask's too. */
static void programs_beside_it(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf join = WC_BUF_INIT;
    fixture_begin(&f);
    assert_int_equal(resolve(fixture_service(&f, "plain")), 0);
    wc_oci_render_join(&oci, &join);
    assert_non_null(memmem(join.data, join.len, "\0umask=18\0", 10)); /* 022 */
    fixture_end(&f);
}

static void cgroup_hosts(void **state)
{
    (void)state;
    struct wc_cgroup_host host;
    fixture_begin_files(&f);
    assert_int_equal(
        wc_cgroup_parse("30 1 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n", &f.arena,
                        &host, &err),
        0);
    assert_int_equal(host.mode, WC_CGROUP_V2);
    assert_null(host.detach);
    assert_string_equal(wc_cgroup_dir(&host, "pids", "/a/b", &f.arena), "/sys/fs/cgroup/a/b");
    assert_string_equal(wc_cgroup_oom_file(&host, "/a", &f.arena),
                        "/sys/fs/cgroup/a/memory.events");
    const char *v1 = "31 1 0:28 / /cg rw shared:4 - tmpfs tmpfs rw\n"
                     "32 31 0:29 / /cg/cpu,cpuacct rw shared:5 - cgroup cgroup rw,cpu,cpuacct\n"
                     "33 31 0:30 / /cg/memory rw - cgroup cgroup rw,memory\n";
    assert_int_equal(wc_cgroup_parse(v1, &f.arena, &host, &err), 0);
    assert_int_equal(host.mode, WC_CGROUP_V1);
    assert_string_equal(wc_cgroup_dir(&host, "cpuacct", "/x", &f.arena), "/cg/cpu,cpuacct/x");
    assert_string_equal(wc_cgroup_oom_file(&host, "/x", &f.arena),
                        "/cg/memory/x/memory.oom_control");
    assert_null(wc_cgroup_dir(&host, "pids", "/x", &f.arena));
    /* hybrid: the v2 tree is to be detached only when controllers live there */
    const char *unified = wc_arena_printf(&f.arena, "%s/unified", f.root);
    const char *controllers = wc_arena_printf(&f.arena, "%s/cgroup.controllers", unified);
    const char *both =
        wc_arena_printf(&f.arena, "%s41 31 0:38 / %s rw - cgroup2 cgroup2 rw\n", v1, unified);
    assert_int_equal(wc_fs_mkdirs(unified, 0755, NULL), 0);
    fixture_write(controllers, "\n", 0644);
    assert_int_equal(wc_cgroup_parse(both, &f.arena, &host, &err), 0);
    assert_int_equal(host.mode, WC_CGROUP_HYBRID);
    assert_null(host.detach);
    fixture_write(controllers, "hugetlb\n", 0644);
    assert_int_equal(wc_cgroup_parse(both, &f.arena, &host, &err), 0);
    assert_string_equal(host.detach, unified);
    assert_int_equal(wc_cgroup_parse("1 1 0:1 / / rw - ext4 x rw\n", &f.arena, &host, &err),
                     WC_ERR_UNAVAILABLE);
    fixture_end_files(&f);
}

static void logging(void **state)
{
    (void)state;
    struct wc_log_conf log;
    fixture_begin_files(&f);
    struct wc_service *s = fixture_service(&f, "web");
    assert_int_equal(wc_log_conf_read(s, &log, &err), 0);
    assert_int_equal(log.max_bytes, 10 << 20);
    assert_int_equal(log.max_files, 3);
    struct wc_kv options[] = { { "max-size", "5m" }, { "max-file", "2" } };
    s->logging.options = (struct wc_kvs){ options, 2 };
    assert_int_equal(wc_log_conf_read(s, &log, &err), 0);
    assert_int_equal(log.max_bytes, 5 << 20);
    assert_int_equal(log.max_files, 2);
    options[1].value = "0";
    assert_int_equal(wc_log_conf_read(s, &log, &err), WC_ERR_SPEC);
    options[1] = (struct wc_kv){ "mode", "non-blocking" };
    assert_int_equal(wc_log_conf_read(s, &log, &err), WC_ERR_UNAVAILABLE);
    s->logging = (struct wc_logging){ .driver = "none" };
    assert_int_equal(wc_log_conf_read(s, &log, &err), 0);
    assert_string_equal(log.format, "none");
    s->logging.driver = "gelf";
    assert_int_equal(wc_log_conf_read(s, &log, &err), WC_ERR_UNAVAILABLE);
    fixture_end_files(&f);
}

static void reports(void **state)
{
    (void)state;
    struct wc_report r;
    wc_report_parse("created 12 3456", &r);
    assert_int_equal(r.kind, WC_REPORT_CREATED);
    assert_int_equal(r.pid, 12);
    assert_int_equal(r.starttime, 3456);
    wc_report_parse("running 12 3456 789", &r);
    assert_int_equal(r.kind, WC_REPORT_RUNNING);
    assert_int_equal(r.at_ms, 789);
    wc_report_parse("exited 137 9 1 99\n", &r);
    assert_int_equal(r.kind, WC_REPORT_EXITED);
    assert_int_equal(r.code, 137);
    assert_int_equal(r.signal, 9);
    assert_true(r.oom);
    wc_report_parse("failed no such thing\n", &r);
    assert_int_equal(r.kind, WC_REPORT_FAILED);
    assert_string_equal(r.text, "no such thing");
    wc_report_parse("running 12", &r);
    assert_int_equal(r.kind, WC_REPORT_NONE);
    assert_int_equal(r.pid, 0);
}

/* What can't be opened comes along too: links as they are, pipes with their mode. */
static void volume_copies_nodes(void **state)
{
    (void)state;
    fixture_begin(&f);
    const char *from = wc_arena_printf(&f.arena, "%s/from/data", f.root);
    const char *dir = wc_arena_printf(&f.arena, "%s/vol", f.root), *data = NULL;
    struct stat st;
    assert_int_equal(wc_fs_mkdirs(from, 0755, &err), 0);
    assert_int_equal(mkfifo(wc_arena_printf(&f.arena, "%s/pipe", from), 0600), 0);
    assert_int_equal(chmod(wc_arena_printf(&f.arena, "%s/pipe", from), 0622), 0);
    assert_int_equal(symlink("/etc/shadow", wc_arena_printf(&f.arena, "%s/link", from)), 0);
    int root = open(wc_arena_printf(&f.arena, "%s/from", f.root), O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct wc_volume_source source = { root, "/data" };
    assert_int_equal(wc_volume_prepare(dir, &source, &f.arena, &data, &err), 0);
    close(root);
    assert_int_equal(lstat(wc_arena_printf(&f.arena, "%s/pipe", data), &st), 0);
    assert_true(S_ISFIFO(st.st_mode) && (st.st_mode & 07777) == 0622);
    assert_int_equal(lstat(wc_arena_printf(&f.arena, "%s/link", data), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(wc_fs_remove_tree(wc_arena_printf(&f.arena, "%s/from", f.root), &err), 0);
    assert_int_equal(wc_volume_remove(dir, &err), 0);
    fixture_end(&f);
}

WC_MAIN(WC_CASE(defaults_of_config), WC_CASE(limits_in_config), WC_CASE(args_rules), WC_CASE(users),
        WC_CASE(image_links_stay_inside), WC_CASE(layered_root), WC_CASE(capabilities),
        WC_CASE(seccomp_profile), WC_CASE(seccomp_file), WC_CASE(apparmor_profile),
        WC_CASE(programs_beside_it), WC_CASE(cgroup_hosts), WC_CASE(logging), WC_CASE(reports),
        WC_CASE(volume_copies_nodes))
