/* journal_open.c - the beginning and the end of a journal: replay, cutting a bad tail, removal.
 *
 * What can't be read is never written over: a file of a newer version, or one that the disk doesn't
 * give, stays as it is and every commit is refused; one without a single good record is put aside.
 */
#include "orchestrator/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/log.h"

static bool replay_one(void *data, const struct wc_journal_record *record)
{
    struct wc_journal *j = data;
    if (j->config.replay(j->config.data, record))
        return true;
    if (j->foreign.len == 0)
        wc_journal_put_head(&j->foreign);
    wc_journal_put_record(&j->foreign, record);
    return false;
}

/* Nothing in it is ours, or all is damaged: it is put aside, the next commit begins anew. */
static void put_aside(struct wc_journal *j)
{
    wc_log(WC_LOG_ERROR, "journal", "%s/%s can't be read: it is kept as %s, state begins anew",
           j->config.dir, WC_JOURNAL_NAME, WC_JOURNAL_DAMAGED);
    if (WC_JOURNAL_CALL(j, rename, j->dir_fd, WC_JOURNAL_NAME, WC_JOURNAL_DAMAGED) != 0) {
        j->unfit = true;
        wc_journal_fail(j, "put aside", errno);
        return;
    }
    wc_journal_close_fd(j, &j->fd);
}

static void cut_tail(struct wc_journal *j, const struct wc_journal_scan *scan, size_t len)
{
    j->cut_bytes = len - scan->good_len;
    wc_log(WC_LOG_WARN, "journal", "%s/%s: the last %zu bytes don't hold and are cut off",
           j->config.dir, WC_JOURNAL_NAME, j->cut_bytes);
    if (WC_JOURNAL_CALL(j, truncate, j->fd, (off_t)scan->good_len) == 0)
        return;
    j->unfit = true; /* records behind what we append would come back to life */
    wc_journal_fail(j, "cut the tail of", errno);
}

static int read_file(struct wc_journal *j, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf bytes = WC_BUF_INIT;
    struct wc_journal_scan scan;
    int rc = wc_journal_slurp(j->disk, j->fd, &bytes, err);
    if (rc == 0)
        rc = wc_journal_scan_bytes(bytes.data, bytes.len, replay_one, j, &scan, err);
    if (rc != 0)
        return rc;
    j->last_seq = j->written_seq = j->durable_seq = scan.last_seq;
    j->len = scan.good_len;
    j->n_since = (unsigned)scan.n_records;
    j->whole_len = WC_JOURNAL_HEAD_BYTES;
    if (scan.good_len == 0 && bytes.len >= WC_JOURNAL_HEAD_BYTES)
        put_aside(j);
    else if (scan.good_len < bytes.len)
        cut_tail(j, &scan, bytes.len);
    j->distrusted = scan.head_damaged;
    return 0;
}

static int open_file(struct wc_journal *j, struct wc_err *err)
{
    j->dir_fd = WC_JOURNAL_CALL(j, open, AT_FDCWD, j->config.dir, O_RDONLY | O_DIRECTORY, 0);
    if (j->dir_fd < 0 && errno == ENOENT)
        return 0;
    if (j->dir_fd < 0)
        return wc_err_set(err, WC_ERR_IO, errno, "open its directory");
    if (WC_JOURNAL_CALL(j, unlink, j->dir_fd, WC_JOURNAL_FRESH) != 0 && errno != ENOENT)
        wc_log(WC_LOG_WARN, "journal", "remove %s/%s: %s", j->config.dir, WC_JOURNAL_FRESH,
               strerror(errno));
    j->fd = WC_JOURNAL_CALL(j, open, j->dir_fd, WC_JOURNAL_NAME, O_RDWR, 0);
    if (j->fd < 0 && errno == ENOENT)
        return 0;
    if (j->fd < 0)
        return wc_err_set(err, WC_ERR_IO, errno, "open it");
    return read_file(j, err);
}

int wc_journal_open(struct wc_journal *j, const struct wc_journal_config *config,
                    struct wc_err *err)
{
    memset(j, 0, sizeof *j);
    j->config = *config;
    j->disk = config->disk != NULL ? config->disk : &wc_disk_host;
    j->dir_fd = j->fd = -1;
    j->pending = j->foreign = j->work.bytes = j->work.tail = (struct wc_buf)WC_BUF_INIT;
    struct wc_err why = { 0 };
    int rc = open_file(j, &why);
    if (rc == 0)
        return 0;
    wc_err_wrap_(&why, "the journal %s/%s", config->dir, WC_JOURNAL_NAME);
    j->refused = true;
    j->failed = why;
    if (err != NULL)
        *err = why;
    return rc;
}

void wc_journal_remove(struct wc_journal *j)
{
    if (j->refused)
        return;
    bool gone = true;
    if (j->dir_fd >= 0) {
        gone = WC_JOURNAL_CALL(j, unlink, j->dir_fd, WC_JOURNAL_NAME) == 0 || errno == ENOENT;
        if (!gone && (j->fd < 0 || WC_JOURNAL_CALL(j, truncate, j->fd, 0) != 0))
            wc_log(WC_LOG_WARN, "journal", "remove %s/%s: %s", j->config.dir, WC_JOURNAL_NAME,
                   strerror(errno));
        (void)WC_JOURNAL_CALL(j, unlink, j->dir_fd, WC_JOURNAL_DAMAGED);
    }
    if (j->work.kind != WC_JOURNAL_IDLE && !j->work.dropped) {
        j->work.dropped = true; /* the descriptors are the work's now */
        if (j->work.kind == WC_JOURNAL_REWRITE)
            wc_journal_close_fd(j, &j->fd);
        j->fd = j->dir_fd = -1;
    }
    wc_journal_close_fd(j, &j->fd);
    wc_journal_close_fd(j, &j->dir_fd);
    wc_buf_reset(&j->pending);
    wc_buf_reset(&j->foreign);
    j->len = j->whole_len = j->n_since = 0;
    j->written_seq = j->durable_seq = j->last_seq;
    j->unfit = j->distrusted = j->dir_dirty = false;
    j->failed = (struct wc_err){ 0 };
}

uint64_t wc_journal_bytes(const struct wc_journal *j)
{
    return j->len;
}

bool wc_journal_busy(const struct wc_journal *j)
{
    return j->work.kind != WC_JOURNAL_IDLE;
}

void wc_journal_deinit(struct wc_journal *j)
{
    assert(!wc_journal_busy(j));
    wc_journal_close_fd(j, &j->fd);
    wc_journal_close_fd(j, &j->dir_fd);
    wc_buf_deinit(&j->pending);
    wc_buf_deinit(&j->foreign);
    wc_buf_deinit(&j->work.bytes);
    wc_buf_deinit(&j->work.tail);
}
