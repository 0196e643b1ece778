/* test_net.c - networks on a host: who reaches whom, and what is left behind. */
#include "net_app.h"

/* ---- cases ------------------------------------------------------------------------------- */

static void published_port_is_reached_from_everywhere(void **state)
{
    (void)state;
    struct app a;
    struct node outside = outside_start();
    app_init(&a, "shop", 1);
    up(&a);
    struct node web = start_as(&a, "web", 2);
    struct node api = start_as(&a, "api", 3);

    assert_seen(host_tcp(a.port.target_ip4, 80), "web", a.net.gateway4);
    assert_seen(host_tcp(IP4(127, 0, 0, 1), 8001), "web", a.net.gateway4);
    assert_seen(host_tcp(HOST_IP, 8001), "web", HOST_IP);
    assert_seen(node_tcp(&outside, HOST_IP, 8001), "web", OUTSIDE_IP);
    assert_seen(node_tcp(&api, a.port.target_ip4, 80), "web", IP4(10, 210, 1, 3));
    assert_seen(node_tcp(&api, HOST_IP, 8001), "web", a.net.gateway4);

    node_end(&web);
    node_end(&api);
    down(&a);
    node_end(&outside);
    assert_nothing_left();
}

static void hairpin_works_with_and_without_bridge_filter(void **state)
{
    (void)state;
    static const char *const values[] = { "0", "1" };
    struct app a;
    struct node outside = outside_start();
    app_init(&a, "shop", 1);
    up(&a);
    struct node web = start_as(&a, "web", 2);
    for (size_t i = 0; i < WC_COUNT(values); i++) {
        if (wc_fs_exists("/proc/sys/net/bridge/bridge-nf-call-iptables"))
            write_text("/proc/sys/net/bridge/bridge-nf-call-iptables", values[i]);
        assert_seen(node_tcp(&web, HOST_IP, 8001), "web", a.net.gateway4);
        assert_seen(node_tcp(&web, a.net.gateway4, 8001), "web", a.net.gateway4);
    }
    node_end(&web);
    down(&a);
    node_end(&outside);
    assert_nothing_left();
}

static void outbound_is_masqueraded_and_inbound_dropped(void **state)
{
    (void)state;
    struct app a;
    struct node outside = outside_start();
    app_init(&a, "shop", 1);
    up(&a);
    struct node web = start_as(&a, "web", 2);
    assert_seen(node_tcp(&web, OUTSIDE_IP, 80), "outside", HOST_IP);
    node_cannot(&outside, a.port.target_ip4, 80);
    node_end(&web);
    down(&a);
    node_end(&outside);
    assert_nothing_left();
}

static void projects_meet_only_by_published_ports(void **state)
{
    (void)state;
    struct app a, b;
    struct node outside = outside_start();
    app_init(&a, "one", 1);
    app_init(&b, "two", 2);
    up(&a);
    up(&b);
    struct node web1 = start_as(&a, "web1", 2), web2 = start_as(&b, "web2", 2);

    node_cannot(&web1, b.port.target_ip4, 80);
    node_cannot(&web2, a.port.target_ip4, 80);
    assert_seen(node_tcp(&web1, HOST_IP, 8002), "web2", IP4(10, 210, 1, 2));
    down(&a);
    assert_seen(host_tcp(IP4(127, 0, 0, 1), 8002), "web2", b.net.gateway4);
    assert_seen(node_tcp(&outside, HOST_IP, 8002), "web2", OUTSIDE_IP);
    host_cannot(IP4(127, 0, 0, 1), 8001);
    node_end(&web1);
    node_end(&web2);
    down(&b);
    node_end(&outside);
    assert_nothing_left();
}

