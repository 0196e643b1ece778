/* test_gitops_text.c - what is pure of the sources: versions and ranges, what git prints, headers
 * of an answer, links. */
#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/semver.h"
#include "base/str.h"
#include "orchestrator/gitops/archive.h"
#include "orchestrator/gitops/git_stream.h"
#include "orchestrator/gitops/git_text.h"
#include "orchestrator/gitops/tree.h"

#define ID "0123456789012345678901234567890123456789"
#define ID2 "abcdefabcdefabcdefabcdefabcdefabcdefabcd"

/* The order of Semantic Versioning 2.0.0, section 11, and more. */
static void versions_are_ordered(void **state)
{
    (void)state;
    static const char *const order[] = {
        "0.0.1",      "0.1.0",        "1.0.0-0",       "1.0.0-2",       "1.0.0-11",
        "1.0.0--",    "1.0.0-a",      "1.0.0-alpha",   "1.0.0-alpha.1", "1.0.0-alpha.beta",
        "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",    "v1.0.0",
        "1.0.1",      "1.2.0",        "1.10.0",        "2.0.0",         "999999999999999999.0.0",
    };
    for (size_t i = 0; i < WC_COUNT(order); i++)
        for (size_t k = 0; k < WC_COUNT(order); k++) {
            struct wc_semver a, b;
            assert_true(wc_semver_parse(order[i], &a));
            assert_true(wc_semver_parse(order[k], &b));
            int sign = (i > k) - (i < k), found = wc_semver_compare(&a, &b);
            if ((found > 0) - (found < 0) != sign)
                fail_msg("%s %s: %d", order[i], order[k], found);
        }
    struct wc_semver a, b;
    assert_true(wc_semver_parse("1.0.0+linux", &a) && wc_semver_parse("1.0.0+mac.01", &b));
    assert_int_equal(wc_semver_compare(&a, &b), 0);
}

static void what_is_no_version(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",       "1",      "1.2",           "1.2.3.4",
        "01.2.3", "1.2.3-", "1.2.3-a..b",    "1.2.3-01",
        "1.2.3+", "v",      "V1.2.3",        "1.2.x",
        "-1.2.3", "1.2.3 ", "release-1.2.3", "1.2.9999999999999999999"
    };
    struct wc_semver v;
    for (size_t i = 0; i < WC_COUNT(bad); i++)
        if (wc_semver_parse(bad[i], &v))
            fail_msg("'%s' is taken", bad[i]);
}

static void ranges(void **state)
{
    (void)state;
    static const struct {
        const char *range, *in, *out;
    } rows[] = {
        { ">=1.2 <2", "1.2.0 1.9.9", "1.1.9 2.0.0 2.0.0-rc.1 1.3.0-rc.1" },
        { "^1.2.3", "1.2.3 1.9.0", "1.2.2 2.0.0" },
        { "^0.2.3", "0.2.3 0.2.9", "0.3.0 0.2.2" },
        { "^0.0.3", "0.0.3", "0.0.4" },
        { "^0", "0.9.0 0.0.1", "1.0.0" },
        { "^1", "1.0.0 1.99.0", "2.0.0 0.9.0" },
        { "~1.2.3", "1.2.3 1.2.9", "1.3.0" },
        { "~1.2", "1.2.0 1.2.9", "1.3.0" },
        { "~1", "1.9.0", "2.0.0" },
        { "1.x", "1.0.0 1.9.9", "2.0.0 0.1.0" },
        { "1.2.*", "1.2.7", "1.3.0" },
        { "1.2", "1.2.7", "1.3.0" },
        { "=1.2.3", "1.2.3 v1.2.3 1.2.3+b", "1.2.4" },
        { "!=1.2.3, >=1", "1.2.4", "1.2.3" },
        { "=1.2.3-rc.1", "1.2.3-rc.1", "1.2.3-rc.2 1.2.3 1.2.3-rc.0" },
        { "1.2.3-rc.1", "1.2.3-rc.1+b", "1.2.3-rc.2 1.2.3" },
        { ">=1.2.3-rc.1 !=1.2.3-rc.2", "1.2.3-rc.1 1.2.3-rc.3 1.2.3", "1.2.3-rc.2" },
        { ">1.2", "1.3.0 2.0.0", "1.2.9 1.2.0" },
        { "<=1.2", "1.2.9 1.0.0", "1.3.0" },
        { "<=1.2.3", "1.2.2 1.2.3", "1.2.4" },
        { "<=1.2.3-rc.1 >=1.2.3-rc.0", "1.2.3-rc.0 1.2.3-rc.1", "1.2.3-rc.2 1.2.3" },
        { "<1.2.3", "1.2.2", "1.2.3 1.2.3-rc.1" },
        { "*", "0.0.1 9.9.9", "1.0.0-rc.1" },
        { ">=*", "0.0.1", "" },
        { "<*", "", "0.0.0 1.0.0" },
        { ">*", "", "1.0.0" },
        { "!=*", "", "1.0.0" },
        { ">=1.0.0-rc.1", "1.0.0-rc.2 1.0.0 2.0.0", "1.0.0-beta 2.0.0-rc.1" },
        { "1.2.3 || ^2.1", "1.2.3 2.4.0", "1.2.4 2.0.0" },
        { "1.2.3||^2.1", "1.2.3 2.4.0", "1.2.4 2.0.0" },
        { "v1.2.3", "1.2.3", "1.2.4" },
        { "> 1.2.3", "1.2.4", "1.2.3" },
    };
    const char *why = NULL;
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        if (!wc_semver_range_valid(rows[i].range, &why))
            fail_msg("'%s': %s", rows[i].range, why);
        for (int in = 0; in < 2; in++) {
            char text[200], *save = NULL;
            snprintf(text, sizeof text, "%s", in ? rows[i].in : rows[i].out);
            for (char *one = strtok_r(text, " ", &save); one != NULL;
                 one = strtok_r(NULL, " ", &save)) {
                struct wc_semver v;
                assert_true(wc_semver_parse(one, &v));
                if (wc_semver_in_range(&v, rows[i].range) != in)
                    fail_msg("%s in '%s': not %d", one, rows[i].range, in);
            }
        }
    }
    static const char *const bad[] = { "",    " ",     "latest", "1.2.3.4", ">=",  "1 |2",  "1 |22",
                                       "1||", "1.x.2", "^",      "~1.02",   "1;2", "1.2.3-" };
    for (size_t i = 0; i < WC_COUNT(bad); i++)
        if (wc_semver_range_valid(bad[i], &why))
            fail_msg("'%s' is taken for a range", bad[i]);
}

