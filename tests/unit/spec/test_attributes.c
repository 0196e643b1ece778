/* test_attributes.c - every row of every table: its short and its long form are read, a value of
 * the wrong type is E101 at its place, and two files' values join by the row's rule.
 *
 * Values come from the kind's line below; those of sections are made from their own rows.
 */
#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "spec/merge.h"
#include "spec/special.h"
#include "spec/table.h"
#include "spec/text.h"
#include "spec/types.h"

/* Values of a kind. In full and other, @ is a section made from the row's table. */
struct sample {
    const struct wc_type *type;
    const char *brief; /* short form, NULL: there is none */
    const char *full;  /* long form */
    const char *other; /* what a later file says */
};

static const struct sample samples[] = {
    { &wc_type_string, NULL, "a", "b" },
    { &wc_type_text, NULL, "a", "7" },
    { &wc_type_truth_text, NULL, "true", "mode=max" },
    { &wc_type_bool, NULL, "true", "\"no\"" },
    { &wc_type_flag, NULL, "true", "false" },
    { &wc_type_tri, NULL, "true", "\"off\"" },
    { &wc_type_int, NULL, "7", "\"8\"" },
    { &wc_type_whole, NULL, "7", "8" },
    { &wc_type_count, NULL, "7", "\"0\"" },
    { &wc_type_number, NULL, "0.5", "\"2\"" },
    { &wc_type_bytes, "512m", "1024", "\"2g\"" },
    { &wc_type_size, NULL, "512m", "2g" },
    { &wc_type_bytes_m1, "512m", "-1", "2g" },
    { &wc_type_duration, NULL, "1m30s", "2s" },
    { &wc_type_isolation, NULL, "hyperv", "Process" },
    { &wc_type_level, NULL, "hyperv", "Process" },
    { &wc_type_any, NULL, "{q: 1}", "{q: 2, r: 3}" },
    { &wc_type_pid, NULL, "host", "other" },
    { &wc_type_strings, NULL, "[a, b]", "[b, c]" },
    { &wc_type_texts, NULL, "[a, 1]", "[1, c]" },
    { &wc_type_expose, NULL, "[80/udp, 1]", "[1, 2-3]" },
    { &wc_type_ip4, NULL, "10.0.0.5", "10.0.0.6" },
    { &wc_type_ip6, NULL, "\"fe80::1\"", "\"::\"" },
    { &wc_type_mac, NULL, "\"02:42:ac:11:65:43\"", "\"02-42-ac-11-65-44\"" },
    { &wc_type_string_or_list, "a", "[a, b]", "[b, c]" },
    { &wc_type_command, "a b", "[a, b]", "[c]" },
    { &wc_type_test, "a", "[CMD, a]", "[NONE]" },
    { &wc_type_kv, "[a=1, b]", "{a: 1, b: }", "{b: true, c: 2}" },
    { &wc_type_env, "[a=1, b]", "{a: 1, b: }", "{b: true, c: 2}" },
    { &wc_type_hosts, "[a=1.2.3.4]", "{a: 1.2.3.4, b: [1.1.1.1]}", "{c: 1.1.1.2}" },
    { &wc_type_options, NULL, "{a: 1, b: x}", "{b: y, c: 2}" },
    { &wc_type_log_options, NULL, "{a: 1, b: }", "{b: y, c: 2}" },
    { &wc_type_choices, NULL, "{a: 1, b: [x, true]}", "{a: 2, c: y}" },
    { &wc_type_ssh, "[default, a=/k]", "{default: , a: /k}", "{a: /l, b: /m}" },
    { &wc_type_context, NULL, "./a", "https://example.org/a.git" },
    { &wc_type_contexts, "[a=./a]", "{a: ./a, b: docker-image://b}", "{b: ./b, c: ./c}" },
    { &wc_type_path, NULL, "./a", "/b" },
    { &wc_type_restart, NULL, "always", "\"no\"" },
    { &wc_type_signal, NULL, "SIGTERM", "SIGINT" },
    { &wc_type_pull_policy, NULL, "always", "every_12h" },
    { &wc_type_container_name, NULL, "web", "web2" },
    { &wc_type_oom_score, NULL, "-1000", "\"5\"" },
    { &wc_type_memswap, "1g", "-1", "2g" },
    { &wc_type_swappiness, NULL, "60", "\"0\"" },
    { &wc_type_micros, "400ms", "400000", "\"5\"" },
    { &wc_type_file_mode, NULL, "0440", "\"0400\"" },
    { &wc_type_ports, "[1:1, 2:2/udp]", "[{target: 1}, {target: 2}]", "[{target: 2}, 3:3]" },
    { &wc_type_mounts, "[a:/a, b:/b:ro]", "[{type: volume, source: a, target: /a}, a:/b]",
      "[c:/b, d:/c]" },
    { &wc_type_tmpfs, "/a:size=1m", "[/a, /b]", "[/b:size=1m, /c]" },
    { &wc_type_devices, "[/a, /b:/c:r]", "[{source: /a, target: /a}, {source: /b, target: /c}]",
      "[/d:/c, /e]" },
    { &wc_type_ulimits, "{nproc: 1}", "{nofile: @, nproc: 1}", "{nproc: 2, core: 0}" },
    { &wc_type_depends_on, "[a, b]", "{a: @, b: }", "[b, c]" },
    { &wc_type_networks, "[a, b]", "{a: @, b: }", "[b, c]" },
    { &wc_type_names, "[a, b]", "{a: @, b: }", "[b, c]" },
    { &wc_type_env_files, "a", "[a, {path: b, required: false}]", "[b, c]" },
    { &wc_type_configs, "[a, b]", "[a, {source: b, target: /c, mode: 0400}]",
      "[{source: c, target: /c}, d]" },
    { &wc_type_secrets, "[a, b]", "[a, {source: b, target: /c, uid: \"1\"}]",
      "[{source: c, target: /c}, d]" },
    { &wc_type_build, ".", "@", "{target: t}" },
    { &wc_type_extends, "a", "{service: a, file: b}", "c" },
    { &wc_type_include, "[a]", "[{path: a, env_file: b}, {path: [c]}]", "[d]" },
    { &wc_type_gpus, "all", "[{count: 2, capabilities: [gpu]}]", "[{device_ids: [a]}]" },
    { &wc_type_requests, NULL, "[{capabilities: [gpu], count: all}]", "[{capabilities: [tpu]}]" },
    { &wc_type_device_count, "all", "2", "\"3\"" },
    { &wc_type_external, "true", "@", "false" },
    { &wc_type_section, NULL, "@", "@" },
    { &wc_type_entries, NULL, "{a: @, b: }", "{b: @, c: @}" },
    { &wc_type_items, NULL, "[@]", "[@, @]" },
    { &wc_type_hooks, NULL, "[@]", "[@, @]" },
    { &wc_type_io_list, NULL, "[@]", "[@, @]" },
};

