/* fuzz_project.c - a whole project in memory: Compose files, .env, env files, what they include.
 *
 * The input is cut at lines "=== NAME": what follows is the file /p/NAME; what comes before the
 * first such line is /p/compose.yaml. The first byte of a "=== -f NAME" asks for the file by -f as
 * well. What must hold: no crash, no leak, no hang, and what fuzz_load.h says.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "fuzz_load.h"
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wc_arena arena;
    struct memory memory = { 0 };
    struct wc_spec_access access = { read_memory, memory_has, &memory };
    struct wc_spec_options options = fuzz_options("/p");
    wc_arena_init(&arena);
    split(&arena, &memory, (const char *)data, size);
    options.access = &access;
    options.files = memory.named;
    options.n_files = memory.n_named;
    struct wc_project *project = fuzz_load(&arena, &options);
    if (project !=
        NULL) { /* in the directory that it was printed from, whose .env was read with it */
        options.cwd = project->working_dir;
        options.n_files = 0;
        fuzz_come_back(&arena, options, project);
    }
    wc_arena_deinit(&arena);
    return 0;
}
