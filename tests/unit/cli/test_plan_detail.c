/* test_plan_detail.c - fields, costs and the longest path, from values. */
#include "scene_box.h"

#include "base/json.h"
#include "cli/plan_detail.h"

static const char before[] = "name: shop\n"
                             "services:\n"
                             "  db: {image: a, healthcheck: {test: [CMD, x]}}\n"
                             "  job: {image: a, depends_on: {db: {condition: service_healthy}}}\n"
                             "  old: {image: a}\n"
                             "  web:\n"
                             "    image: a:1\n"
                             "    environment: {LEVEL: info, DB_PASSWORD: one, GONE: x}\n"
                             "    depends_on: {job: {condition: service_completed_successfully}}\n";

static const char after[] = "name: shop\n"
                            "services:\n"
                            "  db: {image: a, healthcheck: {test: [CMD, x]}, restart: always}\n"
                            "  job: {image: a, depends_on: {db: {condition: service_healthy}}}\n"
                            "  new: {image: a}\n"
                            "  web:\n"
                            "    image: a:2\n"
                            "    stop_grace_period: 3s\n"
                            "    environment:\n"
                            "      LEVEL: debug\n"
                            "      DB_PASSWORD: two\n"
                            "    depends_on: {job: {condition: service_completed_successfully}}\n"
                            "networks: {default: {internal: true}}\n";

struct box {
    struct scene was, is;
    struct wc_preview preview;
    struct wc_preview_service services[8];
    struct wc_plan_detail_in in;
    struct wc_plan_detail out;
};

static void begin(struct box *b)
{
    scene_begin(&b->was, before);
    scene_begin(&b->is, after);
    b->preview = (struct wc_preview){ .services = b->services };
    b->in = (struct wc_plan_detail_in){ .before = b->was.in.model,
                                        .after = b->is.in.model,
                                        .preview = &b->preview,
                                        .ps = &b->is.ps,
                                        .whole = true };
}

static void end(struct box *b)
{
    scene_end(&b->was);
    scene_end(&b->is);
}

static void add(struct box *b, const char *service, enum wc_preview_action action)
{
    b->services[b->preview.n_services++] =
        (struct wc_preview_service){ .service = service, .action = action, .reason = "" };
}

static void check(struct box *b, const char *expected)
{
    static const struct wc_style plain;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    wc_plan_detail_make(&b->in, &b->is.arena, &b->out);
    wc_plan_detail_text(&b->out, &plain, "/srv", &out);
    assert_string_equal(out.len > 0 ? out.data : "", expected);
}

static void fields_have_old_new_and_place(void **state)
{
    (void)state;
    struct box b;
    begin(&b);
    add(&b, "db", WC_PREVIEW_UNCHANGED);
    add(&b, "new", WC_PREVIEW_CREATE);
    add(&b, "web", WC_PREVIEW_REPLACE);
    add(&b, "old", WC_PREVIEW_REMOVE);
    scene_row(&b.is, "web");
    check(
        &b,
        "\nchanges\n"
        "  db: in place\n"
        "    restart: none -> \"always\"   compose.yaml:3:58\n"
        "  web: replace; down for 3.0 s at most (stop_grace_period) and its start, not known yet\n"
        "    environment.DB_PASSWORD: \"(hidden)\" -> \"(hidden)\"   compose.yaml:11:20\n"
        "    environment.GONE: \"x\" -> none   compose.yaml:9:5\n"
        "    environment.LEVEL: \"info\" -> \"debug\"   compose.yaml:10:14\n"
        "    image: \"a:1\" -> \"a:2\"   compose.yaml:7:12\n"
        "    stop_grace_period: none -> \"3s\"   compose.yaml:8:24\n"
        "  the project\n"
        "    networks.default.internal: none -> true   compose.yaml:13:32\n");
    b.in.whole = false; /* some services: the rest of the file is no news */
    b.preview.n_services = 0;
    check(&b, "");
    end(&b);
}

static void a_first_plan_changes_nothing_but_has_a_path(void **state)
{
    (void)state;
    struct box b;
    begin(&b);
    b.in.before = NULL;
    add(&b, "db", WC_PREVIEW_CREATE);
    add(&b, "new", WC_PREVIEW_CREATE);
    add(&b, "job", WC_PREVIEW_RUN);
    add(&b, "web", WC_PREVIEW_CREATE);
    check(&b, "\ncritical path: db healthy > job completed > web started\n");
    end(&b);
}

