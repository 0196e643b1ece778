/* settings.c - where Docker, podman and skopeo keep theirs, so that nobody has to write it twice.
 */
#include "images/settings.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/units.h"

enum { CONF_MAX = 1 << 20, CONNECT_S = 20, STALL_S = 30, TRIES = 5, PARALLEL = 6 };

struct reader {
    const struct wc_image_pull_config *config;
    struct wc_arena *arena;
    struct wc_pull_settings *out;
};

static const char *env(const struct reader *r, const char *name)
{
    size_t len = strlen(name);
    const char *const *e = r->config->environ;
    for (; e != NULL && *e != NULL; e++)
        if (strncmp(*e, name, len) == 0 && (*e)[len] == '=' && (*e)[len + 1] != '\0')
            return *e + len + 1;
    return NULL;
}

/* dir/name, unless dir is NULL. */
static const char *in(const struct reader *r, const char *dir, const char *name)
{
    return dir != NULL ? wc_arena_printf(r->arena, "%s/%s", dir, name) : NULL;
}

static void add(const struct reader *r, struct wc_strv *list, const char *path)
{
    if (path != NULL)
        wc_strv_add(r->arena, list, path);
}

static const char *config_home(const struct reader *r)
{
    const char *own = env(r, "XDG_CONFIG_HOME");
    return own != NULL ? own : in(r, env(r, "HOME"), ".config");
}

static void find_credentials(const struct reader *r)
{
    struct wc_strv *files = &r->out->credential_files;
    const char *docker = env(r, "DOCKER_CONFIG");
    add(r, files, env(r, "REGISTRY_AUTH_FILE"));
    add(r, files, in(r, docker != NULL ? docker : in(r, env(r, "HOME"), ".docker"), "config.json"));
    add(r, files, in(r, env(r, "XDG_RUNTIME_DIR"), "containers/auth.json"));
    if (env(r, "XDG_RUNTIME_DIR") == NULL)
        add(r, files, "/run/containers/0/auth.json");
    add(r, files, in(r, config_home(r), "containers/auth.json"));
}

static void find_certs(const struct reader *r)
{
    struct wc_strv *dirs = &r->out->cert_dirs;
    add(r, dirs, in(r, r->config->etc, "certs.d"));
    add(r, dirs, in(r, config_home(r), "containers/certs.d"));
    add(r, dirs, "/etc/containers/certs.d");
    add(r, dirs, "/etc/docker/certs.d");
}

/* The first that is there counts, alone, as for podman; one that is named must be there. */
static int read_registries(const struct reader *r, struct wc_err *err)
{
    const char *named = env(r, "CONTAINERS_REGISTRIES_CONF");
    const char *const paths[] = { named, in(r, r->config->etc, "registries.conf"),
                                  in(r, config_home(r), "containers/registries.conf"),
                                  "/etc/containers/registries.conf" };
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    for (size_t i = 0; i < WC_COUNT(paths); i++) {
        if (paths[i] == NULL)
            continue;
        struct wc_err absent = { 0 };
        int rc = wc_fs_read(paths[i], CONF_MAX, &text, &absent);
        if (rc == WC_ERR_NOENT && i > 0)
            continue;
        if (rc != 0)
            *err = absent;
        if (rc == 0 && strlen(text.data) != text.len)
            rc = wc_err_set(err, WC_ERR_SPEC, 0, "%s holds a zero byte", paths[i]);
        return rc != 0
                   ? rc
                   : wc_registries_read(r->arena, text.data, paths[i], &r->out->registries, err);
    }
    return 0;
}

/* curl leaves HTTP_PROXY alone, since a web server's CGI programs have it from whoever asks;
 * Docker's users are used to it, so it counts where nothing looks like CGI, as for Go's programs.
 */
static const char *plain_proxy(const struct reader *r)
{
    bool cgi = env(r, "REQUEST_METHOD") != NULL;
    return env(r, "http_proxy") != NULL || cgi ? NULL : env(r, "HTTP_PROXY");
}

/* A duration of whole seconds, at least one. */
static int read_seconds(const struct reader *r, const char *name, unsigned *out, struct wc_err *err)
{
    int64_t ms;
    const char *text = env(r, name);
    if (text == NULL)
        return 0;
    if (!wc_duration_parse(text, &ms) || ms < 1000 || ms > 86400000)
        return wc_err_set(err, WC_ERR_SPEC, 0,
                          "%s='%.40s' is no duration from 1s to 24h, as in \"30s\"", name, text);
    *out = (unsigned)(ms / 1000);
    return 0;
}

static int read_number(const struct reader *r, const char *name, unsigned *out, struct wc_err *err)
{
    int64_t number;
    const char *text = env(r, name);
    if (text == NULL)
        return 0;
    if (!wc_str_to_i64(text, 1, 100, &number))
        return wc_err_set(err, WC_ERR_SPEC, 0, "%s='%.40s' is no number from 1 to 100", name, text);
    *out = (unsigned)number;
    return 0;
}

int wc_pull_settings_read(const struct wc_image_pull_config *config, struct wc_arena *arena,
                          struct wc_pull_settings *out, struct wc_err *err)
{
    struct wc_pull_settings settings = { .http = { .connect_s = CONNECT_S, .stall_s = STALL_S },
                                         .tries = TRIES,
                                         .parallel = PARALLEL };
    const struct reader r = { .config = config, .arena = arena, .out = &settings };
    for (size_t i = 0; i < config->insecure.n; i++)
        add(&r, &settings.registries.insecure, config->insecure.items[i]);
    settings.ca_file = env(&r, "SSL_CERT_FILE");
    settings.http.plain_proxy = plain_proxy(&r);
    find_credentials(&r);
    find_certs(&r);
    int rc = read_registries(&r, err);
    if (rc == 0)
        rc = read_seconds(&r, "WCOMPOSE_PULL_STALL", &settings.http.stall_s, err);
    if (rc == 0)
        rc = read_number(&r, "WCOMPOSE_PULL_TRIES", &settings.tries, err);
    if (rc == 0)
        rc = read_number(&r, "WCOMPOSE_PULL_PARALLEL", &settings.parallel, err);
    if (settings.http.connect_s > settings.http.stall_s)
        settings.http.connect_s = settings.http.stall_s;
    if (rc == 0)
        *out = settings;
    return rc;
}
