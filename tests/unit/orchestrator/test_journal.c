/* test_journal.c - the journal on a disk that does its worst.
 *
 * The owner's value is small and says itself whether it is a value that ever was: step S sets key
 * S % KEYS to S, so what is read back must be the state after some step, and not an older one than
 * was acknowledged.
 */
#include "harness/wc_test.h"

#include <stdatomic.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/fs.h"
#include "orchestrator/journal.h"
#include "mem_disk.h"

enum { KEYS = 7, STEP = 1, FOREIGN = 99, GROWTH = 10 };

struct owner {
    struct wc_journal journal;
    unsigned value[KEYS];
    unsigned step, n_foreign, n_bad;
};

static bool replay(void *data, const struct wc_journal_record *record)
{
    struct owner *owner = data;
    unsigned step;
    if (record->type == FOREIGN) {
        owner->n_foreign += record->len == 6 && memcmp(record->payload, "beyond", 6) == 0;
        return false;
    }
    if (record->type != STEP || record->len < sizeof step) {
        owner->n_bad++;
        return true;
    }
    memcpy(&step, record->payload, sizeof step);
    for (size_t i = sizeof step; i < record->len; i++)
        owner->n_bad += record->payload[i] != (char)step;
    owner->value[step % KEYS] = step;
    owner->step = step > owner->step ? step : owner->step;
    return true;
}

/* Payloads of all sizes, filled with something to recognise. */
static void add_step(struct wc_journal *journal, unsigned step)
{
    char payload[64];
    memset(payload, (char)step, sizeof payload);
    memcpy(payload, &step, sizeof step);
    wc_journal_add(journal, STEP, payload, sizeof step + step % 29);
}

static void snapshot(void *data, struct wc_journal *journal)
{
    struct owner *owner = data;
    for (unsigned back = KEYS; back-- > 0;)
        if (owner->step > back && owner->value[(owner->step - back) % KEYS] != 0)
            add_step(journal, owner->step - back);
}

static int open_owner(struct owner *owner, struct mem_disk *disk, uv_loop_t *loop, const char *dir)
{
    memset(owner, 0, sizeof *owner);
    const struct wc_journal_config config = {
        .loop = loop,
        .dir = dir,
        .disk = disk != NULL ? &disk->disk : NULL,
        .replay = replay,
        .snapshot = snapshot,
        .data = owner,
        .growth_records = GROWTH,
    };
    struct wc_err err = { 0 };
    return wc_journal_open(&owner->journal, &config, &err);
}

static void next_step(struct owner *owner)
{
    owner->step++;
    owner->value[owner->step % KEYS] = owner->step;
    add_step(&owner->journal, owner->step);
}

static void check_value(const struct owner *owner, unsigned at_least, unsigned at_most)
{
    assert_int_equal(owner->n_bad, 0);
    assert_in_range(owner->step, at_least, at_most);
    for (unsigned back = 0; back < KEYS && back < owner->step; back++)
        assert_int_equal(owner->value[(owner->step - back) % KEYS], owner->step - back);
}

static void close_owner(struct owner *owner, struct mem_disk *disk)
{
    wc_journal_deinit(&owner->journal);
    if (disk != NULL)
        assert_int_equal(disk->open_fds, 0);
}

static void commit_ok(struct owner *owner)
{
    struct wc_err err = { 0 };
    if (wc_journal_commit(&owner->journal, &err) != 0)
        fail_msg("%s", err.msg);
}

/* ---- what is read back ---- */

