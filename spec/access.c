/* access.c - the one door to files: the caller's functions, or the file system.
 *
 * Everything that a load reads goes through here, so a test or a fuzzer can hold a whole project in
 * memory, and fail any read it likes.
 */
#include "spec/access.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/input.h"
#include "spec/encoding.h"

static int read_file(void *data, const char *path, size_t limit, struct wc_buf *out,
                     struct wc_err *err)
{
    (void)data;
    return wc_input_read(path, NULL, limit, out, err);
}

static bool file_exists(void *data, const char *path)
{
    (void)data;
    return wc_fs_exists(path);
}

static const struct wc_spec_access *access_of(const struct wc_load *load)
{
    static const struct wc_spec_access file_system = { read_file, file_exists, NULL };
    return load->options->access != NULL ? load->options->access : &file_system;
}

bool wc_access_exists(const struct wc_load *load, const char *path)
{
    const struct wc_spec_access *access = access_of(load);
    return access->exists(access->data, path);
}

bool wc_access_read(struct wc_load *load, const char *path, const char *shown, struct wc_loc at,
                    unsigned span, struct wc_text *out)
{
    const struct wc_spec_access *access = access_of(load);
    struct wc_err err = { 0 };
    WC_CLEANUP_BUF struct wc_buf buf = WC_BUF_INIT;
    if (access->read(access->data, path, WC_YAML_BYTES_MAX, &buf, &err) != 0) {
        load->is_file_missing |= err.code == WC_ERR_NOENT && at.line == 0;
        if (err.code == WC_ERR_NOENT)
            wc_report_at(load, WC_E_FILE, at, span, "there is no file '%s'", shown);
        else
            wc_report_at(load, err.code == WC_ERR_LIMIT ? WC_E_LIMIT : WC_E_FILE, at, span,
                         "can't read '%s': %s", shown, err.msg);
        return false;
    }
    char *copy = wc_arena_alloc(load->arena, buf.len + 1);
    memcpy(copy, buf.data, buf.len);
    *out = (struct wc_text){ copy, buf.len };
    return wc_encoding_take(load, shown, out);
}
