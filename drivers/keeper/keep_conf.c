/* keep_conf.c - keeper.conf: a table of keys, then the few rules between them. */
#include "drivers/keeper/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "drivers/keeper/protocol.h"

#define ROW(key, kind, field)                                                                      \
    {                                                                                              \
        key, WC_RECORD_##kind, offsetof(struct wc_keep_conf, field)                                \
    }
static const struct wc_record_row rows[] = {
    ROW("id", TEXT, id),
    ROW("lib", TEXT, lib),
    ROW("runtime", TEXT, runtime),
    ROW("runtime_root", TEXT, runtime_root),
    ROW("bundle", TEXT, bundle),
    ROW("detach", LIST, detach),
    ROW("pin_at", LIST, pin_at),
    ROW("pin_root", LIST, pin_root),
    ROW("pin_path", LIST, pin_path),
    ROW("layers", TEXT, layers),
    ROW("lower", TEXT, lower),
    ROW("upper", TEXT, upper),
    ROW("work", TEXT, work),
    ROW("rootfs", TEXT, rootfs),
    ROW("read_only", FLAG, read_only),
    ROW("netns", TEXT, netns),
    ROW("netns_starttime", NUMBER, netns_starttime),
    ROW("net_sysctl", LIST, net_sysctl),
    ROW("group", TEXT, group),
    ROW("hierarchy", LIST, hierarchy),
    ROW("state_file", LIST, state_file),
    ROW("start_fifo", TEXT, start_fifo),
    ROW("oom_file", TEXT, oom_file),
    ROW("tty", FLAG, tty),
    ROW("log", TEXT, log),
    ROW("log_max_bytes", NUMBER, log_max_bytes),
    ROW("log_max_files", NUMBER, log_max_files),
    ROW("stdin", TEXT, input),
    ROW("again", TEXT, again),
    ROW("owner", NUMBER, owner),
    ROW("machine", FLAG, machine),
    ROW("tap", LIST, tap),
    ROW("handed", FLAG, handed),
    ROW("notify", FLAG, notify),
    ROW("notify_watchdog_ms", NUMBER, notify_watchdog_ms),
};

static char data[32768]; /* only the pages that are read into cost anything */
static const char *detach[16];
static const char *sysctls[64];
static const char *hierarchies[24];
static const char *state_files[8];
static const char *pins[3][WC_KEEP_PINS];
static const char *taps[WC_KEEP_TAPS];

static int check_words(const struct wc_keep_conf *conf)
{
    const struct {
        const char *key, *value, *one, *other, *third;
    } words[] = {
        { "log", conf->log, "json-file", "none", "none" },
        { "stdin", conf->input, "null", "fifo", "fifo" },
        { "again", conf->again, "never", "failed", "always" },
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].value, words[i].one) != 0 &&
            strcmp(words[i].value, words[i].other) != 0 &&
            strcmp(words[i].value, words[i].third) != 0)
            return wc_fault("settings: unknown value of", words[i].key, 0);
    if (strcmp(conf->netns, "new") != 0 && strcmp(conf->netns, "host") != 0 &&
        conf->netns[0] != '/')
        return wc_fault("settings: netns is not new, host or a path:", conf->netns, 0);
    return 0;
}

static int check(const struct wc_keep_conf *conf)
{
    const struct {
        const char *key, *value;
        bool needed;
    } paths[] = {
        { "lib", conf->lib, true },
        { "runtime", conf->runtime, true },
        { "runtime_root", conf->runtime_root, true },
        { "bundle", conf->bundle, true },
        { "rootfs", conf->rootfs, conf->lower != NULL },
        { "layers", conf->layers, conf->lower != NULL },
        { "upper", conf->upper, conf->lower != NULL && !conf->read_only },
        { "work", conf->work, conf->lower != NULL && !conf->read_only },
        { "group", conf->group, false },
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (paths[i].needed && paths[i].value == NULL)
            return wc_fault("settings: missing", paths[i].key, 0);
        if (paths[i].value != NULL && paths[i].value[0] != '/')
            return wc_fault("settings: not an absolute path:", paths[i].key, 0);
    }
    for (size_t i = 0; i < conf->hierarchy.n; i++)
        if (conf->hierarchy.items[i][0] != '/' || conf->group == NULL)
            return wc_fault("settings: not an absolute path, or no group:", "hierarchy", 0);
    for (size_t i = 0; i < conf->state_file.n; i++)
        if (strchr(conf->state_file.items[i], '/') != NULL)
            return wc_fault("settings: not a name:", "state_file", 0);
    if (conf->start_fifo != NULL && strchr(conf->start_fifo, '/') != NULL)
        return wc_fault("settings: not a name:", "start_fifo", 0);
    if (conf->id == NULL || conf->id[0] == '\0' || conf->id[0] == '-')
        return wc_fault("settings: missing or bad", "id", 0);
    if (conf->log_max_files < 1 || conf->log_max_files > 1000)
        return wc_fault("settings: out of range:", "log_max_files", 0);
    if (conf->owner >= UINT32_MAX)
        return wc_fault("settings: out of range:", "owner", 0);
    if (conf->pin_at.n != conf->pin_root.n || conf->pin_at.n != conf->pin_path.n)
        return wc_fault("settings: pins that are not whole", NULL, 0);
    return check_words(conf);
}

int wc_keep_conf_load(struct wc_keep_conf *conf)
{
    ssize_t len = wc_file_read(AT_FDCWD, WC_KEEPER_CONF, data, sizeof data);
    if (len < 0)
        return wc_fault("read", WC_KEEPER_CONF, errno);
    *conf = (struct wc_keep_conf){
        .netns = "host",
        .log = "json-file",
        .input = "null",
        .again = "never",
        .log_max_files = 1,
        .detach = { detach, 0, sizeof detach / sizeof detach[0] },
        .net_sysctl = { sysctls, 0, sizeof sysctls / sizeof sysctls[0] },
        .hierarchy = { hierarchies, 0, sizeof hierarchies / sizeof hierarchies[0] },
        .state_file = { state_files, 0, sizeof state_files / sizeof state_files[0] },
        .tap = { taps, 0, WC_KEEP_TAPS },
        .pin_at = { pins[0], 0, WC_KEEP_PINS },
        .pin_root = { pins[1], 0, WC_KEEP_PINS },
        .pin_path = { pins[2], 0, WC_KEEP_PINS },
    };
    if (wc_record_decode(data, (size_t)len, rows, sizeof rows / sizeof rows[0], conf) != 0)
        return -1;
    return check(conf);
}