static void round_trip(void **state)
{
    (void)state;
    struct mem_disk disk;
    struct owner owner;
    mem_init(&disk);
    assert_int_equal(open_owner(&owner, &disk, NULL, "/state"), 0);
    assert_int_equal(disk.n_files, 0); /* looking makes nothing */
    commit_ok(&owner);
    assert_int_equal(disk.n_files, 0); /* nor does saying nothing */
    wc_journal_add(&owner.journal, FOREIGN, "beyond", 6);
    for (unsigned i = 0; i < 100; i++) {
        next_step(&owner);
        commit_ok(&owner);
        assert_int_equal(owner.journal.durable_seq, owner.journal.last_seq);
    }
    close_owner(&owner, &disk);
    assert_true(disk.calls[MEM_RENAME] >= 8); /* it was replaced now and then */
    for (int again = 0; again < 3; again++) {
        assert_int_equal(open_owner(&owner, &disk, NULL, "/state"), 0);
        check_value(&owner, 100 + (unsigned)again, 100 + (unsigned)again);
        assert_int_equal(owner.journal.cut_bytes, 0);
        next_step(&owner);
        commit_ok(&owner);
        close_owner(&owner, &disk);
    }
    mem_deinit(&disk);
}

/* Records that this program doesn't understand outlive every new file. */
static void unknown_records_are_kept(void **state)
{
    (void)state;
    struct mem_disk disk;
    struct owner owner;
    mem_init(&disk);
    assert_int_equal(open_owner(&owner, &disk, NULL, "/state"), 0);
    next_step(&owner);
    wc_journal_add(&owner.journal, FOREIGN, "beyond", 6);
    commit_ok(&owner);
    close_owner(&owner, &disk);
    for (unsigned round = 0; round < 4; round++) {
        assert_int_equal(open_owner(&owner, &disk, NULL, "/state"), 0);
        assert_int_equal(owner.n_foreign, 1);
        for (unsigned i = 0; i < 2 * GROWTH; i++) {
            next_step(&owner);
            commit_ok(&owner);
        }
        close_owner(&owner, &disk);
    }
    mem_deinit(&disk);
}

/* The bytes of a journal of 12 steps, and where each of its records ends. */
static void sample(struct wc_buf *out, size_t *ends, unsigned n)
{
    wc_journal_put_head(out);
    for (unsigned step = 1; step <= n; step++) {
        char payload[64];
        memset(payload, (char)step, sizeof payload);
        memcpy(payload, &step, sizeof step);
        const struct wc_journal_record record = {
            .seq = step, .type = STEP, .payload = payload, .len = sizeof step + step % 29
        };
        wc_journal_put_record(out, &record);
        ends[step] = out->len;
    }
    ends[0] = WC_JOURNAL_HEAD_BYTES;
}

static void put_file(struct mem_disk *disk, const char *bytes, size_t len)
{
    int fd = disk->disk.ops->open(disk, MEM_DIR_FD, WC_JOURNAL_NAME, O_CREAT | O_TRUNC, 0600);
    mem_put(&disk->files[fd - 1].held, bytes, len, 0);
    mem_sync(disk, fd);
    mem_sync_dir(disk, MEM_DIR_FD);
    mem_close(disk, fd);
}

/* What was read goes on: more steps, and all of it is read again. */
static void go_on(struct owner *owner, struct mem_disk *disk)
{
    unsigned before = owner->step;
    next_step(owner);
    next_step(owner);
    commit_ok(owner);
    close_owner(owner, disk);
    assert_int_equal(open_owner(owner, disk, NULL, "/state"), 0);
    check_value(owner, before + 2, before + 2);
    close_owner(owner, disk);
}

static void torn_at_every_byte(void **state)
{
    (void)state;
    enum { N = 12 };
    size_t ends[N + 1];
    WC_CLEANUP_BUF struct wc_buf bytes = WC_BUF_INIT;
    sample(&bytes, ends, N);
    for (size_t len = 0; len <= bytes.len; len++) {
        struct mem_disk disk;
        struct owner owner;
        unsigned whole = 0;
        while (whole < N && ends[whole + 1] <= len)
            whole++;
        mem_init(&disk);
        put_file(&disk, bytes.data, len);
        assert_int_equal(open_owner(&owner, &disk, NULL, "/state"), 0);
        check_value(&owner, whole, whole);
        go_on(&owner, &disk);
        mem_deinit(&disk);
    }
}

