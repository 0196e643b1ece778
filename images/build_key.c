/* build_key.c - the tree is walked in order of names, by descriptors, so that nothing leads out. */
#include "images/build_key.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "images/dockerignore.h"

enum { DEPTH_MAX = 200, IGNORE_MAX = 1 << 20, CHUNK = 1 << 16 };

struct walk {
    struct wc_arena *arena;
    struct wc_dockerignore ignore;
    struct wc_buf *text;
    struct wc_err *err;
};

static int fault(struct walk *walk, const char *path)
{
    return wc_err_set(walk->err, wc_fs_code(errno), errno, "build context: %s", path);
}

static int add_file(struct walk *walk, int dir, const char *name, const char *path)
{
    char hex[WC_SHA256_HEX + 1];
    char *chunk;
    ssize_t n;
    WC_CLEANUP_FD int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fault(walk, path);
    struct wc_sha256 *hash = wc_sha256_new();
    chunk = wc_alloc(CHUNK);
    while ((n = read(fd, chunk, CHUNK)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            wc_sha256_update(hash, chunk, (size_t)n);
    wc_sha256_finish(hash, hex);
    wc_free(chunk);
    if (n < 0)
        return fault(walk, path);
    wc_buf_printf(walk->text, " %s", hex);
    return 0;
}

static int add_link(struct walk *walk, int dir, const char *name, const char *path)
{
    char target[4096];
    ssize_t n = readlinkat(dir, name, target, sizeof target);
    if (n < 0)
        return fault(walk, path);
    wc_buf_addc(walk->text, ' ');
    wc_buf_add(walk->text, target, (size_t)n);
    return 0;
}

static int walk_dir(struct walk *walk, int dir, const char *path, unsigned depth);

static int add_entry(struct walk *walk, int dir, const char *name, const char *path, unsigned depth)
{
    struct stat st;
    int rc = 0;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return fault(walk, path);
    bool ignored = wc_dockerignore_matches(&walk->ignore, path);
    if (ignored && !(S_ISDIR(st.st_mode) && walk->ignore.takes_back))
        return 0;
    if (!ignored) {
        wc_buf_adds(walk->text, path);
        wc_buf_addc(walk->text, '\0');
        wc_buf_printf(walk->text, "%o", (unsigned)st.st_mode);
        if (S_ISREG(st.st_mode))
            rc = add_file(walk, dir, name, path);
        else if (S_ISLNK(st.st_mode))
            rc = add_link(walk, dir, name, path);
        wc_buf_addc(walk->text, '\0');
    }
    if (rc != 0 || !S_ISDIR(st.st_mode))
        return rc;
    int inner = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return inner < 0 ? fault(walk, path) : walk_dir(walk, inner, path, depth + 1);
}

/* Takes `dir`. */
static int walk_dir(struct walk *walk, int dir, const char *path, unsigned depth)
{
    struct wc_strv names = { 0 };
    const struct dirent *entry;
    int rc = 0;
    DIR *list = fdopendir(dir);
    if (list == NULL || depth > DEPTH_MAX) {
        if (list != NULL)
            closedir(list);
        else
            close(dir);
        errno = list != NULL ? ELOOP : errno;
        return fault(walk, path);
    }
    while ((entry = readdir(list)) != NULL)
        if (!wc_streq(entry->d_name, ".") && !wc_streq(entry->d_name, ".."))
            wc_strv_add(walk->arena, &names, wc_arena_strdup(walk->arena, entry->d_name));
    if (names.n > 1)
        qsort(names.items, names.n, sizeof *names.items, wc_str_qsort_cmp);
    for (size_t i = 0; i < names.n && rc == 0; i++)
        rc = add_entry(walk, dirfd(list), names.items[i],
                       *path == '\0' ? names.items[i]
                                     : wc_arena_printf(walk->arena, "%s/%s", path, names.items[i]),
                       depth);
    closedir(list);
    return rc;
}

static int read_ignore(struct walk *walk, const char *dir, const char *dockerfile)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    const char *own = dockerfile == NULL
                          ? NULL
                          : wc_arena_printf(walk->arena, "%s/%s.dockerignore", dir, dockerfile);
    const char *path = own != NULL && wc_fs_exists(own)
                           ? own
                           : wc_arena_printf(walk->arena, "%s/.dockerignore", dir);
    if (!wc_fs_exists(path))
        return 0;
    int rc = wc_fs_read(path, IGNORE_MAX, &text, walk->err);
    if (rc == 0)
        wc_dockerignore_parse(text.data, walk->arena, &walk->ignore);
    return rc;
}

int wc_build_key_tree(const char *dir, const char *dockerfile, struct wc_arena *arena,
                      struct wc_buf *text, struct wc_err *err)
{
    struct walk walk = { .arena = arena, .text = text, .err = err };
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "build context %s", dir);
    int rc = read_ignore(&walk, dir, dockerfile);
    if (rc != 0) {
        close(fd);
        return rc;
    }
    return walk_dir(&walk, fd, "", 0);
}

static void add_text(struct wc_buf *text, const char *key, const char *value)
{
    if (value == NULL)
        return;
    wc_buf_printf(text, "%s=", key);
    wc_buf_adds(text, value);
    wc_buf_addc(text, '\0');
}

static void add_pairs(struct wc_buf *text, const char *key, const struct wc_kvs *pairs)
{
    for (size_t i = 0; i < pairs->n; i++) {
        const char *value = pairs->items[i].value;
        add_text(text, key, pairs->items[i].key);
        add_text(text, "value", value != NULL ? value : getenv(pairs->items[i].key));
    }
}

static void add_list(struct wc_buf *text, const char *key, const struct wc_strv *list)
{
    for (size_t i = 0; i < list->n; i++)
        add_text(text, key, list->items[i]);
}

void wc_build_key_members(const struct wc_build *build, struct wc_buf *text)
{
    add_text(text, "dockerfile", build->dockerfile);
    add_text(text, "inline", build->dockerfile_inline);
    add_text(text, "target", build->target);
    add_text(text, "network", build->network);
    add_pairs(text, "arg", &build->args);
    add_pairs(text, "label", &build->labels);
    add_pairs(text, "context", &build->contexts);
    add_pairs(text, "host", &build->extra_hosts);
    add_list(text, "tag", &build->tags);
    for (size_t i = 0; i < build->n_ulimits; i++)
        wc_buf_printf(text, "limit %s %lld %lld\n", build->ulimits[i].name,
                      (long long)build->ulimits[i].soft, (long long)build->ulimits[i].hard);
    wc_buf_printf(text, "%d %lld", build->privileged, (long long)build->shm_size_bytes);
}