static void internal_network_has_no_way_out(void **state)
{
    (void)state;
    struct app a;
    struct node outside = outside_start();
    app_init(&a, "shop", 1);
    a.net.internal = true;
    a.req.n_ports = 0;
    a.att.gateway4 = 0;
    up(&a);
    struct node web = start_as(&a, "web", 2), api = start_as(&a, "api", 3);
    assert_seen(node_tcp(&api, IP4(10, 210, 1, 2), 80), "web", IP4(10, 210, 1, 3));
    node_cannot(&web, OUTSIDE_IP, 80);
    node_end(&api);
    a.att.gateway4 = a.net.gateway4; /* even one that gives itself a route gets nowhere */
    struct node sly = start_as(&a, "sly", 4);
    node_cannot(&sly, OUTSIDE_IP, 80);
    node_end(&sly);
    node_end(&web);
    down(&a);
    node_end(&outside);
    assert_nothing_left();
}

static void port_of_one_host_address(void **state)
{
    (void)state;
    struct app a;
    struct wc_err err = { 0 };
    struct node outside = outside_start();
    app_init(&a, "shop", 1);
    a.port.host_ip4 = IP4(127, 0, 0, 1);
    up(&a);
    struct node web = start_as(&a, "web", 2);
    assert_seen(host_tcp(IP4(127, 0, 0, 1), 8001), "web", a.net.gateway4);
    host_cannot(HOST_IP, 8001);
    node_cannot(&outside, HOST_IP, 8001);
    node_cannot(&web, HOST_IP, 8001);
    a.port.host_ip4 = HOST_IP;
    up(&a);
    assert_seen(node_tcp(&outside, HOST_IP, 8001), "web", OUTSIDE_IP);
    host_cannot(IP4(127, 0, 0, 1), 8001);
    a.port.host_ip4 = IP4(10, 1, 2, 3);
    assert_int_equal(wc_net_up(&a.req, &world_paths, &err), WC_ERR_SPEC);
    assert_string_equal(
        err.msg, "service web: this host has no address 10.1.2.3 to publish port 8001/tcp on");
    node_end(&web);
    down(&a);
    node_end(&outside);
    assert_nothing_left();
}

static void udp_port(void **state)
{
    (void)state;
    struct app a;
    char out[64] = "";
    struct node outside = outside_start();
    app_init(&a, "shop", 1);
    a.port.proto = WC_PROTO_UDP;
    up(&a);
    struct node web = start_as(&a, "web", 2);
    struct node_ask ask = {
        .udp = true, .ip4 = IP4(127, 0, 0, 1), .port = 8001, .len = 1, .msg = "x"
    };
    assert_int_equal(world_udp(&ask, out, sizeof out), 3);
    assert_memory_equal(out, "web", 3);
    ask.ip4 = HOST_IP;
    assert_int_equal(node_udp(&outside, &ask, out, sizeof out), 3);
    host_cannot(IP4(127, 0, 0, 1), 8001);
    node_end(&web);
    down(&a);
    node_end(&outside);
    assert_nothing_left();
}

static void taken_port_is_named_and_leaves_nothing(void **state)
{
    (void)state;
    struct app a, b;
    struct wc_err err = { 0 };
    char want[128];
    app_init(&a, "shop", 1);
    int fd = world_listen(IP4(127, 0, 0, 1), 8001, SOCK_STREAM);
    assert_int_equal(wc_net_up(&a.req, &world_paths, &err), WC_ERR_CONFLICT);
    snprintf(want, sizeof want, "service web: port 8001/tcp is taken by test_drivers_ne (pid %d)",
             getpid());
    assert_string_equal(err.msg, want);
    assert_int_equal(err.at.line, 7);
    assert_nothing_left();
    close(fd);
    up(&a);
    app_init(&b, "other", 2);
    b.port.host_port = 8001;
    assert_int_equal(wc_net_up(&b.req, &world_paths, &err), WC_ERR_CONFLICT);
    assert_string_equal(err.msg,
                        "service web: port 8001/tcp is published by service web of project shop");
    assert_int_equal(if_nametoindex(b.bridge), 0);
    down(&a);
    assert_nothing_left();
}

