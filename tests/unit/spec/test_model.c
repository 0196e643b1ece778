/* test_model.c - what ends up in the model: defaults, twins, order, places, hashes. */
#include "spec_box.h"

#include "base/buf.h"

#define HEAD "name: t\nservices:\n  web:\n    image: nginx\n"

static void defaults(void **state)
{
    (void)state;
    struct box box;
    const struct wc_service *s = box_service(&box, HEAD, "web");
    assert_int_equal(s->stop_grace_ms, 10000);
    assert_int_equal(s->replicas, 1);
    assert_int_equal(s->restart, WC_RESTART_NO);
    assert_int_equal(s->mem_limit_bytes, WC_UNSET);
    assert_int_equal(s->init, WC_TRI_UNSET);
    assert_false(s->command.set);
    assert_int_equal(s->n_networks, 1);
    assert_string_equal(s->networks[0].network, "default");
    assert_string_equal(wc_project_network(box.project, "default")->name, "t_default");
    assert_int_equal(s->isolation, WC_ISOLATION_DEFAULT);
    assert_int_equal(s->isolation_at.line, 0);
    box_free(&box);
}

static void places(void **state)
{
    (void)state;
    struct box box;
    const struct wc_service *s =
        box_service(&box,
                    "services:\n  web:\n    image: a\n    isolation: hyperv\n    depends_on:\n"
                    "      - db\n    ports: [\"80\"]\n  db: {image: b}\n",
                    "web");
    assert_int_equal(s->at.line, 2);
    assert_int_equal(s->at.col, 3);
    assert_string_equal(s->at.file, "compose.yaml");
    assert_int_equal(s->isolation_at.line, 4);
    assert_int_equal(s->isolation_at.col, 16);
    assert_int_equal(s->deps[0].at.line, 6);
    assert_int_equal(s->deps[0].at.col, 9);
    assert_int_equal(s->ports[0].at.col, 13);
    box_free(&box);
}

static void check_place(const struct box *box, const char *path, unsigned line, unsigned col)
{
    struct wc_loc at = { 0 };
    if (!wc_spec_place(box->project, path, &at) || at.line != line || at.col != col)
        fail_msg("%s: %u:%u, expected %u:%u", path, at.line, at.col, line, col);
}

static void places_by_path(void **state)
{
    (void)state;
    struct box box;
    box_service(&box,
                "services:\n  web:\n    image: a\n    environment:\n      LEVEL: one\n"
                "      A.B: two\n    restart: always\n    depends_on:\n      - db\n"
                "  db:\n    image: b\n    environment: [X=1, Y=2]\n"
                "    healthcheck: {test: [CMD, a]}\n",
                "web");
    check_place(&box, "services.web", 2, 3);
    check_place(&box, "services.web.environment", 4, 5);
    check_place(&box, "services.web.environment.LEVEL", 5, 14);
    check_place(&box, "services.web.environment[A.B]", 6, 12);
    check_place(&box, "services.web.restart", 7, 14);
    check_place(&box, "services.web.depends_on.db", 9, 9);
    check_place(&box, "services.db.environment.Y", 12, 24);
    check_place(&box, "services.db.healthcheck", 13, 5);
    check_place(&box, "services.db.cpus", 10, 3); /* not written: the service */
    struct wc_loc at;
    assert_false(wc_spec_place(box.project, "services2", &at));
    WC_CLEANUP_BUF struct wc_buf wire = WC_BUF_INIT;
    wc_spec_render_wire(box.project, &wire);
    struct wc_spec_options options = {
        .cwd = "/", .canonical = true, .text = wire.data, .text_len = wire.len
    };
    struct wc_project *again;
    assert_int_equal(wc_spec_load(&options, &box.arena, &box.diags, &again), 0);
    assert_true(wc_spec_place(again, "services.web.restart", &at)); /* no more than the service */
    assert_int_equal(at.line, 2);
    assert_int_equal(at.col, 3);
    box_free(&box);
}

static void health_times_are_filled(void **state)
{
    (void)state;
    struct box box;
    const struct wc_service *s =
        box_service(&box, HEAD "    healthcheck: {test: curl x, interval: 5s}\n", "web");
    assert_true(s->health.set);
    assert_string_equal(s->health.test.items[0], "CMD-SHELL");
    assert_int_equal(s->health.interval_ms, 5000);
    assert_int_equal(s->health.timeout_ms, 30000);
    assert_int_equal(s->health.start_period_ms, 0);
    assert_int_equal(s->health.start_interval_ms, 5000);
    assert_int_equal(s->health.retries, 3);
    box_free(&box);
    s = box_service(&box, HEAD "    healthcheck: {test: [NONE]}\n", "web");
    assert_true(s->health.disable);
    box_free(&box);
    s = box_service(&box, HEAD "    healthcheck: {retries: 5}\n", "web");
    assert_int_equal(s->health.test.n, 0);
    assert_int_equal(s->health.retries, 5);
    assert_int_equal(s->health.interval_ms, WC_UNSET);
    box_free(&box);
}

