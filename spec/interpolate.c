/* interpolate.c - the template language, and its walk over a tree.
 *
 * The closing brace is found by counting braces, so that defaults may hold templates; a default is
 * expanded only when it is used. A '$' that begins nothing stays as it is.
 */
#include "spec/interpolate.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "spec/load.h"

enum { NESTING_MAX = 32, EXPANDED_MAX = 1 << 20 };

struct expansion {
    const struct wc_template_env *env;
    struct wc_template_fault *fault;
    unsigned depth;
};

static bool expand(struct expansion *x, const char *text, size_t len, size_t base,
                   struct wc_buf *out);

static bool name_start(char c)
{
    return c == '_' || (wc_ascii_isalnum(c) && !wc_ascii_isdigit(c));
}

static size_t name_length(const char *text, size_t len)
{
    if (len == 0 || !name_start(text[0]))
        return 0;
    size_t n = 1;
    while (n < len && (text[n] == '_' || wc_ascii_isalnum(text[n])))
        n++;
    return n;
}

static bool fault(struct expansion *x, size_t offset, size_t len, const char *msg)
{
    x->fault->offset = offset;
    x->fault->len = len;
    snprintf(x->fault->msg, sizeof x->fault->msg, "%s", msg);
    return false;
}

/* Looks a name up that isn't NUL-terminated. */
static const char *look_up(const struct expansion *x, const char *name, size_t len)
{
    char stack[128];
    if (len >= sizeof stack) {
        WC_CLEANUP_BUF struct wc_buf heap = WC_BUF_INIT;
        wc_buf_add(&heap, name, len);
        return x->env->get(x->env->data, heap.data);
    }
    memcpy(stack, name, len);
    stack[len] = '\0';
    return x->env->get(x->env->data, stack);
}

static void note_unset(const struct expansion *x, const char *name, size_t len, size_t offset,
                       size_t span)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    if (x->env->unset == NULL)
        return;
    wc_buf_add(&text, name, len);
    x->env->unset(x->env->data, text.data, offset, span);
}

/* One ${…}: `body` without the braces, at `base` of the whole text. */
struct braced {
    const char *body;
    size_t len, base;
    size_t name_len;
};

/* ${NAME:?word}: the word becomes the message. */
static bool fail_required(struct expansion *x, const struct braced *b, const char *word,
                          size_t word_len, size_t word_base)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    if (!expand(x, word, word_len, word_base, &text))
        return false;
    x->fault->required = true;
    x->fault->offset = b->base - 2;
    x->fault->len = b->len + 3;
    snprintf(x->fault->msg, sizeof x->fault->msg, "required variable '%.*s' is %s%s%s",
             (int)(b->name_len > 80 ? 80 : b->name_len), b->body,
             look_up(x, b->body, b->name_len) == NULL ? "not set" : "empty",
             text.len == 0 ? "" : ": ", text.data);
    return false;
}

static bool expand_braced(struct expansion *x, const struct braced *b, struct wc_buf *out)
{
    const char *value = look_up(x, b->body, b->name_len);
    const char *op = b->body + b->name_len;
    size_t left = b->len - b->name_len;
    if (left == 0) {
        if (value == NULL)
            note_unset(x, b->body, b->name_len, b->base - 2, b->len + 3);
        else
            wc_buf_adds(out, value);
        return true;
    }
    bool colon = op[0] == ':';
    char sign = op[colon ? 1 : 0];
    size_t skip = colon ? 2 : 1;
    if (left < skip || sign == '\0' || strchr("-+?", sign) == NULL)
        return fault(x, b->base - 2, b->len + 3,
                     "not a template: behind the name stands one of :- - :+ + :? ?");
    const char *word = op + skip;
    size_t word_len = left - skip, word_base = b->base + b->name_len + skip;
    bool has = value != NULL && !(colon && value[0] == '\0');
    if (sign == '+')
        return has ? expand(x, word, word_len, word_base, out) : true;
    if (has) {
        wc_buf_adds(out, value);
        return true;
    }
    if (sign == '?')
        return fail_required(x, b, word, word_len, word_base);
    return expand(x, word, word_len, word_base, out);
}

