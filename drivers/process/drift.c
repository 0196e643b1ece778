/* drift.c - what somebody else changes of a running instance: seen, reported, put back.
 *
 * The kernel tells of a write to a file of a group whoever writes it (inotify), and of a frozen
 * group by itself on v2. Such news only leads to a look; LIST looks at all of them, for what no
 * news is given of: a group above that was frozen, news that were lost.
 */
#include "drivers/process/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"
#include "drivers/process/freezer.h"
#include "drivers/process/look.h"
#include "drivers/process/baseline.h"

enum { ENDS_MS = 200 };

/* ---- looking ---- */

/* The lines that say which links were made; empty when it has none of its own. */
static void read_links(const char *run_dir, struct wc_buf *out)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/" WC_BUNDLE_LINKS, run_dir);
    (void)wc_fs_read(path, 1 << 20, out, NULL);
}

/* A machine's taps go a moment before its monitor does. */
static void look_at_taps(const char *lines, int pidfd, struct wc_buf *out)
{
    struct pollfd end = { .fd = pidfd, .events = POLLIN };
    (void)wc_net_links_look(lines, -1, out, NULL);
    if (out->len > 0 && poll(&end, 1, ENDS_MS) != 0)
        out->len = 0;
}

/* Its process may have ended, and the number be another's: then nothing of it is told. */
static void look_at_links(const struct wc_process *driver, const char *run_dir,
                          const struct wc_report *last, struct wc_buf *out)
{
    WC_CLEANUP_BUF struct wc_buf lines = WC_BUF_INIT;
    read_links(run_dir, &lines);
    if (lines.len == 0)
        return;
    WC_CLEANUP_FD int pidfd = (int)syscall(SYS_pidfd_open, last->pid, 0);
    if (pidfd < 0 || wc_proc_starttime_of(last->pid) != last->starttime)
        return;
    if (driver->flavour != NULL) {
        look_at_taps(lines.data, pidfd, out);
        return;
    }
    WC_CLEANUP_FD int inet = wc_look_socket(pidfd, AF_INET, SOCK_DGRAM, 0, NULL);
    if (inet >= 0)
        (void)wc_net_links_look(lines.data, inet, out, NULL);
}

void wc_drift_look(const struct wc_process *driver, const char *run_dir, struct wc_arena *arena,
                   struct wc_look *look)
{
    WC_CLEANUP_BUF struct wc_buf links = WC_BUF_INIT;
    WC_CLEANUP_BUF struct wc_buf limits = WC_BUF_INIT;
    const char *cgroup = look->record.cgroup;
    look->frozen = wc_freezer_is_frozen(&driver->cgroup, cgroup);
    wc_baseline_look(&driver->cgroup, cgroup, run_dir, &limits);
    if (limits.len > 0)
        look->drift_limits = wc_arena_strdup(arena, limits.data);
    look_at_links(driver, run_dir, &look->last, &links);
    if (links.len > 0)
        look->drift_links = wc_arena_strdup(arena, links.data);
}

static bool replace(char **field, const char *text)
{
    if (wc_streq0(*field, text))
        return false;
    wc_free(*field);
    *field = text != NULL ? wc_strdup(text) : NULL;
    return true;
}

static bool take(struct wc_inst *inst, const struct wc_look *look)
{
    bool changed = inst->frozen != look->frozen;
    inst->frozen = look->frozen;
    changed = replace(&inst->drift_limits, look->drift_limits) || changed;
    changed = replace(&inst->drift_links, look->drift_links) || changed;
    return changed;
}

bool wc_drift_take(struct wc_inst *inst, const struct wc_look *look, uint64_t begun)
{
    bool counts = inst->life == WC_LIFE_RUNNING && inst->op == NULL && inst->touched <= begun;
    return counts && take(inst, look);
}

static void work_look(struct wc_job *job)
{
    wc_drift_look(job->driver, job->request.run_dir, &job->arena, &job->looks[0]);
}

static void begin_look(struct wc_inst *inst);

static void after_look(struct wc_job *job)
{
    struct wc_inst *inst = job->inst;
    inst->looking = false;
    if (wc_drift_take(inst, &job->looks[0], job->begun))
        wc_inst_report(inst);
    if (inst->look_again && inst->life == WC_LIFE_RUNNING && !inst->driver->closing)
        begin_look(inst);
    else
        wc_inst_next(inst); /* which forgets it when it went meanwhile */
}