static void resources(void **state)
{
    (void)state;
    struct box box;
    const struct wc_service *s =
        box_service(&box,
                    HEAD "    memswap_limit: -1\n    deploy: {replicas: 3, resources: {limits: "
                         "{memory: 1G, cpus: '0.25', pids: 7}, reservations: {memory: 5m}}}\n",
                    "web");
    assert_int_equal(s->mem_limit_bytes, 1 << 30);
    assert_int_equal(s->nano_cpus, 250000000);
    assert_int_equal(s->pids_limit, 7);
    assert_int_equal(s->mem_reservation_bytes, 5 << 20);
    assert_int_equal(s->replicas, 3);
    assert_true(s->memswap_unlimited);
    box_free(&box);
}

static void quotas_and_io(void **state)
{
    (void)state;
    struct box box;
    const struct wc_service *s =
        box_service(&box,
                    HEAD "    cpu_quota: '20000'\n    cpu_period: 50000\n    blkio_config:\n"
                         "      weight: 300\n      weight_device: [{path: /dev/a, weight: 40}]\n"
                         "      device_read_iops: [{path: /dev/b, rate: 120}, {path: /dev/c}]\n"
                         "      device_write_bps: [{path: /dev/b, rate: 12mb}]\n",
                    "web");
    assert_int_equal(s->cpu_quota_us, 20000);
    assert_int_equal(s->cpu_period_us, 50000);
    assert_int_equal(s->io.weight, 300);
    assert_int_equal(s->io.weights.n, 1);
    assert_string_equal(s->io.weights.items[0].path, "/dev/a");
    assert_int_equal(s->io.weights.items[0].value, 40);
    const struct wc_io_list *reads = &s->io.rates[WC_IO_READ_IOPS];
    assert_int_equal(reads->n, 2);
    assert_int_equal(reads->items[0].value, 120);
    assert_int_equal(reads->items[1].value, WC_UNSET); /* the driver refuses it */
    assert_true(reads->items[1].at.line > 0);
    assert_int_equal(s->io.rates[WC_IO_WRITE_BPS].items[0].value, 12 << 20);
    assert_int_equal(s->io.rates[WC_IO_READ_BPS].n + s->io.rates[WC_IO_WRITE_IOPS].n, 0);
    box_free(&box);
    s = box_service(
        &box, HEAD "    cpu_quota: -1\n    cpu_period: 0\n    blkio_config: {weight: 0}\n", "web");
    assert_int_equal(s->cpu_quota_us, WC_UNSET);
    assert_int_equal(s->cpu_period_us, WC_UNSET);
    assert_int_equal(s->io.weight, WC_UNSET);
    box_free(&box);
}

static void restart_policies(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum wc_restart restart;
        int64_t max;
    } rows[] = {
        { "    restart: always\n", WC_RESTART_ALWAYS, WC_UNSET },
        { "    restart: \"no\"\n", WC_RESTART_NO, WC_UNSET },
        { "    restart: no\n", WC_RESTART_NO, WC_UNSET },
        { "    restart: unless-stopped\n", WC_RESTART_UNLESS_STOPPED, WC_UNSET },
        { "    restart: on-failure:3\n", WC_RESTART_ON_FAILURE, 3 },
        { "    restart: on-failure:0\n", WC_RESTART_ON_FAILURE, WC_UNSET },
        { "    deploy: {restart_policy: {condition: on-failure, max_attempts: 0}}\n",
          WC_RESTART_ON_FAILURE, WC_UNSET },
        { "    deploy: {restart_policy: {condition: any}}\n", WC_RESTART_ALWAYS, WC_UNSET },
        { "    restart: always\n    deploy: {restart_policy: {condition: on-failure, "
          "max_attempts: 2}}\n",
          WC_RESTART_ON_FAILURE, 2 },
        { "    deploy: {restart_policy: {delay: 5s}}\n", WC_RESTART_ALWAYS, WC_UNSET },
        { "    deploy: {restart_policy: {condition: none, window: 5s}}\n", WC_RESTART_NO,
          WC_UNSET },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct box box;
        char text[512];
        snprintf(text, sizeof text, "%s%s", HEAD, rows[i].text);
        const struct wc_service *s = box_service(&box, text, "web");
        assert_int_equal(s->restart, rows[i].restart);
        assert_int_equal(s->restart_max, rows[i].max);
        box_free(&box);
    }
}

