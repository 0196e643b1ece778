/* journal.c - writing: append, sync, replace; and what to do when one of them fails.
 *
 * There is one piece of work on the thread pool at a time, a sync or a whole new file; what is
 * committed meanwhile goes with the next one, so a hundred changes cost two syncs. While a new file
 * is written, records go on being appended to the old one; on the loop again, they are appended to
 * the new one too, and only then is it renamed: at no moment does a name lead to less than was
 * acknowledged.
 *
 * What a failure means:
 *   write: no room     the same bytes again at the same place, with the next commit
 *   write: else        nothing more for that file; the next commit writes a new one first
 *   fdatasync          what the kernel holds of the file is unknown, and a second fdatasync may
 *                      answer 0 for pages that were dropped: a new file, at once
 *   a new file         it goes, the old one stays; the next commit tries again
 */
#include "orchestrator/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"

void wc_journal_close_fd(struct wc_journal *j, int *fd)
{
    if (*fd >= 0)
        WC_JOURNAL_CALL(j, close, *fd);
    *fd = -1;
}

void wc_journal_fail(struct wc_journal *j, const char *doing, int sys)
{
    bool is_news = j->failed.code == 0;
    j->failed = (struct wc_err){ 0 };
    wc_err_set_(&j->failed, WC_ERR_IO, sys, "%s %s/%s", doing, j->config.dir, WC_JOURNAL_NAME);
    if (is_news)
        wc_log(WC_LOG_WARN, "journal", "%s; changes are kept in memory until it works again",
               j->failed.msg);
}

static void note_health(struct wc_journal *j)
{
    bool is_whole = j->pending.len == 0 && !j->unfit && !j->distrusted;
    if (j->failed.code == 0 || !is_whole || j->durable_seq != j->written_seq)
        return;
    wc_log(WC_LOG_INFO, "journal", "%s/%s works again", j->config.dir, WC_JOURNAL_NAME);
    j->failed = (struct wc_err){ 0 };
}

/* ---- adding ---- */

uint64_t wc_journal_add(struct wc_journal *j, uint16_t type, const void *payload, size_t len)
{
    assert(len <= WC_JOURNAL_RECORD_MAX);
    const struct wc_journal_record record = {
        .seq = ++j->last_seq, .type = type, .payload = payload, .len = len
    };
    if (j->into != NULL) {
        wc_journal_put_record(j->into, &record);
        j->work.n_records++;
        return record.seq;
    }
    wc_journal_put_record(&j->pending, &record);
    j->n_since++;
    if (j->work.kind == WC_JOURNAL_REWRITE && !j->work.dropped)
        wc_journal_put_record(&j->work.tail, &record);
    return record.seq;
}

/* ---- appending ---- */

