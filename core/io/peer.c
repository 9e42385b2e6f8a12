#include "io/peer.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

tg_peer tg_peer_of(const struct sockaddr *address) {
  tg_peer peer = {.kind = TG_PEER_UNKNOWN};
  if (address->sa_family == AF_UNIX) {
    peer.kind = TG_PEER_UNIX;
  } else if (address->sa_family == AF_INET) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)address;
    peer = (tg_peer){tg_ip_map(&in->sin_addr), ntohs(in->sin_port), TG_PEER_IP};
  } else if (address->sa_family == AF_INET6) {
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
    peer = (tg_peer){.port = ntohs(in6->sin6_port), .kind = TG_PEER_IP};
    memcpy(peer.address.bytes, &in6->sin6_addr, sizeof peer.address.bytes);
  }
  return peer;
}

static const char *const names[] = {[TG_PEER_UNKNOWN] = "", [TG_PEER_UNIX] = "unix:", [TG_PEER_MEMORY] = "pair:"};

void tg_peer_text(const tg_peer *peer, char text[TG_PEER_BYTES]) {
  char host[TG_NETWORK_TEXT_BYTES];
  if (peer->kind != TG_PEER_IP) {
    snprintf(text, TG_PEER_BYTES, "%s", names[peer->kind]);
    return;
  }
  tg_network_write(&peer->address, host);
  bool is_four = tg_ip_is_mapped(&peer->address);
  snprintf(text, TG_PEER_BYTES, is_four ? "%s:%u" : "[%s]:%u", host, (unsigned)peer->port);
}

void tg_peer_address_text(const tg_peer *peer, char text[TG_PEER_BYTES]) {
  if (peer->kind == TG_PEER_IP) tg_network_write(&peer->address, text);
  else tg_peer_text(peer, text);
}
