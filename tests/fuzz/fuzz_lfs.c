/* fuzz_lfs.c - what an author and a server of LFS may say: pointers, answers to a question, what
 * git-lfs-authenticate prints, addresses. The first byte says as what the rest is read. What was
 * taken is written as curl is told it, each line of which must be one of ours. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "orchestrator/gitops/lfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OWN "https://h:8/r.git/info/lfs"

static const struct wc_lfs_object asked[2] = {
    { .oid = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393", .size = 5 },
    { .oid = "5d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393", .size = 6 }
};

static void check(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "wrong: %s\n", what);
    abort();
}

static void read_pointer(const char *text, size_t len)
{
    struct wc_lfs_object object;
    const char *why = NULL;
    char again[256];
    switch (wc_lfs_read_pointer(text, len, &object, &why)) {
    case WC_LFS_PLAIN:
        break;
    case WC_LFS_BROKEN:
        check(why != NULL, "why");
        break;
    case WC_LFS_POINTER:
        snprintf(again, sizeof again,
                 "version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %llu\n",
                 object.oid, (unsigned long long)object.size);
        check(strlen(again) == len && memcmp(again, text, len) == 0, "one form for one pointer");
        break;
    }
}

/* The lines that wc_lfs_write_request may write, by how they begin. */
static bool is_ours(const char *line)
{
    static const char *const begins[] = { "next\n",           "silent\n",     "show-error\n",
                                          "fail\n",           "fail-early\n", "globoff\n",
                                          "output = \"-\"\n", "proto",        "connect-timeout",
                                          "speed-",           "max-filesize", "url = \"https://",
                                          "location\n",       "max-redirs",   "header = \"" };
    for (size_t i = 0; i < WC_COUNT(begins); i++)
        if (wc_str_starts(line, begins[i]))
            return true;
    return false;
}

/* A value between quotation marks ends where its line does, and nowhere before. */
static bool is_quoted_well(const char *line, size_t len)
{
    const char *at = memchr(line, '"', len);
    if (at == NULL)
        return true;
    for (at++; at < line + len && *at != '"'; at++)
        at += *at == '\\';
    return at == line + len - 1;
}

static void check_target(const struct wc_lfs_target *target)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    const struct wc_lfs_request request = { .target = target, .most = 5 };
    if (target->url == NULL) {
        check(target->why != NULL, "a reason");
        return;
    }
    check(wc_lfs_is_url(target->url), "an address");
    wc_lfs_write_request(&request, &out);
    wc_lfs_write_request(&request, &out);
    for (const char *line = out.data; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        check(is_ours(line) && is_quoted_well(line, len), "a line of ours");
        line += len + 1;
    }
}

/* What the answer asks for, where `secret` is what the own server is told. */
static bool read_with(const struct wc_piece *piece, const char *secret, struct wc_arena *arena,
                      struct wc_lfs_target targets[2])
{
    struct wc_lfs_target own = { .url = OWN };
    const struct wc_lfs_batch batch = { asked, targets, 2 };
    struct wc_err err = { 0 };
    wc_lfs_add_token(&own, secret, arena);
    return wc_lfs_read_answer(piece, &own, &batch, arena, &err) == 0;
}

/* Another's host is told the same whatever our secret is. (To search for the secret wouldn't do:
 * the fuzzer sees what is searched for, and makes servers that say it of themselves.) */
static void check_untold(const struct wc_lfs_target *one, const struct wc_lfs_target *other)
{
    check((one->url == NULL) == (other->url == NULL), "an address with one secret only");
    if (one->url == NULL || wc_str_starts(one->url, "https://h:8/"))
        return;
    check(one->n_headers == other->n_headers, "our secret");
    for (size_t i = 0; i < one->n_headers; i++)
        check(wc_streq(one->headers[i].value, other->headers[i].value), "our secret");
}

static void read_answer(struct wc_arena *arena, const char *text, size_t len)
{
    struct wc_lfs_target targets[2], others[2];
    const struct wc_piece piece = { text, len };
    bool good = read_with(&piece, "git:one-secret", arena, targets);
    check(good == read_with(&piece, "git:other-one", arena, others), "good with one secret only");
    for (size_t i = 0; good && i < WC_COUNT(targets); i++) {
        check_target(&targets[i]);
        check_untold(&targets[i], &others[i]);
    }
}

static void read_login(struct wc_arena *arena, const char *text, size_t len)
{
    struct wc_lfs_target target;
    const struct wc_piece piece = { text, len };
    struct wc_err err = { 0 };
    if (wc_lfs_read_login(&piece, "https://h/x.git/info/lfs", arena, &target, &err) == 0)
        check_target(&target);
}

/* The command is one word of the shell's between two of ours. */
static void read_ssh(struct wc_arena *arena, const char *text)
{
    struct wc_lfs_ssh ssh;
    if (!wc_lfs_read_ssh(text, arena, &ssh))
        return;
    check(wc_str_starts(ssh.destination, "ssh://"), "destination");
    const char *at = ssh.command + strlen("git-lfs-authenticate ");
    for (bool is_open = false; *at != '\0' && (*at != ' ' || is_open); at++) {
        check(is_open || *at == '\'' || *at == '\\', "quoted");
        if (!is_open && *at == '\\')
            at++;
        else if (*at == '\'')
            is_open = !is_open;
    }
    check(wc_streq(at, " download"), "the end of the command");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wc_arena arena;
    if (size == 0 || size > 65536)
        return 0;
    size_t len = size - 1;
    char *text = malloc(len + 1);
    if (text == NULL)
        return 0;
    memcpy(text, data + 1, len);
    text[len] = '\0';
    wc_arena_init(&arena);
    switch (data[0] % 4) {
    case 0:
        read_pointer(text, len);
        break;
    case 1:
        read_answer(&arena, text, len);
        break;
    case 2:
        read_login(&arena, text, len);
        break;
    default:
        read_ssh(&arena, text);
        break;
    }
    wc_arena_deinit(&arena);
    free(text);
    return 0;
}
