/* test_age.c - age files against the format's public vectors, against the age program where it is
 * installed, and against what an attacker would do to one.
 */
#include "harness/wc_test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/age.h"
#include "base/age_parse.h"
#include "base/buf.h"
#include "base/crypt.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/run.h"
#include "base/str.h"

static const char VECTORS[] = WC_SOURCE_DIR "/tests/age/cctv";
static const char IDENTITY[] =
    "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0";

/* One vector. */
struct vector {
    struct wc_age_keys keys;
    char expect[32], payload[WC_SHA256_HEX + 1];
    bool is_usable; /* nothing that we refuse by kind */
    const char *file;
    size_t len;
};

static void take_line(struct vector *v, const char *name, const char *line, size_t len)
{
    char text[256], *value;
    assert_true(len < sizeof text);
    memcpy(text, line, len);
    text[len] = '\0';
    value = strstr(text, ": ");
    assert_non_null(value);
    *value = '\0';
    value += 2;
    struct wc_err err = { 0 };
    if (wc_streq(text, "expect"))
        snprintf(v->expect, sizeof v->expect, "%s", value);
    else if (wc_streq(text, "payload"))
        snprintf(v->payload, sizeof v->payload, "%s", value);
    else if (wc_streq(text, "passphrase"))
        v->is_usable = false;
    else if (wc_streq(text, "identity") &&
             wc_age_keys_add(&v->keys, name, value, strlen(value), &err) != 0)
        v->is_usable = false;
}

static void read_vector(struct vector *v, const char *name, const struct wc_buf *text)
{
    const char *p = text->data, *end = text->data + text->len;
    *v = (struct vector){ .is_usable = true };
    while (p < end && *p != '\n') {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        assert_non_null(newline);
        take_line(v, name, p, (size_t)(newline - p));
        p = newline + 1;
    }
    v->file = p + 1;
    v->len = (size_t)(end - v->file);
}

/* Whether it came out as its author says. A kind that is refused must be refused, or be malformed.
 */
static void check_vector(const char *name, const struct vector *v)
{
    WC_CLEANUP_SECRET struct wc_secret out = WC_SECRET_INIT;
    struct wc_err err = { 0 };
    char hex[WC_SHA256_HEX + 1];
    int rc = wc_age_open(&v->keys, v->file, v->len, &out, &err);
    bool is_fine = wc_streq(v->expect, "success");
    if (!v->is_usable) {
        if (rc == 0 || (is_fine && rc != WC_ERR_PERM))
            fail_msg("%s: %d %s", name, rc, err.msg);
        return;
    }
    if ((rc == 0) != is_fine || (wc_streq(v->expect, "no match") != (rc == WC_ERR_PERM)))
        fail_msg("%s: expected %s, got %d %s", name, v->expect, rc, err.msg);
    if (rc != 0) {
        assert_int_equal(out.len, 0);
        assert_true(err.msg[0] != '\0');
        return;
    }
    wc_sha256_hex(out.bytes, out.len, hex);
    assert_string_equal(hex, v->payload);
}

static void public_vectors(void **state)
{
    (void)state;
    DIR *dir = opendir(VECTORS);
    size_t n = 0, usable = 0;
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT, path = WC_BUF_INIT;
        struct vector v;
        if (entry->d_name[0] == '.')
            continue;
        wc_buf_printf(&path, "%s/%s", VECTORS, entry->d_name);
        assert_int_equal(wc_fs_read(path.data, 1 << 20, &text, NULL), 0);
        read_vector(&v, entry->d_name, &text);
        check_vector(entry->d_name, &v);
        usable += v.is_usable ? 1 : 0;
        n++;
        wc_age_keys_deinit(&v.keys);
    }
    closedir(dir);
    assert_true(n > 100 && usable > 70);
}

/* A file to play with: the vector "x25519". */
static void sample(struct wc_buf *text, struct vector *v)
{
    WC_CLEANUP_BUF struct wc_buf path = WC_BUF_INIT;
    wc_buf_printf(&path, "%s/x25519", VECTORS);
    assert_int_equal(wc_fs_read(path.data, 1 << 20, text, NULL), 0);
    read_vector(v, "x25519", text);
}

