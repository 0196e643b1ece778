/* guest_conf.c - settings and requests, decoded and checked.
 *
 * The host is trusted, yet nothing is used before its length and range are known: a fault here is a
 * kernel panic, which tells nobody anything.
 */
#include "drivers/hyperv/guest/settings.h"

#include <string.h>
#include <sys/mount.h>

enum { ARGS = 8192, ENV = 2048, MOUNTS = 512, PATHS = 256, SYSCTLS = 256, RLIMITS = 32 };

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

#define ROW(type, key, kind, field)                                                                \
    {                                                                                              \
        key, WC_RECORD_##kind, offsetof(struct type, field)                                        \
    }
static const struct wc_record_row conf_rows[] = {
    ROW(wc_guest_conf, "hostname", TEXT, hostname),
    ROW(wc_guest_conf, "domainname", TEXT, domainname),
    ROW(wc_guest_conf, "scratch", TEXT, scratch),
    ROW(wc_guest_conf, "root_ro", FLAG, root_ro),
    ROW(wc_guest_conf, "shares", FLAG, shares),
    ROW(wc_guest_conf, "mount", LIST, mounts),
    ROW(wc_guest_conf, "file", LIST, files),
    ROW(wc_guest_conf, "mask", LIST, mask),
    ROW(wc_guest_conf, "readonly", LIST, readonly),
    ROW(wc_guest_conf, "usual_devices", FLAG, usual_devices),
    ROW(wc_guest_conf, "sysctl", LIST, sysctl),
    ROW(wc_guest_conf, "pids", NUMBER, pids),
    ROW(wc_guest_conf, "arg", LIST, args),
    ROW(wc_guest_conf, "env", LIST, env),
    ROW(wc_guest_conf, "own_home", FLAG, own_home),
    ROW(wc_guest_conf, "cwd", TEXT, cwd),
    ROW(wc_guest_conf, "uid", NUMBER, uid),
    ROW(wc_guest_conf, "gid", NUMBER, gid),
    ROW(wc_guest_conf, "groups", TEXT, groups),
    ROW(wc_guest_conf, "umask", TEXT, umask_text),
    ROW(wc_guest_conf, "caps", TEXT, caps),
    ROW(wc_guest_conf, "nnp", FLAG, nnp),
    ROW(wc_guest_conf, "rlimit", LIST, rlimit),
    ROW(wc_guest_conf, "seccomp", NUMBER, seccomp),
    ROW(wc_guest_conf, "oom_score_adj", TEXT, oom_text),
    ROW(wc_guest_conf, "tty", FLAG, tty),
    ROW(wc_guest_conf, "input", FLAG, input),
    ROW(wc_guest_conf, "notify", FLAG, notify),
};
static const struct wc_record_row request_rows[] = {
    ROW(wc_guest_request, "arg", LIST, args),
    ROW(wc_guest_request, "env", LIST, env),
    ROW(wc_guest_request, "user", TEXT, user),
    ROW(wc_guest_request, "cwd", TEXT, cwd),
    ROW(wc_guest_request, "tty", FLAG, tty),
    ROW(wc_guest_request, "input", FLAG, input),
    ROW(wc_guest_request, "privileged", FLAG, privileged),
    ROW(wc_guest_request, "rows", NUMBER, rows),
    ROW(wc_guest_request, "cols", NUMBER, cols),
    ROW(wc_guest_request, "port", NUMBER, port),
    ROW(wc_guest_request, "unix", TEXT, unix_path),
    ROW(wc_guest_request, "path", TEXT, path),
};

static char conf_text[WC_VM_CONF_MAX];
static size_t conf_len;

int wc_guest_conf_add(const uint8_t *data, size_t len)
{
    if (len > sizeof conf_text - conf_len)
        return wc_fault("settings: more than can be taken", NULL, 0);
    memcpy(conf_text + conf_len, data, len);
    conf_len += len;
    return 0;
}

static bool octal(const char *s, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    if (*s == '\0' || strlen(s) > 8)
        return false;
    for (; *s != '\0'; s++) {
        if (*s < '0' || *s > '7')
            return false;
        value = value * 8 + (uint64_t)(*s - '0');
    }
    if (value > max)
        return false;
    *out = value;
    return true;
}

