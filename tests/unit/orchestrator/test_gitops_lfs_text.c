/* test_gitops_lfs_text.c - text of LFS: what is taken for a pointer, what addresses, headers and
 * answers of servers may be, and what is made of them for curl and ssh.
 */
#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "orchestrator/gitops/lfs.h"

#define V "version https://git-lfs.github.com/spec/v1\n"
#define A "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
#define B "5d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
#define OID "oid sha256:" A "\n"

static void pointers_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum wc_lfs_kind kind;
        uint64_t size;
    } cases[] = {
        { V OID "size 12345\n", WC_LFS_POINTER, 12345 },
        { V OID "size 0\n", WC_LFS_POINTER, 0 },
        { V OID "size 999999999999999999\n", WC_LFS_POINTER, 999999999999999999 },
        { V OID "size 1000000000000000000\n", WC_LFS_BROKEN, 0 },
        { V OID "size 01\n", WC_LFS_BROKEN, 0 },
        { V OID "size -1\n", WC_LFS_BROKEN, 0 },
        { V OID "size 1 \n", WC_LFS_BROKEN, 0 },
        { V OID "size \n", WC_LFS_BROKEN, 0 },
        { V OID "size 1", WC_LFS_BROKEN, 0 },
        { V OID "size 1\n\n", WC_LFS_BROKEN, 0 },
        { V OID "size 1\nx-more 1\n", WC_LFS_BROKEN, 0 },
        { V "size 1\n" OID, WC_LFS_BROKEN, 0 },
        { V "oid sha256:4D7A214614AB2935C943F9E0FF69D22EADBB8F32B1258DAAA5E2CA24D17E2393\nsize 1\n",
          WC_LFS_BROKEN, 0 },
        { V "oid sha1:4d7a214614ab2935c943f9e0ff69d22eadbb8f32\nsize 1\n", WC_LFS_BROKEN, 0 },
        { V "oid sha256:4d7a21\nsize 1\n", WC_LFS_BROKEN, 0 },
        { V "ext-0-foo sha256:" B "\n" OID "size 1\n", WC_LFS_BROKEN, 0 },
        { V, WC_LFS_BROKEN, 0 },
        { "version https://git-lfs.github.com/spec/v1\r\noid sha256:" A "\r\nsize 1\r\n",
          WC_LFS_PLAIN, 0 },
        { "version https://git-lfs.github.com/spec/v2\n" OID "size 1\n", WC_LFS_PLAIN, 0 },
        { "version https://hawser.github.com/spec/v1\n" OID "size 1\n", WC_LFS_PLAIN, 0 },
        { " " V OID "size 1\n", WC_LFS_PLAIN, 0 },
        { OID "size 1\n" V, WC_LFS_PLAIN, 0 },
        { "", WC_LFS_PLAIN, 0 },
    };
    for (size_t i = 0; i < WC_COUNT(cases); i++) {
        struct wc_lfs_object object = { .size = 0 };
        const char *why = NULL;
        size_t len = strlen(cases[i].text);
        if (wc_lfs_read_pointer(cases[i].text, len, &object, &why) != cases[i].kind ||
            object.size != cases[i].size)
            fail_msg("%s", cases[i].text);
        assert_true((cases[i].kind == WC_LFS_BROKEN) == (why != NULL));
    }
    struct wc_lfs_object object;
    const char *why;
    char large[1200];
    memset(large, 'x', sizeof large);
    memcpy(large, V, sizeof V - 1);
    assert_int_equal(wc_lfs_read_pointer(large, sizeof large, &object, &why), WC_LFS_PLAIN);
    static const char nul[] = V "oid sha256:" A "\0size 1\n";
    assert_int_equal(wc_lfs_read_pointer(nul, sizeof nul - 1, &object, &why), WC_LFS_BROKEN);
}

