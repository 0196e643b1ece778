// LINK: z zstd
// TIMEOUT: 120
/* test_unpack.c - layers on their way: fed in pieces, several at once, and all that can go wrong.
 */
#include "harness/wc_test.h"

#include <fcntl.h>
#include <pthread.h>

#include "fixture.h"
#include "images/store.h"
#include "images/unpack.h"
#include "packing.h"

enum { LAYERS = 8 };

/* A store with a change, and layers that wait to be fed. */
struct lane {
    struct wc_buf packed;
    char diff_id[80], digest[80];
    struct wc_unpack_want want;
    struct wc_unpack *layer;
    size_t fed;
};
struct yard {
    struct shop shop;
    struct wc_image_txn txn;
    struct wc_unpack_set *set;
    struct lane lanes[LAYERS];
    struct wc_err err;
    unsigned wakes;
};

static void count_wake(void *data)
{
    __atomic_fetch_add((unsigned *)data, 1, __ATOMIC_SEQ_CST);
}

static void make_lane(struct lane *lane, size_t i, size_t content)
{
    struct wc_buf tar = WC_BUF_INIT;
    struct wc_buf text = WC_BUF_INIT;
    char name[40];
    lane->packed = (struct wc_buf)WC_BUF_INIT;
    for (size_t n = 0; text.len < content; n++) { /* compresses neither well nor badly */
        unsigned char line[512];
        for (size_t k = 0; k < sizeof line; k++)
            line[k] = (unsigned char)((n * 7919 + k * k * 31 + i) >> (k % 5));
        wc_buf_add(&text, line, sizeof line);
    }
    snprintf(name, sizeof name, "dir%zu/file", i);
    tar_add(&tar, (struct tar_entry){ .name = name,
                                      .type = '0',
                                      .mode = 0644,
                                      .data = text.len > 0 ? text.data : "x",
                                      .len = text.len });
    tar_end(&tar);
    char hex[WC_SHA256_HEX + 1];
    wc_sha256_hex(tar.data, tar.len, hex);
    snprintf(lane->diff_id, sizeof lane->diff_id, "sha256:%s", hex);
    if (i % 3 == 0)
        gzip_into(&lane->packed, tar.data, tar.len);
    else if (i % 3 == 1)
        zstd_into(&lane->packed, tar.data, tar.len);
    else
        wc_buf_add(&lane->packed, tar.data, tar.len);
    wc_sha256_hex(lane->packed.data, lane->packed.len, hex);
    snprintf(lane->digest, sizeof lane->digest, "sha256:%s", hex);
    lane->want = (struct wc_unpack_want){ lane->digest, (int64_t)lane->packed.len, lane->diff_id };
    wc_buf_deinit(&tar);
    wc_buf_deinit(&text);
}

static void yard_open(struct yard *y, size_t content, unsigned threads)
{
    memset(y, 0, sizeof *y);
    shop_open(&y->shop);
    for (size_t i = 0; i < LAYERS; i++) /* large ones only where they are plain */
        make_lane(&y->lanes[i], i, i % 3 == 2 ? content : content % 400000);
    assert_int_equal(wc_txn_begin(y->shop.store, NULL, NULL, &y->txn, &y->err), 0);
    const struct wc_unpack_options options = { threads, count_wake, &y->wakes };
    y->set = wc_unpack_open(&y->txn, &options);
}

static void yard_close(struct yard *y)
{
    for (size_t i = 0; i < LAYERS; i++)
        wc_buf_deinit(&y->lanes[i].packed);
    shop_close(&y->shop);
}

static void begin(struct yard *y, size_t i)
{
    struct lane *lane = &y->lanes[i];
    if (wc_unpack_begin(y->set, &lane->want, &lane->layer, &y->err) != 0)
        fail_msg("%s", y->err.msg);
}

/* Feeds a piece to each that wants one, until none does; as a network loop would. */
static void feed_round_robin(struct yard *y, size_t piece)
{
    for (bool more = true, moved = true; more; moved ? 0 : usleep(200)) {
        more = moved = false;
        for (size_t i = 0; i < LAYERS; i++) {
            struct lane *lane = &y->lanes[i];
            size_t left = lane->packed.len - lane->fed;
            if (lane->layer == NULL || left == 0)
                continue;
            size_t n = piece < left ? piece : left;
            n = wc_unpack_feed(lane->layer, lane->packed.data + lane->fed, n);
            lane->fed += n;
            moved = moved || n > 0;
            if (lane->fed == lane->packed.len)
                wc_unpack_end(lane->layer);
            more = true;
        }
    }
}

