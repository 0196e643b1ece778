/* discover.c - what docker compose finds by itself: files here and above, .env, COMPOSE_*.
 *
 * Order of variables, strongest first: the environment; --env-file in order, the later winning, or
 * else .env of the directory where looking for files begins (--project-directory, that of the first
 * -f, the working directory), then .env of the project directory.
 */
#include "spec/discover.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "spec/access.h"
#include "spec/dotenv.h"
#include "spec/sealed.h"
#include "spec/text.h"

static const char *const file_names[] = { "compose.yaml", "compose.yml", "docker-compose.yml",
                                          "docker-compose.yaml" };
static const char *const override_names[] = { "compose.override.yml", "compose.override.yaml",
                                              "docker-compose.override.yml",
                                              "docker-compose.override.yaml" };

static const char *join(struct wc_load *load, const char *dir, const char *name)
{
    return wc_load_clean(load, wc_load_path(load, dir, name));
}

static bool allowed(const struct wc_spec_options *o, const char *name)
{
    bool found = !o->restricted;
    for (size_t i = 0; i < o->n_allow_env && !found; i++)
        found = wc_streq(o->allow_env[i], name);
    return found;
}

static bool is_utf8(const char *text)
{
    size_t len = strlen(text);
    return wc_utf8_valid(text, len) == len;
}

static void take_environ(struct wc_load *load)
{
    const char *const *environ = load->options->environ;
    for (; environ != NULL && *environ != NULL; environ++) {
        const char *equals = strchr(*environ, '=');
        if (equals == NULL)
            continue;
        const char *name = wc_arena_strndup(load->arena, *environ, (size_t)(equals - *environ));
        if (!allowed(load->options, name))
            continue;
        load->foreign_bytes = load->foreign_bytes || !is_utf8(equals + 1);
        if (!wc_map_has(&load->env, name))
            wc_map_put(&load->env, name, (void *)(uintptr_t)(equals + 1));
    }
    /* As docker compose does: what has no shell around it may not have PWD. */
    if (load->options->environ != NULL && allowed(load->options, "PWD") &&
        !wc_map_has(&load->env, "PWD"))
        wc_map_put(&load->env, "PWD", (void *)(uintptr_t)load->options->cwd);
}

static const char *outer_env(void *data, const char *name)
{
    return wc_load_env(data, name);
}

/* Reads one file. at  what names it; with required, that it is missing is an error. */
static void read_env_file(struct wc_load *load, const char *path, bool required, struct wc_loc at,
                          unsigned span, struct wc_map *into)
{
    const char *shown = wc_load_shown(load, path);
    struct wc_text text;
    if (!required && !wc_access_exists(load, path))
        return;
    if (!wc_access_env(load, path, shown, at, span, &text))
        return;
    if (wc_sealed_refuse(load, &text, path, at, span, "a file for ${…} in Compose files"))
        return;
    wc_diags_source(load->diags, shown, text.bytes, text.len);
    struct wc_dotenv in = { .file = shown,
                            .text = text.bytes,
                            .len = text.len,
                            .outer = outer_env,
                            .data = load,
                            .out = into };
    wc_dotenv_parse(load, &in);
}

void wc_discover_read(struct wc_load *load, const char *path, const struct wc_node *node,
                      struct wc_map *out)
{
    struct wc_loc at = { wc_load_shown(load, path), 0, 0 };
    read_env_file(load, path, node != NULL, node == NULL ? at : node->at,
                  node == NULL ? 1 : node->span, out);
}

/* Adds what the environment doesn't have already. */
static void adopt(struct wc_load *load, const struct wc_map *from)
{
    for (size_t i = 0; i < from->n; i++)
        if (!wc_map_has(&load->env, from->entries[i].key))
            wc_map_put(&load->env, from->entries[i].key, from->entries[i].value);
}

