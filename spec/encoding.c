/* encoding.c - UTF-16 in, UTF-8 out; lines and columns.
 *
 * YAML allows UTF-16 and libyaml reads it, but its marks would count in a text that nobody holds:
 * converting first lets every later stage, and the lines under a diagnostic, share one text.
 */
#include "spec/encoding.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "spec/load.h"
#include "spec/text.h"

static unsigned unit(const unsigned char *p, bool big)
{
    return big ? (unsigned)p[0] << 8 | p[1] : (unsigned)p[1] << 8 | p[0];
}

static void add_utf8(struct wc_buf *out, unsigned code)
{
    if (code < 0x80) {
        wc_buf_addc(out, (char)code);
    } else if (code < 0x800) {
        wc_buf_addc(out, (char)(0xC0 | code >> 6));
        wc_buf_addc(out, (char)(0x80 | (code & 0x3F)));
    } else if (code < 0x10000) {
        wc_buf_addc(out, (char)(0xE0 | code >> 12));
        wc_buf_addc(out, (char)(0x80 | (code >> 6 & 0x3F)));
        wc_buf_addc(out, (char)(0x80 | (code & 0x3F)));
    } else {
        wc_buf_addc(out, (char)(0xF0 | code >> 18));
        wc_buf_addc(out, (char)(0x80 | (code >> 12 & 0x3F)));
        wc_buf_addc(out, (char)(0x80 | (code >> 6 & 0x3F)));
        wc_buf_addc(out, (char)(0x80 | (code & 0x3F)));
    }
}

/* Converts as far as it goes; false when a surrogate stands alone or half a unit is left. */
static bool from_utf16(const char *text, size_t len, struct wc_buf *out)
{
    const unsigned char *p = (const unsigned char *)text;
    bool big = p[0] == 0xFE;
    for (size_t i = 2; i + 1 < len; i += 2) {
        unsigned code = unit(p + i, big);
        if (code >= 0xD800 && code < 0xE000) {
            unsigned low = i + 3 < len ? unit(p + i + 2, big) : 0;
            if (code >= 0xDC00 || low < 0xDC00 || low >= 0xE000)
                return false;
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
            i += 2;
        }
        add_utf8(out, code);
    }
    return len % 2 == 0;
}

static bool refuse(struct wc_load *load, const char *shown, const struct wc_text *text,
                   size_t offset, const char *what, const char *hint)
{
    wc_diags_source(load->diags, shown, text->bytes, text->len);
    struct wc_loc at = wc_text_place(shown, text->bytes, text->len, offset);
    struct wc_diag *diag =
        wc_report_at(load, WC_E_SYNTAX, at, 1, "'%s' is not readable as text: %s", shown, what);
    diag->hint = hint;
    return false;
}

bool wc_encoding_take(struct wc_load *load, const char *shown, struct wc_text *text)
{
    bool whole = true;
    if (text->len >= 2 &&
        (memcmp(text->bytes, "\xFF\xFE", 2) == 0 || memcmp(text->bytes, "\xFE\xFF", 2) == 0)) {
        WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
        whole = from_utf16(text->bytes, text->len, &out);
        char *copy = wc_arena_alloc(load->arena, out.len + 1);
        memcpy(copy, out.data, out.len);
        *text = (struct wc_text){ copy, out.len };
    } else if (text->len >= 3 && memcmp(text->bytes, "\xEF\xBB\xBF", 3) == 0) {
        text->bytes += 3;
        text->len -= 3;
    }
    size_t valid = wc_utf8_valid(text->bytes, text->len);
    if (valid < text->len && text->bytes[valid] == '\0')
        return refuse(load, shown, text, valid, "it holds a NUL character",
                      "save it as UTF-8 text; UTF-16 needs a byte order mark");
    if (valid < text->len)
        return refuse(load, shown, text, valid,
                      wc_arena_printf(load->arena, "byte 0x%02X is not UTF-8 here",
                                      (unsigned char)text->bytes[valid]),
                      "save the file as UTF-8");
    if (!whole)
        return refuse(load, shown, text, text->len, "UTF-16 is broken off here",
                      "save the file as UTF-8");
    return true;
}

/* The value isn't shown: it may be a password. */
static void check_value(struct wc_load *load, const struct wc_node *node, const char *key)
{
    size_t len = node->kind == WC_NODE_STRING ? strlen(node->text) : 0;
    size_t valid = len == 0 ? 0 : wc_utf8_valid(node->text, len);
    if (valid == len)
        return;
    struct wc_diag *diag = wc_report_at(load, WC_E_VALUE, node->at, node->span,
                                        "the value of '%s' is not UTF-8: byte %zu is 0x%02X", key,
                                        valid + 1, (unsigned char)node->text[valid]);
    diag->hint = "it comes from the environment; set it in UTF-8, which YAML and JSON can hold";
}

static void check_tree(struct wc_load *load, const struct wc_node *node, const char *key)
{
    check_value(load, node, key);
    for (size_t i = 0; node->kind == WC_NODE_LIST && i < node->n; i++)
        check_tree(load, node->items[i], key);
    for (size_t i = 0; node->kind == WC_NODE_MAP && i < node->n; i++)
        check_tree(load, node->members[i].value, node->members[i].key);
}

void wc_encoding_check(struct wc_load *load, const struct wc_node *tree)
{
    if (load->foreign_bytes)
        check_tree(load, tree, "name");
}
