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
#include "wcompose/spec.h"

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
static int read_lock(const char *path, struct wc_buf *text, struct wc_json **out,
                     struct wc_err *err)
{
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    *out = NULL;
    int rc = wc_fs_read(path, LOCK_MAX, text, err);
    if (rc == WC_ERR_NOENT)
        return 0;
    if (rc == 0)
        rc = wc_json_parse(text->data, text->len, &root, err);
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
    bool is_named =
        wc_image_resolve_for(store, pin->image, pin->platform, cli->arena, &here, &none) == 0;
    if (is_named)
        pin->digest = here.list_digest != NULL ? here.list_digest : here.digest;
    pin->agrees = is_named && strchr(pin->image, '@') != NULL;
    if (pin->locked == NULL)
        return;
    const char *exact = wc_arena_printf(cli->arena, "%s@%s", pin->name, pin->locked);
    pin->is_here =
        wc_image_resolve_for(store, exact, pin->platform, cli->arena, &there, &none) == 0;
    if (is_named && pin->is_here && wc_streq(there.digest, here.digest))
        pin->agrees = true; /* the digest may be a list's */
}

/* Where the lock speaks of the name. It is a file of ours: a pin has a line, and names need no
 * escapes. */
static struct wc_loc place_of(struct wc_cli *cli, const char *path, const struct wc_buf *text,
                              const char *name)
{
    struct wc_loc at = { .file = path, .line = 1, .col = 1 };
    const char *key = wc_arena_printf(cli->arena, "\"%s\"", name);
    const char *found = text->len > 0 ? strstr(text->data, key) : NULL;
    for (const char *p = text->data; found != NULL && p < found; p++) {
        at.col = *p == '\n' ? 1 : at.col + 1;
        at.line += *p == '\n';
    }
    return at;
}

static int add_pin(struct wc_cli *cli, const struct wc_service *service, const struct wc_json *lock,
                   struct wc_cli_pins *pins)
{
    struct wc_err err = { 0 };
    pins->items = wc_arena_grow(cli->arena, pins->items, pins->n, &pins->cap, sizeof *pins->items);
    struct wc_cli_pin *pin = &pins->items[pins->n];
    *pin = (struct wc_cli_pin){ .service = service->name,
                                .image = service->image,
                                .platform = service->platform };
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
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    WC_CLEANUP_JSON struct wc_json *lock = NULL;
    struct wc_cli_pins pins = { .path = wc_arena_printf(cli->arena, "%s/wcompose.lock",
                                                        project->working_dir) };
    if (read_lock(pins.path, &text, &lock, &err) != 0)
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
        if (status != 0)
            break;
        struct wc_cli_pin *pin = &pins.items[pins.n - 1];
        if (pin->locked != NULL)
            pin->at = place_of(cli, pins.path, &text, pin->name);
        look_in_store(cli, store, pin);
    }
    wc_image_store_close(store);
    *out = pins;
    return status;
}

static const char *lock_word(const struct wc_cli_pin *pin)
{
    if (strchr(pin->image, '@') != NULL)
        return "by digest";
    return pin->locked == NULL ? "not locked"
           : pin->agrees       ? "locked"
           : pin->is_here      ? "another one is locked"
                               : "another one is locked, which isn't here";
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
        wc_jsonw_bool(w, "locked_is_here", pin->is_here);
        wc_jsonw_end_object(w);
    }
    wc_jsonw_end_array(w);
}

const struct wc_cli_pin *wc_cli_pin_of(const struct wc_cli_pins *pins, const char *service)
{
    for (size_t i = 0; pins != NULL && i < pins->n; i++)
        if (wc_streq(pins->items[i].service, service))
            return pins->items[i].locked != NULL ? &pins->items[i] : NULL;
    return NULL;
}

static int check_complete(struct wc_cli *cli, const struct wc_cli_pins *pins)
{
    struct wc_err err = { 0 };
    int status = 0;
    if (!pins->has_lock) {
        wc_err_set_(&err, WC_ERR_NOENT, 0,
                    "--locked needs %s, which is missing: `wcompose lock` writes it", pins->path);
        return wc_cli_fail(cli, &err);
    }
    for (size_t i = 0; i < pins->n; i++) {
        const struct wc_cli_pin *pin = &pins->items[i];
        if (pin->locked != NULL || strchr(pin->image, '@') != NULL)
            continue;
        wc_err_set_(&err, WC_ERR_DRIFT, 0,
                    "service %s: %s is not in %s: `wcompose lock` pins it to what it is now",
                    pin->service, wc_image_short_reference(pin->name), pins->path);
        status = wc_cli_fail(cli, &err);
    }
    return status;
}

struct pinning {
    struct wc_cli *cli;
    const struct wc_cli_pins *pins;
};

static const char *pinned_image(void *data, const char *service, const char *image)
{
    const struct pinning *pinning = data;
    const struct wc_cli_pin *pin = wc_cli_pin_of(pinning->pins, service);
    if (pin == NULL || strchr(image, '@') != NULL)
        return image;
    return wc_arena_printf(pinning->cli->arena, "%s@%s", image, pin->locked);
}

int wc_cli_pin_services(struct wc_cli *cli, struct wc_project *project,
                        const struct wc_cli_pins *pins)
{
    struct pinning pinning = { .cli = cli, .pins = pins };
    int status = check_complete(cli, pins);
    if (status != 0)
        return status;
    for (size_t i = 0; i < project->n_services; i++) {
        struct wc_service *s = &project->services[i];
        if (s->image != NULL)
            s->image = pinned_image(&pinning, s->name, s->image);
    }
    (void)wc_spec_pin_images(project, cli->arena, pinned_image, &pinning, false);
    return 0;
}
