/* test_address.c - who gets which address, and that nobody's moves. */
#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/str.h"
#include "orchestrator/core/address.h"

#define IP4(a, b, c, d)                                                                            \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

enum { SERVICES = 4, SLOTS = 8 };

/* A project: networks back and front; services a, b, c, d on back (unless a case says otherwise).
 */
struct world {
    struct wc_arena arena;
    struct wc_network networks[2];
    struct wc_service_net nets[SERVICES][2];
    struct wc_service services[SERVICES];
    struct wc_project project;
    struct wc_address_slot slots[SLOTS];
    struct wc_address_in in;
    struct wc_address_plan plan;
    struct wc_err err;
};

static void init(struct world *w)
{
    static const char *const names[SERVICES] = { "a", "b", "c", "d" };
    static const char *const slot_names[SERVICES] = { "p-a-1", "p-b-1", "p-c-1", "p-d-1" };
    memset(w, 0, sizeof *w);
    wc_arena_init(&w->arena);
    w->networks[0] = (struct wc_network){ .key = "back", .name = "p_back", .at = { "f", 1, 1 } };
    w->networks[1] = (struct wc_network){ .key = "front", .name = "p_front", .at = { "f", 2, 1 } };
    for (size_t i = 0; i < SERVICES; i++) {
        w->nets[i][0] =
            (struct wc_service_net){ .network = "back", .at = { "f", 10 + (unsigned)i, 5 } };
        w->nets[i][1] = (struct wc_service_net){ .network = "front", .at = { "f", 20, 5 } };
        w->services[i] =
            (struct wc_service){ .name = names[i], .networks = w->nets[i], .n_networks = 1 };
        w->slots[i] = (struct wc_address_slot){ .service = &w->services[i],
                                                .index = 1,
                                                .name = slot_names[i] };
    }
    w->project = (struct wc_project){ .name = "p",
                                      .services = w->services,
                                      .n_services = SERVICES,
                                      .networks = w->networks,
                                      .n_networks = 2 };
    w->in = (struct wc_address_in){ .project = &w->project, .slots = w->slots, .n_slots = 2 };
}

static void deinit(struct world *w)
{
    wc_arena_deinit(&w->arena);
}

static void plan(struct world *w)
{
    if (wc_address_plan(&w->in, &w->arena, &w->plan, &w->err) != 0)
        fail_msg("%s", w->err.msg);
}

static uint32_t ip(const struct world *w, size_t slot)
{
    assert_true(w->plan.places[slot].n_nets > 0);
    return w->plan.places[slot].nets[0].ip4;
}

/* Makes what was planned the past of the next plan. */
static void remember(struct world *w)
{
    w->in.known = w->plan.networks;
    w->in.n_known = w->plan.n_networks;
}

static void refused(struct world *w, int code, const char *message, unsigned line)
{
    assert_int_equal(wc_address_plan(&w->in, &w->arena, &w->plan, &w->err), code);
    assert_string_equal(w->err.msg, message);
    assert_int_equal(w->err.at.line, line);
}

static void text_forms(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t base;
        int prefix; /* -1: refused */
    } rows[] = {
        { "10.0.0.0/8", IP4(10, 0, 0, 0), 8 },
        { "10.1.2.3/24", IP4(10, 1, 2, 0), 24 },
        { "1.2.3.4", IP4(1, 2, 3, 4), 32 },
        { "0.0.0.0/0", 0, 0 },
        { "10.0.0.0/33", 0, -1 },
        { "10.0.0/8", 0, -1 },
        { "10.0.0.256/8", 0, -1 },
        { "10.00.0.1", 0, -1 },
        { "10.0.0.0/", 0, -1 },
        { "10.0.0.0/8 ", 0, -1 },
        { "", 0, -1 },
        { "1.2.3.4.5", 0, -1 },
        { "99999999999.0.0.1", 0, -1 },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct wc_cidr4 got = { 1, 1 };
        assert_int_equal(wc_cidr4_parse(rows[i].text, &got), rows[i].prefix >= 0);
        if (rows[i].prefix >= 0) {
            assert_int_equal(got.base4, rows[i].base);
            assert_int_equal(got.prefix4, rows[i].prefix);
        }
    }
    char text[16];
    assert_string_equal(wc_ip4_format(UINT32_MAX, text), "255.255.255.255");
    assert_true(wc_cidr4_overlap((struct wc_cidr4){ 0, 0 }, (struct wc_cidr4){ 77, 32 }));
    assert_false(wc_cidr4_overlap((struct wc_cidr4){ IP4(10, 0, 0, 0), 24 },
                                  (struct wc_cidr4){ IP4(10, 0, 1, 0), 24 }));
}