static void references(void **state)
{
    (void)state;
    static const char text[] =
        "warning: something\n" ID "\trefs/heads/main\n" ID2 "\trefs/heads/x/refs/heads/main\n" ID
        "\trefs/tags/v1.0.0\n" ID2 "\trefs/tags/v1.0.0^{}\n" ID "\trefs/tags/1.0.0\n" ID
        "\trefs/tags/v2.0.0-rc.1\n" ID "\trefs/tags/-v9.9.9\nnonsense\n"
        "0123\trefs/tags/v8.0.0\n" ID "refs/tags/v7.0.0\n" ID "\t\n";
    char id[65], peeled[65];
    struct wc_arena arena;
    wc_arena_init(&arena);
    size_t len = sizeof text - 1;
    assert_true(wc_git_find_ref(text, len, "refs/heads/main", id, peeled));
    assert_string_equal(id, ID);
    assert_string_equal(peeled, "");
    assert_true(wc_git_find_ref(text, len, "refs/tags/v1.0.0", id, peeled));
    assert_string_equal(peeled, ID2);
    assert_false(wc_git_find_ref(text, len, "refs/tags/v8.0.0", id, peeled));
    assert_string_equal(wc_git_best_tag(text, len, "*", &arena), "v1.0.0");
    assert_string_equal(wc_git_best_tag(text, len, ">=2.0.0-0", &arena), "v2.0.0-rc.1");
    assert_null(wc_git_best_tag(text, len, ">=3", &arena));
    wc_arena_deinit(&arena);
}

static void tree_entries(void **state)
{
    (void)state;
    static const char good[] = "100644 blob " ID "      12\ta b.txt\0"
                               "100755 blob " ID "       0\tx/run\0"
                               "120000 blob " ID "       3\tl\0"
                               "160000 commit " ID "       -\tsub";
    const char *at = good, *end = good + sizeof good;
    struct wc_git_entry e;
    assert_int_equal(wc_git_next_entry(&at, end, &e), 1);
    assert_int_equal(e.kind, WC_GIT_FILE);
    assert_int_equal(e.size, 12);
    assert_string_equal(e.path, "a b.txt");
    assert_int_equal(wc_git_next_entry(&at, end, &e), 1);
    assert_int_equal(e.kind, WC_GIT_PROGRAM);
    assert_int_equal(wc_git_next_entry(&at, end, &e), 1);
    assert_int_equal(e.kind, WC_GIT_LINK);
    assert_int_equal(wc_git_next_entry(&at, end, &e), 1);
    assert_int_equal(e.kind, WC_GIT_MODULE);
    assert_int_equal(wc_git_next_entry(&at, end, &e), 0);
    static const char *const bad[] = { "100644 blob " ID "      12\ta", "040000 tree " ID "  -\tx",
                                       "100644 blob 12  1\tx",          "100644 blob " ID "  x\tx",
                                       "100644 blob " ID "  1 x",       "" };
    for (size_t i = 0; i < WC_COUNT(bad); i++) {
        at = bad[i];
        size_t len = strlen(bad[i]) + (i == 0 ? 0 : 1); /* the first has no NUL at its end */
        assert_int_equal(wc_git_next_entry(&at, bad[i] + len, &e), -1);
    }
}

