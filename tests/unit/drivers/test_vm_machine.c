/* test_vm_machine.c - what a machine is made of, without starting one: its size, the frames for its
 * agent, the VMM's command line, the jail.
 *
 * The service is written by hand as the OCI room would have resolved it, with texts that somebody
 * could want to break out with.
 */
#include "process_fixture.h"

#include <sys/sysmacros.h>

#include "drivers/hyperv/machine.h"
#include "drivers/hyperv/monitor/conf.h"
#include "drivers/hyperv/protocol.h"
#include "drivers/hyperv/size.h"
#include "wcompose/vm_usage.h"

enum { MIB = 1 << 20 };
static const int64_t cpu = 1000000000;

/* ---- size ---- */

static void size_follows_the_limits(void **state)
{
    static const struct {
        int64_t vm_memory, mem_limit, expected;
    } memory[] = { { 0, WC_UNSET, 512 },
                   { 0, (int64_t)200 * MIB, 200 },
                   { 0, (int64_t)1 * MIB, 96 },
                   { (int64_t)128 * MIB, (int64_t)1000 * MIB, 128 },
                   { 0, 200 * MIB + 1, 201 } };
    static const struct {
        int64_t vm_cpus, nano_cpus;
        unsigned expected;
    } cpus[] = { { 0, WC_UNSET, 4 },      { 0, 1, 1 },         { 0, cpu, 1 },
                 { 0, cpu + cpu / 2, 2 }, { 0, 100 * cpu, 4 }, { 3, cpu, 3 },
                 { 0, INT64_MAX / 2, 4 } };
    struct wc_vm_size size;
    struct fixture f = { 0 };
    (void)state;
    wc_arena_init(&f.arena);
    for (size_t i = 0; i < WC_COUNT(memory); i++) {
        struct wc_service *s = fixture_service(&f, "db");
        s->vm.memory_bytes = memory[i].vm_memory;
        s->mem_limit_bytes = memory[i].mem_limit;
        wc_vm_size_of(s, 4, false, &size);
        assert_int_equal(size.memory_bytes, memory[i].expected * MIB);
    }
    for (size_t i = 0; i < WC_COUNT(cpus); i++) {
        struct wc_service *s = fixture_service(&f, "db");
        s->vm.cpus = cpus[i].vm_cpus;
        s->nano_cpus = cpus[i].nano_cpus;
        wc_vm_size_of(s, 4, false, &size);
        assert_int_equal(size.cpus, cpus[i].expected);
    }
    wc_arena_deinit(&f.arena);
}

/* The group holds the machine and what the VMM needs beside it, more so without hardware help. */
static void jail_is_larger_than_its_machine(void **state)
{
    struct wc_vm_size kvm, tcg;
    struct wc_limits limits;
    struct fixture f = { 0 };
    (void)state;
    wc_arena_init(&f.arena);
    struct wc_service *s = fixture_service(&f, "db");
    s->mem_limit_bytes = (int64_t)200 * MIB;
    s->mem_reservation_bytes = (int64_t)100 * MIB;
    s->memswap_limit_bytes = (int64_t)200 * MIB;
    s->pids_limit = 7;
    s->cpu_shares = 300;
    wc_vm_size_of(s, 2, false, &kvm);
    wc_vm_size_of(s, 2, true, &tcg);
    assert_true(kvm.overhead_bytes > 0 && tcg.overhead_bytes > kvm.overhead_bytes);
    wc_vm_limits_of(s, &tcg, &limits);
    assert_int_equal(limits.memory_bytes, tcg.memory_bytes + tcg.overhead_bytes);
    assert_true(limits.swap_bytes >= limits.memory_bytes);
    assert_int_equal(limits.reservation_bytes, -1);
    assert_true(limits.pids > 7); /* the VMM's threads; the service's are limited inside */
    assert_int_equal(limits.cpu_shares, 300);
    wc_arena_deinit(&f.arena);
}

/* ---- a machine on paper ---- */

struct paper {
    struct fixture f;
    struct wc_service *spec;
    struct wc_instance *inst;
    struct wc_bundle_request request;
    struct wc_oci oci;
    struct wc_buf inside;
    struct wc_wrap wrap;
    struct wc_machine machine;
};

static const char *at(struct paper *p, const char *name)
{
    return wc_arena_printf(&p->f.arena, "%s/%s", p->f.root, name);
}