static void flipped_at_every_bit(void **state)
{
    (void)state;
    enum { N = 12 };
    size_t ends[N + 1];
    WC_CLEANUP_BUF struct wc_buf bytes = WC_BUF_INIT;
    sample(&bytes, ends, N);
    for (size_t bit = 0; bit < 8 * bytes.len; bit++) {
        struct mem_disk disk;
        struct owner owner;
        unsigned whole = 0;
        while (whole < N && ends[whole + 1] <= bit / 8)
            whole++;
        if (bit / 8 < WC_JOURNAL_HEAD_BYTES)
            whole = N; /* the records say themselves that they are ours */
        mem_init(&disk);
        bytes.data[bit / 8] ^= (char)(1 << bit % 8);
        put_file(&disk, bytes.data, bytes.len);
        bytes.data[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_equal(open_owner(&owner, &disk, NULL, "/state"), 0);
        check_value(&owner, whole, whole);
        go_on(&owner, &disk);
        mem_deinit(&disk);
    }
}

/* Good records behind damage belong to another past: they don't come back when the place before
 * them is written again, not even by records of the same size. */
static void what_was_cut_stays_away(void **state)
{
    (void)state;
    size_t ends[31];
    WC_CLEANUP_BUF struct wc_buf bytes = WC_BUF_INIT;
    sample(&bytes, ends, 30);
    for (int truncate_fails = 0; truncate_fails < 2; truncate_fails++) {
        struct mem_disk disk;
        struct owner owner;
        mem_init(&disk);
        put_file(&disk, bytes.data, bytes.len);
        disk.files[0].held.data[ends[1] + 20] ^= 1; /* of step 2 */
        disk.fault_op = MEM_TRUNCATE;
        disk.fault_at = truncate_fails ? disk.calls[MEM_TRUNCATE] + 1 : 0;
        disk.fault_error = EIO;
        assert_int_equal(open_owner(&owner, &disk, NULL, "/state"), 0);
        check_value(&owner, 1, 1);
        go_on(&owner, &disk); /* step 2 again, of the same size, and 3 */
        mem_deinit(&disk);
    }
}

static void foreign_and_newer_files_are_not_harmed(void **state)
{
    (void)state;
    static const char other[] = "this is something else, and longer than a header";
    struct mem_disk disk;
    struct owner owner;
    struct wc_err err = { 0 };
    mem_init(&disk);
    put_file(&disk, other, sizeof other);
    assert_int_equal(open_owner(&owner, &disk, NULL, "/state"), 0);
    go_on(&owner, &disk);
    struct mem_name *aside = mem_name(&disk, WC_JOURNAL_DAMAGED);
    assert_memory_equal(disk.files[aside->held - 1].held.data, other, sizeof other);
    mem_deinit(&disk);

    mem_init(&disk);
    size_t ends[3];
    WC_CLEANUP_BUF struct wc_buf bytes = WC_BUF_INIT;
    sample(&bytes, ends, 2);
    memcpy(bytes.data + 8, "\x02\0\0\0", 4);
    uint32_t crc = wc_crc32c(0, bytes.data, 12);
    for (int i = 0; i < 4; i++)
        bytes.data[12 + i] = (char)(crc >> (8 * i));
    put_file(&disk, bytes.data, bytes.len);
    assert_int_equal(open_owner(&owner, &disk, NULL, "/state"), WC_ERR_STATE);
    next_step(&owner);
    assert_int_equal(wc_journal_commit(&owner.journal, &err), WC_ERR_STATE);
    assert_non_null(strstr(err.msg, "format 2"));
    wc_journal_remove(&owner.journal);
    close_owner(&owner, &disk);
    assert_int_equal(disk.files[0].held.len, bytes.len);
    assert_memory_equal(disk.files[0].held.data, bytes.data, bytes.len);
    mem_deinit(&disk);
}

/* ---- faults ---- */

enum { STEPS = 45 };

/* What the run could be sure of. */
struct promise {
    unsigned written, durable, last;
};

static struct promise run_steps(struct mem_disk *disk)
{
    struct owner owner;
    struct promise promise = { 0 };
    if (open_owner(&owner, disk, NULL, "/state") != 0) {
        close_owner(&owner, NULL);
        return promise;
    }
    promise.written = promise.durable = owner.step;
    for (unsigned i = 0; i < STEPS && !disk->crashed; i++) {
        struct wc_err err = { 0 };
        next_step(&owner);
        int rc = wc_journal_commit(&owner.journal, &err);
        assert_true((rc == 0) == (err.code == 0));
        if (rc != 0)
            assert_int_not_equal(owner.journal.failed.code, 0);
        if (rc == 0 && !disk->crashed)
            promise.written = owner.step;
        if (owner.journal.durable_seq == owner.journal.last_seq && !disk->crashed)
            promise.durable = owner.step;
    }
    promise.last = owner.step;
    struct wc_err late = { 0 };
    if (!disk->crashed && wc_journal_commit(&owner.journal, &late) == 0)
        promise.written = owner.step;
    if (!disk->crashed && owner.journal.durable_seq == owner.journal.last_seq)
        promise.durable = owner.step;
    bool is_passing = disk->fault_at != 0 && !disk->fault_stays && !disk->crashed;
    if (is_passing && disk->fault_fired) {
        assert_int_equal(promise.written, promise.last); /* it came to itself again */
        assert_int_equal(promise.durable, promise.last);
        assert_int_equal(owner.journal.failed.code, 0);
    }
    wc_journal_deinit(&owner.journal);
    return promise;
}

static void copy_buf(struct wc_buf *to, const struct wc_buf *from)
{
    *to = (struct wc_buf)WC_BUF_INIT;
    wc_buf_add(to, from->data, from->len);
}

/* After our death, and after power cuts of many kinds: readable, and not older than promised. */
static void check_all_ends(struct mem_disk *disk, const struct promise *promise)
{
    mem_heal(disk);
    for (unsigned seed = 0; seed < 7; seed++) {
        struct mem_disk copy = *disk;
        struct owner owner;
        copy.disk.data = &copy;
        for (int i = 0; i < disk->n_files; i++) {
            copy_buf(&copy.files[i].held, &disk->files[i].held);
            copy_buf(&copy.files[i].stable, &disk->files[i].stable);
        }
        if (seed > 0)
            mem_power_cut(&copy, seed);
        assert_int_equal(open_owner(&owner, &copy, NULL, "/state"), 0);
        check_value(&owner, seed == 0 ? promise->written : promise->durable, promise->last);
        go_on(&owner, &copy);
        mem_deinit(&copy);
    }
}

static void every_call_fails(void **state)
{
    (void)state;
    static const int errors[] = { EIO, ENOSPC, EINTR, MEM_TORN };
    for (enum mem_op op = 0; op < MEM_OPS; op++)
        for (size_t e = 0; e < sizeof errors / sizeof errors[0]; e++)
            for (int stays = 0; stays < 2; stays++) {
                if (errors[e] == MEM_TORN && op != MEM_WRITE)
                    continue;
                if (errors[e] == EINTR && (stays || (op != MEM_WRITE && op != MEM_READ)))
                    continue;
                for (unsigned at = 1;; at++) {
                    struct mem_disk disk;
                    mem_init(&disk);
                    disk.fault_op = op;
                    disk.fault_at = at;
                    disk.fault_error = errors[e];
                    disk.fault_stays = stays;
                    struct promise promise = run_steps(&disk);
                    bool fired = disk.fault_fired;
                    check_all_ends(&disk, &promise);
                    mem_deinit(&disk);
                    if (!fired)
                        break;
                }
            }
}

static void crash_at_every_call(void **state)
{
    (void)state;
    for (unsigned at = 1;; at++) {
        struct mem_disk disk;
        mem_init(&disk);
        disk.crash_at = at;
        struct promise promise = run_steps(&disk);
        bool crashed = disk.crashed;
        check_all_ends(&disk, &promise);
        mem_deinit(&disk);
        if (!crashed)
            break;
    }
}

/* Two faults, the second one while the first is being dealt with. */
static void every_pair_of_calls_fails(void **state)
{
    (void)state;
    for (unsigned at = 1; at < 160; at++)
        for (unsigned later = 1; later < 12; later++) {
            struct mem_disk disk;
            mem_init(&disk);
            disk.fault_at = at;
            disk.fault_error = at % 2 == 0 ? EIO : ENOSPC;
            disk.crash_at = at + later;
            struct promise promise = run_steps(&disk);
            check_all_ends(&disk, &promise);
            mem_deinit(&disk);
        }
}

static void a_full_disk_is_told_and_waited_for(void **state)
{
    (void)state;
    struct mem_disk disk;
    struct owner owner;
    struct wc_err err = { 0 };
    mem_init(&disk);
    assert_int_equal(open_owner(&owner, &disk, NULL, "/state"), 0);
    next_step(&owner);
    commit_ok(&owner);
    disk.fault_op = MEM_WRITE;
    disk.fault_at = disk.calls[MEM_WRITE] + 1;
    disk.fault_error = ENOSPC;
    disk.fault_stays = true;
    for (int i = 0; i < 5; i++) {
        next_step(&owner);
        assert_int_equal(wc_journal_commit(&owner.journal, &err), WC_ERR_IO);
        assert_int_equal(err.sys, ENOSPC);
        assert_non_null(strstr(owner.journal.failed.msg, "/state/journal"));
    }
    disk.fault_at = 0;
    commit_ok(&owner); /* without anything new */
    assert_int_equal(owner.journal.failed.code, 0);
    assert_int_equal(owner.journal.durable_seq, owner.journal.last_seq);
    close_owner(&owner, &disk);
    assert_int_equal(open_owner(&owner, &disk, NULL, "/state"), 0);
    check_value(&owner, 6, 6);
    wc_journal_remove(&owner.journal);
    close_owner(&owner, &disk);
    assert_int_equal(mem_name(&disk, WC_JOURNAL_NAME)->held, 0);
    mem_deinit(&disk);
}

/* ---- on a loop ---- */

static atomic_uint n_syncs;

static int count_sync(void *data, int fd)
{
    n_syncs++;
    return wc_disk_host.ops->fdatasync(data, fd);
}

static void many_changes_share_a_sync(void **state)
{
    (void)state;
    char dir[] = "/tmp/wc-journal-XXXXXX";
    struct wc_err err = { 0 };
    struct wc_disk_ops ops = *wc_disk_host.ops;
    const struct wc_disk disk = { &ops, NULL };
    struct owner owner = { 0 };
    uv_loop_t loop;
    assert_non_null(mkdtemp(dir));
    ops.fdatasync = count_sync;
    uv_loop_init(&loop);
    const struct wc_journal_config config = { .loop = &loop,
                                              .dir = dir,
                                              .disk = &disk,
                                              .replay = replay,
                                              .snapshot = snapshot,
                                              .data = &owner };
    assert_int_equal(wc_journal_open(&owner.journal, &config, &err), 0);
    for (int i = 0; i < 100; i++) {
        next_step(&owner);
        commit_ok(&owner);
    }
    assert_true(wc_journal_busy(&owner.journal));
    struct owner reader = { 0 }; /* what is committed is there for others before it is synced */
    assert_int_equal(wc_journal_read(NULL, dir, replay, &reader, &err), 0);
    check_value(&reader, 100, 100);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_false(wc_journal_busy(&owner.journal));
    assert_int_equal(owner.journal.durable_seq, owner.journal.last_seq);
    assert_in_range(n_syncs, 1, 2);
    wc_journal_deinit(&owner.journal);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_int_equal(wc_fs_remove_tree(dir, &err), 0);
}

/* Commits go on while a new file is written on the pool; crashes and failures at every call. */
static void replaced_while_written(void **state)
{
    (void)state;
    for (unsigned at = 1; at < 140; at++) {
        struct mem_disk disk;
        struct owner owner;
        struct promise promise = { 0 };
        uv_loop_t loop;
        mem_init(&disk);
        uv_loop_init(&loop);
        disk.crash_at = at % 2 == 0 ? at : 0;
        disk.fault_at = at % 2 == 1 ? at : 0;
        disk.fault_error = at % 4 == 1 ? EIO : ENOSPC;
        bool is_open = open_owner(&owner, &disk, &loop, "/state") == 0;
        for (unsigned i = 0; i < STEPS && is_open && !disk.crashed; i++) {
            struct wc_err err = { 0 };
            next_step(&owner);
            promise.last = owner.step;
            if (wc_journal_commit(&owner.journal, &err) == 0 && !disk.crashed)
                promise.written = owner.step;
            if (i % 5 == 4)
                uv_run(&loop, UV_RUN_DEFAULT);
            if (owner.journal.durable_seq == owner.journal.last_seq && !disk.crashed)
                promise.durable = owner.step;
        }
        if (at == 100) /* removed in the middle of it */
            wc_journal_remove(&owner.journal);
        uv_run(&loop, UV_RUN_DEFAULT);
        wc_journal_deinit(&owner.journal);
        assert_int_equal(uv_loop_close(&loop), 0);
        if (at != 100)
            check_all_ends(&disk, &promise);
        mem_deinit(&disk);
    }
}

static void removed_while_written(void **state)
{
    (void)state;
    for (unsigned steps = 1; steps < 30; steps++) {
        struct mem_disk disk;
        struct owner owner;
        uv_loop_t loop;
        mem_init(&disk);
        uv_loop_init(&loop);
        assert_int_equal(open_owner(&owner, &disk, &loop, "/state"), 0);
        for (unsigned i = 0; i < steps; i++) {
            next_step(&owner);
            commit_ok(&owner);
        }
        wc_journal_remove(&owner.journal);
        memset(owner.value, 0, sizeof owner.value);
        owner.step = 0;
        if (steps % 2 == 0) { /* and begun again at once */
            next_step(&owner);
            commit_ok(&owner);
        }
        uv_run(&loop, UV_RUN_DEFAULT);
        close_owner(&owner, &disk);
        assert_int_equal(mem_name(&disk, WC_JOURNAL_FRESH)->held, 0);
        assert_int_equal(mem_name(&disk, WC_JOURNAL_NAME)->held != 0, steps % 2 == 0);
        assert_int_equal(open_owner(&owner, &disk, &loop, "/state"), 0);
        check_value(&owner, steps % 2 == 0, steps % 2 == 0);
        close_owner(&owner, &disk);
        assert_int_equal(uv_loop_close(&loop), 0);
        mem_deinit(&disk);
    }
}

WC_MAIN(WC_CASE(round_trip), WC_CASE(unknown_records_are_kept), WC_CASE(torn_at_every_byte),
        WC_CASE(flipped_at_every_bit), WC_CASE(what_was_cut_stays_away),
        WC_CASE(foreign_and_newer_files_are_not_harmed), WC_CASE(every_call_fails),
        WC_CASE(crash_at_every_call), WC_CASE(every_pair_of_calls_fails),
        WC_CASE(a_full_disk_is_told_and_waited_for), WC_CASE(many_changes_share_a_sync),
        WC_CASE(replaced_while_written), WC_CASE(removed_while_written))
