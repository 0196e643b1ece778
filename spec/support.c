/* support.c - the tables as a list: for docs/spec-support.md and "wcompose support". */
#include "wcompose/support.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "spec/support.h"
#include "spec/types.h"

/* A list that grows, and where in it the walk is. */
struct walk {
    struct wc_arena *arena;
    struct wc_support_row *rows;
    size_t n, cap;
};

/* A place of the walk: the path to a table, and the levels of what leads to it. */
struct place {
    const char *path;
    enum wc_support levels[WC_PLATFORMS];
};

static const char *level_word(enum wc_support level)
{
    switch (level) {
    case WC_AS_LINUX:
    case WC_CARRIED:
        return "carried out";
    case WC_QUIET:
        return "harmless";
    case WC_WARNED:
        return "warned";
    case WC_REFUSED:
        return "refused";
    }
    return "";
}

/* What makes two items of a list one. */
static const char *ident_word(const struct wc_field *field)
{
    if (field->ident == wc_ident_port)
        return "address, ports and protocol";
    if (field->ident == wc_ident_target || field->ident == wc_ident_config)
        return "target";
    if (field->ident == wc_ident_path || field->ident == wc_ident_tmpfs)
        return "path";
    return field->ident == wc_ident_subnet ? "subnet" : "value";
}

const char *wc_support_merge_word(struct wc_arena *arena, const struct wc_field *field)
{
    switch (field->merge) {
    case WC_MERGE_REPLACE:
        return "replaced";
    case WC_MERGE_MAP:
        return "merged";
    case WC_MERGE_KEYS:
        return "by key";
    case WC_MERGE_APPEND:
        return "appended";
    case WC_MERGE_UNIQUE:
        return wc_arena_printf(arena, "appended, one of each %s", ident_word(field));
    case WC_MERGE_JOIN:
        return wc_arena_printf(arena, "merged by %s", ident_word(field));
    case WC_MERGE_WHOLE:
        return "replaced; null clears";
    case WC_MERGE_DRIVER:
        return "merged when the driver is the same";
    }
    return "";
}

const char *wc_support_takes(struct wc_arena *arena, const struct wc_field *field)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    if (!wc_field_is_word(field))
        return field->type->expects;
    for (size_t i = 0; field->words[i] != NULL; i++)
        wc_buf_printf(&text, "%s%s",
                      i == 0                        ? ""
                      : field->words[i + 1] == NULL ? " or "
                                                    : ", ",
                      field->words[i]);
    return wc_arena_strdup(arena, text.data);
}

const char *wc_support_clause(struct wc_arena *arena, const struct wc_table *table,
                              const struct wc_field *field)
{
    const char *clause = field->clause != NULL ? field->clause : table->clause;
    size_t len = strlen(clause);
    bool open = len != 0 && clause[len - 1] == '#';
    return open ? wc_arena_printf(arena, "%s%s", clause, field->key) : clause;
}

const char *wc_support_level(const struct wc_field *field, enum wc_platform platform)
{
    return level_word(wc_field_support(field, platform));
}

/* What isn't carried out takes its members along. */
static struct place inside(const struct walk *walk, const struct place *outer,
                           const struct wc_field *field)
{
    struct place inner;
    const char *dot = outer->path[0] == '\0' ? "" : ".";
    inner.path = wc_arena_printf(walk->arena, "%s%s%s", outer->path, dot, field->key);
    for (int i = 0; i < WC_PLATFORMS; i++)
        inner.levels[i] = outer->levels[i] != WC_CARRIED
                              ? outer->levels[i]
                              : wc_field_support(field, (enum wc_platform)i);
    return inner;
}

static void add_row(struct walk *walk, const struct wc_table *table, const struct wc_field *field,
                    const struct place *at)
{
    walk->rows = wc_arena_grow(walk->arena, walk->rows, walk->n, &walk->cap, sizeof *walk->rows);
    struct wc_support_row *row = &walk->rows[walk->n++];
    *row = (struct wc_support_row){ .path = at->path,
                                    .takes = wc_support_takes(walk->arena, field),
                                    .brief = field->type->brief,
                                    .fallback = field->fallback,
                                    .merge = wc_support_merge_word(walk->arena, field),
                                    .clause = wc_support_clause(walk->arena, table, field) };
    for (int i = 0; i < WC_PLATFORMS; i++)
        row->levels[i] = level_word(at->levels[i]);
}

