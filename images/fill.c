/* fill.c - the statements that make files. */
#include "images/fill.h"

#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"
#include "base/run.h"

struct account {
    const char *name;
    int64_t uid, gid; /* uid -1: a group only */
    const char *home, *shell;
};

struct fill {
    struct wc_arena *arena;
    struct wc_tree *tree;
    const char *root;
    struct account *accounts;
    size_t n_accounts, cap;
};

static int bad(const struct wc_recipe_item *item, const char *what, const char *value,
               struct wc_err *err)
{
    return wc_err_at(err, WC_ERR_SPEC, item->at, "%s '%.100s'", what, value);
}

static const char *arg(const struct wc_recipe_item *item, size_t i, const char *fallback)
{
    return i < item->args.n ? item->args.items[i] : fallback;
}

static void add_account(struct fill *f, const struct account *account)
{
    f->accounts = wc_arena_grow(f->arena, f->accounts, f->n_accounts, &f->cap, sizeof *f->accounts);
    f->accounts[f->n_accounts++] = *account;
}

/* Reads "postgres", "postgres:postgres" or "999:999". */
static bool read_owner(const struct fill *f, const char *text, uint32_t *uid, uint32_t *gid)
{
    const char *colon = strchr(text, ':');
    size_t len = colon == NULL ? strlen(text) : (size_t)(colon - text);
    const char *user = wc_arena_strndup(f->arena, text, len);
    const char *group = colon == NULL ? user : colon + 1;
    int64_t u = -1, g = -1;
    for (size_t i = 0; i < f->n_accounts; i++) {
        const struct account *a = &f->accounts[i];
        if (a->uid >= 0 && wc_streq(a->name, user)) {
            u = a->uid;
            g = colon == NULL ? a->gid : g;
        }
        if (colon != NULL && wc_streq(a->name, group))
            g = a->gid;
    }
    if (u < 0 && !wc_str_to_i64(user, 0, INT32_MAX, &u))
        return false;
    if (g < 0 && !wc_str_to_i64(group, 0, INT32_MAX, &g))
        return false;
    *uid = (uint32_t)u;
    *gid = (uint32_t)g;
    return true;
}

static bool read_mode(const char *text, mode_t *mode)
{
    size_t len = strlen(text);
    if (len == 0 || len > 5 || strspn(text, "01234567") != len)
        return false;
    mode_t value = 0;
    for (; *text != '\0'; text++)
        value = value * 8 + (mode_t)(*text - '0');
    *mode = value;
    return value <= 07777;
}

/* dir PATH [MODE [OWNER]], file PATH [MODE [OWNER]] <<END, add SOURCE PATH [MODE [OWNER]] */
static int put_path(struct fill *f, const struct wc_recipe_item *item, struct wc_err *err)
{
    size_t first = item->word == WC_RECIPE_ADD ? 1 : 0;
    bool dir = item->word == WC_RECIPE_DIR;
    struct wc_tree_node node = { .path = item->args.items[first],
                                 .text = item->text,
                                 .size = item->text_len };
    mode_t mode = 0;
    if (!read_mode(arg(item, first + 1, dir ? "755" : "644"), &mode))
        return bad(item, "not a mode in octal:", arg(item, first + 1, ""), err);
    if (!read_owner(f, arg(item, first + 2, "0:0"), &node.uid, &node.gid))
        return bad(item,
                   "no such user (declare it above, or give numbers):", arg(item, first + 2, ""),
                   err);
    node.mode = (dir ? S_IFDIR : S_IFREG) | mode;
    wc_tree_put(f->tree, &node);
    return 0;
}

static int put_user(struct fill *f, const struct wc_recipe_item *item, struct wc_err *err)
{
    struct account a = { .name = item->args.items[0],
                         .uid = -1,
                         .home = arg(item, 3, "/nonexistent"),
                         .shell = arg(item, 4, "/bin/false") };
    bool is_user = item->word == WC_RECIPE_USER;
    if (is_user && !wc_str_to_i64(item->args.items[1], 0, 65534, &a.uid))
        return bad(item, "not a user number:", item->args.items[1], err);
    const char *gid = item->args.items[is_user ? 2 : 1];
    if (!wc_str_to_i64(gid, 0, 65534, &a.gid))
        return bad(item, "not a group number:", gid, err);
    if (strpbrk(a.name, ":\n/") != NULL)
        return bad(item, "not a user name:", a.name, err);
    add_account(f, &a);
    return 0;
}

