/* kernel_store.c - the directory of kernels: names, notes, the one in use. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/paths.h"
#include "base/str.h"
#include "drivers/hyperv/kernel.h"
#include "drivers/hyperv/modules.h"

enum { NAME_MAX_LEN = 64, META_MAX_BYTES = 256 << 10 };

bool wc_kernel_name_ok(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++)
        if (!wc_ascii_isalnum(name[i]) && strchr("._+-", name[i]) == NULL)
            return false;
    return len > 0 && len <= NAME_MAX_LEN && strchr(".-", name[0]) == NULL;
}

const char *wc_kernels_dir(const struct wc_paths *paths, struct wc_arena *arena)
{
    return wc_arena_printf(arena, "%s/vm/kernels", paths->lib);
}

const char *wc_kernel_dir(const struct wc_paths *paths, struct wc_arena *arena, const char *name)
{
    return wc_arena_printf(arena, "%s/vm/kernels/%s", paths->lib, name);
}

int wc_kernels_lock(const struct wc_paths *paths, struct wc_arena *arena, int *fd,
                    struct wc_err *err)
{
    const char *dir = wc_kernels_dir(paths, arena);
    const char *path = wc_arena_printf(arena, "%s/.lock", dir);
    int rc = wc_fs_mkdirs(dir, 0755, err);
    if (rc != 0)
        return rc;
    int got = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (got < 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "open %s", path);
    while (flock(got, LOCK_EX) != 0) {
        if (errno == EINTR)
            continue;
        rc = wc_err_set(err, WC_ERR_IO, errno, "lock %s", path);
        close(got);
        return rc;
    }
    *fd = got;
    return 0;
}

/* ---- notes ---- */

static void write_list(struct wc_jsonw *w, const char *key, const struct wc_strv *list)
{
    wc_jsonw_array(w, key);
    for (size_t i = 0; i < list->n; i++)
        wc_jsonw_str(w, NULL, list->items[i]);
    wc_jsonw_end_array(w);
}

int wc_kernel_meta_write(const char *dir, const struct wc_kernel_meta *meta, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT, path = WC_BUF_INIT;
    struct wc_jsonw w = WC_JSONW_INIT(&text);
    w.indent = 2;
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", 1);
    wc_jsonw_str(&w, "name", meta->name);
    wc_jsonw_str(&w, "release", meta->release);
    wc_jsonw_str(&w, "origin", meta->origin);
    wc_jsonw_str(&w, "image_sha256", meta->image_sha256);
    wc_jsonw_str(&w, "wanted", meta->wanted);
    write_list(&w, "modules", &meta->modules);
    write_list(&w, "missing", &meta->missing);
    wc_jsonw_end_object(&w);
    wc_buf_addc(&text, '\n');
    wc_buf_printf(&path, "%s/meta", dir);
    return wc_fs_write_atomic(path.data, text.data, text.len, 0644, true, err);
}

static const char *take(const struct wc_json *root, const char *key, struct wc_arena *arena)
{
    return wc_arena_strdup(arena, wc_json_str(wc_json_get(root, key), ""));
}

static struct wc_strv take_list(const struct wc_json *root, const char *key, struct wc_arena *arena)
{
    struct wc_strv out = { 0 };
    const struct wc_json *item = wc_json_first(wc_json_get(root, key));
    for (; item != NULL; item = wc_json_next(item))
        wc_strv_add(arena, &out, wc_arena_strdup(arena, wc_json_str(item, "")));
    return out;
}

int wc_kernel_meta_read(const char *dir, struct wc_arena *arena, struct wc_kernel_meta *out,
                        struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    const char *path = wc_arena_printf(arena, "%s/meta", dir);
    int rc = wc_fs_read(path, META_MAX_BYTES, &text, err);
    if (rc != 0)
        return rc;
    if ((rc = wc_json_parse(text.data, text.len, &root, err)) != 0)
        return wc_err_wrap(err, rc, "%s", path);
    struct wc_kernel_meta meta = { .name = take(root, "name", arena),
                                   .release = take(root, "release", arena),
                                   .origin = take(root, "origin", arena),
                                   .image_sha256 = take(root, "image_sha256", arena),
                                   .wanted = take(root, "wanted", arena),
                                   .modules = take_list(root, "modules", arena),
                                   .missing = take_list(root, "missing", arena) };
    bool sound = wc_json_i64(wc_json_get(root, "v"), 0) == 1 && wc_kernel_name_ok(meta.name) &&
                 strlen(meta.image_sha256) == 64;
    for (size_t i = 0; i < meta.modules.n; i++)
        sound = sound && wc_kernel_name_ok(meta.modules.items[i]);
    if (!sound)
        return wc_err_set(err, WC_ERR_SPEC, 0, "%s is damaged", path);
    *out = meta;
    return 0;
}