/* The table as text, without handles, to compare before and after. */
static void ruleset(struct wc_buf *out)
{
    wc_buf_reset(out);
    assert_int_equal(wc_nft_run("list table inet wcompose\n", out, NULL), 0);
}

static void up_again_changes_only_what_differs(void **state)
{
    (void)state;
    struct app a;
    WC_CLEANUP_BUF struct wc_buf before = WC_BUF_INIT, after = WC_BUF_INIT;
    app_init(&a, "shop", 1);
    up(&a);
    ruleset(&before);
    unsigned index = if_nametoindex(a.bridge);
    up(&a);
    ruleset(&after);
    assert_string_equal(before.data, after.data);
    struct node web = start_as(&a, "web", 2);
    a.port.host_port = 8100;
    up(&a);
    host_cannot(IP4(127, 0, 0, 1), 8001);
    assert_seen(host_tcp(IP4(127, 0, 0, 1), 8100), "web", a.net.gateway4);
    assert_int_equal(if_nametoindex(a.bridge), index);
    node_end(&web);
    down(&a);
    down(&a);
    assert_nothing_left();
}

/* libnftables weighs more than the rest of a supervisor: it stays only while networks change. */
static void rules_need_their_library_only_for_the_change(void **state)
{
    (void)state;
    struct app a;
    WC_CLEANUP_BUF struct wc_buf maps = WC_BUF_INIT;
    app_init(&a, "shop", 1);
    up(&a);
    void *held = wc_nft_hold();
    assert_non_null(held);
    assert_int_equal(wc_fs_read("/proc/self/maps", 1 << 20, &maps, NULL), 0);
    assert_non_null(strstr(maps.data, "libnftables"));
    wc_nft_release(held);
    wc_buf_reset(&maps);
    assert_int_equal(wc_fs_read("/proc/self/maps", 1 << 20, &maps, NULL), 0);
    assert_null(strstr(maps.data, "libnftables"));
    down(&a);
    assert_nothing_left();
}

static void flushed_rules_and_lost_bridges_are_repaired(void **state)
{
    (void)state;
    struct app a;
    struct wc_err err = { 0 };
    app_init(&a, "shop", 1);
    up(&a);
    assert_int_equal(wc_nft_run("flush ruleset\n", NULL, &err), 0);
    up(&a);
    struct node web = start_as(&a, "web", 2);
    assert_seen(host_tcp(IP4(127, 0, 0, 1), 8001), "web", a.net.gateway4);
    node_end(&web);
    assert_int_equal(wc_nft_run("flush ruleset\n", NULL, &err), 0);
    down(&a); /* the bridge is found by the record */
    assert_nothing_left();
}

static void shared_network_goes_with_its_last_user(void **state)
{
    (void)state;
    struct app a, b;
    app_init(&a, "one", 1);
    app_init(&b, "two", 2);
    struct wc_net_network nets[2] = { b.net, a.net };
    nets[1].external = true;
    b.req.networks = nets;
    b.req.n_networks = 2;
    up(&a);
    up(&b);
    down(&a);
    assert_int_not_equal(if_nametoindex(a.bridge), 0);
    up(&b);
    assert_int_not_equal(if_nametoindex(a.bridge), 0);
    down(&b);
    assert_nothing_left();
}

static void network_that_left_the_file_is_removed(void **state)
{
    (void)state;
    struct app a, b;
    app_init(&a, "one", 1);
    app_init(&b, "one", 2);
    struct wc_net_network nets[2] = { a.net, b.net };
    a.req.networks = nets;
    a.req.n_networks = 2;
    up(&a);
    assert_int_not_equal(if_nametoindex(b.bridge), 0);
    a.req.n_networks = 1;
    up(&a);
    assert_int_equal(if_nametoindex(b.bridge), 0);
    assert_int_not_equal(if_nametoindex(a.bridge), 0);
    down(&a);
    assert_nothing_left();
}

