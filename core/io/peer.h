/* Who is at the other end of a connection, in few bytes: it is asked for when the connection begins, since the system
   forgets it when the peer resets the connection, and kept for as long as anybody may want to know. */
#ifndef TG_IO_PEER_H
#define TG_IO_PEER_H

#include "io/network.h"

struct sockaddr;

typedef enum tg_peer_kind {
  TG_PEER_UNKNOWN, /* it had left before it could be asked for */
  TG_PEER_IP,
  TG_PEER_UNIX,
  TG_PEER_MEMORY, /* the other end is in this process */
} tg_peer_kind;

typedef struct tg_peer {
  tg_ip address; /* all zero where there is none */
  uint16_t port;
  uint8_t kind; /* tg_peer_kind */
} tg_peer;

enum { TG_PEER_BYTES = 64 };

/* Of a socket's address; `kind` is unknown for a family that is neither IP nor Unix. */
tg_peer tg_peer_of(const struct sockaddr *address);

/* Writes "127.0.0.1:4711", "[::1]:80", "unix:", "pair:" or "", with a NUL. An IPv4 address that came mapped, as to a
   socket that serves both families, is written as IPv4. */
void tg_peer_text(const tg_peer *peer, char text[TG_PEER_BYTES]);

/* The same without the port: "127.0.0.1", "::1". */
void tg_peer_address_text(const tg_peer *peer, char text[TG_PEER_BYTES]);

#endif
