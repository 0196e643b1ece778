/* apt.c - apt-get and dpkg-deb by argument vector. The empty status file makes apt resolve as for
 * an empty machine, so that the result doesn't depend on what this one has installed. */
#include "images/apt.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "images/layer.h"
#include "base/run.h"

static void add_all(struct wc_arena *arena, struct wc_strv *argv, const char *const *words,
                    size_t n)
{
    for (size_t i = 0; i < n; i++)
        wc_strv_add(arena, argv, words[i]);
}

static struct wc_strv apt_get(const struct wc_apt *apt)
{
    static const char *const always[] = { "apt-get", "-qq",
                                          "-y",      "--no-install-recommends",
                                          "-o",      "Debug::NoLocking=true",
                                          "-o",      "APT::Sandbox::User=root",
                                          "-o",      "Dir::State::status=/dev/null",
                                          "-o",      "Acquire::Retries=3" };
    struct wc_strv argv = { 0 };
    add_all(apt->arena, &argv, always, WC_COUNT(always));
    /* an archive directory of our own: apt doesn't name what the machine's already holds */
    wc_strv_add(apt->arena, &argv, "-o");
    wc_strv_add(apt->arena, &argv,
                wc_arena_printf(apt->arena, "Dir::Cache::archives=%s/archives", apt->work));
    if (apt->own_lists) {
        wc_strv_add(apt->arena, &argv, "-o");
        wc_strv_add(apt->arena, &argv,
                    wc_arena_printf(apt->arena, "Dir::State::lists=%s/lists", apt->work));
        wc_strv_add(apt->arena, &argv, "-o");
        wc_strv_add(
            apt->arena, &argv,
            wc_arena_printf(apt->arena, "Dir::Cache::srcpkgcache=%s/srcpkgcache.bin", apt->work));
        wc_strv_add(apt->arena, &argv, "-o");
        wc_strv_add(apt->arena, &argv,
                    wc_arena_printf(apt->arena, "Dir::Cache::pkgcache=%s/pkgcache.bin", apt->work));
    }
    return argv;
}

static int run_apt(const struct wc_apt *apt, struct wc_strv *argv, const char *dir,
                   struct wc_buf *out, struct wc_err *err)
{
    wc_strv_add(apt->arena, argv, NULL);
    return wc_run(argv->items, dir, out, err);
}

bool wc_apt_has_lists(void)
{
    DIR *dir = opendir("/var/lib/apt/lists");
    bool found = false;
    const struct dirent *entry;
    while (dir != NULL && !found && (entry = readdir(dir)) != NULL)
        found = strstr(entry->d_name, "_Packages") != NULL;
    if (dir != NULL)
        closedir(dir);
    return found;
}

int wc_apt_update(struct wc_apt *apt, struct wc_err *err)
{
    int rc = wc_fs_mkdirs(wc_arena_printf(apt->arena, "%s/lists/partial", apt->work), 0755, err);
    if (rc != 0)
        return rc;
    apt->own_lists = true;
    struct wc_strv argv = apt_get(apt);
    wc_strv_add(apt->arena, &argv, "update");
    /* a source that can't be reached spoils the status, not what the others gave */
    struct wc_err some = { 0 };
    rc = run_apt(apt, &argv, NULL, NULL, &some);
    return rc == WC_ERR_IO ? wc_err_set(err, rc, some.sys, "run apt-get") : 0;
}

/* "%3a" -> ":" in a file name of apt's. */
static const char *unescape(struct wc_arena *arena, const char *text, size_t len)
{
    char *out = wc_arena_strndup(arena, text, len);
    char *to = out;
    for (const char *from = out; *from != '\0'; from++) {
        if (from[0] == '%' && from[1] == '3' && (from[2] == 'a' || from[2] == 'A')) {
            *to++ = ':';
            from += 2;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    return out;
}

static bool matches(const struct wc_strv *patterns, const char *name)
{
    for (size_t i = 0; i < patterns->n; i++)
        if (fnmatch(patterns->items[i], name, 0) == 0)
            return true;
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct wc_package *)a)->name, ((const struct wc_package *)b)->name);
}

/* A line of --print-uris: 'URI' name_version_arch.deb size hash. */
static void take_line(const struct wc_apt *apt, const char *line, struct wc_packages *out)
{
    const char *file = strchr(line, ' ');
    if (line[0] != '\'' || file == NULL)
        return;
    file++;
    size_t name = strcspn(file, "_ ");
    if (file[name] != '_')
        return;
    const char *version = file + name + 1;
    size_t len = strcspn(version, "_ ");
    out->items = wc_arena_grow(apt->arena, out->items, out->n, &out->cap, sizeof *out->items);
    out->items[out->n++] = (struct wc_package){ .name = wc_arena_strndup(apt->arena, file, name),
                                                .version = unescape(apt->arena, version, len) };
}