static void first_plan_is_lowest_first(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    w.services[1].n_networks = 2;
    plan(&w);
    assert_int_equal(w.plan.n_networks, 2);
    assert_int_equal(w.plan.networks[0].subnet.base4, IP4(10, 210, 0, 0));
    assert_int_equal(w.plan.networks[0].gateway4, IP4(10, 210, 0, 1));
    assert_int_equal(w.plan.networks[1].subnet.base4, IP4(10, 210, 1, 0));
    assert_int_equal(ip(&w, 0), IP4(10, 210, 0, 2));
    assert_int_equal(ip(&w, 1), IP4(10, 210, 0, 3));
    assert_int_equal(w.plan.places[1].n_nets, 2);
    const struct wc_attachment *second = &w.plan.places[1].nets[1];
    assert_int_equal(second->ip4, IP4(10, 210, 1, 2));
    assert_string_equal(second->ifname, "eth1");
    assert_string_equal(second->name, "p_front");
    assert_int_equal(strlen(second->bridge), 15);
    static const uint8_t mac[6] = { 2, 0x77, 10, 210, 1, 2 };
    assert_memory_equal(second->mac, mac, 6);
    deinit(&w);
}

static void order_of_slots_does_not_matter(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    struct wc_address_slot first = w.slots[0];
    w.slots[0] = w.slots[1];
    w.slots[1] = first;
    plan(&w);
    assert_int_equal(ip(&w, 1), IP4(10, 210, 0, 2));
    assert_int_equal(ip(&w, 0), IP4(10, 210, 0, 3));
    deinit(&w);
}

static void nobody_moves_when_others_come_and_go(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    w.slots[0] = w.slots[1]; /* only b at first */
    w.in.n_slots = 1;
    plan(&w);
    assert_int_equal(ip(&w, 0), IP4(10, 210, 0, 2));
    remember(&w);
    w.slots[0] = (struct wc_address_slot){ .service = &w.services[0], .index = 1, .name = "p-a-1" };
    w.in.n_slots = 3;
    plan(&w);
    assert_int_equal(ip(&w, 0), IP4(10, 210, 0, 3));
    assert_int_equal(ip(&w, 1), IP4(10, 210, 0, 2));
    assert_int_equal(ip(&w, 2), IP4(10, 210, 0, 4));
    remember(&w);
    w.in.n_slots = 1; /* b and c go, their addresses are kept for them */
    plan(&w);
    remember(&w);
    w.slots[1] = w.slots[3];
    w.in.n_slots = 2;
    plan(&w);
    assert_int_equal(ip(&w, 1), IP4(10, 210, 0, 5));
    deinit(&w);
}

static void fixed_address_displaces_a_planned_one(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    plan(&w);
    remember(&w);
    w.networks[0].subnet = "10.210.0.0/24";
    w.nets[1][0].ipv4_address = "10.210.0.2"; /* a had it */
    plan(&w);
    assert_int_equal(ip(&w, 1), IP4(10, 210, 0, 2));
    assert_int_equal(ip(&w, 0), IP4(10, 210, 0, 3));
    assert_int_equal(w.plan.networks[0].n_leases, 2);
    deinit(&w);
}

