/* seccomp.c - profiles from the tables or from a file, written as OCI JSON or as a filter program.
 */
#include "drivers/process/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/str.h"
#include "drivers/process/caps.h"

#if defined(__x86_64__)
static const char *const native_archs[] = { "SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32" };
#elif defined(__aarch64__)
static const char *const native_archs[] = { "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM" };
#else
static const char *const native_archs[] = { "SCMP_ARCH_NATIVE" };
#endif

static struct wc_seccomp_rule *add_rule(struct wc_seccomp *profile, struct wc_arena *arena)
{
    profile->rules = wc_arena_grow(arena, profile->rules, profile->n_rules, &profile->cap_rules,
                                   sizeof *profile->rules);
    struct wc_seccomp_rule *rule = &profile->rules[profile->n_rules++];
    *rule = (struct wc_seccomp_rule){ .action = "SCMP_ACT_ALLOW", .errno_ret = -1 };
    return rule;
}

static void allow(struct wc_seccomp *profile, struct wc_arena *arena, const char *const *names,
                  const struct wc_seccomp_arg *arg)
{
    struct wc_seccomp_rule *rule = add_rule(profile, arena);
    rule->names = names;
    while (names[rule->n_names] != NULL)
        rule->n_names++;
    rule->args = arg;
    rule->n_args = arg != NULL;
}

/* Calls that are fine with some arguments only. */
static void add_conditional(struct wc_seccomp *profile, uint64_t caps, struct wc_arena *arena)
{
    static const char *const personality_call[] = { "personality", NULL };
    static const char *const socket_call[] = { "socket", NULL };
    static const char *const clone_call[] = { "clone", NULL };
    static const char *const clone3_call[] = { "clone3", NULL };
    static const struct wc_seccomp_arg personas[] = {
        { 0, PER_LINUX, 0, "SCMP_CMP_EQ" },  { 0, PER_LINUX32, 0, "SCMP_CMP_EQ" },
        { 0, UNAME26, 0, "SCMP_CMP_EQ" },    { 0, PER_LINUX32 | UNAME26, 0, "SCMP_CMP_EQ" },
        { 0, 0xffffffff, 0, "SCMP_CMP_EQ" },
    };
    /* AF_ALG (kernel crypto) and AF_VSOCK (the hypervisor) are no business of a container. */
    static const struct wc_seccomp_arg families[] = {
        { 0, AF_ALG, 0, "SCMP_CMP_LT" },
        { 0, AF_ALG + 1, 0, "SCMP_CMP_EQ" },
        { 0, AF_VSOCK, 0, "SCMP_CMP_GT" },
    };
    static const struct wc_seccomp_arg no_new_namespaces = { 0,
                                                             CLONE_NEWNS | CLONE_NEWUTS |
                                                                 CLONE_NEWIPC | CLONE_NEWUSER |
                                                                 CLONE_NEWPID | CLONE_NEWNET |
                                                                 CLONE_NEWCGROUP,
                                                             0, "SCMP_CMP_MASKED_EQ" };
    for (size_t i = 0; i < WC_COUNT(personas); i++)
        allow(profile, arena, personality_call, &personas[i]);
    for (size_t i = 0; i < WC_COUNT(families); i++)
        allow(profile, arena, socket_call, &families[i]);
    if (caps & (UINT64_C(1) << CAP_SYS_ADMIN))
        return;
    allow(profile, arena, clone_call, &no_new_namespaces);
    allow(profile, arena, clone3_call, NULL);
    struct wc_seccomp_rule *rule = &profile->rules[profile->n_rules - 1];
    rule->action = "SCMP_ACT_ERRNO";
    rule->errno_ret = ENOSYS;
}

