/* journal.h - an append-only file of records that survives us, the machine and most of its disk's
 * faults (private to orchestrator/; docs/state.md is the format).
 *
 * Idea:    the owner keeps a value in memory; a record says how it changes. At opening, the records
 *          are replayed; a tail that is torn or damaged is cut off, what is before it holds. When
 *          the file has grown enough, the owner says its value as records again, and they replace
 *          the file. What is in memory is what counts: a disk that fails is written anew from it.
 * Promise: after wc_journal_commit returned 0, the records survive the death of this process. Once
 *          durable_seq has reached their number, they survive a power cut. A commit that fails
 *          loses nothing: the records stay in memory and go with the next one.
 * Owner:   the owner embeds it, and gives every record of its value in `snapshot`.
 * Threads: the loop's; syncs and whole files are written on the thread pool.
 */
#ifndef ORCHESTRATOR_JOURNAL_H
#define ORCHESTRATOR_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "orchestrator/disk.h"
#include "wcompose/err.h"
#include "wcompose/histogram.h"

#define WC_JOURNAL_NAME "journal"
#define WC_JOURNAL_FRESH "journal.new"          /* a whole file that isn't in place yet */
#define WC_JOURNAL_DAMAGED "journal.unreadable" /* nothing of it could be read: for people */

enum {
    WC_JOURNAL_VERSION = 1,
    WC_JOURNAL_HEAD_BYTES = 16,
    WC_JOURNAL_RECORD_BYTES = 18, /* before the payload */
    WC_JOURNAL_RECORD_MAX = 80 * 1024 * 1024,
    WC_JOURNAL_FILE_MAX = 1024 * 1024 * 1024,
    WC_JOURNAL_GROWTH_BYTES = 1024 * 1024, /* since the last whole file, until the next one */
    WC_JOURNAL_GROWTH_RECORDS = 1000,
};

struct wc_journal;

/* One record. The payload is borrowed for the call, and not terminated. */
struct wc_journal_record {
    uint64_t seq; /* grows along the file */
    uint16_t type;
    const char *payload;
    size_t len;
};

/* Takes a record of the file into the owner's value. False: it isn't understood (a newer
 * program's); the journal keeps it as it is and writes it into every later file. */
typedef bool wc_journal_replay_fn(void *data, const struct wc_journal_record *record);

/* Says the owner's whole value by wc_journal_add. */
typedef void wc_journal_snapshot_fn(void *data, struct wc_journal *journal);

struct wc_journal_config {
    uv_loop_t *loop;            /* NULL: syncs block within commit */
    const char *dir;            /* borrowed, as all here; need not exist before the first commit */
    const struct wc_disk *disk; /* NULL: the host's */
    wc_journal_replay_fn *replay;
    wc_journal_snapshot_fn *snapshot;
    void *data;
    unsigned growth_records; /* 0: WC_JOURNAL_GROWTH_RECORDS */
};

/* What a scan of a file's bytes found. */
struct wc_journal_scan {
    size_t good_len; /* bytes from the start that hold: header and whole records */
    size_t n_records;
    uint64_t last_seq;
    bool head_damaged; /* records hold, the header doesn't */
};

enum wc_journal_work { WC_JOURNAL_IDLE, WC_JOURNAL_SYNC, WC_JOURNAL_REWRITE };

/* Fields above the line may be read, none be written by the owner. */
struct wc_journal {
    struct wc_err
        failed; /* code 0: all is well; else what the disk refused, until it works again */
    uint64_t last_seq, written_seq, durable_seq;
    size_t cut_bytes;          /* at opening */
    struct wc_histogram syncs; /* how long the disk took for each fdatasync */
    /* ---- */
    struct wc_journal_config config;
    const struct wc_disk *disk;
    int dir_fd, fd;
    uint64_t len, whole_len; /* of the file's whole records; as it was when last replaced */
    unsigned n_since;        /* records since then */
    bool refused;            /* it could not be read, or is a newer program's: not to be touched */
    bool unfit;              /* nothing may be appended to the file any more */
    bool distrusted;         /* a sync of it failed: it must be replaced */
    bool tried;              /* a new file was begun since the last commit */
    bool dir_dirty;          /* the file's name isn't synced yet */
    struct wc_buf pending;   /* records that are not written yet */
    struct wc_buf foreign;   /* records nobody understood */
    struct wc_buf *into;     /* where records go while a snapshot is taken, else NULL */
    struct {
        uv_work_t req;
        enum wc_journal_work kind;
        bool dropped; /* the journal was removed meanwhile: close what the work holds */
        int dir_fd, fd;
        bool with_dir;
        uint64_t seq;
        size_t n_records;
        struct wc_buf bytes, tail; /* REWRITE: the new file; records added since */
        uint64_t sync_ns;          /* what its fdatasync took; 0 = it came to none */
        int sys;
        const char *doing; /* with sys != 0: what failed */
    } work;
};

/* Opens it: replays every record, cuts a bad tail. A file that can't be read at all, or was written
 * by a newer version, is an error and stays as it is: commits then fail with the same error.
 * Returns 0, WC_ERR_STATE (newer), WC_ERR_IO, WC_ERR_LIMIT. wc_journal_deinit is due either way. */
int wc_journal_open(struct wc_journal *journal, const struct wc_journal_config *config,
                    struct wc_err *err);

/* Adds a record, in memory. Returns its number. */
uint64_t wc_journal_add(struct wc_journal *journal, uint16_t type, const void *payload, size_t len);

/* Writes what was added, and sees to its sync. */
int wc_journal_commit(struct wc_journal *journal, struct wc_err *err);

/* Removes the file and forgets all records; the journal is as new, and holds no descriptor. */
void wc_journal_remove(struct wc_journal *journal);

/* Length of the file, as far as it is known to be whole. */
uint64_t wc_journal_bytes(const struct wc_journal *journal);

/* True while the thread pool works for it, or is about to: don't deinit. */
bool wc_journal_busy(const struct wc_journal *journal);
void wc_journal_deinit(struct wc_journal *journal);

/* Replays the file without touching it, whoever writes it at the moment. WC_ERR_NOENT: there is
 * none. `disk` NULL: the host's. */
int wc_journal_read(const struct wc_disk *disk, const char *dir, wc_journal_replay_fn *replay,
                    void *data, struct wc_err *err);

/* journal_read.c: the format. Goes through the bytes of a file; damage ends it, and is no error.
 * WC_ERR_STATE: a newer version wrote it. */
int wc_journal_scan_bytes(const char *bytes, size_t len, wc_journal_replay_fn *replay, void *data,
                          struct wc_journal_scan *out, struct wc_err *err);
void wc_journal_put_head(struct wc_buf *out);
void wc_journal_put_record(struct wc_buf *out, const struct wc_journal_record *record);

/* journal_read.c: appends the whole file at `fd`. WC_ERR_IO, WC_ERR_LIMIT. */
int wc_journal_slurp(const struct wc_disk *disk, int fd, struct wc_buf *out, struct wc_err *err);

/* What journal.c and journal_open.c share: one call of the disk; closing; saying what the disk
 * refused (logged once, until it works again). */
#define WC_JOURNAL_CALL(journal, op, ...)                                                          \
    (journal)->disk->ops->op((journal)->disk->data, __VA_ARGS__)
void wc_journal_close_fd(struct wc_journal *j, int *fd);
void wc_journal_fail(struct wc_journal *j, const char *doing, int sys);

#endif