bool wc_apt_is_package(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789+-.");
    return len >= 2 && name[len] == '\0' && strchr("+-.", name[0]) == NULL && name[len - 1] != '-';
}

int wc_apt_resolve(struct wc_apt *apt, const struct wc_strv *wanted, const struct wc_strv *depends,
                   const struct wc_strv *without, struct wc_packages *out, struct wc_err *err)
{
    int rc = wc_fs_mkdirs(wc_arena_printf(apt->arena, "%s/archives/partial", apt->work), 0755, err);
    if (rc != 0)
        return rc;
    struct wc_strv argv = apt_get(apt);
    wc_strv_add(apt->arena, &argv, "--print-uris");
    wc_strv_add(apt->arena, &argv, "install");
    add_all(apt->arena, &argv, wanted->items, wanted->n);
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    rc = run_apt(apt, &argv, NULL, &text, err);
    if (rc != 0)
        return rc;
    struct wc_packages all = { 0 }, taken = { 0 };
    for (char *line = text.data; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        bool more = line[len] == '\n';
        line[len] = '\0';
        take_line(apt, line, &all);
        line += len + more;
    }
    for (size_t i = 0; i < all.n; i++) {
        const char *name = all.items[i].name;
        if (!wc_strv_has(wanted, name) && (!matches(depends, name) || matches(without, name)))
            continue;
        taken.items =
            wc_arena_grow(apt->arena, taken.items, taken.n, &taken.cap, sizeof *taken.items);
        taken.items[taken.n++] = all.items[i];
    }
    if (taken.n == 0)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "apt-get names no package to download");
    qsort(taken.items, taken.n, sizeof *taken.items, by_name);
    for (size_t i = 0; i < wanted->n; i++) {
        const struct wc_package key = { .name = wanted->items[i] };
        if (bsearch(&key, taken.items, taken.n, sizeof *taken.items, by_name) == NULL)
            return wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "apt-get gives no package '%s'",
                              wanted->items[i]);
    }
    *out = taken;
    return 0;
}

static const char *debs_dir(const struct wc_apt *apt)
{
    return wc_arena_printf(apt->arena, "%s/debs", apt->work);
}

/* Gives each package its file: the one that starts with "name_". */
static int find_files(const struct wc_apt *apt, struct wc_packages *packages, struct wc_err *err)
{
    const char *path = debs_dir(apt);
    DIR *dir = opendir(path);
    if (dir == NULL)
        return wc_err_set(err, wc_fs_code(errno), errno, "open %s", path);
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        const struct wc_package key = { .name = wc_arena_strndup(apt->arena, entry->d_name,
                                                                 strcspn(entry->d_name, "_")) };
        struct wc_package *p =
            bsearch(&key, packages->items, packages->n, sizeof *packages->items, by_name);
        if (p != NULL)
            p->file = wc_arena_printf(apt->arena, "%s/%s", path, entry->d_name);
    }
    closedir(dir);
    for (size_t i = 0; i < packages->n; i++)
        if (packages->items[i].file == NULL)
            return wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "apt-get gave no file for package %s",
                              packages->items[i].name);
    return 0;
}

int wc_apt_fetch(struct wc_apt *apt, struct wc_packages *packages, struct wc_err *err)
{
    int rc = wc_fs_mkdirs(debs_dir(apt), 0755, err);
    if (rc != 0)
        return rc;
    struct wc_strv argv = apt_get(apt);
    wc_strv_add(apt->arena, &argv, "download");
    for (size_t i = 0; i < packages->n; i++)
        wc_strv_add(apt->arena, &argv,
                    wc_arena_printf(apt->arena, "%s=%s", packages->items[i].name,
                                    packages->items[i].version));
    rc = run_apt(apt, &argv, debs_dir(apt), NULL, err);
    return rc != 0 ? rc : find_files(apt, packages, err);
}

int wc_apt_unpack(const struct wc_apt *apt, const struct wc_package *package, int root_fd,
                  struct wc_err *err)
{
    (void)apt;
    const char *const argv[] = { "dpkg-deb", "--fsys-tarfile", package->file, NULL };
    const struct wc_layer_options options = { .limits = wc_layer_limits_default,
                                              .merge_usr = true };
    struct wc_layer_result result;
    struct wc_child child;
    int rc = wc_run_start(argv, NULL, &child, err);
    if (rc != 0)
        return rc;
    rc = wc_layer_unpack(child.out_fd, root_fd, &options, &result, err);
    int ended = wc_run_wait(&child, rc == 0 ? err : NULL);
    if (rc != 0)
        return wc_err_wrap(err, rc, "package %s", package->name);
    return ended;
}
