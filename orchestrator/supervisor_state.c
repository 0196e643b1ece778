/* supervisor_state.c - what a supervisor leaves for its successor: the accepted model and the apply
 * that was under way.
 *
 * kill -9 needs the rename only; a power cut needs the sync, which may take milliseconds and is
 * therefore done on the thread pool while the engine already works.
 */
#include "orchestrator/supervisor_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "wcompose/spec.h"

struct sync_work {
    uv_work_t work;
    struct wc_supervisor *sup;
    char *path, *dir;
};

static void sync_path(const char *path, int flags)
{
    WC_CLEANUP_FD int fd = open(path, flags | O_CLOEXEC);
    if (fd >= 0)
        fsync(fd);
}

static void run_sync(uv_work_t *work)
{
    struct sync_work *sync = work->data;
    sync_path(sync->path, O_RDONLY);
    sync_path(sync->dir, O_RDONLY | O_DIRECTORY);
}

static void on_synced(uv_work_t *work, int status)
{
    (void)status;
    struct sync_work *sync = work->data;
    sync->sup->n_works--;
    wc_free(sync->path);
    wc_free(sync->dir);
    wc_free(sync);
}

static void start_sync(struct wc_supervisor *sup, const char *path)
{
    struct sync_work *sync = wc_calloc(1, sizeof *sync);
    sync->work.data = sync;
    sync->sup = sup;
    sync->path = wc_strdup(path);
    sync->dir = wc_strdup(sup->lib_dir);
    sup->n_works++;
    if (uv_queue_work(sup->config.loop, &sync->work, run_sync, on_synced) != 0)
        on_synced(&sync->work, 0);
}

int wc_sup_write_accepted(struct wc_supervisor *sup, const char *text, size_t len,
                          struct wc_err *err)
{
    bool same =
        sup->has_accepted && sup->accepted.len == len && memcmp(sup->accepted.data, text, len) == 0;
    if (same)
        return 0;
    int rc = wc_fs_mkdirs(sup->lib_dir, 0700, err);
    if (rc == 0)
        rc = wc_fs_write_atomic(sup->spec_path, text, len, 0600, false, err);
    if (rc != 0)
        return wc_err_wrap(err, rc, "store the accepted model");
    start_sync(sup, sup->spec_path);
    wc_buf_reset(&sup->accepted);
    wc_buf_add(&sup->accepted, text, len);
    sup->has_accepted = true;
    return 0;
}

int wc_sup_read_accepted(struct wc_supervisor *sup, struct wc_err *err)
{
    int rc = wc_fs_read(sup->spec_path, WC_CONTROL_BODY_MAX, &sup->accepted, err);
    sup->has_accepted = rc == 0;
    return rc;
}

int wc_sup_write_pending(struct wc_supervisor *sup, const struct wc_buf *key, struct wc_err *err)
{
    return wc_fs_write_atomic(sup->pending_path, key->data, key->len, 0600, false, err);
}

void wc_sup_settle_pending(struct wc_supervisor *sup)
{
    if (rename(sup->pending_path, sup->apply_path) != 0 && errno != ENOENT)
        wc_log(WC_LOG_WARN, "supervisor", "rename %s: %s", sup->pending_path, strerror(errno));
}

static void remove_file(const char *path)
{
    if (unlink(path) != 0 && errno != ENOENT)
        wc_log(WC_LOG_WARN, "supervisor", "remove %s: %s", path, strerror(errno));
}

void wc_sup_forget(struct wc_supervisor *sup)
{
    remove_file(sup->pending_path);
    remove_file(sup->apply_path);
    remove_file(sup->spec_path);
    wc_buf_reset(&sup->accepted);
    sup->has_accepted = false;
    sup->is_settled = false;
}

/* Removes the project's directories when nothing is left in them; true when the project is gone. */
static bool remove_lib(struct wc_supervisor *sup)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/instances", sup->lib_dir);
    rmdir(path);
    return rmdir(sup->lib_dir) == 0 || errno == ENOENT;
}

void wc_sup_remove_empty(struct wc_supervisor *sup)
{
    if (!remove_lib(sup)) {
        wc_sup_unlock(sup->run_dir, sup->lock_fd, false);
        return;
    }
    char path[4096];
    snprintf(path, sizeof path, "%s/instances", sup->run_dir);
    rmdir(path);
    snprintf(path, sizeof path, "%s/supervisor.log", sup->run_dir);
    unlink(path);
    int spawn = wc_sup_spawn_lock(sup->run_dir, false);
    if (spawn >= 0) { /* else a client waits for our successor, which will remove it */
        snprintf(path, sizeof path, "%s/spawn.lock", sup->run_dir);
        unlink(path);
        close(spawn);
    }
    wc_sup_unlock(sup->run_dir, sup->lock_fd, true);
    rmdir(sup->run_dir);
}

/* Replicas come from the command line ("web=3") as well as from the file. */
static int scale_one(struct wc_project *project, const char *text, struct wc_err *err)
{
    const char *equals = strrchr(text, '=');
    size_t len = equals == NULL ? 0 : (size_t)(equals - text);
    int64_t replicas;
    if (equals == NULL || !wc_str_to_i64(equals + 1, 0, 10000, &replicas))
        return wc_err_set(err, WC_ERR_SPEC, 0, "scale: '%.60s' is not SERVICE=N", text);
    for (size_t i = 0; i < project->n_services; i++) {
        struct wc_service *service = &project->services[i];
        if (strlen(service->name) == len && memcmp(service->name, text, len) == 0) {
            service->replicas = replicas;
            return 0;
        }
    }
    return wc_err_set(err, WC_ERR_NOENT, 0, "scale: no service '%.*s'", (int)len, text);
}

static int scale(struct wc_project *project, const struct wc_buf *key, struct wc_err *err)
{
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    if (key == NULL || key->len == 0)
        return 0;
    int rc = wc_json_parse(key->data, key->len, &root, err);
    const struct wc_json *list = wc_json_get(root, "scale");
    for (const struct wc_json *at = wc_json_first(list); rc == 0 && at != NULL;
         at = wc_json_next(at))
        rc = scale_one(project, wc_json_str(at, ""), err);
    return rc;
}

int wc_sup_load_model(const struct wc_buf *text, const struct wc_buf *key, struct wc_arena **arena,
                      const struct wc_project **project, struct wc_err *err)
{
    struct wc_arena *own = wc_alloc(sizeof *own);
    wc_arena_init(own);
    char *copy = wc_arena_alloc(own, text->len + 1);
    memcpy(copy, text->data, text->len);
    struct wc_diags diags;
    wc_diags_init(&diags, own);
    struct wc_spec_options options = {
        .cwd = "/", .canonical = true, .text = copy, .text_len = text->len
    };
    struct wc_project *model = NULL;
    int rc = wc_spec_load(&options, own, &diags, &model);
    if (rc != 0) {
        wc_diags_sort(&diags);
        wc_err_set_(err, rc, 0, "%s", diags.n > 0 ? diags.items[0].msg : "unreadable model");
    } else {
        rc = scale(model, key, err);
    }
    if (rc != 0) {
        wc_sup_free_model(own);
        return rc;
    }
    *arena = own;
    *project = model;
    return 0;
}

void wc_sup_free_model(struct wc_arena *arena)
{
    wc_arena_deinit(arena);
    wc_free(arena);
}
