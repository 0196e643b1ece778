/* fuzz_agent.c - any bytes as the agent file.
 *
 * What must hold: no crash; apps come out exactly when there is no error; each has one kind of
 * source, a name that a project may have, sane times, and waits for apps that are there.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "wcompose/agent.h"
#include "wcompose/diag.h"
#include "wcompose/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t size;
};

static int read_input(void *data, const char *path, size_t limit, struct wc_buf *out,
                      struct wc_err *err)
{
    const struct input *input = data;
    (void)path, (void)err;
    if (input->size > limit)
        return WC_ERR_LIMIT;
    wc_buf_add(out, input->data, input->size);
    return 0;
}

static bool exists(void *data, const char *path)
{
    (void)data, (void)path;
    return false;
}

static void check_rule(const struct wc_agent_image_rule *rule)
{
    if (rule->kind == NULL || (strcmp(rule->kind, "semver") == 0) != (rule->range != NULL))
        abort();
}

static void check_images(const struct wc_agent_images *images)
{
    check_rule(&images->all);
    for (size_t i = 0; i < images->n_services; i++)
        check_rule(wc_agent_image_rule(images, images->services[i].service));
    if (images->interval_ms < 5000)
        abort();
}

static void check(const struct wc_agent *agent)
{
    for (size_t i = 0; i < agent->n_apps; i++) {
        const struct wc_agent_app *app = &agent->apps[i];
        const struct wc_agent_source *source = &app->source;
        int kinds = (source->git != NULL) + (source->directory != NULL) + (source->file != NULL) +
                    (source->archive != NULL);
        int pins = (source->branch != NULL) + (source->tag != NULL) + (source->semver != NULL) +
                   (source->commit != NULL);
        if (kinds != 1 || pins != (source->git != NULL) || app->name[0] == '\0')
            abort();
        if (app->interval_ms < 5000 || app->ready_ms < 1000 || source->max_bytes <= 0)
            abort();
        check_images(&app->images);
        for (size_t k = 0; k < app->depends_on.n; k++)
            if (wc_agent_app(agent, app->depends_on.items[k]) == NULL)
                abort();
        for (size_t k = 0; k < app->n_windows; k++)
            if (app->windows[k].days == 0 || app->windows[k].length == 0)
                abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { data, size };
    const struct wc_spec_access access = { read_input, exists, &input };
    struct wc_arena arena;
    struct wc_diags diags;
    struct wc_agent agent = { 0 };
    wc_arena_init(&arena);
    wc_diags_init(&diags, &arena);
    int rc = wc_agent_file_read("/agent.yaml", &access, &arena, &diags, &agent);
    if ((rc == 0) != (diags.n_errors == 0) || (rc != 0 && agent.n_apps != 0))
        abort();
    check(&agent);
    wc_arena_deinit(&arena);
    return 0;
}
