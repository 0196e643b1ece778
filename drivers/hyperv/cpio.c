/* cpio.c - "newc": a header of 13 numbers in 8 hex digits each, the name, the content, each padded
 * to 4 bytes. Written by hand rather than by libarchive: 40 lines against a library in this room.
 */
#include "drivers/hyperv/cpio.h"

#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"

struct entry {
    const char *path;
    uint32_t mode;
    size_t len;
    uint32_t major, minor; /* of the device that it is */
};

static void pad(struct wc_buf *out)
{
    static const char zeros[4];
    wc_buf_add(out, zeros, -out->len & 3);
}

static void add_header(struct wc_cpio *cpio, const struct entry *entry)
{
    const uint32_t numbers[13] = {
        ++cpio->files, /* inode */
        entry->mode,
        0, /* user */
        0, /* group */
        S_ISDIR(entry->mode) ? 2 : 1,
        0, /* time */
        (uint32_t)entry->len,
        0, /* device that the file lies on */
        0,
        entry->major,
        entry->minor,
        (uint32_t)strlen(entry->path) + 1,
        0, /* check sum: not in this format */
    };
    wc_buf_adds(cpio->out, "070701");
    for (size_t i = 0; i < 13; i++)
        wc_buf_printf(cpio->out, "%08X", numbers[i]);
    wc_buf_add(cpio->out, entry->path, strlen(entry->path) + 1);
    pad(cpio->out);
}

void wc_cpio_dir(struct wc_cpio *cpio, const char *path, uint32_t perm)
{
    add_header(cpio, &(struct entry){ .path = path, .mode = S_IFDIR | perm });
}

void wc_cpio_file(struct wc_cpio *cpio, const char *path, uint32_t perm, const void *bytes,
                  size_t len)
{
    add_header(cpio, &(struct entry){ .path = path, .mode = S_IFREG | perm, .len = len });
    wc_buf_add(cpio->out, bytes, len);
    pad(cpio->out);
}

void wc_cpio_chardev(struct wc_cpio *cpio, const char *path, uint32_t perm, uint32_t major,
                     uint32_t minor)
{
    add_header(cpio, &(struct entry){
                         .path = path, .mode = S_IFCHR | perm, .major = major, .minor = minor });
}

void wc_cpio_end(struct wc_cpio *cpio)
{
    add_header(cpio, &(struct entry){ .path = "TRAILER!!!" });
}
