/* logs_cursor.c - one instance's place in its log, across rotated files.
 *
 * log.json is the newest file, log.json.1 the one before. Rotation renames while we read, so a
 * file's number means nothing a moment later: what is known is the inode we hold, and the next file
 * is the one numbered below it now.
 */
#include "orchestrator/logs_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

/* As the keeper names it (drivers/keeper/protocol.h, which is another room's). */
#define LOG_NAME "log.json"

enum { CHUNK = 65536, FILES_MAX = 1000, ENTRY_MAX = 1024 * 1024 };

static void file_name(unsigned number, char *out, size_t size)
{
    if (number == 0)
        snprintf(out, size, LOG_NAME);
    else
        snprintf(out, size, LOG_NAME ".%u", number);
}

/* By the directory's descriptor: its path may by now be another's, made under the same id. */
static bool stat_file(const struct wc_log_cursor *cursor, unsigned number, struct stat *out)
{
    char name[32];
    file_name(number, name, sizeof name);
    return fstatat(cursor->dir_fd, name, out, AT_SYMLINK_NOFOLLOW) == 0;
}

static int open_file(const struct wc_log_cursor *cursor, unsigned number)
{
    char name[32];
    file_name(number, name, sizeof name);
    return openat(cursor->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

/* Number of the oldest file; 0 also when there is none at all. */
static unsigned oldest(const struct wc_log_cursor *cursor)
{
    struct stat st;
    unsigned n = 0;
    while (n < FILES_MAX && stat_file(cursor, n + 1, &st))
        n++;
    return n;
}

static bool hold(struct wc_log_cursor *cursor, int fd, int64_t pos)
{
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    if (cursor->fd >= 0)
        close(cursor->fd);
    if (cursor->used < cursor->raw.len)
        cursor->reader->damaged++; /* the file before ended in the middle of an entry */
    cursor->fd = fd;
    cursor->ino = st.st_ino;
    cursor->pos = pos;
    cursor->used = 0;
    wc_buf_reset(&cursor->raw);
    return true;
}

/* Number of the file we hold; false when it is no longer there. */
static bool find_held(const struct wc_log_cursor *cursor, unsigned *number)
{
    struct stat st;
    for (unsigned n = 0; n < FILES_MAX; n++) {
        bool is_there = stat_file(cursor, n, &st);
        if (is_there && st.st_ino == cursor->ino) {
            *number = n;
            return true;
        }
        if (!is_there && n > 0)
            return false;
    }
    return false;
}

/* Goes on to the next newer file. False when the one we hold is the newest. */
static bool next_file(struct wc_log_cursor *cursor)
{
    for (int attempt = 0; attempt < 100; attempt++) {
        unsigned held, again;
        if (cursor->fd < 0 || !find_held(cursor, &held))
            return hold(cursor, open_file(cursor, oldest(cursor)), 0);
        if (held == 0)
            return false;
        int fd = open_file(cursor, held - 1);
        if (find_held(cursor, &again) && again == held)
            return hold(cursor, fd, 0);
        if (fd >= 0)
            close(fd); /* rotated between the look and the open */
    }
    return false;
}

/* Where to start ------------------------------------------------------------------------------*/

/* Looks backwards for the start of the last *lines entries of a file; lowers *lines by what it has.
 * Returns the offset. */
static int64_t tail_offset(int fd, int64_t size, int64_t *lines)
{
    char chunk[CHUNK];
    int64_t seen = 0;
    for (int64_t end = size; end > 0;) {
        int64_t from = end > CHUNK ? end - CHUNK : 0;
        ssize_t n = pread(fd, chunk, (size_t)(end - from), from);
        if (n <= 0)
            break;
        for (ssize_t i = n - 1; i >= 0; i--) {
            if (chunk[i] == '\n' && seen++ == *lines) {
                *lines = 0;
                return from + i + 1;
            }
        }
        end = from;
    }
    *lines -= seen;
    return 0;
}

static void start_at_tail(struct wc_log_cursor *cursor, int64_t lines)
{
    unsigned last = oldest(cursor);
    for (unsigned n = 0; n <= last; n++) {
        int fd = open_file(cursor, n);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) != 0) {
            if (fd >= 0)
                close(fd);
            continue;
        }
        int64_t offset = tail_offset(fd, st.st_size, &lines);
        if (lines > 0 && n < last)
            close(fd);
        else {
            hold(cursor, fd, offset);
            return;
        }
    }
}

