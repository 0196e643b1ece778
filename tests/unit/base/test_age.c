/* test_age.c - age files against vectors of our own (tests/age/make.py), against the age program
 * where it is installed, and against what an attacker would do to one.
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

static const char VECTORS[] = WC_SOURCE_DIR "/tests/age/vectors";
static const char IDENTITY[] =
    "AGE-SECRET-KEY-1JK6Y2NC09JSMDNQU97H5T5H2T0K6WFR8Y85CJ779P8GCN54E6NES0EULRZ";

enum { FILE_MAX = 1 << 20, CHUNK = (64 << 10) + 16 };

/* One vector; tests/age/vectors/README.md has the format. */
struct vector {
    struct wc_age_keys keys;
    char name[64], expect[16], message[128], payload[WC_SHA256_HEX + 1];
    struct wc_buf text; /* which `file` lies in */
    char *file;
    size_t len;
};

static void vector_deinit(struct vector *v)
{
    wc_age_keys_deinit(&v->keys);
    wc_buf_deinit(&v->text);
}
#define CLEANUP_VECTOR __attribute__((cleanup(vector_deinit)))

static void copy(const struct vector *v, char *out, size_t size, const char *value, size_t len)
{
    if (len >= size || out[0] != '\0')
        fail_msg("%s: too long, or there twice: %.*s", v->name, (int)len, value);
    memcpy(out, value, len);
    out[len] = '\0';
}

/* "WORD VALUE" */
static void take_line(struct vector *v, const char *line, size_t len)
{
    const char *blank = memchr(line, ' ', len);
    struct wc_err err = { 0 };
    char word[16] = "";
    if (blank == NULL)
        fail_msg("%s: no value: %.*s", v->name, (int)len, line);
    copy(v, word, sizeof word, line, (size_t)(blank - line));
    const char *value = blank + 1;
    size_t n = len - (size_t)(value - line);
    if (wc_streq(word, "expect"))
        copy(v, v->expect, sizeof v->expect, value, n);
    else if (wc_streq(word, "message"))
        copy(v, v->message, sizeof v->message, value, n);
    else if (wc_streq(word, "payload"))
        copy(v, v->payload, sizeof v->payload, value, n);
    else if (wc_streq(word, "identity") && wc_age_keys_add(&v->keys, v->name, value, n, &err) != 0)
        fail_msg("%s: %s", v->name, err.msg);
    else if (!wc_streq(word, "identity") && !wc_streq(word, "about"))
        fail_msg("%s: unknown word: %s", v->name, word);
}

static void read_vector(const char *name, struct vector *v)
{
    static const char last[] = "file\n";
    WC_CLEANUP_BUF struct wc_buf path = WC_BUF_INIT;
    *v = (struct vector){ .text = WC_BUF_INIT };
    snprintf(v->name, sizeof v->name, "%s", name);
    wc_buf_printf(&path, "%s/%s", VECTORS, name);
    assert_int_equal(wc_fs_read(path.data, FILE_MAX, &v->text, NULL), 0);
    char *p = v->text.data, *end = p + v->text.len;
    while ((size_t)(end - p) < sizeof last - 1 || memcmp(p, last, sizeof last - 1) != 0) {
        char *newline = memchr(p, '\n', (size_t)(end - p));
        if (newline == NULL)
            fail_msg("%s: no line 'file'", name);
        take_line(v, p, (size_t)(newline - p));
        p = newline + 1;
    }
    v->file = p + sizeof last - 1;
    v->len = (size_t)(end - v->file);
}

static int code_of(const struct vector *v)
{
    static const struct {
        const char *word;
        int code;
    } codes[] = { { "opened", 0 },
                  { "refused", WC_ERR_PERM },
                  { "broken", WC_ERR_SPEC },
                  { "limit", WC_ERR_LIMIT } };
    for (size_t i = 0; i < WC_COUNT(codes); i++)
        if (wc_streq(v->expect, codes[i].word))
            return codes[i].code;
    fail_msg("%s: expects '%s'", v->name, v->expect);
    return 0;
}

/* Whether it comes out as its author says, and is refused for the reason that it was made for. */
static bool check_vector(const struct vector *v)
{
    WC_CLEANUP_SECRET struct wc_secret out = WC_SECRET_INIT;
    struct wc_err err = { 0 };
    char hex[WC_SHA256_HEX + 1] = "";
    int rc = wc_age_open(&v->keys, v->file, v->len, &out, &err);
    wc_sha256_hex(out.bytes, out.len, hex);
    bool ok = rc == code_of(v) && (rc == 0 ? wc_streq(hex, v->payload)
                                           : out.len == 0 && v->message[0] != '\0' &&
                                                 strstr(err.msg, v->message) != NULL);
    if (!ok)
        print_error("%s: expected %s '%s', got %d '%s'\n", v->name, v->expect, v->message, rc,
                    err.msg);
    return ok;
}

static void vectors(void **state)
{
    (void)state;
    DIR *dir = opendir(VECTORS);
    size_t n = 0, good = 0;
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        CLEANUP_VECTOR struct vector v = { 0 };
        if (strchr(entry->d_name, '.') != NULL) /* the folder itself, README.md */
            continue;
        read_vector(entry->d_name, &v);
        good += check_vector(&v) ? 1 : 0;
        n++;
    }
    closedir(dir);
    assert_int_equal(good, n);
    assert_true(n > 150);
}