static void fed_in_turns(void **state)
{
    (void)state;
    static const struct {
        size_t content, piece;
        unsigned threads;
    } rows[] = {
        { 600, 1, 0 }, { 2000, 100, 1 }, { 40000, 1000, 3 }, { 300000, 65536, 2 }, { 0, 77, 16 }
    };
    for (size_t r = 0; r < WC_COUNT(rows); r++) {
        struct yard y;
        yard_open(&y, rows[r].content, rows[r].threads);
        for (size_t i = 0; i < LAYERS; i++)
            begin(&y, i);
        feed_round_robin(&y, rows[r].piece);
        if (wc_unpack_close(y.set, &y.err) != 0)
            fail_msg("%s", y.err.msg);
        assert_int_equal(wc_txn_commit(&y.txn, &y.err), 0);
        shop_holds(&y.shop, LAYERS, LAYERS);
        for (size_t i = 0; i < LAYERS; i++)
            assert_true(wc_store_layer_bytes(y.shop.store, y.lanes[i].diff_id) > 0);
        assert_true(y.wakes >= LAYERS);
        yard_close(&y);
    }
}

/* With the buffer full and no thread to empty it, less is taken; and `wake` comes when there is. */
static void a_full_buffer_takes_less(void **state)
{
    (void)state;
    struct yard y;
    yard_open(&y, 1100000, 1);
    begin(&y, 2); /* holds the only thread, waiting */
    begin(&y, 5);
    struct lane *second = &y.lanes[5];
    size_t n = wc_unpack_feed(second->layer, second->packed.data, second->packed.len);
    assert_int_equal(n, WC_UNPACK_BUFFER);
    assert_int_equal(wc_unpack_feed(second->layer, second->packed.data + n, 1), 0);
    assert_int_equal(y.wakes, 0);
    wc_unpack_feed_all(y.lanes[2].layer, y.lanes[2].packed.data, y.lanes[2].packed.len);
    wc_unpack_end(y.lanes[2].layer);
    size_t more = 0;
    for (int i = 0; more == 0 && i < 30000; i++) {
        more = wc_unpack_feed(second->layer, second->packed.data + n, 1);
        usleep(1000);
    }
    assert_int_equal(more, 1);
    assert_true(__atomic_load_n(&y.wakes, __ATOMIC_SEQ_CST) >= 2);
    wc_unpack_feed_all(second->layer, second->packed.data + n + 1, second->packed.len - n - 1);
    wc_unpack_end(second->layer);
    struct wc_unpack_look look;
    uint64_t taken = 0;
    while (!wc_unpack_wait(y.set, 1000, &taken))
        continue;
    wc_unpack_look(second->layer, &look);
    assert_int_equal(look.state, WC_UNPACK_DONE);
    assert_int_equal(look.taken, second->packed.len);
    assert_int_equal(taken, second->packed.len + y.lanes[2].packed.len);
    assert_int_equal(wc_unpack_close(y.set, &y.err), 0);
    wc_txn_abort(&y.txn);
    shop_holds(&y.shop, 0, 0);
    yard_close(&y);
}

static void what_is_there_is_not_fetched(void **state)
{
    (void)state;
    struct yard y;
    struct wc_unpack *layer = NULL;
    yard_open(&y, 1000, 0);
    for (int again = 0; again < 2; again++) {
        begin(&y, 0);
        assert_true((y.lanes[0].layer == NULL) == (again == 1));
        if (again == 0)
            feed_round_robin(&y, 100);
        assert_int_equal(wc_unpack_begin(y.set, &y.lanes[0].want, &layer, &y.err), 0);
        assert_null(layer); /* the same twice in one image */
        assert_int_equal(wc_unpack_close(y.set, &y.err), 0);
        assert_int_equal(wc_txn_commit(&y.txn, &y.err), 0);
        shop_holds(&y.shop, 1, 1);
        assert_int_equal(wc_txn_begin(y.shop.store, NULL, NULL, &y.txn, &y.err), 0);
        y.set = wc_unpack_open(&y.txn, NULL);
    }
    /* its blob is there, the layer isn't: the set does it by itself */
    char path[200];
    snprintf(path, sizeof path, "%s/layers/%.16s", y.shop.store_dir, y.lanes[0].diff_id + 7);
    assert_int_equal(wc_fs_remove_tree(path, NULL), 0);
    begin(&y, 0);
    assert_null(y.lanes[0].layer);
    assert_int_equal(wc_unpack_close(y.set, &y.err), 0);
    assert_int_equal(wc_txn_commit(&y.txn, &y.err), 0);
    assert_true(wc_fs_exists(path));
    shop_holds(&y.shop, 1, 1);
    yard_close(&y);
}