static struct wc_job *drift_job(struct wc_inst *inst, struct wc_op *op)
{
    struct wc_job *job = wc_job_new(inst->driver, inst, op);
    job->request.run_dir = inst->run_dir;
    job->looks = WC_NEW(&job->arena, struct wc_look);
    job->looks[0].last.pid = inst->pid;
    job->looks[0].last.starttime = inst->starttime;
    job->looks[0].record.cgroup = wc_arena_strdup(&job->arena, inst->record.cgroup);
    job->begun = inst->driver->turn;
    return job;
}

static void begin_look(struct wc_inst *inst)
{
    inst->look_again = false;
    inst->looking = true;
    wc_job_run(drift_job(inst, NULL), work_look, after_look);
}

void wc_drift_settle(struct wc_inst *inst)
{
    inst->touched = ++inst->driver->turn;
    if (inst->look_again && !inst->looking && inst->life == WC_LIFE_RUNNING &&
        !inst->driver->closing)
        begin_look(inst);
}

/* ---- news ---- */

void wc_drift_suspect(struct wc_inst *inst)
{
    if (inst->looking || inst->op != NULL) /* an op's end looks again where it matters */
        inst->look_again = true;
    else if (inst->life == WC_LIFE_RUNNING)
        begin_look(inst);
}

/* The kernel counts descriptors up, so their low bits spread them. NULL: there is no table yet. */
static struct wc_watch **place_of(const struct wc_process *driver, int wd)
{
    return driver->n_slots > 0 ? &driver->watches[(size_t)wd & (driver->n_slots - 1)] : NULL;
}

static struct wc_inst *whose(const struct wc_process *driver, int wd)
{
    struct wc_watch **place = place_of(driver, wd);
    struct wc_watch *watch = place != NULL ? *place : NULL;
    while (watch != NULL && watch->wd != wd)
        watch = watch->next;
    return watch != NULL ? watch->inst : NULL;
}

static void on_news(uv_poll_t *poll, int status, int events)
{
    struct wc_process *driver = poll->data;
    _Alignas(struct inotify_event) char news[4096];
    (void)status;
    (void)events;
    ssize_t len = read(driver->news, news, sizeof news);
    for (ssize_t at = 0; at + (ssize_t)sizeof(struct inotify_event) <= len;) {
        const struct inotify_event *event = (const void *)(news + at);
        struct wc_inst *inst = whose(driver, event->wd);
        if (inst != NULL && (event->mask & IN_MODIFY) != 0 && !driver->closing)
            wc_drift_suspect(inst);
        at += (ssize_t)(sizeof *event + event->len);
    }
}

static void put_watch(struct wc_process *driver, struct wc_watch *watch)
{
    struct wc_watch **place = place_of(driver, watch->wd);
    watch->next = *place;
    *place = watch;
}

/* Twice the room, and each to its place in it. */
static void grow_table(struct wc_process *driver)
{
    struct wc_watch **old = driver->watches;
    size_t n_old = driver->n_slots;
    driver->n_slots = n_old > 0 ? n_old * 2 : 64;
    driver->watches = wc_calloc(driver->n_slots, sizeof(struct wc_watch *));
    for (size_t i = 0; i < n_old; i++)
        for (struct wc_watch *watch = old[i], *next; watch != NULL; watch = next) {
            next = watch->next;
            put_watch(driver, watch);
        }
    wc_free(old);
}

static void add_watch(struct wc_inst *inst, const char *file)
{
    struct wc_process *driver = inst->driver;
    int wd = inotify_add_watch(driver->news, file, IN_MODIFY);
    if (wd < 0 || whose(driver, wd) != NULL) /* none left: LIST looks all the same */
        return;
    if (driver->n_watches == driver->n_slots)
        grow_table(driver);
    struct wc_watch *watch = wc_calloc(1, sizeof *watch);
    *watch = (struct wc_watch){ .wd = wd, .inst = inst, .next_of_inst = inst->watches };
    inst->watches = watch;
    put_watch(driver, watch);
    driver->n_watches++;
}

static void remove_watch(struct wc_process *driver, struct wc_watch *watch)
{
    struct wc_watch **at = place_of(driver, watch->wd);
    while (*at != watch)
        at = &(*at)->next;
    *at = watch->next;
    driver->n_watches--;
    (void)inotify_rm_watch(driver->news, watch->wd);
    wc_free(watch);
}

void wc_drift_watch(struct wc_inst *inst)
{
    if (inst->driver->flavour !=
        NULL) /* its driver is asked for no networks, but has links in them */
        wc_netwatch_open(inst->driver);
    struct wc_process *driver = inst->driver;
    struct wc_arena arena;
    struct wc_strv files = { 0 };
    if (driver->news < 0 || inst->record.cgroup == NULL)
        return;
    wc_arena_init(&arena);
    wc_baseline_files(&driver->cgroup, inst->record.cgroup, &arena, &files);
    const char *freezer = wc_freezer_event_file(&driver->cgroup, inst->record.cgroup, &arena);
    if (freezer != NULL)
        wc_strv_add(&arena, &files, freezer);
    for (size_t i = 0; i < files.n; i++)
        add_watch(inst, files.items[i]);
    wc_arena_deinit(&arena);
}

