/* kernel_image.c - what a kernel image says of itself.
 *
 * Source:  linux/Documentation/x86/boot.rst (HdrS at 0x202, kernel_version at 0x20E);
 *          arm64/booting.rst ("ARM\x64" at 56).
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/str.h"
#include "drivers/hyperv/kernel.h"

enum { IMAGE_MAX_BYTES = 512 << 20, RELEASE_MAX = 64, CHUNK = 256 << 10 };

/* Copies the word at `text`, as far as it may be a release. */
static const char *word(struct wc_arena *arena, const char *text, size_t len)
{
    size_t n = 0;
    while (n < len && n < RELEASE_MAX && (wc_ascii_isalnum(text[n]) || strchr("._+-", text[n])) &&
           text[n] != '\0')
        n++;
    return wc_arena_strndup(arena, text, n);
}

/* The release in the boot header of a bzImage; NULL when it is none. */
static const char *of_bzimage(const struct wc_buf *image, struct wc_arena *arena)
{
    uint16_t at;
    if (image->len < 0x210 || memcmp(image->data + 0x202, "HdrS", 4) != 0)
        return NULL;
    memcpy(&at, image->data + 0x20E, sizeof at);
    size_t from = at + 0x200u;
    return at == 0 || from >= image->len ? "" : word(arena, image->data + from, image->len - from);
}

/* The release in the banner that an unpacked image holds. */
static const char *of_banner(const struct wc_buf *image, struct wc_arena *arena)
{
    static const char banner[] = "Linux version ";
    const char *found = memmem(image->data, image->len, banner, sizeof banner - 1);
    if (found == NULL)
        return "";
    found += sizeof banner - 1;
    return word(arena, found, (size_t)(image->data + image->len - found));
}

int wc_kernel_image_release(const char *path, struct wc_arena *arena, const char **release,
                            struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf image = WC_BUF_INIT;
    int rc = wc_fs_read(path, IMAGE_MAX_BYTES, &image, err);
    if (rc != 0)
        return rc;
    const char *found = of_bzimage(&image, arena);
    bool is_elf = image.len > SELFMAG && memcmp(image.data, ELFMAG, SELFMAG) == 0;
    bool is_arm64 = image.len > 60 && memcmp(image.data + 56, "ARM\x64", 4) == 0;
    if (found == NULL && !is_elf && !is_arm64)
        return wc_err_set(err, WC_ERR_SPEC, 0,
                          "%s is no kernel image: neither a bzImage nor an ELF image", path);
    *release = found != NULL ? found : of_banner(&image, arena);
    return 0;
}

int wc_kernel_file_sha256(const char *path, char hex[WC_SHA256_HEX + 1], struct wc_err *err)
{
    WC_CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "open %s", path);
    WC_CLEANUP_FREE char *chunk = wc_alloc(CHUNK);
    struct wc_sha256 *hash = wc_sha256_new();
    ssize_t n;
    while ((n = read(fd, chunk, CHUNK)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            wc_sha256_update(hash, chunk, (size_t)n);
    int sys = errno;
    wc_sha256_finish(hash, hex);
    return n < 0 ? wc_err_set(err, WC_ERR_IO, sys, "read %s", path) : 0;
}
