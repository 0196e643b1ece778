/* control_socket.c - Unix sockets by a directory's descriptor.
 *
 * sun_path holds 108 bytes and WCOMPOSE_ROOT may be anywhere; /proc/self/fd/N/name is always short.
 * Changing the working directory would do as well, but is the whole process's.
 */
#include "orchestrator/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"

static void address(struct sockaddr_un *out, int dir_fd, const char *name)
{
    *out = (struct sockaddr_un){ .sun_family = AF_UNIX };
    snprintf(out->sun_path, sizeof out->sun_path, "/proc/self/fd/%d/%s", dir_fd, name);
}

static int failed(int fd)
{
    int sys = errno;
    close(fd);
    errno = sys;
    return -1;
}

int wc_control_bind(int dir_fd, const char *name)
{
    struct sockaddr_un at;
    address(&at, dir_fd, name);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (unlinkat(dir_fd, name, 0) != 0 && errno != ENOENT)
        return failed(fd);
    fchmod(fd, 0600); /* the mode that bind gives the name, whatever the umask */
    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || fchmodat(dir_fd, name, 0600, 0) != 0)
        return failed(fd);
    return fd;
}

int wc_control_connect(const char *dir, const char *name)
{
    WC_CLEANUP_FD int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return -1;
    struct sockaddr_un at;
    address(&at, dir_fd, name);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&at, sizeof at) != 0)
        return failed(fd);
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        return failed(fd);
    return fd;
}
