// LINK: z zstd
/* test_inflate.c - unpacking streams: every compression, cut anywhere, from any source. */
#include "harness/wc_test.h"

#include <stdlib.h>

#include "base/str.h"
#include "images/filter.h"
#include "images/inflate.h"
#include "packing.h"

/* A source that gives runs of chosen lengths. */
struct runs {
    const char *bytes;
    size_t len, at, run; /* run 0: of changing length */
    unsigned seed;
};

static int next_run(void *data, const void **bytes, size_t *len, struct wc_err *err)
{
    struct runs *r = data;
    (void)err;
    r->seed = r->seed * 1103515245 + 12345;
    size_t want = r->run != 0 ? r->run : 1 + (r->seed >> 16) % 700;
    *len = want < r->len - r->at ? want : r->len - r->at;
    *bytes = r->bytes + r->at;
    r->at += *len;
    return 0;
}

/* Unpacks in runs; returns the code, and what came out. */
static int unpack(const void *bytes, size_t len, size_t run, struct wc_buf *out, struct wc_err *err)
{
    struct runs runs = { .bytes = bytes, .len = len, .run = run, .seed = (unsigned)len };
    struct wc_inflate *in = wc_inflate_open(&(struct wc_bytes){ next_run, &runs }, 1 << 30);
    const void *some = NULL;
    size_t n = 0;
    int rc;
    wc_buf_reset(out);
    while ((rc = wc_inflate_next(in, &some, &n, err)) == 0 && n > 0)
        wc_buf_add(out, some, n);
    if (rc == 0) {
        char hex[WC_SHA256_HEX + 1], expected[WC_SHA256_HEX + 1];
        assert_int_equal(wc_inflate_finish(in, hex, err), 0);
        wc_sha256_hex(out->data == NULL ? "" : out->data, out->len, expected);
        assert_string_equal(hex, expected);
    }
    wc_inflate_close(in);
    return rc;
}

/* Text that neither compresses to nothing nor not at all. */
static void fill(struct wc_buf *out, size_t len, unsigned seed)
{
    while (out->len < len) {
        seed = seed * 1103515245 + 12345;
        wc_buf_printf(out, "%x-%u ", seed >> 20, seed % 7);
    }
}

static void check(const struct wc_buf *packed, const struct wc_buf *plain)
{
    static const size_t lengths[] = { 1, 2, 3, 5, 7, 512, 65536, 0, 1 << 24 };
    struct wc_buf out = WC_BUF_INIT;
    struct wc_err err = { 0 };
    for (size_t i = 0; i < WC_COUNT(lengths); i++) {
        if (unpack(packed->data, packed->len, lengths[i], &out, &err) != 0)
            fail_msg("runs of %zu: %s", lengths[i], err.msg);
        assert_int_equal(out.len, plain->len);
        assert_memory_equal(out.data, plain->data, plain->len);
    }
    wc_buf_deinit(&out);
}

static void every_compression_in_any_runs(void **state)
{
    (void)state;
    struct wc_buf plain = WC_BUF_INIT, packed = WC_BUF_INIT;
    fill(&plain, 300000, 1);
    check(&plain, &plain);
    gzip_into(&packed, plain.data, plain.len);
    check(&packed, &plain);
    wc_buf_reset(&packed);
    zstd_into(&packed, plain.data, plain.len);
    check(&packed, &plain);
    wc_buf_deinit(&packed);
    wc_buf_deinit(&plain);
}

/* pigz, estargz and zstd:chunked write several in a row, some of them empty. */
static void members_and_frames_follow_one_another(void **state)
{
    (void)state;
    struct wc_buf plain = WC_BUF_INIT, gz = WC_BUF_INIT, zst = WC_BUF_INIT;
    for (unsigned i = 0; i < 60; i++) {
        struct wc_buf part = WC_BUF_INIT;
        fill(&part, i % 3 == 0 ? 0 : i * 97, i);
        wc_buf_add(&plain, part.data == NULL ? "" : part.data, part.len);
        gzip_into(&gz, part.data == NULL ? "" : part.data, part.len);
        zstd_into(&zst, part.data == NULL ? "" : part.data, part.len);
        if (i % 5 == 0)
            zstd_skip_into(&zst);
        wc_buf_deinit(&part);
    }
    check(&gz, &plain);
    check(&zst, &plain);
    wc_buf_deinit(&plain);
    wc_buf_deinit(&gz);
    wc_buf_deinit(&zst);
}

