/* credentials.c - look, then ask a helper where the file says so. */
#include "images/credentials.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/run.h"
#include "base/str.h"

#define HUB "docker.io"
#define HUB_SERVER "https://index.docker.io/v1/"
#define IDENTITY_USER "<token>"

enum { FILE_MAX = 1 << 20 };

/* "https://host/v1/" and "host" are the same registry. The text's part that counts, and its length.
 */
static const char *plain_key(const char *key, size_t *len)
{
    const char *scheme = strstr(key, "://");
    if (scheme == NULL) {
        *len = strlen(key);
        while (*len > 0 && key[*len - 1] == '/')
            (*len)--;
        return key;
    }
    *len = strcspn(scheme + 3, "/");
    return scheme + 3;
}

static bool is_hub(const char *key, size_t len)
{
    static const char *const names[] = { HUB, "index.docker.io", "registry-1.docker.io" };
    for (size_t i = 0; i < WC_COUNT(names); i++)
        if (strlen(names[i]) == len && memcmp(key, names[i], len) == 0)
            return true;
    return false;
}

/* How well a key fits the repository; 0 = not at all. */
static size_t fit(const char *key, const char *domain, const char *name)
{
    size_t len;
    const char *plain = plain_key(key, &len);
    if (len == 0)
        return 0;
    if (wc_streq(domain, HUB) && is_hub(plain, len))
        return strlen(HUB);
    if (strncmp(name, plain, len) != 0)
        return 0;
    return name[len] == '/' || name[len] == '\0' ? len : 0;
}

static int malformed(struct wc_err *err)
{
    return wc_err_set(err, WC_ERR_SPEC, 0,
                      "the entry of a registry is malformed: \"auth\" is "
                      "base64 of user:password");
}

static int read_entry(struct wc_arena *arena, const struct wc_json *entry,
                      struct wc_credentials *out, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_credentials c = { 0 };
    const char *auth = wc_json_str(wc_json_get(entry, "auth"), "");
    const char *user = wc_json_str(wc_json_get(entry, "username"), "");
    const char *password = wc_json_str(wc_json_get(entry, "password"), "");
    if (*auth != '\0') {
        char *colon = NULL;
        if (wc_buf_add_unbase64(&text, auth) && strlen(text.data) == text.len)
            colon = strchr(text.data, ':');
        if (colon == NULL)
            return malformed(err);
        c.user = wc_arena_strndup(arena, text.data, (size_t)(colon - text.data));
        c.password = wc_arena_strdup(arena, colon + 1);
    } else if (*user != '\0') {
        c.user = wc_arena_strdup(arena, user);
        c.password = wc_arena_strdup(arena, password);
    }
    const char *identity = wc_json_str(wc_json_get(entry, "identitytoken"), "");
    const char *registry = wc_json_str(wc_json_get(entry, "registrytoken"), "");
    c.identity_token = *identity != '\0' ? wc_arena_strdup(arena, identity) : NULL;
    c.registry_token = *registry != '\0' ? wc_arena_strdup(arena, registry) : NULL;
    *out = c;
    return 0;
}

static bool is_set(const struct wc_credentials *c)
{
    return c->user != NULL || c->identity_token != NULL || c->registry_token != NULL;
}

/* A helper's name is a word: what is run is looked for by PATH, and nothing else. */
static int use_helper(struct wc_arena *arena, const char *word, const char *domain,
                      struct wc_known *out, struct wc_err *err)
{
    if (*word == '\0')
        return 0;
    for (const char *p = word; *p != '\0'; p++)
        if (!wc_ascii_isalnum(*p) && strchr("_-.", *p) == NULL)
            return wc_err_set(err, WC_ERR_SPEC, 0,
                              "'%.60s' can't name a credential helper: a word was expected", word);
    out->helper = wc_arena_printf(arena, "docker-credential-%s", word);
    out->server = wc_streq(domain, HUB) ? HUB_SERVER : wc_arena_strdup(arena, domain);
    out->found = true;
    return 0;
}

