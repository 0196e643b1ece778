// LINK: z
/* test_load.c - every form in which images come, and every way in which they can be broken. */
#include "harness/wc_test.h"

#include "fixture.h"

#define NAME_NOTE(text) "{\"org.opencontainers.image.ref.name\":\"" text "\"}"

static void check_loaded(struct shop *s, const char *reference)
{
    struct wc_image_info info;
    assert_int_equal(s->loaded.n, 1);
    assert_string_equal(s->loaded.items[0], reference);
    if (wc_image_resolve(s->store, reference, &s->arena, &info, &s->err) != 0)
        fail_msg("%s", s->err.msg);
    assert_string_equal(info.reference, reference);
    assert_int_equal(info.layers.n, 2);
    for (size_t i = 0; i < 2; i++) {
        char path[300], name[16];
        struct wc_buf text = WC_BUF_INIT;
        snprintf(name, sizeof name, "layer%zu", i);
        snprintf(path, sizeof path, "%s/%s", info.layers.items[i], name);
        assert_int_equal(wc_fs_read(path, 100, &text, NULL), 0);
        assert_string_equal(text.data, name);
        wc_buf_deinit(&text);
    }
    shop_holds(s, 4, 2);
}

static void oci_directory(void **state)
{
    (void)state;
    struct fx fx;
    struct shop s;
    fx_make(&fx, 2, "");
    shop_open(&s);
    fx_put_oci(&fx, NAME_NOTE("app:1"), fx_put_dir, s.layout);
    char source[100];
    snprintf(source, sizeof source, "oci:%s", s.layout);
    assert_int_equal(shop_load(&s, source, NULL), 0);
    check_loaded(&s, "docker.io/library/app:1");
    assert_int_equal(shop_load(&s, s.layout, NULL), 0); /* plain path, and again */
    check_loaded(&s, "docker.io/library/app:1");
    shop_close(&s);
    fx_free(&fx);
}

static void oci_archive(void **state)
{
    (void)state;
    struct fx fx;
    struct shop s;
    struct wc_buf tar = WC_BUF_INIT;
    fx_make(&fx, 2, "");
    shop_open(&s);
    fx_put_oci(&fx, NAME_NOTE("ghcr.io/me/app:2"), fx_put_tar, &tar);
    tar_end(&tar);
    assert_int_equal(shop_load_tar(&s, &tar, NULL), 0);
    check_loaded(&s, "ghcr.io/me/app:2");
    char source[120];
    snprintf(source, sizeof source, "oci-archive:%s", s.archive);
    assert_int_equal(shop_load(&s, source, NULL), 0);
    check_loaded(&s, "ghcr.io/me/app:2");
    snprintf(source, sizeof source, "docker-archive:%s", s.archive);
    assert_int_equal(shop_load(&s, source, NULL), WC_ERR_SPEC);
    assert_non_null(strstr(s.err.msg, "manifest.json"));
    wc_buf_deinit(&tar);
    shop_close(&s);
    fx_free(&fx);
}

static void docker_archive(void **state)
{
    (void)state;
    for (int linked = 0; linked < 2; linked++) {
        struct fx fx;
        struct shop s;
        struct wc_buf tar = WC_BUF_INIT;
        fx_make(&fx, 2, "");
        shop_open(&s);
        fx_put_docker(&fx, "[\"app:3\"]", linked == 1, &tar);
        assert_int_equal(shop_load_tar(&s, &tar, NULL), 0);
        check_loaded(&s, "docker.io/library/app:3");
        char id[80];
        struct wc_image_info info;
        snprintf(id, sizeof id, "sha256:%s", fx.config.hex);
        assert_int_equal(wc_image_resolve(s.store, id, &s.arena, &info, &s.err), 0);
        assert_string_equal(info.id, id); /* the id is docker's */
        wc_buf_deinit(&tar);
        shop_close(&s);
        fx_free(&fx);
    }
}

static void several_tags(void **state)
{
    (void)state;
    struct fx fx;
    struct shop s;
    fx_make(&fx, 2, "");
    shop_open(&s);
    shop_put(&s, &fx, "[\"app:1\",\"app:latest\",\"other/app:1\"]");
    assert_int_equal(s.loaded.n, 3);
    assert_string_equal(s.loaded.items[2], "docker.io/other/app:1");
    shop_holds(&s, 4, 2);
    shop_close(&s);
    fx_free(&fx);
}

