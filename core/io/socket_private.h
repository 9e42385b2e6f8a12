/* A socket's inside, shared by socket.c (the stream), listener.c and connect.c. */
#ifndef TG_IO_SOCKET_PRIVATE_H
#define TG_IO_SOCKET_PRIVATE_H

#include "base/buffer.h"
#include "io/hangup.h"
#include "io/loop_private.h"
#include "io/socket.h"

typedef struct tg_socket {
  tg_stream stream;
  union {
    uv_handle_t any;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } handle;
  struct tg_socket_write *write; /* what is being sent now; NULL when nothing waits */
  tg_buffer queue;               /* what is sent after it */
  bool finishing;                /* the own side ends when all is sent */
  bool was_reset;                /* by the peer, as a write has heard: the system says it once */
  tg_hangup hangup;              /* watched while its reading is held */
} tg_socket;

/* The most bytes that one call of the system is asked to send. */
#define TG_SOCKET_CALL_BYTES_MAX ((size_t)1 << 30)

/* Fills `buffers`, `most` of them, with the parts from the first on, for one call; how many it has filled. */
unsigned tg_socket_gather(const tg_text *parts, unsigned count, uv_buf_t *buffers, unsigned most);

/* A socket of the family with its handle initialised; NULL and *code when it cannot be. Closing frees it. */
tg_socket *tg_socket_new(tg_loop *loop, int family, int *code);

#endif
