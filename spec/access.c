/* access.c - the one door to files: the caller's functions, or the file system.
 *
 * Everything that a load reads goes through here, so a test or a fuzzer can hold a whole project in
 * memory, and fail any read it likes.
 */
#include "spec/access.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/input.h"
#include "spec/encoding.h"
#include "spec/restricted.h"

bool wc_access_exists(const struct wc_load *load, const char *path)
{
    const struct wc_spec_access *access = load->options->access;
    const char *root;
    if (load->project_dir != NULL && !wc_restricted_allows(load, path, &root))
        return true; /* reading it is refused, with a word */
    return access != NULL ? access->exists(access->data, path) : wc_fs_exists(path);
}

static int read_any(const struct wc_load *load, const char *path, struct wc_buf *out,
                    struct wc_err *err)
{
    const struct wc_spec_access *access = load->options->access;
    size_t limit = load->budget.max[WC_LIMIT_FILE_BYTES];
    const char *root;
    if (!wc_restricted_allows(load, path, &root))
        return wc_err_set(err, WC_ERR_PERM, 0, "outside");
    return access != NULL ? access->read(access->data, path, limit, out, err)
                          : wc_input_read(path, root, limit, out, err);
}

static void report(struct wc_load *load, const char *path, const struct wc_err *err,
                   const char *shown, struct wc_loc at, unsigned span)
{
    const char *root;
    bool led_out = !wc_restricted_allows(load, path, &root) || (root != NULL && err->sys == EXDEV);
    if (led_out)
        wc_restricted_refuse(load, shown, at, span);
    else if (err->code == WC_ERR_NOENT)
        wc_report_at(load, WC_E_FILE, at, span, "there is no file '%s'", shown);
    else if (err->code == WC_ERR_LIMIT)
        (void)wc_budget_check(&load->budget, load->diags, WC_LIMIT_FILE_BYTES, SIZE_MAX, at, span);
    else
        wc_report_at(load, WC_E_FILE, at, span, "can't read '%s': %s", shown, err->msg);
}

/* Reads without counting; false with *err set. */
static bool read_text(struct wc_load *load, const char *path, struct wc_text *out,
                      struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf buf = WC_BUF_INIT;
    if (read_any(load, path, &buf, err) != 0)
        return false;
    char *copy = wc_arena_alloc(load->arena, buf.len + 1);
    memcpy(copy, buf.data, buf.len);
    *out = (struct wc_text){ copy, buf.len };
    return true;
}

bool wc_access_peek(const struct wc_load *load, const char *path, struct wc_text *out)
{
    WC_CLEANUP_BUF struct wc_buf buf = WC_BUF_INIT;
    struct wc_err err = { 0 };
    if (read_any(load, path, &buf, &err) != 0 || wc_utf8_valid(buf.data, buf.len) != buf.len)
        return false;
    *out = (struct wc_text){ wc_arena_strndup(load->arena, buf.data, buf.len), buf.len };
    return true;
}

static void report_unread(struct wc_load *load, const char *path, const struct wc_err *err,
                          const char *shown, struct wc_loc at, unsigned span)
{
    load->is_file_missing |= err->code == WC_ERR_NOENT && at.line == 0;
    report(load, path, err, shown, at, span);
}

bool wc_access_read(struct wc_load *load, const char *path, const char *shown, struct wc_loc at,
                    unsigned span, struct wc_text *out)
{
    struct wc_err err = { 0 };
    if (!wc_budget_take(&load->budget, load->diags, WC_LIMIT_FILES, 1, at, span))
        return false;
    if (!read_text(load, path, out, &err)) {
        report_unread(load, path, &err, shown, at, span);
        return false;
    }
    return wc_budget_take(&load->budget, load->diags, WC_LIMIT_TOTAL_BYTES, out->len, at, span) &&
           wc_encoding_take(load, shown, out);
}

/* What one env file said, or why it didn't. */
struct kept {
    struct wc_text text;
    size_t lines;
    struct wc_err err; /* code 0: it was read */
    bool is_text;
};

static size_t count_lines(const struct wc_text *text)
{
    size_t lines = 0;
    for (const char *p = text->bytes, *end = p + text->len; p < end; lines++) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        p = newline == NULL ? end : newline + 1;
    }
    return lines;
}

static struct kept *keep(struct wc_load *load, const char *path, const char *shown)
{
    struct kept *kept = wc_map_get(&load->texts, path);
    if (kept != NULL)
        return kept;
    kept = WC_NEW(load->arena, struct kept);
    wc_map_put(&load->texts, path, kept);
    kept->is_text = read_text(load, path, &kept->text, &kept->err) &&
                    wc_encoding_take(load, shown, &kept->text);
    kept->lines = kept->is_text ? count_lines(&kept->text) : 0;
    return kept;
}

bool wc_access_env(struct wc_load *load, const char *path, const char *shown, struct wc_loc at,
                   unsigned span, struct wc_text *out)
{
    struct wc_budget *budget = &load->budget;
    if (!wc_budget_take(budget, load->diags, WC_LIMIT_FILES, 1, at, span))
        return false;
    const struct kept *kept = keep(load, path, shown);
    if (kept->err.code != 0)
        report_unread(load, path, &kept->err, shown, at, span);
    *out = kept->text;
    return kept->is_text &&
           wc_budget_take(budget, load->diags, WC_LIMIT_TOTAL_BYTES, out->len, at, span) &&
           wc_budget_take(budget, load->diags, WC_LIMIT_ENV_LINES, kept->lines, at, span);
}

bool wc_access_kept(const struct wc_load *load, const char *path, struct wc_text *out)
{
    const struct kept *kept = wc_map_get(&load->texts, path);
    if (kept == NULL || !kept->is_text)
        return false;
    *out = kept->text;
    return true;
}
