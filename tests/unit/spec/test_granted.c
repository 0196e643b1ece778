/* test_granted.c - what a restricted source may have of the host: nothing, unless it is granted;
 * and where its files are used from. */
#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "spec/granted.h"
#include "spec/table.h"
#include "wcompose/spec.h"

static struct wc_arena arena;
static struct wc_diags diags;
static struct wc_project *project;

static void load(const char *text, const struct wc_grant *grant)
{
    const struct wc_spec_options options = { .cwd = "/srv/app",
                                             .project_name = "app",
                                             .text = text,
                                             .text_len = strlen(text),
                                             .restricted = true,
                                             .grant = grant };
    wc_arena_init(&arena);
    wc_diags_init(&diags, &arena);
    project = NULL;
    (void)wc_spec_load(&options, &arena, &diags, &project);
}

/* The first E117, or NULL; fails where there is another error instead. */
static const struct wc_diag *refusal(void)
{
    const struct wc_diag *found = NULL;
    for (size_t i = 0; i < diags.n; i++)
        if (wc_streq(diags.items[i].code, "E117") && found == NULL)
            found = &diags.items[i];
    return found;
}

/* Every attribute has been thought about. */
static void all_attributes_are_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < wc_table_service.n; i++)
        if (wc_granted_reach(wc_table_service.rows[i].key) == WC_REACH_UNKNOWN)
            fail_msg("%s: does it reach the host? (spec/granted.c)", wc_table_service.rows[i].key);
    assert_int_equal(wc_granted_reach("nothing"), WC_REACH_UNKNOWN);
    assert_int_equal(wc_granted_reach("image"), WC_REACH_INSIDE);
    assert_int_equal(wc_granted_reach("provider"), WC_REACH_NEVER);
}

static void refused_with_a_place(void **state)
{
    (void)state;
    static const struct wc_grant none = { 0 };
    static const struct {
        const char *rest; /* of "services: {web: {image: a, " and what follows */
        const char *says;
        unsigned line, col;
    } rows[] = {
        { "privileged: true}}", "root", 1, 40 },
        { "network_mode: host}}", "'host'", 1, 42 },
        { "network_mode: \"container:x\"}}", "container:x", 1, 42 },
        { "pid: host}}", "'host'", 1, 33 },
        { "ipc: host}}", "'host'", 1, 33 },
        { "uts: host}}", "'host'", 1, 33 },
        { "userns_mode: host}}", "'host'", 1, 41 },
        { "cgroup: host}}", "'host'", 1, 36 },
        { "cgroup_parent: /x}}", "cgroup_parent", 1, 28 },
        { "devices: [/dev/kmsg]}}", "/dev/kmsg", 1, 38 },
        { "cap_add: [SYS_ADMIN]}}", "SYS_ADMIN", 1, 38 },
        { "sysctls: {kernel.msgmax: 1}}}", "kernel.msgmax", 1, 38 },
        { "security_opt: [\"seccomp:unconfined\"]}}", "seccomp", 1, 43 },
        { "security_opt: [\"apparmor=unconfined\"]}}", "apparmor", 1, 43 },
        { "ports: [\"80:80\"]}}", "port 80", 1, 36 },
        { "ports: [\"8000-8010:8000-8010\"]}}", "port 80", 1, 36 },
        { "volumes: [v:/v]}}\nvolumes: {v: {driver_opts: {type: none, o: bind, device: /}}}",
          "driver_opts", 2, 11 },
        { "volumes: [v:/v]}}\nvolumes: {v: {external: true}}", "volume v", 2, 11 },
        { "volumes: [v:/v]}}\nvolumes: {v: {name: other_data}}", "other_data", 2, 11 },
        { "networks: [n]}}\nnetworks: {n: {external: true}}", "network n", 2, 12 },
        { "networks: [n]}}\nnetworks: {n: {name: other_default}}", "other_default", 2, 12 },
        { "networks: [n]}}\nnetworks: {n: {driver_opts: {x: y}}}", "driver_opts", 2, 12 },
        { "volumes: [{type: bind, source: ./a, target: /a, bind: {propagation: rshared}}]}}",
          "spread", 1, 38 },
        { "volumes: [\"./docker.sock:/s\"]}}", "engine's socket", 1, 38 },
        { "oom_score_adj: -5}}", "spared", 1, 43 },
        { "oom_kill_disable: true}}", "ending", 1, 46 },
        { "runtime: x}}", "runtime", 1, 28 },
        { "x-wcompose: {trust: trusted}}}", "trusted", 1, 48 },
        { "build: .}}", "building", 1, 35 },
        { "pre_stop: [{command: [a], privileged: true}]}}", "hook", 1, 66 },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        char text[400];
        snprintf(text, sizeof text, "services: {web: {image: a, %s\n", rows[i].rest);
        load(text, &none);
        const struct wc_diag *d = refusal();
        if (d == NULL || strstr(d->msg, rows[i].says) == NULL || d->at.line != rows[i].line ||
            d->at.col != rows[i].col || d->hint == NULL || project != NULL)
            fail_msg("%s\n%u:%u: %s", text, d == NULL ? 0 : d->at.line, d == NULL ? 0 : d->at.col,
                     d == NULL ? "taken" : d->msg);
        wc_arena_deinit(&arena);
        load(text, NULL); /* it is the grant that refuses it, not the file that is wrong */
        assert_null(refusal());
        wc_arena_deinit(&arena);
    }
}

