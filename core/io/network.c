#include "io/network.h"

#include <arpa/inet.h>

enum { TEXT_BYTES = 64, ADDRESS_BITS = 128, MAPPED_BITS = 96 };

/* Reads an address into the sixteen bytes of IPv6; the bits in front of it are 96 for IPv4, 0 for IPv6, -1 for none. */
static int parse_address(struct in6_addr *address, tg_text text) {
  static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
  char copy[TEXT_BYTES];
  if (text.size == 0 || text.size >= sizeof copy || memchr(text.data, '\0', text.size) != NULL) return -1;
  memcpy(copy, text.data, text.size);
  copy[text.size] = '\0';
  memcpy(address->s6_addr, mapped, sizeof mapped);
  if (inet_pton(AF_INET, copy, address->s6_addr + sizeof mapped) == 1) return MAPPED_BITS;
  return inet_pton(AF_INET6, copy, address->s6_addr) == 1 ? 0 : -1;
}

bool tg_network_parse(tg_network *network, tg_text text) {
  const char *slash = text.size > 0 ? memchr(text.data, '/', text.size) : NULL;
  tg_text address = {text.data, slash != NULL ? (size_t)(slash - text.data) : text.size};
  int before = parse_address(&network->first, address);
  if (before < 0) return false;
  long long bits = ADDRESS_BITS - before;
  if (slash != NULL) {
    long long given = tg_text_to_number((tg_text){slash + 1, text.size - address.size - 1});
    if (given < 0 || given > bits) return false;
    bits = given;
  }
  network->prefix_bits = (unsigned)(before + bits);
  return true;
}

bool tg_network_contains(const tg_network *network, tg_text address) {
  struct in6_addr found;
  if (parse_address(&found, address) < 0) return false;
  unsigned bytes = network->prefix_bits / 8, bits = network->prefix_bits % 8;
  if (memcmp(network->first.s6_addr, found.s6_addr, bytes) != 0) return false;
  return bits == 0 || (network->first.s6_addr[bytes] ^ found.s6_addr[bytes]) >> (8 - bits) == 0;
}