static void names(void **state)
{
    (void)state;
    static const struct {
        const char *notes, *given, *reference; /* NULL: the image's id */
    } rows[] = {
        { NAME_NOTE("latest"), NULL, "docker.io/library/a:latest" }, /* from "a.tar" */
        { NAME_NOTE("1.2"), NULL, "docker.io/library/a:1.2" },
        { NAME_NOTE("latest"), "mine:7", "docker.io/library/mine:7" },
        { NAME_NOTE("busybox"), "mine:7", "docker.io/library/mine:7" }, /* what is asked for wins */
        { "{\"io.containerd.image.name\":\"docker.io/library/x:9\","
          "\"org.opencontainers.image.ref.name\":\"9\"}",
          NULL, "docker.io/library/x:9" },
        { "{}", "mine", "docker.io/library/mine:latest" },
        { "{}", NULL, NULL },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct fx fx;
        struct shop s;
        struct wc_buf tar = WC_BUF_INIT;
        char id[80];
        fx_make(&fx, 2, "");
        shop_open(&s);
        fx_put_oci(&fx, rows[i].notes, fx_put_tar, &tar);
        tar_end(&tar);
        assert_int_equal(shop_load_tar(&s, &tar, rows[i].given), 0);
        snprintf(id, sizeof id, "sha256:%s", fx.config.hex);
        check_loaded(&s, rows[i].reference == NULL ? id : rows[i].reference);
        wc_buf_deinit(&tar);
        shop_close(&s);
        fx_free(&fx);
    }
}

static void platform_list(void **state)
{
    (void)state;
    struct fx ours, theirs;
    struct shop s;
    fx_make(&ours, 2, "");
    fx_make(&theirs, 1, "foreign");
    for (int only_foreign = 0; only_foreign < 2; only_foreign++) {
        struct wc_buf tar = WC_BUF_INIT, text = WC_BUF_INIT;
        struct fx_blob list = { .text = WC_BUF_INIT };
        shop_open(&s);
        wc_buf_printf(
            &list.text,
            "{\"manifests\":[{\"digest\":\"sha256:%s\",\"size\":%zu,\"platform\":{\"os\":"
            "\"linux\",\"architecture\":\"%s\"}},{\"digest\":\"sha256:%s\",\"size\":%zu,"
            "\"platform\":{\"os\":\"windows\",\"architecture\":\"amd64\"}},{\"digest\":\"sha256:%"
            "s\","
            "\"size\":1,\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"}}]}",
            only_foreign ? theirs.manifest.hex : ours.manifest.hex,
            only_foreign ? theirs.manifest.text.len : ours.manifest.text.len,
            only_foreign ? "pdp11" : wc_host_architecture(), theirs.manifest.hex,
            theirs.manifest.text.len, theirs.layers[0].hex);
        fx_hash(&list);
        wc_buf_printf(
            &text, "{\"manifests\":[{\"digest\":\"sha256:%s\",\"size\":%zu,\"annotations\":%s}]}",
            list.hex, list.text.len, NAME_NOTE("multi:1"));
        fx_put_oci(&ours, "{}", fx_put_tar, &tar);
        fx_put_oci(&theirs, "{}", fx_put_tar, &tar);
        fx_put_blob(fx_put_tar, &tar, &list);
        fx_put_tar(&tar, "index.json", &text); /* a later member replaces an earlier one */
        tar_end(&tar);
        int rc = shop_load_tar(&s, &tar, NULL);
        if (only_foreign) {
            assert_int_equal(rc, WC_ERR_NOENT);
            assert_non_null(strstr(s.err.msg, "made for"));
            shop_holds(&s, 0, 0);
        } else {
            struct wc_image_info info;
            char by_list[160];
            assert_int_equal(rc, 0);
            snprintf(by_list, sizeof by_list, "multi@sha256:%s", list.hex);
            assert_int_equal(wc_image_resolve(s.store, by_list, &s.arena, &info, &s.err), 0);
            assert_int_equal(info.layers.n, 2);
        }
        wc_buf_deinit(&tar);
        wc_buf_deinit(&text);
        wc_buf_deinit(&list.text);
        shop_close(&s);
    }
    fx_free(&ours);
    fx_free(&theirs);
}

