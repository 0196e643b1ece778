/* test_net_dns.c - the running name server: asked by containers, asking the outside. */
#include "net_world.h"

enum { A = 1, PTR = 12, AAAA = 28 };
enum { NXDOMAIN = 3 };

/* A project with two networks: front (10.210.1.0/24) and back (10.210.2.0/24). */
struct app {
    struct wc_net_network nets[2];
    struct wc_net_name names[4];
    struct wc_net_request req;
};

static void app_init(struct app *a)
{
    *a = (struct app){
        .nets = { { "p_front", "wcfront", IP4(10, 210, 1, 0), IP4(10, 210, 1, 1), 24, false,
                    false },
                  { "p_back", "wcback", IP4(10, 210, 2, 0), IP4(10, 210, 2, 1), 24, true, false } },
        .names = { { "p_front", "web", IP4(10, 210, 1, 2), "p-web-1" },
                   { "p_front", "web", IP4(10, 210, 1, 3), "p-web-2" },
                   { "p_back", "web", IP4(10, 210, 2, 2), "p-web-1" },
                   { "p_back", "db", IP4(10, 210, 2, 9), "p-db-1" } },
    };
    a->req = (struct wc_net_request){
        .project = "p", .networks = a->nets, .n_networks = 2, .names = a->names, .n_names = 4
    };
}

static void up(const struct app *a)
{
    struct wc_err err = { 0 };
    if (wc_net_up(&a->req, &world_paths, &err) != 0)
        fail_msg("up: %s", err.msg);
}

static void down(const struct app *a)
{
    struct wc_err err = { 0 };
    assert_int_equal(wc_net_down(&a->req, &world_paths, &err), 0);
    assert_nothing_left();
}

/* A member of both networks (front only when `back` is 0), with that last number. */
static struct node member(const struct app *a, const char *name, unsigned front, unsigned back)
{
    WC_CLEANUP_BUF struct wc_buf host = WC_BUF_INIT, inside = WC_BUF_INIT;
    struct wc_err err = { 0 };
    struct wc_attachment atts[2];
    struct wc_instance inst = { .nets = atts };
    const unsigned last[2] = { front, back };
    static const char *const ifnames[] = { "eth0", "eth1" };
    for (size_t i = 0; i < 2; i++) {
        if (last[i] == 0)
            continue;
        const struct wc_net_network *net = &a->nets[i];
        atts[inst.n_nets] = (struct wc_attachment){
            .name = net->name,
            .bridge = net->bridge,
            .ifname = ifnames[inst.n_nets],
            .ip4 = net->subnet4 + last[i],
            .gateway4 = net->internal ? 0 : net->gateway4,
            .prefix4 = 24,
            .mac = { 2, 0x77, 10, 210, (uint8_t)(i + 1), (uint8_t)last[i] },
        };
        inst.n_nets++;
    }
    assert_int_equal(wc_net_link_blobs(&inst, name, &host, &inside, &err), 0);
    return node_start(name, &host, &inside);
}

static size_t question(const char *name, unsigned type, uint8_t *out)
{
    static const uint8_t head[12] = { 0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 };
    size_t n = sizeof head;
    memcpy(out, head, n);
    while (*name != '\0') {
        size_t label = strcspn(name, ".");
        out[n++] = (uint8_t)label;
        memcpy(out + n, name, label);
        n += label;
        name += label + (name[label] == '.');
    }
    const uint8_t tail[5] = { 0, 0, (uint8_t)type, 0, 1 };
    memcpy(out + n, tail, sizeof tail);
    return n + sizeof tail;
}

struct reply {
    int rcode; /* -1: no answer */
    unsigned n;
    uint32_t ip4; /* the last record's data, when it is an address */
};

static struct reply reply_of(const uint8_t *msg, ssize_t len)
{
    struct reply r = { -1, 0, 0 };
    if (len < 12 || msg[0] != 0x12 || msg[1] != 0x34)
        return r;
    r.rcode = msg[3] & 15;
    r.n = (unsigned)(msg[6] << 8 | msg[7]);
    if (r.n > 0)
        r.ip4 = IP4(msg[len - 4], msg[len - 3], msg[len - 2], msg[len - 1]);
    return r;
}