static void split_into(struct wc_load *load, const char *text, const char *separator,
                       struct wc_strv *out)
{
    size_t sep_len = strlen(separator);
    while (text != NULL && *text != '\0') {
        const char *next = sep_len == 0 ? NULL : strstr(text, separator);
        size_t len = next == NULL ? strlen(text) : (size_t)(next - text);
        while (len > 0 && *text == ' ')
            text++, len--;
        size_t trimmed = len;
        while (trimmed > 0 && text[trimmed - 1] == ' ')
            trimmed--;
        if (trimmed > 0)
            wc_strv_add(load->arena, out, wc_arena_strndup(load->arena, text, trimmed));
        text = next == NULL ? NULL : text + len + sep_len;
    }
}

/* COMPOSE_DISABLE_ENV_FILE, with the words that docker compose takes. */
static bool env_file_disabled(struct wc_load *load, const char *text)
{
    static const char *const truths[] = { "1", "t", "T", "true", "True", "TRUE" };
    static const char *const lies[] = { "", "0", "f", "F", "false", "False", "FALSE" };
    for (size_t i = 0; text != NULL && i < WC_COUNT(truths); i++)
        if (wc_streq(text, truths[i]))
            return true;
    for (size_t i = 0; text != NULL && i < WC_COUNT(lies); i++)
        if (wc_streq(text, lies[i]))
            return false;
    if (text != NULL)
        wc_report_at(load, WC_E_VALUE, (struct wc_loc){ 0 }, 1,
                     "COMPOSE_DISABLE_ENV_FILE is true or false, not '%s'", text);
    return false;
}

/* Reads --env-file or COMPOSE_ENV_FILES; true when there were any. */
static bool read_named_env_files(struct wc_load *load)
{
    const struct wc_spec_options *o = load->options;
    struct wc_strv paths = { 0 };
    struct wc_map found;
    wc_map_init(&found, load->arena);
    for (size_t i = 0; i < o->n_env_files; i++)
        wc_strv_add(load->arena, &paths, o->env_files[i]);
    if (paths.n == 0)
        split_into(load, wc_load_env(load, "COMPOSE_ENV_FILES"), ",", &paths);
    for (size_t i = 0; i < paths.n; i++) {
        const char *path = join(load, o->cwd, paths.items[i]);
        read_env_file(load, path, true, (struct wc_loc){ wc_load_shown(load, path), 0, 0 }, 1,
                      &found);
    }
    adopt(load, &found);
    return paths.n != 0;
}

/* Reads .env of a directory. Returns false when it says that it isn't to be read: then only what
 * it says to the tool counts. */
static bool read_default_env_file(struct wc_load *load, const char *dir)
{
    struct wc_map found;
    wc_map_init(&found, load->arena);
    wc_discover_read(load, join(load, dir, ".env"), NULL, &found);
    bool off = env_file_disabled(load, wc_map_get(&found, "COMPOSE_DISABLE_ENV_FILE"));
    for (size_t i = 0; i < found.n; i++)
        if (!wc_map_has(&load->env, found.entries[i].key) &&
            (!off || wc_str_starts(found.entries[i].key, "COMPOSE_")))
            wc_map_put(&load->env, found.entries[i].key, found.entries[i].value);
    return !off;
}

/* Where .env is looked for before the files are known, as they may be named in it. */
static const char *start_dir(struct wc_load *load)
{
    const struct wc_spec_options *o = load->options;
    if (o->project_directory != NULL)
        return join(load, o->cwd, o->project_directory);
    for (size_t i = 0; o->text == NULL && i < o->n_files; i++)
        if (!wc_streq(o->files[i], "-"))
            return wc_load_dir(load, join(load, o->cwd, o->files[i]));
    return o->cwd;
}

static void add_file(struct wc_load *load, const char *path, const char *shown)
{
    wc_strv_add(load->arena, &load->files, path);
    wc_strv_add(load->arena, &load->shown_files, shown);
}

static void add_named_file(struct wc_load *load, const char *name)
{
    if (wc_streq(name, "-"))
        add_file(load, "-", "-");
    else
        add_file(load, join(load, load->options->cwd, name), name);
}

/* Path of the first of the names that exists in a directory, or NULL. */
static const char *first_in(struct wc_load *load, const char *dir, const char *const *names,
                            size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *path = join(load, dir, names[i]);
        if (wc_access_exists(load, path))
            return path;
    }
    return NULL;
}