/* Any byte altered, any end cut off, anything added: nothing comes out. */
static void nothing_altered_is_opened(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct vector v;
    struct wc_err err = { 0 };
    WC_CLEANUP_SECRET struct wc_secret out = WC_SECRET_INIT;
    sample(&text, &v);
    char *file = text.data + (v.file - text.data);
    for (size_t i = 0; i < v.len; i++) {
        file[i] ^= 1;
        assert_true(wc_age_open(&v.keys, file, v.len, &out, &err) < 0);
        file[i] ^= 1;
        assert_true(wc_age_open(&v.keys, file, i, &out, &err) < 0);
    }
    assert_true(wc_age_open(&v.keys, file, v.len + 1, &out, &err) < 0);
    assert_int_equal(out.len, 0);
    assert_int_equal(wc_age_open(&v.keys, file, v.len, &out, &err), 0);
    wc_age_keys_deinit(&v.keys);
}

static void no_key_and_another_key(void **state)
{
    (void)state;
    static const char other[] =
        "AGE-SECRET-KEY-14EZG4JRVF68YMMRY2U5HPRH5RPE6U7WXMLUYALMNXCYCJJRLPRJS2WX5PN";
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    WC_CLEANUP_AGE_KEYS struct wc_age_keys none = { 0 }, wrong = { 0 };
    WC_CLEANUP_SECRET struct wc_secret out = WC_SECRET_INIT;
    struct vector v;
    struct wc_err err = { 0 };
    sample(&text, &v);
    assert_int_equal(wc_age_open(&none, v.file, v.len, &out, &err), WC_ERR_PERM);
    assert_string_equal(err.msg, "there is no identity to decrypt it with");
    assert_int_equal(wc_age_keys_add(&wrong, "k", other, strlen(other), &err), 0);
    assert_int_equal(wc_age_open(&wrong, v.file, v.len, &out, &err), WC_ERR_PERM);
    assert_string_equal(
        err.msg, "it is encrypted to 1 recipient, and none is that of the identity there is");
    wc_age_keys_deinit(&v.keys);
}

static void refuses_key(const char *text, unsigned line, const char *part)
{
    WC_CLEANUP_AGE_KEYS struct wc_age_keys keys = { 0 };
    struct wc_err err = { 0 };
    assert_int_equal(wc_age_keys_add(&keys, "keys.txt", text, strlen(text), &err), WC_ERR_SPEC);
    assert_string_equal(err.at.file, "keys.txt");
    assert_int_equal(err.at.line, line);
    if (strstr(err.msg, part) == NULL)
        fail_msg("'%s' isn't in '%s'", part, err.msg);
    assert_null(strstr(err.msg, "EGTZV")); /* never any of it */
}

static void identity_files(void **state)
{
    (void)state;
    WC_CLEANUP_AGE_KEYS struct wc_age_keys keys = { 0 };
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_err err = { 0 };
    wc_buf_printf(&text, "# created: today\r\n\n%s\r\n", IDENTITY);
    for (size_t i = 0; IDENTITY[i] != '\0'; i++)
        wc_buf_addc(&text, wc_ascii_lower(IDENTITY[i]));
    assert_int_equal(wc_age_keys_add(&keys, "keys.txt", text.data, text.len, &err), 0);
    assert_int_equal(keys.n, 2);
    assert_memory_equal(keys.scalars.bytes, keys.scalars.bytes + 32, 32);
    refuses_key("# nothing\n", 1, "holds no age identity");
    refuses_key("\nAGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM1\n", 2,
                "is no age identity");
    refuses_key("AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2Lm0", 1,
                "is no age identity");
    refuses_key("age-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0", 1,
                "is no age identity");
    refuses_key("AGE-PLUGIN-YUBIKEY-1EGTZV", 1, "plug-in");
    refuses_key("age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj", 1, "a recipient");
    refuses_key("-----BEGIN OPENSSH PRIVATE KEY-----\nEGTZV", 1, "another kind");
}

