/* A client: the origins that were called, each with its pool of kept connections. */
#ifndef TG_HTTP_CLIENT_H
#define TG_HTTP_CLIENT_H

#include "base/buffer.h"
#include "http/limits.h"
#include "io/loop.h"

typedef struct tg_client tg_client;

typedef struct tg_client_statistics {
  unsigned origins;
  unsigned connections; /* open or being opened */
  unsigned idle;        /* of those, kept for the next call */
  unsigned waiting;     /* calls that wait for a connection */
} tg_client_statistics;

/* A client without connections; NULL without memory. The limits are copied. */
tg_client *tg_client_new(tg_loop *loop, const tg_client_limits *limits);

/* Counts what is there now. */
tg_client_statistics tg_client_count(const tg_client *client);

/* Closes the connections that are kept, so that nothing holds the loop; calls go on. */
void tg_client_close_idle(tg_client *client);

/* Closes what is kept and frees. Every call must have been freed. */
void tg_client_free(tg_client *client);

#endif