static void mounts(void **state)
{
    (void)state;
    struct box box;
    const struct wc_service *s =
        box_service(&box,
                    HEAD "    volumes: [\"./a:/a:ro\", \"v:/v:nocopy\", /anon]\n    tmpfs: "
                         "\"/run:size=1m,mode=700,noexec,uid=5\"\nvolumes: {v: }\n",
                    "web");
    const struct wc_mount *a = NULL, *v = NULL, *anon = NULL, *run = NULL;
    assert_int_equal(s->n_mounts, 4);
    for (size_t i = 0; i < 4; i++) {
        const struct wc_mount *m = &s->mounts[i];
        a = wc_streq(m->target, "/a") ? m : a;
        v = wc_streq(m->target, "/v") ? m : v;
        anon = wc_streq(m->target, "/anon") ? m : anon;
        run = wc_streq(m->target, "/run") ? m : run;
    }
    assert_true(a != NULL && v != NULL && anon != NULL && run != NULL);
    assert_string_equal(a->source, "/nonexistent/box/a");
    assert_true(a->read_only && a->create_host_path && a->type == WC_MOUNT_BIND);
    assert_true(v->nocopy && v->type == WC_MOUNT_VOLUME);
    assert_null(anon->source);
    assert_int_equal(run->type, WC_MOUNT_TMPFS);
    assert_int_equal(run->tmpfs_size_bytes, 1 << 20);
    assert_int_equal(run->tmpfs_mode, 0700);
    assert_string_equal(run->tmpfs_options, "noexec,uid=5");
    assert_true(wc_project_volume(box.project, "v")->used);
    box_free(&box);
}

static void implied_dependencies(void **state)
{
    (void)state;
    struct box box;
    const struct wc_service *s =
        box_service(&box,
                    HEAD "    network_mode: service:db\n    links: [c]\n    pid: service:d\n  db: "
                         "{image: x}\n  c: {image: x}\n  d: {image: x}\n",
                    "web");
    assert_int_equal(s->network_mode, WC_NETMODE_SERVICE);
    assert_string_equal(s->network_mode_service, "db");
    assert_int_equal(s->n_deps, 3);
    assert_true(s->deps[0].restart);
    assert_int_equal(s->n_networks, 0);
    box_free(&box);
}

static void default_route_is_stable(void **state)
{
    (void)state;
    struct box box;
    const struct wc_service *s = box_service(
        &box, HEAD "    networks: {z: , a: , m: {priority: 5}}\nnetworks: {a: , m: , z: }\n",
        "web");
    assert_string_equal(s->networks[0].network, "m");
    assert_string_equal(s->networks[1].network, "a");
    assert_string_equal(s->networks[2].network, "z");
    box_free(&box);
}

static void hash_of(const char *more, char out[65])
{
    struct box box;
    char text[512];
    snprintf(text, sizeof text, "%s%s", HEAD, more);
    memcpy(out, box_service(&box, text, "web")->spec_hash, 65);
    box_free(&box);
}

static void hash_sees_what_needs_a_new_instance(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "    command: [a]\n",
        "    environment: {A: 1}\n",
        "    ports: [80]\n",
        "    oom_kill_disable: true\n",
        "    networks: [default]\nnetworks: {default: {internal: true}}\n",
    };
    static const char *const same[] = {
        "    scale: 3\n",
        "    deploy: {replicas: 2}\n",
        "    profiles: []\n",
        "    restart: always\n",
        "    depends_on: [b]\n  b: {image: x}\n",
        "    x-mine: 1\n",
        "    pull_policy: never\n",
        "    networks: [default]\n",
        "    mem_limit: 5m\n",
        "    cpu_quota: 5000\n",
        "    blkio_config: {weight: 100}\n",
        "    labels: {a: b}\n",
        /* what comes of these is settled by the rules */
        "    isolation: hyperv\n",
        "    isolation: process\n",
        "    x-wcompose: {trust: untrusted, tenant: a, image: {os: linux}}\n",
        "    x-wcompose: {vm: {memory: 192m}}\n",
    };
    char base[65], other[65];
    hash_of("", base);
    assert_int_equal(strlen(base), 64);
    for (size_t i = 0; i < WC_COUNT(changes); i++) {
        hash_of(changes[i], other);
        assert_string_not_equal(base, other);
    }
    for (size_t i = 0; i < WC_COUNT(same); i++) {
        hash_of(same[i], other);
        if (strcmp(base, other) != 0)
            fail_msg("the hash changed by: %s", same[i]);
    }
}