static void add_mount(struct paper *p, const char *target, const char *type, const char *source,
                      const char *option)
{
    struct wc_oci *oci = &p->oci;
    oci->mounts = wc_arena_grow(&p->f.arena, oci->mounts, oci->n_mounts, &oci->cap_mounts,
                                sizeof *oci->mounts);
    struct wc_oci_mount *m = &oci->mounts[oci->n_mounts++];
    *m = (struct wc_oci_mount){ .target = target, .type = type, .source = source };
    wc_strv_add(&p->f.arena, &m->options, option);
    wc_strv_add(&p->f.arena, &m->options, "nosuid");
}

static void begin(struct paper *p)
{
    if (geteuid() != 0 || access("/bin/busybox", X_OK) != 0)
        WC_SKIP("root and busybox-static");
    memset(p, 0, sizeof *p);
    fixture_begin_files(&p->f);
    p->spec = fixture_service(&p->f, "db");
    p->inst = fixture_instance(&p->f, p->spec, NULL);
    assert_int_equal(mkdir(at(p, "machine"), 0700), 0);
    assert_int_equal(mkdir(at(p, "rootfs"), 0755), 0);
    p->request = (struct wc_bundle_request){
        .paths = &p->f.paths, .inst = p->inst, .lib_dir = p->f.root, .run_dir = p->f.root
    };
    p->oci = (struct wc_oci){ .arena = &p->f.arena,
                              .cwd = "/",
                              .hostname = "db",
                              .rootfs = at(p, "rootfs"),
                              .cgroup_path = "/group",
                              .caps = 0x20,
                              .no_new_privs = true,
                              .spec = p->spec };
    wc_strv_add(&p->f.arena, &p->oci.args, "serve");
    wc_strv_add(&p->f.arena, &p->oci.env, "PATH=/bin");
    p->inside = (struct wc_buf)WC_BUF_INIT;
    p->wrap = (struct wc_wrap){
        .request = &p->request, .service = &p->oci, .root_fd = -1, .inside = &p->inside
    };
    p->machine =
        (struct wc_machine){ .arena = &p->f.arena,
                             .in = &p->wrap,
                             .memory_fd = -1,
                             .uid = 0x70000007,
                             .dir = at(p, "machine"),
                             .image = at(p, "a,file=b.erofs"),
                             .scratch = at(p, "scratch,readonly=on"),
                             .kernel = { .image = at(p, "k,x"), .initramfs = at(p, "i,x") } };
    snprintf(p->machine.accel.qemu, sizeof p->machine.accel.qemu, "/usr/bin/qemu-system-x86_64");
    p->machine.accel.tsc_khz = 2100000;
    wc_vm_size_of(p->spec, 2, true, &p->machine.size);
}

static void finish(struct paper *p)
{
    wc_buf_deinit(&p->inside);
    fixture_end_files(&p->f);
}

/* ---- boot ---- */

struct told {
    struct wc_buf conf, files[4];
    unsigned n_frames, n_begin, n_links;
};

/* What the agent makes of the frames. */
static void decode(struct paper *p, struct told *told)
{
    WC_CLEANUP_BUF struct wc_buf all = WC_BUF_INIT;
    struct stat st;
    struct wc_vm_head head;
    const char *path = at(p, "machine/" WC_MON_BOOT);
    assert_int_equal(wc_fs_read(path, 64 << 20, &all, NULL), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0400); /* secrets may be in it */
    assert_int_equal(st.st_uid, p->machine.uid);
    memset(told, 0, sizeof *told);
    for (size_t k = 0; k < all.len; k += sizeof head + head.len, told->n_frames++) {
        assert_true(all.len - k >= sizeof head);
        memcpy(&head, all.data + k, sizeof head);
        assert_true(head.len <= WC_VM_PAYLOAD_MAX && head.len <= all.len - k - sizeof head);
        assert_int_equal(told->n_begin, 0); /* nothing after it */
        const char *data = all.data + k + sizeof head;
        if (head.type == WC_VM_CONF)
            wc_buf_add(&told->conf, data, head.len);
        else if (head.type == WC_VM_FILE && head.stream < WC_COUNT(told->files))
            wc_buf_add(&told->files[head.stream], data, head.len);
        told->n_links += head.type == WC_VM_LINKS;
        told->n_begin += head.type == WC_VM_BEGIN;
    }
    assert_int_equal(told->n_begin, 1);
    assert_int_equal(told->conf.data[told->conf.len - 1], '\0');
}