static void start_at(struct wc_log_cursor *cursor, bool fresh)
{
    const struct wc_logread_query *query = &cursor->reader->query;
    if (!fresh && query->tail >= 0) {
        start_at_tail(cursor, query->tail);
        return;
    }
    unsigned n = oldest(cursor);
    struct stat st;
    while (n > 0 && query->since_ms >= 0 && stat_file(cursor, n, &st) &&
           ((int64_t)st.st_mtim.tv_sec + 1) * 1000 < query->since_ms)
        n--; /* written to for the last time before `since` */
    hold(cursor, open_file(cursor, n), 0);
}

struct wc_log_cursor *wc_log_cursor_new(struct wc_logread *reader, const char *id,
                                        const char *service, unsigned index, bool fresh)
{
    struct wc_log_cursor *cursor = wc_calloc(1, sizeof *cursor);
    struct wc_buf dir = WC_BUF_INIT;
    wc_buf_printf(&dir, "%s/%s", reader->dir, id);
    cursor->reader = reader;
    cursor->id = wc_strdup(id);
    cursor->service = wc_strdup(service);
    cursor->dir = wc_buf_detach(&dir);
    cursor->index = index;
    cursor->fd = -1;
    cursor->raw = cursor->text = (struct wc_buf)WC_BUF_INIT;
    cursor->dir_fd = open(cursor->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    start_at(cursor, fresh);
    return cursor;
}

bool wc_log_cursor_exists(const struct wc_log_cursor *cursor)
{
    struct stat held, named;
    return fstat(cursor->dir_fd, &held) == 0 && stat(cursor->dir, &named) == 0 &&
           held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

void wc_log_cursor_retire(struct wc_log_cursor *cursor)
{
    cursor->is_gone = true;
    if (cursor->fd >= 0)
        close(cursor->fd);
    if (cursor->dir_fd >= 0)
        close(cursor->dir_fd);
    cursor->fd = cursor->dir_fd = -1;
}

void wc_log_cursor_free(struct wc_log_cursor *cursor)
{
    wc_log_cursor_retire(cursor);
    wc_buf_deinit(&cursor->raw);
    wc_buf_deinit(&cursor->text);
    wc_free(cursor->id);
    wc_free(cursor->service);
    wc_free(cursor->dir);
    wc_free(cursor);
}

/* Reading -------------------------------------------------------------------------------------*/

/* Reads more of the file. False at its end. */
static bool fill(struct wc_log_cursor *cursor)
{
    struct stat st;
    if (cursor->fd < 0)
        return false;
    if (fstat(cursor->fd, &st) == 0 && st.st_size < cursor->pos) {
        cursor->pos = 0; /* emptied in place by somebody */
        cursor->used = 0;
        wc_buf_reset(&cursor->raw);
    }
    if (cursor->used > 0) {
        wc_buf_consume(&cursor->raw, cursor->used);
        cursor->used = 0;
    }
    wc_buf_reserve(&cursor->raw, CHUNK);
    ssize_t n = pread(cursor->fd, cursor->raw.data + cursor->raw.len, CHUNK, cursor->pos);
    if (n <= 0)
        return false;
    cursor->raw.len += (size_t)n;
    cursor->pos += n;
    return true;
}

/* The next raw entry. False when there is no whole one (now). */
static bool next_entry(struct wc_log_cursor *cursor, const char **entry, size_t *len)
{
    for (;;) {
        struct wc_buf *raw = &cursor->raw;
        size_t left = raw->len - cursor->used;
        const char *newline = left == 0 ? NULL : memchr(raw->data + cursor->used, '\n', left);
        if (newline != NULL) {
            *entry = raw->data + cursor->used;
            *len = (size_t)(newline - *entry);
            cursor->used += *len + 1;
            return true;
        }
        if (left > ENTRY_MAX) { /* no entry of ours: a damaged file */
            cursor->used = raw->len;
            cursor->reader->damaged++;
        }
        if (!fill(cursor) && !next_file(cursor))
            return false;
    }
}

bool wc_log_cursor_peek(struct wc_log_cursor *cursor)
{
    const struct wc_logread_query *query = &cursor->reader->query;
    const char *entry;
    size_t len;
    while (!cursor->has_line && !cursor->is_over && next_entry(cursor, &entry, &len)) {
        cursor->line.id = cursor->id;
        cursor->line.service = cursor->service;
        cursor->line.index = cursor->index;
        if (!wc_log_entry_read(entry, len, &cursor->line, &cursor->text)) {
            cursor->reader->damaged++;
            continue;
        }
        int64_t ms = cursor->line.time_ns / 1000000;
        cursor->is_over = query->until_ms >= 0 && ms > query->until_ms;
        cursor->has_line = !cursor->is_over && (query->since_ms < 0 || ms >= query->since_ms);
    }
    return cursor->has_line;
}