/* Two subnets, as what stands in items joins by them. */
static const struct sample pools = { &wc_type_items, NULL, "[{subnet: 10.0.0.0/8}]",
                                     "[{subnet: 10.0.0.0/8, gateway: 10.0.0.1}, {subnet: "
                                     "11.0.0.0/8}]" };

static const struct sample *sample_of(const struct wc_field *field)
{
    if (field->merge == WC_MERGE_JOIN)
        return &pools;
    for (size_t i = 0; i < WC_COUNT(samples); i++)
        if (samples[i].type == field->type)
            return &samples[i];
    return NULL;
}

struct box {
    struct wc_arena arena;
    struct wc_diags diags;
    struct wc_spec_options options;
    struct wc_load load;
};

static void box_open(struct box *box)
{
    *box = (struct box){ 0 };
    wc_arena_init(&box->arena);
    wc_diags_init(&box->diags, &box->arena);
    box->load = (struct wc_load){ .arena = &box->arena,
                                  .diags = &box->diags,
                                  .options = &box->options,
                                  .project_dir = "/project",
                                  .project_name = "t",
                                  .budget = wc_budget_make(&box->options.limits) };
    wc_map_init(&box->load.env, &box->arena);
    wc_map_init(&box->load.warned, &box->arena);
}

static void box_close(struct box *box)
{
    wc_arena_deinit(&box->arena);
}

