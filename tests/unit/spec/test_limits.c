/* test_limits.c - small files that would grow, at once refused; every limit can be set.
 *
 * "At once" is measured in bytes handed out by the arena, as each node, text and map entry is in
 * them: a number that is the same on every machine, under every sanitizer.
 */
#include "harness/wc_test.h"

#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "spec/limits.h"
#include "wcompose/spec.h"

/* Generous: the sanitizers take ten times as long as a release, and machines are shared. */
static const double SECONDS_MAX = 12;

/* A project in memory: path and text of each file. */
struct memory {
    const char *path, *text;
    size_t len;
};

struct world {
    const struct memory *files;
    size_t n;
};

static const struct memory *find(const struct world *world, const char *path)
{
    for (size_t i = 0; i < world->n; i++)
        if (wc_streq(world->files[i].path, path))
            return &world->files[i];
    return NULL;
}

static int read_memory(void *data, const char *path, size_t limit, struct wc_buf *out,
                       struct wc_err *err)
{
    const struct memory *file = find(data, path);
    if (file == NULL)
        return wc_err_set(err, WC_ERR_NOENT, 0, "not there");
    if (file->len > limit)
        return wc_err_set(err, WC_ERR_LIMIT, 0, "too large");
    wc_buf_add(out, file->text, file->len);
    return 0;
}

