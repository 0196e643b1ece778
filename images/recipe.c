/* recipe.c - the recipe reader. YAML would have brought a parser into this room for what a word at
 * the start of a line says as well. */
#include "images/recipe.h"

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"

enum { RECIPE_MAX = 1 << 20, ADDED_MAX = 16 << 20, USE_DEPTH = 8, ANY = 1000 };

static const struct {
    const char *word;
    size_t min, max; /* arguments */
} words[] = {
    [WC_RECIPE_USE] = { "use", 1, 1 },
    [WC_RECIPE_TAG] = { "tag", 1, 1 },
    [WC_RECIPE_PACKAGES] = { "packages", 1, ANY },
    [WC_RECIPE_DEPENDS] = { "depends", 1, ANY },
    [WC_RECIPE_WITHOUT] = { "without", 1, ANY },
    [WC_RECIPE_PROGRAM] = { "program", 1, ANY },
    [WC_RECIPE_LIBRARY] = { "library", 1, ANY },
    [WC_RECIPE_COPY] = { "copy", 1, ANY },
    [WC_RECIPE_SKIP] = { "skip", 1, ANY },
    [WC_RECIPE_APPLETS] = { "applets", 1, 1 },
    [WC_RECIPE_ADD] = { "add", 2, 4 },
    [WC_RECIPE_GROUP] = { "group", 2, 2 },
    [WC_RECIPE_USER] = { "user", 3, 5 },
    [WC_RECIPE_DIR] = { "dir", 1, 3 },
    [WC_RECIPE_FILE] = { "file", 1, 3 },
    [WC_RECIPE_LINK] = { "link", 2, 2 },
    [WC_RECIPE_ENV] = { "env", 1, ANY },
    [WC_RECIPE_ENTRYPOINT] = { "entrypoint", 1, ANY },
    [WC_RECIPE_CMD] = { "cmd", 1, ANY },
    [WC_RECIPE_WORKDIR] = { "workdir", 1, 1 },
    [WC_RECIPE_RUN_AS] = { "run-as", 1, 1 },
    [WC_RECIPE_EXPOSE] = { "expose", 1, ANY },
    [WC_RECIPE_VOLUME] = { "volume", 1, ANY },
    [WC_RECIPE_STOPSIGNAL] = { "stopsignal", 1, 1 },
    [WC_RECIPE_HEALTHCHECK] = { "healthcheck", 1, ANY },
    [WC_RECIPE_LABEL] = { "label", 1, ANY },
};

struct reader {
    struct wc_arena *arena;
    const char *const *dirs;
    struct wc_recipe *recipe;
    struct wc_sha256 *hash;
    const char *path, *rest; /* the file being read, and what is left of its text */
    unsigned line;
    int depth;
};

static int read_file(struct reader *r, const char *path, struct wc_err *err);

static struct wc_loc here(const struct reader *r)
{
    return (struct wc_loc){ .file = r->path, .line = r->line, .col = 1 };
}

/* Takes the next line off the text; NULL at its end. */
static char *next_line(struct reader *r)
{
    if (*r->rest == '\0')
        return NULL;
    size_t len = strcspn(r->rest, "\n");
    char *line = wc_arena_strndup(r->arena, r->rest, len);
    r->rest += len + (r->rest[len] == '\n');
    r->line++;
    return line;
}

/* Takes one word, with '…' and "…" as in a shell (no expansion), off *p. NULL at the end of the
 * line or at a comment; *open is set when a quote isn't closed. */
static const char *next_word(struct reader *r, const char **p, bool *open)
{
    const char *s = *p + strspn(*p, " \t");
    if (*s == '\0' || *s == '#') {
        *p = s + strlen(s);
        return NULL;
    }
    char *word = wc_arena_strdup(r->arena, s);
    size_t len = 0;
    char quote = '\0';
    for (; *s != '\0' && (quote != '\0' || (*s != ' ' && *s != '\t')); s++) {
        if (quote == '\0' && (*s == '\'' || *s == '"'))
            quote = *s;
        else if (quote != '\0' && *s == quote)
            quote = '\0';
        else if (*s == '\\' && quote != '\'' && s[1] != '\0')
            word[len++] = *++s;
        else
            word[len++] = *s;
    }
    *open = quote != '\0';
    word[len] = '\0';
    *p = s;
    return word;
}

