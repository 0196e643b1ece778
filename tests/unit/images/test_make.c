/* test_make.c - recipes and making images, with an apt-get and a dpkg-deb of our own, so that
 * neither network nor packages are needed. */
#include "harness/wc_test.h"

#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>

#include "fixture.h"
#include "images/elf.h"
#include "images/recipe.h"
#include "images/store.h"

/* A program that needs `interpreter` (may be "") and n libraries. */
static void make_elf(struct wc_buf *out, const char *interpreter, const char *const *needed,
                     size_t n)
{
    enum { BASE = 0x400000, PHDRS = 3 };
    Elf64_Ehdr head = { .e_phoff = sizeof head,
                        .e_phentsize = sizeof(Elf64_Phdr),
                        .e_phnum = PHDRS };
    Elf64_Dyn dynamic[8] = { { .d_tag = DT_NULL } };
    struct wc_buf strings = WC_BUF_INIT;
    wc_buf_addc(&strings, '\0');
    for (size_t i = 0; i < n; i++) {
        dynamic[i].d_tag = DT_NEEDED;
        dynamic[i].d_un.d_val = strings.len;
        wc_buf_add(&strings, needed[i], strlen(needed[i]) + 1);
    }
    uint64_t at = sizeof head + PHDRS * sizeof(Elf64_Phdr);
    uint64_t strings_at = at + sizeof dynamic, interp_at = strings_at + strings.len;
    dynamic[n].d_tag = DT_STRTAB;
    dynamic[n].d_un.d_ptr = BASE + strings_at;
    dynamic[n + 1].d_tag = DT_NULL;
    memcpy(head.e_ident, ELFMAG, SELFMAG);
    head.e_ident[EI_CLASS] = ELFCLASS64;
    head.e_ident[EI_DATA] = ELFDATA2LSB;
    Elf64_Phdr phdrs[PHDRS] = {
        { .p_type = PT_LOAD, .p_vaddr = BASE, .p_filesz = interp_at + strlen(interpreter) + 1 },
        { .p_type = PT_DYNAMIC, .p_offset = at, .p_filesz = sizeof dynamic },
        { .p_type = *interpreter == '\0' ? PT_NULL : PT_INTERP, .p_offset = interp_at },
    };
    wc_buf_add(out, &head, sizeof head);
    wc_buf_add(out, phdrs, sizeof phdrs);
    wc_buf_add(out, dynamic, sizeof dynamic);
    wc_buf_add(out, strings.data, strings.len);
    wc_buf_add(out, interpreter, strlen(interpreter) + 1);
    wc_buf_deinit(&strings);
}

/* A store, recipe files, and fake tools in front of PATH. */
struct forge {
    struct shop shop;
    char bin[96], pool[96], recipes[96], log[96];
    const char *reference;
    bool made;
};

static void put_file(const char *dir, const char *name, const char *text, size_t len, mode_t mode)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(wc_fs_mkdirs(dir, 0755, NULL), 0);
    assert_int_equal(wc_fs_write_atomic(path, text, len, mode, false, NULL), 0);
}

static void put_script(const struct forge *f, const char *name, const char *body)
{
    struct wc_buf text = WC_BUF_INIT;
    wc_buf_printf(&text, "#!/bin/sh\npool='%s'\nlog='%s'\n%s", f->pool, f->log, body);
    put_file(f->bin, name, text.data, text.len, 0755);
    wc_buf_deinit(&text);
}

/* Adds a package; its files are the tar. */
static void put_package(const struct forge *f, const char *name, struct wc_buf *tar)
{
    char file[128], copyright[128];
    snprintf(copyright, sizeof copyright, "./usr/share/doc/%s/copyright", name);
    tar_file(tar, copyright, "free\n");
    tar_end(tar);
    snprintf(file, sizeof file, "%s_1%%3a2-3_all.deb", name);
    put_file(f->pool, file, tar->data, tar->len, 0644);
    wc_buf_deinit(tar);
}

static void put_recipe(const struct forge *f, const char *name, const char *text)
{
    put_file(f->recipes, name, text, strlen(text), 0644);
}