/* Length of the body behind "${", up to its closing brace; false when there is none on the line. */
static bool body_length(const char *text, size_t len, size_t *out)
{
    unsigned open = 1;
    for (size_t i = 0; i < len && text[i] != '\n'; i++) {
        if (text[i] == '{')
            open++;
        else if (text[i] == '}' && --open == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* text[0] is '$'. Appends what it stands for and sets *used. */
static bool expand_dollar(struct expansion *x, const char *text, size_t len, size_t base,
                          struct wc_buf *out, size_t *used)
{
    *used = 1;
    if (len >= 2 && text[1] == '$') {
        *used = 2;
        wc_buf_addc(out, '$');
        return true;
    }
    size_t name = name_length(text + 1, len - 1);
    if (name != 0) {
        const char *value = look_up(x, text + 1, name);
        *used = 1 + name;
        if (value == NULL)
            note_unset(x, text + 1, name, base, 1 + name);
        else
            wc_buf_adds(out, value);
        return true;
    }
    if (len < 2 || text[1] != '{') {
        wc_buf_addc(out, '$');
        return true;
    }
    struct braced b = { .body = text + 2, .base = base + 2 };
    if (!body_length(b.body, len - 2, &b.len))
        return fault(x, base, len, "not a template: '${' without its '}' on the same line");
    b.name_len = name_length(b.body, b.len);
    if (b.name_len == 0)
        return fault(x, base, b.len + 3,
                     "not a template: '${' is followed by a name of letters, digits and '_'");
    *used = b.len + 3;
    return expand_braced(x, &b, out);
}

static bool expand(struct expansion *x, const char *text, size_t len, size_t base,
                   struct wc_buf *out)
{
    if (x->depth >= NESTING_MAX)
        return fault(x, base, len, "templates are nested deeper than 32 levels");
    x->depth++;
    for (size_t i = 0; i < len;) {
        const char *dollar = memchr(text + i, '$', len - i);
        size_t plain = dollar == NULL ? len - i : (size_t)(dollar - (text + i));
        wc_buf_add(out, text + i, plain);
        i += plain;
        size_t used = 0;
        if (i < len && !expand_dollar(x, text + i, len - i, base + i, out, &used))
            return false;
        if (out->len > (x->env->most != 0 ? x->env->most : EXPANDED_MAX)) {
            x->fault->limit = true;
            return fault(x, base, len, "expands too far");
        }
        i += used;
    }
    x->depth--;
    return true;
}

bool wc_template_expand(const char *text, const struct wc_template_env *env, struct wc_buf *out,
                        struct wc_template_fault *fault_out)
{
    *fault_out = (struct wc_template_fault){ 0 };
    struct expansion x = { .env = env, .fault = fault_out };
    return expand(&x, text, strlen(text), 0, out);
}

/* What the walk over a tree hands to the callbacks. */
struct site {
    struct wc_load *load;
    const struct wc_node *node;
};

static const char *get_env(void *data, const char *name)
{
    const struct site *site = data;
    return wc_load_env(site->load, name);
}

/* The text of the file that a place is in, or NULL. */
static const struct wc_source *source_of(const struct wc_load *load, struct wc_loc at)
{
    const struct wc_source *s = at.file == NULL || at.line == 0 ? NULL : load->diags->sources;
    if (s != NULL && load->cursor_in != NULL && wc_streq(load->cursor_in->file, at.file))
        return load->cursor_in;
    while (s != NULL && !wc_streq(s->file, at.file))
        s = s->next;
    return s;
}

/* Where a scalar's text begins in the file: behind the header of a block. Scalars mostly come in
 * order, so the search goes on where the last one ended. */
static size_t text_begins(const struct site *site, const struct wc_source *s, struct wc_loc at)
{
    struct wc_load *load = site->load;
    if (load->cursor_in != s || at.line < load->cursor.line ||
        (at.line == load->cursor.line && at.col < load->cursor.col)) {
        load->cursor = (struct wc_loc){ at.file, 1, 1 };
        load->cursor_byte = 0;
    }
    unsigned line = at.line - load->cursor.line + 1;
    unsigned col = line == 1 ? at.col - load->cursor.col + 1 : at.col;
    size_t from = load->cursor_byte;
    size_t i = from + wc_text_offset(s->text + from, s->len - from, line, col);
    load->cursor_in = s;
    load->cursor = at;
    load->cursor_byte = i;
    if (i < s->len && (s->text[i] == '|' || s->text[i] == '>'))
        while (i < s->len && s->text[i] != '\n' && s->text[i] != '\r')
            i++;
    return i;
}

/* Place of an offset within a scalar's text, where a '$' is. Folding, escapes and doubled quotes
 * move characters about but bring no dollar signs, so the n-th of the text is the n-th in the file;
 * where it isn't after all ("\x24"), the scalar's own place has to do. */
static struct wc_loc place_in(const struct site *site, size_t offset, size_t len, unsigned *span)
{
    const struct wc_node *node = site->node;
    const struct wc_source *s = source_of(site->load, node->at);
    *span = node->span;
    if (s == NULL || wc_diags_full(site->load->diags, WC_SEVERITY_ERROR) ||
        node->text[offset] != '$')
        return node->at;
    size_t i = text_begins(site, s, node->at);
    for (const char *p = node->text; i < s->len; i++, p++) {
        const char *in_file = memchr(s->text + i, '$', s->len - i);
        p = strchr(p, '$');
        if (in_file == NULL)
            return node->at;
        i = (size_t)(in_file - s->text);
        if (p == node->text + offset)
            break;
    }
    size_t same = 0;
    while (same < len && i + same < s->len && s->text[i + same] == node->text[offset + same])
        same++;
    if (same < len && (i + same >= s->len || strchr("\\' \t\r\n", s->text[i + same]) == NULL))
        return node->at;
    *span = wc_utf8_columns(node->text + offset, same);
    return wc_text_place_from(site->load->cursor, s->text, site->load->cursor_byte, i);
}

/* An unset variable: one that is set may have been meant. */
static void hint_unset(struct wc_load *load, struct wc_diag *diag, const char *name)
{
    if (diag == &load->diags->scratch)
        return;
    if (load->variables == NULL || load->n_variables != load->env.n) {
        load->n_variables = load->env.n;
        load->variables = WC_NEW_ARRAY(load->arena, const char *, load->env.n + 1);
        for (size_t i = 0; i < load->env.n; i++)
            load->variables[i] = load->env.entries[i].key;
    }
    wc_hint_words(load, diag, name, load->variables, load->n_variables, false);
    if (diag->hint == NULL)
        wc_hint(load, diag, "set it in the environment or in .env, or write ${%s-}", name);
    else
        wc_hint(load, diag, "%s otherwise set it, or write ${%s-}", diag->hint, name);
}

bool wc_env_refused(struct wc_load *load, const char *name, struct wc_loc at, unsigned span)
{
    size_t len = strlen(name);
    const char *const *e = load->options->restricted ? load->options->environ : NULL;
    while (e != NULL && *e != NULL && (strncmp(*e, name, len) != 0 || (*e)[len] != '='))
        e++;
    if (e == NULL || *e == NULL)
        return false;
    struct wc_diag *diag =
        wc_report_at(load, WC_E_RESTRICTED, at, span,
                     "variable '%s' is set, but --restricted keeps it out", name);
    wc_hint(load, diag, "--allow-env %s lets it in; ${%s-} does without", name, name);
    return true;
}

static void warn_unset(void *data, const char *name, size_t offset, size_t len)
{
    const struct site *site = data;
    struct wc_load *load = site->load;
    if (wc_map_has(&load->warned, name))
        return;
    const char *kept = wc_arena_strdup(load->arena, name);
    wc_map_put(&load->warned, kept, NULL);
    unsigned span;
    struct wc_loc at = place_in(site, offset, len, &span);
    if (wc_env_refused(load, kept, at, span))
        return;
    struct wc_diag *diag = wc_report_at(
        load, WC_W_UNSET, at, span, "variable '%s' is not set; it becomes an empty string", kept);
    hint_unset(load, diag, kept);
}

void wc_template_report(struct wc_load *load, const struct wc_template_fault *fault,
                        struct wc_loc at, unsigned span)
{
    if (fault->limit) {
        (void)wc_budget_check(&load->budget, load->diags, WC_LIMIT_VALUE_BYTES, SIZE_MAX, at, span);
        return;
    }
    struct wc_diag *diag = wc_report_at(load, fault->required ? WC_E_VARIABLE : WC_E_TEMPLATE, at,
                                        span, "%s", fault->msg);
    diag->hint = fault->required ? "set it in the environment, in .env or in an --env-file"
                                 : "write $$ for a dollar sign";
}

static struct wc_node *expand_scalar(struct wc_load *load, struct wc_node *node)
{
    struct site site = { load, node };
    struct wc_template_env env = { get_env, warn_unset, &site,
                                   load->budget.max[WC_LIMIT_VALUE_BYTES] };
    struct wc_template_fault why;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct wc_node *copy = wc_node_copy(load->arena, node);
    if (!wc_template_expand(node->text, &env, &out, &why)) {
        unsigned span;
        struct wc_loc at = place_in(&site, why.offset, why.len, &span);
        wc_template_report(load, &why, at, span);
        copy->kind = WC_NODE_BAD;
        return copy;
    }
    if (!wc_budget_take(&load->budget, load->diags, WC_LIMIT_EXPANDED_BYTES, out.len, node->at,
                        node->span)) {
        copy->kind = WC_NODE_BAD;
        return copy;
    }
    copy->text = wc_arena_strndup(load->arena, out.data, out.len);
    copy->raw = copy->text;
    return copy;
}

struct wc_node *wc_interpolate(struct wc_load *load, struct wc_node *node)
{
    if (load->budget.over)
        return node;
    if (node->kind == WC_NODE_STRING)
        return strchr(node->text, '$') == NULL ? node : expand_scalar(load, node);
    struct wc_node *copy = NULL;
    for (size_t i = 0; i < node->n; i++) {
        bool list = node->kind == WC_NODE_LIST;
        struct wc_node *old = list ? node->items[i] : node->members[i].value;
        struct wc_node *new = wc_interpolate(load, old);
        if (new == old)
            continue;
        if (copy == NULL)
            copy = wc_node_copy(load->arena, node);
        *(list ? &copy->items[i] : &copy->members[i].value) = new;
    }
    return copy == NULL ? node : copy;
}
