/* fuzz_gitops.c - what a git remote, a web server and gpg may say: listings of references and of
 * trees, commits, tags, batch lines, versions and ranges, headers, status lines, links. The first
 * byte says as what the rest is read. What was taken must be what it is taken for. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/semver.h"
#include "base/str.h"
#include "orchestrator/gitops/archive.h"
#include "orchestrator/gitops/checkout.h"
#include "orchestrator/gitops/git_object.h"
#include "orchestrator/gitops/git_stream.h"
#include "orchestrator/gitops/git_text.h"
#include "orchestrator/gitops/signature.h"
#include "orchestrator/gitops/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "wrong: %s\n", what);
    abort();
}

static void read_refs(struct wc_arena *arena, const char *text, size_t len)
{
    struct wc_git_ref ref;
    char id[65], peeled[65];
    for (const char *at = text; wc_git_next_ref(&at, text + len, &ref);)
        check(wc_git_is_id(ref.id, strlen(ref.id)) && ref.name.len > 0 && at <= text + len, "ref");
    if (wc_git_find_ref(text, len, "refs/tags/v1.0.0", id, peeled))
        check(wc_git_is_id(id, strlen(id)), "found");
    const char *best = wc_git_best_tag(text, len, "*", arena);
    struct wc_semver version;
    check(best == NULL || (wc_git_is_ref_name(best) && wc_semver_parse(best, &version)), "tag");
}

static void read_entries(const char *text, size_t len)
{
    struct wc_git_entry entry;
    const char *at = text;
    while (wc_git_next_entry(&at, text + len, &entry) > 0) {
        check(wc_git_is_id(entry.id, strlen(entry.id)), "id");
        check(entry.path > text && entry.path + strlen(entry.path) < at, "path");
        if (wc_git_is_path(entry.path))
            check(entry.path[0] != '/' && strstr(entry.path, "/../") == NULL, "kept path");
    }
    check(at <= text + len, "end");
}

/* What is left to come of the object that has begun; the sum of all lens. */
struct taken {
    uint64_t left, sum;
    size_t n_begun, n_ended;
    int stops_at; /* the taker gives up at this call; 0: never */
};

static int counted(struct taken *t, struct wc_err *err)
{
    return t->stops_at > 0 && --t->stops_at == 0 ? wc_err_set(err, WC_ERR_IO, 0, "full") : 0;
}

static int on_begin(void *data, const struct wc_git_found *object, struct wc_err *err)
{
    struct taken *t = data;
    check(t->left == 0 && t->n_begun == t->n_ended, "begun between two");
    check(wc_git_is_id(object->id, strlen(object->id)) && object->text == NULL, "begun");
    t->left = object->len;
    t->n_begun++;
    return counted(t, err);
}

static int on_more(void *data, const char *bytes, size_t len, struct wc_err *err)
{
    struct taken *t = data;
    check(len > 0 && len <= t->left && t->n_begun == t->n_ended + 1, "more");
    for (size_t i = 0; i < len; i++)
        t->sum = t->sum * 31 + (unsigned char)bytes[i];
    t->left -= len;
    return counted(t, err);
}

static int on_end(void *data, struct wc_err *err)
{
    struct taken *t = data;
    check(t->left == 0, "ended");
    t->n_ended++;
    return counted(t, err);
}

/* Gives a text in pieces of so many bytes. */
static int stream(const char *text, size_t len, size_t piece, struct taken *taken)
{
    static const struct wc_git_taker taker = { on_begin, on_more, on_end };
    struct wc_git_stream s = { .taker = &taker, .data = taken };
    struct wc_err err = { 0 };
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < len; at += piece)
        rc = wc_git_stream_take(&s, text + at, len - at < piece ? len - at : piece, &err);
    check(rc == 0 || err.code == rc, "why");
    check(rc != 0 || wc_git_stream_is_whole(&s) || len > 0, "whole");
    check(rc != 0 || !wc_git_stream_is_whole(&s) || taken->n_begun == taken->n_ended, "all ended");
    return rc;
}

/* However it is cut, the same comes of it. */
static void read_stream(const char *text, size_t len)
{
    struct taken whole = { 0 }, bytes = { 0 };
    int rc = stream(text, len, len > 0 ? len : 1, &whole);
    check(stream(text, len, 1, &bytes) == rc, "cut");
    check(whole.sum == bytes.sum && whole.n_begun == bytes.n_begun && whole.left == bytes.left &&
              whole.n_ended == bytes.n_ended,
          "cut otherwise");
    struct taken full = { .stops_at = 1 + (int)(len % 5) };
    (void)stream(text, len, 3, &full);
}