/* "compose.yaml", "../compose.yaml" …: relative to cwd, up levels above it. */
static const char *shown_above(struct wc_load *load, const char *path, unsigned up)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    for (unsigned i = 0; i < up; i++)
        wc_buf_adds(&text, "../");
    wc_buf_adds(&text, strrchr(path, '/') + 1);
    return wc_arena_strdup(load->arena, text.data);
}

/* Adds a file that was looked for, and warns of others of the names: somebody may think that they
 * are read. */
static void add_found(struct wc_load *load, const char *shown, const char *path,
                      const char *const *names, size_t n)
{
    add_file(load, path, shown);
    for (size_t i = 0; i < n; i++) {
        const char *other = join(load, wc_load_dir(load, path), names[i]);
        if (wc_streq(other, path) || !wc_access_exists(load, other))
            continue;
        struct wc_diag *diag = wc_report_at(load, WC_W_SEVERAL, (struct wc_loc){ shown, 0, 0 }, 1,
                                            "'%s' is here as well and is not read", names[i]);
        diag->hint = "remove one of them, or name both with -f";
    }
}

static bool search_upwards(struct wc_load *load)
{
    const char *start = load->options->project_directory;
    const char *dir = start == NULL ? load->options->cwd : join(load, load->options->cwd, start);
    for (unsigned up = 0;; up++) {
        const char *path = first_in(load, dir, file_names, WC_COUNT(file_names));
        if (path != NULL) {
            bool near = start == NULL;
            add_found(load, near ? shown_above(load, path, up) : wc_load_shown(load, path), path,
                      file_names, WC_COUNT(file_names));
            path = first_in(load, dir, override_names, WC_COUNT(override_names));
            if (path != NULL)
                add_found(load, near ? shown_above(load, path, up) : wc_load_shown(load, path),
                          path, override_names, WC_COUNT(override_names));
            return true;
        }
        if (wc_streq(dir, "/"))
            return false;
        dir = wc_load_dir(load, dir);
    }
}

static int find_files(struct wc_load *load)
{
    const struct wc_spec_options *o = load->options;
    struct wc_strv named = { 0 };
    if (o->text != NULL) {
        add_file(load, join(load, o->cwd, "compose.yaml"), "compose.yaml");
        return 0;
    }
    for (size_t i = 0; i < o->n_files; i++)
        wc_strv_add(load->arena, &named, o->files[i]);
    if (named.n == 0) {
        const char *separator = wc_load_env(load, "COMPOSE_PATH_SEPARATOR");
        split_into(load, wc_load_env(load, "COMPOSE_FILE"),
                   separator == NULL || *separator == '\0' ? ":" : separator, &named);
    }
    for (size_t i = 0; i < named.n; i++)
        add_named_file(load, named.items[i]);
    if (named.n != 0 || search_upwards(load))
        return 0;
    struct wc_diag *diag = wc_report_at(load, WC_E_FILE, (struct wc_loc){ 0 }, 1,
                                        "no Compose file in %s or above", o->cwd);
    diag->hint = "make a compose.yaml, or name a file with -f";
    return WC_ERR_NOENT;
}

static void find_project_dir(struct wc_load *load)
{
    const struct wc_spec_options *o = load->options;
    if (o->project_directory != NULL)
        load->project_dir = join(load, o->cwd, o->project_directory);
    else if (load->files.n == 0 || wc_streq(load->files.items[0], "-"))
        load->project_dir = o->cwd;
    else
        load->project_dir = wc_load_dir(load, load->files.items[0]);
}

/* Paths in the model are written as YAML and JSON, which hold nothing but UTF-8. */
static int check_project_dir(struct wc_load *load)
{
    if (is_utf8(load->project_dir))
        return 0;
    struct wc_diag *diag =
        wc_report_at(load, WC_E_FILE, (struct wc_loc){ 0 }, 1,
                     "the path of the project is not UTF-8: %s", load->project_dir);
    diag->hint = "rename the directory, or name another with --project-directory";
    return WC_ERR_SPEC;
}

