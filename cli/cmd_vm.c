/* cmd_vm.c - wcompose vm kernel install|ls|use|rm|build: the kernels that virtual machines boot. */
#include <stdio.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/paths.h"
#include "base/str.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/long_work.h"
#include "cli/table.h"
#include "wcompose/vm.h"

/* One line, or one object, for a kernel that something was done with. */
static void print_kernel(const struct wc_cli *cli, const char *name, const char *how)
{
    if (!cli->json) {
        printf("%s\n", name);
        wc_cli_note(cli, "%s %s", how, name);
        return;
    }
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct wc_jsonw w = WC_JSONW_INIT(&out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", 1);
    wc_jsonw_str(&w, "kernel", name);
    wc_jsonw_str(&w, "result", how);
    wc_jsonw_end_object(&w);
    puts(out.data);
}

/* wc_vm_kernel_install or wc_vm_kernel_build. */
typedef int get_fn(const struct wc_paths *paths, const struct wc_vm_kernel_source *source,
                   struct wc_arena *arena, const char **name, bool *made, struct wc_err *err);

static int get_kernel(struct wc_cli *cli, get_fn *get, const char *from, const char *how)
{
    struct wc_paths paths;
    struct wc_err err = { 0 };
    struct wc_long_work work = WC_LONG_WORK(cli);
    const char *name = NULL;
    bool made = false;
    struct wc_vm_kernel_source source = { .from = from,
                                          .force = wc_cli_flag(cli, "force"),
                                          .progress = wc_long_work_note,
                                          .progress_data = &work };
    int status = wc_cli_paths(cli, &paths);
    if (status != 0)
        return status;
    if (get(&paths, &source, cli->arena, &name, &made, &err) != 0)
        return wc_cli_fail(cli, &err);
    print_kernel(cli, name, made ? how : "up to date:");
    return WC_EXIT_OK;
}

int wc_cmd_vm_kernel_install(struct wc_cli *cli)
{
    return get_kernel(cli, wc_vm_kernel_install, wc_cli_text(cli, "from"), "installed");
}

int wc_cmd_vm_kernel_build(struct wc_cli *cli)
{
    return get_kernel(cli, wc_vm_kernel_build, NULL, "built");
}

/* ---- ls ---- */

/* What a machine would be started with, so that it can be booted by hand as well. */
static void json_ready(const struct wc_cli *cli, const struct wc_paths *paths, const char *name,
                       struct wc_jsonw *w)
{
    struct wc_vm_kernel kernel = { 0 };
    struct wc_err err = { 0 };
    if (wc_vm_kernel_find(paths, name, cli->arena, &kernel, &err) != 0) {
        wc_jsonw_str(w, "broken", err.msg);
        return;
    }
    wc_jsonw_str(w, "initramfs", kernel.initramfs);
    wc_jsonw_str(w, "identity", kernel.identity);
}

static void json_row(const struct wc_cli *cli, const struct wc_paths *paths,
                     const struct wc_vm_kernel_row *row)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct wc_jsonw w = WC_JSONW_INIT(&out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", 1);
    wc_jsonw_str(&w, "kernel", row->name);
    wc_jsonw_str(&w, "release", row->release);
    wc_jsonw_str(&w, "origin", row->origin);
    wc_jsonw_str(&w, "image", row->image);
    wc_jsonw_i64(&w, "size_bytes", row->size_bytes);
    wc_jsonw_i64(&w, "modules", (int64_t)row->n_modules);
    wc_jsonw_array(&w, "missing");
    for (size_t i = 0; i < row->missing.n; i++)
        wc_jsonw_str(&w, NULL, row->missing.items[i]);
    wc_jsonw_end_array(&w);
    wc_jsonw_bool(&w, "in_use", row->in_use);
    if (row->broken != NULL)
        wc_jsonw_str(&w, "broken", row->broken);
    else
        json_ready(cli, paths, row->name, &w);
    wc_jsonw_end_object(&w);
    puts(out.data);
}

static void add_row(const struct wc_cli *cli, struct wc_table *table,
                    const struct wc_vm_kernel_row *row)
{
    WC_CLEANUP_BUF struct wc_buf size = WC_BUF_INIT;
    wc_bytes_format(row->size_bytes, &size);
    const char *const cells[] = {
        row->name,
        row->in_use ? "yes" : "",
        row->broken != NULL   ? NULL
        : row->n_modules == 0 ? "built in"
                              : wc_arena_printf(cli->arena, "%zu", row->n_modules),
        size.data,
        row->origin,
    };
    wc_table_row(table, cells);
}

static void warn_about(const struct wc_cli *cli, const struct wc_vm_kernel_row *row)
{
    WC_CLEANUP_BUF struct wc_buf list = WC_BUF_INIT;
    if (row->broken != NULL)
        wc_cli_warn(cli, "%s can't be used: %s (install it again, or wcompose vm kernel rm it)",
                    row->name, row->broken);
    for (size_t i = 0; i < row->missing.n; i++)
        wc_buf_printf(&list, "%s%s", i > 0 ? ", " : "", row->missing.items[i]);
    if (row->missing.n > 0)
        wc_cli_warn(cli, "%s lacks drivers: %s", row->name, list.data);
}

int wc_cmd_vm_kernel_ls(struct wc_cli *cli)
{
    static const char *const headings[] = { "KERNEL", "IN USE", "MODULES", "SIZE", "ORIGIN" };
    struct wc_paths paths;
    struct wc_err err = { 0 };
    struct wc_vm_kernel_row *rows = NULL;
    size_t n = 0;
    bool broken = false;
    int status = wc_cli_paths(cli, &paths);
    if (status != 0)
        return status;
    if (wc_vm_kernel_list(&paths, cli->arena, &rows, &n, &err) != 0)
        return wc_cli_fail(cli, &err);
    struct wc_table *table = wc_table_new(cli->arena, headings, WC_COUNT(headings));
    for (size_t i = 0; i < n; i++) {
        warn_about(cli, &rows[i]);
        broken = broken || rows[i].broken != NULL;
        if (cli->json)
            json_row(cli, &paths, &rows[i]);
        else
            add_row(cli, table, &rows[i]);
    }
    if (!cli->json) {
        WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
        wc_table_format(table, &out);
        fwrite(out.data, 1, out.len, stdout);
    }
    return broken ? WC_EXIT_FAILED : WC_EXIT_OK;
}

/* ---- use, rm ---- */

int wc_cmd_vm_kernel_use(struct wc_cli *cli)
{
    struct wc_paths paths;
    struct wc_err err = { 0 };
    int status = wc_cli_paths(cli, &paths);
    if (status != 0)
        return status;
    if (wc_vm_kernel_use(&paths, cli->words[0], cli->arena, &err) != 0)
        return wc_cli_fail(cli, &err);
    print_kernel(cli, cli->words[0], "in use from now on:");
    return WC_EXIT_OK;
}

int wc_cmd_vm_kernel_rm(struct wc_cli *cli)
{
    struct wc_paths paths;
    int status = wc_cli_paths(cli, &paths);
    for (size_t i = 0; i < cli->n_words && status == 0; i++) {
        struct wc_err err = { 0 };
        if (wc_vm_kernel_remove(&paths, cli->words[i], cli->arena, &err) != 0)
            status = wc_cli_fail(cli, &err);
        else
            print_kernel(cli, cli->words[i], "removed");
    }
    return status;
}
