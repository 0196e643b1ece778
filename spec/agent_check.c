/* agent_check.c - a source has one kind and one pin; keys that would do nothing are refused, as a
 * setting that is read and not carried out is a promise broken in silence. */
#include "spec/agent_check.h"

#include <string.h>

#include "base/arena.h"
#include "base/str.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60000 };
static const int64_t DAY_MS = 86400000;
static const int64_t MIB = 1048576;

/* One of a set of keys of a map ----------------------------------------------------------------*/

/* The member of the first of these keys that is there; a second one is reported. */
static const struct wc_member *only_one(struct wc_load *load, const struct wc_node *map,
                                        const char *const *keys)
{
    const struct wc_member *first = NULL;
    for (size_t i = 0; keys[i] != NULL; i++) {
        const struct wc_member *m = wc_node_member(map, keys[i]);
        if (m == NULL)
            continue;
        if (first != NULL) {
            struct wc_diag *diag = wc_report_at(load, WC_E_CONFLICT, m->key_at, m->key_span,
                                                "both %s and %s are given", first->key, m->key);
            diag->hint = "remove one of the two";
            diag->related = first->key_at;
            diag->related_label = "the other is here";
            return first;
        }
        first = m;
    }
    return first;
}

static void missing(struct wc_load *load, const struct wc_node *map, const char *what,
                    const char *hint)
{
    wc_report(load, WC_E_MISSING, map, "%s", what)->hint = hint;
}

/* Reports the keys that mean nothing beside `kind`. */
static void only_with(struct wc_load *load, const struct wc_node *map, const char *const *keys,
                      const char *kind)
{
    for (size_t i = 0; keys[i] != NULL; i++) {
        const struct wc_member *m = wc_node_member(map, keys[i]);
        if (m != NULL)
            wc_report_at(load, WC_E_CONFLICT, m->key_at, m->key_span,
                         "%s is for a source with %s alone", m->key, kind);
    }
}

/* Paths ----------------------------------------------------------------------------------------*/

static void check_absolute(struct wc_load *load, const struct wc_node *map, const char *key)
{
    const struct wc_node *node = wc_node_get(map, key);
    if (node != NULL && node->kind == WC_NODE_STRING && node->text[0] != '/')
        wc_report(load, WC_E_VALUE, node, "%s must be an absolute path, not '%s'", key, node->text)
            ->hint = "the agent has no working directory that it could start from";
}

static bool is_inside(const char *path)
{
    if (path[0] == '/' || path[0] == '\0')
        return false;
    for (const char *at = path; *at != '\0';) {
        size_t len = strcspn(at, "/");
        if (len == 2 && at[0] == '.' && at[1] == '.')
            return false;
        at += len + (at[len] == '/');
    }
    return true;
}

static void check_inside(struct wc_load *load, const struct wc_node *node, const char *key)
{
    if (node != NULL && node->kind == WC_NODE_STRING && !is_inside(node->text))
        wc_report(load, WC_E_VALUE, node, "%s must stay below the source, and '%s' doesn't", key,
                  node->text);
}

static void check_inside_all(struct wc_load *load, const struct wc_node *list, const char *key)
{
    for (size_t i = 0; list != NULL && list->kind == WC_NODE_LIST && i < list->n; i++)
        check_inside(load, list->items[i], key);
}

/* Source ---------------------------------------------------------------------------------------*/

static void check_git(struct wc_load *load, const struct wc_node *source)
{
    static const char *const pins[] = { "branch", "tag", "semver", "commit", NULL };
    static const char *const others[] = { "sha256", NULL };
    const struct wc_node *url = wc_node_get(source, "git");
    const struct wc_node *ssh = wc_node_get(source, "ssh");
    if (only_one(load, source, pins) == NULL)
        missing(load, url, "which revision is meant isn't said",
                "add one of branch, tag, semver and commit");
    only_with(load, source, others, "archive");
    check_absolute(load, ssh, "key");
    check_absolute(load, ssh, "known_hosts");
    bool is_ssh = url->kind == WC_NODE_STRING && wc_str_starts(url->text, "ssh://");
    if (is_ssh && wc_node_get(ssh, "known_hosts") == NULL)
        missing(load, url, "ssh needs ssh: {known_hosts: FILE}",
                "who answers at that address must be known: ssh-keyscan HOST, then compare");
}

