/* A client that sends an input over a stream in memory, as the input's choices say: in pieces, with pauses, reading
   or not, and to the end or leaving before it. */
#ifndef TESTS_FUZZ_PEER_H
#define TESTS_FUZZ_PEER_H

#include "base/buffer.h"
#include "io/pair.h"
#include "support/input.h"

typedef enum fuzz_manner {
  FUZZ_AT_ONCE, /* sends all in one piece */
  FUZZ_IN_BITS, /* sends pieces, and waits a turn or two after each */
  FUZZ_ANYHOW,  /* does all that a client can do to a server */
} fuzz_manner;

typedef struct fuzz_peer {
  tg_loop *loop;
  tg_stream *stream; /* NULL once it is closed */
  tg_text input;
  size_t sent; /* bytes of it */
  fuzz_choices choices;
  fuzz_manner manner;
  tg_buffer received;
  bool finished;     /* it has ended its side */
  bool was_away;     /* it has left, ended its side, or stopped reading for a while */
  bool server_ended; /* the server has ended its side */
} fuzz_peer;

/* Reads from the stream, which is the peer's from here on. */
void fuzz_peer_start(fuzz_peer *peer, tg_loop *loop, tg_stream *stream, tg_text input, fuzz_manner manner);

/* Does the next thing, and lets the loop turn for a while. False when there is nothing more to do. */
bool fuzz_peer_step(fuzz_peer *peer);

/* What it has sent. */
tg_text fuzz_peer_sent(const fuzz_peer *peer);

/* Checks the answers; their log is the caller's to free. */
tg_buffer fuzz_peer_check(const fuzz_peer *peer);

/* Leaves, and frees what was received. */
void fuzz_peer_free(fuzz_peer *peer);

#endif