static void add_section(struct wc_buf *out, const struct wc_table *table, const char *required,
                        unsigned depth);

/* The words of a row, or the sample, with sections in the place of @. */
static void add_value(struct wc_buf *out, const struct wc_field *field, const char *text,
                      unsigned depth)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '@')
            add_section(out, field->sub, field->required, depth + 1);
        else
            wc_buf_addc(out, *p);
    }
}

static void add_full(struct wc_buf *out, const struct wc_field *field, unsigned depth)
{
    const struct sample *sample = sample_of(field);
    if (!wc_field_is_word(field) && sample == NULL)
        fail_msg("the kind of '%s' has no sample", field->key);
    else
        add_value(out, field, wc_field_is_word(field) ? field->words[0] : sample->full, depth);
}

static bool is_required(const char *required, const char *key)
{
    const char *found = required == NULL ? NULL : strstr(required, key);
    size_t len = strlen(key);
    return found != NULL && (found == required || found[-1] == ' ') &&
           (found[len] == '\0' || found[len] == ' ');
}

/* {…} with what is required, and the last row. Limits have both of their members. */
static void add_section(struct wc_buf *out, const struct wc_table *table, const char *required,
                        unsigned depth)
{
    bool all = wc_streq(table->name, "ulimit");
    assert_true(depth < 8);
    wc_buf_adds(out, "{");
    for (size_t i = 0; i < table->n; i++) {
        const struct wc_field *row = &table->rows[i];
        if (!all && i + 1 < table->n && !is_required(required, row->key))
            continue;
        wc_buf_printf(out, "%s%s: ", out->data[out->len - 1] == '{' ? "" : ", ", row->key);
        add_full(out, row, depth);
    }
    wc_buf_adds(out, "}");
}

/* Reads "KEY: TEXT" by a table; what was found goes to the box. */
static struct wc_node *canon(struct box *box, const struct wc_table *table, const char *key,
                             const char *text)
{
    static const struct wc_where top = { 0 };
    struct wc_documents documents = { 0 };
    const char *file = wc_arena_printf(&box->arena, "%s: %s\n", key, text);
    const struct wc_text whole = { file, strlen(file) };
    bool parsed = wc_node_parse(&box->arena, &box->diags, "row.yaml", &whole, NULL, &documents);
    if (!parsed || documents.n != 1)
        fail_msg("not YAML: %s", file);
    return wc_canon_section(&box->load, table, documents.roots[0], &top);
}

static void loads(const struct wc_table *table, const struct wc_field *field, const char *text)
{
    struct box box;
    WC_CLEANUP_BUF struct wc_buf value = WC_BUF_INIT;
    box_open(&box);
    add_value(&value, field, text, 0);
    struct wc_node *node = wc_node_get(canon(&box, table, field->key, value.data), field->key);
    if (box.diags.n != 0)
        fail_msg("%s.%s: %s: %s", table->name, field->key, value.data, box.diags.items[0].msg);
    assert_non_null(node);
    assert_int_not_equal(node->kind, WC_NODE_BAD);
    box_close(&box);
}

/* A value of a kind that the row doesn't take, or NULL. */
static const char *wrong_value(const struct wc_type *type)
{
    static const struct {
        enum wc_node_kind kind;
        const char *text;
    } values[] = {
        { WC_NODE_MAP, "{q: 1}" },
        { WC_NODE_LIST, "[q]" },
        { WC_NODE_INT, "7" },
        { WC_NODE_BOOL, "true" },
    };
    for (size_t i = 0; i < WC_COUNT(values); i++)
        if ((type->kinds & WC_KIND(values[i].kind)) == 0)
            return values[i].text;
    return NULL;
}

