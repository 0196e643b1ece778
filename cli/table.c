/* table.c - rows are kept until the end, because a column is as wide as its widest cell. */
#include "cli/table.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"

struct wc_table {
    struct wc_arena *arena;
    const char *const *headings;
    const char *const **rows;
    size_t n_columns, n_rows, cap_rows;
    size_t *widths;
};

static void measure(struct wc_table *table, const char *const *cells)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        size_t width = wc_text_width(cells[i], strlen(cells[i]));
        if (width > table->widths[i])
            table->widths[i] = width;
    }
}

struct wc_table *wc_table_new(struct wc_arena *arena, const char *const *headings, size_t n_columns)
{
    struct wc_table *table = WC_NEW(arena, struct wc_table);
    table->arena = arena;
    table->headings = headings;
    table->n_columns = n_columns;
    table->widths = wc_arena_array(arena, n_columns, sizeof *table->widths);
    measure(table, headings);
    return table;
}

void wc_table_row(struct wc_table *table, const char *const *cells)
{
    const char **row = wc_arena_array(table->arena, table->n_columns, sizeof *row);
    for (size_t i = 0; i < table->n_columns; i++)
        row[i] = cells[i] != NULL ? wc_arena_strdup(table->arena, cells[i]) : "-";
    measure(table, row);
    table->rows = wc_arena_grow(table->arena, table->rows, table->n_rows, &table->cap_rows,
                                sizeof *table->rows);
    table->rows[table->n_rows++] = row;
}

static void format_row(const struct wc_table *table, const char *const *cells, struct wc_buf *out)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        wc_buf_adds(out, cells[i]);
        size_t width = wc_text_width(cells[i], strlen(cells[i]));
        for (size_t pad = width; i + 1 < table->n_columns && pad < table->widths[i] + 2; pad++)
            wc_buf_addc(out, ' ');
    }
    while (out->len > 0 && out->data[out->len - 1] == ' ')
        out->data[--out->len] = '\0';
    wc_buf_addc(out, '\n');
}

void wc_table_format(const struct wc_table *table, struct wc_buf *out)
{
    format_row(table, table->headings, out);
    for (size_t i = 0; i < table->n_rows; i++)
        format_row(table, table->rows[i], out);
}
