/* test_golden.c - whole files in, canonical JSON or diagnostics out.
 *
 * A case is a folder of tests/golden/spec: compose.yaml and what it needs, `args` with one option a
 * line (file, profile, service, env, env-file, name, directory, cwd, no-deps, no-interpolate,
 * no-path-resolution, no-normalize, no-consistency, only-shown, windows), expected.json when it
 * loads, expected.txt when there are diagnostics. WC_UPDATE=1 writes the expected files anew: read
 * the difference before committing it.
 */
#include "harness/wc_test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "wcompose/spec.h"

enum { LISTED = 16 };

struct golden {
    struct wc_arena arena;
    struct wc_diags diags;
    struct wc_spec_options options;
    const char *files[LISTED], *profiles[LISTED], *services[LISTED], *env_files[LISTED];
    const char *environ[LISTED + 1];
    size_t n_environ;
    const char *dir;
    struct wc_project *project;
};

static void take_option(struct golden *g, const char *line)
{
    char *word = wc_arena_strdup(&g->arena, line);
    char *value = strchr(word, ' ');
    if (value != NULL)
        *value++ = '\0';
    if (wc_streq(word, "file"))
        g->files[g->options.n_files++] = value;
    else if (wc_streq(word, "profile"))
        g->profiles[g->options.n_profiles++] = value;
    else if (wc_streq(word, "service"))
        g->services[g->options.n_services++] = value;
    else if (wc_streq(word, "env-file"))
        g->env_files[g->options.n_env_files++] = value;
    else if (wc_streq(word, "env"))
        g->environ[g->n_environ++] = value;
    else if (wc_streq(word, "name"))
        g->options.project_name = value;
    else if (wc_streq(word, "directory"))
        g->options.project_directory = value;
    else if (wc_streq(word, "cwd"))
        g->options.cwd = wc_arena_printf(&g->arena, "%s/%s", g->dir, value);
    else if (wc_streq(word, "no-interpolate"))
        g->options.no_interpolate = true;
    else if (wc_streq(word, "no-path-resolution"))
        g->options.no_path_resolution = true;
    else if (wc_streq(word, "no-normalize"))
        g->options.no_normalize = true;
    else if (wc_streq(word, "no-consistency"))
        g->options.no_consistency = true;
    else if (wc_streq(word, "no-deps"))
        g->options.no_deps = true;
    else if (wc_streq(word, "only-shown"))
        g->options.only_shown = true;
    else if (wc_streq(word, "windows"))
        g->options.platform = WC_PLATFORM_WINDOWS;
    else
        fail_msg("%s: unknown option '%s'", g->dir, word);
}

static void read_args(struct golden *g)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_err err = { 0 };
    if (wc_fs_read(wc_arena_printf(&g->arena, "%s/args", g->dir), 65536, &text, &err) != 0)
        return;
    for (const char *p = text.data; *p != '\0';) {
        size_t len = strcspn(p, "\n");
        if (len != 0)
            take_option(g, wc_arena_strndup(&g->arena, p, len));
        p += len + (p[len] == '\n' ? 1 : 0);
    }
}

static void load_case(struct golden *g, const char *name)
{
    *g = (struct golden){ 0 };
    wc_arena_init(&g->arena);
    wc_diags_init(&g->diags, &g->arena);
    g->dir = wc_arena_printf(&g->arena, "%s/tests/golden/spec/%s", WC_SOURCE_DIR, name);
    g->options = (struct wc_spec_options){ .files = g->files,
                                           .profiles = g->profiles,
                                           .services = g->services,
                                           .env_files = g->env_files,
                                           .environ = g->environ,
                                           .cwd = g->dir };
    read_args(g);
    wc_spec_load(&g->options, &g->arena, &g->diags, &g->project);
}

static void end_case(struct golden *g)
{
    wc_arena_deinit(&g->arena);
}

