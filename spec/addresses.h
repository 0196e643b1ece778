/* addresses.h - IPv4, IPv6 and MAC addresses in values (spec, private). */
#ifndef SPEC_ADDRESSES_H
#define SPEC_ADDRESSES_H

#include "spec/table.h"

/* True for an address and nothing else: no prefix length, no zone, no blanks. */
bool wc_address_is_ip4(const char *ip);
bool wc_address_is_ip6(const char *ip);

/* Refuse (E102) a string that is neither empty nor an address of their kind. */
wc_canon_fn wc_canon_ip4, wc_canon_ip6, wc_canon_mac;

#endif