/* What stays inside needs no grant. */
static void ordinary_services_pass(void **state)
{
    (void)state;
    static const struct wc_grant none = { 0 };
    static const char text[] = "services:\n"
                               "  web:\n"
                               "    image: a\n"
                               "    command: [x]\n"
                               "    environment: {A: b}\n"
                               "    volumes: [data:/data, ./conf:/conf:ro, /anonymous]\n"
                               "    networks: [front]\n"
                               "    ports: [\"80\"]\n"
                               "    cap_drop: [ALL]\n"
                               "    security_opt: [\"no-new-privileges:true\"]\n"
                               "    privileged: false\n"
                               "    mem_limit: 64m\n"
                               "    depends_on: [db]\n"
                               "    logging: {driver: json-file}\n"
                               "    configs: [c]\n"
                               "  db: {image: b, network_mode: none, ipc: private}\n"
                               "  side: {image: c, network_mode: \"service:web\"}\n"
                               "volumes: {data: }\n"
                               "networks: {front: {internal: true}}\n"
                               "configs: {c: {content: x}}\n";
    load(text, &none);
    for (size_t i = 0; i < diags.n; i++)
        if (diags.items[i].severity == WC_SEVERITY_ERROR)
            fail_msg("%u:%u: %s", diags.items[i].at.line, diags.items[i].at.col,
                     diags.items[i].msg);
    assert_non_null(project);
    wc_arena_deinit(&arena);
}

#define LIST(...)                                                                                  \
    {                                                                                              \
        .items = (const char *[]){ __VA_ARGS__ }, .n = 1                                           \
    }

static void grants_are_exact(void **state)
{
    (void)state;
    const struct wc_grant_ports ports[] = { { 8080, 8090 } };
    struct wc_grant grant = {
        .ports = ports,
        .n_ports = 1,
        .caps = LIST("cap_net_admin"),
        .sysctls = LIST("net.ipv4.*"),
        .devices = LIST("/dev/null"),
        .networks = LIST("other_default"),
        .volumes = LIST("shared"),
        .binds = LIST("/srv/granted"),
        .build = true,
    };
    static const struct {
        const char *rest;
        bool fine;
    } rows[] = {
        { "ports: [\"8080:80\"]}}", true },
        { "ports: [\"8085-8090:1-6\"]}}", true },
        { "ports: [\"8091:80\"]}}", false },
        { "ports: [\"8089-8091:1-3\"]}}", false },
        { "cap_add: [NET_ADMIN]}}", true },
        { "cap_add: [CAP_NET_ADMIN]}}", true },
        { "cap_add: [NET_RAW]}}", false },
        { "cap_add: [ALL]}}", false },
        { "sysctls: {net.ipv4.ip_forward: 1}}}", true },
        { "sysctls: {net.ipv6.x: 1}}}", false },
        { "devices: [\"/dev/null:/dev/x\"]}}", true },
        { "devices: [/dev/zero]}}", false },
        { "networks: [n]}}\nnetworks: {n: {external: true, name: other_default}}", true },
        { "volumes: [v:/v]}}\nvolumes: {v: {name: shared}}", true },
        { "volumes: [v:/v]}}\nvolumes: {v: {name: share}}", false },
        { "privileged: true}}", false },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        char text[400];
        snprintf(text, sizeof text, "services: {web: {image: a, %s\n", rows[i].rest);
        load(text, &grant);
        if ((refusal() == NULL) != rows[i].fine)
            fail_msg("%s: %s", text, refusal() == NULL ? "taken" : refusal()->msg);
        wc_arena_deinit(&arena);
    }
    load("services: {web: {image: a, volumes: [\"/srv/granted/x:/x\"]}}\n", &grant);
    assert_int_equal(diags.n_errors, 0);
    wc_arena_deinit(&arena);
    load("services: {web: {image: a, volumes: [\"/srv/granted2:/x\"]}}\n", &grant);
    assert_string_equal(diags.items[0].code, "E116");
    wc_arena_deinit(&arena);
    load("services: {web: {image: a, volumes: [\"/srv/granted/no/../../x:/x\"]}}\n", &grant);
    assert_string_equal(diags.items[0].code, "E116"); /* not there yet, and made when it is used */
    wc_arena_deinit(&arena);
    load("services: {web: {image: a, volumes: [\"/srv/granted/docker.sock:/x\"]}}\n", &grant);
    assert_non_null(strstr(refusal()->msg, "engine's socket"));
    wc_arena_deinit(&arena);
}

