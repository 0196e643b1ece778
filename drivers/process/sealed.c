/* sealed.c - one memfd, checked against the file at each use so that an upgrade is taken up. */
#include "drivers/process/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "base/alloc.h"

enum { MAX_BYTES = 4 << 20 }; /* the copy is held for as long as anything runs */

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U
#endif

static bool is_program(int file)
{
    char magic[4];
    return pread(file, magic, sizeof magic, 0) == sizeof magic &&
           memcmp(magic, "\177ELF", sizeof magic) == 0;
}

static int copy(int file)
{
    int fd = memfd_create("runtime", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
    if (fd < 0 && errno == EINVAL) /* before 6.3 there was no such flag, and all were executable */
        fd = memfd_create("runtime", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    ssize_t got = fd < 0 ? -1 : 1;
    while (got > 0)
        got = sendfile(fd, file, NULL, MAX_BYTES);
    if (got == 0 && fchmod(fd, 0555) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool is_same(const struct stat *one, const struct stat *other)
{
    return one->st_dev == other->st_dev && one->st_ino == other->st_ino &&
           one->st_size == other->st_size && one->st_mtim.tv_sec == other->st_mtim.tv_sec &&
           one->st_mtim.tv_nsec == other->st_mtim.tv_nsec &&
           one->st_ctim.tv_sec == other->st_ctim.tv_sec &&
           one->st_ctim.tv_nsec == other->st_ctim.tv_nsec;
}

/* With the lock held. */
static int look(struct wc_sealed *sealed, const char *path)
{
    struct stat st;
    WC_CLEANUP_FD int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > MAX_BYTES)
        return -1;
    if (sealed->fd >= 0 && is_same(&st, &sealed->of))
        return fcntl(sealed->fd, F_DUPFD_CLOEXEC, 3);
    if (!is_program(file))
        return -1;
    int fresh = copy(file);
    if (fresh < 0)
        return -1;
    if (sealed->fd >= 0)
        close(sealed->fd);
    sealed->fd = fresh;
    sealed->of = st;
    return fcntl(fresh, F_DUPFD_CLOEXEC, 3);
}

int wc_sealed_get(struct wc_sealed *sealed, const char *path)
{
    pthread_mutex_lock(&sealed->lock);
    int fd = look(sealed, path);
    pthread_mutex_unlock(&sealed->lock);
    return fd;
}

void wc_sealed_deinit(struct wc_sealed *sealed)
{
    if (sealed->fd >= 0)
        close(sealed->fd);
    sealed->fd = -1;
    pthread_mutex_destroy(&sealed->lock);
}