static void forget(struct told *told)
{
    wc_buf_deinit(&told->conf);
    for (size_t i = 0; i < WC_COUNT(told->files); i++)
        wc_buf_deinit(&told->files[i]);
}

/* The nth value of a key, or NULL. */
static const char *value_of(const struct told *told, const char *key, unsigned nth)
{
    size_t len = strlen(key);
    for (const char *r = told->conf.data; r < told->conf.data + told->conf.len; r += strlen(r) + 1)
        if (strncmp(r, key, len) == 0 && r[len] == '=' && nth-- == 0)
            return r + len + 1;
    return NULL;
}

static void frames_say_what_went_in(void **state)
{
    static struct paper p;
    struct told told;
    static char big[200000];
    (void)state;
    begin(&p);
    for (size_t i = 0; i < sizeof big - 1; i++)
        big[i] = (char)('a' + i % 23);
    fixture_write(at(&p, "secret"), big, 0440);
    fixture_write(at(&p, "hosts"), "127.0.0.1 localhost\n", 0644);
    wc_strv_add(&p.f.arena, &p.oci.args, "a=b\nuid=0");
    wc_strv_add(&p.f.arena, &p.oci.args, "");
    wc_strv_add(&p.f.arena, &p.oci.env, wc_arena_printf(&p.f.arena, "BIG=%s", big));
    p.oci.user.uid = 1000;
    p.oci.user.gid = 1001;
    p.spec->pids_limit = 50;
    wc_buf_adds(&p.inside, "netlink");
    add_mount(&p, "/run/secrets/one", "bind", at(&p, "secret"), "ro");
    add_mount(&p, "/etc/hosts", "bind", at(&p, "hosts"), "rw");
    add_mount(&p, "/cache", "tmpfs", "tmpfs", "size=1m");
    assert_int_equal(wc_vm_boot_write(&p.machine, NULL), 0);
    decode(&p, &told);
    assert_string_equal(value_of(&told, "arg", 0), "serve");
    assert_string_equal(value_of(&told, "arg", 1), "a=b\nuid=0"); /* one value */
    assert_string_equal(value_of(&told, "arg", 2), "");
    assert_null(value_of(&told, "arg", 3));
    assert_string_equal(value_of(&told, "uid", 0), "1000");
    assert_null(value_of(&told, "uid", 1));
    assert_string_equal(value_of(&told, "gid", 0), "1001");
    assert_string_equal(value_of(&told, "caps", 0), "20");
    assert_string_equal(value_of(&told, "nnp", 0), "1");
    assert_string_equal(value_of(&told, "pids", 0), "50");
    assert_string_equal(value_of(&told, "env", 1) + 4, big);
    assert_string_equal(value_of(&told, "mount", 0), "/run/secrets/one\tfile\t0\tro,nosuid");
    assert_string_equal(value_of(&told, "mount", 1), "/etc/hosts\tfile\t1\trw,nosuid");
    assert_string_equal(value_of(&told, "mount", 2), "/cache\ttmpfs\ttmpfs\tsize=1m,nosuid");
    assert_string_equal(value_of(&told, "file", 0), "0 0 0 440");
    assert_int_equal(told.files[0].len, sizeof big - 1);
    assert_memory_equal(told.files[0].data, big, sizeof big - 1);
    assert_string_equal(told.files[1].data, "127.0.0.1 localhost\n");
    assert_int_equal(told.n_links, 1);
    assert_null(value_of(&told, "shares", 0));
    assert_null(value_of(&told, "tty", 0));
    assert_int_equal(p.machine.n_shares, 0);
    forget(&told);
    finish(&p);
}