static bool exists_memory(void *data, const char *path)
{
    return find(data, path) != NULL;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* What a case may cost: MiB of arena. */
enum { LITTLE = 1, AS_READ = 160, ANY = 400 };

/* Loads /p with `limits` and wants E105 that names `limit` ("": wants no E105), after at most `mib`
 * of work. */
static void must_stop(const struct memory *files, size_t n, const char *limits, const char *limit,
                      size_t mib)
{
    struct world world = { files, n };
    struct wc_spec_access access = { read_memory, exists_memory, &world };
    struct wc_spec_options options = { .cwd = "/p", .access = &access };
    struct wc_arena arena;
    struct wc_diags diags;
    struct wc_project *project = NULL;
    struct wc_err err = { 0 };
    bool found = false;
    assert_int_equal(wc_spec_limits_parse(limits, &options.limits, &err), 0);
    wc_arena_init(&arena);
    wc_diags_init(&diags, &arena);
    double start = seconds();
    wc_spec_load(&options, &arena, &diags, &project);
    double took = seconds() - start;
    char want[64];
    snprintf(want, sizeof want, "--limit %s=N", limit);
    for (size_t i = 0; i < diags.n; i++) {
        const struct wc_diag *d = &diags.items[i];
        if (!wc_streq(d->code, "E105"))
            continue;
        assert_true(limit[0] != '\0' && d->at.file != NULL);
        found = found || strstr(d->hint, want) != NULL;
    }
    if (found != (limit[0] != '\0') || took > SECONDS_MAX)
        fail_msg("'%s' '%s': found %d, %.2f s, %zu bytes: %s", limits, limit, found, took,
                 arena.total, diags.n > 0 ? diags.items[0].msg : "");
    if (arena.total > mib << 20)
        fail_msg("'%s' '%s': %zu KiB of work", limits, limit, arena.total >> 10);
    wc_arena_deinit(&arena);
}

static void one_file(const struct wc_buf *text, const char *limits, const char *limit, size_t mib)
{
    struct memory file = { "/p/compose.yaml", text->data, text->len };
    must_stop(&file, 1, limits, limit, mib);
}

static void add_good(struct wc_buf *out)
{
    wc_buf_adds(out, "services: {web: {image: nginx}}\n");
}

static void nested_aliases(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    wc_buf_adds(&text, "x-0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 30; i++)
        wc_buf_printf(&text, "x-%d: &a%d [*a%d, *a%d, *a%d, *a%d]\n", i, i, i - 1, i - 1, i - 1,
                      i - 1);
    add_good(&text);
    one_file(&text, "", "copy-ratio", LITTLE);
    one_file(&text, "copy-ratio=1000000", "alias-nodes", LITTLE);
}

static void merge_keys_nested(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    wc_buf_adds(&text, "x-0: &a0 {k0: [a, b, c, d, e, f]}\n");
    for (int i = 1; i < 40; i++)
        wc_buf_printf(&text, "x-%d: &a%d {<<: *a%d, k%d: *a%d}\n", i, i, i - 1, i, i - 1);
    add_good(&text);
    one_file(&text, "", "copy-ratio", LITTLE);
    one_file(&text, "copy-ratio=1000000", "alias-nodes", LITTLE);
}

/* One long text by many aliases would be as much as many nodes. */
static void long_text_by_aliases(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    wc_buf_adds(&text, "x-a: &a ");
    for (int i = 0; i < 100000; i++)
        wc_buf_adds(&text, "0123456789");
    wc_buf_adds(&text, "\nx-b: [");
    for (int i = 0; i < 50000; i++)
        wc_buf_adds(&text, "*a ,");
    wc_buf_adds(&text, "]\n");
    add_good(&text);
    one_file(&text, "", "copy-ratio", 4);
}

static void deep_nesting(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf flow = WC_BUF_INIT, lines = WC_BUF_INIT, block = WC_BUF_INIT;
    for (int i = 0; i < 1000000; i++) {
        wc_buf_addc(&flow, '[');
        wc_buf_adds(&lines, i % 2 == 0 ? "[\n" : "{a:\n");
        wc_buf_adds(&block, "- ");
    }
    one_file(&flow, "", "depth", 6);
    one_file(&lines, "", "depth", 6);
    one_file(&block, "", "depth", 6);
}

static void many_values(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    wc_buf_adds(&text, "x-a: [");
    for (int i = 0; i < 1010000; i++)
        wc_buf_adds(&text, "a,");
    wc_buf_adds(&text, "]\n");
    add_good(&text);
    one_file(&text, "", "nodes", AS_READ);
    one_file(&text, "nodes=1000", "nodes", 6);
    one_file(&text, "file-bytes=1k", "file-bytes", LITTLE);
    wc_buf_reset(&text);
    wc_buf_adds(&text, "services:\n");
    for (int i = 0; i < 30; i++)
        wc_buf_printf(&text, "  s%d: {image: x}\n", i);
    one_file(&text, "services=29", "services", LITTLE);
    one_file(&text, "services=30", "", LITTLE);
    one_file(&text, "key-bytes=7", "key-bytes", LITTLE);
    one_file(&text, "files=1", "", LITTLE);
}

/* Each variable holds the one before many times: by .env, and by values. */
static void growing_variables(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf env = WC_BUF_INIT, wide = WC_BUF_INIT, uses = WC_BUF_INIT;
    wc_buf_adds(&env, "A0=xxxxxxxxxx\n");
    for (int i = 1; i < 40; i++)
        wc_buf_printf(&env, "A%d=$A%d$A%d$A%d$A%d\n", i, i - 1, i - 1, i - 1, i - 1);
    static const char compose[] = "services: {web: {image: nginx, command: [\"$A39\"]}}\n";
    struct memory files[] = { { "/p/compose.yaml", compose, sizeof compose - 1 },
                              { "/p/.env", env.data, env.len } };
    must_stop(files, 2, "", "value-bytes", 4);

    wc_buf_adds(&wide, "A=");
    for (int i = 0; i < 1000; i++)
        wc_buf_adds(&wide, "0123456789");
    for (int i = 0; i < 50000; i++)
        wc_buf_printf(&wide, "\nB%d=$A$A$A$A", i);
    files[1] = (struct memory){ "/p/.env", wide.data, wide.len };
    must_stop(files, 2, "", "expanded-bytes", 70);
    must_stop(files, 2, "expanded-bytes=1m", "expanded-bytes", 5);
    must_stop(files, 2, "variables=100", "variables", 9);

    wc_buf_adds(&uses, "services: {web: {image: nginx, command: [");
    for (int i = 0; i < 50000; i++)
        wc_buf_adds(&uses, "\"$A$A\",");
    wc_buf_adds(&uses, "]}}\n");
    struct memory used[] = { { "/p/compose.yaml", uses.data, uses.len },
                             { "/p/.env", wide.data, 10002 } };
    must_stop(used, 2, "", "expanded-bytes", AS_READ);
}

static void many_files(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    wc_buf_adds(&text, "services: {web: {image: nginx, env_file: [");
    for (int i = 0; i < 2000; i++)
        wc_buf_adds(&text, "a.env,");
    wc_buf_adds(&text, "]}}\n");
    struct memory files[] = { { "/p/compose.yaml", text.data, text.len },
                              { "/p/a.env", "A=1\n", 4 } };
    must_stop(files, 2, "", "", 6);
    must_stop(files, 2, "files=100", "files", 4);
    must_stop(files, 2, "total-bytes=15000", "total-bytes", 4);
    must_stop(files, 2, "env-lines=1999", "env-lines", 4);
    must_stop(files, 2, "env-lines=2000", "", 6);
}

/* An env file of many lines for many services: what it comes to is known before a line is read. */
static void one_file_for_many(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT, env = WC_BUF_INIT;
    wc_buf_adds(&text, "services:\n");
    for (int i = 0; i < 600; i++)
        wc_buf_printf(&text, "  s%d: {image: x, env_file: a.env, label_file: a.env}\n", i);
    for (int i = 0; i < 3000; i++)
        wc_buf_printf(&env, "A%d=1234567890123456789012345678901234567890\n", i);
    struct memory files[] = { { "/p/compose.yaml", text.data, text.len },
                              { "/p/a.env", env.data, env.len } };
    must_stop(files, 2, "", "env-lines", 6);
    must_stop(files, 2, "env-lines=10000000", "total-bytes", 6);
}

static void ranges_of_ports(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    wc_buf_adds(&text, "services:\n");
    for (int i = 0; i < 100; i++)
        wc_buf_printf(&text, "  s%d: {image: x, ports: ['1-65535:1-65535']}\n", i);
    one_file(&text, "", "nodes", AS_READ);
    one_file(&text, "nodes=10000", "nodes", LITTLE);
}

/* A large base for many services; and services each of which extends the next. */
static void extensions(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT, chain = WC_BUF_INIT;
    wc_buf_adds(&text, "services:\n  base: {image: x, labels: {");
    for (int i = 0; i < 1000; i++)
        wc_buf_printf(&text, "k%d: 1, ", i);
    wc_buf_adds(&text, "}}\n");
    for (int i = 0; i < 2000; i++)
        wc_buf_printf(&text, "  s%d: {extends: base, labels: {a: b}}\n", i);
    one_file(&text, "", "copy-ratio", AS_READ);
    one_file(&text, "extends-nodes=20000", "extends-nodes", 16);
    wc_buf_adds(&chain, "services:\n");
    for (int i = 0; i < 2000; i++)
        wc_buf_printf(&chain, "  s%d: {image: x, extends: s%d}\n", i, i + 1);
    wc_buf_adds(&chain, "  s2000: {image: x}\n");
    one_file(&chain, "", "extends-chain", 6);
    one_file(&chain, "extends-chain=9", "extends-chain", 6);
}

/* One file many times; files that include each other's files many times; files in a row. */
static void inclusions(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf many = WC_BUF_INIT, big = WC_BUF_INIT;
    wc_buf_adds(&many, "include: [");
    for (int i = 0; i < 900; i++)
        wc_buf_adds(&many, "big.yaml,");
    wc_buf_adds(&many, "]\n");
    wc_buf_adds(&big, "services:\n");
    for (int i = 0; i < 1000; i++)
        wc_buf_printf(&big, "  s%d: {image: x}\n", i);
    struct memory twice[] = { { "/p/compose.yaml", many.data, many.len },
                              { "/p/big.yaml", big.data, big.len } };
    must_stop(twice, 2, "", "include-nodes", AS_READ);
    must_stop(twice, 2, "include-nodes=3000", "include-nodes", 12);
    must_stop(twice, 2, "includes=2", "includes", 12);
    char names[60][16], texts[60][64];
    struct memory tree[60];
    for (int i = 0; i < 60; i++) {
        int step = i == 59 ? i : i + 1;
        snprintf(names[i], sizeof names[i], i == 0 ? "/p/compose.yaml" : "/p/%d.yaml", i);
        snprintf(texts[i], sizeof texts[i],
                 i == 59 ? "services: {a: {image: x}}\n" : "include: [%d.yaml, %d.yaml]\n", step,
                 step);
        tree[i] = (struct memory){ names[i], texts[i], strlen(texts[i]) };
    }
    must_stop(tree, 60, "", "include-depth", LITTLE);
    must_stop(tree, 60, "include-depth=100", "includes", 16);
}

/* What is big because it was written big loads: ten thousand services over one anchor, or one base,
 * of twenty keys and some. */
static void large_project(const char *brings)
{
    static const char base[] =
        "{image: x, restart: always, init: true, tty: true, user: u, hostname: h, mem_limit: 1g, "
        "cpus: 1.5, shm_size: 1m, pids_limit: 9, stop_signal: SIGTERM, stop_grace_period: 10s, "
        "working_dir: /w, oom_score_adj: 10, environment: {A: b, C: d, E: f, G: h}, labels: {a: "
        "b, c: d}, logging: {driver: json-file, options: {max-size: 10m}}, domainname: d, "
        "stdin_open: true, read_only: true, extra_hosts: [a:1.1.1.1], dns: [1.1.1.1]}";
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    wc_buf_printf(&text, "x-base: &base %s\nservices:\n  base: %s\n", base, base);
    for (int i = 0; i < 10000; i++)
        wc_buf_printf(&text, "  s%d: {%s, command: run %d}\n", i, brings, i);
    one_file(&text, "", "", ANY);
}

static void large_project_by_anchor(void **state)
{
    (void)state;
    large_project("<<: *base");
}

static void large_project_by_extends(void **state)
{
    (void)state;
    large_project("extends: base");
}

/* A hundred thousand mistakes of each kind: all counted, in time that stays linear. */
static void many_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after;
    } lines[] = { { "    unknown", ": 1\n" },
                  { "    image: a", "\n" },
                  { "    deploy", ": [x]\n" } };
    for (size_t kind = 0; kind < WC_COUNT(lines); kind++) {
        WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
        wc_buf_adds(&text, "services:\n  web:\n    image: nginx\n");
        for (int i = 0; i < 100000; i++)
            wc_buf_printf(&text, "%s%d%s", lines[kind].before, i, lines[kind].after);
        one_file(&text, "", "", ANY);
    }
    WC_CLEANUP_BUF struct wc_buf deps = WC_BUF_INIT, line = WC_BUF_INIT;
    wc_buf_adds(&deps, "services:\n");
    for (int i = 0; i < 5000; i++)
        wc_buf_printf(&deps, "  s%d: {image: x, depends_on: [t%d], networks: [n%d]}\n", i, i, i);
    one_file(&deps, "", "", ANY);
    wc_buf_adds(&line, "services: {web: {image: nginx, command: [");
    for (int i = 0; i < 100000; i++)
        wc_buf_printf(&line, "\"${%d}\",\"$U%d\",", i, i);
    wc_buf_adds(&line, "]}}\n");
    one_file(&line, "", "", ANY);
}

