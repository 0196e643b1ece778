/* boot.c - what a machine's agent is told, as frames (protocol.h).
 *
 * A mount of the service becomes one of three things. What the guest's kernel has itself (proc,
 * tmpfs …) stays as it is. A file that cannot change while the service runs (configs, secrets, the
 * name files) is sent along. Anything else of the host is shared by the file server.
 */
#include "drivers/hyperv/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/paths.h"
#include "base/str.h"
#include "drivers/hyperv/monitor/conf.h"
#include "drivers/hyperv/protocol.h"
#include "drivers/net/net.h"
#include "drivers/process/hidden.h"
#include "drivers/process/record.h"

struct boot {
    struct wc_machine *machine;
    const struct wc_oci *oci; /* the service's */
    struct wc_buf conf, files;
    unsigned n_files;
    int64_t file_bytes;
    struct wc_err *err;
};

static void put_frame(struct wc_buf *out, enum wc_vm_type type, unsigned stream, const void *data,
                      size_t len)
{
    struct wc_vm_head head = { .len = (uint32_t)len,
                               .type = (uint8_t)type,
                               .stream = (uint16_t)stream };
    wc_buf_add(out, &head, sizeof head);
    if (len > 0)
        wc_buf_add(out, data, len);
}

static void put_parts(struct wc_buf *out, enum wc_vm_type type, unsigned stream, const char *data,
                      size_t len)
{
    for (size_t at = 0; at < len; at += WC_VM_PAYLOAD_MAX)
        put_frame(out, type, stream, data + at,
                  len - at < WC_VM_PAYLOAD_MAX ? len - at : WC_VM_PAYLOAD_MAX);
}

/* ---- files ---- */

/* Returns the file's number, or a negative code. */
static int add_bytes(struct boot *boot, const char *data, size_t len, const struct stat *st)
{
    if (boot->n_files == WC_VM_FILES_MAX)
        return wc_err_set(boot->err, WC_ERR_UNAVAILABLE, 0,
                          "a virtual machine takes at most %d files along", WC_VM_FILES_MAX);
    boot->file_bytes += (int64_t)len;
    if (len > WC_VM_FILE_MAX || boot->file_bytes > WC_VM_FILES_BYTES)
        return wc_err_set(boot->err, WC_ERR_UNAVAILABLE, 0,
                          "files that a virtual machine takes along are at most %d MiB each, %d "
                          "together",
                          WC_VM_FILE_MAX >> 20, WC_VM_FILES_BYTES >> 20);
    unsigned n = boot->n_files++;
    put_parts(&boot->files, WC_VM_FILE, n, data, len);
    wc_oci_record(&boot->conf, "file", "%u %u %u %o", n, st->st_uid, st->st_gid,
                  st->st_mode & 07777);
    return (int)n;
}

static int add_file(struct boot *boot, const char *path)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct stat st;
    if (stat(path, &st) != 0)
        return wc_err_set(boot->err, wc_fs_code(errno), errno, "%s", path);
    int rc = wc_fs_read(path, WC_VM_FILE_MAX, &text, boot->err);
    return rc != 0 ? rc : add_bytes(boot, text.data, text.len, &st);
}

/* Configs, secrets and the name files; and a file that somebody binds read-only: what replaces it
 * while the service runs isn't seen by a container either. */
static bool is_taken_along(const char *source, bool read_only, const char *target)
{
    struct stat st;
    bool names = wc_str_starts(target, "/etc/host") || wc_streq(target, "/etc/resolv.conf");
    return (read_only || names) && stat(source, &st) == 0 && S_ISREG(st.st_mode) &&
           st.st_size <= WC_VM_FILE_MAX;
}

/* ---- mounts ---- */

static const char *join_options(const struct wc_strv *options, struct wc_arena *arena)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    for (size_t i = 0; i < options->n; i++)
        wc_buf_printf(&text, "%s%s", i > 0 ? "," : "",
                      wc_streq(options->items[i], "rro") ? "ro" : options->items[i]);
    return wc_arena_strndup(arena, text.data, text.len);
}

