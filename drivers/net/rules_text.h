/* rules_text.h - the fixed part of our nftables table (private to drivers/net). */
#ifndef DRIVERS_NET_RULES_TEXT_H
#define DRIVERS_NET_RULES_TEXT_H

/* An empty chain of this name marks a table with these rules; raise it with every change of them.
 */
#define WC_RULES_VERSION "v1"

/* Sets, maps and chains. Written as declarations that may be repeated: an older version's table is
 * brought up to date without losing its elements.
 *   bridges   ours; comment says whose
 *   internal  those without a way in or out
 *   same      bridge . the same bridge: traffic within a network (seen here with br_netfilter)
 *   subnets   source ranges that are masqueraded when they leave the host
 *   hairpin   subnet . the same subnet: a member reaching a member by a published port
 *   ports     protocol . port -> address . port; ports_at the same for one host address
 */
#define WC_RULES_BASE                                                                              \
    "add table inet wcompose\n"                                                                    \
    "add set inet wcompose bridges { type ifname; }\n"                                             \
    "add set inet wcompose internal { type ifname; }\n"                                            \
    "add set inet wcompose same { type ifname . ifname; }\n"                                       \
    "add set inet wcompose subnets { type ipv4_addr; flags interval; }\n"                          \
    "add set inet wcompose hairpin { type ipv4_addr . ipv4_addr; flags interval; }\n"              \
    "add map inet wcompose ports { type inet_proto . inet_service : ipv4_addr . inet_service; }\n" \
    "add map inet wcompose ports_at"                                                               \
    " { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }\n"                \
    "add chain inet wcompose raw { type filter hook prerouting priority raw; }\n"                  \
    "add chain inet wcompose prerouting { type nat hook prerouting priority dstnat; }\n"           \
    "add chain inet wcompose output { type nat hook output priority -100; }\n"                   \
    "add chain inet wcompose forward { type filter hook forward priority filter; }\n"              \
    "add chain inet wcompose postrouting { type nat hook postrouting priority srcnat; }\n"         \
    "add chain inet wcompose publish\n"                                                            \
    "flush table inet wcompose\n"                                                                  \
    "table inet wcompose {\n"                                                                      \
    /* route_localnet lets the host reach published ports by 127.0.0.1; it must not let anybody */ \
    /* else reach what listens there */                                                            \
    " chain raw {\n"                                                                               \
    "  iifname @bridges ip daddr 127.0.0.0/8 drop\n"                                               \
    "  iifname @bridges ip saddr 127.0.0.0/8 drop\n"                                               \
    " }\n"                                                                                         \
    " chain publish {\n"                                                                           \
    "  dnat ip to ip daddr . meta l4proto . th dport map @ports_at\n"                              \
    "  dnat ip to meta l4proto . th dport map @ports\n"                                            \
    " }\n"                                                                                         \
    " chain prerouting {\n"                                                                        \
    "  iifname != \"lo\" ip daddr 127.0.0.0/8 return\n"                                            \
    "  fib daddr type local jump publish\n"                                                        \
    " }\n"                                                                                         \
    " chain output { fib daddr type local jump publish\n }\n"                                      \
    " chain forward {\n"                                                                           \
    "  iifname . oifname @same accept\n"                                                           \
    "  ct state established,related accept\n"                                                      \
    "  iifname @internal drop\n"                                                                   \
    "  oifname @internal drop\n"                                                                   \
    "  oifname @bridges ct status dnat accept\n"                                                   \
    "  oifname @bridges drop\n"                                                                    \
    "  iifname @bridges accept\n"                                                                  \
    " }\n"                                                                                         \
    " chain postrouting {\n"                                                                       \
    "  ip saddr 127.0.0.0/8 oifname @bridges masquerade\n"                                         \
    "  ct status dnat ip saddr . ip daddr @hairpin masquerade\n"                                   \
    "  oifname @bridges return\n"                                                                  \
    "  ip saddr @subnets masquerade\n"                                                             \
    " }\n"                                                                                         \
    "}\n"                                                                                          \
    "add chain inet wcompose " WC_RULES_VERSION "\n"

#endif
