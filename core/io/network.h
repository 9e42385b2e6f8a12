/* A range of IP addresses, IPv4 and IPv6, as "10.0.0.0/8", "2001:db8::/32" or one address alone. */
#ifndef TG_IO_NETWORK_H
#define TG_IO_NETWORK_H

#include "base/text.h"

#include <netinet/in.h>

typedef struct tg_network {
  struct in6_addr first; /* an IPv4 address is mapped (RFC 4291 section 2.5.5.2) */
  unsigned prefix_bits;  /* of 128 */
} tg_network;

/* Reads a range; false when the text is none. Bits behind the prefix are not looked at. */
bool tg_network_parse(tg_network *network, tg_text text);

/* Is the address in the range? Texts that are no address are in none. */
bool tg_network_contains(const tg_network *network, tg_text address);

#endif
