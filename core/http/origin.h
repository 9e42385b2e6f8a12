/* An origin: one host and port, its kept connections, and the calls that wait for one of them. */
#ifndef TG_HTTP_ORIGIN_H
#define TG_HTTP_ORIGIN_H

#include "http/call.h"

typedef struct tg_origin {
  tg_list node; /* in the client's list */
  tg_client *client;
  tg_list idle;    /* kept connections, the one used last in front */
  tg_list busy;    /* connections with a call, or being opened for one */
  tg_list waiting; /* calls without a connection, in order */
  unsigned connection_count;
  unsigned waiting_count;
  tg_job settle; /* see tg_origin_settle */
  unsigned port;
  char host[]; /* ends in NUL */
} tg_origin;

struct tg_client {
  tg_loop *loop;
  tg_client_limits limits;
  tg_pool *calls;
  tg_list origins; /* the one used last in front */
};

/* The origin of that host and port, made where it is new; NULL without memory. */
tg_origin *tg_origin_find(tg_client *client, tg_text host, unsigned port);

/* Gives the call a connection, kept or new, or lets it wait for one; the call fails where neither can be. */
void tg_origin_assign(tg_origin *origin, tg_call *call);

/* Takes a call off the waiting list. */
void tg_origin_unwait(tg_origin *origin, tg_call *call);

/* A connection is free again, or has ended, or a call no longer waits. Soon, from the loop: calls that wait get what is
   free, and an origin that has nothing left is freed. */
void tg_origin_settle(tg_origin *origin);

/* Frees an origin that has no connection and no call. */
void tg_origin_free(tg_origin *origin);

#endif