/* ---- the one in use ---- */

static const char *in_use_path(const struct wc_paths *paths, struct wc_arena *arena)
{
    return wc_arena_printf(arena, "%s/vm/kernel-in-use", paths->lib);
}

const char *wc_kernel_in_use(const struct wc_paths *paths, struct wc_arena *arena)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    if (wc_fs_read(in_use_path(paths, arena), 4096, &text, NULL) != 0)
        return NULL;
    const char *name = wc_arena_strndup(arena, text.data, strcspn(text.data, "\n"));
    return wc_kernel_name_ok(name) ? name : NULL;
}

int wc_kernel_set_in_use(const struct wc_paths *paths, struct wc_arena *arena, const char *name,
                         struct wc_err *err)
{
    const char *line = wc_arena_printf(arena, "%s\n", name);
    return wc_fs_write_atomic(in_use_path(paths, arena), line, strlen(line), 0644, true, err);
}

/* ---- what there is ---- */

static int64_t size_of(int dir_fd, const char *name, unsigned depth)
{
    struct stat st;
    int64_t sum = 0;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || S_ISREG(st.st_mode) || depth == 0)
        return S_ISREG(st.st_mode) ? st.st_size : 0;
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.')
            sum += size_of(fd, entry->d_name, depth - 1);
    if (dir != NULL)
        closedir(dir);
    else if (fd >= 0)
        close(fd);
    return sum;
}

static void describe(const struct wc_paths *paths, const char *name, struct wc_arena *arena,
                     struct wc_vm_kernel_row *row)
{
    const char *dir = wc_kernel_dir(paths, arena, name), *in_use = wc_kernel_in_use(paths, arena);
    struct wc_kernel_meta meta = { 0 };
    struct wc_err err = { 0 };
    *row = (struct wc_vm_kernel_row){ .name = wc_arena_strdup(arena, name) };
    row->in_use = in_use != NULL && wc_streq(in_use, name);
    row->image = wc_arena_printf(arena, "%s/vmlinuz", dir);
    row->size_bytes = size_of(AT_FDCWD, dir, 3);
    if (wc_kernel_meta_read(dir, arena, &meta, &err) == 0 && access(row->image, R_OK) != 0)
        (void)wc_err_set(&err, WC_ERR_NOENT, errno, "%s", row->image);
    if (err.code != 0)
        row->broken = wc_arena_strdup(arena, err.msg);
    row->release = meta.release;
    row->origin = meta.origin;
    row->n_modules = meta.modules.n;
    row->missing = meta.missing;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct wc_vm_kernel_row *)a)->name,
                  ((const struct wc_vm_kernel_row *)b)->name);
}

int wc_vm_kernel_list(const struct wc_paths *paths, struct wc_arena *arena,
                      struct wc_vm_kernel_row **rows, size_t *n, struct wc_err *err)
{
    const char *path = wc_kernels_dir(paths, arena);
    struct wc_vm_kernel_row *found = NULL;
    size_t count = 0, cap = 0;
    DIR *dir = opendir(path);
    if (dir == NULL && errno != ENOENT)
        return wc_err_set(err, wc_fs_code(errno), errno, "open %s", path);
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (!wc_kernel_name_ok(entry->d_name))
            continue;
        found = wc_arena_grow(arena, found, count, &cap, sizeof *found);
        describe(paths, entry->d_name, arena, &found[count++]);
    }
    if (dir != NULL)
        closedir(dir);
    if (count > 0)
        qsort(found, count, sizeof *found, by_name);
    *rows = found;
    *n = count;
    return 0;
}