int wc_credentials_look(struct wc_arena *arena, const struct wc_json *file, const char *domain,
                        const char *path, struct wc_known *out, struct wc_err *err)
{
    const char *name = wc_arena_printf(arena, "%s/%s", domain, path);
    const struct wc_json *best = NULL;
    struct wc_known known = { 0 };
    size_t best_fit = 0;
    const struct wc_json *h = wc_json_first(wc_json_get(file, "credHelpers"));
    for (; h != NULL && !known.found; h = wc_json_next(h)) {
        if (fit(wc_json_name(h), domain, domain) == 0)
            continue;
        int rc = use_helper(arena, wc_json_str(h, ""), domain, &known, err);
        if (rc != 0)
            return rc;
    }
    const struct wc_json *a = wc_json_first(wc_json_get(file, "auths"));
    for (; a != NULL; a = wc_json_next(a)) {
        size_t this_fit = fit(wc_json_name(a), domain, name);
        if (this_fit <= best_fit)
            continue;
        best = a;
        best_fit = this_fit;
    }
    if (!known.found && best != NULL) { /* with a store, what is left here is an empty object */
        int rc = read_entry(arena, best, &known.credentials, err);
        if (rc != 0)
            return rc;
        known.found = is_set(&known.credentials);
    }
    if (!known.found) {
        const char *store = wc_json_str(wc_json_get(file, "credsStore"), "");
        int rc = use_helper(arena, store, domain, &known, err);
        if (rc != 0)
            return rc;
    }
    *out = known;
    return 0;
}

/* What a helper prints on standard output when it knows nothing. */
static bool is_unknown(const char *text)
{
    return strstr(text, "credentials not found") != NULL || strstr(text, "not found in") != NULL;
}

static int ask_helper(struct wc_arena *arena, const struct wc_known *known,
                      struct wc_credentials *out, struct wc_err *err)
{
    const char *const argv[] = { known->helper, "get", NULL };
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    struct wc_err why = { 0 };
    int rc = wc_run_with_input(argv, known->server, &text, &why);
    if (rc != 0 && is_unknown(text.data))
        return 0;
    if (rc != 0)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, why.sys,
                          "the credential helper %s could not be run, or failed", known->helper);
    if (wc_json_parse(text.data, text.len, &root, &why) != 0)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0,
                          "the credential helper %s didn't answer with JSON", known->helper);
    const char *user = wc_json_str(wc_json_get(root, "Username"), "");
    const char *secret = wc_json_str(wc_json_get(root, "Secret"), "");
    if (wc_streq(user, IDENTITY_USER)) {
        out->identity_token = wc_arena_strdup(arena, secret);
    } else if (*user != '\0') {
        out->user = wc_arena_strdup(arena, user);
        out->password = wc_arena_strdup(arena, secret);
    }
    return 0;
}

int wc_credentials_find(struct wc_arena *arena, const struct wc_strv *files, const char *domain,
                        const char *path, struct wc_credentials *out, struct wc_err *err)
{
    struct wc_credentials found = { 0 };
    for (size_t i = 0; i < files->n && !is_set(&found); i++) {
        WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
        WC_CLEANUP_JSON struct wc_json *root = NULL;
        struct wc_known known = { 0 };
        if (!wc_fs_exists(files->items[i]))
            continue;
        int rc = wc_fs_read(files->items[i], FILE_MAX, &text, err);
        if (rc == 0)
            rc = wc_json_parse(text.data, text.len, &root, err);
        if (rc == 0)
            rc = wc_credentials_look(arena, root, domain, path, &known, err);
        if (rc == 0 && known.helper != NULL)
            rc = ask_helper(arena, &known, &found, err);
        if (rc != 0)
            return wc_err_wrap(err, rc, "%s", files->items[i]);
        if (known.helper == NULL)
            found = known.credentials;
        wc_log(WC_LOG_DEBUG, "images", "%s: %s for %s", files->items[i],
               is_set(&found) ? "credentials" : "nothing", domain);
    }
    *out = found;
    return 0;
}

const char *wc_credentials_basic(struct wc_arena *arena, const struct wc_credentials *credentials)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    WC_CLEANUP_BUF struct wc_buf coded = WC_BUF_INIT;
    wc_buf_printf(&text, "%s:%s", credentials->user, credentials->password);
    wc_buf_add_base64(&coded, text.data, text.len);
    return wc_arena_printf(arena, "Basic %s", coded.data);
}