static void find_profiles(struct wc_load *load)
{
    const struct wc_spec_options *o = load->options;
    for (size_t i = 0; i < o->n_profiles; i++)
        split_into(load, o->profiles[i], ",", &load->profiles);
    if (o->n_profiles == 0)
        split_into(load, wc_load_env(load, "COMPOSE_PROFILES"), ",", &load->profiles);
}

/* What the command line names may lie anywhere; what COMPOSE_FILE of some .env names may not. */
static void note_named(struct wc_load *load)
{
    const struct wc_spec_options *o = load->options;
    for (size_t i = 0; o->restricted && i < o->n_files; i++)
        wc_strv_add(load->arena, &load->named, join(load, o->cwd, o->files[i]));
    for (size_t i = 0; o->restricted && i < o->n_env_files; i++)
        wc_strv_add(load->arena, &load->named, join(load, o->cwd, o->env_files[i]));
}

int wc_discover(struct wc_load *load)
{
    const struct wc_spec_options *o = load->options;
    if (load->canonical) {
        load->project_dir = o->cwd;
        if (o->text != NULL)
            add_file(load, "-", "project");
        for (size_t i = 0; o->text == NULL && i < o->n_files; i++)
            add_named_file(load, o->files[i]);
        return 0;
    }
    take_environ(load);
    note_named(load);
    bool named = read_named_env_files(load);
    bool defaults =
        !named && !env_file_disabled(load, wc_load_env(load, "COMPOSE_DISABLE_ENV_FILE"));
    const char *start = start_dir(load);
    if (!o->restricted) /* where the command is run is not the project's */
        defaults = defaults && read_default_env_file(load, start);
    int rc = find_files(load);
    if (rc != 0)
        return rc;
    find_project_dir(load);
    rc = check_project_dir(load);
    if (rc != 0)
        return rc;
    if (defaults && (o->restricted || !wc_streq(load->project_dir, start)))
        read_default_env_file(load, load->project_dir);
    find_profiles(load);
    return 0;
}

static bool valid_name(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || name[0] == '_' || name[0] == '-')
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

static const char *normalised(struct wc_load *load, const char *text)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    for (; *text != '\0'; text++) {
        char c = wc_ascii_lower(*text);
        bool leading = out.len == 0 && (c == '_' || c == '-');
        if ((wc_ascii_isalnum(c) || c == '_' || c == '-') && !leading)
            wc_buf_addc(&out, c);
    }
    return wc_arena_strdup(load->arena, out.data);
}

static void use_given_name(struct wc_load *load, const char *name, const char *from)
{
    load->project_name = normalised(load, name);
    if (valid_name(name))
        return;
    struct wc_diag *diag = wc_report_at(load, WC_E_NAME, (struct wc_loc){ 0 }, 1,
                                        "project name '%s' (from %s) is not allowed", name, from);
    diag->hint = "lower-case letters, digits, '_' and '-', the first a letter or digit";
    if (load->project_name[0] == '\0')
        load->project_name = "project";
}

void wc_discover_name(struct wc_load *load, const struct wc_node *name)
{
    const char *given = load->options->project_name;
    const char *variable = wc_load_env(load, "COMPOSE_PROJECT_NAME");
    if (given != NULL && *given != '\0') {
        use_given_name(load, given, "-p");
        return;
    }
    if (variable != NULL && *variable != '\0') {
        use_given_name(load, variable, "COMPOSE_PROJECT_NAME");
        return;
    }
    bool in_file = name != NULL && name->kind == WC_NODE_STRING;
    const char *base = strrchr(load->project_dir, '/');
    const char *source = in_file ? name->text : base == NULL ? load->project_dir : base + 1;
    load->project_name = normalised(load, source);
    load->written_name = in_file ? source : NULL;
    if (load->project_name[0] != '\0')
        return;
    load->project_name = "project";
    struct wc_diag *diag =
        in_file ? wc_report(load, WC_E_NAME, name, "nothing is left of project name '%s'", source)
                : wc_report_at(load, WC_E_NAME, (struct wc_loc){ 0 }, 1,
                               "no project name can be made of directory '%s'", load->project_dir);
    diag->hint = "give the project a name with -p or name:";
}
