/* test_networks.c - from model to request: registry, ports, hosts and resolv.conf files. */
#include "harness/wc_test.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/paths.h"
#include "base/str.h"
#include "orchestrator/networks.h"

#define IP4(a, b, c, d)                                                                            \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

/* Project p: web (two replicas in most cases) and db on network default. */
struct world {
    char root[64], bin[80];
    struct wc_arena arena;
    struct wc_paths paths;
    struct wc_network network;
    struct wc_service_net nets[3];
    struct wc_port ports[3];
    struct wc_service services[3];
    struct wc_project project;
    struct wc_address_slot slots[4];
    struct wc_networks_in in;
    struct wc_networks_plan plan;
    struct wc_err err;
};

static void init(struct world *w)
{
    memset(w, 0, sizeof *w);
    wc_arena_init(&w->arena);
    snprintf(w->root, sizeof w->root, "/tmp/wc-networks-XXXXXX");
    assert_non_null(mkdtemp(w->root));
    snprintf(w->bin, sizeof w->bin, "%s/bin", w->root);
    w->paths = (struct wc_paths){ .lib = wc_arena_printf(&w->arena, "%s/lib", w->root),
                                  .run = wc_arena_printf(&w->arena, "%s/run", w->root),
                                  .bin = w->bin };
    w->network = (struct wc_network){ .key = "default", .name = "p_default", .at = { "f", 1, 1 } };
    static const char *const names[3] = { "db", "side", "web" };
    for (size_t i = 0; i < 3; i++) {
        w->nets[i] = (struct wc_service_net){ .network = "default", .at = { "f", 9, 1 } };
        w->ports[i] = (struct wc_port){ .target = 80, .at = { "f", 30 + (unsigned)i, 9 } };
        w->services[i] = (struct wc_service){ .name = names[i],
                                              .networks = &w->nets[i],
                                              .n_networks = 1,
                                              .replicas = 1,
                                              .at = { "f", 5, 3 } };
    }
    w->project = (struct wc_project){ .name = "p",
                                      .services = w->services,
                                      .n_services = 3,
                                      .networks = &w->network,
                                      .n_networks = 1 };
    w->slots[0] =
        (struct wc_address_slot){ .service = &w->services[0], .index = 1, .name = "p-db-1" };
    w->slots[1] =
        (struct wc_address_slot){ .service = &w->services[2], .index = 1, .name = "p-web-1" };
    w->slots[2] =
        (struct wc_address_slot){ .service = &w->services[2], .index = 2, .name = "p-web-2" };
    w->in = (struct wc_networks_in){
        .paths = &w->paths, .project = &w->project, .slots = w->slots, .n_slots = 3, .reserve = true
    };
}

static void deinit(struct world *w)
{
    assert_int_equal(wc_fs_remove_tree(w->root, &w->err), 0);
    wc_arena_deinit(&w->arena);
}

static void plan(struct world *w)
{
    if (wc_networks_plan(&w->in, &w->arena, &w->plan, &w->err) != 0)
        fail_msg("%s", w->err.msg);
}

static void refused(struct world *w, int code, const char *message, unsigned line)
{
    assert_int_equal(wc_networks_plan(&w->in, &w->arena, &w->plan, &w->err), code);
    assert_string_equal(w->err.msg, message);
    assert_int_equal(w->err.at.line, line);
}

static void write_files(struct world *w)
{
    if (wc_networks_write(&w->plan, &w->err) != 0)
        fail_msg("%s", w->err.msg);
}

static const char *content(struct world *w, const char *path)
{
    struct wc_buf text = WC_BUF_INIT;
    assert_int_equal(wc_fs_read(path, 1 << 20, &text, &w->err), 0);
    const char *copy = wc_arena_strdup(&w->arena, text.data);
    wc_buf_deinit(&text);
    return copy;
}

static bool exists(struct world *w, const char *name)
{
    return wc_fs_exists(wc_arena_printf(&w->arena, "%s/%s", w->root, name));
}

