/* git_parse.c - commits and tags as signed texts. What was signed is everything but the signature:
 * a commit carries it in a header whose further lines begin with a blank, a tag at its end.
 * Whoever reads a second signature, or a header that isn't one, could be made to verify another
 * text than git shows: such objects have n_signatures != 1 and are refused by who asks.
 */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "orchestrator/gitops/git_text.h"

/* One line without its end; false at the end of the text. */
static bool next_line(const char **at, const char *end, struct wc_piece *line)
{
    if (*at >= end)
        return false;
    const char *eol = memchr(*at, '\n', (size_t)(end - *at));
    line->at = *at;
    line->len = (size_t)((eol == NULL ? end : eol) - *at);
    *at = eol == NULL ? end : eol + 1;
    return true;
}

/* What follows "key " on a line. */
static bool header(struct wc_piece line, const char *key, struct wc_piece *value)
{
    size_t len = strlen(key);
    if (line.len <= len || memcmp(line.at, key, len) != 0 || line.at[len] != ' ')
        return false;
    *value = (struct wc_piece){ line.at + len + 1, line.len - len - 1 };
    return true;
}

static bool take_id(struct wc_piece value, char out[65])
{
    if (!wc_git_is_id(value.at, value.len))
        return false;
    memcpy(out, value.at, value.len);
    out[value.len] = '\0';
    return true;
}

/* "Ann <ann@example.org> 1700000000 +0100": the person, and the time in ms (0: none). */
static struct wc_piece person(struct wc_piece value, int64_t *time_ms)
{
    size_t len = value.len;
    while (len > 0 && value.at[len - 1] != '>')
        len--;
    *time_ms = 0;
    int64_t seconds = 0;
    size_t at = len;
    if (len > 0 && at < value.len && value.at[at] == ' ')
        for (at++; at < value.len && wc_ascii_isdigit(value.at[at]) && seconds < (1LL << 40); at++)
            seconds = seconds * 10 + (value.at[at] - '0');
    if (seconds < (1LL << 40))
        *time_ms = seconds * 1000;
    return len > 0 ? (struct wc_piece){ value.at, len } : value;
}

static struct wc_piece first_line(const char *at, const char *end)
{
    struct wc_piece line = { at, 0 };
    while (next_line(&at, end, &line))
        if (line.len > 0)
            return line;
    return (struct wc_piece){ end, 0 };
}

static char *detach(struct wc_buf *buf, struct wc_arena *arena, size_t *len)
{
    char *out = wc_arena_alloc(arena, buf->len + 1);
    memcpy(out, buf->data, buf->len);
    *len = buf->len;
    return out;
}

static bool is_signature_header(struct wc_piece line)
{
    struct wc_piece rest;
    return header(line, "gpgsig", &rest) || header(line, "gpgsig-sha256", &rest);
}

static void read_commit_header(struct wc_piece line, struct wc_git_object *out)
{
    struct wc_piece value;
    int64_t ignored;
    if (out->tree[0] == '\0' && header(line, "tree", &value))
        (void)take_id(value, out->tree);
    else if (out->author.at == NULL && header(line, "author", &value))
        out->author = person(value, &ignored);
    else if (out->time_ms == 0 && header(line, "committer", &value))
        (void)person(value, &out->time_ms);
}

bool wc_git_read_commit(const char *text, size_t len, struct wc_arena *arena,
                        struct wc_git_object *out)
{
    WC_CLEANUP_BUF struct wc_buf payload = WC_BUF_INIT;
    WC_CLEANUP_BUF struct wc_buf signature = WC_BUF_INIT;
    const char *end = text + len;
    bool in_signature = false;
    struct wc_piece line, value;
    memset(out, 0, sizeof *out);
    const char *at = text, *begin = text;
    for (; next_line(&at, end, &line) && line.len > 0; begin = at) {
        if (in_signature && line.at[0] == ' ') {
            wc_buf_add(&signature, line.at + 1, line.len - 1);
            wc_buf_addc(&signature, '\n');
            continue;
        }
        in_signature = is_signature_header(line);
        if (in_signature) {
            out->n_signatures++;
            (void)(header(line, "gpgsig", &value) || header(line, "gpgsig-sha256", &value));
            wc_buf_add(&signature, value.at, value.len);
            wc_buf_addc(&signature, '\n');
            continue;
        }
        read_commit_header(line, out);
        wc_buf_add(&payload, begin, (size_t)(at - begin));
    }
    if (out->tree[0] == '\0' || !wc_str_starts(text, "tree "))
        return false;
    out->subject = first_line(at, end);
    wc_buf_add(&payload, begin, (size_t)(end - begin));
    if (out->n_signatures == 0)
        return true;
    out->payload = detach(&payload, arena, &out->payload_len);
    out->signature = detach(&signature, arena, &out->signature_len);
    return true;
}

static bool begins_signature(struct wc_piece line)
{
    static const char *const begins[] = { "-----BEGIN PGP SIGNATURE-----",
                                          "-----BEGIN PGP MESSAGE-----",
                                          "-----BEGIN SSH SIGNATURE-----",
                                          "-----BEGIN SIGNED MESSAGE-----" };
    for (size_t i = 0; i < WC_COUNT(begins); i++)
        if (line.len >= strlen(begins[i]) && memcmp(line.at, begins[i], strlen(begins[i])) == 0)
            return true;
    return false;
}

static void read_tag_header(struct wc_piece line, size_t n, struct wc_git_object *out)
{
    struct wc_piece value;
    if (n == 0 && header(line, "object", &value))
        (void)take_id(value, out->object);
    else if (n == 1 && header(line, "type", &value))
        out->type = value;
    else if (n == 2 && header(line, "tag", &value))
        out->tag = value;
    else if (n == 3 && header(line, "tagger", &value))
        out->author = person(value, &out->time_ms);
    else if (is_signature_header(line))
        out->n_signatures++; /* with the one at the end: two, and refused */
}

bool wc_git_read_tag(const char *text, size_t len, struct wc_arena *arena,
                     struct wc_git_object *out)
{
    const char *end = text + len, *at = text, *signature = end;
    struct wc_piece line;
    memset(out, 0, sizeof *out);
    for (size_t n = 0; next_line(&at, end, &line) && line.len > 0; n++)
        read_tag_header(line, n, out);
    if (out->object[0] == '\0' || out->type.at == NULL || out->tag.at == NULL)
        return false;
    const char *message = at;
    while (next_line(&at, end, &line))
        if (begins_signature(line)) {
            signature = line.at;
            out->n_signatures++;
        }
    out->subject = first_line(message, signature);
    if (signature == end)
        return true;
    WC_CLEANUP_BUF struct wc_buf copy = WC_BUF_INIT;
    wc_buf_add(&copy, text, (size_t)(signature - text));
    out->payload = detach(&copy, arena, &out->payload_len);
    wc_buf_reset(&copy);
    wc_buf_add(&copy, signature, (size_t)(end - signature));
    out->signature = detach(&copy, arena, &out->signature_len);
    return true;
}