/* What is written to, or large, or a directory is served; its name on the host is not told. */
static void directories_are_shared(void **state)
{
    static struct paper p;
    struct told told;
    (void)state;
    begin(&p);
    assert_int_equal(mkdir(at(&p, "data,with=commas"), 0755), 0);
    fixture_write(at(&p, "rw-file"), "x", 0644);
    add_mount(&p, "/data", "bind", at(&p, "data,with=commas"), "rw");
    add_mount(&p, "/ro", "bind", at(&p, "data,with=commas"), "rro");
    add_mount(&p, "/file", "bind", at(&p, "rw-file"), "rw");
    assert_int_equal(wc_vm_boot_write(&p.machine, NULL), 0);
    decode(&p, &told);
    assert_string_equal(value_of(&told, "mount", 0), "/data\tshare\t0\trw,nosuid");
    assert_string_equal(value_of(&told, "mount", 1), "/ro\tshare\t1\tro,nosuid");
    assert_string_equal(value_of(&told, "mount", 2), "/file\tshare\t2\trw,nosuid");
    assert_string_equal(value_of(&told, "shares", 0), "1");
    assert_int_equal(p.machine.n_shares, 3);
    assert_false(p.machine.shares[0].read_only);
    assert_true(p.machine.shares[1].read_only);
    forget(&told);
    finish(&p);
}

static void what_cannot_be_told_is_refused(void **state)
{
    static struct paper p;
    static char huge[WC_VM_CONF_MAX + 1];
    struct wc_err err = { 0 };
    (void)state;
    begin(&p);
    add_mount(&p, "/a\tfile\t0\t", "tmpfs", "tmpfs", "rw");
    assert_int_equal(wc_vm_boot_write(&p.machine, &err), WC_ERR_UNAVAILABLE);
    p.oci.n_mounts = 0;
    memset(huge, 'x', sizeof huge - 1);
    wc_strv_add(&p.f.arena, &p.oci.args, huge);
    assert_int_equal(wc_vm_boot_write(&p.machine, &err), WC_ERR_UNAVAILABLE);
    assert_non_null(strstr(err.msg, "too long"));
    p.oci.args.n = 1;
    for (int i = 0; i <= WC_VM_FILES_MAX; i++)
        add_mount(&p, "/etc/hosts", "bind", "/etc/hostname", "ro");
    assert_int_equal(wc_vm_boot_write(&p.machine, &err), WC_ERR_UNAVAILABLE);
    assert_false(wc_fs_exists(at(&p, "machine/" WC_MON_BOOT)));
    finish(&p);
}

/* ---- the VMM's command line ---- */

/* Commas separate QEMU's own options; text of a user's, or a path of the host's, has no place in
 * any argument. */
static void no_text_of_a_user_is_an_option(void **state)
{
    static struct paper p;
    static const char *const texts[] = { "evil", "file=b", "readonly=on", "k,x", "i,x" };
    WC_CLEANUP_BUF struct wc_buf conf = WC_BUF_INIT;
    struct wc_attachment net = { .bridge = "wc,evil0",
                                 .ifname = "eth,evil",
                                 .mac = { 2, 0, 0, 0, 0, 9 } };
    unsigned n_vmm = 0, n_uid = 0;
    (void)state;
    begin(&p);
    assert_int_equal(mkdir(at(&p, "evil,dir"), 0755), 0);
    p.spec->name = "evil,name";
    p.oci.hostname = "evil,host";
    p.inst->nets = &net;
    p.inst->n_nets = 1;
    wc_strv_add(&p.f.arena, &p.oci.args, "evil,arg");
    wc_strv_add(&p.f.arena, &p.oci.env, "EVIL=evil,env");
    add_mount(&p, "/evil,target", "bind", at(&p, "evil,dir"), "rw");
    assert_int_equal(wc_vm_boot_write(&p.machine, NULL), 0);
    assert_int_equal(wc_vm_conf_write(&p.machine, NULL), 0);
    assert_int_equal(wc_fs_read(at(&p, "machine/" WC_MON_CONF), 1 << 20, &conf, NULL), 0);
    for (const char *r = conf.data; r < conf.data + conf.len; r += strlen(r) + 1) {
        n_vmm += strncmp(r, "vmm=", 4) == 0;
        n_uid += wc_streq(r, "uid=1879048199");
        for (size_t i = 0; i < WC_COUNT(texts); i++)
            if (strstr(r, texts[i]) != NULL && strstr(r, "id=image,if=none") == NULL)
                fail_msg("'%s' is in '%s'", texts[i], r);
        assert_null(strstr(r, p.f.root)); /* only names in the jail */
    }
    assert_true(n_vmm > 20);
    assert_int_equal(n_uid, 1);
    finish(&p);
}

static bool has_argument(const struct wc_buf *conf, const char *argument)
{
    for (const char *r = conf->data; r < conf->data + conf->len; r += strlen(r) + 1)
        if (wc_streq(r, argument))
            return true;
    return false;
}