static void check_file(struct wc_load *load, const struct wc_node *source)
{
    static const char *const path[] = { "path", NULL };
    const struct wc_node *file = wc_node_get(source, "file");
    only_with(load, source, path, "git, directory or archive");
    if (file->kind == WC_NODE_STRING && file->text[0] == '/' &&
        file->text[strlen(file->text) - 1] == '/')
        wc_report(load, WC_E_VALUE, file, "'%s' is no file's name", file->text)->hint =
            "directory: DIR, for a directory with all that is in it";
}

static void check_verify(struct wc_load *load, const struct wc_node *source,
                         struct wc_agent_source *out)
{
    const struct wc_node *verify = wc_node_get(source, "verify");
    bool has_keys = out->signers != NULL || out->keyring != NULL;
    if (verify == NULL)
        return;
    check_absolute(load, verify, "signers");
    check_absolute(load, verify, "keyring");
    if (out->verify == NULL)
        missing(load, verify, "verify needs a mode", "one of commit, tag, both and none");
    else if (!wc_streq(out->verify, "none") && !has_keys)
        missing(load, verify, "there is no key to verify with",
                "signers: FILE (ssh allowed signers) or keyring: FILE (OpenPGP)");
    else if (wc_streq(out->verify, "none") && has_keys)
        wc_report(load, WC_E_CONFLICT, wc_node_get(verify, "mode"),
                  "keys are given, and mode none never looks at them")
            ->hint = "mode: commit, tag or both; or remove the keys";
}

static void check_source(struct wc_load *load, const struct wc_node *source,
                         struct wc_agent_source *out)
{
    static const char *const kinds[] = { "git", "directory", "file", "archive", NULL };
    static const char *const of_git[] = { "branch",       "tag",        "semver", "commit", "ssh",
                                          "allow_rewind", "submodules", "lfs",    NULL };
    static const char *const of_archive[] = { "sha256", "token_file", "ca_file", NULL };
    const struct wc_member *kind = only_one(load, source, kinds);
    if (kind == NULL) {
        missing(load, source, "the source isn't said", "one of git, directory, file and archive");
        return;
    }
    if (kind->value->kind == WC_NODE_STRING && kind->value->text[0] == '\0')
        wc_report(load, WC_E_VALUE, kind->value, "%s is empty", kind->key);
    if (wc_streq(kind->key, "git"))
        check_git(load, source);
    else
        only_with(load, source, of_git, "git");
    if (wc_streq(kind->key, "directory") || wc_streq(kind->key, "file")) {
        static const char *const verify[] = { "verify", NULL };
        check_absolute(load, source, kind->key);
        only_with(load, source, of_archive, "git or archive");
        only_with(load, source, verify, "git or archive");
    }
    if (wc_streq(kind->key, "file"))
        check_file(load, source);
    check_verify(load, source, out);
    check_absolute(load, source, "token_file");
    check_absolute(load, source, "ca_file");
    check_inside(load, wc_node_get(source, "path"), "path");
}

/* Apps -----------------------------------------------------------------------------------------*/

static void check_span(struct wc_load *load, const struct wc_node *map, const char *key, int64_t ms,
                       const int64_t bounds[2])
{
    if (wc_node_get(map, key) != NULL && (ms < bounds[0] || ms > bounds[1]))
        wc_report(load, WC_E_VALUE, wc_node_get(map, key), "%s must be from %llds to %llds", key,
                  (long long)(bounds[0] / SECOND_MS), (long long)(bounds[1] / SECOND_MS));
}

static void check_windows(struct wc_load *load, const struct wc_node *list,
                          struct wc_agent_app *app)
{
    app->windows = WC_NEW_ARRAY(load->arena, struct wc_agent_window, app->window_texts.n + 1);
    for (size_t i = 0; list != NULL && list->kind == WC_NODE_LIST && i < list->n; i++) {
        const struct wc_node *item = list->items[i];
        if (item->kind != WC_NODE_STRING)
            continue;
        if (wc_agent_window_parse(item->text, &app->windows[app->n_windows]))
            app->n_windows++;
        else
            wc_report(load, WC_E_VALUE, item, "'%s' is no maintenance window", item->text)->hint =
                "days and times, such as \"Mon-Fri 22:00-04:00\" or \"03:00-05:00\"";
    }
}

/* "8080" or "8080-8090". */
static bool read_ports(const char *text, struct wc_grant_ports *out)
{
    char first[8];
    int64_t from, to;
    size_t len = strcspn(text, "-");
    if (len >= sizeof first)
        return false;
    memcpy(first, text, len);
    first[len] = '\0';
    if (!wc_str_to_i64(first, 1, 65535, &from))
        return false;
    to = from;
    if (text[len] == '-' && !wc_str_to_i64(text + len + 1, from, 65535, &to))
        return false;
    *out = (struct wc_grant_ports){ (unsigned)from, (unsigned)to };
    return true;
}

