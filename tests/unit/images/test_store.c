/* test_store.c - the store: finding, sharing, removing, and what survives crashes, crowds and full
 * disks. */
#include "harness/wc_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "fixture.h"
#include "images/store.h"

static int resolve(struct shop *s, const char *text, struct wc_image_info *info)
{
    return wc_image_resolve(s->store, text, &s->arena, info, &s->err);
}

static void finding(void **state)
{
    (void)state;
    struct fx fx;
    struct shop s;
    struct wc_image_info info;
    char text[200];
    fx_make(&fx, 2, "");
    shop_open(&s);
    shop_put(&s, &fx, "[\"nginx:latest\",\"me/app:1\"]");
    static const char *const good[] = { "nginx", "nginx:latest", "docker.io/nginx", "library/nginx",
                                        "me/app:1" };
    for (size_t i = 0; i < WC_COUNT(good); i++)
        assert_int_equal(resolve(&s, good[i], &info), 0);
    snprintf(text, sizeof text, "sha256:%s", fx.config.hex);
    assert_int_equal(resolve(&s, text, &info), 0);
    snprintf(text, sizeof text, "%.6s", fx.config.hex);
    assert_int_equal(resolve(&s, text, &info), 0);
    snprintf(text, sizeof text, "nginx@%s", info.digest);
    assert_int_equal(resolve(&s, text, &info), 0);
    snprintf(text, sizeof text, "%.5s", fx.config.hex); /* too short to be an id */
    assert_int_equal(resolve(&s, text, &info), WC_ERR_NOENT);
    assert_int_equal(resolve(&s, "me/app", &info), WC_ERR_NOENT);
    assert_int_equal(resolve(&s, "ngnix", &info), WC_ERR_NOENT);
    assert_non_null(strstr(s.err.msg, "did you mean 'nginx:latest'"));
    assert_int_equal(resolve(&s, "zookeeper", &info), WC_ERR_NOENT);
    assert_non_null(strstr(s.err.msg, "image load"));
    assert_int_equal(resolve(&s, "UPPER", &info), WC_ERR_SPEC);
    shop_close(&s);
    fx_free(&fx);
}

static void what_info_says(void **state)
{
    (void)state;
    struct fx fx;
    struct shop s;
    struct wc_image_info info;
    fx_make(&fx, 3, "");
    shop_open(&s);
    shop_put(&s, &fx, "[\"app\"]");
    assert_int_equal(resolve(&s, "app", &info), 0);
    assert_string_equal(info.reference, "docker.io/library/app:latest");
    assert_string_equal(info.id + 7, fx.config.hex);
    assert_string_equal(info.os, "linux");
    assert_string_equal(info.architecture, wc_host_architecture());
    assert_null(info.variant);
    assert_int_equal(info.env.n, 2);
    assert_string_equal(info.env.items[0], "A=1");
    assert_int_equal(info.entrypoint.n, 2);
    assert_string_equal(info.cmd.items[0], "c");
    assert_string_equal(info.user, "u:g");
    assert_string_equal(info.working_dir, "/w");
    assert_string_equal(info.stop_signal, "SIGINT");
    assert_string_equal(info.exposed_ports.items[0], "80/tcp");
    assert_string_equal(info.volumes.items[0], "/data");
    assert_string_equal(info.labels.items[0].value, "v");
    assert_true(info.health.set);
    assert_string_equal(info.health.test.items[1], "ok");
    assert_int_equal(info.health.interval_ms, 1500);
    assert_int_equal(info.health.timeout_ms, WC_UNSET);
    assert_int_equal(info.health.retries, 4);
    assert_string_equal(info.created, "2024-05-06T07:08:09Z");
    assert_int_equal(info.layers.n, 3);
    for (size_t i = 0; i < 3; i++) { /* short, absolute, lowest first */
        char path[300];
        snprintf(path, sizeof path, "%s/layers/%.16s", s.store_dir, fx.layers[i].hex);
        assert_string_equal(info.layers.items[i], path);
    }
    assert_int_equal(info.size_bytes, 3 * 6);
    shop_close(&s);
    fx_free(&fx);
}

