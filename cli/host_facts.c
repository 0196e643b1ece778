/* host_facts.c - names from the table, files by rows: a key that isn't known is refused, as a
 * misspelt fact would be an unknown one.
 */
#include "cli/host_facts.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/args.h"
#include "wcompose/state.h"

enum { FILE_MAX = 1 << 20, HOSTS_MAX = 64 };

struct found {
    struct wc_cli *cli;
    struct wc_host_facts *hosts;
    size_t n;
    const char *path; /* of the file under way */
};

typedef bool take_fn(struct found *f, const struct wc_json *value, struct wc_host_facts *out);

static const char *text_of(struct found *f, const struct wc_json *value)
{
    const char *text = wc_json_str(value, NULL);
    return text == NULL ? NULL : wc_arena_strdup(f->cli->arena, text);
}

static bool take_name(struct found *f, const struct wc_json *value, struct wc_host_facts *out)
{
    return (out->name = text_of(f, value)) != NULL;
}

static bool take_title(struct found *f, const struct wc_json *value, struct wc_host_facts *out)
{
    return (out->title = text_of(f, value)) != NULL;
}

static bool take_os(struct found *f, const struct wc_json *value, struct wc_host_facts *out)
{
    (void)f;
    out->os = wc_os_parse(wc_json_str(value, NULL));
    return out->os == WC_OS_LINUX || out->os == WC_OS_WINDOWS;
}

static bool take_edition(struct found *f, const struct wc_json *value, struct wc_host_facts *out)
{
    (void)f;
    return wc_edition_parse(wc_json_str(value, ""), &out->edition);
}

static bool take_version(struct found *f, const struct wc_json *value, struct wc_host_facts *out)
{
    (void)f;
    return wc_windows_version_parse(wc_json_str(value, ""), &out->build, &out->revision);
}

static bool take_architecture(struct found *f, const struct wc_json *value,
                              struct wc_host_facts *out)
{
    return (out->architecture = text_of(f, value)) != NULL;
}

static bool take_hyperv(struct found *f, const struct wc_json *value, struct wc_host_facts *out)
{
    (void)f;
    if (wc_json_kind(value) == WC_JSON_NULL)
        out->hyperv = WC_TRI_UNSET;
    else
        out->hyperv = wc_json_bool(value, false) ? WC_TRI_TRUE : WC_TRI_FALSE;
    return wc_json_kind(value) == WC_JSON_NULL || wc_json_kind(value) == WC_JSON_BOOL;
}

static bool take_why(struct found *f, const struct wc_json *value, struct wc_host_facts *out)
{
    return (out->hyperv_why = text_of(f, value)) != NULL;
}

static bool take_emulated(struct found *f, const struct wc_json *value, struct wc_host_facts *out)
{
    (void)f;
    out->is_emulated = wc_json_bool(value, false);
    return wc_json_kind(value) == WC_JSON_BOOL;
}

static bool take_default(struct found *f, const struct wc_json *value, struct wc_host_facts *out)
{
    (void)f;
    const char *word = wc_json_str(value, "");
    out->level = wc_streq(word, "hyperv") ? WC_ISOLATION_HYPERV : WC_ISOLATION_PROCESS;
    return wc_streq(word, wc_isolation_name(out->level));
}

static bool take_running(struct found *f, const struct wc_json *value, struct wc_host_facts *out)
{
    (void)f;
    int64_t n = wc_json_i64(value, -1);
    out->n_hyperv = n < 0 || n > 100000 ? 0 : (unsigned)n;
    return n >= 0 && n <= 100000;
}

static const struct {
    const char *key, *takes;
    take_fn *take;
} facts[] = {
    { "architecture", "a string such as \"amd64\"", take_architecture },
    { "default", "\"process\" or \"hyperv\", as its engine is set", take_default },
    { "edition", "server, standard, datacenter, client or home", take_edition },
    { "emulated", "true or false", take_emulated },
    { "hyperv", "true, false or null (not known)", take_hyperv },
    { "hyperv_running", "how many instances of that kind it has", take_running },
    { "hyperv_why", "a string: what is missing", take_why },
    { "like", "the name of a host, which the other facts are laid over", NULL },
    { "name", "a string", take_name },
    { "os", "\"linux\" or \"windows\"", take_os },
    { "os_version", "a version such as \"10.0.20348.2700\"", take_version },
    { "title", "a string", take_title },
};

static int unknown_host(struct found *f, const char *word)
{
    const char *names[HOSTS_MAX], *all = "";
    size_t n = 0;
    for (; n < HOSTS_MAX && wc_host_preset_at(n) != NULL; n++) {
        names[n] = wc_host_preset_at(n)->name;
        all = wc_arena_printf(f->cli->arena, "%s%s%s", all, n > 0 ? ", " : "", names[n]);
    }
    const char *near = wc_str_suggest(word, names, n);
    return wc_cli_usage_hint(
        f->cli,
        near != NULL
            ? wc_arena_printf(f->cli->arena, "did you mean '%s'? there are %s", near, all)
            : wc_arena_printf(f->cli->arena, "there are %s; or give a JSON file of facts", all),
        "--host: no host is called '%s'", word);
}