static int check_numbers(struct wc_guest_conf *conf)
{
    uint64_t score = 0;
    conf->umask = 022;
    conf->oom_score_adj = 0;
    if (conf->umask_text != NULL && !octal(conf->umask_text, 0777, &conf->umask))
        return wc_fault("settings: bad umask", conf->umask_text, 0);
    if (conf->uid >= UINT32_MAX || conf->gid >= UINT32_MAX)
        return wc_fault("settings: out of range:", "uid or gid", 0);
    if (conf->oom_text == NULL)
        return 0;
    bool minus = conf->oom_text[0] == '-';
    if (!wc_number(conf->oom_text + minus, 1000, &score))
        return wc_fault("settings: bad oom_score_adj", conf->oom_text, 0);
    conf->oom_score_adj = minus ? -(int)score : (int)score;
    return 0;
}

static int check_conf(struct wc_guest_conf *conf)
{
    struct wc_guest_mount mount;
    struct wc_guest_file file;
    if (conf->args.n == 0)
        return wc_fault("settings: no program", NULL, 0);
    if (conf->scratch == NULL)
        conf->scratch = "memory";
    if (strcmp(conf->scratch, "memory") != 0 && strcmp(conf->scratch, "disk") != 0)
        return wc_fault("settings: scratch is disk or memory, not", conf->scratch, 0);
    if (conf->seccomp != UINT64_MAX && conf->seccomp >= WC_VM_FILES_MAX)
        return wc_fault("settings: seccomp names no file", NULL, 0);
    for (size_t i = 0; i < conf->mounts.n; i++)
        if (wc_guest_mount_parse(conf->mounts.items[i], &mount) != 0)
            return -1;
    for (size_t i = 0; i < conf->files.n; i++)
        if (wc_guest_file_parse(conf->files.items[i], &file) != 0)
            return -1;
    if (conf->cwd == NULL)
        conf->cwd = "/";
    return check_numbers(conf);
}

int wc_guest_conf_take(struct wc_guest_conf *out)
{
    static const char *args[ARGS + 1], *env[ENV], *mounts[MOUNTS], *files[WC_VM_FILES_MAX];
    static const char *mask[PATHS], *readonly[PATHS], *sysctls[SYSCTLS], *rlimits[RLIMITS];
    *out = (struct wc_guest_conf){
        .pids = UINT64_MAX,
        .seccomp = UINT64_MAX,
        .args = { args, 0, ARGS },
        .env = { env, 0, ENV },
        .mounts = { mounts, 0, MOUNTS },
        .files = { files, 0, WC_VM_FILES_MAX },
        .mask = { mask, 0, PATHS },
        .readonly = { readonly, 0, PATHS },
        .sysctl = { sysctls, 0, SYSCTLS },
        .rlimit = { rlimits, 0, RLIMITS },
    };
    if (wc_record_decode(conf_text, conf_len, conf_rows, sizeof conf_rows / sizeof conf_rows[0],
                         out) != 0)
        return -1;
    args[out->args.n] = NULL;
    return check_conf(out);
}

/* The next field of a tab list into `out`; false if there is none, or it is too long. */
static bool take_field(const char **at, char *out, size_t cap)
{
    if (*at == NULL)
        return false;
    size_t len = strcspn(*at, "\t");
    if (len >= cap)
        return false;
    memcpy(out, *at, len);
    out[len] = '\0';
    *at = (*at)[len] == '\t' ? *at + len + 1 : NULL;
    return true;
}

int wc_guest_mount_parse(const char *record, struct wc_guest_mount *out)
{
    const char *at = record;
    if (!take_field(&at, out->target, sizeof out->target) ||
        !take_field(&at, out->type, sizeof out->type) ||
        !take_field(&at, out->source, sizeof out->source) ||
        !take_field(&at, out->options, sizeof out->options) || at != NULL)
        return wc_fault("settings: bad mount", record, 0);
    if (out->target[0] != '/' || out->type[0] == '\0')
        return wc_fault("settings: bad mount", record, 0);
    return 0;
}

static const struct {
    const char *name;
    unsigned long set, clear;
} flag_rows[] = {
    { "defaults", 0, 0 },
    { "ro", MS_RDONLY, 0 },
    { "rw", 0, MS_RDONLY },
    { "nosuid", MS_NOSUID, 0 },
    { "suid", 0, MS_NOSUID },
    { "nodev", MS_NODEV, 0 },
    { "dev", 0, MS_NODEV },
    { "noexec", MS_NOEXEC, 0 },
    { "exec", 0, MS_NOEXEC },
    { "sync", MS_SYNCHRONOUS, 0 },
    { "async", 0, MS_SYNCHRONOUS },
    { "dirsync", MS_DIRSYNC, 0 },
    { "mand", MS_MANDLOCK, 0 },
    { "nomand", 0, MS_MANDLOCK },
    { "noatime", MS_NOATIME, 0 },
    { "atime", 0, MS_NOATIME },
    { "nodiratime", MS_NODIRATIME, 0 },
    { "diratime", 0, MS_NODIRATIME },
    { "relatime", MS_RELATIME, 0 },
    { "norelatime", 0, MS_RELATIME },
    { "strictatime", MS_STRICTATIME, 0 },
    { "nostrictatime", 0, MS_STRICTATIME },
    { "nosymfollow", MS_NOSYMFOLLOW, 0 },
    { "symfollow", 0, MS_NOSYMFOLLOW },
    { "bind", 0, 0 },
};

