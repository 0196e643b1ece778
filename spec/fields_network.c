/* fields_network.c - the rows of networks: a service's membership, its ports, and the top level. */
#include "spec/fields.h"

#define NET(member) (long)offsetof(struct wc_service_net, member)
#define N(member) (long)offsetof(struct wc_network, member)

static const char *const protocols[] = { "tcp", "udp", "sctp", NULL };
static const char *const port_modes[] = { "ingress", "host", NULL };

/* clang-format off */
static const struct wc_field member_rows[] = {
    { ROW("aliases", strings, NET(aliases), UNIQUE, CARRIED, RECREATES), .ident = wc_ident_text },
    { ROW("driver_opts", options, NONE, KEYS, WARNED, KEEPS) },
    { ROW("gw_priority", whole, NONE, REPLACE, WARNED, KEEPS), .fallback = "0" },
    { ROW("interface_name", string, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("ipv4_address", ip4, NET(ipv4_address), REPLACE, CARRIED, RECREATES),
      .clause = "05-services.md#ipv4_address-ipv6_address" },
    { ROW("ipv6_address", ip6, NET(ipv6_address), REPLACE, CARRIED, RECREATES), WINDOWS(WARNED),
      .clause = "05-services.md#ipv4_address-ipv6_address" },
    { ROW("link_local_ips", strings, NONE, UNIQUE, WARNED, KEEPS), .ident = wc_ident_text },
    { ROW("mac_address", mac, NET(mac_address), REPLACE, CARRIED, RECREATES) },
    { ROW("priority", whole, NET(priority), REPLACE, CARRIED, RECREATES), .fallback = "0" },
};
const struct wc_table wc_table_service_network =
    TABLE(member_rows, "service_network", "05-services.md#");

static const struct wc_field port_rows[] = {
    { ROW("app_protocol", string, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("host_ip", string, NONE, REPLACE, CARRIED, RECREATES), WINDOWS(REFUSED),
      .fallback = "all addresses" },
    { ROW("mode", word, NONE, REPLACE, CARRIED, RECREATES),
      .words = port_modes, .fallback = "ingress" },
    { ROW("name", string, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("protocol", word, NONE, REPLACE, CARRIED, RECREATES),
      .words = protocols, .fallback = "tcp" },
    { ROW("published", text, NONE, REPLACE, CARRIED, RECREATES), .fallback = "any free port" },
    { ROW("target", int, NONE, REPLACE, CARRIED, RECREATES) },
};
const struct wc_table wc_table_port = TABLE(port_rows, "port", "05-services.md#ports");

static const struct wc_field pool_rows[] = {
    { ROW("aux_addresses", options, NONE, KEYS, WARNED, KEEPS) },
    { ROW("gateway", string, NONE, REPLACE, CARRIED, RECREATES),
      .fallback = "the first address of the subnet" },
    { ROW("ip_range", string, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("subnet", string, NONE, REPLACE, CARRIED, RECREATES), .fallback = "planned" },
};
static const struct wc_table pool_table = TABLE(pool_rows, "pool", "06-networks.md#ipam");

static const struct wc_field ipam_rows[] = {
    { ROW("config", items, NONE, JOIN, CARRIED, RECREATES),
      .sub = &pool_table, .ident = wc_ident_subnet },
    { ROW("driver", string, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("options", options, NONE, KEYS, WARNED, KEEPS) },
};
static const struct wc_table ipam_table = TABLE(ipam_rows, "ipam", "06-networks.md#ipam");

static const struct wc_field network_rows[] = {
    { ROW("attachable", bool, N(attachable), REPLACE, CARRIED, KEEPS), .fallback = "false" },
    { ROW("driver", string, N(driver), REPLACE, CARRIED, RECREATES), .fallback = "bridge" },
    { ROW("driver_opts", options, N(driver_opts), KEYS, CARRIED, RECREATES) },
    { ROW("enable_ipv4", bool, NONE, REPLACE, WARNED, KEEPS), SHOWS_ZERO, .fallback = "true" },
    { ROW("enable_ipv6", tri, N(enable_ipv6), REPLACE, CARRIED, RECREATES),
      SHOWS_ZERO, WINDOWS(WARNED) },
    { ROW("external", external, N(external), REPLACE, CARRIED, RECREATES),
      .sub = &wc_table_external, .fallback = "false" },
    { ROW("internal", bool, N(internal), REPLACE, CARRIED, RECREATES), WINDOWS(REFUSED),
      .fallback = "false" },
    { ROW("ipam", section, NONE, MAP, CARRIED, RECREATES), .sub = &ipam_table },
    { ROW("labels", kv, N(labels), KEYS, CARRIED, KEEPS) },
    { ROW("name", string, N(name), REPLACE, CARRIED, RECREATES), .fallback = "PROJECT_KEY" },
};
/* clang-format on */

const struct wc_table wc_table_network = TABLE(network_rows, "network", "06-networks.md#");