static void addresses_are_made(void **state)
{
    (void)state;
    static const struct {
        const char *url, *destination, *command, *https;
    } cases[] = {
        { "ssh://git@h:22/a/b.git", "ssh://git@h:22", "git-lfs-authenticate '/a/b.git' download",
          "https://h/a/b.git/info/lfs" },
        { "git@h:a/b", "ssh://git@h", "git-lfs-authenticate 'a/b' download",
          "https://h/a/b.git/info/lfs" },
        { "ssh://[::1]:22/~u/b.git", "ssh://[::1]:22", "git-lfs-authenticate '~u/b.git' download",
          "https://[::1]/~u/b.git/info/lfs" },
        { "ssh://h/a'b", "ssh://h", "git-lfs-authenticate '/a'\\''b' download",
          "https://h/a'b.git/info/lfs" },
        { "ssh://h/a%20b", "ssh://h", "git-lfs-authenticate '/a b' download",
          "https://h/a%20b.git/info/lfs" },
        { "git@h:a%20b", "ssh://git@h", "git-lfs-authenticate 'a%20b' download",
          "https://h/a%20b.git/info/lfs" },
        { "ssh://h/a%0ab", NULL, NULL, NULL },
        { "ssh://h/a%2", NULL, NULL, NULL },
        { "ssh://h/a%zz", NULL, NULL, NULL },
    };
    struct wc_arena arena;
    wc_arena_init(&arena);
    for (size_t i = 0; i < WC_COUNT(cases); i++) {
        struct wc_lfs_ssh ssh;
        bool good = wc_lfs_read_ssh(cases[i].url, &arena, &ssh);
        assert_true(good == (cases[i].destination != NULL));
        if (!good)
            continue;
        assert_string_equal(ssh.destination, cases[i].destination);
        assert_string_equal(ssh.command, cases[i].command);
        assert_string_equal(ssh.url, cases[i].https);
    }
    assert_string_equal(wc_lfs_server_url("https://h/a.git//", &arena), "https://h/a.git/info/lfs");
    assert_string_equal(wc_lfs_server_url("https://h/a", &arena), "https://h/a.git/info/lfs");
    static const char *const bad[] = { "http://h/x",        "https://u@h/x",
                                       "https://u:p@h/x",   "https://h",
                                       "https:///x",        "https://h/a b",
                                       "https://h/a\nb",    "https://h/a\"b",
                                       "https://h\\@g/x",   "https://-h/x",
                                       "file:///x",         "HTTPS://h/x",
                                       "https://h#@g/x",    "",
                                       "https://h/\xc3\xa4" };
    for (size_t i = 0; i < WC_COUNT(bad); i++)
        if (wc_lfs_is_url(bad[i]))
            fail_msg("%s", bad[i]);
    assert_true(wc_lfs_is_url("https://127.0.0.1:8443/x?sig=a%2Bb&y={1}[2]"));
    wc_arena_deinit(&arena);
}

/* Reads an answer to the question for A and B. */
static int read_answer(const char *text, struct wc_arena *arena, struct wc_lfs_target out[2],
                       struct wc_err *err)
{
    static const struct wc_lfs_object objects[2] = { { .oid = A, .size = 1 },
                                                     { .oid = B, .size = 2 } };
    const struct wc_piece piece = { text, strlen(text) };
    struct wc_lfs_target own = { .url = "https://h:8/r.git/info/lfs" };
    assert_true(wc_lfs_add_header(&own, "Authorization", "Basic own"));
    return wc_lfs_read_answer(&piece, &own, &(struct wc_lfs_batch){ objects, out, 2 }, arena, err);
}

#define DOWNLOAD(href)                                                                             \
    "{\"objects\":[{\"oid\":\"" A "\",\"actions\":{\"download\":{\"href\":\"" href "\""