static void forge_open(struct forge *f)
{
    char path[4096];
    shop_open(&f->shop);
    snprintf(f->bin, sizeof f->bin, "%s/bin", f->shop.dir);
    snprintf(f->pool, sizeof f->pool, "%s/pool", f->shop.dir);
    snprintf(f->recipes, sizeof f->recipes, "%s/recipes", f->shop.dir);
    snprintf(f->log, sizeof f->log, "%s/log", f->shop.dir);
    snprintf(path, sizeof path, "%s:/usr/bin:/bin:/usr/sbin:/sbin", f->bin);
    assert_int_equal(setenv("PATH", path, 1), 0);
    put_script(f, "dpkg-deb", "cat \"$2\"\n");
    put_script(
        f, "apt-get",
        "echo \"$*\" >>\"$log\"\n"
        "for a; do case $a in *=*/lists) lists=1;; *missing*) echo \"E: Unable to locate "
        "package missing\" >&2; exit 100;; esac; done\n"
        "for a; do case $a in\n"
        "--print-uris) cd \"$pool\" && for d in *.deb; do echo \"'http://x/$d' $d 1 \"; done;"
        " exit 0;;\n"
        "download) [ -e \"$pool/stale\" ] && [ -z \"$lists\" ] && { echo 'E: 404  Not Found'"
        " >&2; exit 100; }; cp \"$pool\"/*.deb .;;\n"
        "esac; done\n");
    static const char *const needs[] = { "libone.so.1" }, *const more[] = { "libtwo.so.2" };
    struct wc_buf tool = WC_BUF_INIT, one = WC_BUF_INIT, two = WC_BUF_INIT;
    struct wc_buf elf = WC_BUF_INIT;
    make_elf(&elf, "/lib64/ld.so", needs, 1);
    tar_add(
        &tool,
        (struct tar_entry){
            .name = "./bin/tool", .type = '0', .mode = 0755, .data = elf.data, .len = elf.len });
    tar_link(&tool, '2', "./usr/bin/alias", "../../bin/tool");
    tar_file(&tool, "./usr/share/tool/b/data", "data");
    tar_file(&tool, "./usr/share/tool/junk.o", "junk");
    tar_add(&tool, (struct tar_entry){ .name = "./bin/busybox",
                                       .type = '0',
                                       .mode = 0755,
                                       .data = "#!/bin/sh\necho sh\necho ls\necho tool\n" });
    put_package(f, "tool", &tool);
    wc_buf_reset(&elf);
    make_elf(&elf, "", more, 1);
    tar_add(&one, (struct tar_entry){ .name = "./usr/lib/x86_64-linux-gnu/libone.so.1.9",
                                      .type = '0',
                                      .mode = 0644,
                                      .data = elf.data,
                                      .len = elf.len });
    tar_link(&one, '2', "./usr/lib/x86_64-linux-gnu/libone.so.1", "libone.so.1.9");
    put_package(f, "libone1", &one);
    wc_buf_reset(&elf);
    make_elf(&elf, "", NULL, 0);
    tar_add(&two, (struct tar_entry){ .name = "./lib/libtwo.so.2",
                                      .type = '0',
                                      .mode = 0644,
                                      .data = elf.data,
                                      .len = elf.len });
    tar_link(&two, '2', "./lib64/ld.so", "/lib/libtwo.so.2");
    put_package(f, "libtwo2", &two);
    wc_buf_deinit(&elf);
}

static void forge_close(struct forge *f)
{
    shop_close(&f->shop);
}

static int forge_make(struct forge *f, const char *recipe, const char *name, bool force)
{
    const char *const dirs[] = { f->recipes, NULL };
    struct wc_image_make_options options = {
        .recipe = recipe, .name = name, .recipe_dirs = dirs, .force = force
    };
    f->shop.err = (struct wc_err){ 0 };
    int rc = wc_image_make(f->shop.store, &options, &f->shop.arena, &f->reference, &f->made,
                           &f->shop.err);
    char work[128];
    snprintf(work, sizeof work, "%s/make", f->shop.store_dir);
    assert_false(wc_fs_exists(work));
    return rc;
}

static struct wc_image_info forge_info(struct forge *f, const char *name)
{
    struct wc_image_info info;
    if (wc_image_resolve(f->shop.store, name, &f->shop.arena, &info, &f->shop.err) != 0)
        fail_msg("%s", f->shop.err.msg);
    return info;
}