static struct wc_seccomp *make_default(uint64_t caps, struct wc_arena *arena)
{
    struct wc_seccomp *profile = WC_NEW(arena, struct wc_seccomp);
    profile->default_action = "SCMP_ACT_ERRNO";
    profile->default_errno = EPERM;
    profile->archs = native_archs;
    profile->n_archs = WC_COUNT(native_archs);
    for (size_t i = 0; i < wc_seccomp_n_families; i++) {
        const struct wc_seccomp_family *family = &wc_seccomp_families[i];
        if (family->needs < 0 || (caps & (UINT64_C(1) << (unsigned)family->needs)))
            allow(profile, arena, family->names, NULL);
    }
    add_conditional(profile, caps, arena);
    return profile;
}

const struct wc_seccomp *wc_seccomp_default(uint64_t caps, struct wc_arena *arena)
{
    return make_default(caps, arena);
}

const struct wc_seccomp *wc_seccomp_file_server(uint64_t caps, struct wc_arena *arena)
{
    static const char *const unshare_call[] = { "unshare", NULL };
    static const struct wc_seccomp_arg only_directory = { 0, CLONE_FS, 0, "SCMP_CMP_EQ" };
    struct wc_seccomp *profile = make_default(caps, arena);
    allow(profile, arena, unshare_call, &only_directory);
    return profile;
}

static bool has_cap(uint64_t caps, const char *name)
{
    int number = wc_caps_number(name);
    return number >= 0 && (caps & (UINT64_C(1) << (unsigned)number));
}

static bool lists_arch(const struct wc_json *list)
{
    static const char *const own[] = {
#if defined(__x86_64__)
        "amd64",
        "x32",
        "x86"
#elif defined(__aarch64__)
        "arm64",
        "arm"
#else
        "other"
#endif
    };
    for (const struct wc_json *v = wc_json_first(list); v != NULL; v = wc_json_next(v))
        for (size_t i = 0; i < WC_COUNT(own); i++)
            if (wc_streq(wc_json_str(v, ""), own[i]))
                return true;
    return false;
}

/* Docker's filters: "includes" must all hold, none of "excludes" may. A minKernel is taken to hold:
 * what we run on is newer than any that the profiles name.
 */
static bool applies(const struct wc_json *entry, uint64_t caps)
{
    const struct wc_json *in = wc_json_get(entry, "includes"), *ex = wc_json_get(entry, "excludes");
    const struct wc_json *v;
    for (v = wc_json_first(wc_json_get(in, "caps")); v != NULL; v = wc_json_next(v))
        if (!has_cap(caps, wc_json_str(v, "")))
            return false;
    for (v = wc_json_first(wc_json_get(ex, "caps")); v != NULL; v = wc_json_next(v))
        if (has_cap(caps, wc_json_str(v, "")))
            return false;
    const struct wc_json *in_arches = wc_json_get(in, "arches");
    if (wc_json_count(in_arches) > 0 && !lists_arch(in_arches))
        return false;
    return !lists_arch(wc_json_get(ex, "arches"));
}

static void load_args(const struct wc_json *entry, struct wc_seccomp_rule *rule,
                      struct wc_arena *arena)
{
    const struct wc_json *list = wc_json_get(entry, "args");
    struct wc_seccomp_arg *args = WC_NEW_ARRAY(arena, struct wc_seccomp_arg, wc_json_count(list));
    for (const struct wc_json *v = wc_json_first(list); v != NULL; v = wc_json_next(v)) {
        struct wc_seccomp_arg *arg = &args[rule->n_args++];
        arg->index = (unsigned)wc_json_i64(wc_json_get(v, "index"), 0);
        arg->value = (uint64_t)wc_json_i64(wc_json_get(v, "value"), 0);
        arg->value_two = (uint64_t)wc_json_i64(wc_json_get(v, "valueTwo"), 0);
        arg->op = wc_arena_strdup(arena, wc_json_str(wc_json_get(v, "op"), ""));
    }
    rule->args = args;
}