static int read_nothing(void *data, const char *path, size_t limit, struct wc_buf *out,
                        struct wc_err *err)
{
    (void)data, (void)path, (void)limit, (void)out;
    return wc_err_set(err, WC_ERR_NOENT, 0, "no file");
}

static bool exists_not(void *data, const char *path)
{
    (void)data, (void)path;
    return false;
}

/* Files that a caller holds in memory are held to the same rules, by the text of paths alone. */
static void paths_are_compared_as_text(void **state)
{
    (void)state;
    static const struct wc_spec_access memory = { read_nothing, exists_not, NULL };
    static const struct {
        const char *granted, *source;
        bool fine;
    } rows[] = {
        { "/srv/granted", "/srv/granted", true },
        { "/srv/granted", "/srv/granted/x", true },
        { "/srv/granted", "/srv/granted2", false },
        { "/srv/granted", "/srv/grante", false },
        { "/srv/granted", "/srv", false },
        { "/srv/granted", "/srv/granted/../x", false },
        { "/srv/granted/", "/srv/granted", true },
        { "/srv/granted//", "/srv/granted/x", true },
        { "/srv/granted//", "/srv/granted2", false },
        { "/", "/etc", true },
        { "/srv/granted", ".", true }, /* the project directory, /srv/app */
        { "/srv/granted", "./x", true },
        { "/srv/granted", "/srv/app/x", true },
        { "/srv/granted", "/srv/app2", false },
        { "/srv/granted", "..", false },
        { "/srv/granted", "./x/../../app2", false },
        { "/srv/granted", "~/x", false },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        char text[200];
        const char *items[] = { rows[i].granted };
        const struct wc_grant grant = { .binds = { .items = items, .n = 1 } };
        snprintf(text, sizeof text,
                 "services: {web: {image: a, volumes: [{type: bind, source: %s, target: /x}]}}\n",
                 rows[i].source);
        const struct wc_spec_options options = { .cwd = "/srv/app",
                                                 .project_name = "app",
                                                 .text = text,
                                                 .text_len = strlen(text),
                                                 .access = &memory,
                                                 .restricted = true,
                                                 .grant = &grant };
        wc_arena_init(&arena);
        wc_diags_init(&diags, &arena);
        project = NULL;
        (void)wc_spec_load(&options, &arena, &diags, &project);
        if ((project != NULL) != rows[i].fine)
            fail_msg("%s of %s: %s", rows[i].source, rows[i].granted,
                     diags.n > 0 ? diags.items[0].msg : "taken");
        if (!rows[i].fine)
            assert_string_equal(diags.items[0].code, "E116");
        wc_arena_deinit(&arena);
    }
}

/* What all services may have together: taken, or refused once with these words. */
struct amount {
    struct wc_grant_limits limits;
    const char *services, *words; /* NULL: it is taken */
};

static void check_amounts(const struct amount *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char text[400];
        const struct wc_grant grant = { .limits = rows[i].limits };
        snprintf(text, sizeof text, "services: {%s}\n", rows[i].services);
        load(text, &grant);
        const struct wc_diag *said = refusal();
        if (rows[i].words == NULL ? said != NULL
                                  : said == NULL || strstr(said->msg, rows[i].words) == NULL)
            fail_msg("%s: %s", text, said == NULL ? "taken" : said->msg);
        if (diags.n_errors > 1)
            fail_msg("%s: %s, and %s", text, diags.items[0].msg, diags.items[1].msg);
        wc_arena_deinit(&arena);
    }
}

