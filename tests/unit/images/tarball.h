/* tarball.h - writes tars by hand, header by header, so that tests can say what no tar program
 * would. A tarball is a wc_buf; tar_end closes it. Used by the tests of images only. */
#ifndef TESTS_UNIT_IMAGES_TARBALL_H
#define TESTS_UNIT_IMAGES_TARBALL_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

struct tar_entry {
    const char *name;
    char type; /* '0' file, '1' hard link, '2' symbolic link, '3' '4' device, '5' directory, '6'
                  fifo */
    unsigned mode, uid, gid;
    const char *link, *data;
    size_t len;            /* of data; 0 with data: strlen */
    const char *size_text; /* eleven octal digits, when the header is to lie */
    unsigned major, minor;
    uint64_t mtime;
};

static inline void tar_block(struct wc_buf *tar, const struct tar_entry *e, const char *name,
                             size_t size)
{
    char head[512] = { 0 };
    char field[32];
    memcpy(head, name, strnlen(name, 100));
    snprintf(field, sizeof field, "%07o", e->mode);
    memcpy(head + 100, field, 8);
    snprintf(field, sizeof field, "%07o", e->uid);
    memcpy(head + 108, field, 8);
    snprintf(field, sizeof field, "%07o", e->gid);
    memcpy(head + 116, field, 8);
    snprintf(field, sizeof field, "%011llo", (unsigned long long)size);
    memcpy(head + 124, e->size_text != NULL ? e->size_text : field, 11);
    snprintf(field, sizeof field, "%011llo", (unsigned long long)e->mtime);
    memcpy(head + 136, field, 12);
    head[156] = e->type;
    if (e->link != NULL)
        /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): a field of 100 zeros */
        memcpy(head + 157, e->link, strnlen(e->link, 100));
    memcpy(head + 257,
           "ustar\0"
           "00",
           8);
    snprintf(field, sizeof field, "%07o", e->major);
    memcpy(head + 329, field, 8);
    snprintf(field, sizeof field, "%07o", e->minor);
    memcpy(head + 337, field, 8);
    memset(head + 148, ' ', 8);
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof head; i++)
        sum += (unsigned char)head[i];
    snprintf(field, sizeof field, "%06o", sum);
    memcpy(head + 148, field, 7);
    wc_buf_add(tar, head, sizeof head);
}

static inline void tar_data(struct wc_buf *tar, const void *data, size_t len)
{
    static const char zeros[512];
    wc_buf_add(tar, data, len);
    if (len % 512 != 0)
        wc_buf_add(tar, zeros, 512 - len % 512);
}

static inline void tar_add(struct wc_buf *tar, struct tar_entry e)
{
    size_t len = e.data == NULL ? 0 : e.len != 0 ? e.len : strlen(e.data);
    tar_block(tar, &e, e.name, len);
    if (len > 0)
        tar_data(tar, e.data, len);
}

/* Appends one pax record, "<its own length> key=value". */
static inline void pax_record(struct wc_buf *out, const char *key, const void *value, size_t len)
{
    size_t body = strlen(key) + len + 3, total = body + 1;
    char number[32];
    for (;;) {
        size_t digits = (size_t)snprintf(number, sizeof number, "%zu", total);
        if (body + digits == total)
            break;
        total = body + digits;
    }
    wc_buf_printf(out, "%zu %s=", total, key);
    wc_buf_add(out, value, len);
    wc_buf_addc(out, '\n');
}

/* Adds pax records for the entry that comes next. */
static inline void tar_records(struct wc_buf *tar, const struct wc_buf *records)
{
    struct tar_entry e = { .type = 'x', .mode = 0644 };
    tar_block(tar, &e, "PaxHeaders/next", records->len);
    tar_data(tar, records->data, records->len);
}

static inline void tar_pax(struct wc_buf *tar, const char *key, const void *value, size_t len)
{
    struct wc_buf records = WC_BUF_INIT;
    pax_record(&records, key, value, len);
    tar_records(tar, &records);
    wc_buf_deinit(&records);
}

static inline void tar_file(struct wc_buf *tar, const char *name, const char *data)
{
    tar_add(tar, (struct tar_entry){ .name = name, .type = '0', .mode = 0644, .data = data });
}

static inline void tar_dir(struct wc_buf *tar, const char *name)
{
    tar_add(tar, (struct tar_entry){ .name = name, .type = '5', .mode = 0755 });
}

static inline void tar_link(struct wc_buf *tar, char type, const char *name, const char *target)
{
    tar_add(tar, (struct tar_entry){ .name = name, .type = type, .mode = 0777, .link = target });
}

static inline void tar_end(struct wc_buf *tar)
{
    static const char zeros[1024];
    wc_buf_add(tar, zeros, sizeof zeros);
}

#endif
