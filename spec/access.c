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

bool wc_access_read(struct wc_load *load, const char *path, const char *shown, struct wc_loc at,
                    unsigned span, struct wc_text *out)
{
    struct wc_err err = { 0 };
    WC_CLEANUP_BUF struct wc_buf buf = WC_BUF_INIT;
    if (!wc_budget_take(&load->budget, load->diags, WC_LIMIT_FILES, 1, at, span))
        return false;
    if (read_any(load, path, &buf, &err) != 0) {
        load->is_file_missing |= err.code == WC_ERR_NOENT && at.line == 0;
        report(load, path, &err, shown, at, span);
        return false;
    }
    if (!wc_budget_take(&load->budget, load->diags, WC_LIMIT_TOTAL_BYTES, buf.len, at, span))
        return false;
    char *copy = wc_arena_alloc(load->arena, buf.len + 1);
    memcpy(copy, buf.data, buf.len);
    *out = (struct wc_text){ copy, buf.len };
    return wc_encoding_take(load, shown, out);
}