static size_t add_share(struct wc_machine *machine, const char *source, bool read_only)
{
    machine->shares = wc_arena_grow(machine->arena, machine->shares, machine->n_shares,
                                    &machine->cap_shares, sizeof *machine->shares);
    machine->shares[machine->n_shares] = (struct wc_vm_share){ source, read_only };
    return machine->n_shares++;
}

static int add_bind(struct boot *boot, const struct wc_oci_mount *m, const char *options)
{
    bool read_only = wc_strv_has(&m->options, "ro") || wc_strv_has(&m->options, "rro");
    if (is_taken_along(m->source, read_only, m->target)) {
        int n = add_file(boot, m->source);
        if (n < 0)
            return n;
        wc_oci_record(&boot->conf, "mount", "%s\tfile\t%d\t%s", m->target, n, options);
        return 0;
    }
    wc_oci_record(&boot->conf, "mount", "%s\tshare\t%zu\t%s", m->target,
                  add_share(boot->machine, m->source, read_only), options);
    return 0;
}

static int add_mounts(struct boot *boot)
{
    for (size_t i = 0; i < boot->oci->n_mounts; i++) {
        const struct wc_oci_mount *m = &boot->oci->mounts[i];
        const char *options = join_options(&m->options, boot->machine->arena);
        int rc = 0;
        if (strpbrk(m->target, "\t\n") != NULL)
            return wc_err_at(boot->err, WC_ERR_UNAVAILABLE, boot->oci->spec->at,
                             "a mount target with a tab or a line break can't be had in a virtual "
                             "machine");
        if (wc_streq(m->target, WC_OCI_NOTIFY_DIR))
            wc_oci_record(&boot->conf, "notify", "1");
        else if (wc_streq(m->type, "bind"))
            rc = add_bind(boot, m, options);
        else
            wc_oci_record(&boot->conf, "mount", "%s\t%s\t%s\t%s", m->target, m->type, m->source,
                          options);
        if (rc != 0)
            return rc;
    }
    if (boot->machine->n_shares > 0)
        wc_oci_record(&boot->conf, "shares", "1");
    return 0;
}

/* ---- settings ---- */

static void add_hidden(struct boot *boot)
{
    if (boot->oci->privileged)
        return;
    wc_oci_record(&boot->conf, "usual_devices", "1");
    for (const char *const *path = wc_hidden_masked; *path != NULL; path++)
        wc_oci_record(&boot->conf, "mask", "%s", *path);
    for (const char *const *path = wc_hidden_readonly; *path != NULL; path++)
        wc_oci_record(&boot->conf, "readonly", "%s", *path);
}

static void add_sysctls(struct boot *boot)
{
    const struct wc_kvs *const lists[] = { &boot->oci->sysctls, &boot->oci->net_sysctls };
    const struct wc_instance *inst = boot->machine->in->request->inst;
    for (const char *const *s = wc_net_sysctls(); *s != NULL; s++)
        wc_oci_record(&boot->conf, "sysctl", "%s", *s);
    for (size_t i = 0; i < inst->n_nets; i++) /* they are there before the default is set */
        wc_oci_record(&boot->conf, "sysctl", "net/ipv6/conf/%s/disable_ipv6=1",
                      inst->nets[i].ifname);
    for (size_t n = 0; n < WC_COUNT(lists); n++)
        for (size_t i = 0; i < lists[n]->n; i++)
            wc_oci_record(&boot->conf, "sysctl", "%s=%s", lists[n]->items[i].key,
                          lists[n]->items[i].value);
}

