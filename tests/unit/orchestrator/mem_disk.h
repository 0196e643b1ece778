/* mem_disk.h - a disk in memory that fails, tears and loses power on demand.
 *
 * Idea:    every file has what the kernel holds and what the platter holds, every name likewise.
 *          fdatasync and sync_dir carry one to the other. A failed fdatasync loses what was to be
 *          written for good while later ones answer 0, as Linux does. A power cut leaves of all
 *          that was not synced an arbitrary part.
 */
#ifndef TESTS_UNIT_ORCHESTRATOR_MEM_DISK_H
#define TESTS_UNIT_ORCHESTRATOR_MEM_DISK_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "orchestrator/disk.h"

enum { MEM_FILES = 64, MEM_NAMES = 4, MEM_DIR_FD = 1000, MEM_TORN = -1 };

enum mem_op {
    MEM_OPEN,
    MEM_READ,
    MEM_WRITE,
    MEM_SYNC,
    MEM_TRUNCATE,
    MEM_RENAME,
    MEM_UNLINK,
    MEM_SYNC_DIR,
    MEM_OPS,
};

struct mem_file {
    struct wc_buf held, stable;
    bool lost; /* a sync failed: what was not stable then never will be */
};

struct mem_name {
    char text[32];
    int held, stable; /* 1-based file, 0 = none */
};

struct mem_disk {
    struct wc_disk disk;
    pthread_mutex_t mutex;
    struct mem_file files[MEM_FILES];
    int n_files;
    struct mem_name names[MEM_NAMES];
    unsigned calls[MEM_OPS], n_calls;

    /* What goes wrong: the call number `at` of a kind (or of all: fault_op MEM_OPS), counted from
     * 1, and with `stays` all after it; 0 = nothing. error MEM_TORN: half of a write is done, and
     * it fails for lack of room. */
    enum mem_op fault_op;
    unsigned fault_at;
    int fault_error;
    bool fault_stays, fault_fired;
    unsigned crash_at; /* from this call on nothing happens any more; half of it does if a write */
    bool crashed;
    int open_fds;
};

static inline void mem_init(struct mem_disk *m);

static inline bool mem_goes_wrong(struct mem_disk *m, enum mem_op op, bool *torn)
{
    m->calls[op]++;
    m->n_calls++;
    *torn = false;
    if (m->crash_at != 0 && m->n_calls >= m->crash_at) {
        *torn = !m->crashed;
        m->crashed = true;
        errno = EIO;
        return true;
    }
    unsigned n = m->fault_op == MEM_OPS ? m->n_calls : m->calls[op];
    if (m->fault_at == 0 || (m->fault_op != MEM_OPS && m->fault_op != op) || n < m->fault_at ||
        (n > m->fault_at && !m->fault_stays))
        return false;
    m->fault_fired = true;
    *torn = m->fault_error == MEM_TORN;
    errno = m->fault_error == MEM_TORN ? ENOSPC : m->fault_error;
    return true;
}

static inline struct mem_name *mem_name(struct mem_disk *m, const char *text)
{
    for (int i = 0; i < MEM_NAMES; i++)
        if (m->names[i].text[0] == '\0' || strcmp(m->names[i].text, text) == 0) {
            snprintf(m->names[i].text, sizeof m->names[i].text, "%s", text);
            return &m->names[i];
        }
    abort();
}

static inline int mem_open_locked(struct mem_disk *m, int dir_fd, const char *text, int flags)
{
    bool torn;
    if (mem_goes_wrong(m, MEM_OPEN, &torn))
        return -1;
    m->open_fds++;
    if (dir_fd == AT_FDCWD)
        return MEM_DIR_FD;
    struct mem_name *name = mem_name(m, text);
    m->open_fds--;
    if (name->held == 0 && (flags & O_CREAT) == 0) {
        errno = ENOENT;
        return -1;
    }
    if (name->held != 0 && (flags & O_EXCL) != 0) {
        errno = EEXIST;
        return -1;
    }
    if (name->held == 0) {
        assert_true(m->n_files < MEM_FILES);
        m->files[m->n_files].held = m->files[m->n_files].stable = (struct wc_buf)WC_BUF_INIT;
        m->files[m->n_files].lost = false;
        name->held = ++m->n_files;
    }
    if ((flags & O_TRUNC) != 0)
        wc_buf_reset(&m->files[name->held - 1].held);
    m->open_fds++;
    return name->held;
}

static inline int mem_open(void *data, int dir_fd, const char *name, int flags, mode_t mode)
{
    (void)mode;
    struct mem_disk *m = data;
    pthread_mutex_lock(&m->mutex);
    int fd = mem_open_locked(m, dir_fd, name, flags);
    pthread_mutex_unlock(&m->mutex);
    return fd;
}

static inline ssize_t mem_read(void *data, int fd, void *bytes, size_t len, off_t at)
{
    struct mem_disk *m = data;
    bool torn;
    if (mem_goes_wrong(m, MEM_READ, &torn))
        return -1;
    const struct wc_buf *held = &m->files[fd - 1].held;
    size_t left = (size_t)at < held->len ? held->len - (size_t)at : 0;
    size_t n = len < left ? len : left;
    memcpy(bytes, held->data + at, n);
    return (ssize_t)n;
}

static inline void mem_put(struct wc_buf *held, const void *bytes, size_t len, size_t at)
{
    static const char zero[1];
    while (held->len < at + len)
        wc_buf_add(held, zero, 1);
    memcpy(held->data + at, bytes, len);
}