static void the_vmm_is_locked_in(void **state)
{
    static struct paper p;
    WC_CLEANUP_BUF struct wc_buf conf = WC_BUF_INIT;
    struct stat st;
    (void)state;
    begin(&p);
    assert_int_equal(wc_vm_boot_write(&p.machine, NULL), 0);
    assert_int_equal(wc_vm_conf_write(&p.machine, NULL), 0);
    const char *path = at(&p, "machine/" WC_MON_CONF);
    assert_int_equal(wc_fs_read(path, 1 << 20, &conf, NULL), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0400);
    assert_true(has_argument(&conf, "vmm=-nodefaults"));
    assert_true(has_argument(&conf, "vmm=-no-user-config"));
    assert_true(has_argument(&conf, "vmm=on,obsolete=deny,elevateprivileges=deny,spawn=deny,"
                                    "resourcecontrol=deny"));
    assert_false(has_argument(&conf, "vmm=-netdev"));
    assert_null(strstr(conf.data, "vhost-user"));
    for (const char *r = conf.data; r < conf.data + conf.len; r += strlen(r) + 1)
        assert_int_not_equal(strncmp(r, "share=", 6), 0); /* no share, no server */
    finish(&p);
}

/* ---- the note of its size ---- */

/* What a machine was made with is told later, whatever the file says by then; an earlier build's
 * note knows no disk. */
static void size_is_noted(void **state)
{
    static struct paper p;
    struct wc_vm_size made;
    (void)state;
    begin(&p);
    struct wc_paths paths = { .run = p.f.root };
    const char *run_dir = wc_paths_instance_run(&paths, &p.f.arena, "app", "app-db-1.1");
    assert_int_equal(wc_vm_size_made(&paths, "app", "app-db-1.1", &made, NULL), WC_ERR_NOENT);
    assert_int_equal(wc_fs_mkdirs(run_dir, 0700, NULL), 0);
    assert_int_equal(wc_vm_size_made(&paths, "app", "app-db-1.1", &made, NULL), WC_ERR_NOENT);
    p.request.run_dir = run_dir;
    assert_int_equal(wc_vm_size_note(&p.machine, NULL), 0);
    assert_int_equal(wc_vm_size_made(&paths, "app", "app-db-1.1", &made, NULL), 0);
    assert_int_equal(made.memory_bytes, p.machine.size.memory_bytes);
    assert_int_equal(made.overhead_bytes, p.machine.size.overhead_bytes);
    assert_int_equal(made.cpus, p.machine.size.cpus);
    assert_int_equal(made.disk_bytes, p.machine.size.disk_bytes);
    const char *note = wc_arena_printf(&p.f.arena, "%s/" WC_VM_SIZE_NOTE, run_dir);
    assert_int_equal(wc_write_plain(note, "100 20 3 0\n", 11, 0600, NULL), 0);
    assert_int_equal(wc_vm_size_made(&paths, "app", "app-db-1.1", &made, NULL), 0);
    assert_int_equal(made.memory_bytes, 100);
    assert_int_equal(made.overhead_bytes, 20);
    assert_int_equal(made.cpus, 3);
    assert_int_equal(made.disk_bytes, 0);
    assert_int_equal(wc_write_plain(note, "a note\n", 7, 0600, NULL), 0);
    assert_int_equal(wc_vm_size_made(&paths, "app", "app-db-1.1", &made, NULL), WC_ERR_STATE);
    finish(&p);
}

/* ---- the jail ---- */

static const struct wc_oci_mount *mount_at(const struct wc_oci *jail, const char *target)
{
    for (size_t i = 0; i < jail->n_mounts; i++)
        if (wc_streq(jail->mounts[i].target, target))
            return &jail->mounts[i];
    return NULL;
}

