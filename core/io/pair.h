/* Two streams in memory, each the other's peer: a connection without a socket, for tests. */
#ifndef TG_IO_PAIR_H
#define TG_IO_PAIR_H

#include "io/stream.h"

/* Makes both ends; 0 or a negative code. Each is closed on its own. An end whose peer was closed reads
   TG_ERROR_EOF after what was sent, and fails to write. */
int tg_pair_open(tg_loop *loop, tg_stream **a, tg_stream **b);

/* Lets an end take at most `bytes` that its peer has not read; what is over waits, as with a socket whose
   buffers are full. Without it there is no limit. */
void tg_pair_set_capacity(tg_stream *stream, size_t bytes);

/* Says whom this end sees at the other one: TG_PEER_MEMORY without it. */
void tg_pair_set_peer(tg_stream *stream, const tg_peer *peer);

#endif
