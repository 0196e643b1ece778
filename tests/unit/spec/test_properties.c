/* test_properties.c - what must hold for any input, on inputs made from a fixed seed.
 *
 * Idea: trees of one service are made from short texts for each merge rule (MERGED below); a
 * failure prints the texts, so that it can be turned into a golden case. That canonical text loads
 * to itself is checked in test_golden.c over all golden cases.
 */
#include "harness/wc_test.h"

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "spec/interpolate.h"
#include "spec/load.h"
#include "spec/merge.h"
#include "spec/table.h"
#include "wcompose/spec.h"

enum { TREES = 1000, TEXTS = 20000, CHOICES = 6 };

/* A small generator, the same everywhere. */
struct dice {
    uint64_t state;
};

static uint32_t roll(struct dice *dice, uint32_t sides)
{
    dice->state = dice->state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(dice->state >> 33) % sides;
}

/* An attribute and values of it that meet: same keys, same idents, repeats, null. Every merge rule
 * is here but DRIVER: whether options are joined depends on what both sides say of the driver, so
 * the order of merging shows. */
struct merged {
    const char *key;
    const char *values[CHOICES];
};

static const struct merged merged[] = {
    { "hostname", { "a", "b", "c", "" } },
    { "command", { "[a, b]", "c d", "", "[]" } },
    { "environment", { "{A: '1', B: '2'}", "[A=3, C]", "{B: , D: 4}", "[]", "" } },
    { "labels", { "[a=1, b]", "{b: 2, c: }", "{a: x}", "" } },
    { "cap_add", { "[A, B]", "[B, C]", "[C, A]", "[]", "" } },
    { "dns", { "1.1.1.1", "[2.2.2.2, 1.1.1.1]", "[3.3.3.3]" } },
    { "expose", { "[80, '81']", "['81', 82]", "['80-82']" } },
    { "security_opt", { "[a, b]", "[b, c]", "[a]" } },
    { "tmpfs", { "/a", "['/a:size=1m', /b]", "[/b, /c]" } },
    { "ports", { "['80:80', 90]", "['80:80/udp', '90']", "['1.2.3.4:80:80', '80:80']", "" } },
    { "volumes", { "['./a:/a', './b:/b']", "['./c:/a:ro', '/d']", "[{type: tmpfs, target: /b}]" } },
    { "devices", { "[/dev/a]", "['/dev/b:/dev/a', /dev/c]", "['/dev/c:/dev/c:r']" } },
    { "extra_hosts", { "['a=1.1.1.1']", "{a: 2.2.2.2, b: 3.3.3.3}", "['b=3.3.3.3', 'c=::1']" } },
    { "ulimits", { "{nofile: 5}", "{nofile: {soft: 1, hard: 2}, core: 0}", "{nproc: 7}" } },
    { "networks",
      { "[n, m]", "{n: {aliases: [a, b]}}", "{n: {aliases: [b, c], priority: 1}, o: }" } },
    { "depends_on",
      { "[p, q]", "{p: {condition: service_healthy, restart: true}}",
        "{p: {condition: service_started, required: false}, r: {}}" } },
    { "healthcheck",
      { "{test: [CMD, a], interval: 1s}", "{test: b, retries: 2}", "{interval: 3s}" } },
    { "deploy",
      { "{replicas: 2, labels: [a=1]}", "{resources: {limits: {memory: 5m, cpus: '1'}}}",
        "{labels: {a: 2}, resources: {limits: {memory: 6m}, reservations: {memory: 1m}}}" } },
    { "build", { ".", "{context: a, args: {A: 1}}", "{args: [A=2, B], target: t}", "" } },
    { "env_file", { "a", "[b, {path: a, required: false}]", "[{path: c, format: raw}]" } },
    { "configs", { "[a]", "[{source: b, target: /a}]", "[{source: c, target: /a}, b]" } },
    { "secrets", { "[a]", "[{source: b, target: /x}]", "[{source: c, target: /x}, a]" } },
    { "sysctls", { "{a: 1}", "[a=2, b=3]", "{c: 4}" } },
    { "profiles", { "[a, b]", "[b, c]", "[]" } },
    { "x-any", { "{a: 1, b: [1]}", "{b: [2], c: 3}", "text", "[1]" } },
};