static void what_is_not_ours_stays(void **state)
{
    (void)state;
    struct app a;
    struct wc_err err = { 0 };
    WC_CLEANUP_BUF struct wc_buf make = WC_BUF_INIT;
    struct ifinfomsg head = { 0 };
    app_init(&a, "shop", 1);
    int fd = wc_nl_open(&err);
    size_t at = wc_nl_begin(&make, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof head);
    wc_nl_put_text(&make, IFLA_IFNAME, a.bridge);
    size_t info = wc_nl_nest(&make, IFLA_LINKINFO);
    wc_nl_put_text(&make, IFLA_INFO_KIND, "bridge");
    wc_nl_nest_end(&make, info);
    wc_nl_end(&make, at);
    assert_int_equal(wc_nl_run(fd, &make, NULL, &err), 0);
    assert_int_equal(wc_net_up(&a.req, &world_paths, &err), WC_ERR_CONFLICT);
    assert_string_equal(err.msg, "network shop: interface wctest1 exists and is not ours");
    assert_int_not_equal(if_nametoindex(a.bridge), 0);
    head.ifi_index = (int)if_nametoindex(a.bridge);
    wc_buf_reset(&make);
    wc_nl_end(&make, wc_nl_begin(&make, RTM_DELLINK, 0, &head, sizeof head));
    assert_int_equal(wc_nl_run(fd, &make, NULL, &err), 0);
    close(fd);
    assert_nothing_left();
}

static void external_network_must_exist(void **state)
{
    (void)state;
    struct app a;
    struct wc_err err = { 0 };
    app_init(&a, "shop", 1);
    a.net.external = true;
    assert_int_equal(wc_net_up(&a.req, &world_paths, &err), WC_ERR_NOENT);
    assert_nothing_left();
}

static void docker_user_gets_one_rule_each_way(void **state)
{
    (void)state;
    struct app a;
    struct wc_err err = { 0 };
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    app_init(&a, "shop", 1);
    assert_int_equal(wc_nft_run("add table ip filter\n"
                                "add chain ip filter DOCKER-USER\n"
                                "add chain ip filter FORWARD"
                                " { type filter hook forward priority 0; policy drop; }\n"
                                "add rule ip filter FORWARD jump DOCKER-USER\n",
                                NULL, &err),
                     0);
    struct node outside = outside_start();
    up(&a);
    up(&a);
    struct node web = start_as(&a, "web", 2);
    assert_seen(node_tcp(&outside, HOST_IP, 8001), "web", OUTSIDE_IP);
    node_end(&web);
    down(&a);
    assert_int_equal(wc_nft_run("list chain ip filter DOCKER-USER\n", &text, &err), 0);
    assert_null(strstr(text.data, "wcompose"));
    assert_int_equal(wc_nft_run("delete table ip filter\n", NULL, &err), 0);
    node_end(&outside);
    assert_nothing_left();
}

static const struct CMUnitTest cases[] = {
    WC_CASE(published_port_is_reached_from_everywhere),
    WC_CASE(hairpin_works_with_and_without_bridge_filter),
    WC_CASE(outbound_is_masqueraded_and_inbound_dropped),
    WC_CASE(projects_meet_only_by_published_ports),
    WC_CASE(internal_network_has_no_way_out),
    WC_CASE(port_of_one_host_address),
    WC_CASE(udp_port),
    WC_CASE(taken_port_is_named_and_leaves_nothing),
    WC_CASE(up_again_changes_only_what_differs),
    WC_CASE(flushed_rules_and_lost_bridges_are_repaired),
    WC_CASE(rules_need_their_library_only_for_the_change),
    WC_CASE(shared_network_goes_with_its_last_user),
    WC_CASE(network_that_left_the_file_is_removed),
    WC_CASE(what_is_not_ours_stays),
    WC_CASE(external_network_must_exist),
    WC_CASE(docker_user_gets_one_rule_each_way),
};

int main(int argc, char **argv)
{
    return world_main(argc, argv, cases, WC_COUNT(cases));
}