static void is_refused(const struct wc_table *table, const struct wc_field *field)
{
    struct box box;
    const char *text = wrong_value(field->type);
    if (text == NULL) {
        assert_ptr_equal(field->type, &wc_type_any);
        return;
    }
    box_open(&box);
    struct wc_node *node = wc_node_get(canon(&box, table, field->key, text), field->key);
    if (box.diags.n != 1 || !wc_streq(box.diags.items[0].code, "E101"))
        fail_msg("%s.%s: %s gives %zu findings", table->name, field->key, text, box.diags.n);
    assert_int_equal(box.diags.items[0].at.line, 1);
    assert_int_equal(box.diags.items[0].at.col, strlen(field->key) + 3);
    assert_int_equal(node->kind, WC_NODE_BAD);
    box_close(&box);
}

/* What makes an item one of its kind; scalars themselves under APPEND. */
static const char *ident(struct box *box, const struct wc_field *field, const struct wc_node *item)
{
    if (field->ident != NULL)
        return field->ident(&box->arena, item);
    return wc_node_is_scalar(item) ? item->text : NULL;
}

static size_t position(struct box *box, const struct wc_field *field, const struct wc_node *list,
                       const struct wc_node *item)
{
    const char *wanted = ident(box, field, item);
    for (size_t i = 0; wanted != NULL && i < list->n; i++) {
        const char *found = ident(box, field, list->items[i]);
        if (found != NULL && wc_streq(found, wanted))
            return i;
    }
    return list->n;
}

/* The base's items keep their places; the later file's take those of the same ident, or follow. */
static void check_lists(struct box *box, const struct wc_field *field, const struct wc_node *base,
                        const struct wc_node *over, const struct wc_node *merged)
{
    size_t next = base->n;
    for (size_t i = 0; i < base->n; i++)
        if (position(box, field, over, base->items[i]) == over->n)
            assert_true(wc_node_equal(merged->items[i], base->items[i]));
    for (size_t i = 0; i < over->n; i++) {
        size_t at = position(box, field, base, over->items[i]);
        const struct wc_node *got = merged->items[at == base->n ? next : at];
        next += at == base->n ? 1 : 0;
        if (field->merge != WC_MERGE_JOIN)
            assert_true(wc_node_equal(got, over->items[i]));
        for (size_t k = 0; field->merge == WC_MERGE_JOIN && k < over->items[i]->n; k++)
            assert_non_null(wc_node_get(got, over->items[i]->members[k].key));
    }
    assert_int_equal(merged->n, next);
}

/* Keys of both; the later file's values, where the rule isn't asked further below. */
static void check_keys(const struct wc_field *field, const struct wc_node *base,
                       const struct wc_node *over, const struct wc_node *merged)
{
    size_t added = 0;
    for (size_t i = 0; i < base->n; i++)
        assert_non_null(wc_node_member(merged, base->members[i].key));
    for (size_t i = 0; i < over->n; i++) {
        const struct wc_node *got = wc_node_get(merged, over->members[i].key);
        added += wc_node_member(base, over->members[i].key) == NULL ? 1 : 0;
        assert_non_null(got);
        if (field->merge == WC_MERGE_KEYS)
            assert_true(wc_node_equal(got, over->members[i].value));
    }
    assert_int_equal(merged->n, base->n + added);
}

static void check_rule(struct box *box, const struct wc_field *field, const struct wc_node *base,
                       const struct wc_node *over, const struct wc_node *merged)
{
    switch (field->merge) {
    case WC_MERGE_REPLACE:
    case WC_MERGE_WHOLE:
        assert_true(wc_node_equal(merged, over));
        return;
    case WC_MERGE_MAP:
    case WC_MERGE_KEYS:
    case WC_MERGE_DRIVER:
        if (over->kind == WC_NODE_MAP)
            check_keys(field, base, over, merged);
        return;
    case WC_MERGE_APPEND:
    case WC_MERGE_UNIQUE:
    case WC_MERGE_JOIN:
        if (over->kind == WC_NODE_LIST)
            check_lists(box, field, base, over, merged);
        return;
    }
}