static void bad_addresses_are_refused_at_their_place(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    w.networks[0].subnet = "10.5.0.0/24";
    w.nets[0][0].ipv4_address = "10.6.0.2";
    refused(&w, WC_ERR_SPEC,
            "service a: ipv4_address '10.6.0.2' is no usable address of network back", 10);
    w.nets[0][0].ipv4_address = "10.5.0.255";
    refused(&w, WC_ERR_SPEC,
            "service a: ipv4_address '10.5.0.255' is no usable address of network back", 10);
    w.nets[0][0].ipv4_address = "10.5.0.1";
    refused(&w, WC_ERR_CONFLICT, "service a: ipv4_address 10.5.0.1 is the gateway of network back",
            10);
    w.nets[0][0].ipv4_address = w.nets[1][0].ipv4_address = "10.5.0.9";
    refused(&w, WC_ERR_CONFLICT, "service b: ipv4_address 10.5.0.9 on network back is taken by a",
            11);
    w.nets[0][0].ipv4_address = w.nets[1][0].ipv4_address = NULL;
    w.networks[0].gateway = "10.6.0.1";
    refused(&w, WC_ERR_SPEC, "network back: gateway '10.6.0.1' is no usable address of its subnet",
            1);
    w.networks[0].gateway = NULL;
    w.networks[0].subnet = "10.5.0.0/31";
    refused(&w, WC_ERR_SPEC,
            "network back: subnet '10.5.0.0/31' is no IPv4 range between /8 and /30", 1);
    w.networks[0].subnet = NULL;
    w.nets[0][0].mac_address = "03:00:00:00:00:01";
    refused(&w, WC_ERR_SPEC, "service a: mac_address '03:00:00:00:00:01' is no unicast MAC address",
            10);
    deinit(&w);
}

static void subnets_avoid_what_is_in_use(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    const struct wc_known_network other = {
        .name = "q_default", .owner = "q", .bridge = "wcq", .subnet = { IP4(10, 210, 0, 0), 24 }
    };
    const struct wc_cidr4 used[] = { { IP4(10, 210, 1, 128), 25 } };
    w.in.known = &other;
    w.in.n_known = 1;
    w.in.used = used;
    w.in.n_used = 1;
    plan(&w);
    assert_int_equal(w.plan.networks[0].subnet.base4, IP4(10, 210, 2, 0));
    w.networks[0].subnet = "10.210.0.0/16";
    refused(&w, WC_ERR_CONFLICT,
            "network back: subnet 10.210.0.0/16 overlaps network q_default of project q", 1);
    w.networks[0].subnet = "10.210.1.0/24";
    refused(&w, WC_ERR_CONFLICT,
            "network back: subnet 10.210.1.0/24 overlaps a route that this host already has", 1);
    deinit(&w);
}

static void planned_subnet_moves_only_while_it_is_down(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    plan(&w);
    remember(&w);
    const struct wc_cidr4 vpn[] = { { IP4(10, 210, 0, 0), 24 } };
    w.in.used = vpn;
    w.in.n_used = 1;
    w.plan.networks[0].live = true;
    plan(&w);
    assert_int_equal(w.plan.networks[0].subnet.base4, IP4(10, 210, 0, 0));
    remember(&w);
    w.plan.networks[0].live = false;
    plan(&w);
    assert_int_equal(w.plan.networks[0].subnet.base4, IP4(10, 210, 1, 0));
    assert_int_equal(ip(&w, 0), IP4(10, 210, 1, 2));
    deinit(&w);
}

static void full_pool_and_full_subnet(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    const struct wc_cidr4 tiny[] = { { IP4(10, 9, 9, 0), 30 } };
    const struct wc_cidr4 used[] = { { IP4(10, 9, 9, 0), 24 } };
    w.in.pools = tiny;
    w.in.n_pools = 1;
    w.in.n_slots = 1;
    plan(&w);
    assert_int_equal(ip(&w, 0), IP4(10, 9, 9, 2));
    w.in.n_slots = 2;
    refused(&w, WC_ERR_LIMIT, "service b: network back has no free address left", 11);
    w.in.used = used;
    w.in.n_used = 1;
    refused(&w, WC_ERR_LIMIT, "network p_back: every subnet of the address pool is in use", 1);
    deinit(&w);
}

