/* Listeners in memory: a host and port that are answered inside the process, over pairs. tg_dial_start finds them
   before it looks anywhere else. For tests. */
#ifndef TG_IO_LOCAL_H
#define TG_IO_LOCAL_H

#include "io/stream.h"

typedef struct tg_local tg_local;

/* Listens; on_accept gets the own end of each connection, which is its, from the loop; where it is NULL, connections are
   refused. NULL without memory. */
tg_local *tg_local_open(tg_loop *loop, const char *host, unsigned port,
                        void (*on_accept)(void *owner, tg_stream *stream), void *owner);

/* The listener for that host and port; NULL where there is none. */
tg_local *tg_local_find(tg_loop *loop, const char *host, unsigned port);

/* The number of listeners. */
unsigned tg_local_count(const tg_loop *loop);

/* Connects: hands one end to the listener, and gives the other one. 0 or a negative code. */
int tg_local_connect(tg_local *local, tg_stream **stream);

/* Stops listening and frees; connections go on. */
void tg_local_close(tg_local *local);

#endif