void wc_drift_forget(struct wc_inst *inst)
{
    for (struct wc_watch *watch = inst->watches, *next; watch != NULL; watch = next) {
        next = watch->next_of_inst;
        remove_watch(inst->driver, watch);
    }
    inst->watches = NULL;
    inst->frozen = inst->look_again = false;
    (void)replace(&inst->drift_limits, NULL);
    (void)replace(&inst->drift_links, NULL);
}

void wc_drift_open(struct wc_process *driver)
{
    driver->news = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (driver->news >= 0 && uv_poll_init(driver->loop, &driver->news_poll, driver->news) != 0) {
        close(driver->news);
        driver->news = -1;
    }
    if (driver->news < 0) {
        wc_log(WC_LOG_WARN, "process", "changes of groups are seen by looking only: inotify");
        return;
    }
    driver->news_poll.data = driver;
    uv_poll_start(&driver->news_poll, UV_READABLE, on_news);
    uv_unref((uv_handle_t *)&driver->news_poll);
}

static void on_news_closed(uv_handle_t *handle)
{
    struct wc_process *driver = handle->data;
    close(driver->news);
    driver->news = -1;
    driver->n_polls--;
    wc_process_settle(driver);
}

void wc_drift_close(struct wc_process *driver)
{
    if (driver->news < 0 || uv_is_closing((uv_handle_t *)&driver->news_poll))
        return;
    driver->n_polls++;
    uv_close((uv_handle_t *)&driver->news_poll, on_news_closed);
}

/* ---- MEND ---- */

static int mend_links(const struct wc_job *job, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf lines = WC_BUF_INIT;
    const struct wc_report *last = &job->looks[0].last;
    char path[64];
    read_links(job->request.run_dir, &lines);
    if (lines.len == 0)
        return 0;
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)last->pid);
    WC_CLEANUP_FD int netns = open(path, O_RDONLY | O_CLOEXEC);
    WC_CLEANUP_FD int pidfd = (int)syscall(SYS_pidfd_open, last->pid, 0);
    if (netns < 0 || pidfd < 0 || wc_proc_starttime_of(last->pid) != last->starttime)
        return 0; /* it has just ended */
    if (job->driver->flavour != NULL) {
        const struct wc_net_inside taps = { -1, -1, -1, pidfd };
        return wc_net_links_restore(lines.data, &taps, err);
    }
    WC_CLEANUP_FD int inet = wc_look_socket(pidfd, AF_INET, SOCK_DGRAM, 0, err);
    if (inet < 0)
        return inet;
    WC_CLEANUP_FD int route = wc_look_socket(pidfd, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, err);
    if (route < 0)
        return route;
    const struct wc_net_inside inside = { inet, route, netns, -1 };
    return wc_net_links_restore(lines.data, &inside, err);
}

static void work_mend(struct wc_job *job)
{
    const struct wc_cgroup_host *host = &job->driver->cgroup;
    const char *cgroup = job->looks[0].record.cgroup;
    job->rc = job->thaw ? wc_freezer_thaw(host, cgroup, &job->err)
                        : wc_freezer_freeze(host, cgroup, &job->err);
    int rc =
        wc_baseline_restore(host, cgroup, job->request.run_dir, job->rc == 0 ? &job->err : NULL);
    job->rc = job->rc != 0 ? job->rc : rc;
    rc = mend_links(job, job->rc == 0 ? &job->err : NULL);
    job->rc = job->rc != 0 ? job->rc : rc;
    work_look(job);
}

static void after_mend(struct wc_job *job)
{
    struct wc_inst *inst = job->inst;
    if (inst->life == WC_LIFE_RUNNING) { /* what was seen in the job is what the op left */
        (void)take(inst, &job->looks[0]);
        wc_inst_report(inst);
    }
    wc_inst_finish(inst, job->rc, &job->err);
}

void wc_begin_mend(struct wc_inst *inst)
{
    if (inst->life != WC_LIFE_RUNNING) {
        wc_inst_finish(inst, 0, NULL);
        return;
    }
    struct wc_job *job = drift_job(inst, inst->op);
    job->thaw = !inst->op->paused;
    inst->stage = WC_STAGE_JOB;
    wc_job_run(job, work_mend, after_mend);
}