static void paths_and_links(void **state)
{
    (void)state;
    static const char *const bad[] = { "",      "/a",     "a/",   "a//b",   ".",
                                       "..",    "a/../b", ".git", "a/.GIT", "a/.git/config",
                                       "GIT~1", "a\nb",   "a/./b" };
    static const char *const good[] = {
        "a", "a/b c", ".gitignore", "..a", "a..", "git", ".github/x"
    };
    for (size_t i = 0; i < WC_COUNT(bad); i++)
        assert_false(wc_git_is_path(bad[i]));
    for (size_t i = 0; i < WC_COUNT(good); i++)
        assert_true(wc_git_is_path(good[i]));
    static const struct {
        const char *path, *target;
        bool stays;
    } links[] = { { "a", "b", true },          { "a", "/etc", false },
                  { "a", "../b", false },      { "a/b", "../c", true },
                  { "a/b", "../../c", false }, { "a/b/c", "../../d", true },
                  { "a", "b/../c", false },    { "a/b", "x/../../c", false },
                  { "a", "", false },          { "a", ".", true },
                  { "a", "./b", true },        { "a/b", "./../c", true },
                  { "a", "..", false },        { "a/b", "..", true } };
    for (size_t i = 0; i < WC_COUNT(links); i++)
        if (wc_tree_link_stays(links[i].path, links[i].target) != links[i].stays)
            fail_msg("%s -> %s", links[i].path, links[i].target);
}

static void objects(void **state)
{
    (void)state;
    static const char commit[] = "tree " ID "\nparent " ID2 "\nauthor Ann <a@b> 1700000000 +0100\n"
                                 "committer Bob <b@c> 1700000001 +0000\n"
                                 "gpgsig -----BEGIN X-----\n \n body\n -----END X-----\n"
                                 "encoding x\n\nsubject\n\ngpgsig no\n";
    struct wc_git_object o;
    struct wc_arena arena;
    wc_arena_init(&arena);
    assert_true(wc_git_read_commit(commit, sizeof commit - 1, &arena, &o));
    assert_string_equal(o.tree, ID);
    assert_int_equal(o.n_signatures, 1);
    assert_string_equal(o.signature, "-----BEGIN X-----\n\nbody\n-----END X-----\n");
    assert_string_equal(o.payload,
                        "tree " ID "\nparent " ID2 "\nauthor Ann <a@b> 1700000000 +0100\n"
                        "committer Bob <b@c> 1700000001 +0000\nencoding x\n\nsubject\n\n"
                        "gpgsig no\n");
    assert_int_equal(o.time_ms, 1700000001000);
    assert_string_equal(wc_git_printable(&arena, o.author, 100), "Ann <a@b>");
    assert_string_equal(wc_git_printable(&arena, o.subject, 3), "sub");
    static const char tag[] = "object " ID "\ntype commit\ntag v1\ntagger Ann <a@b> 17 +0000\n\n"
                              "hello\n-----BEGIN SSH SIGNATURE-----\nx\n"
                              "-----END SSH SIGNATURE-----\n";
    assert_true(wc_git_read_tag(tag, sizeof tag - 1, &arena, &o));
    assert_string_equal(o.object, ID);
    assert_int_equal(o.n_signatures, 1);
    assert_string_equal(o.payload,
                        "object " ID "\ntype commit\ntag v1\ntagger Ann <a@b> 17 +0000\n\nhello\n");
    assert_memory_equal(o.signature, "-----BEGIN SSH SIGNATURE-----\nx\n", 32);
    assert_false(wc_git_read_tag(commit, sizeof commit - 1, &arena, &o));
    assert_false(wc_git_read_commit(tag, sizeof tag - 1, &arena, &o));
    const struct wc_piece hostile = { "a\x1b[2Jb\xff\nc\xe2\x80\xae", 12 };
    assert_string_equal(wc_git_printable(&arena, hostile, 50), "a?[2Jb??c?");
    wc_arena_deinit(&arena);
}