static void addresses_of_the_gone_are_the_last_reserve(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    const struct wc_cidr4 small[] = { { IP4(10, 9, 9, 0), 29 } }; /* .2 to .6 */
    w.in.pools = small;
    w.in.n_pools = 1;
    w.in.n_slots = 4;
    plan(&w);
    remember(&w);
    w.slots[0] = (struct wc_address_slot){ .service = &w.services[0],
                                           .index = 2,
                                           .name = "p-a-2" }; /* a.1 gone */
    plan(&w);
    assert_int_equal(ip(&w, 0), IP4(10, 9, 9, 6));
    remember(&w);
    w.slots[0].index = 3; /* a.1 and a.2 gone, nothing free: theirs is taken over */
    plan(&w);
    assert_int_equal(ip(&w, 0), IP4(10, 9, 9, 2));
    struct wc_address_guest guests[] = { { "a", "", 1 }, { "a", "", 2 } };
    w.in.guests = guests; /* … the one that only goes last */
    w.in.n_guests = 1;
    plan(&w);
    assert_int_equal(ip(&w, 0), IP4(10, 9, 9, 6));
    w.in.n_guests = 2;
    plan(&w);
    assert_int_equal(ip(&w, 0), IP4(10, 9, 9, 2));
    deinit(&w);
}

/* The slot of a in one of its incarnations. */
static struct wc_address_slot a_as(struct world *w, const char *incarnation, bool aside)
{
    return (struct wc_address_slot){ .service = &w->services[0],
                                     .index = 1,
                                     .name = "p-a-1",
                                     .incarnation = incarnation,
                                     .aside = aside };
}

static void two_of_a_replica_have_an_address_each(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    w.slots[0] = a_as(&w, "v1", false);
    plan(&w);
    uint32_t first = ip(&w, 0);
    remember(&w);
    w.slots[0] = a_as(&w, "v2", false); /* v1 goes before v2 comes: the address stays */
    w.slots[0].holder = "v1";
    plan(&w);
    assert_int_equal(ip(&w, 0), first);
    remember(&w);
    w.slots[2] = a_as(&w, "v1", true); /* asked anew, before v1 has gone: it stays aside */
    w.slots[0].holder = NULL;
    w.in.n_slots = 3;
    plan(&w);
    assert_int_equal(ip(&w, 2), first);
    assert_int_not_equal(ip(&w, 0), first);
    w.in.n_slots = 2; /* as remembered: v1 has gone, v2 has come */
    plan(&w);
    assert_int_equal(ip(&w, 0), first);
    remember(&w);
    w.slots[0] = a_as(&w, "v3", false);
    w.slots[2] = a_as(&w, "v2", true);
    w.in.n_slots = 3;
    plan(&w);
    uint32_t second = ip(&w, 0);
    assert_int_equal(ip(&w, 2), first);
    assert_int_equal(second, IP4(10, 210, 0, 4)); /* .3 is b's */
    assert_int_equal(w.plan.networks[0].n_leases, 3);
    remember(&w);
    plan(&w); /* again: nothing moves */
    assert_int_equal(ip(&w, 2), first);
    assert_int_equal(ip(&w, 0), second);
    remember(&w);
    w.slots[0] = a_as(&w, "v2", false); /* it is taken back, v3 has not gone yet */
    w.slots[2] = a_as(&w, "v3", true);
    plan(&w);
    assert_int_equal(ip(&w, 0), first);
    assert_int_equal(ip(&w, 2), second);
    remember(&w);
    w.in.n_slots = 2;
    plan(&w);
    assert_int_equal(ip(&w, 0), first);
    assert_int_equal(w.plan.networks[0].n_leases, 2); /* v3's is free again */
    deinit(&w);
}

/* v2 came in the place of v1, with its address; then nobody is to be there, while v2 still is. */
static void what_was_passed_on_stays_with_who_is_there(void **state)
{
    (void)state;
    struct world w;
    struct wc_address_guest guests[] = { { "a", "v2", 1 } };
    init(&w);
    w.networks[0].subnet = "10.9.9.0/29"; /* .2 to .6 */
    w.slots[0] = a_as(&w, "v1", false);
    w.in.n_slots = 3;
    plan(&w);
    uint32_t first = ip(&w, 0), of_c = ip(&w, 2);
    remember(&w);
    w.slots[0] = a_as(&w, "v2", false);
    w.slots[0].holder = "v1";
    plan(&w);
    assert_int_equal(ip(&w, 0), first);
    remember(&w);
    w.in.guests = guests;
    w.in.n_guests = 1;
    w.in.slots = &w.slots[1];
    w.in.n_slots = 1;
    for (int turn = 0; turn < 2; turn++) { /* asked for twice: the same */
        plan(&w);
        const struct wc_known_network *net = w.plan.networks;
        assert_int_equal(net->n_leases, 3); /* of b, of the c that is gone, of v2 */
        size_t found = 0;
        while (found < net->n_leases && net->leases[found].ip4 != first)
            found++;
        assert_true(found < net->n_leases);
        assert_string_equal(net->leases[found].service, "a");
        assert_string_equal(net->leases[found].incarnation, "v2");
        remember(&w);
    }
    for (unsigned i = 1; i <= 4; i++) /* with the last of these the subnet is full */
        w.slots[i] = (struct wc_address_slot){ .service = &w.services[1],
                                               .index = i,
                                               .name = wc_arena_printf(&w.arena, "p-b-%u", i) };
    w.in.n_slots = 4;
    plan(&w);
    assert_int_equal(ip(&w, 3), of_c);
    for (size_t i = 0; i < 4; i++)
        assert_int_not_equal(ip(&w, i), first);
    deinit(&w);
}