static void cut_anywhere_is_an_error(void **state)
{
    (void)state;
    struct wc_buf plain = WC_BUF_INIT, out = WC_BUF_INIT, packed[2] = { WC_BUF_INIT, WC_BUF_INIT };
    fill(&plain, 3000, 2);
    gzip_into(&packed[0], plain.data, plain.len);
    zstd_into(&packed[1], plain.data, plain.len);
    for (size_t k = 0; k < 2; k++)
        for (size_t len = 6; len < packed[k].len; len++) {
            struct wc_err err = { 0 };
            assert_int_equal(unpack(packed[k].data, len, 0, &out, &err), WC_ERR_SPEC);
            assert_non_null(strstr(err.msg, "corrupt compressed data"));
        }
    wc_buf_deinit(&plain);
    wc_buf_deinit(&out);
    wc_buf_deinit(&packed[0]);
    wc_buf_deinit(&packed[1]);
}

static void damage_is_found(void **state)
{
    (void)state;
    struct wc_buf plain = WC_BUF_INIT, out = WC_BUF_INIT, packed = WC_BUF_INIT;
    struct wc_err err = { 0 };
    fill(&plain, 3000, 3);
    gzip_into(&packed, plain.data, plain.len);
    packed.data[packed.len - 6] ^= 1; /* in the checksum */
    assert_int_equal(unpack(packed.data, packed.len, 0, &out, &err), WC_ERR_SPEC);
    packed.data[packed.len - 6] ^= 1;
    wc_buf_adds(&packed, "what is this");
    assert_int_equal(unpack(packed.data, packed.len, 0, &out, &err), WC_ERR_SPEC);
    wc_buf_deinit(&plain);
    wc_buf_deinit(&out);
    wc_buf_deinit(&packed);
}

static void others_are_named(void **state)
{
    (void)state;
    struct wc_buf out = WC_BUF_INIT;
    struct wc_err err = { 0 };
    assert_int_equal(unpack("\xfd"
                            "7zXZ\0......",
                            12, 0, &out, &err),
                     WC_ERR_SPEC);
    assert_non_null(strstr(err.msg, "xz"));
    assert_int_equal(unpack("BZh91AY&SY", 10, 1, &out, &err), WC_ERR_SPEC);
    assert_non_null(strstr(err.msg, "bzip2"));
    wc_buf_deinit(&out);
}

static void short_streams(void **state)
{
    (void)state;
    struct wc_buf out = WC_BUF_INIT;
    struct wc_err err = { 0 };
    for (size_t len = 0; len < 6; len++) {
        assert_int_equal(unpack("abcdef", len, 1, &out, &err), 0);
        assert_int_equal(out.len, len);
    }
    wc_buf_deinit(&out);
}

/* Both gzip libraries say the same of the same bytes, damaged ones too, however they are cut. */
static void libraries_agree(void **state)
{
    (void)state;
    if (!wc_filter_has_isal())
        WC_SKIP("ISA-L (libisal2) is not installed");
    const struct wc_filter *const filters[] = { &wc_filter_zlib, &wc_filter_isal };
    struct wc_buf plain = WC_BUF_INIT, packed = WC_BUF_INIT;
    fill(&plain, 20000, 4);
    gzip_into(&packed, plain.data, plain.len);
    unsigned seed = 7;
    for (int round = 0; round < 3000; round++) {
        seed = seed * 1103515245 + 12345;
        size_t at = (seed >> 8) % packed.len;
        char was = packed.data[at];
        size_t made[2] = { 0, 0 };
        bool good[2] = { true, true };
        static uint8_t out[2][65536];
        packed.data[at] = (char)(round % 4 == 0 ? was : was ^ (1 << (seed % 8)));
        for (size_t k = 0; k < 2; k++) {
            void *self = filters[k]->open();
            size_t given = 0, piece = 1 + seed % 900;
            struct wc_filter_io io = { .out = out[k], .out_len = sizeof out[k] };
            while (good[k] && given < packed.len) {
                io.in = (const uint8_t *)packed.data + given;
                io.in_len = piece < packed.len - given ? piece : packed.len - given;
                size_t before = io.in_len;
                good[k] = filters[k]->step(self, &io) == 0 && io.in_len < before;
                given += before - io.in_len;
            }
            good[k] = good[k] && io.between;
            made[k] = sizeof out[k] - io.out_len;
            filters[k]->close(self);
        }
        packed.data[at] = was;
        if (round % 4 == 0)
            assert_true(good[0] && good[1]);
        if (good[0] && good[1]) { /* a changed name or time in the header harms nobody */
            assert_int_equal(made[0], made[1]);
            assert_memory_equal(out[0], out[1], made[0]);
        }
        if (at >= 10)
            assert_int_equal(good[0], good[1]);
    }
    wc_buf_deinit(&plain);
    wc_buf_deinit(&packed);
}

WC_MAIN(WC_CASE(every_compression_in_any_runs), WC_CASE(members_and_frames_follow_one_another),
        WC_CASE(cut_anywhere_is_an_error), WC_CASE(damage_is_found), WC_CASE(others_are_named),
        WC_CASE(short_streams), WC_CASE(libraries_agree))