static void names_and_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } rows[] = {
        { "nods=5", "did you mean 'nodes'" },
        { "nodes", "written NAME=N" },
        { "nodes=", "from 1 to" },
        { "nodes=0", "from 1 to" },
        { "nodes=-1", "from 1 to" },
        { "depth=100000", "from 1 to 200" },
        { "depth=50,,nodes=5", "written NAME=N" },
        { "a-name-that-is-much-too-long-for-any-limit=1", "written NAME=N" },
    };
    struct wc_spec_limits limits = { 0 };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct wc_err err = { 0 };
        assert_int_equal(wc_spec_limits_parse(rows[i].text, &limits, &err), WC_ERR_USAGE);
        if (strstr(err.msg, rows[i].why) == NULL)
            fail_msg("'%s': %s", rows[i].text, err.msg);
    }
    assert_int_equal(wc_spec_limits_parse("file-bytes=20m,depth=60", &limits, NULL), 0);
    assert_int_equal(limits.file_bytes, 20 << 20);
    assert_int_equal(limits.depth, 60);
}

static void limits_are_documented(void **state)
{
    (void)state;
    static const char begin[] = "<!-- limits -->\n", end[] = "<!-- end of limits -->\n";
    static const char path[] = WC_SOURCE_DIR "/docs/limits.md";
    WC_CLEANUP_BUF struct wc_buf file = WC_BUF_INIT, want = WC_BUF_INIT;
    struct wc_err err = { 0 };
    assert_int_equal(wc_fs_read(path, 1 << 20, &file, &err), 0);
    const char *from = strstr(file.data, begin), *to = strstr(file.data, end);
    assert_true(from != NULL && to != NULL && from < to);
    wc_buf_add(&want, file.data, (size_t)(from - file.data) + sizeof begin - 1);
    wc_buf_addc(&want, '\n');
    wc_limits_markdown(&want);
    wc_buf_addc(&want, '\n');
    wc_buf_adds(&want, to);
    if (getenv("WC_UPDATE") != NULL)
        assert_int_equal(wc_fs_write_atomic(path, want.data, want.len, 0644, false, &err), 0);
    else
        assert_string_equal(file.data, want.data);
}

WC_MAIN(WC_CASE(nested_aliases), WC_CASE(merge_keys_nested), WC_CASE(long_text_by_aliases),
        WC_CASE(deep_nesting), WC_CASE(many_values), WC_CASE(growing_variables),
        WC_CASE(many_files), WC_CASE(one_file_for_many), WC_CASE(ranges_of_ports),
        WC_CASE(extensions), WC_CASE(inclusions), WC_CASE(large_project_by_anchor),
        WC_CASE(large_project_by_extends), WC_CASE(many_mistakes), WC_CASE(names_and_numbers),
        WC_CASE(limits_are_documented))