static struct reply ask(const struct node *node, uint32_t server, const char *name, unsigned type)
{
    uint8_t out[2048];
    struct node_ask ask = { .udp = true, .ip4 = server, .port = 53 };
    ask.len = question(name, type, ask.msg);
    return reply_of(out, node_udp(node, &ask, out, sizeof out));
}

/* It isn't answered, though the server is there. */
static void assert_silence(const struct node *node, uint32_t server, const char *name)
{
    uint8_t out[2048];
    struct node_ask ask = { .udp = true, .silent = true, .ip4 = server, .port = 53 };
    ask.len = question(name, A, ask.msg);
    assert_int_equal(node_udp(node, &ask, out, sizeof out), 0);
}

static int server_pid(void)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    assert_int_equal(wc_fs_read(world_path("run/net/dns.pid"), 64, &text, NULL), 0);
    return (int)strtol(text.data, NULL, 10);
}

static void members_outside_and_nothing(void **state)
{
    (void)state;
    struct app a;
    struct node outside = outside_start();
    app_init(&a);
    up(&a);
    const uint32_t gateway = a.nets[0].gateway4;
    struct node web = member(&a, "web1", 2, 2), web2 = member(&a, "web2", 3, 0);
    struct reply first = ask(&web2, gateway, "web", A), second = ask(&web2, gateway, "WEB", A);
    assert_int_equal(first.n, 2);
    assert_int_equal(second.n, 2);
    assert_int_not_equal(first.ip4, second.ip4); /* turns */
    assert_int_equal(ask(&web, gateway, "db", A).ip4, IP4(10, 210, 2, 9));
    struct reply none = ask(&web, gateway, "web", AAAA);
    assert_int_equal(none.rcode, 0);
    assert_int_equal(none.n, 0);
    assert_int_equal(ask(&web, gateway, "2.1.210.10.in-addr.arpa", PTR).n, 1);
    assert_int_equal(ask(&web, gateway, "200.1.210.10.in-addr.arpa", PTR).rcode, NXDOMAIN);
    assert_int_equal(ask(&web, gateway, "example.org", A).ip4, IP4(9, 9, 9, 9));
    assert_int_equal(ask(&web2, gateway, "db", A).ip4, IP4(9, 9, 9, 9)); /* not its network */
    node_end(&web);
    node_end(&web2);
    down(&a);
    node_end(&outside);
}

static void internal_members_and_strangers(void **state)
{
    (void)state;
    struct app a;
    struct node outside = outside_start();
    app_init(&a);
    up(&a);
    struct node db = member(&a, "db", 0, 9);
    assert_int_equal(ask(&db, a.nets[1].gateway4, "web", A).ip4, IP4(10, 210, 2, 2));
    assert_int_equal(ask(&db, a.nets[1].gateway4, "example.org", A).rcode, NXDOMAIN);
    assert_silence(&outside, a.nets[0].gateway4, "web");
    assert_int_equal(ask(&db, a.nets[1].gateway4, "web", A).ip4, IP4(10, 210, 2, 2)); /* it lives */
    node_end(&db);
    down(&a);
    node_end(&outside);
}

/* Asks until the answer is as expected: the server hears of new files a moment later. */
static bool soon(const struct node *node, uint32_t server, const char *name, uint32_t ip4)
{
    for (int i = 0; i < 1000; i++) {
        if (ask(node, server, name, A).ip4 == ip4)
            return true;
        usleep(10000);
    }
    return false;
}

static void changes_are_seen_and_a_lost_server_comes_back(void **state)
{
    (void)state;
    struct app a;
    struct node outside = outside_start();
    app_init(&a);
    up(&a);
    const uint32_t gateway = a.nets[0].gateway4;
    struct node web = member(&a, "web1", 2, 2);
    int pid = server_pid();
    a.names[1].name = "api";
    up(&a);
    assert_true(soon(&web, gateway, "api", IP4(10, 210, 1, 3)));
    assert_int_equal(server_pid(), pid);
    assert_int_equal(kill(pid, SIGKILL), 0);
    for (int i = 0; i < 2000 && kill(pid, 0) == 0; i++)
        usleep(10000);
    assert_int_equal(ask(&web, gateway, "api", A).rcode, -1);
    up(&a);
    assert_int_not_equal(server_pid(), pid);
    assert_int_equal(ask(&web, gateway, "api", A).ip4, IP4(10, 210, 1, 3));
    node_end(&web);
    down(&a);
    node_end(&outside);
}