/* Nothing of the host's can be written but the machine's directory and its disk. */
static void only_what_is_needed_is_bound(void **state)
{
    static const char *const writable[] = { WC_MON_DIR, WC_JAIL_SCRATCH };
    static const char *const places[] = { "/usr/lib", "/usr/lib64", "/usr/share/qemu",
                                          "/usr/share/seabios" };
    static struct paper p;
    struct wc_oci jail;
    (void)state;
    begin(&p);
    assert_int_equal(wc_vm_boot_write(&p.machine, NULL), 0);
    assert_int_equal(wc_vm_jail(&p.machine, &jail, NULL), 0);
    for (size_t i = 0; i < jail.n_mounts; i++) {
        const struct wc_oci_mount *m = &jail.mounts[i];
        if (!wc_streq(m->type, "bind") && !wc_streq(m->type, "rbind"))
            continue;
        bool may_write = wc_streq(m->target, writable[0]) || wc_streq(m->target, writable[1]);
        bool ours = wc_str_starts(m->source, p.f.root) || wc_str_starts(m->source, p.f.paths.bin) ||
                    wc_streq(m->source, p.machine.accel.qemu);
        for (size_t k = 0; k < WC_COUNT(places); k++)
            ours = ours || wc_streq(m->source, places[k]);
        if (!ours)
            fail_msg("%s of the host is in the jail", m->source);
        assert_int_equal(wc_strv_has(&m->options, "ro"), !may_write);
        assert_true(wc_strv_has(&m->options, "nosuid"));
        assert_true(wc_strv_has(&m->options, "nodev"));
    }
    assert_non_null(mount_at(&jail, WC_JAIL_IMAGE));
    assert_null(mount_at(&jail, WC_MON_NOTIFY)); /* nobody notifies */
    assert_null(mount_at(&jail, "/dev/pts"));
    assert_null(mount_at(&jail, "/sys"));
    finish(&p);
}

static void a_jail_has_no_rights(void **state)
{
    static struct paper p;
    struct wc_oci jail;
    (void)state;
    begin(&p);
    p.oci.caps = UINT64_MAX; /* of the service, in its machine */
    p.oci.privileged = true;
    assert_int_equal(wc_vm_boot_write(&p.machine, NULL), 0);
    assert_int_equal(wc_vm_jail(&p.machine, &jail, NULL), 0);
    assert_int_equal(jail.caps, 0);
    assert_false(jail.privileged);
    assert_true(jail.no_new_privs && jail.root_readonly);
    assert_non_null(jail.seccomp);
    assert_int_equal(jail.user.uid, p.machine.uid);
    assert_int_equal(jail.user.gid, p.machine.uid);
    assert_int_equal(jail.user.n_groups, 0);
    assert_int_equal(jail.n_devices, 0);
    assert_int_equal(jail.args.n, 1);
    assert_string_equal(jail.args.items[0], WC_MON_PROGRAM);
    assert_int_equal(jail.env.n, 0);
    finish(&p);
}

/* The file server acts for the guest's users on the shares, which are all that it finds. */
static void shares_bring_the_least_rights(void **state)
{
    static struct paper p;
    struct wc_oci jail;
    (void)state;
    begin(&p);
    assert_int_equal(mkdir(at(&p, "data"), 0755), 0);
    add_mount(&p, "/data", "bind", at(&p, "data"), "rw");
    add_mount(&p, "/again", "bind", at(&p, "data"), "ro");
    assert_int_equal(wc_vm_boot_write(&p.machine, NULL), 0);
    assert_int_equal(wc_vm_jail(&p.machine, &jail, NULL), 0);
    const uint64_t sys_admin = UINT64_C(1) << 21, net_admin = 1 << 12, ptrace = 1 << 19,
                   sys_module = 1 << 16, raw_io = 1 << 17;
    assert_int_equal(jail.caps & (sys_admin | net_admin | ptrace | sys_module | raw_io), 0);
    assert_int_not_equal(jail.caps, 0);
    assert_true(jail.no_new_privs);
    assert_non_null(jail.seccomp);
    const struct wc_oci_mount *rw = mount_at(&jail, WC_MON_SHARES "/0");
    const struct wc_oci_mount *ro = mount_at(&jail, WC_MON_SHARES "/1");
    assert_string_equal(rw->source, at(&p, "data"));
    assert_true(wc_strv_has(&rw->options, "rw"));
    assert_true(wc_strv_has(&ro->options, "ro"));
    finish(&p);
}

WC_MAIN(WC_CASE(size_follows_the_limits), WC_CASE(jail_is_larger_than_its_machine),
        WC_CASE(frames_say_what_went_in), WC_CASE(directories_are_shared),
        WC_CASE(what_cannot_be_told_is_refused), WC_CASE(no_text_of_a_user_is_an_option),
        WC_CASE(the_vmm_is_locked_in), WC_CASE(size_is_noted),
        WC_CASE(only_what_is_needed_is_bound), WC_CASE(a_jail_has_no_rights),
        WC_CASE(shares_bring_the_least_rights))