/* A level that is settled is a part of the hash, and so is the machine's make with it. */
static void hash_sees_the_level(void **state)
{
    (void)state;
    static const char *const machines[] = { "", "    x-wcompose: {vm: {memory: 192m}}\n",
                                            "    x-wcompose: {vm: {template: false}}\n" };
    static const struct wc_settled hyperv = { .level = WC_ISOLATION_HYPERV },
                                   process = { .level = WC_ISOLATION_PROCESS };
    char base[65], last[65] = "";
    hash_of("", base);
    for (size_t i = 0; i < WC_COUNT(machines); i++) {
        struct box box;
        char text[512];
        snprintf(text, sizeof text, "%s%s", HEAD, machines[i]);
        struct wc_service service = *box_service(&box, text, "web");
        wc_service_settle(&service, &process);
        assert_string_equal(service.spec_hash, base);
        wc_service_settle(&service, &hyperv);
        assert_string_not_equal(service.spec_hash, base);
        assert_string_not_equal(service.spec_hash, last);
        memcpy(last, service.spec_hash, sizeof last);
        wc_service_settle(&service, &hyperv);
        assert_string_equal(service.spec_hash, last);
        wc_service_settle(&service, &process);
        assert_string_equal(service.spec_hash, base);
        box_free(&box);
    }
}

static void inplace_of(const char *more, char out[65])
{
    struct box box;
    char text[512];
    snprintf(text, sizeof text, "%s%s", HEAD, more);
    memcpy(out, box_service(&box, text, "web")->inplace_hash, 65);
    box_free(&box);
}

static void inplace_hash_sees_limits_and_labels(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "    mem_limit: 5m\n",
        "    mem_limit: 6m\n",
        "    mem_limit: 5m\n    memswap_limit: 9m\n",
        "    mem_reservation: 5m\n",
        "    cpus: 1.5\n",
        "    cpu_shares: 7\n",
        "    cpuset: \"0\"\n",
        "    pids_limit: 9\n",
        "    cpu_quota: 5000\n",
        "    cpu_period: 5000\n",
        "    blkio_config: {weight: 100}\n",
        "    blkio_config: {device_read_bps: [{path: /a, rate: 1}]}\n",
        "    blkio_config: {device_read_bps: [{path: /a, rate: 2}]}\n",
        "    labels: {a: b}\n",
        "    labels: {a: c}\n",
        "    deploy: {resources: {limits: {memory: 5m}}}\n",
        "    deploy: {resources: {limits: {pids: 5}}}\n",
        "    deploy: {resources: {reservations: {memory: 5m}}}\n",
    };
    static const char *const same[] = {
        "    command: [a]\n",
        "    environment: {A: 1}\n",
        "    restart: always\n",
        "    stop_signal: SIGINT\n",
        "    x-mine: 1\n",
        "    deploy: {replicas: 2, restart_policy: {condition: any}, x-mine: 1}\n",
        "    networks: [default]\n",
        "    logging: {options: {max-size: 1m}}\n",
        "    ports: [{target: 80, x-a: 1}]\n",
    };
    char hashes[WC_COUNT(changes) + 1][65], other[65];
    inplace_of("", hashes[0]);
    assert_int_equal(strlen(hashes[0]), 64);
    for (size_t i = 0; i < WC_COUNT(changes); i++) {
        inplace_of(changes[i], hashes[i + 1]);
        for (size_t k = 0; k <= i; k++)
            if (strcmp(hashes[k], hashes[i + 1]) == 0)
                fail_msg("the hash isn't changed by: %s", changes[i]);
    }
    for (size_t i = 0; i < WC_COUNT(same); i++) {
        inplace_of(same[i], other);
        if (strcmp(hashes[0], other) != 0)
            fail_msg("the hash is changed by: %s", same[i]);
    }
}

static void hash_ignores_order_and_notation(void **state)
{
    (void)state;
    char one[65], two[65];
    hash_of("    environment: {A: 1, B: 2}\n    ports: [\"80:80\"]\n    mem_limit: 1g\n", one);
    hash_of("    mem_limit: 1024m\n    ports: [{target: 80, published: 80}]\n    environment: "
            "[B=2, A=1]\n",
            two);
    assert_string_equal(one, two);
}

WC_MAIN(WC_CASE(defaults), WC_CASE(places), WC_CASE(places_by_path),
        WC_CASE(health_times_are_filled), WC_CASE(resources), WC_CASE(quotas_and_io),
        WC_CASE(restart_policies), WC_CASE(mounts), WC_CASE(implied_dependencies),
        WC_CASE(default_route_is_stable), WC_CASE(hash_sees_what_needs_a_new_instance),
        WC_CASE(hash_sees_the_level), WC_CASE(inplace_hash_sees_limits_and_labels),
        WC_CASE(hash_ignores_order_and_notation))