/* The same content packed twice in two ways: two blobs, one layer. */
static void two_packings_of_one_layer(void **state)
{
    (void)state;
    struct yard y;
    yard_open(&y, 1000, 0);
    struct lane *a = &y.lanes[2], *b = &y.lanes[3];
    char hex[WC_SHA256_HEX + 1];
    wc_buf_reset(&b->packed);
    gzip_into(&b->packed, a->packed.data, a->packed.len); /* lane 2 is plain */
    wc_sha256_hex(b->packed.data, b->packed.len, hex);
    snprintf(b->digest, sizeof b->digest, "sha256:%s", hex);
    b->want = (struct wc_unpack_want){ b->digest, (int64_t)b->packed.len, a->diff_id };
    begin(&y, 2);
    begin(&y, 3);
    assert_non_null(b->layer);
    feed_round_robin(&y, 50);
    assert_int_equal(wc_unpack_close(y.set, &y.err), 0);
    assert_int_equal(wc_txn_commit(&y.txn, &y.err), 0);
    shop_holds(&y.shop, 2, 1);
    yard_close(&y);
}

enum lie { WRONG_BYTES, TOO_SHORT, TOO_LONG, WRONG_DIFF, NOT_ENDED, CUT_AND_ENDED, N_LIES };

static void tell(struct yard *y, enum lie lie, size_t i)
{
    struct lane *lane = &y->lanes[i];
    switch (lie) {
    case WRONG_BYTES:
        lane->packed.data[lane->packed.len - 1] ^= 1;
        break;
    case TOO_SHORT:
        lane->want.size++;
        break;
    case TOO_LONG:
        lane->want.size--;
        break;
    case WRONG_DIFF:
        lane->diff_id[20] = lane->diff_id[20] == 'a' ? 'b' : 'a';
        break;
    case CUT_AND_ENDED:
        lane->packed.len /= 2;
        break;
    case NOT_ENDED:
    case N_LIES:
        break;
    }
}

/* Whatever is wrong with one layer, nothing of the image is left, and the message says which. */
static void lies_leave_nothing(void **state)
{
    (void)state;
    for (enum lie lie = 0; lie < N_LIES; lie++)
        for (size_t bad = 0; bad < 3; bad++) {
            struct yard y;
            yard_open(&y, 20000, 2);
            tell(&y, lie, bad);
            for (size_t i = 0; i < LAYERS; i++)
                begin(&y, i);
            if (lie == NOT_ENDED) {
                struct lane *lane = &y.lanes[bad];
                lane->fed = lane->packed.len / 2;
                wc_unpack_feed_all(lane->layer, lane->packed.data, lane->fed);
                lane->packed.len = 0;
                lane->fed = 0;
            }
            feed_round_robin(&y, 4096);
            int rc = wc_unpack_close(y.set, &y.err);
            assert_int_equal(rc, lie == NOT_ENDED ? WC_ERR_CANCELLED : WC_ERR_SPEC);
            assert_non_null(strstr(y.err.msg, "layer sha256:"));
            char prefix[24];
            snprintf(prefix, sizeof prefix, "%.19s", y.lanes[bad].digest);
            assert_non_null(strstr(y.err.msg, prefix));
            wc_txn_abort(&y.txn);
            shop_holds(&y.shop, 0, 0);
            yard_close(&y);
        }
}

