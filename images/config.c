/* config.c - the image configuration: what a container of it should run as. */
#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"
#include "images/manifest.h"

static const char *text_of(struct wc_arena *arena, const struct wc_json *from, const char *key)
{
    const char *text = wc_json_str(wc_json_get(from, key), NULL);
    return text == NULL || *text == '\0' ? NULL : wc_arena_strdup(arena, text);
}

static struct wc_strv list_of(struct wc_arena *arena, const struct wc_json *from, const char *key)
{
    struct wc_strv list = { 0 };
    const struct wc_json *array = wc_json_get(from, key);
    list.set = array != NULL && wc_json_kind(array) == WC_JSON_ARRAY;
    for (const struct wc_json *v = wc_json_first(array); v != NULL; v = wc_json_next(v))
        if (wc_json_str(v, NULL) != NULL)
            wc_strv_add(arena, &list, wc_arena_strdup(arena, wc_json_str(v, NULL)));
    return list;
}

/* Volumes and ports are the keys of an object, for historical reasons of Go's. */
static struct wc_strv keys_of(struct wc_arena *arena, const struct wc_json *from, const char *key)
{
    struct wc_strv list = { 0 };
    const struct wc_json *v = wc_json_first(wc_json_get(from, key));
    for (; v != NULL; v = wc_json_next(v))
        if (wc_json_name(v) != NULL)
            wc_strv_add(arena, &list, wc_arena_strdup(arena, wc_json_name(v)));
    return list;
}

static struct wc_kvs labels_of(struct wc_arena *arena, const struct wc_json *from)
{
    const struct wc_json *object = wc_json_get(from, "Labels");
    struct wc_kvs labels = { 0 };
    labels.items = WC_NEW_ARRAY(arena, struct wc_kv, wc_json_count(object) + 1);
    for (const struct wc_json *v = wc_json_first(object); v != NULL; v = wc_json_next(v))
        if (wc_json_name(v) != NULL)
            labels.items[labels.n++] =
                (struct wc_kv){ .key = wc_arena_strdup(arena, wc_json_name(v)),
                                .value = wc_arena_strdup(arena, wc_json_str(v, "")) };
    return labels;
}

/* Nanoseconds to milliseconds; 0 means "inherit", which is unset to us. */
static int64_t ms_of(const struct wc_json *from, const char *key)
{
    int64_t ns = wc_json_i64(wc_json_get(from, key), 0);
    return ns <= 0 ? WC_UNSET : ns < 1000000 ? 1 : ns / 1000000;
}

static struct wc_healthcheck health_of(struct wc_arena *arena, const struct wc_json *config)
{
    const struct wc_json *from = wc_json_get(config, "Healthcheck");
    int64_t retries = wc_json_i64(wc_json_get(from, "Retries"), 0);
    struct wc_healthcheck health = {
        .test = list_of(arena, from, "Test"),
        .interval_ms = ms_of(from, "Interval"),
        .timeout_ms = ms_of(from, "Timeout"),
        .start_period_ms = ms_of(from, "StartPeriod"),
        .start_interval_ms = ms_of(from, "StartInterval"),
        .retries = retries > 0 ? retries : WC_UNSET,
    };
    health.set = health.test.n > 0;
    health.disable = health.set && wc_streq(health.test.items[0], "NONE");
    return health;
}

void wc_config_read(struct wc_arena *arena, const struct wc_json *config,
                    struct wc_image_info *info)
{
    const struct wc_json *run = wc_json_get(config, "config");
    info->os = text_of(arena, config, "os");
    info->architecture = text_of(arena, config, "architecture");
    info->variant = text_of(arena, config, "variant");
    info->os_version = text_of(arena, config, "os.version");
    info->created = text_of(arena, config, "created");
    if (info->os == NULL)
        info->os = "linux";
    if (info->architecture == NULL)
        info->architecture = wc_host_architecture();
    info->env = list_of(arena, run, "Env");
    info->entrypoint = list_of(arena, run, "Entrypoint");
    info->cmd = list_of(arena, run, "Cmd");
    info->user = text_of(arena, run, "User");
    info->working_dir = text_of(arena, run, "WorkingDir");
    info->stop_signal = text_of(arena, run, "StopSignal");
    info->volumes = keys_of(arena, run, "Volumes");
    info->exposed_ports = keys_of(arena, run, "ExposedPorts");
    info->labels = labels_of(arena, run);
    info->health = health_of(arena, run);
}
