/* Whose request it is and what it was asked for, where proxies stand between: what those say that are trusted. Judged on
   the head as it came. X-Forwarded-For is believed before Forwarded (RFC 7239), and then of no other field of the other
   kind anything: what a proxy does not write it hands on, and that is the client's own word (RFC 7239 section 8.1). */
#ifndef TG_HTTP_CLIENT_ADDRESS_H
#define TG_HTTP_CLIENT_ADDRESS_H

#include "io/network.h"
#include "io/peer.h"
#include "proto/forwarded.h"

/* The proxies whose word about their clients counts. All zero for none. */
typedef struct tg_trusted_proxies {
  const tg_network *networks;
  unsigned count;
  bool with_unix; /* whoever connects by a Unix socket */
} tg_trusted_proxies;

/* What a trusted peer says. Slices of the head, or static; empty where nothing is said that can be believed. */
typedef struct tg_client_claims {
  bool is_trusted;  /* is the peer one of the proxies? If it is not, nothing is said */
  bool is_standard; /* it is Forwarded that is believed */
  tg_hop hop;       /* the client: the nearest hop that is not a trusted proxy */
  tg_text scheme;   /* "http" or "https" */
  tg_text host;     /* as Host may be */
  tg_text port;     /* that belongs behind the host, or behind Host's where it says none */
} tg_client_claims;

enum { TG_CLIENT_TEXT_BYTES = 128, TG_REQUEST_ID_BYTES_MAX = 128 };

/* `authority` is what the request itself says: port belongs behind it where the claims have no host. */
tg_client_claims tg_client_claims_read(const tg_trusted_proxies *trusted, const tg_head *head, const tg_peer *peer,
                                       tg_text authority);

/* Writes the client's address, as a proxy has named it ("10.0.0.1", "[::1]:80", "::1", "unknown", "_hidden"), with a NUL,
   and answers true; false where it is the peer itself. An address has one text, whatever the proxy wrote. */
bool tg_client_address(const tg_trusted_proxies *trusted, const tg_head *head, const tg_peer *peer,
                       char text[TG_CLIENT_TEXT_BYTES]);

/* The same without the port, of claims that name a client. */
void tg_client_host_text(const tg_client_claims *claims, char text[TG_CLIENT_TEXT_BYTES]);

/* X-Request-Id of a trusted peer: 1 to TG_REQUEST_ID_BYTES_MAX bytes of a token of RFC 9110, or "/", ":", "=", "@".
   Empty where there is none, or two of it. */
tg_text tg_client_request_id(const tg_trusted_proxies *trusted, const tg_head *head, const tg_peer *peer);

#endif
