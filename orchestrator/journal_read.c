/* journal_read.c - the format of the journal: encode, scan, read.
 *
 * Every record carries its own checksum and number, so a scan trusts nothing it has not checked:
 * not a length, not the order. The first record that doesn't hold ends it. (Rejected: looking for
 * more records behind damage. They might be good, but they would be applied to a value that lacks
 * what was between.) A damaged header alone loses nothing: the records say themselves that they are
 * ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/crc32c.h"
#include "orchestrator/journal.h"

static const char magic[8] = "wcjrnl\r\n"; /* a transfer as text would break it */

/* Little-endian, wherever we are. */
static void put(char *out, uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (char)(value >> (8 * i) & 0xff);
}

static uint64_t get(const char *at, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        value |= (uint64_t)(unsigned char)at[i] << (8 * i);
    return value;
}

void wc_journal_put_head(struct wc_buf *out)
{
    char head[WC_JOURNAL_HEAD_BYTES];
    memcpy(head, magic, sizeof magic);
    put(head + 8, WC_JOURNAL_VERSION, 4);
    put(head + 12, wc_crc32c(0, head, 12), 4);
    wc_buf_add(out, head, sizeof head);
}

/* Of all but the checksum itself. */
static uint32_t checksum(const char *head, const char *payload, size_t len)
{
    uint32_t crc = wc_crc32c(0, head, 4);
    crc = wc_crc32c(crc, head + 8, WC_JOURNAL_RECORD_BYTES - 8);
    return wc_crc32c(crc, payload, len);
}

void wc_journal_put_record(struct wc_buf *out, const struct wc_journal_record *record)
{
    char head[WC_JOURNAL_RECORD_BYTES];
    put(head, record->len, 4);
    put(head + 8, record->seq, 8);
    put(head + 16, record->type, 2);
    put(head + 4, checksum(head, record->payload, record->len), 4);
    wc_buf_add(out, head, sizeof head);
    wc_buf_add(out, record->payload, record->len);
}

/* The record at the start of `left` bytes; false when it doesn't hold. */
static bool get_record(const char *at, size_t left, uint64_t last_seq,
                       struct wc_journal_record *out)
{
    if (left < WC_JOURNAL_RECORD_BYTES)
        return false;
    out->len = (size_t)get(at, 4);
    out->seq = get(at + 8, 8);
    out->type = (uint16_t)get(at + 16, 2);
    out->payload = at + WC_JOURNAL_RECORD_BYTES;
    if (out->len > WC_JOURNAL_RECORD_MAX || out->len > left - WC_JOURNAL_RECORD_BYTES)
        return false;
    return out->seq > last_seq && get(at + 4, 4) == checksum(at, out->payload, out->len);
}

int wc_journal_scan_bytes(const char *bytes, size_t len, wc_journal_replay_fn *replay, void *data,
                          struct wc_journal_scan *out, struct wc_err *err)
{
    struct wc_journal_record record;
    *out = (struct wc_journal_scan){ 0 };
    if (len < WC_JOURNAL_HEAD_BYTES)
        return 0;
    bool head_good =
        memcmp(bytes, magic, sizeof magic) == 0 && get(bytes + 12, 4) == wc_crc32c(0, bytes, 12);
    if (head_good && get(bytes + 8, 4) != WC_JOURNAL_VERSION)
        return wc_err_set(
            err, WC_ERR_STATE, 0,
            "it has format %u, this wcompose knows %d: use the newer one that wrote it",
            (unsigned)get(bytes + 8, 4), WC_JOURNAL_VERSION);
    size_t at = WC_JOURNAL_HEAD_BYTES;
    while (get_record(bytes + at, len - at, out->last_seq, &record)) {
        replay(data, &record);
        out->last_seq = record.seq;
        out->n_records++;
        at += WC_JOURNAL_RECORD_BYTES + record.len;
    }
    out->head_damaged = !head_good && out->n_records > 0;
    out->good_len = head_good || out->head_damaged ? at : 0;
    return 0;
}

int wc_journal_slurp(const struct wc_disk *disk, int fd, struct wc_buf *out, struct wc_err *err)
{
    enum { FIRST = 16 * 1024 };
    for (;;) {
        size_t chunk = out->len < FIRST ? FIRST : out->len;
        wc_buf_reserve(out, chunk);
        ssize_t n = disk->ops->read(disk->data, fd, out->data + out->len, chunk, (off_t)out->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return wc_err_set(err, WC_ERR_IO, errno, "read it");
        if (n == 0)
            break;
        out->len += (size_t)n;
        if (out->len > WC_JOURNAL_FILE_MAX)
            return wc_err_set(err, WC_ERR_LIMIT, 0, "it is larger than %d MiB",
                              WC_JOURNAL_FILE_MAX >> 20);
    }
    out->data[out->len] = '\0';
    return 0;
}

static int fail(struct wc_err *err, const char *dir)
{
    int sys = errno;
    int code = sys == ENOENT || sys == ENOTDIR ? WC_ERR_NOENT
               : sys == EACCES || sys == EPERM ? WC_ERR_PERM
                                               : WC_ERR_IO;
    return wc_err_set(err, code, sys, "open %s/%s", dir, WC_JOURNAL_NAME);
}

int wc_journal_read(const struct wc_disk *disk, const char *dir, wc_journal_replay_fn *replay,
                    void *data, struct wc_err *err)
{
    disk = disk != NULL ? disk : &wc_disk_host;
    int dir_fd = disk->ops->open(disk->data, AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0);
    if (dir_fd < 0)
        return fail(err, dir);
    int fd = disk->ops->open(disk->data, dir_fd, WC_JOURNAL_NAME, O_RDONLY, 0);
    int rc = fd < 0 ? fail(err, dir) : 0;
    disk->ops->close(disk->data, dir_fd);
    if (rc != 0)
        return rc;
    WC_CLEANUP_BUF struct wc_buf bytes = WC_BUF_INIT;
    struct wc_journal_scan scan;
    rc = wc_journal_slurp(disk, fd, &bytes, err);
    disk->ops->close(disk->data, fd);
    if (rc == 0)
        rc = wc_journal_scan_bytes(bytes.data, bytes.len, replay, data, &scan, err);
    return rc != 0 ? wc_err_wrap(err, rc, "the journal %s/%s", dir, WC_JOURNAL_NAME) : 0;
}