static void amounts_are_limited(void **state)
{
    static const struct amount rows[] = {
        { { 0 }, "a: {image: x, scale: 100}", NULL },
        { { 0 },
          "a: {image: x, scale: 60}, b: {image: x, scale: 41}",
          "101 of instances, and may have 100" },
        { { 0 }, "a: {image: x, scale: 9000000}", "of instances" },
        { { .instances = 3 },
          "a: {image: x, scale: 2}, b: {image: x}, c: {image: x, scale: 0}",
          NULL },
        { { .instances = 3 },
          "a: {image: x, scale: 2}, b: {image: x, scale: 2}",
          "with service 'b'" },
        { { .instances = 1 }, "a: {image: x}", NULL },
        { { .instances = 1 }, "a: {image: x, scale: 2}", "2 of instances, and may have 1" },
        { { .memory_bytes = 1 << 30 }, "a: {image: x, scale: 0}", NULL },
        { { .memory_bytes = 1 << 30 }, "a: {image: x, mem_limit: 512m, scale: 2}", NULL },
        { { .memory_bytes = 1 << 30 }, "a: {image: x, mem_limit: 513m, scale: 2}", "of memory" },
        { { .memory_bytes = 1 << 30 }, "a: {image: x}", "has no limit of memory" },
        { { .memory_bytes = 1 << 30 },
          "a: {image: x, deploy: {resources: {limits: {memory: 1g}}}}",
          NULL },
        { { .memory_bytes = 1 << 30 },
          "a: {image: x, mem_limit: 1m, isolation: hyperv, x-wcompose: {vm: {memory: 2g}}}",
          "of memory" },
        { { .memory_bytes = 1 << 30 },
          "a: {image: x, mem_limit: 100000000g, scale: 99}",
          "of memory" },
        { { .memory_bytes = 1 << 30 }, "a: {image: x, mem_limit: 1g, memswap_limit: 2g}", NULL },
        { { .memory_bytes = 1 << 30 },
          "a: {image: x, mem_limit: 1g, memswap_limit: 2049m}",
          "of memory" },
        { { .memory_bytes = 1 << 30 },
          "a: {image: x, mem_limit: 1g, memswap_limit: 4g}",
          "3.0 GiB of memory" },
        { { .memory_bytes = 1 << 30 },
          "a: {image: x, mem_limit: 1m, memswap_limit: -1}",
          "of memory" },
        { { .memory_bytes = 1 << 30 }, "a: {image: x, memswap_limit: -1}", "has no limit of" },
        { { .pids = 100 }, "a: {image: x, pids_limit: 100}", NULL },
        { { .pids = 100 }, "a: {image: x, pids_limit: 101}", "of processes" },
        { { .pids = 100 }, "a: {image: x, pids_limit: -1}", "has no limit of processes" },
    };
    (void)state;
    check_amounts(rows, WC_COUNT(rows));
}

/* However they are said: who runs it goes by the larger one. */
static void processors_are_limited(void **state)
{
    static const struct amount rows[] = {
        { { .nano_cpus = 1500000000 }, "a: {image: x, cpus: 0.75, scale: 2}", NULL },
        { { .nano_cpus = 1500000000 },
          "a: {image: x, cpus: 0.76, scale: 2}",
          "1.52 of processors" },
        { { .nano_cpus = 1500000000 }, "a: {image: x, cpu_quota: 150000}", NULL },
        { { .nano_cpus = 1500000000 },
          "a: {image: x, cpu_quota: 150000, cpu_period: 50000}",
          "3.00 of" },
        { { .nano_cpus = 1500000000 }, "a: {image: x, cpu_quota: 150001}", "1.50 of" },
        { { .nano_cpus = 1500000000 }, "a: {image: x, cpu_quota: 2, cpu_period: 1}", "2.00 of" },
        { { .nano_cpus = 1500000000 }, "a: {image: x, cpus: 1, cpu_quota: 160000}", "1.60 of" },
        { { .nano_cpus = 1500000000 }, "a: {image: x, cpus: 1.6, cpu_quota: 1}", "1.60 of" },
        { { .nano_cpus = 1500000000 },
          "a: {image: x, cpus: 1, cpu_quota: 9223372036854775807, cpu_period: 1}",
          "of processors" },
        { { .nano_cpus = 1000000000 },
          "a: {image: x, cpus: 0.1, isolation: hyperv, x-wcompose: {vm: {cpus: 1}}}",
          NULL },
        { { .nano_cpus = 999999999 },
          "a: {image: x, cpus: 0.1, isolation: hyperv, x-wcompose: {vm: {cpus: 1}}}",
          "1.00 of" },
        { { .nano_cpus = 1500000000 }, "a: {image: x}", "has no limit of processors" },
    };
    (void)state;
    check_amounts(rows, WC_COUNT(rows));
}