static void walk_table(struct walk *walk, const struct wc_table *table, const struct place *outer)
{
    for (size_t i = 0; i < table->n; i++) {
        struct place at = inside(walk, outer, &table->rows[i]);
        add_row(walk, table, &table->rows[i], &at);
    }
    for (size_t i = 0; i < table->n; i++) {
        const struct wc_field *field = &table->rows[i];
        struct place at = inside(walk, outer, field);
        bool list = (field->type->kinds & WC_KIND(WC_NODE_LIST)) != 0;
        if (field->sub == NULL)
            continue;
        at.path = wc_arena_printf(walk->arena, "%s%s", at.path,
                                  wc_field_has_entries(field) ? ".*"
                                  : list                      ? "[]"
                                                              : "");
        walk_table(walk, field->sub, &at);
    }
}

size_t wc_spec_support(struct wc_arena *arena, struct wc_support_row **out)
{
    struct walk walk = { .arena = arena };
    struct place top = { .path = "", .levels = { WC_CARRIED, WC_CARRIED } };
    walk_table(&walk, &wc_table_project, &top);
    *out = walk.rows;
    return walk.n;
}

/* Length of what stands in front of the key. */
static size_t owner_length(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot == NULL ? 0 : (size_t)(dot - path);
}

static bool same_owner(const struct wc_support_row *a, const struct wc_support_row *b)
{
    size_t len = owner_length(a->path);
    return len == owner_length(b->path) && strncmp(a->path, b->path, len) == 0;
}

/* A cell; a bar would end it. */
static void add_cell(struct wc_buf *out, const char *text, bool code)
{
    const char *tick = code && text != NULL ? "`" : "";
    wc_buf_printf(out, " %s", tick);
    for (const char *p = text == NULL ? "" : text; *p != '\0'; p++)
        wc_buf_printf(out, "%s%c", *p == '|' ? "\\" : "", *p);
    wc_buf_printf(out, "%s |", tick);
}

static void add_heading(struct wc_buf *out, const char *path)
{
    size_t len = owner_length(path);
    if (len == 0)
        wc_buf_adds(out, "\n## The top level\n");
    else
        wc_buf_printf(out, "\n## %.*s\n", (int)len, path);
    wc_buf_adds(out, "\n| attribute | takes | short form | when absent | in a later file | Linux | "
                     "Windows | clause |\n|---|---|---|---|---|---|---|---|\n");
}

static const char opening[] =
    "# What of the Compose Specification is supported\n"
    "\n"
    "Printed from the tables in `spec/fields_*.c`, which load the files: after a change run\n"
    "`WC_UPDATE=1 build/dev/test_spec_rows support_is_documented`. `wcompose support ATTRIBUTE` "
    "prints the same.\n"
    "\n"
    "* **carried out**: it does what the specification says.\n"
    "* **harmless**: accepted; there is nothing to carry out.\n"
    "* **warned**: accepted, without effect; a warning names it (W010).\n"
    "* **refused**: leaving it out would change what runs or how safely, so nothing runs (E300). "
    "`wcompose config` shows it with a warning (W013).\n"
    "\n"
    "The level of an attribute holds for its members. The column Windows says what is refused for "
    "Windows containers, whatever runs them; this release has no driver for them, so nothing is "
    "run there yet.\n"
    "\n"
    "`*` stands for a name of yours, `[]` for each item of a list. `x-…` is allowed in every "
    "section and kept.\n";

void wc_spec_support_markdown(struct wc_buf *out)
{
    struct wc_arena arena;
    struct wc_support_row *rows;
    wc_arena_init(&arena);
    size_t n = wc_spec_support(&arena, &rows);
    wc_buf_adds(out, opening);
    for (size_t i = 0; i < n; i++) {
        const struct wc_support_row *row = &rows[i];
        size_t owner = owner_length(row->path);
        if (i == 0 || !same_owner(&rows[i - 1], row))
            add_heading(out, row->path);
        wc_buf_adds(out, "|");
        add_cell(out, row->path + owner + (owner == 0 ? 0 : 1), true);
        add_cell(out, row->takes, false);
        add_cell(out, row->brief, true);
        add_cell(out, row->fallback, false);
        add_cell(out, row->merge, false);
        for (int p = 0; p < WC_PLATFORMS; p++)
            add_cell(out, row->levels[p], false);
        wc_buf_printf(out, " [%s](https://github.com/compose-spec/compose-spec/blob/main/%s) |\n",
                      row->clause, row->clause);
    }
    wc_arena_deinit(&arena);
}