static void silent_resolver_is_answered_for(void **state)
{
    (void)state;
    struct app a;
    app_init(&a);
    write_text(world_path("resolv.conf"), "nameserver 127.0.0.1\nnameserver 127.0.0.2\n");
    up(&a);
    struct node web = member(&a, "web1", 2, 2);
    struct reply r = ask(&web, a.nets[0].gateway4, "example.org", A); /* refused by all: at once */
    assert_int_equal(r.rcode, 2);
    node_end(&web);
    down(&a);
    write_text(world_path("resolv.conf"), "nameserver 10.99.0.2\n");
}

/* One question over TCP from the host itself, whose address on the bridge is the gateway's. */
static struct reply ask_tcp(uint32_t server, const char *name)
{
    uint8_t msg[302], out[2048];
    struct sockaddr_in to = world_addr(server, 53);
    size_t len = question(name, A, msg + 2), got = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    world_patience(fd, ANSWER_MS);
    msg[0] = 0;
    msg[1] = (uint8_t)len;
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(send(fd, msg, 1, 0), 1); /* in two parts */
    usleep(5000);
    assert_int_equal(send(fd, msg + 1, len + 1, 0), (ssize_t)len + 1);
    for (ssize_t n = 1; n > 0 && (got < 2 || got < 2u + (size_t)(out[0] << 8 | out[1]));) {
        n = recv(fd, out + got, sizeof out - got, 0);
        got += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    return reply_of(out + 2, (ssize_t)got - 2);
}

/* A resolver that speaks TCP, in a process of its own: 8.8.4.4 for everything. */
static pid_t tcp_resolver(void)
{
    static const uint8_t record[] = { 0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 8, 8, 4, 4 };
    int listener = world_listen(IP4(127, 0, 0, 1), 53, SOCK_STREAM);
    assert_true(listener >= 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            uint8_t msg[600];
            int fd = accept(listener, NULL, NULL);
            ssize_t len = recv(fd, msg, sizeof msg - sizeof record, 0);
            if (len > 14) {
                msg[0] = 0;
                msg[1] = (uint8_t)((size_t)len - 2 + sizeof record);
                msg[4] |= 0x80;
                msg[9] = 1;
                memcpy(msg + len, record, sizeof record);
                send(fd, msg, (size_t)len + sizeof record, 0);
            }
            close(fd);
        }
    }
    close(listener);
    return pid;
}

static void over_tcp(void **state)
{
    (void)state;
    struct app a;
    app_init(&a);
    write_text(world_path("resolv.conf"), "nameserver 127.0.0.1\n");
    pid_t resolver = tcp_resolver();
    up(&a);
    assert_int_equal(ask_tcp(a.nets[0].gateway4, "web").n, 2);
    assert_int_equal(ask_tcp(a.nets[0].gateway4, "example.org").ip4, IP4(8, 8, 4, 4));
    kill(resolver, SIGKILL);
    waitpid(resolver, NULL, 0);
    down(&a);
    write_text(world_path("resolv.conf"), "nameserver 10.99.0.2\n");
}

/* Connections that say nothing, from one network, don't keep the server from another. */
static void a_network_cannot_take_all_places(void **state)
{
    enum { IDLE = 40 };
    (void)state;
    struct app a;
    int idle[IDLE];
    app_init(&a);
    up(&a);
    struct sockaddr_in to = world_addr(a.nets[0].gateway4, 53);
    for (int i = 0; i < IDLE; i++) {
        idle[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(idle[i], (const struct sockaddr *)&to, sizeof to), 0);
    }
    assert_int_equal(ask_tcp(a.nets[1].gateway4, "db").ip4, IP4(10, 210, 2, 9));
    for (int i = 0; i < IDLE; i++)
        close(idle[i]);
    down(&a);
}

static const struct CMUnitTest cases[] = {
    WC_CASE(members_outside_and_nothing),
    WC_CASE(internal_members_and_strangers),
    WC_CASE(changes_are_seen_and_a_lost_server_comes_back),
    WC_CASE(silent_resolver_is_answered_for),
    WC_CASE(over_tcp),
    WC_CASE(a_network_cannot_take_all_places),
};

int main(int argc, char **argv)
{
    return world_main(argc, argv, cases, WC_COUNT(cases));
}