static inline ssize_t mem_write(void *data, int fd, const void *bytes, size_t len, off_t at)
{
    struct mem_disk *m = data;
    bool torn;
    pthread_mutex_lock(&m->mutex);
    bool wrong = mem_goes_wrong(m, MEM_WRITE, &torn);
    size_t n = !wrong ? len : torn ? len / 2 : 0;
    if (n > 0)
        mem_put(&m->files[fd - 1].held, bytes, n, (size_t)at);
    bool told = !wrong || (torn && n > 0 && !m->crashed);
    pthread_mutex_unlock(&m->mutex);
    return told ? (ssize_t)n : -1;
}

static inline int mem_sync(void *data, int fd)
{
    struct mem_disk *m = data;
    struct mem_file *file = &m->files[fd - 1];
    bool torn;
    pthread_mutex_lock(&m->mutex);
    bool wrong = mem_goes_wrong(m, MEM_SYNC, &torn);
    if (wrong && !m->crashed)
        file->lost = true;
    if (!wrong && !file->lost) {
        wc_buf_reset(&file->stable);
        wc_buf_add(&file->stable, file->held.data, file->held.len);
    }
    pthread_mutex_unlock(&m->mutex);
    return wrong ? -1 : 0;
}

static inline int mem_truncate(void *data, int fd, off_t len)
{
    struct mem_disk *m = data;
    bool torn;
    if (mem_goes_wrong(m, MEM_TRUNCATE, &torn))
        return -1;
    struct wc_buf *held = &m->files[fd - 1].held;
    if ((size_t)len < held->len) {
        held->len = (size_t)len;
        held->data[held->len] = '\0';
    }
    return 0;
}

static inline int mem_rename(void *data, int dir_fd, const char *from, const char *to)
{
    (void)dir_fd;
    struct mem_disk *m = data;
    bool torn;
    if (mem_goes_wrong(m, MEM_RENAME, &torn))
        return -1;
    struct mem_name *source = mem_name(m, from);
    mem_name(m, to)->held = source->held;
    source->held = 0;
    return 0;
}

static inline int mem_unlink(void *data, int dir_fd, const char *text)
{
    (void)dir_fd;
    struct mem_disk *m = data;
    bool torn;
    if (mem_goes_wrong(m, MEM_UNLINK, &torn))
        return -1;
    struct mem_name *name = mem_name(m, text);
    errno = ENOENT;
    int rc = name->held != 0 ? 0 : -1;
    name->held = 0;
    return rc;
}

static inline int mem_sync_dir(void *data, int dir_fd)
{
    (void)dir_fd;
    struct mem_disk *m = data;
    bool torn;
    pthread_mutex_lock(&m->mutex);
    bool wrong = mem_goes_wrong(m, MEM_SYNC_DIR, &torn);
    for (int i = 0; i < MEM_NAMES && !wrong; i++)
        m->names[i].stable = m->names[i].held;
    pthread_mutex_unlock(&m->mutex);
    return wrong ? -1 : 0;
}

static inline void mem_close(void *data, int fd)
{
    (void)fd;
    ((struct mem_disk *)data)->open_fds--;
}

static const struct wc_disk_ops mem_ops = {
    .open = mem_open,
    .read = mem_read,
    .write = mem_write,
    .fdatasync = mem_sync,
    .truncate = mem_truncate,
    .rename = mem_rename,
    .unlink = mem_unlink,
    .sync_dir = mem_sync_dir,
    .close = mem_close,
};

static inline void mem_init(struct mem_disk *m)
{
    memset(m, 0, sizeof *m);
    m->disk = (struct wc_disk){ &mem_ops, m };
    m->fault_op = MEM_OPS;
    pthread_mutex_init(&m->mutex, NULL);
}

static inline void mem_deinit(struct mem_disk *m)
{
    for (int i = 0; i < m->n_files; i++) {
        wc_buf_deinit(&m->files[i].held);
        wc_buf_deinit(&m->files[i].stable);
    }
    pthread_mutex_destroy(&m->mutex);
}

/* The disk works again; whoever used it is dead. */
static inline void mem_heal(struct mem_disk *m)
{
    m->fault_at = m->crash_at = 0;
    m->fault_stays = m->fault_fired = m->crashed = false;
    m->open_fds = 0;
}

static inline unsigned mem_random(unsigned *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* Of what was written since the last sync each sector is there or isn't, whatever its neighbours
 * are: a disk writes them as it likes. Where there was nothing before there are zeros. */
static inline void mem_lose_sectors(struct mem_file *file, unsigned *seed)
{
    enum { SECTOR = 512 };
    for (size_t at = 0; at < file->held.len; at += SECTOR) {
        size_t end = at + SECTOR < file->held.len ? at + SECTOR : file->held.len;
        if (mem_random(seed) % 2 == 0)
            continue;
        for (size_t i = at; i < end; i++)
            file->held.data[i] = i < file->stable.len ? file->stable.data[i] : '\0';
    }
}

/* The power goes: what was not synced is there, is not there, or is there in part. */
static inline void mem_power_cut(struct mem_disk *m, unsigned seed)
{
    for (int i = 0; i < m->n_files; i++) {
        struct mem_file *file = &m->files[i];
        unsigned choice = file->lost ? 0 : mem_random(&seed) % 4;
        if (choice == 0) {
            wc_buf_reset(&file->held);
            wc_buf_add(&file->held, file->stable.data, file->stable.len);
        } else if (choice == 1 && file->held.len > file->stable.len) {
            size_t fresh = file->held.len - file->stable.len;
            file->held.len = file->stable.len + mem_random(&seed) % fresh;
        } else if (choice == 2) {
            mem_lose_sectors(file, &seed);
        }
    }
    for (int i = 0; i < MEM_NAMES; i++)
        if (mem_random(&seed) % 2 == 0)
            m->names[i].held = m->names[i].stable;
}

#endif