/* Merges a null behind a value: it is kept, except under WHOLE. */
static void check_null(struct box *box, const struct wc_table *table, const struct wc_field *field,
                       struct wc_node *base)
{
    static const struct wc_where top = { 0 };
    struct wc_node *over = canon(box, table, field->key, "");
    struct wc_node *merged =
        wc_node_get(wc_merge_section(&box->load, table, base, over, &top), field->key);
    if (field->merge == WC_MERGE_WHOLE)
        assert_int_equal(merged->kind, WC_NODE_NULL);
    else
        assert_true(wc_node_equal(merged, wc_node_get(base, field->key)));
}

static void merges(const struct wc_table *table, const struct wc_field *field)
{
    static const struct wc_where top = { 0 };
    struct box box;
    const struct sample *sample = sample_of(field);
    const char *first = wc_field_is_word(field) ? field->words[0] : sample->full;
    const char *second = sample == NULL || wc_field_is_word(field) ? first : sample->other;
    if (wc_field_is_word(field) && field->words[1] != NULL)
        second = field->words[1];
    WC_CLEANUP_BUF struct wc_buf a = WC_BUF_INIT, b = WC_BUF_INIT;
    box_open(&box);
    add_value(&a, field, first, 0);
    add_value(&b, field, second, 0);
    struct wc_node *base = canon(&box, table, field->key, a.data);
    struct wc_node *over = canon(&box, table, field->key, b.data);
    struct wc_node *merged = wc_merge_section(&box.load, table, base, over, &top);
    if (box.diags.n != 0)
        fail_msg("%s.%s: %s + %s: %s", table->name, field->key, a.data, b.data,
                 box.diags.items[0].msg);
    check_rule(&box, field, wc_node_get(base, field->key), wc_node_get(over, field->key),
               wc_node_get(merged, field->key));
    check_null(&box, table, field, base);
    box_close(&box);
}

typedef void row_fn(const struct wc_table *table, const struct wc_field *field);

/* Calls for every row below a table, each table once. */
static void each_row(const struct wc_table *table, row_fn *call, const struct wc_table **seen,
                     size_t *n)
{
    for (size_t i = 0; i < *n; i++)
        if (seen[i] == table)
            return;
    assert_true(*n < 100);
    seen[(*n)++] = table;
    for (size_t i = 0; i < table->n; i++) {
        call(table, &table->rows[i]);
        if (table->rows[i].sub != NULL)
            each_row(table->rows[i].sub, call, seen, n);
    }
}

static void walk(row_fn *call)
{
    const struct wc_table *seen[100];
    size_t n = 0;
    each_row(&wc_table_project, call, seen, &n);
    assert_true(n > 40);
}

static void load_long(const struct wc_table *table, const struct wc_field *field)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    add_full(&text, field, 0);
    loads(table, field, text.data);
}

static void load_short(const struct wc_table *table, const struct wc_field *field)
{
    const struct sample *sample = sample_of(field);
    if (sample != NULL && sample->brief != NULL)
        loads(table, field, sample->brief);
    assert_true(sample == NULL || sample->brief != NULL || field->type->brief == NULL ||
                wc_field_is_word(field) || (field->type->kinds & WC_KIND(WC_NODE_INT)) != 0 ||
                field->type == &wc_type_duration || field->type == &wc_type_size);
}

static void long_forms_are_read(void **state)
{
    (void)state;
    walk(load_long);
}

static void short_forms_are_read(void **state)
{
    (void)state;
    walk(load_short);
}

static void wrong_types_are_refused(void **state)
{
    (void)state;
    walk(is_refused);
}

static void files_are_merged(void **state)
{
    (void)state;
    walk(merges);
}

WC_MAIN(WC_CASE(long_forms_are_read), WC_CASE(short_forms_are_read),
        WC_CASE(wrong_types_are_refused), WC_CASE(files_are_merged))
