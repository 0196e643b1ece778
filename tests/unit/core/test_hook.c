/* test_hook.c - the webhook's judge: who may ask, and what is refused. */
#include "harness/wc_test.h"

#include "base/hash.h"
#include "orchestrator/core/hook.h"

static const char key[] = "It's a Secret to Everybody";

static int judge(const char *text, char app[WC_HOOK_NAME_MAX])
{
    return wc_hook_judge(text, strlen(text), key, strlen(key), app);
}

/* The example of GitHub's documentation, "Validating webhook deliveries". */
static void the_signature_is_githubs(void **state)
{
    (void)state;
    char hex[WC_SHA256_HEX + 1];
    wc_hmac_sha256_hex(key, strlen(key), "Hello, World!", 13, hex);
    assert_string_equal(hex, "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
    /* RFC 4231, test case 6: a key longer than a block */
    char long_key[131];
    memset(long_key, 0xaa, sizeof long_key);
    wc_hmac_sha256_hex(long_key, sizeof long_key,
                       "Test Using Larger Than Block-Size Key - Hash Key First", 54, hex);
    assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

#define SIGNED                                                                                     \
    "X-Hub-Signature-256: "                                                                        \
    "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17\r\n"

static void good_and_bad(void **state)
{
    (void)state;
    char app[WC_HOOK_NAME_MAX];
    assert_int_equal(
        judge("POST /hook/shop HTTP/1.1\r\n" SIGNED "Content-Length: 13\r\n\r\nHello, World!", app),
        202);
    assert_string_equal(app, "shop");
    static const struct {
        int status;
        const char *text;
    } cases[] = {
        { 0, "POST /hook/shop HTTP/1.1\r\n" },
        { 0, "POST /hook/shop HTTP/1.1\r\n" SIGNED "Content-Length: 13\r\n\r\nHello, World" },
        { 401, "POST /hook/shop HTTP/1.1\r\n" SIGNED "Content-Length: 13\r\n\r\nHello, World?" },
        { 401, "POST /hook/shop HTTP/1.1\r\nContent-Length: 13\r\n\r\nHello, World!" },
        { 401,
          "POST /hook/shop HTTP/1.1\r\n" SIGNED SIGNED "Content-Length: 13\r\n\r\nHello, World!" },
        { 411, "POST /hook/shop HTTP/1.1\r\n" SIGNED "\r\n" },
        { 413, "POST /hook/shop HTTP/1.1\r\n" SIGNED "Content-Length: 99999999\r\n\r\n" },
        { 400, "POST /hook/shop HTTP/1.1\r\n" SIGNED "Content-Length: -1\r\n\r\n" },
        { 405, "GET /hook/shop HTTP/1.1\r\nContent-Length: 0\r\n\r\n" },
        { 404, "POST /hook/ HTTP/1.1\r\nContent-Length: 0\r\n\r\n" },
        { 404, "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n" },
        { 400, "nonsense\r\n\r\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(judge(cases[i].text, app), cases[i].status);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) /* as it is asked without a key */
        assert_int_equal(wc_hook_judge(cases[i].text, strlen(cases[i].text), NULL, 0, app),
                         cases[i].status);
    static const char good[] =
        "POST /hook/shop HTTP/1.1\r\n" SIGNED "Content-Length: 13\r\n\r\nHello, World!";
    assert_int_equal(wc_hook_judge(good, strlen(good), NULL, 0, app), 401);
    assert_int_equal(
        wc_hook_judge("POST /hook/a HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 45, "", 0, app),
        401); /* no key lets nobody in */
}

/* Byte by byte it is the same answer, and never one before the whole. */
static void in_pieces(void **state)
{
    (void)state;
    static const char text[] =
        "POST /hook/shop HTTP/1.1\r\n" SIGNED "Content-Length: 13\r\n\r\nHello, World!";
    char app[WC_HOOK_NAME_MAX];
    for (size_t n = 0; n < sizeof text - 1; n++)
        assert_int_equal(wc_hook_judge(text, n, key, strlen(key), app), 0);
    char *head = calloc(1, WC_HOOK_HEAD_MAX);
    memset(head, 'a', WC_HOOK_HEAD_MAX);
    assert_int_equal(wc_hook_judge(head, WC_HOOK_HEAD_MAX, key, strlen(key), app), 431);
    free(head);
}

WC_MAIN(WC_CASE(the_signature_is_githubs), WC_CASE(good_and_bad), WC_CASE(in_pieces))
