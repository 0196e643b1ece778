/* test_pipeline.c - several files in memory: what is read, how often, in which order, how much, and
 * what comes of it when a read fails.
 */
#include "harness/wc_test.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "wcompose/spec.h"

enum { FILES = 128 };

struct memory {
    const char *path[FILES], *text[FILES];
    size_t n;
    size_t n_reads, fail_at; /* the read with this number fails; 0: none */
    struct wc_buf log;       /* paths in the order of reading */
};

struct run {
    struct memory memory;
    struct wc_arena arena;
    struct wc_diags diags;
    struct wc_project *project;
};

static int read_memory(void *data, const char *path, size_t limit, struct wc_buf *out,
                       struct wc_err *err)
{
    struct memory *memory = data;
    (void)limit;
    memory->n_reads++;
    wc_buf_printf(&memory->log, "%s ", path);
    if (memory->n_reads == memory->fail_at)
        return wc_err_set(err, WC_ERR_IO, EIO, "read %s", path);
    for (size_t i = 0; i < memory->n; i++) {
        if (!wc_streq(memory->path[i], path))
            continue;
        wc_buf_adds(out, memory->text[i]);
        return 0;
    }
    return wc_err_set(err, WC_ERR_NOENT, ENOENT, "open %s", path);
}

static bool memory_has(void *data, const char *path)
{
    const struct memory *memory = data;
    for (size_t i = 0; i < memory->n; i++)
        if (wc_streq(memory->path[i], path))
            return true;
    return false;
}

static void add(struct run *run, const char *path, const char *text)
{
    assert_true(run->memory.n < FILES);
    run->memory.path[run->memory.n] = path;
    run->memory.text[run->memory.n++] = text;
}

static int load(struct run *run, const char *service)
{
    struct wc_spec_access access = { read_memory, memory_has, &run->memory };
    struct wc_spec_options options = {
        .cwd = "/p", .services = &service, .n_services = service == NULL ? 0 : 1, .access = &access
    };
    run->memory.n_reads = 0;
    wc_buf_reset(&run->memory.log);
    wc_arena_init(&run->arena);
    wc_diags_init(&run->diags, &run->arena);
    run->project = NULL;
    return wc_spec_load(&options, &run->arena, &run->diags, &run->project);
}

static void unload(struct run *run)
{
    wc_arena_deinit(&run->arena);
}

static void end(struct run *run)
{
    unload(run);
    wc_buf_deinit(&run->memory.log);
}

static void must_load(struct run *run)
{
    int rc = load(run, NULL);
    for (size_t i = 0; i < run->diags.n; i++)
        fprintf(stderr, "%s:%u:%u: %s\n", run->diags.items[i].at.file, run->diags.items[i].at.line,
                run->diags.items[i].at.col, run->diags.items[i].msg);
    assert_int_equal(rc, 0);
}

static bool has_code(const struct run *run, const char *code)
{
    for (size_t i = 0; i < run->diags.n; i++)
        if (wc_streq(run->diags.items[i].code, code))
            return true;
    return false;
}

/* A project that reads from every door there is. */
static void everything(struct run *run)
{
    *run = (struct run){ 0 };
    add(run, "/p/compose.yaml",
        "include: [inc/compose.yaml, {path: [b.yaml, c.yaml], env_file: b.env}]\n"
        "services:\n"
        "  web: {extends: {file: base/base.yaml, service: base}, label_file: l.env}\n");
    add(run, "/p/compose.override.yaml", "services: {web: {hostname: \"${H}\"}}\n");
    add(run, "/p/.env", "H=host\n");
    add(run, "/p/l.env", "l=1\n");
    add(run, "/p/inc/compose.yaml", "services: {one: {image: \"${I}\"}}\n");
    add(run, "/p/inc/.env", "I=one\n");
    add(run, "/p/b.yaml", "services: {two: {image: \"${B}\"}}\n");
    add(run, "/p/c.yaml", "services: {two: {hostname: c}}\n");
    add(run, "/p/b.env", "B=two\n");
    add(run, "/p/base/base.yaml", "services: {base: {image: base, env_file: e.env}}\n");
    add(run, "/p/base/e.env", "E=1\n");
}

static void each_file_is_read_once(void **state)
{
    struct run run;
    (void)state;
    everything(&run);
    must_load(&run);
    assert_int_equal(run.project->n_services, 3);
    assert_string_equal(run.project->services[0].image, "one");
    assert_string_equal(run.project->services[1].hostname, "c");
    assert_string_equal(run.project->services[2].hostname, "host");
    assert_string_equal(run.memory.log.data,
                        "/p/.env /p/compose.yaml /p/compose.override.yaml /p/inc/compose.yaml "
                        "/p/inc/.env /p/b.yaml /p/c.yaml /p/b.env /p/base/base.yaml /p/base/e.env "
                        "/p/l.env ");
    end(&run);
}

/* Whatever can't be read: an error that names it, no model, no crash. */
static void any_read_may_fail(void **state)
{
    struct run run;
    (void)state;
    everything(&run);
    must_load(&run);
    size_t n = run.memory.n_reads;
    unload(&run);
    for (size_t i = 1; i <= n; i++) {
        run.memory.fail_at = i;
        assert_int_not_equal(load(&run, NULL), 0);
        assert_true(has_code(&run, "E108"));
        assert_null(run.project);
        unload(&run);
    }
    wc_buf_deinit(&run.memory.log);
}

