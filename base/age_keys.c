/* age_keys.c - identity files: Bech32 (BIP 173) under the prefix AGE-SECRET-KEY-. */
#include "base/age.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/crypt.h"
#include "base/fs.h"
#include "base/str.h"

enum { FILE_MAX = 64 << 10, CHECK = 6, GROUPS = 52 };

static const char PREFIX[] = "AGE-SECRET-KEY-1";

void wc_age_keys_deinit(struct wc_age_keys *keys)
{
    wc_secret_deinit(&keys->scalars);
    keys->n = 0;
}

/* Five bits into the checksum (BIP 173, "checksum"). */
static uint32_t polymod(uint32_t sum, unsigned value)
{
    static const uint32_t gen[] = { 0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3 };
    uint32_t top = sum >> 25;
    sum = (sum & 0x1ffffff) << 5 ^ value;
    for (unsigned i = 0; i < WC_COUNT(gen); i++)
        sum ^= (top >> i & 1) != 0 ? gen[i] : 0;
    return sum;
}

/* The value of a digit, in the case that the prefix is written in; -1: it is none. */
static int digit(char c, bool is_upper)
{
    static const char upper[] = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
    static const char lower[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const char *digits = is_upper ? upper : lower;
    const char *at = c == '\0' ? NULL : strchr(digits, c);
    return at == NULL ? -1 : (int)(at - digits);
}

/* Reads the digits behind the prefix into 32 bytes. */
static bool decode(const char *text, size_t len, bool is_upper, unsigned char *out)
{
    uint32_t sum = 1, bits = 0;
    unsigned n_bits = 0;
    size_t n = 0;
    for (size_t i = 0; i < sizeof PREFIX - 2; i++)
        sum = polymod(sum, (unsigned char)wc_ascii_lower(PREFIX[i]) >> 5);
    sum = polymod(sum, 0);
    for (size_t i = 0; i < sizeof PREFIX - 2; i++)
        sum = polymod(sum, (unsigned char)wc_ascii_lower(PREFIX[i]) & 31);
    for (size_t i = 0; i < len; i++) {
        int value = digit(text[i], is_upper);
        if (value < 0)
            return false;
        sum = polymod(sum, (unsigned)value);
        if (i >= GROUPS)
            continue;
        bits = (bits << 5 | (unsigned)value) & 0xfff;
        n_bits += 5;
        if (n_bits >= 8) {
            n_bits -= 8;
            out[n++] = (unsigned char)(bits >> n_bits);
        }
    }
    return sum == 1 && (bits & ((1U << n_bits) - 1)) == 0;
}

/* What stands in a line that is no identity we can use. */
static const char *kind_of(const char *line, size_t len)
{
    static const struct {
        const char *prefix, *what;
    } kinds[] = {
        { "AGE-PLUGIN-", "an identity of a plug-in, and plug-ins aren't run" },
        { "AGE-SECRET-KEY-PQ-1", "a post-quantum identity, which can't be used yet" },
        { "-----BEGIN AGE ENCRYPTED FILE",
          "encrypted with a passphrase, and nobody is asked for one" },
        { "age-encryption.org/", "encrypted with a passphrase, and nobody is asked for one" },
        { "-----BEGIN ", "a key of another kind: only age's own X25519 identities can be used" },
        { "age1", "a recipient, which encrypts; what decrypts begins with AGE-SECRET-KEY-1" },
    };
    for (size_t i = 0; i < WC_COUNT(kinds); i++)
        if (len >= strlen(kinds[i].prefix) &&
            memcmp(line, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
            return kinds[i].what;
    return NULL;
}

static bool has_prefix(const char *line, size_t len, bool *is_upper)
{
    size_t n = sizeof PREFIX - 1;
    if (len != n + GROUPS + CHECK)
        return false;
    *is_upper = memcmp(line, PREFIX, n) == 0;
    for (size_t i = 0; i < n && !*is_upper; i++)
        if (line[i] != wc_ascii_lower(PREFIX[i]))
            return false;
    return true;
}

static int add_line(struct wc_age_keys *keys, struct wc_loc at, const char *line, size_t len,
                    struct wc_err *err)
{
    bool is_upper;
    wc_secret_reserve(&keys->scalars, WC_CRYPT_KEY);
    unsigned char *scalar = keys->scalars.bytes + keys->scalars.len;
    if (has_prefix(line, len, &is_upper) &&
        decode(line + sizeof PREFIX - 1, GROUPS + CHECK, is_upper, scalar)) {
        keys->scalars.len += WC_CRYPT_KEY;
        keys->n++;
        return 0;
    }
    wc_wipe(scalar, WC_CRYPT_KEY);
    const char *what = kind_of(line, len);
    if (what != NULL)
        return wc_err_at(err, WC_ERR_SPEC, at, "line %u of %s is %s", at.line, at.file, what);
    return wc_err_at(err, WC_ERR_SPEC, at,
                     "line %u of %s is no age identity: it is mistyped, or something else", at.line,
                     at.file);
}

int wc_age_keys_add(struct wc_age_keys *keys, const char *name, const char *text, size_t len,
                    struct wc_err *err)
{
    struct wc_loc at = { name, 0, 1 };
    size_t before = keys->n;
    for (const char *p = text, *end = text + len; p < end;) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const char *stop = newline == NULL ? end : newline;
        size_t n = (size_t)(stop - p);
        if (n > 0 && p[n - 1] == '\r')
            n--;
        at.line++;
        int rc = n == 0 || *p == '#' ? 0 : add_line(keys, at, p, n, err);
        if (rc != 0)
            return rc;
        p = newline == NULL ? end : newline + 1;
    }
    if (keys->n != before)
        return 0;
    at.line = 1;
    return wc_err_at(err, WC_ERR_SPEC, at, "%s holds no age identity", name);
}

/* Opens a file that is ours alone. */
static int open_private(const char *path, struct wc_err *err)
{
    WC_CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "identity file %s", path);
    if (!S_ISREG(st.st_mode))
        return wc_err_set(err, WC_ERR_PERM, 0, "identity file %s is no regular file", path);
    if (st.st_uid != 0 && st.st_uid != geteuid())
        return wc_err_set(
            err, WC_ERR_PERM, 0,
            "identity file %s belongs to somebody else (uid %u); it must be root's or "
            "ours",
            path, st.st_uid);
    if ((st.st_mode & 077) != 0)
        return wc_err_set(err, WC_ERR_PERM, 0,
                          "identity file %s can be used by others (mode %04o); chmod 600 it", path,
                          st.st_mode & 07777);
    int out = fd;
    fd = -1;
    return out;
}

int wc_age_keys_read(struct wc_age_keys *keys, const char *path, struct wc_err *err)
{
    WC_CLEANUP_FD int fd = open_private(path, err);
    WC_CLEANUP_SECRET struct wc_secret text = WC_SECRET_INIT;
    if (fd < 0)
        return fd;
    wc_secret_reserve(&text, FILE_MAX + 1);
    while (text.len <= FILE_MAX) {
        ssize_t n = read(fd, text.bytes + text.len, FILE_MAX + 1 - text.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return wc_err_set(err, WC_ERR_IO, errno, "identity file %s", path);
        if (n == 0)
            break;
        text.len += (size_t)n;
    }
    if (text.len > FILE_MAX)
        return wc_err_set(err, WC_ERR_LIMIT, 0, "identity file %s is larger than 64 KiB", path);
    return wc_age_keys_add(keys, path, (const char *)text.bytes, text.len, err);
}