static int count_names(void *data, const struct wc_image_info *info)
{
    struct wc_buf *out = data;
    wc_buf_printf(out, "%s ", wc_image_short_reference(info->reference));
    return 0;
}

static int stop_at_once(void *data, const struct wc_image_info *info)
{
    (void)info;
    ++*(int *)data;
    return 7;
}

static void listing(void **state)
{
    (void)state;
    struct fx a, b;
    struct shop s;
    struct wc_buf names = WC_BUF_INIT;
    int calls = 0;
    fx_make(&a, 1, "a");
    fx_make(&b, 1, "b");
    shop_open(&s);
    shop_put(&s, &b, "[\"zoo\",\"beta:2\"]");
    shop_put(&s, &a, "[\"alpha\"]");
    assert_int_equal(wc_image_list(s.store, count_names, &names, &s.err), 0);
    assert_string_equal(names.data, "alpha:latest beta:2 zoo:latest ");
    assert_int_equal(wc_image_list(s.store, stop_at_once, &calls, &s.err), 7);
    assert_int_equal(calls, 1);
    wc_buf_deinit(&names);
    shop_close(&s);
    fx_free(&a);
    fx_free(&b);
}

static void sharing_and_removing(void **state)
{
    (void)state;
    struct fx a, b;
    struct shop s;
    struct wc_image_info info;
    fx_make(&a, 3, "a");
    fx_make(&b, 3, "b"); /* differs in the last layer only */
    shop_open(&s);
    shop_put(&s, &a, "[\"a\",\"a:old\"]");
    shop_put(&s, &b, "[\"b\"]");
    shop_holds(&s, 3 + 1 + 2 * 2, 4);
    assert_int_equal(wc_image_remove(s.store, "a", NULL, false, &s.err), 0); /* a:old holds it */
    shop_holds(&s, 8, 4);
    assert_int_equal(wc_image_remove(s.store, "a:old", NULL, false, &s.err), 0);
    shop_holds(&s, 5, 3);
    assert_int_equal(resolve(&s, "a:old", &info), WC_ERR_NOENT);
    assert_int_equal(resolve(&s, "b", &info), 0);
    assert_int_equal(wc_image_remove(s.store, "nothing", NULL, false, &s.err), WC_ERR_NOENT);
    char id[20];
    snprintf(id, sizeof id, "%.12s", b.config.hex);
    assert_int_equal(wc_image_remove(s.store, id, NULL, false, &s.err), 0);
    shop_holds(&s, 0, 0);
    shop_close(&s);
    fx_free(&a);
    fx_free(&b);
}

/* What is in use: from the first question on, or from the second. */
struct using
{
    const struct wc_strv *layers;
    const char *reference;
    unsigned asked, from;
    struct wc_arena arena;
};

static void say_used(void *data, struct wc_strv *layers, struct wc_strv *references)
{
    struct using *using = data;
    if (using->asked++ < using->from)
        return;
    if (using->layers != NULL)
        *layers = *using->layers;
    if (using->reference != NULL)
        wc_strv_add(&using->arena, references, using->reference);
}

static void used_images_stay(void **state)
{
    (void)state;
    struct fx fx;
    struct shop s;
    struct wc_image_info info;
    fx_make(&fx, 2, "");
    shop_open(&s);
    shop_put(&s, &fx, "[\"app\",\"app:2\"]");
    assert_int_equal(resolve(&s, "app", &info), 0);
    struct wc_strv used = { .items = &info.layers.items[1], .n = 1, .set = true };
    struct using using = { .layers = &used };
    const struct wc_image_uses uses = { say_used, &using };
    assert_int_equal(wc_image_remove(s.store, "app:2", &uses, false, &s.err), 0); /* a name only */
    assert_int_equal(wc_image_remove(s.store, "app", &uses, false, &s.err), WC_ERR_CONFLICT);
    assert_int_equal(resolve(&s, "app", &info), 0);
    assert_int_equal(wc_image_remove(s.store, "app", &uses, true, &s.err), 0);
    assert_int_equal(resolve(&s, "app", &info), WC_ERR_NOENT);
    shop_holds(&s, 4, 2); /* nameless, and whole */
    assert_int_equal(resolve(&s, fx.config.hex, &info), 0);
    assert_int_equal(wc_image_remove(s.store, fx.config.hex, NULL, false, &s.err), 0);
    shop_holds(&s, 0, 0);
    shop_close(&s);
    fx_free(&fx);
}