static int find_word(struct reader *r, const char *word, enum wc_recipe_word *out,
                     struct wc_err *err)
{
    const char *all[WC_COUNT(words)];
    for (size_t i = 0; i < WC_COUNT(words); i++) {
        all[i] = words[i].word;
        if (wc_streq(word, words[i].word)) {
            *out = (enum wc_recipe_word)i;
            return 0;
        }
    }
    const char *close = wc_str_suggest(word, all, WC_COUNT(all));
    if (close != NULL)
        return wc_err_at(err, WC_ERR_SPEC, here(r), "no statement '%s'; did you mean '%s'?", word,
                         close);
    return wc_err_at(err, WC_ERR_SPEC, here(r), "no statement '%s'", word);
}

/* The lines up to one that is just `end`. */
static int read_text(struct reader *r, const char *end, struct wc_recipe_item *item,
                     struct wc_err *err)
{
    struct wc_loc start = here(r);
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    const char *line;
    while ((line = next_line(r)) != NULL && !wc_streq(line, end)) {
        wc_buf_adds(&text, line);
        wc_buf_addc(&text, '\n');
    }
    if (line == NULL)
        return wc_err_at(err, WC_ERR_SPEC, start, "the text has no end: no line '%s'", end);
    item->text = wc_arena_strndup(r->arena, text.data, text.len);
    item->text_len = text.len;
    return 0;
}

/* The content of a file beside the recipe. */
static int read_added(struct reader *r, struct wc_recipe_item *item, struct wc_err *err)
{
    const char *name = item->args.items[0];
    const char *slash = strrchr(r->path, '/');
    if (*name != '/' && slash != NULL)
        name = wc_arena_printf(r->arena, "%.*s/%s", (int)(slash - r->path), r->path, name);
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_err why = { 0 };
    if (wc_fs_read(name, ADDED_MAX, &text, &why) != 0)
        return wc_err_at(err, WC_ERR_SPEC, item->at, "%s", why.msg);
    char *copy = wc_arena_alloc(r->arena, text.len + 1);
    memcpy(copy, text.data, text.len);
    item->text = copy;
    item->text_len = text.len;
    wc_sha256_update(r->hash, text.data, text.len);
    return 0;
}

static const char *find_beside(struct reader *r, const char *name)
{
    const char *slash = strrchr(r->path, '/');
    if (slash != NULL) {
        const char *path =
            wc_arena_printf(r->arena, "%.*s/%s.recipe", (int)(slash - r->path), r->path, name);
        if (wc_fs_exists(path))
            return path;
    }
    for (const char *const *d = r->dirs; d != NULL && *d != NULL; d++) {
        const char *path = wc_arena_printf(r->arena, "%s/%s.recipe", *d, name);
        if (wc_fs_exists(path))
            return path;
    }
    return NULL;
}

static int use(struct reader *r, const struct wc_recipe_item *item, struct wc_err *err)
{
    assert(item->args.n == 1); /* so says the table of words */
    const char *path = find_beside(r, item->args.items[0]);
    if (path == NULL)
        return wc_err_at(err, WC_ERR_SPEC, item->at, "no recipe '%s' to use", item->args.items[0]);
    if (r->depth >= USE_DEPTH)
        return wc_err_at(err, WC_ERR_SPEC, item->at, "recipes use each other too deep");
    struct reader inner = *r;
    inner.depth++;
    return read_file(&inner, path, err);
}

static int keep_item(struct reader *r, struct wc_recipe_item *item, const char *end,
                     struct wc_err *err)
{
    const char *word = words[item->word].word;
    if (item->args.n < words[item->word].min || item->args.n > words[item->word].max)
        return wc_err_at(err, WC_ERR_SPEC, item->at, "'%s' takes %s%zu argument%s, not %zu", word,
                         words[item->word].max > words[item->word].min ? "at least " : "",
                         words[item->word].min, words[item->word].min == 1 ? "" : "s",
                         item->args.n);
    int rc = 0;
    if (item->word == WC_RECIPE_USE)
        return use(r, item, err);
    if (item->word == WC_RECIPE_FILE && end == NULL)
        return wc_err_at(err, WC_ERR_SPEC, item->at, "'file' needs its text: <<END, lines, END");
    if (item->word == WC_RECIPE_FILE)
        rc = read_text(r, end, item, err);
    if (item->word == WC_RECIPE_ADD)
        rc = read_added(r, item, err);
    if (rc != 0)
        return rc;
    struct wc_recipe *out = r->recipe;
    out->items = wc_arena_grow(r->arena, out->items, out->n, &out->cap, sizeof *out->items);
    out->items[out->n++] = *item;
    return 0;
}

