/* test_sops.c - files that tests/sops/make.py encrypted, by code that shares nothing with ours; and
 * what somebody without the key would do to them.
 */
#include "harness/wc_test.h"

#include "base/age.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/pattern.h"
#include "base/str.h"
#include "spec/sops.h"
#include "spec/sops_read.h"

#define DIR WC_SOURCE_DIR "/tests/sops/"

struct opened {
    struct wc_arena arena;
    struct wc_age_keys keys;
    struct wc_sops sops;
    struct wc_err err;
    int rc;
};

static void read_file(const char *name, struct wc_buf *out)
{
    WC_CLEANUP_BUF struct wc_buf path = WC_BUF_INIT;
    wc_buf_printf(&path, DIR "%s", name);
    assert_int_equal(wc_fs_read(path.data, 1 << 20, out, NULL), 0);
}

static void open_text(struct opened *o, const char *name, const struct wc_buf *text, bool has_key)
{
    WC_CLEANUP_BUF struct wc_buf key = WC_BUF_INIT;
    *o = (struct opened){ 0 };
    wc_arena_init(&o->arena);
    read_file("key.txt", &key);
    if (has_key)
        assert_int_equal(wc_age_keys_add(&o->keys, "key.txt", key.data, key.len, NULL), 0);
    struct wc_sops_file file = { .name = name, .text = { text->data, text->len } };
    file.store = wc_sops_store(&file.text, name);
    assert_int_not_equal(file.store, WC_SOPS_NONE);
    o->rc = wc_sops_open(&file, &o->keys, &o->arena, &o->sops, &o->err);
    assert_true((o->rc == 0) == (o->err.msg[0] == '\0'));
}

static void open_done(struct opened *o)
{
    wc_sops_deinit(&o->sops);
    wc_age_keys_deinit(&o->keys);
    wc_arena_deinit(&o->arena);
}

static void gives(const char *name, const char *expected, size_t len)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct opened o;
    read_file(name, &text);
    open_text(&o, name, &text, true);
    if (o.rc != 0)
        fail_msg("%s:%u:%u: %s", name, o.err.at.line, o.err.at.col, o.err.msg);
    assert_int_equal(o.sops.text.len, len);
    assert_memory_equal(o.sops.text.bytes, expected, len);
    open_done(&o);
}

static const char TREE[] =
    "user: app\nport: 5432\nratio: 0.25\n\"on\": true\n\"off\": false\nnone: null\nempty: \"\"\n"
    "list:\n  - one\n  - \"two: #3\"\n  - 4\ndeep:\n  er:\n"
    "    password: \"hunter2 $x \\\"q\\\"\\nline\"\nnote_unencrypted: seen by all\nn_unencrypted: "
    "7\n";

static void what_comes_out(void **state)
{
    (void)state;
    static const char json[] = "{\n  \"user\": \"app\",\n  \"port\": 5432,\n  \"ratio\": 0.25,\n";
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct opened o;
    gives("tree.yaml", TREE, sizeof TREE - 1);
    gives("regex.yaml", TREE, sizeof TREE - 1);
    gives("maconly.yaml", TREE, sizeof TREE - 1);
    gives("suffix.yaml", "a_enc: x\nb: \"y\"\n", strlen("a_enc: x\nb: \"y\"\n"));
    gives("blob", "\0\1\2bytes\xff\n\0", 11);
    read_file("tree.json", &text);
    open_text(&o, "tree.json", &text, true);
    assert_int_equal(o.rc, 0);
    assert_memory_equal(o.sops.text.bytes, json, sizeof json - 1);
    open_done(&o);
}

static void env_files_are_literal(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct opened o;
    read_file("app.env", &text);
    open_text(&o, "app.env", &text, true);
    assert_int_equal(o.rc, 0);
    assert_int_equal(o.sops.pairs.n, 5);
    assert_string_equal(o.sops.pairs.items[1].value, "a$b \"c\" 'd' # e");
    assert_string_equal(o.sops.pairs.items[2].value, "one\ntwo");
    assert_string_equal(o.sops.pairs.items[3].value, "");
    assert_string_equal(o.sops.pairs.items[4].key, "X_unencrypted");
    open_done(&o);
}