static void identity_files_are_ours_alone(void **state)
{
    (void)state;
    char path[] = "/tmp/wc_age_XXXXXX";
    WC_CLEANUP_AGE_KEYS struct wc_age_keys keys = { 0 };
    struct wc_err err = { 0 };
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, IDENTITY, sizeof IDENTITY - 1), sizeof IDENTITY - 1);
    close(fd);
    assert_int_equal(wc_age_keys_read(&keys, path, &err), 0);
    assert_int_equal(keys.n, 1);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(wc_age_keys_read(&keys, path, &err), WC_ERR_PERM);
    assert_non_null(strstr(err.msg, "chmod 600"));
    unlink(path);
    assert_int_equal(wc_age_keys_read(&keys, path, &err), WC_ERR_NOENT);
    assert_int_equal(wc_age_keys_read(&keys, "/tmp", &err), WC_ERR_PERM);
    assert_int_equal(keys.n, 1);
}

/* RFC 5869, A.1 and A.3; RFC 4231, 4.3. */
static void known_answers(void **state)
{
    (void)state;
    unsigned char ikm[22], out[32], salt[13];
    memset(ikm, 0x0b, sizeof ikm);
    for (unsigned i = 0; i < sizeof salt; i++)
        salt[i] = (unsigned char)i;
    wc_crypt_hkdf((struct wc_bytes){ ikm, sizeof ikm }, (struct wc_bytes){ salt, sizeof salt },
                  "\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9", out);
    assert_memory_equal(out, "\x3c\xb2\x5f\x25\xfa\xac\xd5\x7a\x90\x43\x4f\x64\xd0\x36\x2f\x2a",
                        16);
    wc_crypt_hkdf((struct wc_bytes){ ikm, sizeof ikm }, (struct wc_bytes){ NULL, 0 }, "", out);
    assert_memory_equal(out, "\x8d\xa4\xe7\x75\xa5\x63\xc1\x8f\x71\x5f\x80\x2a\x06\x3c\x5a\x31",
                        16);
    wc_crypt_hmac((struct wc_bytes){ "Jefe", 4 },
                  (struct wc_bytes){ "what do ya want for nothing?", 28 }, out);
    assert_memory_equal(out, "\x5b\xdc\xc1\x46\xbf\x60\x75\x4e\x6a\x04\x24\x26\x08\x95\x75\xc7",
                        16);
    static const unsigned char zero[32], scalar[32] = { 1 };
    assert_false(wc_crypt_x25519(scalar, zero, out)); /* a point of low order */
}

static void program_makes_it(const char *const *more, size_t len)
{
    static const char recipient[] =
        "age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef";
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT, made = WC_BUF_INIT;
    WC_CLEANUP_SECRET struct wc_secret out = WC_SECRET_INIT;
    struct wc_err err = { 0 };
    struct vector v;
    WC_CLEANUP_BUF struct wc_buf file = WC_BUF_INIT;
    const char *argv[] = { "age", "-r", recipient, more[0], NULL };
    sample(&file, &v);
    for (size_t i = 0; i < len; i++)
        wc_buf_addc(&text, (char)('a' + i % 26));
    int rc = wc_run_with_input(argv, text.data, &made, &err);
    if (rc != 0)
        fail_msg("age: %s", err.msg);
    rc = wc_age_open(&v.keys, made.data, made.len, &out, &err);
    if (rc != 0)
        fail_msg("%zu bytes: %s", len, err.msg);
    assert_int_equal(out.len, len);
    assert_memory_equal(out.bytes, text.data, len);
    wc_age_keys_deinit(&v.keys);
}

/* Lengths on both sides of what a chunk holds. */
static void the_age_program(void **state)
{
    (void)state;
    static const char *const argv[] = { "age", "--version", NULL };
    static const size_t lens[] = { 0, 1, 47, 48, 49, 65535, 65536, 65537, 131072, 200001 };
    static const char *const plain[] = { NULL }, *const armor[] = { "-a" };
    if (wc_run(argv, NULL, NULL, NULL) != 0)
        WC_SKIP("age isn't installed (apt-get install age)");
    for (size_t i = 0; i < WC_COUNT(lens); i++) {
        program_makes_it(plain, lens[i]);
        program_makes_it(armor, lens[i]);
    }
}

WC_MAIN(WC_CASE(public_vectors), WC_CASE(nothing_altered_is_opened),
        WC_CASE(no_key_and_another_key), WC_CASE(identity_files),
        WC_CASE(identity_files_are_ours_alone), WC_CASE(known_answers), WC_CASE(the_age_program))