static void read_object(struct wc_arena *arena, const char *text, size_t len)
{
    struct wc_git_object o;
    struct wc_git_found found;
    if (wc_git_read_commit(text, len, arena, &o)) {
        check(wc_git_is_id(o.tree, strlen(o.tree)) && o.time_ms >= 0, "commit");
        check((o.n_signatures == 0) == (o.payload == NULL) && o.payload_len <= len, "payload");
        check(strlen(wc_git_printable(arena, o.subject, 50)) <= 50, "subject");
    }
    if (wc_git_read_tag(text, len, arena, &o)) {
        check(wc_git_is_id(o.object, strlen(o.object)), "tag");
        check(o.payload == NULL || o.payload_len + o.signature_len == len, "halves");
        check(strlen(wc_git_printable(arena, o.author, 50)) <= 50, "tagger");
    }
    const char *rest = wc_git_read_batch_line(text, len, &found);
    check(rest == NULL || (rest > text && rest <= text + len && rest[-1] == '\n'), "batch");
    read_stream(text, len);
}

/* Two versions and a range: an order is an order, and what is in a range stays there. */
static void read_versions(const char *text)
{
    char copy[3][200] = { "", "", "" };
    const char *why;
    for (int i = 0; i < 3; i++) {
        size_t len = strcspn(text, "\n");
        snprintf(copy[i], sizeof copy[i], "%.*s", (int)(len > 150 ? 150 : len), text);
        text += text[len] == '\0' ? len : len + 1;
    }
    struct wc_semver a, b;
    bool valid = wc_semver_range_valid(copy[2], &why);
    if (!wc_semver_parse(copy[0], &a) || !wc_semver_parse(copy[1], &b))
        return;
    int one = wc_semver_compare(&a, &b), other = wc_semver_compare(&b, &a);
    check((one > 0) == (other < 0) && (one == 0) == (other == 0), "order");
    check(valid || !wc_semver_in_range(&a, copy[2]), "in no range");
    if (one == 0)
        check(wc_semver_in_range(&a, copy[2]) == wc_semver_in_range(&b, copy[2]), "equals");
}

/* An address, a relative one, and a listing of .gitmodules. */
static void read_modules(struct wc_arena *arena, const char *text, size_t len)
{
    char base[200], url[200];
    const char *why = NULL;
    size_t n = strcspn(text, "\n");
    snprintf(base, sizeof base, "%.*s", (int)(n > 150 ? 150 : n), text);
    const char *rest = text[n] == '\0' ? text + n : text + n + 1;
    n = strcspn(rest, "\n");
    snprintf(url, sizeof url, "%.*s", (int)(n > 150 ? 150 : n), rest);
    const char *resolved = wc_module_resolve(base, url, arena);
    if (resolved != NULL && wc_module_may("https://host/x", url, resolved, &why))
        check(resolved[0] != '/' && !wc_str_starts(resolved, "file:///"), "not on this host");
    if (resolved != NULL && resolved[0] == '/' && wc_module_may("/srv/git/x", url, resolved, &why))
        check(wc_str_starts(resolved, "/srv/git/") && strstr(resolved, "/../") == NULL, "beside");
    const char *found = wc_module_url(text, len, "lib", &why);
    check(found == NULL ? why != NULL : found > text && found < text + len, "url");
}

static void read_link(const char *text)
{
    char path[200];
    size_t len = strcspn(text, "\n");
    snprintf(path, sizeof path, "%.*s", (int)(len > 150 ? 150 : len), text);
    const char *target = text[len] == '\0' ? text + len : text + len + 1;
    if (wc_tree_link_stays(path, target))
        check(target[0] != '/' && target[0] != '\0', "a link that stays");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wc_arena arena;
    if (size == 0 || size > 65536)
        return 0;
    size_t len = size - 1;
    char *text = malloc(len + 1), mark[256];
    const char *who, *why;
    size_t who_len;
    if (text == NULL)
        return 0;
    memcpy(text, data + 1, len);
    text[len] = '\0';
    wc_arena_init(&arena);
    switch (data[0] % 8) {
    case 0:
        read_refs(&arena, text, len);
        break;
    case 1:
        read_entries(text, len);
        break;
    case 2:
        read_object(&arena, text, len);
        break;
    case 3:
        read_versions(text);
        break;
    case 4:
        if (wc_archive_read_mark(text, len, mark))
            check(strlen(mark) > 4, "mark");
        break;
    case 5:
        if (wc_signature_read_gpg(text, &who, &who_len, &why))
            check(who > text && who + who_len <= text + len, "who");
        break;
    case 6:
        read_modules(&arena, text, len);
        break;
    default:
        read_link(text);
        break;
    }
    wc_arena_deinit(&arena);
    free(text);
    return 0;
}