/* Puts `with` in the place of the first `what`. */
static void replace(struct wc_buf *text, const char *what, const char *with)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    char *at = strstr(text->data, what);
    assert_non_null(at);
    wc_buf_add(&out, text->data, (size_t)(at - text->data));
    wc_buf_adds(&out, with);
    wc_buf_adds(&out, at + strlen(what));
    wc_buf_reset(text);
    wc_buf_add(text, out.data, out.len);
}

static void refuses(const char *name, const char *what, const char *with, unsigned line,
                    const char *part)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct opened o;
    read_file(name, &text);
    replace(&text, what, with);
    open_text(&o, name, &text, true);
    if (o.rc == 0 || strstr(o.err.msg, part) == NULL)
        fail_msg("%s -> %s: %d '%s'", what, with, o.rc, o.err.msg);
    assert_int_equal(o.err.at.line, line);
    assert_string_equal(o.err.at.file, name);
    assert_null(strstr(o.err.msg, "hunter2"));
    assert_null(o.sops.text.bytes);
    open_done(&o);
}

static void forgeries(void **state)
{
    (void)state;
    refuses("tree.yaml", "user: ENC", "usr: ENC", 1, "'usr' can't be decrypted");
    refuses("tree.yaml", "user: ENC[AES256_GCM,data:", "user: ENC[AES256_GCM,data:AA", 1,
            "altered");
    refuses("tree.yaml", "none: null", "none: null\nadded: ENC", 7, "isn't encrypted");
    refuses("tree.yaml", "none: null", "none: 5", 6, "isn't encrypted");
    refuses("tree.yaml", "seen by all", "seen by some", 29, "its values aren't those");
    refuses("tree.yaml", "n_unencrypted: 7", "n_unencrypted: 8", 29, "its values aren't those");
    refuses("tree.yaml", "empty: \"\"\n", "empty: \"\"\nmore_unencrypted: x\n", 30,
            "its values aren't");
    refuses("tree.yaml", "2026-01-02", "2026-01-03", 29, "can't be decrypted");
    refuses("tree.yaml", "    mac: ", "    mac_: ", 17, "sops.mac) is missing");
    refuses("tree.yaml", ",type:int", ",type:str,type:int", 2, "another type");
    refuses("maconly.yaml", "user: ENC", "bad: plain\nuser: ENC", 1, "'bad' isn't encrypted");
    refuses("maconly.yaml", "    mac_only_encrypted: true\n", "", 29, "its values aren't those");
    refuses("regex.yaml", "^(deep|list)$", "^(deep|list|user)$", 1, "'user' isn't encrypted");
    refuses("regex.yaml", "^(deep|list)$", "(a{1000}){1000}", 30, "counted repetition");
    refuses("app.env", "PASS=", "PASSWORD=", 2, "can't be decrypted");
    refuses("app.env", "X_unencrypted=seen", "X_unencrypted=sen", 7, "its values aren't those");
    refuses("tree.yaml", "sops:\n", "sops:\n    unencrypted_regex: x\n", 17, "more than one rule");
    refuses("tree.yaml", "sops:\n", "sops:\n    key_groups: [{age: []}, {age: []}]\n", 18,
            "Shamir");
    refuses("tree.yaml", "    age:\n", "    pgp: [{enc: x}]\n    hc_vault:\n", 17,
            "no age recipient");
}

/* Values of one list stand at the same place, so SOPS lets them be swapped: the MAC doesn't. */
static void swapped_items(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT, pair = WC_BUF_INIT, swapped = WC_BUF_INIT;
    struct opened o;
    read_file("tree.yaml", &text);
    const char *a = strstr(text.data, "    - ENC"), *b = strstr(a + 1, "    - ENC");
    const char *end = strchr(b, '\n') + 1;
    wc_buf_add(&pair, a, (size_t)(end - a));
    wc_buf_add(&swapped, b, (size_t)(end - b));
    wc_buf_add(&swapped, a, (size_t)(b - a));
    replace(&text, pair.data, swapped.data);
    open_text(&o, "tree.yaml", &text, true);
    assert_int_equal(o.rc, WC_ERR_SPEC);
    assert_non_null(strstr(o.err.msg, "its values aren't those"));
    open_done(&o);
}

