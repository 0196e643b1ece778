/* fuzz_project.c - a whole project in memory: Compose files, .env, env files, what they include.
 *
 * The input is cut at lines "=== NAME": what follows is the file /p/NAME; what comes before the
 * first such line is /p/compose.yaml. The first byte of a "=== -f NAME" asks for the file by -f as
 * well. What must hold: no crash, no leak, no hang; an error has a message and, where it names a
 * place of a file that was read, that place exists; a model's text forms load again to the same
 * hashes.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "wcompose/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_FILES = 12 };

struct memory_file {
    const char *path, *text;
    size_t len;
};

struct memory {
    struct memory_file files[MAX_FILES];
    size_t n;
    const char *named[MAX_FILES]; /* by -f */
    size_t n_named;
};

static const struct memory_file *find(const struct memory *memory, const char *path)
{
    for (size_t i = 0; i < memory->n; i++)
        if (strcmp(memory->files[i].path, path) == 0)
            return &memory->files[i];
    return NULL;
}

static int read_memory(void *data, const char *path, size_t limit, struct wc_buf *out,
                       struct wc_err *err)
{
    const struct memory_file *file = find(data, path);
    if (file == NULL)
        return wc_err_set(err, WC_ERR_NOENT, ENOENT, "open %s", path);
    if (file->len > limit)
        return wc_err_set(err, WC_ERR_LIMIT, 0, "%s is too large", path);
    wc_buf_add(out, file->text, file->len);
    return 0;
}

static bool memory_has(void *data, const char *path)
{
    return find(data, path) != NULL;
}

/* Takes "=== NAME" or "=== -f NAME"; gives the file's entry. */
static struct memory_file *begin_file(struct wc_arena *arena, struct memory *memory,
                                      const char *line, size_t len)
{
    bool named = len > 3 && memcmp(line, "-f ", 3) == 0;
    const char *name = wc_arena_strndup(arena, line + (named ? 3 : 0), len - (named ? 3 : 0));
    if (memory->n == MAX_FILES || *name == '\0')
        return NULL;
    struct memory_file *file = &memory->files[memory->n++];
    *file = (struct memory_file){ .path = wc_arena_printf(arena, "/p/%s", name) };
    if (named)
        memory->named[memory->n_named++] = file->path;
    return file;
}

static void split(struct wc_arena *arena, struct memory *memory, const char *text, size_t size)
{
    struct memory_file *file = begin_file(arena, memory, "compose.yaml", strlen("compose.yaml"));
    const char *end = text + size;
    file->text = text;
    for (const char *at = text; at < end && file != NULL;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *next = newline == NULL ? end : newline + 1;
        size_t len = (size_t)((newline == NULL ? end : newline) - at);
        if (len > 4 && memcmp(at, "=== ", 4) == 0) {
            file->len = (size_t)(at - file->text);
            file = begin_file(arena, memory, at + 4, len - 4);
            if (file != NULL)
                file->text = next;
        }
        at = next;
    }
    if (file != NULL)
        file->len = (size_t)(end - file->text);
}

/* Loads the files of the command line or, where text is given, that: in the directory of the
 * project that it was printed from, whose .env was read with it. */
static struct wc_project *load(struct wc_arena *arena, struct memory *memory,
                               const struct wc_buf *text, const char *cwd, bool canonical)
{
    static const char *const environ[] = { "A=1", "EMPTY=", "HOME=/p/home", NULL };
    static const char *const profiles[] = { "*" };
    struct wc_spec_access access = { read_memory, memory_has, memory };
    struct wc_spec_options options = { .cwd = cwd,
                                       .environ = environ,
                                       .profiles = profiles,
                                       .n_profiles = 1,
                                       .files = memory->named,
                                       .n_files = text == NULL ? memory->n_named : 0,
                                       .text = text == NULL ? NULL : text->data,
                                       .text_len = text == NULL ? 0 : text->len,
                                       .canonical = canonical,
                                       .access = &access };
    struct wc_diags diags;
    struct wc_project *project = NULL;
    wc_diags_init(&diags, arena);
    int rc = wc_spec_load(&options, arena, &diags, &project);
    if ((rc == 0) != (project != NULL) || (rc == 0) != (diags.n_errors == 0))
        abort();
    for (size_t i = 0; i < diags.n; i++) {
        size_t width;
        const struct wc_diag *diag = &diags.items[i];
        if (diag->msg == NULL || diag->msg[0] == '\0' || diag->code == NULL)
            abort();
        if (diag->at.line > 1 && diag->at.file != NULL &&
            wc_diags_line(&diags, diag->at.file, diag->at.line, &width) == NULL)
            abort();
    }
    return project;
}

static void must_equal(const struct wc_project *a, const struct wc_project *b, const char *text)
{
    bool same = b != NULL && a->n_services == b->n_services;
    for (size_t i = 0; same && i < a->n_services; i++)
        same = strcmp(a->services[i].spec_hash, b->services[i].spec_hash) == 0;
    if (same)
        return;
    fprintf(stderr, "not the same again:\n%s\n", text);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wc_arena arena;
    struct memory memory = { 0 };
    wc_arena_init(&arena);
    split(&arena, &memory, (const char *)data, size);
    struct wc_project *project = load(&arena, &memory, NULL, "/p", false);
    if (project != NULL) {
        struct wc_buf wire = WC_BUF_INIT, yaml = WC_BUF_INIT;
        wc_spec_render_wire(project, &wire);
        must_equal(project, load(&arena, &memory, &wire, project->working_dir, true), wire.data);
        wc_spec_render(project, WC_RENDER_YAML, &yaml);
        must_equal(project, load(&arena, &memory, &yaml, project->working_dir, false), yaml.data);
        wc_buf_deinit(&wire);
        wc_buf_deinit(&yaml);
    }
    wc_arena_deinit(&arena);
    return 0;
}