static void files_of_unselected_services_stay_closed(void **state)
{
    struct run run;
    (void)state;
    everything(&run);
    assert_int_equal(load(&run, "one"), 0);
    assert_null(strstr(run.memory.log.data, "l.env"));
    assert_null(strstr(run.memory.log.data, "e.env"));
    end(&run);
}

/* n lines: in each, "#" is its number and "@" the next one. */
static void repeat(struct wc_buf *out, const char *line, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        for (const char *p = line; *p != '\0'; p++) {
            if (*p == '#' || *p == '@')
                wc_buf_printf(out, "%u", *p == '#' ? i : i + 1);
            else
                wc_buf_addc(out, *p);
        }
    }
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double time_of(const char *compose, const char *base, const char *code)
{
    struct run run = { 0 };
    add(&run, "/p/compose.yaml", compose);
    add(&run, "/p/base.yaml", base);
    double before = seconds();
    int rc = load(&run, NULL);
    double took = seconds() - before;
    if (code == NULL)
        assert_int_equal(rc, 0);
    else
        assert_true(has_code(&run, code));
    end(&run);
    return took;
}

/* Ten times the services over one base take about ten times the time. */
static void extending_is_linear(void **state)
{
    static const char base[] = "services: {base: {image: a, environment: {A: 1, B: 2}}}\n";
    static const char line[] = "  s#: {extends: {file: base.yaml, service: base}, hostname: h#}\n";
    double took[2];
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
        wc_buf_adds(&text, "services:\n");
        repeat(&text, line, i == 0 ? 500 : 5000);
        took[i] = time_of(text.data, base, NULL);
    }
    assert_true(took[1] < took[0] * 40 + 0.1);
}

static void chains_are_bounded(void **state)
{
    WC_CLEANUP_BUF struct wc_buf fine = WC_BUF_INIT, over = WC_BUF_INIT;
    (void)state;
    wc_buf_adds(&fine, "services:\n  s400: {image: a}\n");
    repeat(&fine, "  s#: {extends: s@, environment: {A: 1}}\n", 400);
    wc_buf_adds(&over, "services:\n  s9000: {image: a}\n");
    repeat(&over, "  s#: {extends: s@}\n", 9000);
    time_of(fine.data, "", NULL);
    time_of(over.data, "", "E105");
}

/* Many services that copy a large one. */
static void copies_are_bounded(void **state)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    (void)state;
    wc_buf_adds(&text, "services:\n");
    repeat(&text, "  s#: {extends: big, environment: {B: b#}}\n", 5000);
    wc_buf_adds(&text, "  big:\n    image: a\n    environment:\n");
    repeat(&text, "      V#: v#\n", 20000);
    assert_true(time_of(text.data, "", "E105") < 20);
}

/* Each file includes the next twice: 2^20 inclusions by their number alone. */
static void inclusions_are_bounded(void **state)
{
    struct run run = { 0 };
    char text[40][64], path[40][64];
    (void)state;
    add(&run, "/p/compose.yaml", "include: [i0.yaml]\nservices: {a: {image: a}}\n");
    for (unsigned i = 0; i < 20; i++) {
        snprintf(path[i], sizeof path[i], "/p/i%u.yaml", i);
        snprintf(text[i], sizeof text[i], "include: [i%u.yaml, i%u.yaml]\n", i + 1, i + 1);
        add(&run, path[i], i == 19 ? "services: {z: {image: z}}\n" : text[i]);
    }
    assert_int_not_equal(load(&run, NULL), 0);
    assert_true(has_code(&run, "E105"));
    end(&run);
}

static void inclusions_are_not_too_deep(void **state)
{
    struct run run = { 0 };
    char text[60][64], path[60][64];
    (void)state;
    add(&run, "/p/compose.yaml", "include: [i0.yaml]\nservices: {a: {image: a}}\n");
    for (unsigned i = 0; i < 60; i++) {
        snprintf(path[i], sizeof path[i], "/p/i%u.yaml", i);
        snprintf(text[i], sizeof text[i], "include: [i%u.yaml]\n", i + 1);
        add(&run, path[i], i == 59 ? "services: {z: {image: z}}\n" : text[i]);
    }
    assert_int_not_equal(load(&run, NULL), 0);
    assert_true(has_code(&run, "E105"));
    end(&run);
}

/* What is wrong in a file that was brought in says by what. */
static void origins_are_named(void **state)
{
    struct run run = { 0 };
    (void)state;
    add(&run, "/p/compose.yaml",
        "include:\n  - sub/i.yaml\nservices:\n  a: {extends: {file: e.yaml, service: b}}\n");
    add(&run, "/p/sub/i.yaml", "services: {x: {image: x, networks: [gone]}}\n");
    add(&run, "/p/e.yaml", "services: {b: {image: b, prots: []}}\n");
    assert_int_not_equal(load(&run, NULL), 0);
    assert_int_equal(run.diags.n, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct wc_diag *d = &run.diags.items[i];
        bool inside = wc_streq(d->at.file, "sub/i.yaml");
        assert_string_equal(d->related.file, "compose.yaml");
        assert_int_equal(d->related.line, inside ? 2 : 4);
        assert_string_equal(d->related_label, inside ? "included here" : "extended here");
    }
    end(&run);
}

WC_MAIN(WC_CASE(each_file_is_read_once), WC_CASE(any_read_may_fail),
        WC_CASE(files_of_unselected_services_stay_closed), WC_CASE(extending_is_linear),
        WC_CASE(chains_are_bounded), WC_CASE(copies_are_bounded), WC_CASE(inclusions_are_bounded),
        WC_CASE(inclusions_are_not_too_deep), WC_CASE(origins_are_named))
