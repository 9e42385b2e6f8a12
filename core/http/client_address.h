/* Whose request it is, where proxies stand between: the nearest hop that is not one of the trusted proxies. */
#ifndef TG_HTTP_CLIENT_ADDRESS_H
#define TG_HTTP_CLIENT_ADDRESS_H

#include "io/network.h"
#include "proto/head.h"

/* The proxies whose word about their clients counts. All zero for none. */
typedef struct tg_trusted_proxies {
  const tg_network *networks;
  unsigned count;
  bool with_unix; /* whoever connects by a Unix socket */
} tg_trusted_proxies;

/* Writes the client's address, as a proxy has named it ("10.0.0.1", "[::1]:80", "::1", "unknown", "_hidden"), with a NUL,
   and answers true; false where it is the peer itself (as tg_address_text writes it). */
bool tg_client_address(const tg_trusted_proxies *trusted, const tg_head *head, const char *peer, char *text,
                       size_t size);

#endif