/* An `up` found the image before its name was gone: all is put back. */
static void used_meanwhile(void **state)
{
    (void)state;
    struct fx fx;
    struct shop s;
    struct wc_image_info info;
    fx_make(&fx, 2, "");
    for (int by_name = 0; by_name < 2; by_name++) {
        struct using using = { .from = 1 };
        const struct wc_image_uses uses = { say_used, &using };
        wc_arena_init(&using.arena);
        shop_open(&s);
        shop_put(&s, &fx, "[\"app\"]");
        assert_int_equal(resolve(&s, "app", &info), 0);
        struct wc_strv used = { .items = &info.layers.items[1], .n = 1, .set = true };
        using.layers = by_name ? NULL : &used;
        using.reference = by_name ? "app:latest" : NULL;
        assert_int_equal(wc_image_remove(s.store, "app", &uses, false, &s.err), WC_ERR_CONFLICT);
        assert_int_equal(using.asked, 2);
        assert_int_equal(resolve(&s, "app", &info), 0);
        shop_holds(&s, 4, 2);
        assert_int_equal(wc_image_remove(s.store, "app", NULL, false, &s.err), 0);
        shop_holds(&s, 0, 0);
        shop_close(&s);
        wc_arena_deinit(&using.arena);
    }
    fx_free(&fx);
}

static void tag_moves(void **state)
{
    (void)state;
    struct fx a, b;
    struct shop s;
    struct wc_image_info info;
    fx_make(&a, 1, "a");
    fx_make(&b, 1, "b");
    shop_open(&s);
    shop_put(&s, &a, "[\"app\"]");
    shop_put(&s, &b, "[\"app\"]");
    assert_int_equal(resolve(&s, "app", &info), 0);
    assert_string_equal(info.id + 7, b.config.hex);
    /* a container of the first one needs its layer, whatever is removed meanwhile */
    char name[17];
    snprintf(name, sizeof name, "%.16s", a.layers[0].hex);
    const char *const names[] = { name };
    struct wc_strv used = { .items = (const char **)(uintptr_t)names, .n = 1, .set = true };
    struct using using = { .layers = &used };
    const struct wc_image_uses uses = { say_used, &using };
    shop_put(&s, &b, "[\"other\"]");
    assert_int_equal(wc_image_remove(s.store, "other", &uses, false, &s.err), 0);
    assert_int_equal(shop_count(&s, "layers"), 2);
    assert_int_equal(wc_image_remove(s.store, "app", &uses, false, &s.err), 0);
    assert_int_equal(shop_count(&s, "layers"), 1);
    shop_put(&s, &a, "[\"app\"]");
    assert_int_equal(wc_image_remove(s.store, "app", &uses, false, &s.err), WC_ERR_CONFLICT);
    assert_int_equal(wc_image_remove(s.store, "app", NULL, false, &s.err), 0);
    shop_holds(&s, 0, 0);
    shop_close(&s);
    fx_free(&a);
    fx_free(&b);
}

static void missing_layer_comes_back(void **state)
{
    (void)state;
    struct fx fx;
    struct shop s;
    struct wc_image_info info;
    fx_make(&fx, 2, "");
    shop_open(&s);
    shop_put(&s, &fx, "[\"app\"]");
    assert_int_equal(resolve(&s, "app", &info), 0);
    assert_int_equal(wc_fs_remove_tree(info.layers.items[1], NULL), 0);
    assert_int_equal(resolve(&s, "app", &info), 0);
    assert_true(wc_fs_exists(info.layers.items[1]));
    shop_holds(&s, 4, 2);
    shop_close(&s);
    fx_free(&fx);
}

