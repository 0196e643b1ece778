/* git_stream.c - a line, bytes, a newline, and again; cut anywhere. */
#include "orchestrator/gitops/git_stream.h"

#include <string.h>

static int broken(struct wc_err *err)
{
    return wc_err_set(err, WC_ERR_PERM, 0, "what git prints of its objects is broken");
}

/* All of the line is here. */
static int begin(struct wc_git_stream *s, struct wc_err *err)
{
    struct wc_git_found object = { .text = NULL };
    if (wc_git_read_batch_line(s->line, s->line_len, &object) == NULL)
        return broken(err);
    s->line_len = 0;
    s->left = object.len;
    s->at = object.len > 0 ? WC_GIT_STREAM_BYTES : WC_GIT_STREAM_NEWLINE;
    return s->taker->begin(s->data, &object, err);
}

static int take_line(struct wc_git_stream *s, const char **at, const char *end, struct wc_err *err)
{
    const char *eol = memchr(*at, '\n', (size_t)(end - *at));
    size_t len = (size_t)((eol == NULL ? end : eol + 1) - *at);
    if (len > sizeof s->line - s->line_len)
        return broken(err);
    memcpy(s->line + s->line_len, *at, len);
    s->line_len += len;
    *at += len;
    return eol == NULL ? 0 : begin(s, err);
}

static int take_bytes(struct wc_git_stream *s, const char **at, const char *end, struct wc_err *err)
{
    size_t have = (size_t)(end - *at), len = have < s->left ? have : (size_t)s->left;
    const char *piece = *at;
    *at += len;
    s->left -= len;
    if (s->left == 0)
        s->at = WC_GIT_STREAM_NEWLINE;
    return s->taker->more(s->data, piece, len, err);
}

static int take_newline(struct wc_git_stream *s, const char **at, struct wc_err *err)
{
    if (*(*at)++ != '\n')
        return broken(err);
    s->at = WC_GIT_STREAM_LINE;
    return s->taker->end(s->data, err);
}

int wc_git_stream_take(void *stream, const char *bytes, size_t len, struct wc_err *err)
{
    struct wc_git_stream *s = stream;
    const char *at = bytes, *end = bytes + len;
    int rc = 0;
    while (rc == 0 && at < end) {
        switch (s->at) {
        case WC_GIT_STREAM_LINE:
            rc = take_line(s, &at, end, err);
            break;
        case WC_GIT_STREAM_BYTES:
            rc = take_bytes(s, &at, end, err);
            break;
        case WC_GIT_STREAM_NEWLINE:
            rc = take_newline(s, &at, err);
            break;
        }
    }
    return rc;
}

bool wc_git_stream_is_whole(const struct wc_git_stream *stream)
{
    return stream->at == WC_GIT_STREAM_LINE && stream->line_len == 0;
}