static void request_has_networks_names_and_ports(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    w.services[0].ports = w.ports;
    w.services[0].n_ports = 1;
    w.ports[0].published = 18080;
    w.ports[0].host_ip = "127.0.0.1";
    plan(&w);
    const struct wc_net_request *req = &w.plan.request;
    assert_string_equal(req->project, "p");
    assert_int_equal(req->n_networks, 1);
    assert_string_equal(req->networks[0].name, "p_default");
    assert_int_equal(req->networks[0].gateway4, req->networks[0].subnet4 + 1);
    assert_int_equal(req->n_names, 6);
    assert_string_equal(req->names[3].name, "p-web-1");
    assert_string_equal(req->names[3].instance, "p-web-1");
    assert_int_equal(req->n_ports, 1);
    assert_int_equal(req->ports[0].host_ip4, IP4(127, 0, 0, 1));
    assert_int_equal(req->ports[0].host_port, 18080);
    assert_int_equal(req->ports[0].target_ip4, w.plan.slots[0].nets[0].ip4);
    assert_int_equal(req->ports[0].at.line, 30);
    deinit(&w);
}

static void hosts_files_name_every_member(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    struct wc_kv extra[] = { { "gw", "host-gateway" }, { "api.example", "192.0.2.7" } };
    w.services[0].extra_hosts = (struct wc_kvs){ extra, 2 };
    w.services[0].hostname = "store";
    w.services[0].domainname = "example";
    w.network.subnet = "10.77.0.0/24";
    plan(&w);
    write_files(&w);
    assert_string_equal(content(&w, w.plan.slots[0].hosts_file),
                        "127.0.0.1\tlocalhost\n"
                        "::1\tlocalhost ip6-localhost ip6-loopback\n"
                        "10.77.0.2\tstore.example store\n"
                        "10.77.0.1\tgw\n"
                        "192.0.2.7\tapi.example\n"
                        "10.77.0.2\tdb p-db-1\n"
                        "10.77.0.3\tweb p-web-1\n"
                        "10.77.0.4\tweb p-web-2\n");
    struct stat st;
    assert_int_equal(stat(w.plan.slots[0].hosts_file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    deinit(&w);
}

static void scaling_rewrites_in_place(void **state)
{
    (void)state;
    struct world w;
    struct stat before, after;
    init(&w);
    plan(&w);
    write_files(&w);
    const char *db = w.plan.slots[0].hosts_file, *gone = w.plan.slots[2].hosts_file;
    assert_int_equal(stat(db, &before), 0);
    w.in.n_slots = 2;
    plan(&w);
    write_files(&w);
    assert_int_equal(stat(db, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_null(strstr(content(&w, db), "p-web-2"));
    assert_false(wc_fs_exists(gone));
    deinit(&w);
}

static void resolv_conf_follows_the_name_server_and_the_service(void **state)
{
    (void)state;
    static const char *servers[] = { "192.0.2.53" }, *search[] = { "corp.example" },
                      *options[] = { "ndots:2", "timeout:1" };
    struct world w;
    init(&w);
    w.network.subnet = "10.77.0.0/24";
    plan(&w);
    write_files(&w);
    assert_null(strstr(content(&w, w.plan.slots[1].resolv_file), "10.77.0.1"));
    assert_null(strstr(content(&w, w.plan.slots[1].resolv_file), "nameserver 127."));
    assert_int_equal(wc_fs_mkdirs(w.bin, 0700, &w.err), 0);
    assert_int_equal(wc_fs_write_atomic(wc_arena_printf(&w.arena, "%s/wcompose-dns", w.bin), "", 0,
                                        0700, false, &w.err),
                     0);
    w.services[0].dns = (struct wc_strv){ servers, 1, true };
    w.services[0].dns_search = (struct wc_strv){ search, 1, true };
    w.services[0].dns_opt = (struct wc_strv){ options, 2, true };
    plan(&w);
    write_files(&w);
    assert_non_null(strstr(content(&w, w.plan.slots[1].resolv_file), "nameserver 10.77.0.1\n"));
    assert_non_null(strstr(content(&w, w.plan.slots[1].resolv_file), "options ndots:0\n"));
    assert_string_equal(content(&w, w.plan.slots[0].resolv_file),
                        "nameserver 192.0.2.53\nsearch corp.example\n"
                        "options ndots:2 timeout:1\n");
    /* the same words, but not the same file: an instance may write its own */
    assert_string_not_equal(w.plan.slots[1].resolv_file, w.plan.slots[2].resolv_file);
    const char *other = wc_arena_strdup(&w.arena, content(&w, w.plan.slots[2].resolv_file));
    assert_string_equal(content(&w, w.plan.slots[1].resolv_file), other);
    deinit(&w);
}

static void other_network_modes(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    w.slots[2] =
        (struct wc_address_slot){ .service = &w.services[1], .index = 1, .name = "p-side-1" };
    w.services[1].network_mode = WC_NETMODE_SERVICE;
    w.services[1].network_mode_service = "web";
    w.services[0].network_mode = WC_NETMODE_NONE;
    plan(&w);
    assert_int_equal(w.plan.slots[2].join_slot, 1);
    assert_int_equal(w.plan.slots[2].n_nets, 0);
    assert_string_equal(w.plan.slots[2].hosts_file, w.plan.slots[1].hosts_file);
    assert_int_equal(w.plan.slots[0].n_nets, 0);
    assert_int_equal(w.plan.slots[0].join_slot, -1);
    write_files(&w);
    assert_non_null(strstr(content(&w, w.plan.slots[0].hosts_file), "127.0.1.1\tp-db-1\n"));
    w.services[1].network_mode_service = "nobody";
    refused(&w, WC_ERR_SPEC, "service side: network_mode: service:nobody, which has no instance",
            5);
    deinit(&w);
}

static void assignments_survive_and_looking_writes_nothing(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    w.in.reserve = false;
    plan(&w);
    assert_false(exists(&w, "lib"));
    assert_false(exists(&w, "run"));
    w.in.reserve = true;
    w.in.n_slots = 3;
    plan(&w);
    uint32_t web2 = w.plan.slots[2].nets[0].ip4;
    assert_true(exists(&w, "lib/networks/p_default.json"));
    w.slots[0] = w.slots[2]; /* only web 2 is left, planned by somebody who only has the files */
    w.in.n_slots = 1;
    plan(&w);
    assert_int_equal(w.plan.slots[0].nets[0].ip4, web2);
    deinit(&w);
}

static void two_projects_get_different_subnets(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    plan(&w);
    uint32_t first = w.plan.request.networks[0].subnet4;
    w.project.name = "q";
    w.network.name = "q_default";
    plan(&w);
    assert_int_not_equal(w.plan.request.networks[0].subnet4, first);
    assert_int_equal(wc_networks_release(&w.paths, "p", &w.err), 0);
    assert_false(exists(&w, "lib/networks/p_default.json"));
    assert_true(exists(&w, "lib/networks/q_default.json"));
    assert_int_equal(wc_networks_release(&w.paths, "q", &w.err), 0);
    assert_int_equal(wc_networks_release(&w.paths, "q", &w.err), 0);
    assert_false(exists(&w, "lib/networks/q_default.json"));
    assert_false(exists(&w, "lib/networks/published"));
    deinit(&w);
}

static void shared_network_changes_hands(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    plan(&w);
    w.project.name = "q";
    w.network.external = true;
    plan(&w);
    assert_true(w.plan.request.networks[0].external);
    assert_int_equal(wc_networks_release(&w.paths, "p", &w.err), 0);
    assert_non_null(
        strstr(content(&w, wc_arena_printf(&w.arena, "%s/lib/networks/p_default.json", w.root)),
               "\"owner\": \"q\""));
    assert_int_equal(wc_networks_release(&w.paths, "q", &w.err), 0);
    assert_false(exists(&w, "lib/networks/p_default.json"));
    deinit(&w);
}

static void rollback_puts_everything_back(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    w.services[0].ports = w.ports;
    w.services[0].n_ports = 1;
    plan(&w);
    write_files(&w);
    wc_networks_rollback(&w.plan);
    assert_false(exists(&w, "lib/networks/p_default.json"));
    assert_false(exists(&w, "lib/networks/published"));
    assert_false(exists(&w, "lib/projects/p/net"));
    w.in.n_slots = 1;
    plan(&w);
    write_files(&w);
    const char *file = wc_arena_printf(&w.arena, "%s/lib/networks/p_default.json", w.root);
    const char *before = content(&w, file);
    w.in.n_slots = 3;
    plan(&w);
    assert_string_not_equal(content(&w, file), before);
    wc_networks_rollback(&w.plan);
    assert_string_equal(content(&w, file), before);
    assert_true(exists(&w, "lib/projects/p/net")); /* instances of before may be using it */
    deinit(&w);
}

/* Listens on some port of the kernel's choice on all addresses. */
static int listen_somewhere(unsigned *port)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static void chosen_ports_are_free_distinct_and_stay(void **state)
{
    (void)state;
    struct world w;
    unsigned taken;
    init(&w);
    int fd = listen_somewhere(&taken);
    w.services[2].ports = w.ports;
    w.services[2].n_ports = 1;
    w.ports[0].published = taken;
    w.ports[0].published_end = taken + 20 > 65535 ? 65535 : taken + 20;
    plan(&w);
    unsigned one = w.plan.request.ports[0].host_port, two = w.plan.request.ports[1].host_port;
    assert_int_not_equal(one, taken);
    assert_int_not_equal(two, taken);
    assert_int_not_equal(one, two);
    close(fd);
    struct wc_address_slot first = w.slots[1];
    w.slots[1] = w.slots[2];
    w.slots[2] = first;
    plan(&w);
    assert_int_equal(w.plan.request.ports[0].host_port, two);
    assert_int_equal(w.plan.request.ports[1].host_port, one);
    w.ports[0].published = w.ports[0].published_end = 0;
    plan(&w);
    assert_in_range(w.plan.request.ports[0].host_port, 49153, 65535);
    deinit(&w);
}

static void impossible_ports_are_refused(void **state)
{
    (void)state;
    struct world w;
    unsigned taken;
    init(&w);
    w.services[0].ports = &w.ports[0];
    w.services[2].ports = &w.ports[2];
    w.services[0].n_ports = w.services[2].n_ports = 1;
    w.services[2].replicas = 2;
    w.ports[0].published = w.ports[2].published = 18081;
    refused(&w, WC_ERR_CONFLICT, "service web: port 18081/tcp is published by service db too", 32);
    w.services[0].n_ports = 0;
    refused(&w, WC_ERR_CONFLICT,
            "service web: 2 replicas can't share port 18081/tcp; publish a range, or leave the "
            "host port out",
            32);
    w.in.n_slots = 2;
    w.ports[2].host_ip = "::1";
    refused(&w, WC_ERR_SPEC,
            "service web: publishing on '::1' isn't supported; give an IPv4 address", 32);
    w.ports[2].host_ip = NULL;
    w.network.internal = true;
    refused(&w, WC_ERR_SPEC,
            "service web: port 80 can't be published, as it is on internal networks only", 32);
    w.network.internal = false;
    int fd = listen_somewhere(&taken);
    w.in.n_slots = 3;
    w.ports[2].published = taken - 1;
    w.ports[2].published_end = taken;
    assert_int_equal(wc_networks_plan(&w.in, &w.arena, &w.plan, &w.err), WC_ERR_LIMIT);
    close(fd);
    deinit(&w);
}

/* What was made when the file had more replicas, and no port, is taken as it is. */
static void what_is_kept_refuses_nothing(void **state)
{
    (void)state;
    struct world w;
    unsigned taken;
    init(&w);
    w.services[2].ports = &w.ports[2];
    w.services[2].n_ports = 1;
    w.ports[2].published = 18083;
    w.slots[1].kept = w.slots[2].kept = true;
    plan(&w);
    assert_int_equal(w.plan.request.n_ports, 1);
    assert_int_equal(w.plan.request.ports[0].target_ip4, w.plan.slots[1].nets[0].ip4);
    int fd = listen_somewhere(&taken);
    w.ports[2].published = taken - 1;
    w.ports[2].published_end = taken;
    plan(&w);
    assert_int_equal(w.plan.request.n_ports, 1);
    close(fd);
    w.ports[2].published = w.ports[2].published_end = 18083; /* the file contradicts itself */
    w.services[0].ports = &w.ports[2];
    w.services[0].n_ports = 1;
    refused(&w, WC_ERR_CONFLICT, "service web: port 18083/tcp is published by service db too", 32);
    deinit(&w);
}

/* ---- two incarnations of a replica ---- */

/* web 1 in a new incarnation, the one before beside it; both have been written once. */
static void surge(struct world *w)
{
    w->network.subnet = "10.77.0.0/24";
    w->services[2].ports = w->ports;
    w->services[2].n_ports = 1;
    w->ports[0].published = 18082;
    w->slots[1].incarnation = "v1";
    w->in.n_slots = 2;
    plan(w);
    write_files(w);
    w->slots[2] = w->slots[1];
    w->slots[2].aside = true;
    w->slots[1].incarnation = "v2";
    w->in.n_slots = 3;
    plan(w);
    write_files(w);
}

static uint32_t address_of_web(const struct wc_net_request *req)
{
    uint32_t ip4 = 0;
    for (size_t i = 0; i < req->n_names; i++)
        if (req->names[i].name != NULL && wc_streq(req->names[i].name, "web")) {
            assert_int_equal(ip4, 0); /* one of them */
            ip4 = req->names[i].ip4;
        }
    return ip4;
}

static void names_and_ports_go_over_at_once(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    surge(&w);
    const struct wc_networks_slot *new = &w.plan.slots[1], *old = &w.plan.slots[2];
    uint32_t before = old->nets[0].ip4, after = new->nets[0].ip4;
    assert_int_equal(before, IP4(10, 77, 0, 3)); /* as it had */
    assert_int_equal(after, IP4(10, 77, 0, 4));
    assert_true(old->leads);
    assert_false(new->leads);
    assert_int_equal(address_of_web(&w.plan.request), before);
    assert_int_equal(w.plan.request.n_ports, 1);
    assert_int_equal(w.plan.request.ports[0].target_ip4, before);
    assert_non_null(strstr(content(&w, w.plan.slots[0].hosts_file), "10.77.0.3\tweb p-web-1\n"));
    assert_null(strstr(content(&w, w.plan.slots[0].hosts_file), "10.77.0.4"));

    struct wc_arena arena;
    wc_arena_init(&arena);
    w.plan.slots[1].leads = true;
    w.plan.slots[2].leads = false;
    wc_networks_lead(&w.plan, &arena);
    write_files(&w);
    assert_int_equal(address_of_web(&w.plan.request), after);
    assert_int_equal(w.plan.request.ports[0].target_ip4, after);
    assert_int_equal(w.plan.request.ports[0].host_port, 18082);
    assert_non_null(strstr(content(&w, w.plan.slots[0].hosts_file), "10.77.0.4\tweb p-web-1\n"));
    assert_null(strstr(content(&w, w.plan.slots[0].hosts_file), "10.77.0.3\tweb"));
    bool may_ask = false; /* no name leads to it, but the name server knows it */
    for (size_t i = 0; i < w.plan.request.n_names; i++)
        may_ask = may_ask ||
                  (w.plan.request.names[i].name == NULL && w.plan.request.names[i].ip4 == before);
    assert_true(may_ask);
    wc_arena_deinit(&arena);
    deinit(&w);
}

static void a_successor_knows_who_leads(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    surge(&w);
    struct wc_arena arena;
    wc_arena_init(&arena);
    for (int turn = 0; turn < 3; turn++) {
        w.plan.slots[1].leads = turn % 2 == 0;
        w.plan.slots[2].leads = turn % 2 != 0;
        wc_networks_lead(&w.plan, &arena);
        write_files(&w);
        plan(&w);
        assert_int_equal(w.plan.slots[1].leads, turn % 2 == 0);
        assert_int_equal(w.plan.slots[2].leads, turn % 2 != 0);
    }
    w.plan.slots[2].gone = true;
    wc_networks_lead(&w.plan, &arena);
    write_files(&w);
    assert_false(exists(&w, "lib/projects/p/net/leading"));
    for (size_t i = 0; i < w.plan.request.n_names; i++)
        assert_int_not_equal(w.plan.request.names[i].ip4, IP4(10, 77, 0, 3));
    wc_arena_deinit(&arena);
    deinit(&w);
}

/* Each has files of its own: they say who it is, and are bound into it. */
static void files_of_two_stay_with_their_own(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    surge(&w);
    const char *new = w.plan.slots[1].hosts_file, *old = w.plan.slots[2].hosts_file;
    assert_string_not_equal(new, old);
    assert_non_null(strstr(content(&w, new), "\n10.77.0.4\tp-web-1\n"));
    assert_non_null(strstr(content(&w, old), "\n10.77.0.3\tp-web-1\n"));
    w.in.n_slots = 2; /* the old one is gone */
    plan(&w);
    write_files(&w);
    assert_string_equal(w.plan.slots[1].hosts_file, new);
    assert_true(w.plan.slots[1].leads);
    assert_false(wc_fs_exists(old));
    w.slots[2] = w.slots[1]; /* and the next one comes */
    w.slots[2].aside = true;
    w.slots[1].incarnation = "v3";
    w.in.n_slots = 3;
    plan(&w);
    assert_string_equal(w.plan.slots[2].hosts_file, new);
    assert_string_equal(w.plan.slots[1].hosts_file, old); /* nobody's any more */
    deinit(&w);
}

static void who_is_gone_gives_back_its_address(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    surge(&w);
    const char *file = wc_arena_printf(&w.arena, "%s/lib/networks/p_default.json", w.root);
    assert_non_null(strstr(content(&w, file), "10.77.0.3"));
    assert_int_equal(wc_networks_forget(&w.plan, 2, &w.err), 0);
    assert_null(strstr(content(&w, file), "10.77.0.3"));
    assert_non_null(strstr(content(&w, file), "10.77.0.4"));
    assert_int_equal(wc_networks_forget(&w.plan, 2, &w.err), 0);
    deinit(&w);
}

/* Nobody is to be on the network any more, and one that goes still is: it stays until then. */
static void a_network_goes_with_its_last(void **state)
{
    (void)state;
    struct world w;
    struct wc_address_guest guests[] = { { "web", "v1", 1 }, { "db", "v1", 1 } };
    init(&w);
    w.slots[1].incarnation = "v1";
    w.in.slots = &w.slots[1];
    w.in.n_slots = 1;
    plan(&w);
    uint32_t had = w.plan.slots[0].nets[0].ip4;
    w.in.guests = guests;
    w.in.n_guests = 2;
    w.services[2].n_networks = 0;
    plan(&w);
    assert_int_equal(w.plan.n_lingering, 1);
    assert_int_equal(w.plan.request.n_networks, 1);
    assert_string_equal(w.plan.request.networks[0].name, "p_default");
    assert_int_equal(w.plan.request.n_names, 0);

    w.in.slots = w.slots; /* another model has it again: nobody gets what somebody has */
    plan(&w);
    assert_int_equal(w.plan.n_lingering, 0);
    assert_int_not_equal(w.plan.slots[0].nets[0].ip4, had);
    w.in.slots = &w.slots[1];
    plan(&w);
    assert_int_equal(w.plan.n_lingering, 1);

    assert_false(wc_networks_left(&w.plan, "web", 2, "v1"));
    assert_false(wc_networks_left(&w.plan, "web", 1, "v2"));
    assert_false(wc_networks_left(&w.plan, "db", 1, "v1"));
    assert_int_equal(w.plan.n_lingering, 1);
    assert_true(exists(&w, "lib/networks/p_default.json"));
    assert_true(wc_networks_left(&w.plan, "web", 1, "v1"));
    assert_int_equal(w.plan.n_lingering, 0);
    wc_networks_lead(&w.plan, &w.arena);
    assert_int_equal(w.plan.request.n_networks, 0);
    assert_false(exists(&w, "lib/networks/p_default.json"));
    deinit(&w);
}

static void damaged_registry_is_named(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    plan(&w);
    const char *file = wc_arena_printf(&w.arena, "%s/lib/networks/p_default.json", w.root);
    assert_int_equal(wc_fs_write_atomic(file, "{", 1, 0600, false, &w.err), 0);
    assert_int_equal(wc_networks_plan(&w.in, &w.arena, &w.plan, &w.err), WC_ERR_IO);
    assert_non_null(strstr(w.err.msg, "p_default.json"));
    deinit(&w);
}

WC_MAIN(WC_CASE(request_has_networks_names_and_ports), WC_CASE(hosts_files_name_every_member),
        WC_CASE(scaling_rewrites_in_place),
        WC_CASE(resolv_conf_follows_the_name_server_and_the_service), WC_CASE(other_network_modes),
        WC_CASE(assignments_survive_and_looking_writes_nothing),
        WC_CASE(two_projects_get_different_subnets), WC_CASE(shared_network_changes_hands),
        WC_CASE(rollback_puts_everything_back), WC_CASE(chosen_ports_are_free_distinct_and_stay),
        WC_CASE(impossible_ports_are_refused), WC_CASE(what_is_kept_refuses_nothing),
        WC_CASE(damaged_registry_is_named), WC_CASE(names_and_ports_go_over_at_once),
        WC_CASE(a_successor_knows_who_leads), WC_CASE(files_of_two_stay_with_their_own),
        WC_CASE(who_is_gone_gives_back_its_address), WC_CASE(a_network_goes_with_its_last))