/* What was recorded without incarnations belongs to whoever is there. */
static void an_old_address_stays_with_who_is_there(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    w.slots[0] = a_as(&w, NULL, false);
    plan(&w);
    uint32_t first = ip(&w, 0);
    remember(&w);
    w.slots[0] = a_as(&w, "v2", false);
    w.slots[2] = a_as(&w, "v1", true);
    w.in.n_slots = 3;
    plan(&w);
    assert_int_equal(ip(&w, 2), first);
    assert_int_not_equal(ip(&w, 0), first);
    deinit(&w);
}

static void fixed_addresses_of_two(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    struct wc_service_net fixed = w.nets[0][0];
    struct wc_service old = w.services[0];
    w.networks[0].subnet = "10.9.9.0/24";
    fixed.ipv4_address = "10.9.9.7";
    old.networks = &fixed;
    w.slots[0] = a_as(&w, "v2", false); /* no longer fixed */
    w.slots[2] = a_as(&w, "v1", true);
    w.slots[2].service = &old;
    w.in.n_slots = 3;
    plan(&w);
    assert_int_equal(ip(&w, 2), IP4(10, 9, 9, 7));
    assert_int_equal(ip(&w, 0), IP4(10, 9, 9, 2));
    w.nets[0][0].ipv4_address = "10.9.9.7"; /* the same for both: the new one waits for the old */
    plan(&w);
    assert_int_equal(ip(&w, 0), IP4(10, 9, 9, 7));
    assert_int_not_equal(ip(&w, 2), IP4(10, 9, 9, 7));
    deinit(&w);
}

static void a_new_network_has_room_for_two_of_each(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    enum { N = 150 };
    struct wc_address_slot *slots = WC_NEW_ARRAY(&w.arena, struct wc_address_slot, 2 * N);
    for (unsigned i = 0; i < 2 * N; i++)
        slots[i] = (struct wc_address_slot){
            .service = &w.services[0],
            .index = i % N + 1,
            .name = wc_arena_printf(&w.arena, "p-a-%u", i % N + 1),
            .incarnation = i < N ? "v1" : "v2",
        };
    w.services[0].update = (struct wc_update_config){ .set = true, .start_first = true };
    w.in.slots = slots;
    w.in.n_slots = N;
    plan(&w);
    assert_int_equal(w.plan.networks[0].subnet.prefix4, 23);
    remember(&w);
    for (unsigned i = 0; i < N; i++)
        slots[i].incarnation = "v2";
    for (unsigned i = 0; i < N; i++) {
        slots[N + i].incarnation = "v1";
        slots[N + i].aside = true;
    }
    w.in.n_slots = 2 * N;
    plan(&w);
    assert_int_equal(w.plan.networks[0].subnet.prefix4, 23);
    assert_int_equal(ip(&w, N), IP4(10, 210, 0, 2));
    assert_int_equal(ip(&w, 0), IP4(10, 210, 0, 2) + N);
    deinit(&w);
}