/* Changes one thing of a sound archive; every change must be found, and leave nothing. */
enum harm {
    HARM_LAYER_BYTES,
    HARM_LAYER_SIZE,
    HARM_NO_LAYER,
    HARM_NO_CONFIG,
    HARM_DIFF_ID,
    HARM_FEWER_DIFF_IDS,
    HARM_CUT,
    HARM_NO_MANIFEST_JSON,
    HARM_NOT_JSON,
    HARM_NO_IMAGE,
    HARM_BAD_NAME,
    HARM_COUNT
};

static void do_harm(struct fx *fx, enum harm harm)
{
    if (harm == HARM_LAYER_BYTES)
        fx->layers[1].text.data[600]++;
    if (harm == HARM_LAYER_SIZE)
        wc_buf_addc(&fx->layers[1].text, '\0');
    if (harm != HARM_DIFF_ID && harm != HARM_FEWER_DIFF_IDS)
        return;
    struct wc_buf *c = &fx->config.text;
    char *id = strstr(c->data, fx->layers[1].hex);
    assert_non_null(id);
    if (harm == HARM_DIFF_ID) {
        id[0] = id[0] == '0' ? '1' : '0';
    } else {
        c->len = (size_t)(id - c->data) - strlen(",\"sha256:");
        wc_buf_adds(c, "]}}");
    }
    char old[WC_SHA256_HEX + 1];
    memcpy(old, fx->config.hex, sizeof old);
    fx_hash(&fx->config);
    char *digest = strstr(fx->manifest.text.data, old);
    memcpy(digest, fx->config.hex, WC_SHA256_HEX);
    fx_hash(&fx->manifest);
    /* the size is checked before the content, so it has to be right */
    char *size = strstr(digest, "\"size\":") + 7;
    char number[16];
    snprintf(number, sizeof number, "%zu", c->len);
    assert_int_equal(strspn(size, "0123456789"), strlen(number));
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): digits are replaced within a text */
    memcpy(size, number, strlen(number));
    fx_hash(&fx->manifest);
}

static void harmed_oci(enum harm harm)
{
    struct fx fx;
    struct shop s;
    struct wc_buf tar = WC_BUF_INIT;
    fx_make(&fx, 2, "content that is long enough");
    do_harm(&fx, harm);
    shop_open(&s);
    fx_put_oci(&fx, harm == HARM_BAD_NAME ? NAME_NOTE("BAD NAME/x:1") : NAME_NOTE("app:1"),
               fx_put_tar, &tar);
    const struct wc_buf not_json = { (char[]){ "{]" }, 2, 0 }, none = { (char[]){ "{}" }, 2, 0 };
    char hidden[100];
    const char *gone = harm == HARM_NO_LAYER    ? fx.layers[1].hex
                       : harm == HARM_NO_CONFIG ? fx.config.hex
                                                : NULL;
    if (gone != NULL) { /* a member by that name that is only a dangling link */
        snprintf(hidden, sizeof hidden, "blobs/sha256/%s", gone);
        tar_link(&tar, '2', hidden, "nowhere");
    }
    if (harm == HARM_NO_MANIFEST_JSON)
        tar_link(&tar, '2', "index.json", "index.json");
    if (harm == HARM_NOT_JSON)
        fx_put_tar(&tar, "index.json", &not_json);
    if (harm == HARM_NO_IMAGE)
        fx_put_tar(&tar, "index.json", &none);
    tar_end(&tar);
    if (harm == HARM_CUT)
        tar.len -= 3000;
    int rc = shop_load_tar(&s, &tar, NULL);
    if (rc != WC_ERR_SPEC)
        fail_msg("harm %d: %d %s", (int)harm, rc, s.err.msg);
    assert_true(s.err.msg[0] != '\0');
    assert_int_equal(s.loaded.n, 0);
    shop_holds(&s, 0, 0);
    wc_buf_deinit(&tar);
    shop_close(&s);
    fx_free(&fx);
}

static void harmed_archives(void **state)
{
    (void)state;
    for (enum harm harm = 0; harm < HARM_COUNT; harm++)
        harmed_oci(harm);
}

