/* test_preview.c - what a plan says, and that it changes nothing. */
// LINK: wc_orchestrator wc_drivers wc_images wc_core
#include "engine_box.h"

#include "wcompose/preview.h"

static const struct wc_sim_program job = { .run_ms = 50, .stop_ms = 5 };

#define SHOP "api<db.h,migrate.c db+ migrate<db.h web!always<api.s"

/* The engine is closed: one driver at a time looks at a simulated world. */
static int preview(struct box *box, struct wc_arena *arena, const char *model,
                   struct wc_preview_config config, struct wc_preview *out, struct wc_err *err)
{
    config.project = box_model(arena, model);
    config.process = &wc_sim_ops;
    config.driver_extra = box->world;
    return wc_preview(&config, arena, out, err);
}

static const struct wc_preview_service *service(const struct wc_preview *preview, const char *name)
{
    for (size_t i = 0; i < preview->n_services; i++)
        if (wc_streq(preview->services[i].service, name))
            return &preview->services[i];
    fail_msg("no service %s", name);
    return NULL;
}

static void of_nothing(void **state)
{
    struct box box;
    struct wc_arena arena;
    struct wc_preview out;
    struct wc_err err = { 0 };
    (void)state;
    wc_arena_init(&arena);
    box_begin(&box, 1);
    box_close(&box);
    assert_int_equal(preview(&box, &arena, SHOP, (struct wc_preview_config){ 0 }, &out, &err), 0);
    assert_int_equal(out.n_services, 4);
    assert_string_equal(out.services[0].service, "db");
    assert_string_equal(out.services[3].service, "web");
    assert_int_equal(service(&out, "db")->action, WC_PREVIEW_CREATE);
    assert_int_equal(service(&out, "migrate")->action, WC_PREVIEW_RUN);
    assert_string_equal(service(&out, "api")->after, "db healthy, migrate completed");
    assert_int_equal(out.counts[WC_PREVIEW_CREATE], 3);
    assert_int_equal(out.n_ops, 8);
    assert_int_equal(box_ops(&box), 0); /* nothing was done */
    box_end(&box);
    wc_arena_deinit(&arena);
}

static void of_changes(void **state)
{
    struct box box;
    struct wc_arena arena;
    struct wc_preview out;
    struct wc_err err = { 0 };
    (void)state;
    wc_arena_init(&arena);
    box_begin(&box, 2);
    wc_sim_set_program(box.world, "migrate", &job);
    box_apply(&box, SHOP " xtra*2");
    box_close(&box);
    unsigned ops = box_ops(&box);
    assert_int_equal(
        preview(&box, &arena, SHOP " xtra*2", (struct wc_preview_config){ 0 }, &out, &err), 0);
    assert_int_equal(out.n_ops, 0);
    assert_int_equal(out.counts[WC_PREVIEW_UNCHANGED], 5);
    assert_int_equal(preview(&box, &arena, "api=2<db.h,migrate.c db+ migrate<db.h",
                             (struct wc_preview_config){ .remove_orphans = true }, &out, &err),
                     0);
    assert_int_equal(service(&out, "api")->action, WC_PREVIEW_REPLACE);
    assert_string_equal(service(&out, "api")->reason, "configuration changed");
    assert_int_equal(service(&out, "web")->action, WC_PREVIEW_REMOVE);
    assert_string_equal(service(&out, "web")->reason, "not in the file any more");
    assert_int_equal(service(&out, "xtra")->counts[WC_PREVIEW_REMOVE], 2);
    assert_int_equal(service(&out, "db")->action, WC_PREVIEW_UNCHANGED);
    assert_int_equal(box_ops(&box), ops);
    box_end(&box);
    wc_arena_deinit(&arena);
}

static void of_who_needs_what_is_replaced(void **state)
{
    struct box box;
    struct wc_arena arena;
    struct wc_preview out;
    struct wc_err err = { 0 };
    (void)state;
    wc_arena_init(&arena);
    box_begin(&box, 4);
    box_apply(&box, "db web<db.sr");
    box_close(&box);
    assert_int_equal(
        preview(&box, &arena, "db=2 web<db.sr", (struct wc_preview_config){ 0 }, &out, &err), 0);
    assert_int_equal(service(&out, "db")->action, WC_PREVIEW_REPLACE);
    assert_int_equal(service(&out, "web")->action, WC_PREVIEW_RESTART);
    assert_string_equal(service(&out, "web")->reason, "something it needs is replaced");
    box_end(&box);
    wc_arena_deinit(&arena);
}

static void of_a_stopped_one(void **state)
{
    struct box box;
    struct wc_arena arena;
    struct wc_preview out;
    struct wc_err err = { 0 };
    (void)state;
    wc_arena_init(&arena);
    box_begin(&box, 3);
    box_apply(&box, "db web*3");
    box_request(&box, WC_REQUEST_STOP, "db");
    box_close(&box);
    assert_int_equal(preview(&box, &arena, "db web*4", (struct wc_preview_config){ 0 }, &out, &err),
                     0);
    assert_int_equal(service(&out, "db")->action, WC_PREVIEW_START);
    assert_int_equal(service(&out, "web")->action, WC_PREVIEW_CREATE);
    assert_int_equal(service(&out, "web")->counts[WC_PREVIEW_UNCHANGED], 3);
    assert_int_equal(
        preview(&box, &arena, "a<b.s b<a.s", (struct wc_preview_config){ 0 }, &out, &err),
        WC_ERR_SPEC);
    box_end(&box);
    wc_arena_deinit(&arena);
}

WC_MAIN(WC_CASE(of_nothing), WC_CASE(of_changes), WC_CASE(of_who_needs_what_is_replaced),
        WC_CASE(of_a_stopped_one))