static void many_replicas_get_a_wider_subnet(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    enum { N = 300 };
    struct wc_address_slot *slots = WC_NEW_ARRAY(&w.arena, struct wc_address_slot, N);
    for (unsigned i = 0; i < N; i++)
        slots[i] = (struct wc_address_slot){ .service = &w.services[0],
                                             .index = i + 1,
                                             .name = wc_arena_printf(&w.arena, "p-a-%u", i + 1) };
    w.in.slots = slots;
    w.in.n_slots = N;
    plan(&w);
    assert_int_equal(w.plan.networks[0].subnet.prefix4, 23);
    assert_int_equal(ip(&w, N - 1), IP4(10, 210, 1, 45));
    deinit(&w);
}

static void external_networks(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    w.networks[0].external = true;
    w.networks[0].name = "q_shared";
    refused(&w, WC_ERR_NOENT, "network back is external, but this host has no network q_shared", 1);
    struct wc_lease lease = { "q", "a", 1, IP4(10, 210, 7, 2), NULL };
    const struct wc_known_network known = { .name = "q_shared",
                                            .owner = "q",
                                            .bridge = "wcq",
                                            .subnet = { IP4(10, 210, 7, 0), 24 },
                                            .gateway4 = IP4(10, 210, 7, 1),
                                            .leases = &lease,
                                            .n_leases = 1 };
    w.in.known = &known;
    w.in.n_known = 1;
    plan(&w);
    assert_int_equal(ip(&w, 0), IP4(10, 210, 7, 3)); /* .2 is the a of q, not ours */
    assert_int_equal(w.plan.networks[0].n_leases, 3);
    w.networks[0].external = false;
    refused(&w, WC_ERR_CONFLICT,
            "network q_shared belongs to project q; declare it external to share it", 1);
    deinit(&w);
}

static void priority_orders_interfaces_and_internal_has_no_gateway(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    w.services[0].n_networks = 2;
    w.nets[0][1].priority = 10;
    w.networks[1].internal = true;
    plan(&w);
    const struct wc_attachment *nets = w.plan.places[0].nets;
    assert_string_equal(nets[0].network, "front");
    assert_string_equal(nets[0].ifname, "eth0");
    assert_int_equal(nets[0].gateway4, 0);
    assert_string_equal(nets[1].network, "back");
    assert_int_equal(nets[1].gateway4, IP4(10, 210, 0, 1));
    deinit(&w);
}

static void names_are_lower_case_and_unique(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    static const char *aliases[] = { "DB", "a", "db" };
    w.nets[0][0].aliases = (struct wc_strv){ aliases, 3, true };
    plan(&w);
    const struct wc_strv *names = &w.plan.places[0].nets[0].names;
    assert_int_equal(names->n, 3);
    assert_string_equal(names->items[0], "a");
    assert_string_equal(names->items[1], "p-a-1");
    assert_string_equal(names->items[2], "db");
    deinit(&w);
}

static void other_network_modes_get_nothing(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    w.services[0].network_mode = WC_NETMODE_HOST;
    w.services[1].network_mode = WC_NETMODE_NONE;
    plan(&w);
    assert_int_equal(w.plan.n_networks, 0);
    assert_int_equal(w.plan.places[0].n_nets, 0);
    deinit(&w);
}

WC_MAIN(WC_CASE(text_forms), WC_CASE(first_plan_is_lowest_first),
        WC_CASE(order_of_slots_does_not_matter), WC_CASE(nobody_moves_when_others_come_and_go),
        WC_CASE(fixed_address_displaces_a_planned_one),
        WC_CASE(bad_addresses_are_refused_at_their_place), WC_CASE(subnets_avoid_what_is_in_use),
        WC_CASE(planned_subnet_moves_only_while_it_is_down), WC_CASE(full_pool_and_full_subnet),
        WC_CASE(addresses_of_the_gone_are_the_last_reserve),
        WC_CASE(two_of_a_replica_have_an_address_each),
        WC_CASE(what_was_passed_on_stays_with_who_is_there),
        WC_CASE(an_old_address_stays_with_who_is_there), WC_CASE(fixed_addresses_of_two),
        WC_CASE(a_new_network_has_room_for_two_of_each), WC_CASE(many_replicas_get_a_wider_subnet),
        WC_CASE(external_networks), WC_CASE(priority_orders_interfaces_and_internal_has_no_gateway),
        WC_CASE(names_are_lower_case_and_unique), WC_CASE(other_network_modes_get_nothing))
