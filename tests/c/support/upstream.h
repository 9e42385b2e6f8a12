/* An upstream on the loopback that answers by script, and a client that calls it. */
#ifndef TESTS_UPSTREAM_H
#define TESTS_UPSTREAM_H

#include "http/call.h"
#include "io/socket.h"

/* What the upstream does with a request; where the script ends, its last line goes on. */
typedef struct upstream_line {
  const char *reply; /* NULL: none */
  bool close;        /* ends the connection behind it */
  bool reset;        /* … with a reset */
  bool finish;       /* ends its own side behind it, and reads on */
  bool dribble;      /* sends it byte by byte, and reads nothing meanwhile */
} upstream_line;

typedef struct upstream {
  tg_loop *loop;
  tg_listener *listener;
  unsigned port;
  const upstream_line *script;
  unsigned line_count;
  tg_list peers;
  int accepted; /* connections, ever */
  int open;     /* connections, now */
  int open_max; /* the most at a time */
  int requests;
  char paths[256]; /* the second words of all requests, in the order in which they came */
} upstream;

/* Listens. The script stays the caller's. */
void upstream_start(upstream *upstream, tg_loop *loop, const upstream_line *script, unsigned line_count);

/* Sends bytes that nobody asked for over every connection. */
void upstream_send(upstream *upstream, const char *bytes);

/* Closes every connection; goes on listening. */
void upstream_close_all(upstream *upstream);

/* The same with a reset. */
void upstream_reset_all(upstream *upstream);

void upstream_stop(upstream *upstream);

/* --- calling --- */

typedef struct asked {
  tg_call *call; /* NULL once it is freed */
  int done;      /* calls of on_done */
} asked;

/* Starts a GET that may be sent again, with five seconds' time. */
void ask_start(asked *ask, tg_client *client, const upstream *of, const char *path);

/* Starts any request. */
void ask_send(asked *ask, tg_client *client, const tg_call_request *request);

/* Turns until it is done; its error. */
tg_call_error ask_wait(asked *ask, tg_loop *loop);

void ask_free(asked *ask);

#endif