static void leftovers_are_swept(void **state)
{
    (void)state;
    struct fx fx;
    struct shop s;
    struct wc_image_info info;
    char path[300];
    fx_make(&fx, 2, "");
    shop_open(&s);
    snprintf(path, sizeof path, "%s/tmp/7/half/a/layer", s.store_dir);
    assert_int_equal(wc_fs_mkdirs(path, 0755, NULL), 0);
    wc_image_store_close(s.store); /* the next opening finds it */
    assert_int_equal(wc_image_store_open(s.store_dir, &s.store, &s.err), 0);
    shop_holds(&s, 0, 0);
    snprintf(path, sizeof path, "%s/make/root/usr", s.store_dir); /* of a make that was killed */
    assert_int_equal(wc_fs_mkdirs(path, 0755, NULL), 0);
    wc_image_store_close(s.store);
    assert_int_equal(wc_image_store_open(s.store_dir, &s.store, &s.err), 0);
    snprintf(path, sizeof path, "%s/make", s.store_dir);
    assert_false(wc_fs_exists(path));
    /* a crash between the two renames of a layer: the directory is there, its diff isn't */
    snprintf(path, sizeof path, "%s/layers/%.16s/stale", s.store_dir, fx.layers[0].hex);
    assert_int_equal(wc_fs_mkdirs(path, 0755, NULL), 0);
    shop_put(&s, &fx, "[\"app\"]");
    assert_false(wc_fs_exists(path));
    assert_int_equal(resolve(&s, "app", &info), 0);
    shop_holds(&s, 4, 2);
    shop_close(&s);
    fx_free(&fx);
}

/* An index that we could not read again is not written. */
static void index_stays_readable(void **state)
{
    (void)state;
    struct fx fx;
    struct shop s;
    struct wc_image_info info;
    struct wc_image_txn txn;
    fx_make(&fx, 2, "");
    shop_open(&s);
    shop_put(&s, &fx, "[\"app\"]");
    assert_int_equal(wc_txn_begin(s.store, NULL, NULL, &txn, &s.err), 0);
    char *type = wc_arena_alloc(&s.arena, WC_STORE_JSON_MAX + 1);
    memset(type, 't', WC_STORE_JSON_MAX);
    type[WC_STORE_JSON_MAX] = '\0';
    struct wc_index_entry entry = txn.index.items[0];
    entry.reference = "docker.io/library/big:1";
    entry.media_type = type;
    wc_txn_tag(&txn, &entry);
    assert_int_equal(wc_txn_commit(&txn, &s.err), WC_ERR_LIMIT);
    assert_int_equal(resolve(&s, "app", &info), 0);
    assert_int_equal(resolve(&s, "big:1", &info), WC_ERR_NOENT);
    shop_holds(&s, 4, 2);
    shop_close(&s);
    fx_free(&fx);
}

static void broken_store_is_told(void **state)
{
    (void)state;
    struct fx fx;
    struct shop s;
    struct wc_image_info info;
    char path[300];
    fx_make(&fx, 1, "");
    shop_open(&s);
    shop_put(&s, &fx, "[\"app\"]");
    snprintf(path, sizeof path, "%s/blobs/sha256/%s", s.store_dir, fx.config.hex);
    assert_int_equal(wc_fs_write_atomic(path, "{}", 2, 0600, false, NULL), 0);
    assert_int_equal(resolve(&s, "app", &info), WC_ERR_SPEC);
    assert_non_null(strstr(s.err.msg, "broken image store"));
    assert_int_equal(wc_image_remove(s.store, "app", NULL, false, &s.err), 0); /* the way out */
    shop_holds(&s, 0, 0);
    shop_close(&s);
    fx_free(&fx);
}

static void make_archive(struct shop *s, const struct fx *fx)
{
    struct wc_buf tar = WC_BUF_INIT;
    fx_put_docker(fx, "[\"app\"]", false, &tar);
    assert_int_equal(wc_fs_write_atomic(s->archive, tar.data, tar.len, 0644, false, NULL), 0);
    wc_buf_deinit(&tar);
}

/* In a child: opens the store anew, loads the archive, exits with 0 when it went well. */
static pid_t load_in_child(const struct shop *s)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid != 0)
        return pid;
    struct wc_image_store *store = NULL;
    struct wc_arena arena;
    struct wc_strv loaded = { 0 };
    struct wc_err err = { 0 };
    struct wc_image_load_options options = { .source = s->archive };
    wc_arena_init(&arena);
    int rc = wc_image_store_open(s->store_dir, &store, &err);
    if (rc == 0)
        rc = wc_image_load(store, &options, &arena, &loaded, &err);
    _exit(rc == 0 ? 0 : 1);
}