static const char tool_recipe[] = "packages tool  # its libraries come by themselves\n"
                                  "program /usr/bin/alias\n"
                                  "applets /bin/busybox\n"
                                  "copy /usr/share/tool\n"
                                  "skip /usr/share/tool/*.o\n"
                                  "user app 1000 1001 /srv /bin/sh\n"
                                  "dir /srv 1770 app\n"
                                  "file /etc/app.conf 600 app:0 <<END\n"
                                  "a = \"b\" # kept as it is\n"
                                  "END\n"
                                  "env 'A=x y' B=2 A=last\n"
                                  "entrypoint tool --flag\n"
                                  "cmd \"two words\" \\\n  and \\\"more\\\"\n"
                                  "workdir /srv\nrun-as app\nexpose 80/tcp 53/udp\n"
                                  "volume /data\nstopsignal SIGINT\nlabel k=v\n"
                                  "healthcheck interval=5s retries=2 CMD tool ping\n";

static void assert_there(const struct wc_image_info *info, const char *name, mode_t mode)
{
    char path[400];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", info->layers.items[0], name);
    if (lstat(path, &st) != 0)
        fail_msg("no %s", name);
    assert_int_equal(st.st_mode, mode);
}

static void making(void **state)
{
    (void)state;
    struct forge f;
    forge_open(&f);
    put_recipe(&f, "app.recipe", tool_recipe);
    if (forge_make(&f, "app", NULL, false) != 0)
        fail_msg("%s", f.shop.err.msg);
    assert_true(f.made);
    assert_string_equal(f.reference, "docker.io/library/app:latest");
    struct wc_image_info info = forge_info(&f, "app");
    static const struct {
        const char *name;
        mode_t mode;
    } files[] = { { "usr/bin/tool", S_IFREG | 0755 },
                  { "usr/bin/alias", S_IFLNK | 0777 },
                  { "usr/bin/ls", S_IFLNK | 0777 }, /* an applet; "tool" is the real one */
                  { "bin", S_IFLNK | 0777 },
                  { "usr/lib/x86_64-linux-gnu/libone.so.1", S_IFLNK | 0777 },
                  { "usr/lib/x86_64-linux-gnu/libone.so.1.9", S_IFREG | 0644 },
                  { "usr/lib/libtwo.so.2", S_IFREG | 0644 },
                  { "usr/lib64/ld.so", S_IFLNK | 0777 },
                  { "usr/share/tool/b/data", S_IFREG | 0644 },
                  { "usr/share/doc/libone1/copyright", S_IFREG | 0644 },
                  { "etc/app.conf", S_IFREG | 0600 },
                  { "etc/passwd", S_IFREG | 0644 },
                  { "srv", S_IFDIR | 01770 },
                  { "tmp", S_IFDIR | 01777 } };
    for (size_t i = 0; i < WC_COUNT(files); i++)
        assert_there(&info, files[i].name, files[i].mode);
    char path[400];
    snprintf(path, sizeof path, "%s/usr/share/tool/junk.o", info.layers.items[0]);
    assert_false(wc_fs_exists(path));
    struct wc_buf text = WC_BUF_INIT;
    snprintf(path, sizeof path, "%s/etc/app.conf", info.layers.items[0]);
    assert_int_equal(wc_fs_read(path, 100, &text, NULL), 0);
    assert_string_equal(text.data, "a = \"b\" # kept as it is\n");
    wc_buf_reset(&text);
    snprintf(path, sizeof path, "%s/etc/passwd", info.layers.items[0]);
    assert_int_equal(wc_fs_read(path, 1000, &text, NULL), 0);
    assert_non_null(strstr(text.data, "app:x:1000:1001:app:/srv:/bin/sh\n"));
    wc_buf_deinit(&text);
    assert_string_equal(info.env.items[1], "A=last");
    assert_string_equal(info.env.items[2], "B=2");
    assert_string_equal(info.entrypoint.items[1], "--flag");
    assert_int_equal(info.cmd.n, 3);
    assert_string_equal(info.cmd.items[0], "two words");
    assert_string_equal(info.cmd.items[2], "\"more\"");
    assert_string_equal(info.user, "app");
    assert_string_equal(info.exposed_ports.items[1], "53/udp");
    assert_int_equal(info.health.interval_ms, 5000);
    assert_int_equal(info.health.test.n, 3);
    forge_close(&f);
}