static int refuse(struct found *f, const char *key)
{
    const char *keys[WC_COUNT(facts)];
    for (size_t i = 0; i < WC_COUNT(facts); i++) {
        keys[i] = facts[i].key;
        if (wc_streq(facts[i].key, key))
            return wc_cli_usage_hint(f->cli, "docs/isolation.md lists the facts",
                                     "%s: '%s' takes %s", f->path, key, facts[i].takes);
    }
    const char *near = wc_str_suggest(key, keys, WC_COUNT(facts));
    return wc_cli_usage_hint(f->cli,
                             near != NULL
                                 ? wc_arena_printf(f->cli->arena, "did you mean '%s'?", near)
                                 : "docs/isolation.md lists the facts",
                             "%s: a host has no fact '%s'", f->path, key);
}

static int take_fact(struct found *f, const struct wc_json *value, struct wc_host_facts *out)
{
    const char *key = wc_json_name(value);
    for (size_t i = 0; i < WC_COUNT(facts); i++)
        if (wc_streq(facts[i].key, key))
            return facts[i].take == NULL || facts[i].take(f, value, out) ? 0 : refuse(f, key);
    return refuse(f, key);
}

static int take_host(struct found *f, const struct wc_json *object)
{
    struct wc_host_facts host = { .hyperv = WC_TRI_UNSET };
    const char *like = wc_json_str(wc_json_get(object, "like"), NULL);
    if (wc_json_kind(object) != WC_JSON_OBJECT)
        return wc_cli_usage_hint(f->cli, "docs/isolation.md has an example",
                                 "%s: a host is an object of facts", f->path);
    if (like != NULL && wc_host_preset(like) == NULL)
        return unknown_host(f, like);
    if (like != NULL)
        host = *wc_host_preset(like);
    for (const struct wc_json *v = wc_json_first(object); v != NULL; v = wc_json_next(v)) {
        int status = take_fact(f, v, &host);
        if (status != 0)
            return status;
    }
    if (host.os == WC_OS_UNKNOWN || (host.os == WC_OS_WINDOWS && host.build == 0))
        return wc_cli_usage_hint(f->cli, "or begin with \"like\": \"ws2022\"",
                                 "%s: a host needs %s", f->path,
                                 host.os == WC_OS_UNKNOWN ? "\"os\"" : "\"os_version\"");
    if (host.name == NULL)
        host.name = f->path;
    if (f->n == HOSTS_MAX)
        return wc_cli_usage(f->cli, "--host: more than %d hosts", HOSTS_MAX);
    f->hosts[f->n++] = host;
    return 0;
}

static int take_file(struct found *f, const char *path)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    struct wc_err err = { 0 };
    f->path = path;
    int code = wc_fs_read(path, FILE_MAX, &text, &err);
    if (code == 0)
        code = wc_json_parse(text.data, text.len, &root, &err);
    if (code != 0) {
        (void)wc_err_wrap(&err, code, "--host %s", path);
        return wc_cli_fail(f->cli, &err);
    }
    if (wc_json_kind(root) != WC_JSON_ARRAY)
        return take_host(f, root);
    int status = 0;
    for (const struct wc_json *v = wc_json_first(root); status == 0 && v != NULL;
         v = wc_json_next(v))
        status = take_host(f, v);
    return status;
}

static int take_word(struct found *f, const char *word)
{
    size_t len = strlen(word);
    const struct wc_host_facts *preset = wc_host_preset(word);
    if (strchr(word, '/') != NULL || (len > 5 && wc_streq(word + len - 5, ".json")))
        return take_file(f, word);
    if (preset == NULL)
        return unknown_host(f, word);
    if (f->n == HOSTS_MAX)
        return wc_cli_usage(f->cli, "--host: more than %d hosts", HOSTS_MAX);
    f->hosts[f->n++] = *preset;
    return 0;
}

int wc_cli_hosts(struct wc_cli *cli, const struct wc_host_facts **out, size_t *n)
{
    struct found f = { .cli = cli };
    size_t n_given;
    const char *const *given = wc_cli_list(cli, "host", &n_given);
    f.hosts = WC_NEW_ARRAY(cli->arena, struct wc_host_facts, HOSTS_MAX);
    for (size_t i = 0; i < n_given; i++) {
        for (const char *p = given[i]; *p != '\0';) {
            size_t len = strcspn(p, ",");
            int status = len == 0 ? 0 : take_word(&f, wc_arena_strndup(cli->arena, p, len));
            if (status != 0)
                return status;
            p += len + (p[len] == ',');
        }
    }
    *out = f.hosts;
    *n = f.n;
    return f.n > 0 ? 0 : wc_cli_usage(cli, "--host names no host");
}