static void cut_anywhere(void **state)
{
    (void)state;
    static const char *const names[] = { "tree.yaml", "app.env", "blob" };
    for (size_t n = 0; n < WC_COUNT(names); n++) {
        WC_CLEANUP_BUF struct wc_buf whole = WC_BUF_INIT;
        read_file(names[n], &whole);
        const char *mac = strstr(whole.data, "mac");
        assert_non_null(mac); /* what stands behind it may have been at its default */
        for (size_t len = 1; len < (size_t)(mac - whole.data) + 100; len += 13) {
            WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
            struct wc_sops_file file = { .name = names[n] };
            wc_buf_add(&text, whole.data, len);
            file.text = (struct wc_text){ text.data, text.len };
            file.store = wc_sops_store(&file.text, names[n]);
            if (file.store == WC_SOPS_NONE)
                continue;
            struct opened o;
            open_text(&o, names[n], &text, true);
            assert_true(o.rc < 0);
            open_done(&o);
        }
    }
}

static void without_the_key(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct opened o;
    read_file("tree.yaml", &text);
    open_text(&o, "tree.yaml", &text, false);
    assert_int_equal(o.rc, WC_ERR_PERM);
    assert_int_equal(o.err.at.line, 17);
    assert_string_equal(
        o.err.msg, "it is encrypted to age13qlehghs5f0j5t8j6ra0ea6p8tdzwy5acd5csyxe6008g3ex6vcq"
                   "8230mq, and no age identity was given");
    open_done(&o);
}

static enum wc_sops_store store_of(const char *text, const char *path)
{
    struct wc_text t = { text, strlen(text) };
    return wc_sops_store(&t, path);
}

static void told_by_content(void **state)
{
    (void)state;
    static const char enc[] = "{\"data\": \"ENC[AES256_GCM,data:x\", \"sops\": {}}";
    assert_int_equal(store_of("a: sops\n", "x.yaml"), WC_SOPS_NONE);
    assert_int_equal(store_of("about sops: ENC[AES256_GCM,data\n", "x.md"), WC_SOPS_NONE);
    assert_int_equal(store_of("a: ENC[AES256_GCM,x\nsops:\n", "x"), WC_SOPS_YAML);
    assert_int_equal(store_of(enc, "x.json"), WC_SOPS_JSON);
    assert_int_equal(store_of(enc, "x.pem"), WC_SOPS_BINARY);
    assert_int_equal(store_of("[sops]\nmac = ENC[AES256_GCM,x\n", "x"), WC_SOPS_INI);
    assert_int_equal(store_of("A=ENC[AES256_GCM,x\nsops_mac=x", "x"), WC_SOPS_DOTENV);
}

static void marks_tell_nothing(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct opened o;
    char a[WC_SOPS_MARK + 1], b[WC_SOPS_MARK + 1], c[WC_SOPS_MARK + 1];
    read_file("tree.yaml", &text);
    open_text(&o, "tree.yaml", &text, true);
    wc_sops_mark(&o.sops, "1234", 4, a);
    wc_sops_mark(&o.sops, "1234", 4, b);
    wc_sops_mark(&o.sops, "1235", 4, c);
    assert_string_equal(a, b);
    assert_string_not_equal(a, c);
    o.sops.key.bytes[0] ^= 1;
    wc_sops_mark(&o.sops, "1234", 4, b);
    assert_string_not_equal(a, b);
    open_done(&o);
}

static void patterns(void **state)
{
    (void)state;
    static const char *const refused[] = { "\\d", "a{2}", "(?:a)", "a**", "(", "\\1", "[a" };
    struct wc_pattern *pattern = NULL;
    struct wc_err err = { 0 };
    assert_int_equal(wc_pattern_new("(?i)^(data|stringData)$", &pattern, &err), 0);
    assert_true(wc_pattern_found(pattern, "STRINGDATA"));
    assert_false(wc_pattern_found(pattern, "metadata"));
    wc_pattern_free(pattern);
    for (size_t i = 0; i < WC_COUNT(refused); i++)
        assert_int_equal(wc_pattern_new(refused[i], &pattern, &err), WC_ERR_SPEC);
}

WC_MAIN(WC_CASE(what_comes_out), WC_CASE(env_files_are_literal), WC_CASE(forgeries),
        WC_CASE(swapped_items), WC_CASE(cut_anywhere), WC_CASE(without_the_key),
        WC_CASE(told_by_content), WC_CASE(marks_tell_nothing), WC_CASE(patterns))
