/* secret.c - anonymous pages of their own: an allocator's would be shared with what isn't secret,
 * and locking them would lock that as well.
 */
#include "base/secret.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <openssl/crypto.h>

enum { PAGE = 4096 };

void wc_wipe(void *bytes, size_t len)
{
    if (len > 0)
        OPENSSL_cleanse(bytes, len);
}

void wc_secret_deinit(struct wc_secret *secret)
{
    if (secret->bytes != NULL) {
        wc_wipe(secret->bytes, secret->cap);
        (void)munmap(secret->bytes, secret->cap);
    }
    *secret = (struct wc_secret)WC_SECRET_INIT;
}

static unsigned char *map_pages(size_t size)
{
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) {
        fputs("out of memory\n", stderr);
        abort();
    }
    (void)mlock(pages,
                size); /* the limit may be small; what can't be locked is still overwritten */
    (void)madvise(pages, size, MADV_DONTDUMP);
    return pages;
}

void wc_secret_reserve(struct wc_secret *secret, size_t more)
{
    if (more >= SIZE_MAX / 4 || secret->len >= SIZE_MAX / 4)
        abort();
    size_t need = secret->len + more + 1;
    if (need <= secret->cap)
        return;
    size_t size = secret->cap * 2 > need ? secret->cap * 2 : need;
    size = (size + PAGE - 1) / PAGE * PAGE;
    struct wc_secret moved = { map_pages(size), secret->len, size };
    if (secret->len > 0)
        memcpy(moved.bytes, secret->bytes, secret->len);
    wc_secret_deinit(secret);
    *secret = moved;
}

void wc_secret_add(struct wc_secret *secret, const void *bytes, size_t len)
{
    wc_secret_reserve(secret, len);
    if (len > 0)
        memcpy(secret->bytes + secret->len, bytes, len);
    secret->len += len;
    secret->bytes[secret->len] = '\0';
}

/* (Rejected: a limit of 0 on core files, and coredump_filter. What we start inherits both, and so
 * would containers; and the limit isn't heeded when the kernel hands cores to a program.) */
void wc_secret_no_core(void)
{
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* doesn't fail with this argument */
}
