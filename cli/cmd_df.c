/* cmd_df.c - wcompose system df: what takes the disk, and what could be given back; docker's
 * columns. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "base/units.h"
#include "cli/image_store.h"
#include "cli/table.h"
#include "wcompose/client.h"
#include "wcompose/image_keep.h"

enum { DEPTH_MAX = 200 };

/* One line. */
struct row {
    const char *type;
    size_t total, active;
    int64_t bytes, free_bytes;
};
enum { IMAGES, LAYERS, CONTAINERS, VOLUMES, N_ROWS };

struct df {
    struct wc_cli *cli;
    const struct wc_paths *paths;
    struct row rows[N_ROWS];
    struct wc_map used_volumes; /* names on disk */
};

/* Bytes on the disk below a directory, which is consumed; links are not followed. */
static int64_t bytes_below(int fd, unsigned depth)
{
    int64_t bytes = 0;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        struct stat st;
        if (wc_streq(entry->d_name, ".") || wc_streq(entry->d_name, "..") ||
            fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        bytes += (int64_t)st.st_blocks * 512 /
                 (st.st_nlink > 1 && S_ISREG(st.st_mode) ? (int64_t)st.st_nlink : 1);
        if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
            bytes += bytes_below(
                openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                depth + 1);
    }
    if (dir != NULL)
        closedir(dir);
    else if (fd >= 0)
        close(fd);
    return bytes;
}

static int64_t bytes_of(const char *path)
{
    return bytes_below(open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), 0);
}

static void add_instances(struct df *df, const char *project)
{
    struct wc_ps list = { 0 };
    const struct wc_project *model = NULL;
    struct wc_err none = { 0 };
    struct row *row = &df->rows[CONTAINERS];
    struct wc_ps_options options = { .paths = df->paths, .project = project, .direct = true };
    if (wc_client_ps(&options, df->cli->arena, &list, &none) != 0)
        return;
    for (size_t i = 0; i < list.n; i++) {
        const struct wc_fact *fact = &list.rows[i].fact;
        const char *dir = wc_paths_instance_lib(df->paths, df->cli->arena, project, fact->id);
        int64_t bytes = bytes_of(wc_arena_printf(df->cli->arena, "%s/upper", dir));
        bool runs = fact->life == WC_LIFE_RUNNING || fact->life == WC_LIFE_PAUSED;
        row->total++;
        row->active += runs;
        row->bytes += bytes;
        row->free_bytes += runs ? 0 : bytes;
    }
    if (list.n == 0 || wc_client_accepted(df->paths, project, df->cli->arena, &model, &none) != 0)
        return;
    for (size_t i = 0; i < model->n_volumes; i++)
        wc_map_put(&df->used_volumes, model->volumes[i].name, NULL);
}

static void add_volumes(struct df *df)
{
    struct row *row = &df->rows[VOLUMES];
    DIR *dir = opendir(df->paths->volumes);
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        int64_t bytes =
            bytes_of(wc_arena_printf(df->cli->arena, "%s/%s", df->paths->volumes, entry->d_name));
        bool used = wc_map_has(&df->used_volumes, entry->d_name);
        row->total++;
        row->active += used;
        row->bytes += bytes;
        row->free_bytes += used ? 0 : bytes;
    }
    if (dir != NULL)
        closedir(dir);
}

static void add_images(struct df *df, const struct wc_image_space *space)
{
    df->rows[IMAGES] = (struct row){ "Images", space->images, space->images_used, space->bytes,
                                     space->free_bytes };
    df->rows[LAYERS].total = space->layers;
    df->rows[LAYERS].active = space->layers_used;
    df->rows[LAYERS].bytes = -1; /* counted above */
}

static const char *size_text(const struct df *df, int64_t bytes)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    if (bytes < 0)
        return NULL;
    wc_bytes_format(bytes, &out);
    return wc_arena_strdup(df->cli->arena, out.data);
}

static void print_table(const struct df *df)
{
    static const char *const headings[] = { "TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE" };
    struct wc_table *table = wc_table_new(df->cli->arena, headings, WC_COUNT(headings));
    for (size_t i = 0; i < N_ROWS; i++) {
        const struct row *row = &df->rows[i];
        const char *reclaim = size_text(df, row->bytes < 0 ? -1 : row->free_bytes);
        if (reclaim != NULL && row->bytes > 0)
            reclaim = wc_arena_printf(df->cli->arena, "%s (%d%%)", reclaim,
                                      (int)(row->free_bytes * 100 / row->bytes));
        const char *const cells[] = { row->type, wc_arena_printf(df->cli->arena, "%zu", row->total),
                                      wc_arena_printf(df->cli->arena, "%zu", row->active),
                                      size_text(df, row->bytes), reclaim };
        wc_table_row(table, cells);
    }
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    wc_table_format(table, &out);
    fwrite(out.data, 1, out.len, stdout);
}

static void print_json(const struct df *df)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        const struct row *row = &df->rows[i];
        WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
        struct wc_jsonw w = WC_JSONW_INIT(&out);
        wc_jsonw_object(&w, NULL);
        wc_jsonw_i64(&w, "v", 1);
        wc_jsonw_str(&w, "Type", row->type);
        wc_jsonw_i64(&w, "TotalCount", (int64_t)row->total);
        wc_jsonw_i64(&w, "Active", (int64_t)row->active);
        if (row->bytes >= 0) {
            wc_jsonw_i64(&w, "Size", row->bytes);
            wc_jsonw_i64(&w, "Reclaimable", row->free_bytes);
        }
        wc_jsonw_end_object(&w);
        puts(out.data);
    }
}

int wc_cmd_system_df(struct wc_cli *cli)
{
    struct wc_paths paths;
    struct wc_image_store *store;
    struct wc_cli_keeping keeping;
    struct wc_image_space space = { 0 };
    struct wc_err err = { 0 };
    struct wc_strv projects = { 0 };
    int status = wc_cli_images(cli, &paths, &store);
    if (status != 0)
        return status;
    struct df df = { .cli = cli, .paths = &paths };
    df.rows[LAYERS].type = "Layers";
    df.rows[CONTAINERS].type = "Containers";
    df.rows[VOLUMES].type = "Local Volumes";
    wc_map_init(&df.used_volumes, cli->arena);
    const struct wc_image_uses uses = wc_cli_image_uses(&keeping, cli, &paths);
    int rc = wc_image_space(store, &uses, &space, &err);
    wc_image_store_close(store);
    if (rc != 0)
        return wc_cli_fail(cli, &err);
    add_images(&df, &space);
    wc_cli_projects(cli, &paths, &projects);
    for (size_t i = 0; i < projects.n; i++)
        add_instances(&df, projects.items[i]);
    add_volumes(&df);
    const char *format = wc_cli_text(cli, "format");
    if (cli->json || (format != NULL && wc_streq(format, "json")))
        print_json(&df);
    else
        print_table(&df);
    return 0;
}