static void add_process(struct boot *boot)
{
    const struct wc_oci *oci = boot->oci;
    WC_CLEANUP_BUF struct wc_buf groups = WC_BUF_INIT;
    struct wc_buf *out = &boot->conf;
    for (size_t i = 0; i < oci->args.n; i++)
        wc_oci_record(out, "arg", "%s", oci->args.items[i]);
    for (size_t i = 0; i < oci->env.n; i++)
        wc_oci_record(out, "env", "%s", oci->env.items[i]);
    for (size_t i = 0; i < oci->user.n_groups; i++)
        wc_buf_printf(&groups, "%s%u", i > 0 ? "," : "", oci->user.groups[i]);
    if (oci->is_home_ours)
        wc_oci_record(out, "own_home", "1");
    wc_oci_record(out, "cwd", "%s", oci->cwd);
    wc_oci_record(out, "uid", "%u", oci->user.uid);
    wc_oci_record(out, "gid", "%u", oci->user.gid);
    wc_oci_record(out, "groups", "%s", groups.data);
    wc_oci_record(out, "umask", "022");
    wc_oci_record(out, "caps", "%llx", (unsigned long long)oci->caps);
    if (oci->no_new_privs)
        wc_oci_record(out, "nnp", "1");
    for (size_t i = 0; i < oci->n_rlimits; i++)
        wc_oci_record(out, "rlimit", "%d %llu %llu", oci->rlimits[i].resource,
                      (unsigned long long)oci->rlimits[i].soft,
                      (unsigned long long)oci->rlimits[i].hard);
    if (oci->has_oom_score_adj)
        wc_oci_record(out, "oom_score_adj", "%d", oci->oom_score_adj);
    if (oci->tty)
        wc_oci_record(out, "tty", "1");
    if (oci->spec->stdin_open == WC_TRI_TRUE || oci->tty)
        wc_oci_record(out, "input", "1");
    if (oci->spec->pids_limit > 0)
        wc_oci_record(out, "pids", "%lld", (long long)oci->spec->pids_limit);
}

static int add_seccomp(struct boot *boot)
{
    if (boot->oci->seccomp == NULL)
        return 0;
    if (boot->oci->seccomp_bpf == NULL)
        return wc_err_set(boot->err, WC_ERR_UNAVAILABLE, 0,
                          "the seccomp profile could not be compiled for the virtual machine");
    int n = add_file(boot, boot->oci->seccomp_bpf);
    if (n < 0)
        return n;
    wc_oci_record(&boot->conf, "seccomp", "%d", n);
    return 0;
}

static int collect(struct boot *boot)
{
    const struct wc_oci *oci = boot->oci;
    wc_oci_record(&boot->conf, "hostname", "%s", oci->hostname);
    if (oci->domainname != NULL)
        wc_oci_record(&boot->conf, "domainname", "%s", oci->domainname);
    wc_oci_record(&boot->conf, "scratch", "disk");
    if (oci->root_readonly)
        wc_oci_record(&boot->conf, "root_ro", "1");
    add_process(boot);
    add_sysctls(boot);
    add_hidden(boot);
    int rc = add_mounts(boot);
    if (rc == 0)
        rc = add_seccomp(boot);
    if (rc == 0 && boot->conf.len > WC_VM_CONF_MAX)
        rc = wc_err_at(boot->err, WC_ERR_UNAVAILABLE, oci->spec->at,
                       "environment and arguments of service '%s' are too long for a virtual "
                       "machine (%zu bytes, at most %d)",
                       oci->spec->name, boot->conf.len, WC_VM_CONF_MAX);
    return rc;
}

/* Its user's, since it may hold secrets. */
static int write_boot(const struct boot *boot)
{
    WC_CLEANUP_BUF struct wc_buf all = WC_BUF_INIT;
    const struct wc_machine *machine = boot->machine;
    const struct wc_buf *links = machine->in->inside;
    const char *path = wc_arena_printf(machine->arena, "%s/%s", machine->dir, WC_MON_BOOT);
    put_parts(&all, WC_VM_CONF, 0, boot->conf.data, boot->conf.len);
    wc_buf_add(&all, boot->files.data, boot->files.len);
    if (links->len > 0)
        put_frame(&all, WC_VM_LINKS, 0, links->data, links->len);
    put_frame(&all, WC_VM_BEGIN, 0, NULL, 0);
    int rc = wc_write_plain(path, all.data, all.len, 0400, boot->err);
    if (rc == 0 && lchown(path, machine->uid, machine->uid) != 0)
        rc = wc_err_set(boot->err, wc_fs_code(errno), errno, "%s", path);
    return rc;
}

int wc_vm_boot_write(struct wc_machine *machine, struct wc_err *err)
{
    struct boot boot = { .machine = machine,
                         .oci = machine->in->service,
                         .conf = WC_BUF_INIT,
                         .files = WC_BUF_INIT,
                         .err = err };
    int rc = collect(&boot);
    if (rc == 0)
        rc = write_boot(&boot);
    wc_buf_deinit(&boot.conf);
    wc_buf_deinit(&boot.files);
    return rc;
}