const char *wc_kernel_of_origin(const struct wc_paths *paths, struct wc_arena *arena,
                                const char *origin)
{
    struct wc_vm_kernel_row *rows = NULL;
    struct wc_kernel_meta meta;
    size_t n = 0;
    if (wc_vm_kernel_list(paths, arena, &rows, &n, NULL) != 0)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (rows[i].broken == NULL && wc_streq(rows[i].origin, origin) &&
            wc_kernel_meta_read(wc_kernel_dir(paths, arena, rows[i].name), arena, &meta, NULL) ==
                0 &&
            wc_streq(meta.wanted, wc_modules_wanted(arena)))
            return rows[i].name;
    return NULL;
}

int wc_kernel_unknown(const struct wc_paths *paths, const char *name, int code,
                      struct wc_arena *arena, struct wc_err *err)
{
    struct wc_vm_kernel_row *rows = NULL;
    size_t n = 0;
    if (wc_vm_kernel_list(paths, arena, &rows, &n, err) != 0 || n == 0)
        return wc_err_set(err, code, 0,
                          "there is no guest kernel '%s'; 'wcompose vm kernel install' gets one",
                          name);
    const char **names = wc_arena_array(arena, n, sizeof *names);
    for (size_t i = 0; i < n; i++)
        names[i] = rows[i].name;
    const char *near = wc_str_suggest(name, names, n);
    if (near != NULL)
        return wc_err_set(err, code, 0, "there is no guest kernel '%s'; did you mean '%s'?", name,
                          near);
    return wc_err_set(err, code, 0,
                      "there is no guest kernel '%s'; 'wcompose vm kernel ls' lists them", name);
}

static bool is_there(const struct wc_paths *paths, const char *name, struct wc_arena *arena)
{
    return wc_kernel_name_ok(name) && wc_fs_exists(wc_kernel_dir(paths, arena, name));
}

int wc_vm_kernel_use(const struct wc_paths *paths, const char *name, struct wc_arena *arena,
                     struct wc_err *err)
{
    struct wc_kernel_meta meta;
    WC_CLEANUP_FD int lock = -1;
    int rc = wc_kernels_lock(paths, arena, &lock, err);
    if (rc == 0 && !is_there(paths, name, arena))
        rc = wc_kernel_unknown(paths, name, WC_ERR_NOENT, arena, err);
    if (rc == 0)
        rc = wc_kernel_meta_read(wc_kernel_dir(paths, arena, name), arena, &meta, err);
    return rc != 0 ? rc : wc_kernel_set_in_use(paths, arena, name, err);
}

int wc_vm_kernel_remove(const struct wc_paths *paths, const char *name, struct wc_arena *arena,
                        struct wc_err *err)
{
    struct wc_vm_kernel_row *rows = NULL;
    size_t n = 0;
    WC_CLEANUP_FD int lock = -1;
    int rc = wc_kernels_lock(paths, arena, &lock, err);
    if (rc == 0 && !is_there(paths, name, arena))
        rc = wc_kernel_unknown(paths, name, WC_ERR_NOENT, arena, err);
    if (rc == 0)
        rc = wc_vm_kernel_list(paths, arena, &rows, &n, err);
    if (rc != 0)
        return rc;
    const char *in_use = wc_kernel_in_use(paths, arena);
    bool used = in_use != NULL && wc_streq(in_use, name);
    if (used && n > 1)
        return wc_err_set(err, WC_ERR_CONFLICT, 0,
                          "kernel %s is in use; put another in use first: wcompose vm kernel use",
                          name);
    /* out of the way by its name first: what is half removed is no kernel any more */
    const char *dir = wc_kernel_dir(paths, arena, name);
    const char *gone = wc_arena_printf(arena, "%s/.%s.old", wc_kernels_dir(paths, arena), name);
    if (used && unlink(in_use_path(paths, arena)) != 0 && errno != ENOENT)
        return wc_err_set(err, wc_fs_code(errno), errno, "remove the note of the kernel in use");
    if ((rc = wc_fs_remove_tree(gone, err)) != 0)
        return rc;
    if (rename(dir, gone) != 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "rename %s", dir);
    return wc_fs_remove_tree(gone, err);
}
