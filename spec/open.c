/* open.c - one parse a file, however often it is extended or included.
 *
 * Nodes are never changed by later stages, so all who ask may share the tree.
 */
#include "spec/open.h"

#include "base/arena.h"
#include "base/str.h"
#include "spec/access.h"
#include "spec/encoding.h"

static bool read_text(struct wc_load *load, const struct wc_opened *file, struct wc_loc at,
                      unsigned span, struct wc_text *out)
{
    const struct wc_spec_options *o = load->options;
    if (o->text == NULL || !wc_streq(file->path, load->files.items[0])) {
        const char *real = wc_streq(file->path, "-") ? "/dev/stdin" : file->path;
        return wc_access_read(load, real, file->shown, at, span, out);
    }
    *out = (struct wc_text){ o->text, o->text_len };
    return wc_budget_check(&load->budget, load->diags, WC_LIMIT_FILE_BYTES, out->len,
                           (struct wc_loc){ file->shown, 1, 1 }, 1) &&
           wc_encoding_take(load, file->shown, out);
}

const struct wc_opened *wc_open(struct wc_load *load, const char *path, const char *shown,
                                struct wc_loc at, unsigned span, const char *origin)
{
    struct wc_opened *file = wc_map_get(&load->opened, path);
    struct wc_text text;
    if (file != NULL)
        return file;
    file = WC_NEW(load->arena, struct wc_opened);
    *file = (struct wc_opened){ .path = path, .shown = shown };
    if (!read_text(load, file, at, span, &text))
        return NULL;
    file->len = text.len;
    wc_map_put(&load->opened, path, file);
    if (origin != NULL) {
        struct wc_origin *from = WC_NEW(load->arena, struct wc_origin);
        *from = (struct wc_origin){ at, span, origin };
        wc_map_put(&load->origins, shown, from);
    }
    wc_diags_source(load->diags, shown, text.bytes, text.len);
    file->broken =
        !wc_node_parse(load->arena, load->diags, shown, &text, &load->budget, &file->documents);
    load->tagged = load->tagged || file->documents.tagged;
    return file;
}