static size_t log_len(const struct forge *f)
{
    struct stat st;
    return stat(f->log, &st) == 0 ? (size_t)st.st_size : 0;
}

static void not_made_again(void **state)
{
    (void)state;
    struct forge f;
    forge_open(&f);
    put_recipe(&f, "app.recipe", tool_recipe);
    assert_int_equal(forge_make(&f, "app", NULL, false), 0);
    const char *digest = forge_info(&f, "app").digest;
    size_t asked = log_len(&f);
    assert_int_equal(forge_make(&f, "app", NULL, false), 0);
    assert_false(f.made);
    assert_int_equal(forge_make(&f, "app", "other:1", false), 0); /* one more name for it */
    assert_false(f.made);
    assert_string_equal(forge_info(&f, "other:1").digest, digest);
    assert_int_equal(log_len(&f), asked); /* apt wasn't asked */
    assert_int_equal(forge_make(&f, "app", NULL, true), 0);
    assert_true(f.made);
    assert_true(log_len(&f) > asked);
    assert_string_equal(forge_info(&f, "app").digest, digest); /* the same bytes */
    put_recipe(&f, "app.recipe", "packages tool\nprogram /bin/tool\n");
    assert_int_equal(forge_make(&f, "app", NULL, false), 0);
    assert_true(f.made);
    assert_string_not_equal(forge_info(&f, "app").digest, digest);
    forge_close(&f);
}

static void using_and_adding(void **state)
{
    (void)state;
    struct forge f;
    char path[200];
    forge_open(&f);
    put_recipe(&f, "base.recipe", "packages tool\nprogram /bin/tool\ncmd base\n");
    put_recipe(&f, "api.recipe", "use base\ntag me/api:2\nadd api.py /srv/api.py 755\ncmd api\n");
    put_recipe(&f, "api.py", "print(1)\n");
    snprintf(path, sizeof path, "%s/api.recipe", f.recipes);
    assert_int_equal(forge_make(&f, path, NULL, false), 0);
    struct wc_image_info info = forge_info(&f, "me/api:2");
    assert_string_equal(info.cmd.items[0], "api");
    assert_there(&info, "srv/api.py", S_IFREG | 0755);
    assert_int_equal(forge_make(&f, path, NULL, false), 0);
    assert_false(f.made);
    put_recipe(&f, "api.py", "print(2)\n"); /* what is added counts as the recipe's text */
    assert_int_equal(forge_make(&f, path, NULL, false), 0);
    assert_true(f.made);
    put_recipe(&f, "loop.recipe", "use loop\n");
    assert_int_equal(forge_make(&f, "loop", NULL, false), WC_ERR_SPEC);
    forge_close(&f);
}

static void stale_lists(void **state)
{
    (void)state;
    struct forge f;
    forge_open(&f);
    put_file(f.pool, "stale", "", 0, 0644);
    put_recipe(&f, "app.recipe", "packages tool\nprogram /bin/tool\n");
    if (forge_make(&f, "app", NULL, false) != 0)
        fail_msg("%s", f.shop.err.msg);
    struct wc_buf log = WC_BUF_INIT;
    assert_int_equal(wc_fs_read(f.log, 1 << 20, &log, NULL), 0);
    assert_non_null(strstr(log.data, " update\n"));
    wc_buf_deinit(&log);
    forge_close(&f);
}

