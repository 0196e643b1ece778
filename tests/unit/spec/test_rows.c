/* test_rows.c - the tables themselves, and the documentation printed from them. */
#include "harness/wc_test.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "spec/codes.h"
#include "spec/table.h"
#include "spec/types.h"
#include "wcompose/support.h"

static void check_table(const struct wc_table *table, unsigned depth)
{
    assert_true(depth < 10);
    assert_non_null(table->name);
    assert_non_null(table->clause);
    for (size_t i = 0; i < table->n; i++) {
        const struct wc_field *row = &table->rows[i];
        assert_non_null(row->type);
        if (i > 0 && strcmp(table->rows[i - 1].key, row->key) >= 0)
            fail_msg("rows are not sorted at '%s'", row->key);
        if (row->merge == WC_MERGE_UNIQUE && row->ident == NULL)
            fail_msg("'%s' has no ident", row->key);
        if (row->offset != WC_NO_OFFSET && row->type->decode == NULL)
            fail_msg("'%s' has an offset and no decoder", row->key);
        if (row->support != WC_CARRIED && row->hash != WC_KEEPS)
            fail_msg("'%s' isn't carried out, but changes the hash", row->key);
        if (row->type->schema == NULL && row->words == NULL)
            fail_msg("'%s' has no schema", row->key);
        if (row->type->schema != NULL && strchr(row->type->schema, '@') != NULL && row->sub == NULL)
            fail_msg("'%s' has no members", row->key);
        if (row->sub != NULL)
            check_table(row->sub, depth + 1);
    }
}

static void tables_are_sound(void **state)
{
    (void)state;
    check_table(&wc_table_project, 0);
}

static void rows_are_found(void **state)
{
    (void)state;
    assert_string_equal(wc_table_find(&wc_table_service, "annotations")->key, "annotations");
    assert_string_equal(wc_table_find(&wc_table_service, "x-wcompose")->key, "x-wcompose");
    assert_string_equal(wc_table_find(&wc_table_service, "x-other")->key, "x-");
    assert_null(wc_table_find(&wc_table_service, "enviroment"));
}

static void codes_are_complete(void **state)
{
    (void)state;
    for (int i = 0; i < WC_W_COUNT_CODES; i++) {
        const struct wc_code_info *row = wc_spec_code((enum wc_spec_code)i);
        assert_true(row->code != NULL && row->title != NULL && row->meaning != NULL &&
                    row->example != NULL);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(row->code, wc_spec_code((enum wc_spec_code)j)->code);
    }
}

static void compare_or_update(const char *path, const struct wc_buf *want)
{
    WC_CLEANUP_BUF struct wc_buf file = WC_BUF_INIT;
    struct wc_err err = { 0 };
    if (getenv("WC_UPDATE") != NULL) {
        assert_int_equal(wc_fs_write_atomic(path, want->data, want->len, 0644, false, &err), 0);
        return;
    }
    assert_int_equal(wc_fs_read(path, 1 << 20, &file, &err), 0);
    if (!wc_streq(file.data, want->data))
        fail_msg("%s isn't what the tables print: WC_UPDATE=1 makes it anew", path);
}

/* docs/errors.md holds what the rows print, between its two marks; WC_UPDATE=1 prints it anew. */
static void codes_are_documented(void **state)
{
    (void)state;
    static const char begin[] = "<!-- spec codes -->\n", end[] = "<!-- end of spec codes -->\n";
    static const char path[] = WC_SOURCE_DIR "/docs/errors.md";
    WC_CLEANUP_BUF struct wc_buf file = WC_BUF_INIT, want = WC_BUF_INIT;
    struct wc_err err = { 0 };
    assert_int_equal(wc_fs_read(path, 1 << 20, &file, &err), 0);
    const char *from = strstr(file.data, begin), *to = strstr(file.data, end);
    assert_true(from != NULL && to != NULL && from < to);
    wc_buf_add(&want, file.data, (size_t)(from - file.data) + sizeof begin - 1);
    wc_buf_addc(&want, '\n');
    wc_spec_codes_markdown(&want);
    wc_buf_adds(&want, to);
    compare_or_update(path, &want);
}

static void support_is_documented(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf want = WC_BUF_INIT;
    wc_spec_support_markdown(&want);
    compare_or_update(WC_SOURCE_DIR "/docs/spec-support.md", &want);
}

WC_MAIN(WC_CASE(tables_are_sound), WC_CASE(rows_are_found), WC_CASE(codes_are_complete),
        WC_CASE(codes_are_documented), WC_CASE(support_is_documented))