/* Replaces the folder's path, which differs from machine to machine. */
static void portable(struct wc_buf *text, const char *dir)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    size_t len = strlen(dir);
    for (const char *p = text->data; *p != '\0';) {
        const char *found = strstr(p, dir);
        size_t plain = found == NULL ? strlen(p) : (size_t)(found - p);
        wc_buf_add(&out, p, plain);
        p += plain;
        if (found != NULL) {
            wc_buf_adds(&out, "@DIR@");
            p += len;
        }
    }
    wc_buf_reset(text);
    wc_buf_add(text, out.data, out.len);
}

static void print_diags(const struct golden *g, struct wc_buf *out)
{
    for (size_t i = 0; i < g->diags.n; i++) {
        const struct wc_diag *d = &g->diags.items[i];
        wc_buf_printf(out, "%s:%u:%u+%u: %s[%s]: %s", d->at.file == NULL ? "-" : d->at.file,
                      d->at.line, d->at.col, d->span,
                      d->severity == WC_SEVERITY_ERROR ? "error" : "warning", d->code, d->msg);
        if (d->hint != NULL)
            wc_buf_printf(out, " (%s)", d->hint);
        if (d->related_label != NULL)
            wc_buf_printf(out, " [%s:%u:%u %s]", d->related.file == NULL ? "-" : d->related.file,
                          d->related.line, d->related.col, d->related_label);
        wc_buf_addc(out, '\n');
    }
    portable(out, g->dir);
}

/* Compares with (or, updating, writes) one expected file; "" means that it must not be there. */
static bool check_file(const struct golden *g, const char *name, struct wc_buf *got)
{
    char path[4096];
    struct wc_err err = { 0 };
    WC_CLEANUP_BUF struct wc_buf want = WC_BUF_INIT;
    snprintf(path, sizeof path, "%s/%s", g->dir, name);
    if (getenv("WC_UPDATE") != NULL) {
        remove(path);
        if (got->len != 0)
            assert_int_equal(wc_fs_write_atomic(path, got->data, got->len, 0644, false, &err), 0);
        return true;
    }
    if (wc_fs_read(path, 1 << 20, &want, &err) != 0)
        wc_buf_reset(&want);
    if (wc_streq(want.data, got->data))
        return true;
    fprintf(stderr, "%s/%s\n--- expected\n%s--- got\n%s---\n", g->dir, name, want.data, got->data);
    return false;
}

/* Runs a check over every case; fails at the end, so that one run shows all differences. */
static void each_case(bool (*check)(const char *name), size_t at_least)
{
    struct dirent **entries;
    size_t failed = 0, n = 0;
    int found = scandir(WC_SOURCE_DIR "/tests/golden/spec", &entries, NULL, alphasort);
    assert_true(found > 0);
    for (int i = 0; i < found; i++) {
        if (entries[i]->d_name[0] != '.') {
            n++;
            failed += check(entries[i]->d_name) ? 0 : 1;
        }
        free(entries[i]);
    }
    free(entries);
    assert_true(n >= at_least);
    assert_int_equal(failed, 0);
}

static bool check_golden(const char *name)
{
    struct golden g;
    WC_CLEANUP_BUF struct wc_buf json = WC_BUF_INIT, text = WC_BUF_INIT;
    load_case(&g, name);
    print_diags(&g, &text);
    if (g.project != NULL) {
        wc_spec_render(g.project, WC_RENDER_JSON, &json);
        portable(&json, g.dir);
    }
    bool same = check_file(&g, "expected.json", &json);
    same = check_file(&g, "expected.txt", &text) && same;
    end_case(&g);
    return same;
}

