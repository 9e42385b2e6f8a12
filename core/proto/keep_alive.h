/* How long a peer says that it keeps a connection: Keep-Alive, of which only RFC 2068 section 19.7.1.1 tells. */
#ifndef TG_PROTO_KEEP_ALIVE_H
#define TG_PROTO_KEEP_ALIVE_H

#include "proto/head.h"

enum { TG_KEEP_ALIVE_MAX = 1000000000 }; /* more than this is this */

typedef struct tg_keep_alive {
  uint32_t timeout_s; /* until it closes a connection that nobody uses; TG_KEEP_ALIVE_MAX where it does not say */
  uint32_t uses;      /* further messages that it takes over it; TG_KEEP_ALIVE_MAX where it does not say */
} tg_keep_alive;

/* Reads the fields of a message. What is no whole number is passed over; of several the least counts. */
tg_keep_alive tg_keep_alive_of(const tg_head *head);

#endif