/* Path of a program of the packages, to be run here: a file of theirs, whatever links say. */
static int program_path(const struct fill *f, const char *path, const char **out,
                        struct wc_err *err)
{
    const char *real = wc_tree_real(f->tree, path);
    if (real == NULL)
        return wc_err_set(err, WC_ERR_SPEC, 0, "none of the packages has the program %.100s", path);
    *out = wc_arena_printf(f->arena, "%s/%s", f->root, real);
    return 0;
}

/* Links for every command that busybox has and nothing else took the name of. */
static int put_applets(struct fill *f, const struct wc_recipe_item *item, struct wc_err *err)
{
    const char *busybox = item->args.items[0];
    const char *slash = strrchr(busybox, '/');
    const char *dir =
        wc_arena_strndup(f->arena, busybox, slash == NULL ? 0 : (size_t)(slash - busybox));
    const char *name = slash == NULL ? busybox : slash + 1;
    const char *argv[] = { NULL, "--list", NULL };
    WC_CLEANUP_BUF struct wc_buf list = WC_BUF_INIT;
    int rc = wc_tree_take(f->tree, busybox, err);
    if (rc == 0)
        rc = program_path(f, busybox, &argv[0], err);
    if (rc == 0)
        rc = wc_run(argv, NULL, &list, err);
    for (char *line = list.data; rc == 0 && list.len > 0 && *line != '\0';) {
        size_t len = strcspn(line, "\n");
        const char *path = wc_arena_printf(f->arena, "%s/%.*s", dir, (int)len, line);
        line += len + (line[len] == '\n');
        if (len > 0 && !wc_tree_has(f->tree, path))
            wc_tree_put(f->tree, &(struct wc_tree_node){
                                     .path = path, .mode = S_IFLNK | 0777, .target = name });
    }
    return rc;
}

static int take_each(struct fill *f, const struct wc_recipe_item *item, struct wc_err *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < item->args.n; i++) {
        const char *what = item->args.items[i];
        if (item->word == WC_RECIPE_PROGRAM)
            rc = wc_tree_take(f->tree, what, err);
        else if (item->word == WC_RECIPE_LIBRARY)
            rc = wc_tree_library(f->tree, what, err);
        else
            rc = wc_tree_copy(f->tree, what, err);
    }
    return rc;
}

static int put_item(struct fill *f, const struct wc_recipe_item *item, struct wc_err *err)
{
    switch (item->word) {
    case WC_RECIPE_PROGRAM:
    case WC_RECIPE_LIBRARY:
    case WC_RECIPE_COPY:
        return take_each(f, item, err);
    case WC_RECIPE_APPLETS:
        return put_applets(f, item, err);
    case WC_RECIPE_DIR:
    case WC_RECIPE_FILE:
    case WC_RECIPE_ADD:
        return put_path(f, item, err);
    case WC_RECIPE_GROUP:
    case WC_RECIPE_USER:
        return put_user(f, item, err);
    case WC_RECIPE_LINK:
        wc_tree_put(f->tree, &(struct wc_tree_node){ .path = item->args.items[0],
                                                     .mode = S_IFLNK | 0777,
                                                     .target = item->args.items[1] });
        return 0;
    case WC_RECIPE_USE:
    case WC_RECIPE_TAG:
    case WC_RECIPE_PACKAGES:
    case WC_RECIPE_DEPENDS:
    case WC_RECIPE_WITHOUT:
    case WC_RECIPE_SKIP:
    case WC_RECIPE_ENV:
    case WC_RECIPE_ENTRYPOINT:
    case WC_RECIPE_CMD:
    case WC_RECIPE_WORKDIR:
    case WC_RECIPE_RUN_AS:
    case WC_RECIPE_EXPOSE:
    case WC_RECIPE_VOLUME:
    case WC_RECIPE_STOPSIGNAL:
    case WC_RECIPE_HEALTHCHECK:
    case WC_RECIPE_LABEL:
        return 0; /* about packages or the configuration */
    }
    return 0;
}

