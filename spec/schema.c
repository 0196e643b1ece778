/* schema.c - the tables as a JSON Schema for editors.
 *
 * Every table is a definition under its name. A kind of value brings its own schema, in which '
 * stands for a quotation mark, @ for the definition of the row's table and % for its words. Where
 * text is one of a few words, text with a $ passes too: it isn't known before it is interpolated.
 */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "spec/support.h"
#include "wcompose/support.h"

/* Tables in order of discovery, each once. */
struct tables {
    struct wc_arena *arena;
    const struct wc_table **items;
    size_t n, cap;
};

static void collect(struct tables *tables, const struct wc_table *table)
{
    for (size_t i = 0; i < tables->n; i++)
        if (tables->items[i] == table)
            return;
    tables->items =
        wc_arena_grow(tables->arena, tables->items, tables->n, &tables->cap, sizeof *tables->items);
    tables->items[tables->n++] = table;
    for (size_t i = 0; i < table->n; i++)
        if (table->rows[i].sub != NULL)
            collect(tables, table->rows[i].sub);
}

/* A reference to the row's table; members that each item must have are named beside it. What files
 * put together may be incomplete in one of them. */
static void add_reference(struct wc_buf *out, const struct wc_field *field)
{
    wc_buf_printf(out, "{\"$ref\":\"#/$defs/%s\"", field->sub->name);
    const char *p = field->merge == WC_MERGE_MAP ? NULL : field->required;
    if (p != NULL)
        wc_buf_adds(out, ",\"required\":[\"");
    for (; p != NULL && *p != '\0'; p++) {
        if (*p == ' ')
            wc_buf_adds(out, "\",\"");
        else
            wc_buf_addc(out, *p);
    }
    wc_buf_adds(out, p != NULL ? "\"]}" : "}");
}

static void add_words(struct wc_buf *out, const char *const *words)
{
    wc_buf_adds(out, "{\"enum\":[");
    for (size_t i = 0; words[i] != NULL; i++)
        wc_buf_printf(out, "%s\"%s\"", i == 0 ? "" : ",", words[i]);
    wc_buf_adds(out, "]}");
}

static void add_words_or_template(struct wc_buf *out, const char *const *words)
{
    wc_buf_adds(out, "{\"anyOf\":[");
    add_words(out, words);
    wc_buf_adds(out, ",{\"type\":\"string\",\"pattern\":\"[$]\"}]}");
}

/* The schema of a row's value: an object. */
static void add_value(struct wc_buf *out, const struct wc_field *field)
{
    const char *schema = field->type->schema;
    if (wc_field_is_word(field)) {
        add_words_or_template(out, field->words);
        return;
    }
    for (const char *p = schema == NULL ? "{}" : schema; *p != '\0'; p++) {
        if (*p == '@')
            add_reference(out, field);
        else if (*p == '%')
            add_words(out, field->words);
        else
            wc_buf_addc(out, (char)(*p == '\'' ? '"' : *p));
    }
}

static const char *description(struct wc_arena *arena, const struct wc_table *table,
                               const struct wc_field *field)
{
    const char *fallback =
        field->fallback == NULL ? "" : wc_arena_printf(arena, " Default: %s.", field->fallback);
    return wc_arena_printf(
        arena, "%s.%s In a later file: %s. Linux: %s; Windows: %s. (%s)",
        wc_support_takes(arena, field), fallback, wc_support_merge_word(arena, field),
        wc_support_level(field, WC_PLATFORM_LINUX), wc_support_level(field, WC_PLATFORM_WINDOWS),
        wc_support_clause(arena, table, field));
}

static void write_property(struct wc_jsonw *w, struct wc_arena *arena, const struct wc_table *table,
                           const struct wc_field *field)
{
    WC_CLEANUP_BUF struct wc_buf value = WC_BUF_INIT;
    add_value(&value, field);
    wc_jsonw_object(w, field->key);
    wc_jsonw_str(w, "description", description(arena, table, field));
    wc_jsonw_array(w, "anyOf");
    wc_jsonw_raw(w, NULL, value.data);
    if (wc_field_takes_null(field))
        wc_jsonw_raw(w, NULL, "{\"type\":\"null\"}");
    wc_jsonw_end_array(w);
    wc_jsonw_end_object(w);
}

static void write_members(struct wc_jsonw *w, struct wc_arena *arena, const struct wc_table *table)
{
    wc_jsonw_str(w, "type", "object");
    wc_jsonw_object(w, "properties");
    for (size_t i = 0; i < table->n; i++)
        write_property(w, arena, table, &table->rows[i]);
    wc_jsonw_end_object(w);
    if (!table->no_extensions) {
        wc_jsonw_object(w, "patternProperties");
        wc_jsonw_raw(w, "^x-", "{}");
        wc_jsonw_end_object(w);
    }
    wc_jsonw_bool(w, "additionalProperties", false);
}

void wc_spec_schema(struct wc_buf *out)
{
    struct wc_arena arena;
    struct tables tables = { .arena = &arena };
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_arena_init(&arena);
    collect(&tables, &wc_table_project);
    w.indent = 2;
    wc_jsonw_object(&w, NULL);
    wc_jsonw_str(&w, "$schema", "https://json-schema.org/draft/2020-12/schema");
    wc_jsonw_str(&w, "title", "Compose file, as wcompose reads it");
    write_members(&w, &arena, &wc_table_project);
    wc_jsonw_object(&w, "$defs");
    for (size_t i = 0; i < tables.n; i++) {
        if (tables.items[i] == &wc_table_project)
            continue;
        wc_jsonw_object(&w, tables.items[i]->name);
        write_members(&w, &arena, tables.items[i]);
        wc_jsonw_end_object(&w);
    }
    wc_jsonw_end_object(&w);
    wc_jsonw_end_object(&w);
    wc_buf_addc(out, '\n');
    wc_arena_deinit(&arena);
}