/* The source's password goes to its own host and port, where the answer brings none. */
static void answers_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *url, *why, *headers; /* of A */
    } cases[] = {
        { DOWNLOAD("https://h:8/x") "}}}]}", "https://h:8/x", NULL, "Authorization: Basic own|" },
        { DOWNLOAD("https://h:8/x") "}},\"authenticated\":true}]}", "https://h:8/x", NULL, "" },
        { DOWNLOAD("https://h:8/x") ",\"header\":{\"authorization\":\"RemoteAuth r\"}}}}]}",
          "https://h:8/x", NULL, "authorization: RemoteAuth r|" },
        { DOWNLOAD("https://h:8/x") ",\"header\":{\"X-A\":\"1\"}}}}]}", "https://h:8/x", NULL,
          "X-A: 1|Authorization: Basic own|" },
        { DOWNLOAD("https://h/x") "}}}]}", "https://h/x", NULL, "" },
        { DOWNLOAD("https://h:80/x") "}}}]}", "https://h:80/x", NULL, "" },
        { DOWNLOAD("https://h:8.evil/x") "}}}]}", "https://h:8.evil/x", NULL, "" },
        { DOWNLOAD("https://cdn/x") ",\"header\":{\"X-A\":\"\\\"\\\\\"},\"expires_in\":-9e99}}}]}",
          "https://cdn/x", NULL, "X-A: \"\\|" },
        { DOWNLOAD("https://cdn/x") ",\"header\":{\"Host\":\"h\",\"Content-Length\":\"9\"}}}}]}",
          "https://cdn/x", NULL, "" },
        { DOWNLOAD("http://h:8/x") "}}}]}", NULL, "none of https", NULL },
        { DOWNLOAD("file:///etc/passwd") "}}}]}", NULL, "none of https", NULL },
        { DOWNLOAD("https://h:8@evil/x") "}}}]}", NULL, "none of https", NULL },
        { DOWNLOAD("https://cdn/x") ",\"header\":{\"X-A\":\"1\\r\\nX-B: 2\"}}}}]}", NULL,
          "can't be sent", NULL },
        { DOWNLOAD("https://cdn/x") ",\"header\":{\"X A\":\"1\"}}}}]}", NULL, "can't be sent",
          NULL },
        { DOWNLOAD("https://cdn/x") ",\"header\":{\"@/etc/passwd\":\"1\"}}}}]}", NULL,
          "can't be sent", NULL },
        { DOWNLOAD("https://cdn/x") ",\"header\":{\"X-A\":1}}}}]}", NULL, "can't be sent", NULL },
        { "{\"objects\":[{\"oid\":\"" A "\",\"error\":{\"code\":404,\"message\":\"no\"}}]}", NULL,
          "doesn't have it", NULL },
        { "{\"objects\":[{\"oid\":\"" A "\",\"error\":{\"code\":509,\"message\":\"a\\nb\"}}]}",
          NULL, "509: a?b", NULL },
        { "{\"objects\":[{\"oid\":\"" A "\",\"error\":{}}]}", NULL, "no reason", NULL },
        { "{\"objects\":[{\"oid\":\"" A "\"}]}", NULL, "where it is", NULL },
        { "{\"objects\":[{\"oid\":\"" A "\",\"actions\":[{}]}]}", NULL, "where it is", NULL },
        { "{\"objects\":[]}", NULL, "lacks it", NULL },
        { "{\"objects\":7,\"transfer\":null}", NULL, "lacks it", NULL },
    };
    struct wc_arena arena;
    struct wc_err err = { 0 };
    wc_arena_init(&arena);
    for (size_t i = 0; i < WC_COUNT(cases); i++) {
        WC_CLEANUP_BUF struct wc_buf headers = WC_BUF_INIT;
        struct wc_lfs_target out[2];
        assert_int_equal(read_answer(cases[i].text, &arena, out, &err), 0);
        assert_null(out[1].url);
        if (!wc_streq0(out[0].url, cases[i].url))
            fail_msg("%s: %s", cases[i].text, out[0].url);
        if (cases[i].url == NULL && strstr(out[0].why, cases[i].why) == NULL)
            fail_msg("%s: %s", cases[i].text, out[0].why);
        for (size_t k = 0; k < out[0].n_headers && cases[i].url != NULL; k++)
            wc_buf_printf(&headers, "%s: %s|", out[0].headers[k].name, out[0].headers[k].value);
        if (cases[i].url != NULL)
            assert_string_equal(headers.data, cases[i].headers);
    }
    static const char *const bad[] = {
        "", "[]", "{", "nonsense", "{\"transfer\":\"tus\"}", "{\"hash_algo\":\"sha1\"}"
    };
    for (size_t i = 0; i < WC_COUNT(bad); i++) {
        struct wc_lfs_target out[2];
        assert_int_equal(read_answer(bad[i], &arena, out, &err), WC_ERR_UNAVAILABLE);
    }
    wc_arena_deinit(&arena);
}

static void curl_is_told(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct wc_lfs_target target = { .url = "https://h/x?{1-9}" };
    assert_true(wc_lfs_add_header(&target, "X-A", "\\\"; url = file:///etc/passwd"));
    assert_false(wc_lfs_add_header(&target, "X-A", "1\nurl = x"));
    assert_false(wc_lfs_add_header(&target, "X-A\r\nX-B", "1"));
    const struct wc_lfs_request get = { .target = &target, .ca_file = "/a\\b", .most = 7 };
    wc_lfs_write_request(&get, &out);
    wc_lfs_write_request(&get, &out);
    assert_non_null(strstr(out.data, "header = \"X-A: \\\\\\\"; url = file:///etc/passwd\"\n"));
    assert_non_null(strstr(out.data, "cacert = \"/a\\\\b\"\n"));
    assert_non_null(strstr(out.data, "max-filesize = 7\n"));
    assert_non_null(strstr(out.data, "\nnext\nsilent\n"));
    assert_null(strstr(out.data, "data-binary"));
    wc_buf_reset(&out);
    const struct wc_lfs_request post = { .target = &target, .most = 7, .is_post = true };
    wc_lfs_write_request(&post, &out);
    assert_null(strstr(out.data, "location")); /* a question isn't redirected */
}

WC_MAIN(WC_CASE(pointers_are_told), WC_CASE(addresses_are_made), WC_CASE(answers_are_read),
        WC_CASE(curl_is_told))
