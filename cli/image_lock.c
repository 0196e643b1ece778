/* image_lock.c - reading wcompose.lock and holding it against the store. */
#include "cli/image_lock.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/image_store.h"
#include "cli/table.h"
#include "wcompose/image_keep.h"

enum { LOCK_MAX = 1 << 20 };

static int malformed(const char *path, const char *why, struct wc_err *err)
{
    return wc_err_set(err, WC_ERR_SPEC, 0,
                      "%s: %s; `wcompose lock` writes it anew once it is out of the way", path,
                      why);
}

static bool is_digest(const char *text)
{
    return wc_str_starts(text, "sha256:") && strlen(text) == 71 &&
           strspn(text + 7, "0123456789abcdef") == 64;
}

/* Reads the file into a tree that the caller frees; *out NULL: there is none. */
static int read_lock(const char *path, struct wc_json **out, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    *out = NULL;
    int rc = wc_fs_read(path, LOCK_MAX, &text, err);
    if (rc == WC_ERR_NOENT)
        return 0;
    if (rc == 0)
        rc = wc_json_parse(text.data, text.len, &root, err);
    if (rc != 0)
        return wc_err_wrap(err, rc, "%s", path);
    int64_t version = wc_json_i64(wc_json_get(root, "version"), 0);
    if (version != 1)
        return malformed(path, "expected \"version\": 1", err);
    const struct wc_json *pin = wc_json_first(wc_json_get(root, "images"));
    for (; pin != NULL; pin = wc_json_next(pin))
        if (!is_digest(wc_json_str(pin, "")))
            return malformed(path, "expected \"name\": \"sha256:…\" for each image", err);
    *out = root;
    root = NULL;
    return 0;
}

static void look_in_store(struct wc_cli *cli, struct wc_image_store *store, struct wc_cli_pin *pin)
{
    struct wc_image_info here, there;
    struct wc_err none = { 0 };
    if (wc_image_resolve(store, pin->image, cli->arena, &here, &none) != 0)
        return;
    pin->digest = here.digest;
    pin->agrees = strchr(pin->image, '@') != NULL;
    if (pin->agrees || pin->locked == NULL)
        return;
    const char *exact = wc_arena_printf(cli->arena, "%s@%s", pin->name, pin->locked);
    pin->agrees = wc_image_resolve(store, exact, cli->arena, &there, &none) == 0 &&
                  wc_streq(there.digest, here.digest); /* the digest may be a list's */
}

static int add_pin(struct wc_cli *cli, const struct wc_service *service, const struct wc_json *lock,
                   struct wc_cli_pins *pins)
{
    struct wc_err err = { 0 };
    pins->items = wc_arena_grow(cli->arena, pins->items, pins->n, &pins->cap, sizeof *pins->items);
    struct wc_cli_pin *pin = &pins->items[pins->n];
    *pin = (struct wc_cli_pin){ .service = service->name, .image = service->image };
    if (wc_image_normal_reference(service->image, cli->arena, &pin->name, &err) != 0) {
        (void)wc_err_wrap(&err, err.code, "service %s", service->name);
        return wc_cli_fail(cli, &err);
    }
    const char *locked = wc_json_str(wc_json_get(wc_json_get(lock, "images"), pin->name), NULL);
    pin->locked = wc_arena_strdup(cli->arena, locked);
    pins->n++;
    return 0;
}

int wc_cli_pins(struct wc_cli *cli, const struct wc_project *project, struct wc_cli_pins *out)
{
    struct wc_paths paths;
    struct wc_image_store *store;
    struct wc_err err = { 0 };
    WC_CLEANUP_JSON struct wc_json *lock = NULL;
    struct wc_cli_pins pins = { .path = wc_arena_printf(cli->arena, "%s/wcompose.lock",
                                                        project->working_dir) };
    if (read_lock(pins.path, &lock, &err) != 0)
        return wc_cli_fail(cli, &err);
    pins.has_lock = lock != NULL;
    int status = wc_cli_images(cli, &paths, &store);
    if (status != 0)
        return status;
    for (size_t i = 0; status == 0 && i < project->n_services; i++) {
        const struct wc_service *service = &project->services[i];
        if (service->image == NULL || service->build.set)
            continue;
        status = add_pin(cli, service, lock, &pins);
        if (status == 0)
            look_in_store(cli, store, &pins.items[pins.n - 1]);
    }
    wc_image_store_close(store);
    *out = pins;
    return status;
}

static const char *lock_word(const struct wc_cli_pin *pin)
{
    if (strchr(pin->image, '@') != NULL)
        return "by digest";
    return pin->locked == NULL ? "not locked" : pin->agrees ? "locked" : "not what is locked";
}

void wc_cli_pins_text(const struct wc_cli *cli, const struct wc_cli_pins *pins, struct wc_buf *out)
{
    static const char *const headings[] = { "service", "image", "digest", "lock" };
    struct wc_table *table = wc_table_new(cli->arena, headings, WC_COUNT(headings));
    for (size_t i = 0; i < pins->n; i++) {
        const struct wc_cli_pin *pin = &pins->items[i];
        const char *const cells[] = { pin->service, wc_image_short_reference(pin->name),
                                      pin->digest, lock_word(pin) };
        wc_table_row(table, cells);
    }
    wc_buf_addc(out, '\n');
    wc_table_format(table, out);
}

void wc_cli_pins_json(const struct wc_cli_pins *pins, struct wc_jsonw *w)
{
    wc_jsonw_array(w, "images");
    for (size_t i = 0; i < pins->n; i++) {
        const struct wc_cli_pin *pin = &pins->items[i];
        wc_jsonw_object(w, NULL);
        wc_jsonw_str(w, "service", pin->service);
        wc_jsonw_str(w, "image", pin->name);
        wc_jsonw_str(w, "digest", pin->digest);
        wc_jsonw_str(w, "locked", pin->locked);
        wc_jsonw_bool(w, "agrees", pin->agrees);
        wc_jsonw_end_object(w);
    }
    wc_jsonw_end_array(w);
}

static int refuse(struct wc_cli *cli, const struct wc_cli_pins *pins, const struct wc_cli_pin *pin)
{
    struct wc_err err = { 0 };
    const char *name = wc_image_short_reference(pin->name);
    if (pin->locked == NULL)
        wc_err_set_(&err, WC_ERR_DRIFT, 0,
                    "service %s: %s is not in %s: `wcompose lock` pins it to what it is now",
                    pin->service, name, pins->path);
    else if (pin->digest == NULL)
        wc_err_set_(&err, WC_ERR_NOENT, 0,
                    "service %s: %s is locked to %.19s…, and is not on this host", pin->service,
                    name, pin->locked);
    else
        wc_err_set_(&err, WC_ERR_DRIFT, 0,
                    "service %s: %s is %.19s… here, and locked to %.19s…: get that one, or accept "
                    "this one by `wcompose lock --update`",
                    pin->service, name, pin->digest, pin->locked);
    return wc_cli_fail(cli, &err);
}

int wc_cli_check_lock(struct wc_cli *cli, const struct wc_project *project)
{
    struct wc_cli_pins pins;
    struct wc_err err = { 0 };
    int status = wc_cli_pins(cli, project, &pins);
    if (status != 0)
        return status;
    if (!pins.has_lock) {
        wc_err_set_(&err, WC_ERR_NOENT, 0,
                    "--locked needs %s, which is missing: `wcompose lock` writes it", pins.path);
        return wc_cli_fail(cli, &err);
    }
    for (size_t i = 0; i < pins.n; i++)
        if (!pins.items[i].agrees)
            status = refuse(cli, &pins, &pins.items[i]);
    return status;
}