/* In a layout directory the blobs are found by name: content, size and kind must fit. */
static void harmed_directory(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        struct fx fx;
        struct shop s;
        char path[300];
        fx_make(&fx, 2, "");
        shop_open(&s);
        fx_put_oci(&fx, NAME_NOTE("app:1"), fx_put_dir, s.layout);
        snprintf(path, sizeof path, "%s/blobs/sha256/%s", s.layout, fx.layers[1].hex);
        assert_int_equal(unlink(path), 0);
        if (kind == 1)
            assert_int_equal(wc_fs_write_atomic(path, "short", 5, 0644, false, NULL), 0);
        if (kind == 2)
            assert_int_equal(symlink("/dev/zero", path), 0); /* endless */
        if (kind == 3)
            assert_int_equal(mkfifo(path, 0644), 0); /* must not wait for a writer */
        assert_int_equal(shop_load(&s, s.layout, NULL), WC_ERR_SPEC);
        shop_holds(&s, 0, 0);
        shop_close(&s);
        fx_free(&fx);
    }
}

static void harmed_docker(void **state)
{
    (void)state;
    struct fx fx;
    struct shop s;
    struct wc_buf tar = WC_BUF_INIT;
    fx_make(&fx, 2, "");
    fx.layers[1].text.data[600]++; /* blobs have no digest here: the diff id finds it */
    shop_open(&s);
    fx_put_docker(&fx, "[\"app:1\"]", false, &tar);
    assert_int_equal(shop_load_tar(&s, &tar, NULL), WC_ERR_SPEC);
    shop_holds(&s, 0, 0);
    fx.layers[1].text.data[600]--;
    char *env = strstr(fx.config.text.data, "A=1");
    env[2] = '2'; /* a configuration whose name is its digest */
    wc_buf_reset(&tar);
    fx_put_docker(&fx, "[\"app:1\"]", false, &tar);
    assert_int_equal(shop_load_tar(&s, &tar, NULL), WC_ERR_SPEC);
    assert_non_null(strstr(s.err.msg, "corrupt"));
    shop_holds(&s, 0, 0);
    wc_buf_deinit(&tar);
    shop_close(&s);
    fx_free(&fx);
}

static void refuse_tar(struct shop *s, struct wc_buf *tar, int code, const char *says)
{
    int rc = shop_load_tar(s, tar, NULL);
    if (rc != code || strstr(s->err.msg, says) == NULL)
        fail_msg("%s: %d %s", says, rc, s->err.msg);
    shop_holds(s, 0, 0);
    wc_buf_reset(tar);
}

/* What an archive may cost in memory and inodes is bounded, whatever its members are called. */
static void crowded_archives(void **state)
{
    (void)state;
    struct shop s;
    struct wc_buf tar = WC_BUF_INIT;
    char name[2000];
    shop_open(&s);
    for (int i = 0; i < 100001; i++)
        tar_dir(&tar, "same");
    tar_end(&tar);
    refuse_tar(&s, &tar, WC_ERR_LIMIT, "more than 100000");
    memset(name, 'n', sizeof name);
    tar_pax(&tar, "path", name, sizeof name);
    tar_file(&tar, "short", "x");
    tar_end(&tar);
    refuse_tar(&s, &tar, WC_ERR_LIMIT, "longer than");
    tar_pax(&tar, "linkpath", name, sizeof name);
    tar_link(&tar, '2', "link", "short");
    tar_end(&tar);
    refuse_tar(&s, &tar, WC_ERR_LIMIT, "longer than");
    wc_buf_deinit(&tar);
    shop_close(&s);
}

