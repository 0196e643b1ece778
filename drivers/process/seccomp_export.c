/* seccomp_export.c - a profile as a filter program, compiled once and kept by hash. */
#include "drivers/process/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/str.h"

/* OCI's names for libseccomp's numbers. */
static bool action_number(const char *name, int errno_ret, uint32_t *out)
{
    uint16_t value = (uint16_t)(errno_ret > 0 ? errno_ret : EPERM);
    const struct {
        const char *name;
        uint32_t action;
    } rows[] = {
        { "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW },
        { "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(value) },
        { "SCMP_ACT_LOG", SCMP_ACT_LOG },
        { "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD },
        { "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD },
        { "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS },
        { "SCMP_ACT_TRAP", SCMP_ACT_TRAP },
        { "SCMP_ACT_TRACE", SCMP_ACT_TRACE(value) },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++)
        if (wc_streq(name, rows[i].name)) {
            *out = rows[i].action;
            return true;
        }
    return false;
}

static bool compare_number(const char *name, enum scmp_compare *out)
{
    static const struct {
        const char *name;
        enum scmp_compare op;
    } rows[] = {
        { "SCMP_CMP_NE", SCMP_CMP_NE },
        { "SCMP_CMP_LT", SCMP_CMP_LT },
        { "SCMP_CMP_LE", SCMP_CMP_LE },
        { "SCMP_CMP_EQ", SCMP_CMP_EQ },
        { "SCMP_CMP_GE", SCMP_CMP_GE },
        { "SCMP_CMP_GT", SCMP_CMP_GT },
        { "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++)
        if (wc_streq(name, rows[i].name)) {
            *out = rows[i].op;
            return true;
        }
    return false;
}

static uint32_t arch_number(const char *name)
{
    static const struct {
        const char *name;
        uint32_t arch;
    } rows[] = {
        { "SCMP_ARCH_X86_64", SCMP_ARCH_X86_64 }, { "SCMP_ARCH_X86", SCMP_ARCH_X86 },
        { "SCMP_ARCH_X32", SCMP_ARCH_X32 },       { "SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64 },
        { "SCMP_ARCH_ARM", SCMP_ARCH_ARM },       { "SCMP_ARCH_NATIVE", SCMP_ARCH_NATIVE },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++)
        if (wc_streq(name, rows[i].name))
            return rows[i].arch;
    return SCMP_ARCH_NATIVE;
}

enum { MAX_ARGS = 6 };

static int compile_rule(scmp_filter_ctx ctx, const struct wc_seccomp_rule *rule,
                        uint32_t default_action, struct wc_err *err)
{
    uint32_t action;
    struct scmp_arg_cmp args[MAX_ARGS];
    if (!action_number(rule->action, rule->errno_ret, &action))
        return wc_err_set(err, WC_ERR_SPEC, 0, "unknown action '%s'", rule->action);
    if (action == default_action) /* libseccomp refuses a rule that changes nothing */
        return 0;
    if (rule->n_args > MAX_ARGS)
        return wc_err_set(err, WC_ERR_SPEC, 0, "a rule has more than %d args", MAX_ARGS);
    for (size_t i = 0; i < rule->n_args; i++) {
        const struct wc_seccomp_arg *arg = &rule->args[i];
        enum scmp_compare op;
        if (arg->index >= MAX_ARGS || !compare_number(arg->op, &op))
            return wc_err_set(err, WC_ERR_SPEC, 0, "bad argument rule '%s'", arg->op);
        /* OCI: for MASKED_EQ value is the mask and valueTwo the datum, as in libseccomp */
        args[i] = (struct scmp_arg_cmp){
            .arg = arg->index, .op = op, .datum_a = arg->value, .datum_b = arg->value_two
        };
    }
    for (size_t i = 0; i < rule->n_names; i++) {
        int call = seccomp_syscall_resolve_name(rule->names[i]);
        if (call == __NR_SCMP_ERROR) /* newer than this libseccomp: stays denied */
            continue;
        int rc = seccomp_rule_add_array(ctx, action, call, (unsigned)rule->n_args, args);
        if (rc != 0 && rc != -EEXIST)
            return wc_err_set(err, WC_ERR_SPEC, -rc, "rule for %s", rule->names[i]);
    }
    return 0;
}

static int compile(scmp_filter_ctx ctx, const struct wc_seccomp *profile, uint32_t default_action,
                   int fd, struct wc_err *err)
{
    /* NNP off: whether to set it is the service's choice; optimisation 2 is a binary tree */
    seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
    seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    for (size_t i = 0; i < profile->n_archs; i++) {
        int rc = seccomp_arch_add(ctx, arch_number(profile->archs[i]));
        if (rc != 0 && rc != -EEXIST)
            return wc_err_set(err, WC_ERR_SPEC, -rc, "architecture %s", profile->archs[i]);
    }
    for (size_t i = 0; i < profile->n_rules; i++) {
        int rc = compile_rule(ctx, &profile->rules[i], default_action, err);
        if (rc != 0)
            return rc;
    }
    int rc = seccomp_export_bpf(ctx, fd);
    return rc == 0 ? 0 : wc_err_set(err, WC_ERR_IO, -rc, "cannot write the filter");
}

static int export_new(const struct wc_seccomp *profile, const char *path, struct wc_arena *arena,
                      struct wc_err *err)
{
    uint32_t action;
    if (!action_number(profile->default_action, profile->default_errno, &action))
        return wc_err_set(err, WC_ERR_SPEC, 0, "unknown defaultAction '%s'",
                          profile->default_action);
    char *fresh = wc_arena_printf(arena, "%s.XXXXXX", path);
    WC_CLEANUP_FD int fd = mkostemp(fresh, O_CLOEXEC);
    if (fd < 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "%s", fresh);
    scmp_filter_ctx ctx = seccomp_init(action);
    if (ctx == NULL)
        return wc_err_set(err, WC_ERR_FAILED, 0, "libseccomp gave no filter");
    int rc = compile(ctx, profile, action, fd, err);
    seccomp_release(ctx);
    if (rc == 0 && rename(fresh, path) != 0)
        rc = wc_err_set(err, wc_fs_code(errno), errno, "%s", path);
    if (rc != 0)
        (void)unlink(fresh);
    return rc;
}

int wc_seccomp_export(const struct wc_seccomp *profile, const char *cache, struct wc_arena *arena,
                      const char **path, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf json = WC_BUF_INIT;
    struct wc_jsonw w = WC_JSONW_INIT(&json);
    const struct scmp_version *version = seccomp_version();
    char hash[WC_SHA256_HEX + 1];
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "libseccomp", version->major * 10000 + version->minor * 100 + version->micro);
    wc_seccomp_render(profile, &w);
    wc_jsonw_end_object(&w);
    wc_sha256_hex(json.data, json.len, hash);
    const char *file = wc_arena_printf(arena, "%s/%.32s.bpf", cache, hash);
    if (access(file, R_OK) != 0) {
        int rc = wc_fs_mkdirs(cache, 0700, err);
        if (rc == 0)
            rc = export_new(profile, file, arena, err);
        if (rc != 0)
            return wc_err_wrap(err, rc, "seccomp");
    }
    *path = file;
    return 0;
}
