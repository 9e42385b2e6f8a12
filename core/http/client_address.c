#include "http/client_address.h"
#include "proto/forwarded.h"

#include <stdio.h>

static bool is_address(tg_text host) {
  tg_network alone;
  return memchr(host.data, '/', host.size) == NULL && tg_network_parse(&alone, host);
}

static bool is_trusted(const tg_trusted_proxies *trusted, tg_text host) {
  for (unsigned i = 0; i < trusted->count; i++) {
    if (tg_network_contains(&trusted->networks[i], host)) return true;
  }
  return false;
}

static bool is_trusted_peer(const tg_trusted_proxies *trusted, const char *peer) {
  if (strncmp(peer, "unix:", 5) == 0) return trusted->with_unix;
  tg_hop hop = tg_hop_parse(tg_text_of(peer));
  return hop.host.size > 0 && is_trusted(trusted, hop.host);
}

/* Is it one that can be believed to be somebody's? A name of RFC 7239 can. */
static bool is_known(const tg_hop *hop) {
  if (hop->host.size == 0) return false;
  char first = hop->host.data[0];
  return first == '_' || tg_text_equal_nocase(hop->host, TG_TEXT("unknown")) || is_address(hop->host);
}

static void write_hop(const tg_hop *hop, char *text, size_t size) {
  int host = (int)hop->host.size, port = (int)hop->port.size;
  bool has_brackets = port > 0 && memchr(hop->host.data, ':', hop->host.size) != NULL;
  snprintf(text, size, "%s%.*s%s%s%.*s", has_brackets ? "[" : "", host, hop->host.data, has_brackets ? "]" : "",
           port > 0 ? ":" : "", port, port > 0 ? hop->port.data : "");
}

bool tg_client_address(const tg_trusted_proxies *trusted, const tg_head *head, const char *peer, char *text,
                       size_t size) {
  if ((trusted->count == 0 && !trusted->with_unix) || !is_trusted_peer(trusted, peer)) return false;
  tg_hop hops[TG_HOPS_MAX];
  unsigned left = tg_forwarded_hops(head, hops);
  const tg_hop *found = NULL;
  while (left > 0 && is_known(&hops[left - 1])) {
    found = &hops[--left];
    if (!is_trusted(trusted, found->host)) break; /* what stands before it is the client's own word */
  }
  if (found != NULL) write_hop(found, text, size);
  return found != NULL;
}