/* Loads rendered text again in the same directory. */
static struct wc_project *load_again(const struct golden *g, struct wc_arena *arena,
                                     const struct wc_buf *text, bool canonical)
{
    struct wc_diags diags;
    struct wc_project *project = NULL;
    struct wc_spec_options options = { .cwd = g->dir,
                                       .text = text->data,
                                       .text_len = text->len,
                                       .canonical = canonical,
                                       /* values of configs and secrets are not in the text */
                                       .environ = canonical ? NULL : g->options.environ,
                                       .only_shown = g->options.only_shown,
                                       .no_interpolate = g->options.no_interpolate,
                                       .no_path_resolution = g->options.no_path_resolution,
                                       .no_normalize = g->options.no_normalize,
                                       .no_consistency = g->options.no_consistency,
                                       .platform = g->options.platform,
                                       .profiles = (const char *const[]){ "*" },
                                       .n_profiles = canonical ? 0 : 1 };
    wc_diags_init(&diags, arena);
    wc_spec_load(&options, arena, &diags, &project);
    for (size_t i = 0; project == NULL && i < diags.n; i++)
        fprintf(stderr, "%s: %u:%u: %s\n", g->dir, diags.items[i].at.line, diags.items[i].at.col,
                diags.items[i].msg);
    return project;
}

static bool same_hashes(const struct wc_project *a, const struct wc_project *b)
{
    if (a->n_services != b->n_services)
        return false;
    for (size_t i = 0; i < a->n_services; i++)
        if (!wc_streq(a->services[i].spec_hash, b->services[i].spec_hash) ||
            !wc_streq(a->services[i].inplace_hash, b->services[i].inplace_hash) ||
            a->services[i].replicas != b->services[i].replicas ||
            a->services[i].restart != b->services[i].restart ||
            a->services[i].n_deps != b->services[i].n_deps ||
            a->services[i].trust != b->services[i].trust ||
            !wc_streq0(a->services[i].tenant, b->services[i].tenant))
            return false;
    return true;
}

enum form { YAML, JSON, WIRE };

static void render(const struct wc_project *project, enum form form, struct wc_buf *out)
{
    if (form == WIRE)
        wc_spec_render_wire(project, out);
    else
        wc_spec_render(project, form == JSON ? WC_RENDER_JSON : WC_RENDER_YAML, out);
}

static bool check_again(const char *name, enum form form)
{
    struct golden g;
    struct wc_arena arena;
    bool same = true;
    WC_CLEANUP_BUF struct wc_buf first = WC_BUF_INIT, second = WC_BUF_INIT;
    load_case(&g, name);
    wc_arena_init(&arena);
    bool only_printed = g.options.no_interpolate || g.options.no_normalize; /* never run */
    if (g.project != NULL && !(form == WIRE && only_printed)) {
        render(g.project, form, &first);
        struct wc_project *again = load_again(&g, &arena, &first, form == WIRE);
        if (again != NULL)
            render(again, form, &second);
        same = again != NULL && wc_streq(first.data, second.data) &&
               (g.options.no_interpolate || same_hashes(g.project, again));
        if (!same)
            fprintf(stderr, "%s\n--- first\n%s\n--- second\n%s\n---\n", g.dir, first.data,
                    second.data);
    }
    wc_arena_deinit(&arena);
    end_case(&g);
    return same;
}

static bool check_config_of_config(const char *name)
{
    return check_again(name, YAML);
}

static bool check_json_of_json(const char *name)
{
    return check_again(name, JSON);
}

static bool check_wire(const char *name)
{
    return check_again(name, WIRE);
}

static void golden(void **state)
{
    (void)state;
    each_case(check_golden, 60);
}

static void config_of_config_is_itself(void **state)
{
    (void)state;
    each_case(check_config_of_config, 60);
}

static void json_of_json_is_itself(void **state)
{
    (void)state;
    each_case(check_json_of_json, 60);
}

static void wire_round_trip(void **state)
{
    (void)state;
    each_case(check_wire, 60);
}

WC_MAIN(WC_CASE(golden), WC_CASE(config_of_config_is_itself), WC_CASE(json_of_json_is_itself),
        WC_CASE(wire_round_trip))