static int read_line(struct reader *r, const char *line, struct wc_err *err)
{
    struct wc_recipe_item item = { .at = here(r) };
    const char *end = NULL;
    bool open = false;
    const char *word = next_word(r, &line, &open);
    if (word == NULL)
        return 0;
    int rc = find_word(r, word, &item.word, err);
    if (rc != 0)
        return rc;
    for (;;) {
        while (line[strspn(line, " \t")] == '\\' && line[strspn(line, " \t") + 1] == '\0') {
            line = next_line(r); /* a lone backslash at the end: the statement goes on */
            if (line == NULL)
                return wc_err_at(err, WC_ERR_SPEC, item.at, "the statement has no end");
        }
        word = next_word(r, &line, &open);
        if (word == NULL)
            break;
        if (open)
            return wc_err_at(err, WC_ERR_SPEC, here(r), "a quote isn't closed");
        if (item.word == WC_RECIPE_FILE && wc_str_starts(word, "<<") && word[2] != '\0')
            end = word + 2;
        else
            wc_strv_add(r->arena, &item.args, word);
    }
    return keep_item(r, &item, end, err);
}

static int read_file(struct reader *r, const char *path, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    int rc = wc_fs_read(path, RECIPE_MAX, &text, err);
    if (rc != 0)
        return rc;
    if (strlen(text.data) != text.len)
        return wc_err_set(err, WC_ERR_SPEC, 0, "%s is not a text", path);
    wc_sha256_update(r->hash, text.data, text.len + 1);
    r->path = wc_arena_strdup(r->arena, path);
    r->rest = text.data;
    r->line = 0;
    const char *line;
    while (rc == 0 && (line = next_line(r)) != NULL)
        rc = read_line(r, line, err);
    return rc;
}

static int unknown(const struct reader *r, const char *name, struct wc_err *err)
{
    struct wc_strv known = { 0 };
    for (const char *const *d = r->dirs; d != NULL && *d != NULL; d++) {
        DIR *dir = opendir(*d);
        const struct dirent *entry;
        while (dir != NULL && (entry = readdir(dir)) != NULL) {
            const char *dot = strrchr(entry->d_name, '.');
            if (dot != NULL && wc_streq(dot, ".recipe"))
                wc_strv_add(
                    r->arena, &known,
                    wc_arena_strndup(r->arena, entry->d_name, (size_t)(dot - entry->d_name)));
        }
        if (dir != NULL)
            closedir(dir);
    }
    const char *close = known.n == 0 ? NULL : wc_str_suggest(name, known.items, known.n);
    if (close != NULL)
        return wc_err_set(err, WC_ERR_NOENT, 0, "no recipe '%.100s'; did you mean '%s'?", name,
                          close);
    return wc_err_set(err, WC_ERR_NOENT, 0,
                      "no recipe '%.100s'; %zu are known, or give a file's path", name, known.n);
}

int wc_recipe_read(struct wc_arena *arena, const char *name, const char *const *dirs,
                   struct wc_recipe *out, struct wc_err *err)
{
    struct wc_recipe recipe = { 0 };
    struct reader r = { .arena = arena, .dirs = dirs, .recipe = &recipe, .path = "" };
    const char *path = name;
    if (strchr(name, '/') == NULL) {
        const char *beside = find_beside(&r, name);
        if (beside != NULL || !wc_fs_exists(name))
            path = beside; /* "nginx" in a directory that happens to hold such a file: ours */
    }
    if (path == NULL || !wc_fs_exists(path))
        return unknown(&r, name, err);
    const char *slash = strrchr(path, '/');
    const char *base = slash == NULL ? path : slash + 1;
    recipe.name = wc_arena_strndup(arena, base, strcspn(base, "."));
    r.hash = wc_sha256_new();
    int rc = read_file(&r, path, err);
    wc_sha256_finish(r.hash, rc == 0 ? recipe.fingerprint : NULL);
    if (rc == 0)
        *out = recipe;
    return rc;
}