static bool opens(const struct vector *v, const char *file, size_t len)
{
    WC_CLEANUP_SECRET struct wc_secret out = WC_SECRET_INIT;
    struct wc_err err = { 0 };
    int rc = wc_age_open(&v->keys, file, len, &out, &err);
    if (rc != 0) {
        assert_int_equal(out.len, 0);
        assert_string_equal(err.msg, "its content was cut or altered since it was made");
    }
    return rc == 0;
}

/* Two whole chunks: one of them missing, twice, both in the other order. */
static void chunks_keep_their_order(void **state)
{
    (void)state;
    CLEANUP_VECTOR struct vector v;
    WC_CLEANUP_BUF struct wc_buf file = WC_BUF_INIT;
    read_vector("payload_128k", &v);
    size_t start = v.len - 2 * (size_t)CHUNK;
    assert_true(opens(&v, v.file, v.len));
    assert_false(opens(&v, v.file, v.len - CHUNK));
    static const struct {
        int n, chunks[3];
    } orders[] = { { 2, { 1, 0 } }, { 1, { 1 } },       { 2, { 0, 0 } },
                   { 2, { 1, 1 } }, { 3, { 0, 0, 1 } }, { 3, { 0, 1, 1 } } };
    for (size_t i = 0; i < WC_COUNT(orders); i++) {
        wc_buf_reset(&file);
        wc_buf_add(&file, v.file, start);
        for (int k = 0; k < orders[i].n; k++)
            wc_buf_add(&file, v.file + start + (size_t)orders[i].chunks[k] * CHUNK, CHUNK);
        assert_false(opens(&v, file.data, file.len));
    }
}

/* Any byte altered, any end cut off, anything added: nothing comes out. */
static void nothing_altered_is_opened(void **state)
{
    (void)state;
    CLEANUP_VECTOR struct vector v;
    struct wc_err err = { 0 };
    WC_CLEANUP_SECRET struct wc_secret out = WC_SECRET_INIT;
    read_vector("x25519", &v);
    char *file = v.file;
    for (size_t i = 0; i < v.len; i++) {
        file[i] ^= 1;
        assert_true(wc_age_open(&v.keys, file, v.len, &out, &err) < 0);
        file[i] ^= 1;
        assert_true(wc_age_open(&v.keys, file, i, &out, &err) < 0);
    }
    assert_true(wc_age_open(&v.keys, file, v.len + 1, &out, &err) < 0);
    assert_int_equal(out.len, 0);
    assert_int_equal(wc_age_open(&v.keys, file, v.len, &out, &err), 0);
}

static void no_key_and_another_key(void **state)
{
    (void)state;
    static const char other[] =
        "AGE-SECRET-KEY-1ZASD5CCMDU377THEKZGAWNC4D7EHE9NZ0YTN9YFVJS3HHXXNF34S9JCT5W";
    WC_CLEANUP_AGE_KEYS struct wc_age_keys none = { 0 }, wrong = { 0 };
    WC_CLEANUP_SECRET struct wc_secret out = WC_SECRET_INIT;
    CLEANUP_VECTOR struct vector v;
    struct wc_err err = { 0 };
    read_vector("x25519", &v);
    assert_int_equal(wc_age_open(&none, v.file, v.len, &out, &err), WC_ERR_PERM);
    assert_string_equal(err.msg, "there is no identity to decrypt it with");
    assert_int_equal(wc_age_keys_add(&wrong, "k", other, strlen(other), &err), 0);
    assert_int_equal(wc_age_open(&wrong, v.file, v.len, &out, &err), WC_ERR_PERM);
    assert_string_equal(
        err.msg, "it is encrypted to 1 recipient, and none is that of the identity there is");
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
    assert_null(strstr(err.msg, "JK6Y2")); /* never any of it */
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
    refuses_key("\nAGE-SECRET-KEY-1JK6Y2NC09JSMDNQU97H5T5H2T0K6WFR8Y85CJ779P8GCN54E6NES0EULRP\n", 2,
                "is no age identity");
    refuses_key("AGE-SECRET-KEY-1JK6Y2NC09JSMDNQU97H5T5H2T0K6WFR8Y85CJ779P8GCN54E6NES0EULrZ", 1,
                "is no age identity");
    refuses_key("age-SECRET-KEY-1JK6Y2NC09JSMDNQU97H5T5H2T0K6WFR8Y85CJ779P8GCN54E6NES0EULRZ", 1,
                "is no age identity");
    refuses_key("AGE-PLUGIN-YUBIKEY-1JK6Y2", 1, "plug-in");
    refuses_key("age1gq2j6ryzxvpec0taqj9t2s7gd60ul38wfcn7jdyyp7kyuvlh75yshlhkvz", 1, "a recipient");
    refuses_key("-----BEGIN OPENSSH PRIVATE KEY-----\nJK6Y2", 1, "another kind");
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
        "age1gq2j6ryzxvpec0taqj9t2s7gd60ul38wfcn7jdyyp7kyuvlh75yshlhkvz";
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT, made = WC_BUF_INIT;
    WC_CLEANUP_SECRET struct wc_secret out = WC_SECRET_INIT;
    struct wc_err err = { 0 };
    CLEANUP_VECTOR struct vector v;
    const char *argv[] = { "age", "-r", recipient, more[0], NULL };
    read_vector("x25519", &v);
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

WC_MAIN(WC_CASE(vectors), WC_CASE(chunks_keep_their_order), WC_CASE(nothing_altered_is_opened),
        WC_CASE(no_key_and_another_key), WC_CASE(identity_files),
        WC_CASE(identity_files_are_ours_alone), WC_CASE(known_answers), WC_CASE(the_age_program))