static void batch_lines(void **state)
{
    (void)state;
    struct wc_git_found found;
    static const char good[] = ID " commit 12\nx";
    assert_ptr_equal(wc_git_read_batch_line(good, sizeof good - 1, &found), good + sizeof good - 2);
    assert_int_equal(found.len, 12);
    static const char *const bad[] = { "main missing\n",
                                       ID " commit 12",
                                       ID " commit -1\n",
                                       ID " commit \n",
                                       ID " thing 1\n",
                                       ID "\n",
                                       "\n",
                                       ID " commit 99999999999999999999\n" };
    for (size_t i = 0; i < WC_COUNT(bad); i++)
        assert_null(wc_git_read_batch_line(bad[i], strlen(bad[i]), &found));
}

/* What was taken, as a text: "<12>one two.". */
static int add_begin(void *data, const struct wc_git_found *object, struct wc_err *err)
{
    (void)err;
    wc_buf_printf(data, "<%zu>", object->len);
    return 0;
}

static int add_more(void *data, const char *bytes, size_t len, struct wc_err *err)
{
    assert_true(len > 0);
    if (memchr(bytes, '!', len) != NULL)
        return wc_err_set(err, WC_ERR_IO, 0, "the disk is full");
    wc_buf_add(data, bytes, len);
    return 0;
}

static int add_end(void *data, struct wc_err *err)
{
    (void)err;
    wc_buf_addc(data, '.');
    return 0;
}

/* Objects in pieces of each length come out as they do in one. */
static void streams(void **state)
{
    (void)state;
    static const struct wc_git_taker taker = { add_begin, add_more, add_end };
    static const struct {
        const char *text, *out;
        int code;
        bool is_whole;
    } rows[] = {
        { "", "", 0, true },
        { ID " blob 7\none\ntwo\n", "<7>one\ntwo.", 0, true },
        { ID " blob 0\n\n" ID " blob 1\nx\n", "<0>.<1>x.", 0, true },
        { ID " blob 7\none", "<7>one", 0, false },
        { ID " blob 3\none", "<3>one", 0, false },
        { ID " blob 3", "", 0, false },
        { ID " blob 3\nonetwo\n", "<3>one", WC_ERR_PERM, false },
        { ID " missing\n", "", WC_ERR_PERM, false },
        { ID " blob 1\n!\n", "<1>", WC_ERR_IO, false },
        { ID ID ID ID ID, "", WC_ERR_PERM, false },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++)
        for (size_t piece = 1, len = strlen(rows[i].text); piece <= len + 1; piece++) {
            WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
            struct wc_git_stream s = { .taker = &taker, .data = &out };
            struct wc_err err = { 0 };
            int rc = 0;
            for (size_t at = 0; rc == 0 && at < len; at += piece)
                rc = wc_git_stream_take(&s, rows[i].text + at, len - at < piece ? len - at : piece,
                                        &err);
            assert_int_equal(rc, rows[i].code);
            assert_string_equal(out.data, rows[i].out);
            assert_true(rc != 0 || wc_git_stream_is_whole(&s) == rows[i].is_whole);
        }
}

static void marks(void **state)
{
    (void)state;
    static const struct {
        const char *headers, *mark;
    } rows[] = {
        { "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nLast-Modified: Sat\r\n\r\n", "etag \"x\"" },
        { "HTTP/2 200\r\nlast-modified: Sat\r\n\r\n", "modified Sat" },
        { "HTTP/1.1 302\r\nETag: old\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "" },
        { "HTTP/1.1 200 OK\r\netag:\r\n", "" },
        { "HTTP/1.1 200 OK\r\nETag: a\x1b\r\nLast-Modified: Sun", "modified Sun" },
        { "ETagX: 1\r\nETa: 2\r\n", "" },
        { "", "" },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        char mark[256];
        bool found = wc_archive_read_mark(rows[i].headers, strlen(rows[i].headers), mark);
        assert_string_equal(mark, rows[i].mark);
        assert_int_equal(found, rows[i].mark[0] != '\0');
    }
}

WC_MAIN(WC_CASE(versions_are_ordered), WC_CASE(what_is_no_version), WC_CASE(ranges),
        WC_CASE(references), WC_CASE(tree_entries), WC_CASE(paths_and_links), WC_CASE(objects),
        WC_CASE(batch_lines), WC_CASE(streams), WC_CASE(marks))