static void files_are_read_by_their_threads(void **state)
{
    (void)state;
    struct yard y;
    int fds[LAYERS];
    yard_open(&y, 30000, 0);
    for (size_t i = 0; i < LAYERS; i++) {
        char path[200];
        snprintf(path, sizeof path, "%s/l%zu", y.shop.dir, i);
        assert_int_equal(wc_fs_write_atomic(path, y.lanes[i].packed.data, y.lanes[i].packed.len,
                                            0600, false, NULL),
                         0);
        fds[i] = open(path, O_RDONLY | O_CLOEXEC);
        assert_int_equal(wc_unpack_file(y.set, &y.lanes[i].want, fds[i], &y.err), 0);
    }
    assert_int_equal(wc_unpack_close(y.set, &y.err), 0);
    assert_int_equal(wc_txn_commit(&y.txn, &y.err), 0);
    for (size_t i = 0; i < LAYERS; i++)
        close(fds[i]);
    shop_holds(&y.shop, LAYERS, LAYERS);
    yard_close(&y);
}

/* Content that doesn't unpack because it isn't the layer's is said to be that. */
static void wrong_file_is_called_so(void **state)
{
    (void)state;
    struct yard y;
    yard_open(&y, 1000, 0);
    char path[200];
    struct wc_buf junk = WC_BUF_INIT;
    wc_buf_add(&junk, "\x1f\x8b", 2);
    while (junk.len < y.lanes[0].packed.len)
        wc_buf_addc(&junk, 'j');
    snprintf(path, sizeof path, "%s/junk", y.shop.dir);
    assert_int_equal(wc_fs_write_atomic(path, junk.data, junk.len, 0600, false, NULL), 0);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(wc_unpack_file(y.set, &y.lanes[0].want, fd, &y.err), 0);
    assert_int_equal(wc_unpack_close(y.set, &y.err), WC_ERR_SPEC);
    assert_non_null(strstr(y.err.msg, "which is not its digest"));
    close(fd);
    wc_txn_abort(&y.txn);
    wc_buf_deinit(&junk);
    yard_close(&y);
}

static void giving_up(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 8; threads += 7) {
        struct yard y;
        yard_open(&y, 60000, threads);
        for (size_t i = 0; i < LAYERS; i++)
            begin(&y, i);
        for (size_t i = 0; i < LAYERS; i++)
            wc_unpack_feed(y.lanes[i].layer, y.lanes[i].packed.data, y.lanes[i].packed.len / 2);
        wc_unpack_abort(y.set);
        wc_txn_abort(&y.txn);
        shop_holds(&y.shop, 0, 0);
        yard_close(&y);
    }
}

/* Two changes at once make the same layer: both succeed, one layer is kept. */
static void two_changes_make_the_same(void **state)
{
    (void)state;
    struct yard y;
    struct wc_image_txn other;
    yard_open(&y, 1000, 0);
    assert_int_equal(wc_txn_begin(y.shop.store, NULL, NULL, &other, &y.err), 0);
    struct wc_unpack_set *set = wc_unpack_open(&other, NULL);
    struct wc_unpack *layer = NULL;
    begin(&y, 0);
    assert_int_equal(wc_unpack_begin(set, &y.lanes[0].want, &layer, &y.err), 0);
    assert_non_null(layer);
    wc_unpack_feed_all(layer, y.lanes[0].packed.data, y.lanes[0].packed.len);
    wc_unpack_end(layer);
    feed_round_robin(&y, 100);
    assert_int_equal(wc_unpack_close(set, &y.err), 0);
    assert_int_equal(wc_unpack_close(y.set, &y.err), 0);
    struct stat before, after;
    char path[200];
    snprintf(path, sizeof path, "%s/layers/%.16s", y.shop.store_dir, y.lanes[0].diff_id + 7);
    assert_int_equal(wc_txn_commit(&other, &y.err), 0);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(wc_txn_commit(&y.txn, &y.err), 0);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino); /* somebody may run from it by then */
    shop_holds(&y.shop, 1, 1);
    yard_close(&y);
}

WC_MAIN(WC_CASE(fed_in_turns), WC_CASE(a_full_buffer_takes_less),
        WC_CASE(what_is_there_is_not_fetched), WC_CASE(two_packings_of_one_layer),
        WC_CASE(lies_leave_nothing), WC_CASE(files_are_read_by_their_threads),
        WC_CASE(wrong_file_is_called_so), WC_CASE(giving_up), WC_CASE(two_changes_make_the_same))