static void check_limits(struct wc_load *load, const struct wc_node *map,
                         const struct wc_grant_limits *limits)
{
    const struct {
        const char *key;
        int64_t value;
    } all[] = { { "instances", limits->instances },
                { "memory", limits->memory_bytes },
                { "cpus", limits->nano_cpus },
                { "pids", limits->pids } };
    for (size_t i = 0; map != NULL && map->kind == WC_NODE_MAP && i < WC_COUNT(all); i++) {
        const struct wc_node *node = wc_node_get(map, all[i].key);
        if (node != NULL && all[i].value == 0)
            wc_report(load, WC_E_VALUE, node, "a limit must be more than 0")->hint =
                "leave it out, and there is none (instances: 100)";
    }
}

static void check_grant(struct wc_load *load, const struct wc_node *map,
                        struct wc_agent_grant *grant)
{
    const struct wc_node *list = wc_node_get(map, "ports");
    grant->ranges = WC_NEW_ARRAY(load->arena, struct wc_grant_ports, grant->ports.n + 1);
    for (size_t i = 0; list != NULL && list->kind == WC_NODE_LIST && i < list->n; i++) {
        const struct wc_node *item = list->items[i];
        if (!wc_node_is_scalar(item) || item->text == NULL)
            continue;
        if (read_ports(item->text, &grant->ranges[grant->n_ranges]))
            grant->n_ranges++;
        else
            wc_report(load, WC_E_VALUE, item, "'%s' is no port or range of ports", item->text)
                ->hint = "such as 8080 or \"8080-8090\"";
    }
    check_limits(load, wc_node_get(map, "limits"), &grant->limits);
    list = wc_node_get(map, "binds");
    for (size_t i = 0; list != NULL && list->kind == WC_NODE_LIST && i < list->n; i++)
        if (list->items[i]->kind == WC_NODE_STRING && list->items[i]->text[0] != '/')
            wc_report(load, WC_E_VALUE, list->items[i], "binds are absolute directories");
}

static bool is_name(const char *name)
{
    bool good = (wc_ascii_isalnum(name[0]) && name[0] == wc_ascii_lower(name[0])) != 0;
    for (const char *at = name; good && *at != '\0'; at++)
        good = (wc_ascii_isalnum(*at) && *at == wc_ascii_lower(*at)) || *at == '-' || *at == '_';
    return good && strlen(name) <= 63;
}

static void set_defaults(struct wc_agent_app *app)
{
    struct wc_agent_source *source = &app->source;
    if (source->verify == NULL)
        source->verify = "none";
    if (source->max_bytes == 0)
        source->max_bytes = 256 * MIB;
    if (source->timeout_ms == 0)
        source->timeout_ms = 2 * MINUTE_MS;
    if (app->interval_ms == 0)
        app->interval_ms = MINUTE_MS;
    if (app->ready_ms == 0)
        app->ready_ms = 5 * MINUTE_MS;
    if (app->trust == NULL)
        app->trust = "restricted";
    if (app->drift == NULL)
        app->drift = "repair";
}

/* All there is of such a source is its file. */
static void use_one_file(struct wc_load *load, const struct wc_node *map, struct wc_agent_app *app)
{
    static const char *const lists[] = { "files", "env_files", NULL };
    const char *slash = strrchr(app->source.file, '/');
    only_with(load, map, lists, "git, directory or archive");
    app->files.n = 0;
    wc_strv_add(load->arena, &app->files,
                wc_arena_strdup(load->arena, slash != NULL ? slash + 1 : app->source.file));
}

