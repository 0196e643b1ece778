/* net_app.h - a project with one network and one published port, for tests of drivers/net. */
#ifndef TESTS_UNIT_DRIVERS_NET_APP_H
#define TESTS_UNIT_DRIVERS_NET_APP_H

#include "net_world.h"

/* A project with one network and one instance "web" at .2, published as 8000 + subnet. */
struct app {
    struct wc_net_network net;
    struct wc_net_publish port;
    struct wc_net_name names[2];
    struct wc_net_request req;
    struct wc_attachment att;
    struct wc_instance inst;
    char bridge[16];
};

static inline void app_init(struct app *a, const char *project, unsigned subnet)
{
    memset(a, 0, sizeof *a);
    snprintf(a->bridge, sizeof a->bridge, "wctest%u", subnet);
    a->net = (struct wc_net_network){ .name = project,
                                      .bridge = a->bridge,
                                      .subnet4 = IP4(10, 210, subnet, 0),
                                      .gateway4 = IP4(10, 210, subnet, 1),
                                      .prefix4 = 24 };
    a->port = (struct wc_net_publish){ .host_port = 8000 + subnet,
                                       .target_port = SERVE_PORT,
                                       .proto = WC_PROTO_TCP,
                                       .target_ip4 = IP4(10, 210, subnet, 2),
                                       .service = "web",
                                       .at = { "compose.yaml", 7, 9 } };
    a->names[0] = (struct wc_net_name){ project, "web", IP4(10, 210, subnet, 2), "i1" };
    a->names[1] = (struct wc_net_name){ project, "web", IP4(10, 210, subnet, 3), "i2" };
    a->req = (struct wc_net_request){ .project = project,
                                      .networks = &a->net,
                                      .n_networks = 1,
                                      .ports = &a->port,
                                      .n_ports = 1,
                                      .names = a->names,
                                      .n_names = 2 };
    a->att = (struct wc_attachment){ .network = "default",
                                     .name = project,
                                     .bridge = a->bridge,
                                     .ifname = "eth0",
                                     .ip4 = IP4(10, 210, subnet, 2),
                                     .gateway4 = IP4(10, 210, subnet, 1),
                                     .prefix4 = 24,
                                     .mac = { 2, 0x77, 10, 210, (uint8_t)subnet, 2 } };
    a->inst = (struct wc_instance){ .nets = &a->att, .n_nets = 1 };
}

static inline void up(const struct app *a)
{
    struct wc_err err = { 0 };
    if (wc_net_up(&a->req, &world_paths, &err) != 0)
        fail_msg("up %s: %s", a->req.project, err.msg);
}

static inline void down(const struct app *a)
{
    struct wc_err err = { 0 };
    if (wc_net_down(&a->req, &world_paths, &err) != 0)
        fail_msg("down %s: %s", a->req.project, err.msg);
}

static inline struct node start_as(struct app *a, const char *name, unsigned last)
{
    WC_CLEANUP_BUF struct wc_buf host = WC_BUF_INIT, inside = WC_BUF_INIT;
    struct wc_err err = { 0 };
    a->att.ip4 = (a->att.ip4 & 0xFFFFFF00) | last;
    a->att.mac[5] = (uint8_t)last;
    assert_int_equal(wc_net_link_blobs(&a->inst, name, &host, &inside, &err), 0);
    return node_start(name, &host, &inside);
}

static inline void assert_seen(const char *answer, const char *name, uint32_t peer)
{
    char want[64];
    snprintf(want, sizeof want, "%s %u.%u.%u.%u", name, peer >> 24, peer >> 16 & 255,
             peer >> 8 & 255, peer & 255);
    assert_string_equal(answer, want);
}

#endif