static void failures(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
        unsigned line; /* 0: no place */
        const char *says;
    } rows[] = {
        { "packages missing\n", WC_ERR_UNAVAILABLE, 0, "Unable to locate package missing" },
        { "packages tool absent\n", WC_ERR_UNAVAILABLE, 0, "'absent'" },
        { "packages tool\n\nprogram /bin/none\n", WC_ERR_SPEC, 3, "/usr/bin/none" },
        { "packages tool\ncopy /usr/share/nothing*\n", WC_ERR_SPEC, 2, "nothing" },
        { "packages tool\nlibrary libthree.so\n", WC_ERR_SPEC, 2, "libthree.so" },
        { "packages tool\nwithout libtwo2\nprogram /bin/tool\n", WC_ERR_SPEC, 0,
          "/usr/bin/tool's loader: none of the packages has" },
        { "dir /a 999\n", WC_ERR_SPEC, 1, "mode" },
        { "dir /a 755 ghost\n", WC_ERR_SPEC, 1, "ghost" },
        { "user a b c\n", WC_ERR_SPEC, 1, "number" },
        { "env NOVALUE\n", WC_ERR_SPEC, 1, "KEY=VALUE" },
        { "healthcheck interval=soon CMD x\n", WC_ERR_SPEC, 1, "soon" },
        { "healthcheck x\n", WC_ERR_SPEC, 1, "CMD" },
        { "tag Bad Tag\n", WC_ERR_SPEC, 1, "argument" },
        { "pakages tool\n", WC_ERR_SPEC, 1, "did you mean 'packages'" },
        { "file /a <<END\nx\n", WC_ERR_SPEC, 1, "END" },
        { "file /a\n", WC_ERR_SPEC, 1, "text" },
        { "cmd 'open\n", WC_ERR_SPEC, 1, "quote" },
        { "add none.py /x\n", WC_ERR_SPEC, 1, "none.py" },
        { "use nothing\n", WC_ERR_SPEC, 1, "nothing" },
        { "link /a\n", WC_ERR_SPEC, 1, "argument" },
    };
    struct forge f;
    forge_open(&f);
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        put_recipe(&f, "bad.recipe", rows[i].text);
        int rc = forge_make(&f, "bad", NULL, false);
        if (rc != rows[i].code || strstr(f.shop.err.msg, rows[i].says) == NULL ||
            f.shop.err.at.line != rows[i].line)
            fail_msg("%s: %d line %u: %s", rows[i].text, rc, f.shop.err.at.line, f.shop.err.msg);
        shop_holds(&f.shop, 0, 0);
    }
    put_recipe(&f, "nginx.recipe", "cmd x\n");
    assert_int_equal(forge_make(&f, "ngnix", NULL, false), WC_ERR_NOENT);
    assert_non_null(strstr(f.shop.err.msg, "did you mean 'nginx'"));
    assert_int_equal(forge_make(&f, "/no/such.recipe", NULL, false), WC_ERR_NOENT);
    forge_close(&f);
}

/* A recipe may come from strangers: it says what is in an image, and runs nothing on the host. */
static void recipes_run_nothing(void **state)
{
    (void)state;
    static const char *const names[] = { "-oAPT::Update::Pre-Invoke::=touch",
                                         "--reinstall",
                                         "tool-",
                                         "./tool.deb",
                                         "tool=1",
                                         "tool/sid",
                                         "tool*",
                                         "t",
                                         "Tool" };
    struct forge f;
    struct wc_buf text = WC_BUF_INIT, tar = WC_BUF_INIT;
    forge_open(&f);
    for (size_t i = 0; i < WC_COUNT(names); i++) {
        wc_buf_reset(&text);
        wc_buf_printf(&text, "cmd x\npackages tool '%s'\n", names[i]);
        put_recipe(&f, "bad.recipe", text.data);
        assert_int_equal(forge_make(&f, "bad", NULL, false), WC_ERR_SPEC);
        assert_non_null(strstr(f.shop.err.msg, names[i]));
        assert_int_equal(f.shop.err.at.line, 2);
    }
    assert_int_equal(log_len(&f), 0); /* apt was not even started */
    char mark[128], host[128];
    snprintf(mark, sizeof mark, "%s/mark", f.shop.dir);
    snprintf(host, sizeof host, "%s/host-program", f.shop.dir);
    wc_buf_reset(&text);
    wc_buf_printf(&text, "#!/bin/sh\n: >%s\necho ls\n", mark);
    put_file(f.shop.dir, "host-program", text.data, text.len, 0755);
    assert_true(strlen(host) < 100);
    tar_link(&tar, '2', "./usr/bin/leads-out", host);
    put_package(&f, "leaver", &tar);
    snprintf(host, sizeof host, "/../../../../..%s/host-program", f.shop.dir);
    const char *const applets[] = { "/usr/bin/leads-out", host };
    for (size_t i = 0; i < WC_COUNT(applets); i++) {
        wc_buf_reset(&text);
        wc_buf_printf(&text, "packages tool leaver\napplets %s\n", applets[i]);
        put_recipe(&f, "bad.recipe", text.data);
        assert_int_equal(forge_make(&f, "bad", NULL, false), WC_ERR_SPEC);
        assert_false(wc_fs_exists(mark));
    }
    wc_buf_deinit(&text);
    forge_close(&f);
}

