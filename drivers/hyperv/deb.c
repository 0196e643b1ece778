/* deb.c - apt-cache, apt-get and dpkg-deb by argument vector. */
#include "drivers/hyperv/deb.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/run.h"
#include "base/str.h"

static void tell(const struct wc_deb_work *work, const char *what, uint64_t done, uint64_t total)
{
    if (work->progress != NULL)
        work->progress(work->progress_data, what, done, total);
}

/* A command of apt's with the options that all of ours have. */
static struct wc_strv apt(const struct wc_deb_work *work, const char *program)
{
    static const char *const always[] = { "-q", "-o", "Debug::NoLocking=true", "-o",
                                          "Acquire::Retries=3" };
    struct wc_arena *arena = work->arena;
    struct wc_strv argv = { 0 };
    wc_strv_add(arena, &argv, program);
    for (size_t i = 0; i < WC_COUNT(always); i++)
        wc_strv_add(arena, &argv, always[i]);
    if (geteuid() == 0) { /* the directory is ours: apt's own user can't write there */
        wc_strv_add(arena, &argv, "-o");
        wc_strv_add(arena, &argv, "APT::Sandbox::User=root");
    }
    static const struct {
        const char *option, *name;
    } own[] = { { "Dir::State::lists", "lists" },
                { "Dir::Cache::pkgcache", "pkgcache.bin" },
                { "Dir::Cache::srcpkgcache", "srcpkgcache.bin" } };
    for (size_t i = 0; work->own_lists && i < WC_COUNT(own); i++) {
        wc_strv_add(arena, &argv, "-o");
        wc_strv_add(arena, &argv,
                    wc_arena_printf(arena, "%s=%s/%s", own[i].option, work->dir, own[i].name));
    }
    return argv;
}

static void add_words(const struct wc_deb_work *work, struct wc_strv *argv, const char *a,
                      const char *b)
{
    wc_strv_add(work->arena, argv, a);
    if (b != NULL)
        wc_strv_add(work->arena, argv, b);
    wc_strv_add(work->arena, argv, NULL);
}

/* ---- find ---- */

/* The value of "Field: value" at the beginning of a line; NULL when there is none. */
static const char *field(struct wc_arena *arena, const char *text, const char *name)
{
    for (const char *line = text; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        if (wc_str_starts(line, name))
            return wc_arena_strndup(arena, line + strlen(name), len - strlen(name));
        line += len + (line[len] == '\n');
    }
    return NULL;
}

/* True for a package's name or version: what else apt is told, it may take for something else. */
static bool is_plain(const char *text)
{
    return text[0] != '\0' && text[0] != '-' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.:~") ==
               strlen(text);
}

/* "linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-2), …" -> its first name with that beginning. */
static const char *pick(struct wc_arena *arena, const char *list, const char *begin)
{
    while (list != NULL && *list != '\0') {
        list += strspn(list, ", |");
        size_t len = strcspn(list, " ,|(");
        const char *name = wc_arena_strndup(arena, list, len);
        if (wc_str_starts(name, begin) && is_plain(name))
            return name;
        list += strcspn(list, ",|");
    }
    return NULL;
}

static int show(struct wc_deb_work *work, const char *package, struct wc_buf *text,
                struct wc_err *err)
{
    struct wc_strv argv = apt(work, "apt-cache");
    wc_strv_add(work->arena, &argv, "--no-all-versions");
    add_words(work, &argv, "show", package);
    wc_buf_reset(text);
    return wc_run(argv.items, NULL, text, err);
}

static int update(struct wc_deb_work *work, struct wc_err *err)
{
    tell(work, "package lists", 0, 0);
    int rc = wc_fs_mkdirs(wc_arena_printf(work->arena, "%s/lists/partial", work->dir), 0755, err);
    if (rc != 0)
        return rc;
    work->own_lists = true;
    struct wc_strv argv = apt(work, "apt-get");
    add_words(work, &argv, "update", NULL);
    /* a source that can't be reached spoils the status, not what the others gave */
    struct wc_err some = { 0 };
    (void)wc_run(argv.items, NULL, NULL, &some);
    return 0;
}

int wc_deb_find(struct wc_deb_work *work, const char *package, const char *depends,
                const char **version, const char **dependency, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_err first = { 0 };
    int rc = show(work, package, &text, &first);
    if (rc != 0 && !work->own_lists) {
        rc = update(work, err);
        if (rc == 0)
            rc = show(work, package, &text, err);
        if (rc != 0)
            return wc_err_wrap(err, rc, "no package %s", package);
    }
    const char *found = field(work->arena, text.data, "Version: ");
    if (found == NULL || !is_plain(found))
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "apt knows no package %s", package);
    if (depends != NULL) {
        const char *name = pick(work->arena, field(work->arena, text.data, "Depends: "), depends);
        if (name == NULL)
            return wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "package %s depends on no %s…", package,
                              depends);
        *dependency = name;
    }
    *version = found;
    return 0;
}

/* ---- download, unpack ---- */

struct download {
    const struct wc_deb_work *work;
    const char *package;
};

/* "dlstatus:1:20.4218:Retrieving file 1 of 1" */
static void on_line(void *data, const char *line)
{
    struct download *download = data;
    static const char begin[] = "dlstatus:";
    if (!wc_str_starts(line, begin))
        return;
    const char *share = strchr(line + sizeof begin - 1, ':');
    double percent = share != NULL ? strtod(share + 1, NULL) : 0;
    if (percent >= 0 && percent <= 100)
        tell(download->work, download->package, (uint64_t)(percent * 10), 1000);
}

/* The file in the directory that begins with "package_"; NULL when there is none. */
static const char *find_file(const struct wc_deb_work *work, const char *package)
{
    const char *begin = wc_arena_printf(work->arena, "%s_", package), *found = NULL;
    DIR *dir = opendir(work->dir);
    const struct dirent *entry;
    while (dir != NULL && found == NULL && (entry = readdir(dir)) != NULL)
        if (wc_str_starts(entry->d_name, begin))
            found = wc_arena_printf(work->arena, "%s/%s", work->dir, entry->d_name);
    if (dir != NULL)
        closedir(dir);
    return found;
}

int wc_deb_download(struct wc_deb_work *work, const char *package, const char **file,
                    struct wc_err *err)
{
    struct wc_strv argv = apt(work, "apt-get");
    struct download download = { work, package };
    tell(work, package, 0, 0);
    wc_strv_add(work->arena, &argv, "-o");
    wc_strv_add(work->arena, &argv, "APT::Status-Fd=1");
    add_words(work, &argv, "download", package);
    int rc = wc_run_lines(argv.items, work->dir, on_line, &download, err);
    if (rc != 0)
        return rc;
    const char *found = find_file(work, package);
    if (found == NULL)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "apt-get gave no file for package %s",
                          package);
    *file = found;
    return 0;
}

int wc_deb_unpack(const char *file, const char *into, struct wc_err *err)
{
    const char *const argv[] = { "dpkg-deb", "-x", file, into, NULL };
    int rc = wc_fs_mkdirs(into, 0755, err);
    return rc != 0 ? rc : wc_run(argv, NULL, NULL, err);
}