/* More names or layers than can be meant. */
static void crowded_images(void **state)
{
    (void)state;
    struct fx fx;
    struct shop s;
    struct wc_buf tar = WC_BUF_INIT, text = WC_BUF_INIT;
    fx_make(&fx, 1, "");
    shop_open(&s);
    wc_buf_adds(&text, "[\"a:0\"");
    for (int i = 1; i <= 1000; i++)
        wc_buf_printf(&text, ",\"a:%d\"", i);
    wc_buf_adds(&text, "]");
    fx_put_docker(&fx, text.data, false, &tar);
    refuse_tar(&s, &tar, WC_ERR_LIMIT, "more than 1000");
    wc_buf_reset(&text);
    wc_buf_adds(&text, "[{\"Config\":\"c.json\",\"Layers\":[\"l\"");
    struct wc_buf config = WC_BUF_INIT;
    wc_buf_printf(&config, "{\"rootfs\":{\"diff_ids\":[\"sha256:%s\"", fx.layers[0].hex);
    for (int i = 1; i <= 200; i++) {
        wc_buf_adds(&text, ",\"l\"");
        wc_buf_printf(&config, ",\"sha256:%s\"", fx.layers[0].hex);
    }
    wc_buf_adds(&text, "]}]");
    wc_buf_adds(&config, "]}}");
    fx_put_tar(&tar, "l", &fx.layers[0].text);
    fx_put_tar(&tar, "c.json", &config);
    fx_put_tar(&tar, "manifest.json", &text);
    tar_end(&tar);
    refuse_tar(&s, &tar, WC_ERR_LIMIT, "201 layers");
    wc_buf_deinit(&config);
    wc_buf_deinit(&text);
    wc_buf_deinit(&tar);
    shop_close(&s);
    fx_free(&fx);
}

/* Layers are filed by the start of their diff id: one that only starts alike is not the same. */
static void layers_that_start_alike(void **state)
{
    (void)state;
    struct fx fx;
    struct shop s;
    struct wc_buf tar = WC_BUF_INIT;
    fx_make(&fx, 2, "");
    char *id = strstr(fx.config.text.data, fx.layers[1].hex);
    memcpy(id, fx.layers[0].hex, 16);
    memset(id + 16, 'a', 48);
    fx_hash(&fx.config);
    shop_open(&s);
    fx_put_docker(&fx, "[\"app:1\"]", false, &tar);
    refuse_tar(&s, &tar, WC_ERR_CONFLICT, "can't be told from");
    wc_buf_deinit(&tar);
    shop_close(&s);
    fx_free(&fx);
}

/* The manifest's type goes into the store's index: only the two that there are. */
static void odd_manifest_type(void **state)
{
    (void)state;
    struct fx fx;
    struct shop s;
    struct wc_buf tar = WC_BUF_INIT;
    fx_make(&fx, 1, "");
    struct wc_buf *m = &fx.manifest.text;
    m->len--; /* the brace */
    wc_buf_adds(m, ",\"mediaType\":\"application/odd\"}");
    fx_hash(&fx.manifest);
    shop_open(&s);
    fx_put_oci(&fx, NAME_NOTE("app:1"), fx_put_tar, &tar);
    tar_end(&tar);
    refuse_tar(&s, &tar, WC_ERR_SPEC, "application/odd");
    wc_buf_deinit(&tar);
    shop_close(&s);
    fx_free(&fx);
}

static void no_such_source(void **state)
{
    (void)state;
    struct shop s;
    shop_open(&s);
    assert_int_equal(shop_load(&s, "/tmp/no/such/file.tar", NULL), WC_ERR_NOENT);
    assert_int_equal(shop_load(&s, "oci:/tmp/no/such/dir", NULL), WC_ERR_NOENT);
    assert_int_equal(shop_load(&s, "/proc", NULL), WC_ERR_SPEC);
    char pipe[120];
    assert_int_equal(mkdir(s.layout, 0700), 0);
    snprintf(pipe, sizeof pipe, "%s/index.json", s.layout);
    assert_int_equal(mkfifo(pipe, 0600), 0); /* must not wait for a writer */
    assert_int_equal(shop_load(&s, s.layout, NULL), WC_ERR_SPEC);
    struct wc_buf text = WC_BUF_INIT;
    wc_buf_adds(&text, "just a text file, nothing else in here");
    assert_int_equal(shop_load_tar(&s, &text, NULL), WC_ERR_SPEC);
    assert_non_null(strstr(s.err.msg, "a.tar"));
    wc_buf_deinit(&text);
    shop_holds(&s, 0, 0);
    shop_close(&s);
}

WC_MAIN(WC_CASE(oci_directory), WC_CASE(oci_archive), WC_CASE(docker_archive),
        WC_CASE(several_tags), WC_CASE(names), WC_CASE(platform_list), WC_CASE(harmed_archives),
        WC_CASE(harmed_directory), WC_CASE(harmed_docker), WC_CASE(crowded_archives),
        WC_CASE(crowded_images), WC_CASE(layers_that_start_alike), WC_CASE(odd_manifest_type),
        WC_CASE(no_such_source))