void wc_agent_check_app(struct wc_load *load, const struct wc_member *member,
                        struct wc_agent_app *app)
{
    const int64_t interval[2] = { 5 * SECOND_MS, DAY_MS }, ready[2] = { SECOND_MS, DAY_MS };
    const struct wc_node *map = member->value, *source = wc_node_get(map, "source");
    const struct wc_member *grant = wc_node_member(map, "grant");
    if (!is_name(app->name))
        wc_report_at(load, WC_E_NAME, member->key_at, member->key_span,
                     "'%s' can't be an app's name", app->name)
            ->hint = "it is its project's: lower-case letters, digits, - and _, beginning with a "
                     "letter or digit, 63 at most";
    if (source != NULL && source->kind == WC_NODE_MAP) {
        check_source(load, source, &app->source);
        check_span(load, source, "timeout", app->source.timeout_ms, ready);
    }
    if (app->source.file != NULL)
        use_one_file(load, map, app);
    check_inside_all(load, wc_node_get(map, "files"), "files");
    check_inside_all(load, wc_node_get(map, "env_files"), "env_files");
    check_span(load, map, "interval", app->interval_ms, interval);
    check_span(load, map, "timeout", app->ready_ms, ready);
    check_windows(load, wc_node_get(map, "windows"), app);
    wc_agent_check_images(load, wc_node_get(map, "image_policy"), &app->images);
    const struct wc_node *secrets = wc_node_get(map, "secrets");
    if (secrets != NULL && secrets->kind == WC_NODE_MAP)
        check_absolute(load, secrets, "age");
    if (grant != NULL && wc_streq0(app->trust, "trusted"))
        wc_report_at(load, WC_E_CONFLICT, grant->key_at, grant->key_span,
                     "a trusted app may do anything: grant says nothing here")
            ->hint = "remove it, or trust: trusted";
    if (grant != NULL && grant->value->kind == WC_NODE_MAP)
        check_grant(load, grant->value, &app->grant);
    set_defaults(app);
}

/* Dependencies ---------------------------------------------------------------------------------*/

/* True when `from` waits for `target`, directly or not, in at most n steps. */
static bool leads_to(const struct wc_agent *agent, const struct wc_agent_app *from,
                     const char *target, size_t left)
{
    for (size_t i = 0; from != NULL && left > 0 && i < from->depends_on.n; i++)
        if (wc_streq(from->depends_on.items[i], target) ||
            leads_to(agent, wc_agent_app(agent, from->depends_on.items[i]), target, left - 1))
            return true;
    return false;
}

void wc_agent_check_deps(struct wc_load *load, const struct wc_agent *agent,
                         const struct wc_node *apps)
{
    for (size_t i = 0; i < agent->n_apps; i++) {
        const struct wc_agent_app *app = &agent->apps[i];
        const struct wc_node *list = wc_node_get(wc_node_get(apps, app->name), "depends_on");
        for (size_t k = 0; list != NULL && list->kind == WC_NODE_LIST && k < list->n; k++) {
            const struct wc_node *item = list->items[k];
            if (item->kind != WC_NODE_STRING)
                continue;
            const struct wc_agent_app *other = wc_agent_app(agent, item->text);
            if (other == NULL)
                wc_hint_keys(load,
                             wc_report(load, WC_E_UNKNOWN_SERVICE, item,
                                       "app '%s' waits for '%s', which isn't here", app->name,
                                       item->text),
                             item->text, apps);
            else if (other == app || leads_to(agent, other, app->name, agent->n_apps))
                wc_report(load, WC_E_CYCLE, item, "app '%s' would wait for itself", app->name);
        }
    }
}

/* Telling people -------------------------------------------------------------------------------*/

void wc_agent_check_notify(struct wc_load *load, const struct wc_node *item,
                           const struct wc_agent_notify *notify)
{
    static const char *const kinds[] = { "url", "command", NULL };
    static const char *const of_url[] = { "secret_file", NULL };
    const struct wc_member *kind = only_one(load, item, kinds);
    if (kind == NULL) {
        missing(load, item, "who is to be told isn't said", "one of url and command");
        return;
    }
    if (wc_streq(kind->key, "command")) {
        only_with(load, item, of_url, "url");
        if (notify->command.n == 0 || notify->command.items[0][0] != '/')
            wc_report(load, WC_E_VALUE, kind->value,
                      "command must begin with an absolute path of a program");
    } else if (notify->url == NULL || (!wc_str_starts(notify->url, "https://") &&
                                       !wc_str_starts(notify->url, "http://127.0.0.1"))) {
        wc_report(load, WC_E_VALUE, kind->value, "url must begin with https://")->hint =
            "or http://127.0.0.1, which doesn't leave the host";
    }
    check_absolute(load, item, "secret_file");
}

void wc_agent_check_webhook(struct wc_load *load, const struct wc_node *section,
                            const struct wc_agent *agent)
{
    const char *listen = agent->webhook_listen;
    int64_t port = 0;
    check_absolute(load, section, "secret_file");
    if (listen != NULL && !(wc_str_starts(listen, "127.0.0.1:") &&
                            wc_str_to_i64(listen + strlen("127.0.0.1:"), 1, 65535, &port)))
        wc_report(load, WC_E_VALUE, wc_node_get(section, "listen"),
                  "listen must be 127.0.0.1:PORT, not '%s'", listen)
            ->hint =
            "the agent isn't made to be reached by others: put a web server with TLS before "
            "it";
}