/* --- files by their content --------------------------------------------------------------------
 */

static int move(void *data, const char *path, const char **out, struct wc_err *err)
{
    const char *prefix = data;
    if (strstr(path, "missing") != NULL)
        return wc_err_set(err, WC_ERR_NOENT, 0, "%s isn't there", path);
    if (!wc_str_starts(path, prefix))
        return 0;
    *out = wc_arena_printf(&arena, "/files/123%s", path + strlen(prefix));
    return 0;
}

static void load_moved(const char *cwd, const char *text)
{
    const struct wc_spec_options options = { .cwd = cwd,
                                             .project_name = "app",
                                             .text = text,
                                             .text_len = strlen(text),
                                             .relocate = move,
                                             .relocate_data = (void *)(uintptr_t)cwd };
    wc_arena_init(&arena);
    wc_diags_init(&diags, &arena);
    project = NULL;
    (void)wc_spec_load(&options, &arena, &diags, &project);
}

static const char MOVED[] = "services:\n"
                            "  web:\n"
                            "    image: a\n"
                            "    volumes: [\"./conf:/conf\", \"/elsewhere:/e\", \"v:/v\"]\n"
                            "    configs: [c]\n"
                            "    secrets: [{source: s, mode: 0400}]\n"
                            "volumes: {v: }\n"
                            "configs: {c: {file: ./c.txt}}\n"
                            "secrets: {s: {file: ./s.txt}}\n";

static const struct wc_mount *mount_at(const char *target)
{
    const struct wc_service *web = &project->services[0];
    for (size_t i = 0; i < web->n_mounts; i++)
        if (wc_streq(web->mounts[i].target, target))
            return &web->mounts[i];
    fail_msg("no mount on %s", target);
    return NULL;
}

static void files_are_used_from_where_they_are_kept(void **state)
{
    (void)state;
    char hash[65];
    load_moved("/srv/tree1", MOVED);
    assert_non_null(project);
    assert_string_equal(mount_at("/conf")->source, "/files/123/conf");
    assert_true(mount_at("/conf")->read_only);
    assert_string_equal(mount_at("/e")->source, "/elsewhere");
    assert_false(mount_at("/e")->read_only);
    assert_string_equal(mount_at("/c")->source, "/files/123/c.txt");
    assert_string_equal(mount_at("/run/secrets/s")->source, "/files/123/s.txt");
    memcpy(hash, project->services[0].spec_hash, sizeof hash);
    WC_CLEANUP_BUF struct wc_buf wire = WC_BUF_INIT;
    wc_spec_render_wire(project, &wire);
    assert_non_null(strstr(wire.data, "/files/123/conf"));
    assert_null(strstr(wire.data, "/srv/tree1/conf"));
    wc_arena_deinit(&arena);
    load_moved("/srv/tree2", MOVED); /* another commit, the same files */
    assert_string_equal(project->services[0].spec_hash, hash);
    wc_arena_deinit(&arena);
    const struct wc_spec_options again = {
        .cwd = "/", .canonical = true, .text = wire.data, .text_len = wire.len
    };
    wc_arena_init(&arena);
    wc_diags_init(&diags, &arena);
    assert_int_equal(wc_spec_load(&again, &arena, &diags, &project), 0);
    assert_string_equal(project->services[0].spec_hash, hash);
    assert_true(mount_at("/conf")->read_only);
    wc_arena_deinit(&arena);
}

static void what_cant_be_kept_is_told(void **state)
{
    (void)state;
    load_moved("/srv/tree1", "services: {web: {image: a, volumes: [\"./missing:/m\"]}}\n");
    assert_null(project);
    assert_string_equal(diags.items[0].code, "E118");
    assert_int_equal(diags.items[0].at.col, 38);
    assert_non_null(strstr(diags.items[0].msg, "isn't there"));
    wc_arena_deinit(&arena);
}

WC_MAIN(WC_CASE(all_attributes_are_known), WC_CASE(refused_with_a_place),
        WC_CASE(ordinary_services_pass), WC_CASE(grants_are_exact),
        WC_CASE(paths_are_compared_as_text), WC_CASE(amounts_are_limited),
        WC_CASE(processors_are_limited), WC_CASE(files_are_used_from_where_they_are_kept),
        WC_CASE(what_cant_be_kept_is_told))