static struct wc_load start_load(struct wc_arena *arena, struct wc_diags *diags,
                                 const struct wc_spec_options *options)
{
    struct wc_load load = { .arena = arena, .diags = diags, .options = options };
    wc_arena_init(arena);
    wc_diags_init(diags, arena);
    wc_map_init(&load.env, arena);
    wc_map_init(&load.warned, arena);
    load.budget = wc_budget_make(NULL);
    load.project_dir = "/p";
    return load;
}

/* Some of the first `most` attributes, with values by chance. */
static void write_tree(struct dice *dice, struct wc_buf *out, size_t most)
{
    for (size_t i = 0; i < most; i++) {
        size_t n = 0;
        while (n < CHOICES && merged[i].values[n] != NULL)
            n++;
        if (roll(dice, 3) != 0)
            wc_buf_printf(out, "%s: %s\n", merged[i].key,
                          merged[i].values[roll(dice, (uint32_t)n)]);
    }
    if (out->len == 0)
        wc_buf_adds(out, "{}\n");
}

/* The long form of a service that is written as a document of its own. */
static struct wc_node *read_tree(struct wc_load *load, const struct wc_buf *text)
{
    static const struct wc_where where = { .name = "tree" };
    struct wc_text source = { text->data, text->len };
    struct wc_documents documents = { 0 };
    if (!wc_node_parse(load->arena, load->diags, "tree", &source, &load->budget, &documents))
        fail_msg("not a tree:\n%s", text->data);
    struct wc_node *tree = wc_canon_section(load, &wc_table_service, documents.roots[0], &where);
    if (load->diags->n_errors != 0)
        fail_msg("%s:\n%s", load->diags->items[0].msg, text->data);
    return wc_merge_section(load, &wc_table_service, NULL, tree, &where);
}

static struct wc_node *merge(struct wc_load *load, struct wc_node *base, struct wc_node *over)
{
    static const struct wc_where where = { .name = "tree" };
    return wc_merge_section(load, &wc_table_service, base, over, &where);
}

static void check_associative(struct wc_load *load, struct wc_buf texts[3])
{
    struct wc_node *trees[3];
    for (int i = 0; i < 3; i++)
        trees[i] = read_tree(load, &texts[i]);
    struct wc_node *left = merge(load, merge(load, trees[0], trees[1]), trees[2]);
    struct wc_node *right = merge(load, trees[0], merge(load, trees[1], trees[2]));
    if (load->diags->n_errors == 0 && !wc_node_equal(left, right))
        for (size_t i = 0; i < WC_COUNT(merged); i++) {
            const struct wc_node *a = wc_node_get(left, merged[i].key);
            const struct wc_node *b = wc_node_get(right, merged[i].key);
            if ((a == NULL) != (b == NULL) || (a != NULL && !wc_node_equal(a, b)))
                fail_msg("'%s' depends on the order of merging:\n--\n%s--\n%s--\n%s", merged[i].key,
                         texts[0].data, texts[1].data, texts[2].data);
        }
}

static void merge_is_associative(void **state)
{
    (void)state;
    static const struct wc_spec_options options = { .cwd = "/p", .only_shown = true };
    struct dice dice = { 3 };
    for (int i = 0; i < TREES; i++) {
        struct wc_arena arena;
        struct wc_diags diags;
        struct wc_buf texts[3] = { WC_BUF_INIT, WC_BUF_INIT, WC_BUF_INIT };
        struct wc_load load = start_load(&arena, &diags, &options);
        for (int j = 0; j < 3; j++)
            write_tree(&dice, &texts[j], WC_COUNT(merged));
        check_associative(&load, texts);
        for (int j = 0; j < 3; j++)
            wc_buf_deinit(&texts[j]);
        wc_arena_deinit(&arena);
    }
}

