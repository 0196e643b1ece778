/* split.c - a command string to words.
 *
 * docker compose's splitter ends a command silently at an unquoted ';', '&', '|', '<' or '>', and
 * passes `$(a b)` on as one word; a user who writes that means a shell, so it is refused with the
 * way to ask for one.
 */
#include "spec/types.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"

struct splitter {
    struct wc_load *load;
    struct wc_node *node, *out;
    struct wc_buf word;
    bool in_word;
};

static struct wc_node *bad(struct splitter *s)
{
    struct wc_node *copy = wc_node_copy(s->load->arena, s->node);
    copy->kind = WC_NODE_BAD;
    return copy;
}

/* The place of a byte of the text, when the scalar stands on one line as it is. */
static struct wc_loc place_of(const struct wc_node *node, const char *p)
{
    struct wc_loc at = node->at;
    bool verbatim =
        wc_utf8_columns(node->raw, strlen(node->raw)) + (node->quoted ? 2 : 0) == node->span;
    if (verbatim)
        at.col += wc_utf8_columns(node->text, (size_t)(p - node->text)) + (node->quoted ? 1 : 0);
    return at;
}

static struct wc_node *refuse_operator(struct splitter *s, const char *p)
{
    size_t len = strspn(p, ";&|<>(");
    struct wc_diag *diag =
        wc_report_at(s->load, WC_E_SHELL, place_of(s->node, p), (unsigned)len,
                     "no shell reads this command, so '%.*s' would not work", (int)len, p);
    wc_hint(s->load, diag, "ask for a shell: [\"sh\", \"-c\", \"…\"]; or quote the sign");
    return bad(s);
}

static void end_word(struct splitter *s)
{
    if (!s->in_word)
        return;
    const char *text = wc_arena_strndup(s->load->arena, s->word.data, s->word.len);
    wc_node_add(s->load->arena, s->out, wc_node_string(s->load->arena, text, s->node));
    wc_buf_reset(&s->word);
    s->in_word = false;
}

/* p is behind an opening quote; returns the closing one, or NULL when there is none. In double
 * quotes a backslash goes before any sign, as docker compose has it and a shell has not. */
static const char *quoted(struct splitter *s, const char *p, char quote)
{
    for (; *p != '\0' && *p != quote; p++) {
        if (*p == '\\' && quote == '"' && p[1] != '\0')
            p++;
        wc_buf_addc(&s->word, *p);
    }
    return *p == quote ? p : NULL;
}

static struct wc_node *split(struct splitter *s)
{
    for (const char *p = s->node->text; *p != '\0'; p++) {
        if (strchr(" \t\r\n", *p) != NULL) {
            end_word(s);
            continue;
        }
        if (strchr(";&|<>(", *p) != NULL)
            return refuse_operator(s, p);
        s->in_word = true;
        if (*p == '\'' || *p == '"') {
            const char *close = quoted(s, p + 1, *p);
            if (close == NULL) {
                wc_report_at(s->load, WC_E_VALUE, place_of(s->node, p), 1,
                             "a quote is opened here and never closed");
                return bad(s);
            }
            p = close;
        } else if (*p == '\\') {
            if (p[1] == '\0') {
                wc_report_at(s->load, WC_E_VALUE, place_of(s->node, p), 1,
                             "a backslash at the end takes nothing literally; write \\\\ for one");
                return bad(s);
            }
            wc_buf_addc(&s->word, *++p);
        } else {
            wc_buf_addc(&s->word, *p);
        }
    }
    end_word(s);
    return s->out;
}

struct wc_node *wc_split_command(struct wc_load *load, struct wc_node *node)
{
    struct splitter s = { .load = load, .node = node, .word = WC_BUF_INIT };
    s.out = wc_node_new(load->arena, WC_NODE_LIST, node);
    struct wc_node *out = split(&s);
    wc_buf_deinit(&s.word);
    return out;
}
