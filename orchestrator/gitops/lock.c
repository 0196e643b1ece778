/* lock.c - one pass over an app at a time. The kernel gives the lock back with the last process
 * that has it, however that ends; the file itself stays, as removing it is a race.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "orchestrator/gitops/inputs.h"

/* What passes that were killed had begun to write; nobody else writes it now. */
static void sweep(const char *dir)
{
    static const char *const names[] = { "record.json", "owner" };
    char path[4096];
    for (size_t i = 0; i < WC_COUNT(names); i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        wc_fs_sweep_atomic(path);
    }
}

int wc_gitops_lock(const char *dir, int *fd, struct wc_err *err)
{
    char path[4096];
    int rc = wc_fs_mkdirs(dir, 0700, err);
    if (rc != 0)
        return rc;
    snprintf(path, sizeof path, "%s/lock", dir);
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd < 0)
        return wc_err_set(err, WC_ERR_IO, errno, "open %s", path);
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0) {
        sweep(dir);
        return 0;
    }
    return wc_err_set(err, WC_ERR_CONFLICT, 0, "another pass over it is under way");
}
