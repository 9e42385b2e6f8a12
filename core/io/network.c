#include "io/network.h"

#include <arpa/inet.h>

enum { TEXT_BYTES = 64, ADDRESS_BITS = 128, MAPPED_BITS = 96 };

static const uint8_t mapped_prefix[MAPPED_BITS / 8] = {[10] = 0xff, [11] = 0xff};

/* Reads an address into the sixteen bytes of IPv6; the bits in front of it are 96 for IPv4, 0 for IPv6, -1 for none. */
static int parse_address(tg_ip *address, tg_text text) {
  char copy[TEXT_BYTES];
  if (text.size == 0 || text.size >= sizeof copy || memchr(text.data, '\0', text.size) != NULL) return -1;
  memcpy(copy, text.data, text.size);
  copy[text.size] = '\0';
  memcpy(address->bytes, mapped_prefix, sizeof mapped_prefix);
  if (inet_pton(AF_INET, copy, address->bytes + sizeof mapped_prefix) == 1) return MAPPED_BITS;
  return inet_pton(AF_INET6, copy, address->bytes) == 1 ? 0 : -1;
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

bool tg_network_parse_address(tg_ip *address, tg_text text) {
  return parse_address(address, text) >= 0;
}

bool tg_network_has(const tg_network *network, const tg_ip *address) {
  unsigned bytes = network->prefix_bits / 8, bits = network->prefix_bits % 8;
  if (memcmp(network->first.bytes, address->bytes, bytes) != 0) return false;
  return bits == 0 || (network->first.bytes[bytes] ^ address->bytes[bytes]) >> (8 - bits) == 0;
}

bool tg_network_contains(const tg_network *network, tg_text address) {
  tg_ip found;
  return tg_network_parse_address(&found, address) && tg_network_has(network, &found);
}

tg_ip tg_ip_map(const void *four) {
  tg_ip mapped;
  memcpy(mapped.bytes, mapped_prefix, sizeof mapped_prefix);
  memcpy(mapped.bytes + sizeof mapped_prefix, four, 4);
  return mapped;
}

bool tg_ip_is_mapped(const tg_ip *address) {
  return memcmp(address->bytes, mapped_prefix, sizeof mapped_prefix) == 0;
}

void tg_network_write(const tg_ip *address, char text[TG_NETWORK_TEXT_BYTES]) {
  bool is_four = tg_ip_is_mapped(address);
  const void *bytes = is_four ? address->bytes + sizeof mapped_prefix : address->bytes;
  if (inet_ntop(is_four ? AF_INET : AF_INET6, bytes, text, TG_NETWORK_TEXT_BYTES) == NULL) text[0] = '\0';
}