static void crowd(void **state)
{
    (void)state;
    enum { CHILDREN = 4 };
    struct fx fx;
    struct shop s;
    struct wc_image_info info;
    pid_t pids[CHILDREN];
    fx_make(&fx, 3, "crowd");
    shop_open(&s);
    make_archive(&s, &fx);
    for (size_t i = 0; i < CHILDREN; i++)
        pids[i] = load_in_child(&s);
    for (size_t i = 0; i < CHILDREN; i++) {
        int status = -1;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(resolve(&s, "app", &info), 0);
    shop_holds(&s, 5, 3);
    shop_close(&s);
    fx_free(&fx);
}

/* Kills a load at many moments: the store opens, lists, and takes the image the next time. */
static void killed_at_any_time(void **state)
{
    (void)state;
    struct fx fx;
    struct shop s;
    struct wc_image_info info;
    char *content = wc_alloc(400001);
    memset(content, 'k', 400000);
    content[400000] = '\0';
    fx_make(&fx, 3, content);
    for (unsigned wait_us = 0; wait_us < 30000; wait_us += 1500) {
        int status;
        shop_open(&s);
        make_archive(&s, &fx);
        pid_t pid = load_in_child(&s);
        usleep(wait_us);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        wc_image_store_close(s.store);
        assert_int_equal(wc_image_store_open(s.store_dir, &s.store, &s.err), 0);
        int rc = resolve(&s, "app", &info);
        assert_true(rc == 0 || rc == WC_ERR_NOENT);
        assert_int_equal(shop_load(&s, s.archive, NULL), 0);
        assert_int_equal(resolve(&s, "app", &info), 0);
        shop_holds(&s, 5, 3);
        assert_int_equal(info.size_bytes, 3 * 6 + 400000);
        shop_close(&s);
    }
    wc_free(content);
    fx_free(&fx);
}

static void full_disk(void **state)
{
    (void)state;
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        WC_SKIP("needs root: mounts a small tmpfs in a namespace of its own");
    struct fx fx;
    struct shop s, small;
    char *content = wc_alloc(300001);
    memset(content, 'f', 300000);
    content[300000] = '\0';
    fx_make(&fx, 2, content);
    shop_open(&s);
    make_archive(&s, &fx);
    for (unsigned kib = 64; kib <= 704;
         kib += 64) { /* fails at every stage, and at last does not */
        char dir[80], options[40];
        snprintf(dir, sizeof dir, "%s/m", s.dir);
        snprintf(options, sizeof options, "size=%uk,mode=0700", kib);
        assert_int_equal(wc_fs_mkdirs(dir, 0700, NULL), 0);
        assert_int_equal(mount("tmpfs", dir, "tmpfs", 0, options), 0);
        shop_open_in(&small, dir);
        int rc = shop_load(&small, s.archive, NULL);
        if (kib < 600) {
            assert_int_equal(rc, WC_ERR_IO);
            assert_int_equal(small.err.sys, ENOSPC);
            shop_holds(&small, 0, 0);
        }
        if (kib == 704)
            assert_int_equal(rc, 0);
        wc_image_store_close(small.store);
        wc_arena_deinit(&small.arena);
        assert_int_equal(umount2(dir, MNT_DETACH), 0);
    }
    wc_free(content);
    shop_close(&s);
    fx_free(&fx);
}

WC_MAIN(WC_CASE(finding), WC_CASE(what_info_says), WC_CASE(listing), WC_CASE(sharing_and_removing),
        WC_CASE(used_images_stay), WC_CASE(used_meanwhile), WC_CASE(tag_moves),
        WC_CASE(missing_layer_comes_back), WC_CASE(leftovers_are_swept),
        WC_CASE(index_stays_readable), WC_CASE(broken_store_is_told), WC_CASE(crowd),
        WC_CASE(killed_at_any_time), WC_CASE(full_disk))
