/* keep_go.c - what crun's start does for a created container, without running it.
 *
 * A container that crun has created holds a FIFO of crun's state directory open and waits for one
 * byte; then it executes its program. To have crun write that byte costs an execution, a dozen
 * libraries and the parsing of two files: more than a tenth of all that a start takes. Where the
 * supervisor knows the FIFO's name (start_fifo) it is done here, in crun's order: the name goes
 * first, since a state directory without it is what crun takes for a container that was started.
 * Where there is no such FIFO, or nobody reads from it, crun is run as ever, and says why.
 */
#include "drivers/keeper/keep.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

bool wc_keep_go(const struct wc_keep_conf *conf)
{
    const int how = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    if (conf->start_fifo == NULL)
        return false;
    int parent = open(conf->runtime_root, how);
    int dir = parent < 0 ? -1 : openat(parent, conf->id, how);
    int fifo = dir < 0
                   ? -1
                   : openat(dir, conf->start_fifo, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    bool gone = fifo >= 0 && fstat(fifo, &st) == 0 && S_ISFIFO(st.st_mode) &&
                unlinkat(dir, conf->start_fifo, 0) == 0 && write(fifo, "", 1) == 1;
    if (fifo >= 0)
        close(fifo);
    if (dir >= 0)
        close(dir);
    if (parent >= 0)
        close(parent);
    return gone;
}