/* 0, or the errno. *at moves on over what was written. */
static int write_all(struct wc_journal *j, int fd, const struct wc_buf *bytes, uint64_t *at)
{
    size_t done = 0;
    while (done < bytes->len) {
        ssize_t n =
            WC_JOURNAL_CALL(j, write, fd, bytes->data + done, bytes->len - done, (off_t)*at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : ENOSPC;
        done += (size_t)n;
        *at += (uint64_t)n;
    }
    return 0;
}

static int open_dir(struct wc_journal *j)
{
    if (j->dir_fd < 0)
        j->dir_fd = WC_JOURNAL_CALL(j, open, AT_FDCWD, j->config.dir, O_RDONLY | O_DIRECTORY, 0);
    return j->dir_fd >= 0 ? 0 : errno;
}

/* Makes the file, with its header. */
static int make_file(struct wc_journal *j)
{
    int sys = open_dir(j);
    if (sys != 0)
        return sys;
    if (j->fd < 0)
        j->fd =
            WC_JOURNAL_CALL(j, open, j->dir_fd, WC_JOURNAL_NAME, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (j->fd < 0)
        return errno;
    WC_CLEANUP_BUF struct wc_buf head = WC_BUF_INIT;
    wc_journal_put_head(&head);
    uint64_t at = 0;
    j->dir_dirty = true;
    sys = write_all(j, j->fd, &head, &at);
    if (sys == 0)
        j->len = j->whole_len = at;
    return sys;
}

static bool is_no_room(int sys)
{
    return sys == ENOSPC || sys == EDQUOT;
}

static void append(struct wc_journal *j)
{
    int sys = j->len == 0 ? make_file(j) : 0;
    uint64_t at = j->len;
    if (sys == 0)
        sys = write_all(j, j->fd, &j->pending, &at);
    if (sys != 0) {
        /* What got through is no promise: a successor shall not see half of a refused change. When
         * this fails too, the next try writes the same bytes there. */
        if (j->fd >= 0 && at > j->len)
            (void)WC_JOURNAL_CALL(j, truncate, j->fd, (off_t)j->len);
        j->unfit = !is_no_room(sys);
        wc_journal_fail(j, "write", sys);
        return;
    }
    j->len = at;
    j->written_seq = j->last_seq;
    wc_buf_reset(&j->pending);
}

/* ---- work: what may take long ---- */

static void end_work(struct wc_journal *j);

static void set_failure(struct wc_journal *j, const char *doing)
{
    j->work.sys = errno;
    j->work.doing = doing;
}

/* On the thread pool; counted on the loop. */
static int timed_sync(struct wc_journal *j)
{
    uint64_t began_ns = uv_hrtime();
    int rc = WC_JOURNAL_CALL(j, fdatasync, j->work.fd);
    int sys = errno;
    j->work.sync_ns = uv_hrtime() - began_ns;
    errno = sys;
    return rc;
}

static void run_sync(struct wc_journal *j)
{
    if (timed_sync(j) != 0)
        set_failure(j, "sync");
    else if (j->work.with_dir && WC_JOURNAL_CALL(j, sync_dir, j->work.dir_fd) != 0)
        set_failure(j, "sync the directory of");
}

/* Everything of a new file but its name. */
static void run_rewrite(struct wc_journal *j)
{
    uint64_t at = 0;
    j->work.fd = WC_JOURNAL_CALL(j, open, j->work.dir_fd, WC_JOURNAL_FRESH,
                                 O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (j->work.fd < 0) {
        set_failure(j, "make a new file for");
        return;
    }
    int sys = write_all(j, j->work.fd, &j->work.bytes, &at);
    if (sys != 0) {
        j->work.sys = sys;
        j->work.doing = "write a new file for";
    } else if (timed_sync(j) != 0) {
        set_failure(j, "sync a new file for");
    }
}

static void run_work(uv_work_t *req)
{
    struct wc_journal *j = req->data;
    if (j->work.kind == WC_JOURNAL_SYNC)
        run_sync(j);
    else
        run_rewrite(j);
}

static void on_worked(uv_work_t *req, int status)
{
    struct wc_journal *j = req->data;
    if (status != 0 && j->work.sys == 0) {
        j->work.sys = ECANCELED;
        j->work.doing = "sync";
    }
    end_work(j);
}

static void start_work(struct wc_journal *j, enum wc_journal_work kind, bool blocking)
{
    j->work.kind = kind;
    j->work.dropped = false;
    j->work.sys = 0;
    j->work.sync_ns = 0;
    j->work.dir_fd = j->dir_fd;
    j->work.req.data = j;
    if (!blocking && j->config.loop != NULL &&
        uv_queue_work(j->config.loop, &j->work.req, run_work, on_worked) == 0)
        return;
    run_work(&j->work.req);
    end_work(j);
}

static void start_sync(struct wc_journal *j, bool blocking)
{
    j->work.fd = j->fd;
    j->work.with_dir = j->dir_dirty;
    j->work.seq = j->written_seq;
    start_work(j, WC_JOURNAL_SYNC, blocking);
}

static bool keep_foreign(void *data, const struct wc_journal_record *record)
{
    wc_journal_add(data, record->type, record->payload, record->len);
    return true;
}

static void start_rewrite(struct wc_journal *j, bool blocking)
{
    int sys = open_dir(j);
    j->tried = true;
    if (sys != 0) {
        wc_journal_fail(j, "open the directory of", sys);
        return;
    }
    wc_buf_reset(&j->work.bytes);
    wc_buf_reset(&j->work.tail);
    wc_journal_put_head(&j->work.bytes);
    j->work.n_records = 0;
    j->work.fd = -1;
    j->into = &j->work.bytes;
    j->config.snapshot(j->config.data, j);
    struct wc_journal_scan scan;
    (void)wc_journal_scan_bytes(j->foreign.data, j->foreign.len, keep_foreign, j, &scan, NULL);
    j->into = NULL;
    j->work.seq = j->last_seq;
    start_work(j, WC_JOURNAL_REWRITE, blocking);
}

static void drop_fresh(struct wc_journal *j)
{
    if (j->work.fd >= 0 && WC_JOURNAL_CALL(j, unlink, j->work.dir_fd, WC_JOURNAL_FRESH) != 0)
        wc_log(WC_LOG_WARN, "journal", "remove %s/%s: %s", j->config.dir, WC_JOURNAL_FRESH,
               strerror(errno));
    wc_journal_close_fd(j, &j->work.fd);
}

/* The new file gets what came meanwhile, and the name. */
static void end_rewrite(struct wc_journal *j)
{
    uint64_t len = j->work.bytes.len;
    int sys = j->work.sys;
    const char *doing = j->work.doing;
    if (sys == 0) {
        doing = "write a new file for";
        sys = write_all(j, j->work.fd, &j->work.tail, &len);
    }
    if (sys == 0 &&
        WC_JOURNAL_CALL(j, rename, j->work.dir_fd, WC_JOURNAL_FRESH, WC_JOURNAL_NAME) != 0) {
        doing = "rename a new file to";
        sys = errno;
    }
    if (sys != 0) {
        drop_fresh(j);
        wc_journal_fail(j, doing, sys);
        return;
    }
    wc_journal_close_fd(j, &j->fd);
    j->fd = j->work.fd;
    j->len = len;
    j->whole_len = j->work.bytes.len;
    j->n_since = 0;
    j->unfit = j->distrusted = false;
    j->dir_dirty = true;
    j->written_seq = j->last_seq;
    wc_buf_reset(&j->pending); /* in the snapshot, or in the tail */
}

static void free_work(struct wc_journal *j)
{
    wc_buf_deinit(&j->work.bytes);
    wc_buf_deinit(&j->work.tail);
    j->work.bytes = j->work.tail = (struct wc_buf)WC_BUF_INIT;
}

static void next_work(struct wc_journal *j);

static void end_work(struct wc_journal *j)
{
    bool is_rewrite = j->work.kind == WC_JOURNAL_REWRITE;
    if (j->work.sync_ns != 0)
        wc_histogram_add(&j->syncs, j->work.sync_ns / 1000);
    if (j->work.dropped) {
        if (is_rewrite)
            drop_fresh(j);
        wc_journal_close_fd(j, &j->work.fd);
        wc_journal_close_fd(j, &j->work.dir_fd);
    } else if (is_rewrite) {
        end_rewrite(j);
    } else if (j->work.sys != 0) {
        j->distrusted = true;
        wc_journal_fail(j, j->work.doing, j->work.sys);
    } else {
        j->durable_seq = j->work.seq;
        j->dir_dirty = j->dir_dirty && !j->work.with_dir;
    }
    j->work.kind = WC_JOURNAL_IDLE;
    free_work(j);
    note_health(j);
    next_work(j);
}

static bool has_grown(const struct wc_journal *j)
{
    unsigned most = j->config.growth_records;
    return j->len > j->whole_len + WC_JOURNAL_GROWTH_BYTES ||
           j->n_since > (most != 0 ? most : WC_JOURNAL_GROWTH_RECORDS);
}

/* Starts what is due, one at a time; one new file a commit, or a bad disk would see no end of them.
 */
static void next_work(struct wc_journal *j)
{
    if (j->work.kind != WC_JOURNAL_IDLE || j->refused || j->len == 0)
        return;
    if (!j->tried && !j->unfit && (j->distrusted || has_grown(j)))
        start_rewrite(j, false);
    else if (!j->distrusted && j->fd >= 0 && j->durable_seq != j->written_seq)
        start_sync(j, false);
}

int wc_journal_commit(struct wc_journal *j, struct wc_err *err)
{
    if (j->refused) {
        *err = j->failed;
        return j->failed.code;
    }
    if (j->pending.len == 0 && j->failed.code == 0)
        return 0;
    j->tried = false;
    if (!j->unfit && j->pending.len > 0)
        append(j);
    else if (j->unfit && j->work.kind == WC_JOURNAL_IDLE)
        start_rewrite(j, true);
    next_work(j);
    if (j->pending.len == 0 && !j->unfit)
        return 0;
    *err = j->failed;
    return j->failed.code;
}
