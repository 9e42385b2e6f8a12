#include "io/address.h"
#include "io/peer.h"

#include <netinet/in.h>
#include <stdio.h>
#include <uv.h>

static bool parse_unix(tg_address *address, tg_text path) {
  if (path.size == 0 || path.size >= sizeof address->path || memchr(path.data, '\0', path.size) != NULL) return false;
  memcpy(address->path, path.data, path.size);
  address->storage.ss_family = AF_UNIX;
  return true;
}

bool tg_address_from_host(tg_address *address, const char *host, unsigned port) {
  *address = (tg_address){0};
  if (uv_ip4_addr(host, (int)port, (struct sockaddr_in *)&address->storage) == 0) return true;
  return uv_ip6_addr(host, (int)port, (struct sockaddr_in6 *)&address->storage) == 0;
}

/* Splits "host:port" and "[host]:port" at the last colon. */
static bool split(tg_text text, tg_text *host, tg_text *port) {
  const char *colon = text.data != NULL ? memrchr(text.data, ':', text.size) : NULL;
  if (colon == NULL) return false;
  *host = (tg_text){text.data, (size_t)(colon - text.data)};
  *port = (tg_text){colon + 1, text.size - host->size - 1};
  bool bracketed = host->size > 2 && host->data[0] == '[' && host->data[host->size - 1] == ']';
  if (bracketed) *host = (tg_text){host->data + 1, host->size - 2};
  return bracketed || memchr(host->data, ':', host->size) == NULL;
}

bool tg_address_parse(tg_address *address, tg_text text) {
  *address = (tg_address){0};
  if (text.size > 5 && memcmp(text.data, "unix:", 5) == 0) {
    return parse_unix(address, (tg_text){text.data + 5, text.size - 5});
  }
  tg_text host, port;
  if (!split(text, &host, &port)) return false;
  long long number = tg_text_to_number(port);
  if (number < 0 || number > 65535 || host.size >= 64) return false;
  if (tg_text_equal_nocase(host, TG_TEXT("localhost"))) host = TG_TEXT("127.0.0.1");
  char name[64];
  memcpy(name, host.data, host.size);
  name[host.size] = '\0';
  return tg_address_from_host(address, name, (unsigned)number);
}

void tg_address_text(const struct sockaddr *address, char *text, size_t size) {
  char written[TG_PEER_BYTES];
  tg_peer peer = tg_peer_of(address);
  tg_peer_text(&peer, written);
  snprintf(text, size, "%s", written);
}