/* A tree over itself says nothing new, but in extensions, whose lists grow. */
static void merge_with_itself_changes_nothing(void **state)
{
    (void)state;
    static const struct wc_spec_options options = { .cwd = "/p", .only_shown = true };
    struct dice dice = { 5 };
    for (int i = 0; i < TREES; i++) {
        struct wc_arena arena;
        struct wc_diags diags;
        struct wc_buf text = WC_BUF_INIT;
        struct wc_load load = start_load(&arena, &diags, &options);
        write_tree(&dice, &text, WC_COUNT(merged) - 1);
        struct wc_node *tree = read_tree(&load, &text);
        if (!wc_node_equal(merge(&load, tree, tree), tree))
            fail_msg("not the same over itself:\n%s", text.data);
        wc_buf_deinit(&text);
        wc_arena_deinit(&arena);
    }
}

static const char *never(void *data, const char *name)
{
    (void)data;
    fail_msg("'%s' was looked up in a text without $", name);
    return NULL;
}

static void text_without_dollar_stays(void **state)
{
    (void)state;
    struct dice dice = { 7 };
    struct wc_template_env env = { .get = never };
    for (int i = 0; i < TEXTS; i++) {
        char text[64];
        size_t len = roll(&dice, sizeof text);
        struct wc_template_fault why;
        WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
        for (size_t j = 0; j < len; j++) {
            char c = (char)(1 + roll(&dice, 255));
            text[j] = c == '$' ? '{' : c;
        }
        text[len] = '\0';
        assert_true(wc_template_expand(text, &env, &out, &why));
        assert_string_equal(out.len == 0 ? "" : out.data, text);
    }
}

/* `$` doubled and expanded is the text again: what canonical output rests on. */
static void doubled_dollars_come_back(void **state)
{
    (void)state;
    static const char signs[] = "$${}:-+?aB_1 ";
    struct dice dice = { 11 };
    struct wc_template_env env = { .get = never };
    for (int i = 0; i < TEXTS; i++) {
        char text[32], doubled[64];
        size_t len = roll(&dice, sizeof text), n = 0;
        struct wc_template_fault why;
        WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
        for (size_t j = 0; j < len; j++) {
            text[j] = signs[roll(&dice, sizeof signs - 1)];
            doubled[n++] = text[j];
            if (text[j] == '$')
                doubled[n++] = '$';
        }
        text[len] = doubled[n] = '\0';
        assert_true(wc_template_expand(doubled, &env, &out, &why));
        assert_string_equal(out.len == 0 ? "" : out.data, text);
    }
}

static struct wc_project *load_text(struct wc_arena *arena, const struct wc_buf *text, bool wire)
{
    struct wc_diags diags;
    struct wc_project *project = NULL;
    struct wc_spec_options options = {
        .cwd = "/nonexistent", .text = text->data, .text_len = text->len, .canonical = wire
    };
    wc_diags_init(&diags, arena);
    assert_int_equal(wc_spec_load(&options, arena, &diags, &project), 0);
    return project;
}

/* YAML takes a key of up to 1024 characters as it is; escapes can make it longer than that. */
static void a_key_that_grows_comes_back(void **state)
{
    (void)state;
    struct wc_arena arena;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT, yaml = WC_BUF_INIT, wire = WC_BUF_INIT;
    wc_arena_init(&arena);
    wc_buf_adds(&text, "services: {web: {image: a, labels: {k");
    for (int i = 0; i < 900; i++)
        wc_buf_addc(&text, '"');
    wc_buf_adds(&text, ": v}}}");
    const struct wc_project *project = load_text(&arena, &text, false);
    wc_spec_render(project, WC_RENDER_YAML, &yaml);
    wc_spec_render_wire(project, &wire);
    assert_string_equal(load_text(&arena, &yaml, false)->services[0].spec_hash,
                        project->services[0].spec_hash);
    assert_string_equal(load_text(&arena, &wire, true)->services[0].spec_hash,
                        project->services[0].spec_hash);
    wc_arena_deinit(&arena);
}

WC_MAIN(WC_CASE(a_key_that_grows_comes_back), WC_CASE(merge_is_associative),
        WC_CASE(merge_with_itself_changes_nothing), WC_CASE(text_without_dollar_stays),
        WC_CASE(doubled_dollars_come_back))
