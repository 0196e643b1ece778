/* cmd_lock.c - wcompose lock: pins the images' names to the digests that this host's store has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/image_lock.h"
#include "cli/image_store.h"
#include "wcompose/image_keep.h"

/* What the lock will say of an image: what it said, unless there is nothing or all is updated. */
static const char *pinned(const struct wc_cli_pin *pin, bool update)
{
    return pin->locked != NULL && !update ? pin->locked : pin->digest;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct wc_cli_pin *)a)->name, ((const struct wc_cli_pin *)b)->name);
}

static void print_lock(struct wc_cli_pins *pins, bool update, struct wc_buf *out)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    w.indent = 2;
    if (pins->n > 1)
        qsort(pins->items, pins->n, sizeof *pins->items, by_name);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "version", 1);
    wc_jsonw_object(&w, "images");
    for (size_t i = 0; i < pins->n; i++) {
        const struct wc_cli_pin *pin = &pins->items[i];
        bool again = i > 0 && wc_streq(pin->name, pins->items[i - 1].name);
        if (!again && strchr(pin->image, '@') == NULL)
            wc_jsonw_str(&w, pin->name, pinned(pin, update));
    }
    wc_jsonw_end_object(&w);
    wc_jsonw_end_object(&w);
    wc_buf_addc(out, '\n');
}

/* Everything that is to be pinned must be there. 0 or an exit status. */
static int check_present(struct wc_cli *cli, const struct wc_cli_pins *pins, bool update)
{
    int status = 0;
    for (size_t i = 0; i < pins->n; i++) {
        struct wc_err err = { 0 };
        const struct wc_cli_pin *pin = &pins->items[i];
        if (strchr(pin->image, '@') != NULL || pinned(pin, update) != NULL)
            continue;
        wc_err_set_(&err, WC_ERR_NOENT, 0,
                    "service %s: %s is not on this host, so there is nothing to pin it to",
                    pin->service, wc_image_short_reference(pin->name));
        status = wc_cli_fail(cli, &err);
    }
    return status;
}

static bool same_as_file(const char *path, const struct wc_buf *text)
{
    WC_CLEANUP_BUF struct wc_buf old = WC_BUF_INIT;
    return wc_fs_read(path, 1 << 20, &old, NULL) == 0 && old.len == text->len &&
           memcmp(old.data, text->data, text->len) == 0;
}

int wc_cmd_lock(struct wc_cli *cli)
{
    const struct wc_project *project;
    struct wc_cli_load what = { .only_shown = true };
    struct wc_cli_pins pins;
    struct wc_err err = { 0 };
    bool update = wc_cli_flag(cli, "update");
    int status = wc_cli_load(cli, &what, cli->arena, &project);
    if (status == 0)
        status = wc_cli_pins(cli, project, &pins);
    if (status == 0)
        status = check_present(cli, &pins, update);
    if (status != 0)
        return status;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    print_lock(&pins, update, &text);
    if (same_as_file(pins.path, &text)) {
        wc_cli_note(cli, "%s is up to date", pins.path);
        return 0;
    }
    if (wc_cli_flag(cli, "check")) {
        wc_err_set_(&err, WC_ERR_DRIFT, 0, "%s is not what it would be: `wcompose lock` writes it",
                    pins.path);
        return wc_cli_fail(cli, &err);
    }
    if (wc_fs_write_atomic(pins.path, text.data, text.len, 0644, false, &err) != 0)
        return wc_cli_fail(cli, &err);
    wc_cli_note(cli, "%s pins %zu of %zu services' images", pins.path, pins.n, project->n_services);
    return 0;
}
