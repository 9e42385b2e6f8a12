/* IP addresses as numbers, and ranges of them, IPv4 and IPv6: "10.0.0.0/8", "2001:db8::/32" or one address alone. An IPv4
   address is one of IPv6 that is mapped (RFC 4291 section 2.5.5.2), however it was written. */
#ifndef TG_IO_NETWORK_H
#define TG_IO_NETWORK_H

#include "base/text.h"

#include <stdint.h>

typedef struct tg_ip {
  uint8_t bytes[16]; /* of IPv6 */
} tg_ip;

typedef struct tg_network {
  tg_ip first;
  unsigned prefix_bits; /* of 128 */
} tg_network;

enum { TG_NETWORK_TEXT_BYTES = 64 }; /* of an address as text, with a NUL; INET6_ADDRSTRLEN is less */

/* Reads a range; false when the text is none. Bits behind the prefix are not looked at. */
bool tg_network_parse(tg_network *network, tg_text text);

/* Reads one address; false when the text is none. */
bool tg_network_parse_address(tg_ip *address, tg_text text);

/* Is the address in the range? */
bool tg_network_has(const tg_network *network, const tg_ip *address);

/* The same for a text. One that is no address is in none. */
bool tg_network_contains(const tg_network *network, tg_text address);

/* The four bytes of an IPv4 address as IPv6 has them. */
tg_ip tg_ip_map(const void *four);

bool tg_ip_is_mapped(const tg_ip *address);

/* Writes an address with a NUL, a mapped one as IPv4: each has one text, which may be a key. */
void tg_network_write(const tg_ip *address, char text[TG_NETWORK_TEXT_BYTES]);

#endif
