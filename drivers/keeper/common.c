/* common.c - text, faults, files and records without heap or stdio.
 *
 * Everything is bounded by the caller's buffer. Cutting text short is right for messages, so
 * wc_text never fails; files and records are data, so there too much is an error.
 */
#include "drivers/keeper/common.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h> /* renameat */
#include <string.h>
#include <time.h>
#include <unistd.h>

void wc_text_putn(struct wc_text *text, const char *s, size_t n)
{
    size_t room = text->cap - 1 - text->len;
    if (n > room)
        n = room;
    memcpy(text->data + text->len, s, n);
    text->len += n;
    text->data[text->len] = '\0';
}

void wc_text_put(struct wc_text *text, const char *s)
{
    wc_text_putn(text, s, strlen(s));
}

void wc_text_num(struct wc_text *text, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    wc_text_putn(text, digits + at, sizeof digits - at);
}

void wc_text_field(struct wc_text *text, uint64_t value)
{
    wc_text_put(text, " ");
    wc_text_num(text, value);
}

static char fault_text[448]; /* a packet is at most 512 bytes */

int wc_fault(const char *what, const char *name, int sys)
{
    struct wc_text text = WC_TEXT(fault_text);
    wc_text_put(&text, what);
    if (name != NULL) {
        wc_text_put(&text, " ");
        wc_text_put(&text, name);
    }
    if (sys != 0) {
        wc_text_put(&text, ": ");
        wc_text_put(&text, strerror(sys));
    }
    return -1;
}

const char *wc_fault_text(void)
{
    return fault_text;
}

bool wc_number(const char *s, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    if (*s == '\0')
        return false;
    for (; *s != '\0'; s++) {
        unsigned digit = (unsigned)*s - '0';
        if (digit > 9 || value > max / 10 || (value == max / 10 && digit > max % 10))
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool wc_number_hex(const char *s, uint64_t *out)
{
    uint64_t value = 0;
    if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
        s += 2;
    if (*s == '\0' || strlen(s) > 16)
        return false;
    for (; *s != '\0'; s++) {
        unsigned c = (unsigned)*s | 0x20; /* lower case; digits have the bit already */
        unsigned digit = c - '0' <= 9 ? c - '0' : c - 'a' <= 5 ? c - 'a' + 10 : 16;
        if (digit > 15)
            return false;
        value = value << 4 | digit;
    }
    *out = value;
    return true;
}

ssize_t wc_file_read_fd(int fd, char *buf, size_t cap)
{
    size_t len = 0;
    ssize_t k = 1;
    while (k > 0 && len < cap) {
        k = read(fd, buf + len, cap - len);
        if (k < 0 && errno == EINTR)
            k = 1;
        else if (k > 0)
            len += (size_t)k;
    }
    if (k < 0 || len == cap) {
        errno = k < 0 ? errno : EFBIG;
        return -1;
    }
    buf[len] = '\0';
    return (ssize_t)len;
}

ssize_t wc_file_read(int dir, const char *path, char *buf, size_t cap)
{
    int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -1;
    ssize_t len = wc_file_read_fd(fd, buf, cap);
    int sys = errno;
    close(fd);
    errno = sys;
    return len;
}

int wc_file_write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t k = write(fd, data, len);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return -1;
        data += k;
        len -= (size_t)k;
    }
    return 0;
}

int wc_file_replace(int dir, const char *name, const char *data, size_t len, bool durable)
{
    char fresh[64];
    struct wc_text path = WC_TEXT(fresh);
    wc_text_put(&path, name);
    wc_text_put(&path, ".tmp");
    int fd = openat(dir, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    int status = wc_file_write_all(fd, data, len);
    if (status == 0 && durable)
        status = fsync(fd);
    int sys = errno;
    close(fd);
    if (status == 0 && (status = renameat(dir, fresh, dir, name)) != 0)
        sys = errno;
    if (status != 0)
        unlinkat(dir, fresh, 0);
    else if (durable && (fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0) {
        status = fsync(fd);
        sys = errno;
        close(fd);
    }
    errno = sys;
    return status;
}

bool wc_proc_starttime(pid_t pid, uint64_t *out)
{
    char path[40], stat[1024];
    struct wc_text text = WC_TEXT(path);
    wc_text_put(&text, "/proc/");
    wc_text_num(&text, (uint64_t)pid);
    wc_text_put(&text, "/stat");
    if (wc_file_read(AT_FDCWD, path, stat, sizeof stat) < 0)
        return false;
    char *at = strrchr(stat, ')'); /* the name may hold anything; after it comes field 3 */
    for (int field = 2; at != NULL && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (at == NULL)
        return false;
    char *end = strchr(at + 1, ' ');
    if (end == NULL)
        return false;
    *end = '\0';
    return wc_number(at + 1, UINT64_MAX, out);
}

uint64_t wc_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int decode_value(const struct wc_record_row *row, const char *value, char *field)
{
    switch (row->kind) {
    case WC_RECORD_TEXT:
        memcpy(field, &value, sizeof value);
        return 0;
    case WC_RECORD_LIST: {
        struct wc_list *list = (void *)field;
        if (list->n == list->cap)
            return wc_fault("settings: too many values of", row->key, 0);
        list->items[list->n++] = value;
        return 0;
    }
    case WC_RECORD_FLAG:
        if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
            return wc_fault("settings: not 0 or 1:", row->key, 0);
        *(bool *)(void *)field = value[0] == '1';
        return 0;
    case WC_RECORD_NUMBER:
        if (!wc_number(value, UINT64_MAX, (uint64_t *)(void *)field))
            return wc_fault("settings: not a number:", row->key, 0);
        return 0;
    }
    return -1;
}

static int decode_record(char *record, const struct wc_record_row *rows, size_t n_rows, void *out)
{
    char *equals = strchr(record, '=');
    if (equals == NULL)
        return wc_fault("settings: no '=' in", record, 0);
    *equals = '\0';
    for (size_t i = 0; i < n_rows; i++)
        if (strcmp(rows[i].key, record) == 0)
            return decode_value(&rows[i], equals + 1, (char *)out + rows[i].offset);
    return wc_fault("settings: unknown key", record, 0);
}

int wc_record_decode(char *data, size_t len, const struct wc_record_row *rows, size_t n_rows,
                     void *out)
{
    if (len > 0 && data[len - 1] != '\0')
        return wc_fault("settings: the last record is cut short", NULL, 0);
    for (char *at = data; at < data + len;) {
        size_t whole = strlen(at); /* before decoding, which ends the key at its '=' */
        if (decode_record(at, rows, n_rows, out) != 0)
            return -1;
        at += whole + 1;
    }
    return 0;
}
