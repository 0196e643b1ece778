/* points.c - the driver's table and the disk's, with a crash point on either side of each call; and
 * the thread pool, whose work takes simulated time.
 */
#include "sim/crash/crash.h"

#include "base/str.h"

static struct host *living;

struct host *crash_host(void)
{
    return living;
}

void crash_set_host(struct host *host)
{
    living = host;
}

void crash_point(struct host *host, const char *when, const char *what, const char *whom)
{
    if (!host->armed || host->dead || ++host->points != host->die_at)
        return;
    unsigned n = host->deaths < 2 ? host->deaths : 1;
    snprintf(host->where[n], sizeof host->where[n], "%s %s %s", when, what, whom);
    host->dead = true;
    host->deaths++;
    wc_sim_die(host->play.world);
}

/* ---- the driver ---- */

static const char *verb_of(const struct wc_op *op)
{
    static const char *const names[] = {
        [WC_VERB_LIST] = "list",
        [WC_VERB_CREATE] = "create",
        [WC_VERB_START] = "start",
        [WC_VERB_STOP] = "stop",
        [WC_VERB_KILL] = "kill",
        [WC_VERB_REMOVE] = "remove",
        [WC_VERB_EXEC] = "exec",
        [WC_VERB_NET_UP] = "net up",
        [WC_VERB_UPDATE] = "update",
        [WC_VERB_NET_DOWN] = "net down",
        [WC_VERB_VOLUME_REMOVE] = "remove volume",
        [WC_VERB_MEND] = "mend",
        [WC_VERB_NET_LOOK] = "net look",
    };
    return names[op->verb];
}

static void submit(struct wc_driver *driver, struct wc_op *op)
{
    struct host *host = living;
    char whom[64];
    const char *id = op->instance != NULL ? op->instance->id : op->id;
    snprintf(whom, sizeof whom, "%.24s", id != NULL ? id : "");
    if (host->play.loud && !host->dead)
        printf("  %8llu %s %s\n", (unsigned long long)host->play.world->now_ms, verb_of(op), whom);
    crash_point(host, "before", verb_of(op), whom);
    const char *verb = verb_of(op);
    wc_sim_ops.submit(driver, op);
    crash_point(host, "after", verb, whom);
}

static int open_driver(const struct wc_driver_config *config, struct wc_driver **out,
                       struct wc_err *err)
{
    int rc = wc_sim_ops.open(config, out, err);
    if (rc == 0)
        (*out)->ops = &crash_driver;
    return rc;
}

static void probe(const struct wc_paths *paths, struct wc_driver_facts *out)
{
    wc_sim_ops.probe(paths, out);
}

static int check(struct wc_driver *driver, const struct wc_instance *instance, struct wc_err *err)
{
    return wc_sim_ops.check(driver, instance, err);
}

static void close_driver(struct wc_driver *driver, wc_driver_closed_fn *closed, void *data)
{
    wc_sim_ops.close(driver, closed, data);
}

const struct wc_driver_ops crash_driver = {
    .name = "crash",
    .probe = probe,
    .open = open_driver,
    .check = check,
    .submit = submit,
    .close = close_driver,
};

/* ---- the disk ---- */

/* Nothing that the dead do reaches the disk (they may read). */
static bool is_over(struct host *host)
{
    errno = EIO;
    return host->dead;
}

#define AROUND(host, type, name, call)                                                             \
    crash_point((host), "before", (name), "of the journal");                                       \
    if (is_over(host))                                                                             \
        return -1;                                                                                 \
    type answer = (call);                                                                          \
    int sys = errno;                                                                               \
    crash_point((host), "after", (name), "of the journal");                                        \
    errno = sys;                                                                                   \
    return answer

static int do_open(void *data, int dir_fd, const char *name, int flags, mode_t mode)
{
    struct host *host = data;
    if ((flags & O_CREAT) == 0)
        return mem_ops.open(&host->disk, dir_fd, name, flags, mode);
    AROUND(host, int, "open", mem_ops.open(&host->disk, dir_fd, name, flags, mode));
}

static ssize_t do_read(void *data, int fd, void *bytes, size_t len, off_t at)
{
    struct host *host = data;
    return mem_ops.read(&host->disk, fd, bytes, len, at);
}

static ssize_t do_write(void *data, int fd, const void *bytes, size_t len, off_t at)
{
    struct host *host = data;
    bool lives = !host->dead;
    crash_point(host, "before", "write", "of the journal");
    if (is_over(host))
        return -1;
    crash_point(host, "amid", "write", "of the journal");
    if (is_over(host)) {
        (void)mem_ops.write(&host->disk, fd, bytes, lives ? len / 2 : 0, at);
        return -1;
    }
    ssize_t n = mem_ops.write(&host->disk, fd, bytes, len, at);
    crash_point(host, "after", "write", "of the journal");
    return n;
}

static int do_sync(void *data, int fd)
{
    struct host *host = data;
    AROUND(host, int, "sync", mem_ops.fdatasync(&host->disk, fd));
}

static int do_truncate(void *data, int fd, off_t len)
{
    struct host *host = data;
    AROUND(host, int, "truncate", mem_ops.truncate(&host->disk, fd, len));
}

static int do_rename(void *data, int dir_fd, const char *from, const char *to)
{
    struct host *host = data;
    AROUND(host, int, "rename", mem_ops.rename(&host->disk, dir_fd, from, to));
}

static int do_unlink(void *data, int dir_fd, const char *name)
{
    struct host *host = data;
    AROUND(host, int, "unlink", mem_ops.unlink(&host->disk, dir_fd, name));
}

static int do_sync_dir(void *data, int dir_fd)
{
    struct host *host = data;
    AROUND(host, int, "sync of the directory", mem_ops.sync_dir(&host->disk, dir_fd));
}

static void do_close(void *data, int fd)
{
    mem_ops.close(&((struct host *)data)->disk, fd);
}

static const struct wc_disk_ops ops = {
    .open = do_open,
    .read = do_read,
    .write = do_write,
    .fdatasync = do_sync,
    .truncate = do_truncate,
    .rename = do_rename,
    .unlink = do_unlink,
    .sync_dir = do_sync_dir,
    .close = do_close,
};

void crash_disk(struct host *host)
{
    mem_init(&host->disk);
    host->watched = (struct wc_disk){ &ops, host };
}

/* ---- the thread pool ---- */

static void finish(struct work *work)
{
    struct work done = *work;
    *work = (struct work){ 0 };
    done.run(done.req);
    done.after(done.req, 0);
}

static void fire_work(struct wc_sim_world *world, struct sim_event *event)
{
    (void)world;
    struct work *work = event->subject;
    if (work->req != NULL && work->serial == event->serial)
        finish(work);
}

void crash_finish_works(struct host *host)
{
    for (size_t i = 0; i < WORKS; i++)
        if (host->works[i].req != NULL)
            finish(&host->works[i]);
}

/* The linker puts these in the place of the library's (--wrap, cmake/WcTargets.cmake). */
int __wrap_uv_queue_work(uv_loop_t *loop, uv_work_t *req, uv_work_cb run, uv_after_work_cb after);
int __wrap_uv_queue_work(uv_loop_t *loop, uv_work_t *req, uv_work_cb run, uv_after_work_cb after)
{
    (void)loop;
    struct host *host = living;
    struct work *work = host->works;
    while (work->req != NULL)
        work++;
    assert(work < host->works + WORKS);
    *work = (struct work){ req, run, after, ++host->n_works };
    sim_plan(host->play.world, 2,
             (struct sim_event){ .fire = fire_work, .subject = work, .serial = work->serial });
    return 0;
}