static void load_rule(const struct wc_json *entry, struct wc_seccomp *profile,
                      struct wc_arena *arena)
{
    const struct wc_json *list = wc_json_get(entry, "names");
    const char *single = wc_json_str(wc_json_get(entry, "name"), NULL);
    const char **names = WC_NEW_ARRAY(arena, const char *, wc_json_count(list) + 1);
    struct wc_seccomp_rule *rule = add_rule(profile, arena);
    for (const struct wc_json *v = wc_json_first(list); v != NULL; v = wc_json_next(v))
        names[rule->n_names++] = wc_arena_strdup(arena, wc_json_str(v, ""));
    if (single != NULL)
        names[rule->n_names++] = wc_arena_strdup(arena, single);
    rule->names = names;
    rule->action =
        wc_arena_strdup(arena, wc_json_str(wc_json_get(entry, "action"), "SCMP_ACT_ALLOW"));
    rule->errno_ret = (int)wc_json_i64(wc_json_get(entry, "errnoRet"), -1);
    load_args(entry, rule, arena);
}

int wc_seccomp_load(const char *path, uint64_t caps, struct wc_arena *arena,
                    const struct wc_seccomp **out, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    int rc = wc_fs_read(path, 4 << 20, &text, err);
    if (rc == 0)
        rc = wc_json_parse(text.data, text.len, &root, err);
    if (rc != 0)
        return wc_err_wrap(err, rc, "seccomp profile %s", path);
    const char *action = wc_json_str(wc_json_get(root, "defaultAction"), NULL);
    if (action == NULL)
        return wc_err_set(err, WC_ERR_SPEC, 0, "seccomp profile %s: no defaultAction", path);
    struct wc_seccomp *profile = WC_NEW(arena, struct wc_seccomp);
    profile->default_action = wc_arena_strdup(arena, action);
    profile->default_errno = (int)wc_json_i64(wc_json_get(root, "defaultErrnoRet"), EPERM);
    profile->archs = native_archs;
    profile->n_archs = WC_COUNT(native_archs);
    const struct wc_json *entry = wc_json_first(wc_json_get(root, "syscalls"));
    for (; entry != NULL; entry = wc_json_next(entry))
        if (applies(entry, caps))
            load_rule(entry, profile, arena);
    *out = profile;
    return 0;
}

static void render_rule(const struct wc_seccomp_rule *rule, struct wc_jsonw *w)
{
    wc_jsonw_object(w, NULL);
    wc_jsonw_array(w, "names");
    for (size_t i = 0; i < rule->n_names; i++)
        wc_jsonw_str(w, NULL, rule->names[i]);
    wc_jsonw_end_array(w);
    wc_jsonw_str(w, "action", rule->action);
    if (rule->errno_ret >= 0)
        wc_jsonw_i64(w, "errnoRet", rule->errno_ret);
    if (rule->n_args > 0) {
        wc_jsonw_array(w, "args");
        for (size_t i = 0; i < rule->n_args; i++) {
            const struct wc_seccomp_arg *arg = &rule->args[i];
            wc_jsonw_object(w, NULL);
            wc_jsonw_i64(w, "index", arg->index);
            wc_jsonw_i64(w, "value", (int64_t)arg->value);
            wc_jsonw_i64(w, "valueTwo", (int64_t)arg->value_two);
            wc_jsonw_str(w, "op", arg->op);
            wc_jsonw_end_object(w);
        }
        wc_jsonw_end_array(w);
    }
    wc_jsonw_end_object(w);
}

void wc_seccomp_render(const struct wc_seccomp *profile, struct wc_jsonw *w)
{
    wc_jsonw_object(w, "seccomp");
    wc_jsonw_str(w, "defaultAction", profile->default_action);
    if (profile->default_errno > 0 && wc_streq(profile->default_action, "SCMP_ACT_ERRNO"))
        wc_jsonw_i64(w, "defaultErrnoRet", profile->default_errno);
    wc_jsonw_array(w, "architectures");
    for (size_t i = 0; i < profile->n_archs; i++)
        wc_jsonw_str(w, NULL, profile->archs[i]);
    wc_jsonw_end_array(w);
    wc_jsonw_array(w, "syscalls");
    for (size_t i = 0; i < profile->n_rules; i++)
        render_rule(&profile->rules[i], w);
    wc_jsonw_end_array(w);
    wc_jsonw_end_object(w);
}