static void what_it_took_the_last_time(void **state)
{
    (void)state;
    struct box b;
    begin(&b);
    b.in.before = b.in.after;
    add(&b, "db", WC_PREVIEW_REPLACE);
    add(&b, "job", WC_PREVIEW_START);
    add(&b, "web", WC_PREVIEW_RESTART);
    scene_row(&b.is, "web");
    scene_row(&b.is, "db");
    scene_event(&b.is, 1, 0, NULL, "applying", NULL);
    scene_event(&b.is, 2, 1, "db", "created", NULL);
    scene_event(&b.is, 3, 2, "db", "started", NULL);
    scene_event(&b.is, 7, 3, "db", "healthy", NULL);
    scene_event(&b.is, 8, 7, "job", "started", NULL);
    scene_event(&b.is, 10, 8, "job", "exited", NULL);
    check(
        &b,
        "\nchanges\n"
        "  db: replace; down for 10.0 s at most (stop_grace_period) and its start, 5.0 s the last "
        "time\n"
        "  web: restart; down for 3.0 s at most (stop_grace_period) and its start, not known yet\n"
        "\ncritical path: db healthy (5.0 s) > job completed (3.0 s) > web started; at least 8.0 s,"
        " by the last time\n");
    WC_CLEANUP_BUF struct wc_buf json = WC_BUF_INIT;
    struct wc_jsonw w = WC_JSONW_INIT(&json);
    wc_jsonw_object(&w, NULL);
    wc_plan_detail_json(&b.out, &w);
    wc_jsonw_end_object(&w);
    assert_non_null(strstr(json.data, "{\"service\":\"db\",\"how\":\"replace\",\"fields\":[],"
                                      "\"rollout\":false,\"goes_down\":true,"
                                      "\"stop_at_most_ms\":10000,"
                                      "\"start_last_ms\":5000}"));
    assert_non_null(strstr(json.data, "{\"service\":\"web\",\"until\":\"started\","
                                      "\"last_ms\":null}]"));
    end(&b);
}

static void a_rollout_goes_one_by_one(void **state)
{
    (void)state;
    static const char old[] = "name: shop\n"
                              "services:\n"
                              "  a: {image: i:1, deploy: {update_config: {order: start-first}}}\n"
                              "  b: {image: i:1, deploy: {update_config: {parallelism: 1}}}\n";
    static const char new[] = "name: shop\n"
                              "services:\n"
                              "  a: {image: i:2, deploy: {update_config: {order: start-first}}}\n"
                              "  b: {image: i:2, deploy: {update_config: {parallelism: 1}}}\n";
    struct box b;
    begin(&b);
    end(&b);
    scene_begin(&b.was, old);
    scene_begin(&b.is, new);
    b.in.before = b.was.in.model;
    b.in.after = b.is.in.model;
    b.in.ps = &b.is.ps;
    add(&b, "a", WC_PREVIEW_REPLACE);
    add(&b, "b", WC_PREVIEW_REPLACE);
    scene_row(&b.is, "a");
    scene_row(&b.is, "b");
    check(&b,
          "\nchanges\n"
          "  a: replace by a rollout, start first\n"
          "    image: \"i:1\" -> \"i:2\"   compose.yaml:3:14\n"
          "  b: replace by a rollout; each replica down for 10.0 s at most (stop_grace_period) and "
          "its start, not known yet\n"
          "    image: \"i:1\" -> \"i:2\"   compose.yaml:4:14\n");
    end(&b);
}

/* The longer one of two ways is shown, and what is up already is on none. */
static void the_path_is_the_longest(void **state)
{
    (void)state;
    static const char two_ways[] = "name: shop\n"
                                   "services:\n"
                                   "  a: {image: i}\n"
                                   "  b: {image: i}\n"
                                   "  c: {image: i, depends_on: [a, b]}\n"
                                   "  d: {image: i, depends_on: [c]}\n";
    struct box b;
    begin(&b);
    scene_end(&b.is);
    scene_begin(&b.is, two_ways);
    b.in.before = NULL;
    b.in.after = b.is.in.model;
    b.in.ps = &b.is.ps;
    add(&b, "a", WC_PREVIEW_CREATE);
    add(&b, "b", WC_PREVIEW_CREATE);
    add(&b, "c", WC_PREVIEW_CREATE);
    add(&b, "d", WC_PREVIEW_UNCHANGED);
    scene_event(&b.is, 1, 0, NULL, "applying", NULL);
    scene_event(&b.is, 2, 1, "a", "started", NULL);
    scene_event(&b.is, 9, 1, "b", "started", NULL);
    check(&b, "\ncritical path: b started (8.0 s) > c started; at least 8.0 s, by the last time\n");
    end(&b);
}

WC_MAIN(WC_CASE(fields_have_old_new_and_place),
        WC_CASE(a_first_plan_changes_nothing_but_has_a_path), WC_CASE(what_it_took_the_last_time),
        WC_CASE(a_rollout_goes_one_by_one), WC_CASE(the_path_is_the_longest))