/* Bytes that move from one added file to the next make another image. */
static void added_files_have_bounds(void **state)
{
    (void)state;
    struct forge f;
    forge_open(&f);
    put_recipe(&f, "two.recipe", "add one /one\nadd two /two\n");
    put_recipe(&f, "one", "ab");
    put_recipe(&f, "two", "c");
    assert_int_equal(forge_make(&f, "two", NULL, false), 0);
    put_recipe(&f, "one", "a");
    put_recipe(&f, "two", "bc");
    assert_int_equal(forge_make(&f, "two", NULL, false), 0);
    assert_true(f.made);
    forge_close(&f);
}

static void *make_other(void *data)
{
    struct forge *f = data;
    assert_int_equal(forge_make(f, "app", "other:1", false), 0);
    return NULL;
}

/* What was found without the lock may be gone when the lock is there: no name for nothing. */
static void removed_while_waiting(void **state)
{
    (void)state;
    struct forge f;
    char path[200];
    pthread_t thread;
    forge_open(&f);
    put_recipe(&f, "app.recipe", "cmd x\n");
    assert_int_equal(forge_make(&f, "app", NULL, false), 0);
    struct wc_image_txn txn;
    assert_int_equal(wc_txn_begin(f.shop.store, NULL, NULL, &txn, &f.shop.err), 0);
    assert_int_equal(wc_txn_lock(&txn, &f.shop.err), 0);
    assert_int_equal(pthread_create(&thread, NULL, make_other, &f), 0);
    usleep(200000); /* it has read the index and waits for us */
    txn.index.n = 0;
    txn.collect = true;
    assert_int_equal(wc_txn_commit(&txn, &f.shop.err), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(f.made);
    assert_int_equal(forge_info(&f, "other:1").layers.n, 1);
    snprintf(path, sizeof path, "%s/tmp", f.shop.store_dir);
    assert_false(wc_fs_exists(path));
    forge_close(&f);
}

/* Every recipe that we ship can be read and names an image. */
static void shipped_recipes(void **state)
{
    (void)state;
    static const char *const names[] = { "busybox", "nginx", "redis", "postgres", "python" };
    static const char *const dirs[] = { WC_SOURCE_DIR "/recipes", NULL };
    struct wc_arena arena;
    wc_arena_init(&arena);
    for (size_t i = 0; i < WC_COUNT(names); i++) {
        struct wc_recipe recipe;
        struct wc_err err = { 0 };
        if (wc_recipe_read(&arena, names[i], dirs, &recipe, &err) != 0)
            fail_msg("%s", err.msg);
        assert_string_equal(recipe.name, names[i]);
        assert_true(recipe.n >= 3);
        assert_int_equal(strlen(recipe.fingerprint), 64);
    }
    wc_arena_deinit(&arena);
}

static void cut_elf_files(void **state)
{
    (void)state;
    static const char *const needs[] = { "liba.so", "libb.so" };
    struct wc_buf elf = WC_BUF_INIT;
    struct wc_elf out;
    struct wc_arena arena;
    wc_arena_init(&arena);
    make_elf(&elf, "/lib/ld.so", needs, 2);
    for (size_t len = 0; len <= elf.len; len++) {
        int fd = memfd_create("elf", MFD_CLOEXEC);
        assert_true(write(fd, elf.data, len) == (ssize_t)len);
        bool good = wc_elf_read(fd, &arena, &out);
        if (len == elf.len) {
            assert_true(good);
            assert_string_equal(out.interpreter, "/lib/ld.so");
            assert_int_equal(out.needed.n, 2);
            assert_string_equal(out.needed.items[1], "libb.so");
        }
        if (len < sizeof(Elf64_Ehdr))
            assert_false(good);
        close(fd);
    }
    wc_arena_deinit(&arena);
    wc_buf_deinit(&elf);
}

WC_MAIN(WC_CASE(making), WC_CASE(not_made_again), WC_CASE(using_and_adding), WC_CASE(stale_lists),
        WC_CASE(failures), WC_CASE(recipes_run_nothing), WC_CASE(added_files_have_bounds),
        WC_CASE(removed_while_waiting), WC_CASE(shipped_recipes), WC_CASE(cut_elf_files))