static const struct {
    const char *name;
    unsigned long flags;
} propagation_rows[] = {
    { "private", MS_PRIVATE },       { "rprivate", MS_PRIVATE | MS_REC },
    { "shared", MS_SHARED },         { "rshared", MS_SHARED | MS_REC },
    { "slave", MS_SLAVE },           { "rslave", MS_SLAVE | MS_REC },
    { "unbindable", MS_UNBINDABLE }, { "runbindable", MS_UNBINDABLE | MS_REC },
};

static bool known_option(const char *word, struct wc_guest_flags *out)
{
    for (size_t i = 0; i < sizeof flag_rows / sizeof flag_rows[0]; i++)
        if (strcmp(word, flag_rows[i].name) == 0) {
            out->flags = (out->flags & ~flag_rows[i].clear) | flag_rows[i].set;
            return true;
        }
    for (size_t i = 0; i < sizeof propagation_rows / sizeof propagation_rows[0]; i++)
        if (strcmp(word, propagation_rows[i].name) == 0) {
            out->propagation = propagation_rows[i].flags;
            return true;
        }
    if (strcmp(word, "rbind") == 0)
        out->recursive = true;
    else if (strcmp(word, "rro") == 0)
        out->recursive_ro = true;
    else
        return false;
    return true;
}

int wc_guest_flags_parse(const char *options, struct wc_guest_flags *out)
{
    *out = (struct wc_guest_flags){ 0 };
    struct wc_text data = WC_TEXT(out->data);
    for (const char *at = options; *at != '\0';) {
        char word[1024];
        size_t len = strcspn(at, ",");
        if (len >= sizeof word)
            return wc_fault("mount: an option is too long", NULL, 0);
        memcpy(word, at, len);
        word[len] = '\0';
        at += len + (at[len] == ',');
        if (len == 0 || known_option(word, out))
            continue;
        if (data.len + len + 2 > data.cap)
            return wc_fault("mount: too many options", NULL, 0);
        wc_text_put(&data, data.len > 0 ? "," : "");
        wc_text_put(&data, word);
    }
    return 0;
}

int wc_guest_file_parse(const char *record, struct wc_guest_file *out)
{
    char copy[80];
    char *fields[4];
    size_t len = strlen(record), n = 0;
    if (len >= sizeof copy)
        return wc_fault("settings: bad file", record, 0);
    memcpy(copy, record, len + 1);
    for (char *at = copy; at != NULL && n < 4; n++) {
        fields[n] = at;
        at = strchr(at, ' ');
        if (at != NULL)
            *at++ = '\0';
    }
    if (n != 4 || !wc_number(fields[0], WC_VM_FILES_MAX - 1, &out->number) ||
        !wc_number(fields[1], UINT32_MAX - 1, &out->uid) ||
        !wc_number(fields[2], UINT32_MAX - 1, &out->gid) || !octal(fields[3], 07777, &out->mode))
        return wc_fault("settings: bad file", record, 0);
    return 0;
}

int wc_guest_request_parse(const uint8_t *data, size_t len, struct wc_guest_request *out)
{
    static char text[WC_VM_PAYLOAD_MAX];
    static const char *args[ARGS + 1], *env[ENV + 1];
    *out = (struct wc_guest_request){ .args = { args, 0, ARGS }, .env = { env, 0, ENV } };
    if (len > sizeof text)
        return wc_fault("channel: a request is too long", NULL, 0);
    memcpy(text, data, len);
    if (wc_record_decode(text, len, request_rows, sizeof request_rows / sizeof request_rows[0],
                         out) != 0)
        return -1;
    args[out->args.n] = NULL;
    env[out->env.n] = NULL;
    if (out->rows > UINT16_MAX || out->cols > UINT16_MAX || out->port > UINT16_MAX)
        return wc_fault("channel: a number of a request is out of range", NULL, 0);
    return 0;
}
