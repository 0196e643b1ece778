/* join_tty.c - a terminal for the program, and the caller's terminal behind it.
 *
 * The pty is the instance's, so that its name exists inside. Only a real ptmx on a devpts that was
 * reached without any link is taken, and its other end comes from the descriptor, not from a path.
 */
#include "drivers/keeper/join.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

int wc_join_tty_open(struct wc_join *join)
{
    struct wc_open_how how = { .flags = O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK,
                               .resolve = WC_RESOLVE_NO_SYMLINKS };
    struct stat st;
    struct statfs fs;
    int unlock = 0;
    join->master = (int)syscall(SYS_openat2, AT_FDCWD, "/dev/pts/ptmx", &how, sizeof how);
    if (join->master < 0)
        return wc_fault("open the instance's /dev/pts/ptmx", NULL, errno);
    if (fstat(join->master, &st) != 0 || fstatfs(join->master, &fs) != 0 || !S_ISCHR(st.st_mode) ||
        st.st_rdev != makedev(5, 2) || (unsigned long)fs.f_type != WC_DEVPTS_MAGIC)
        return wc_fault("the instance's /dev/pts/ptmx is no terminal", NULL, 0);
    if (ioctl(join->master, TIOCSPTLCK, &unlock) != 0)
        return wc_fault("unlock a terminal", NULL, errno);
    join->slave = ioctl(join->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (join->slave < 0)
        return wc_fault("open a terminal", NULL, errno);
    if (fchown(join->slave, (uid_t)join->uid, (gid_t)-1) != 0)
        return wc_fault("own a terminal", NULL, errno);
    wc_join_tty_size(join);
    return 0;
}

static struct termios before;
static bool raw;

void wc_join_tty_raw(void)
{
    if (tcgetattr(0, &before) != 0)
        return;
    struct termios now = before;
    cfmakeraw(&now);
    raw = tcsetattr(0, TCSANOW, &now) == 0;
}

void wc_join_tty_restore(void)
{
    if (raw)
        tcsetattr(0, TCSADRAIN, &before);
    raw = false;
}

void wc_join_tty_size(const struct wc_join *join)
{
    struct winsize size;
    for (int fd = 0; fd < 3; fd++)
        if (ioctl(fd, TIOCGWINSZ, &size) == 0) {
            ioctl(join->master, TIOCSWINSZ, &size);
            return;
        }
}