static void put_text(struct fill *f, const char *path, struct wc_buf *text)
{
    wc_tree_put(f->tree,
                &(struct wc_tree_node){ .path = path,
                                        .mode = S_IFREG | 0644,
                                        .text = wc_arena_strndup(f->arena, text->data, text->len),
                                        .size = text->len });
}

/* What every image has: the directories of a root file system, merged as Debian's are. */
static void put_skeleton(struct fill *f)
{
    static const struct {
        const char *path;
        mode_t mode;
        const char *target;
    } rows[] = {
        { "usr/bin", 0755, NULL },   { "usr/sbin", 0755, NULL },  { "usr/lib", 0755, NULL },
        { "usr/lib64", 0755, NULL }, { "bin", 0, "usr/bin" },     { "sbin", 0, "usr/sbin" },
        { "lib", 0, "usr/lib" },     { "lib64", 0, "usr/lib64" }, { "dev", 0755, NULL },
        { "proc", 0755, NULL },      { "sys", 0755, NULL },       { "etc", 0755, NULL },
        { "home", 0755, NULL },      { "root", 0700, NULL },      { "run", 0755, NULL },
        { "tmp", 01777, NULL },      { "var/tmp", 01777, NULL },  { "var/run", 0, "/run" },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++)
        wc_tree_put(f->tree, &(struct wc_tree_node){ .path = rows[i].path,
                                                     .target = rows[i].target,
                                                     .mode = rows[i].target != NULL
                                                                 ? S_IFLNK | 0777
                                                                 : S_IFDIR | rows[i].mode });
}

static void put_accounts(struct fill *f)
{
    WC_CLEANUP_BUF struct wc_buf passwd = WC_BUF_INIT;
    WC_CLEANUP_BUF struct wc_buf group = WC_BUF_INIT;
    for (size_t i = 0; i < f->n_accounts; i++) {
        const struct account *a = &f->accounts[i];
        if (a->uid >= 0)
            wc_buf_printf(&passwd, "%s:x:%lld:%lld:%s:%s:%s\n", a->name, (long long)a->uid,
                          (long long)a->gid, a->name, a->home, a->shell);
        wc_buf_printf(&group, "%s:x:%lld:\n", a->name, (long long)a->gid);
    }
    put_text(f, "etc/passwd", &passwd);
    put_text(f, "etc/group", &group);
    WC_CLEANUP_BUF struct wc_buf nss = WC_BUF_INIT;
    wc_buf_adds(&nss, "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n");
    if (!wc_tree_has(f->tree, "etc/nsswitch.conf"))
        put_text(f, "etc/nsswitch.conf", &nss);
}

/* Keeps each package's licence. */
static void put_copyrights(struct fill *f, const struct wc_packages *packages)
{
    for (size_t i = 0; i < packages->n; i++) {
        const char *name = packages->items[i].name;
        struct wc_err err = { 0 };
        if (wc_tree_take(f->tree, wc_arena_printf(f->arena, "usr/share/doc/%s/copyright", name),
                         &err) != 0)
            wc_log(WC_LOG_INFO, "images", "package %s: %s", name, err.msg);
    }
}

int wc_recipe_fill(const struct wc_recipe *recipe, const struct wc_packages *packages,
                   const char *root, struct wc_tree *tree, struct wc_err *err)
{
    struct fill f = { .arena = tree->arena, .tree = tree, .root = root };
    const struct account nobody = { "nobody", 65534, 65534, "/nonexistent", "/bin/false" };
    add_account(&f, &(struct account){ "root", 0, 0, "/root", "/bin/sh" });
    put_skeleton(&f);
    for (size_t i = 0; i < recipe->n; i++)
        for (size_t k = 0; recipe->items[i].word == WC_RECIPE_SKIP && k < recipe->items[i].args.n;
             k++)
            wc_strv_add(tree->arena, &tree->skip, recipe->items[i].args.items[k]);
    for (size_t i = 0; i < recipe->n; i++) {
        int rc = put_item(&f, &recipe->items[i], err);
        if (rc != 0) {
            if (err != NULL && err->at.file == NULL)
                err->at = recipe->items[i].at;
            return rc;
        }
    }
    add_account(&f, &nobody);
    put_accounts(&f);
    put_copyrights(&f, packages);
    return wc_tree_close_over(tree, err);
}
