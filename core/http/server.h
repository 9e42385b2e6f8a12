/* A server: its listeners, its connections, and the limits that hold for each. */
#ifndef TG_HTTP_SERVER_H
#define TG_HTTP_SERVER_H

#include "http/access_log.h"
#include "http/exchange.h"
#include "http/limits.h"
#include "io/socket.h"

typedef struct tg_server tg_server;

typedef struct tg_server_events {
  /* A request's head has come; its body may still be on the way. Called from inside a read: start something, do not
     answer here. The exchange is held for the callee: set its events and owner, release it in the end. */
  void (*on_request)(void *owner, tg_exchange *exchange);
  /* The last connection has ended after tg_server_stop. */
  void (*on_stopped)(void *owner);
  /* A connection could not be accepted (a negative code); serving goes on. */
  void (*on_accept_error)(void *owner, int code);
  /* Connections are turned away from here on, and why; comes again only when there has been room between. */
  void (*on_full)(void *owner, const char *why);
} tg_server_events;

/* A server that listens nowhere yet; NULL without memory. The limits are copied. */
tg_server *tg_server_new(tg_loop *loop, const tg_server_limits *limits, const tg_server_events *events, void *owner);

/* Listens at one more address; writes the one that it got, as text. 0 or a negative code. */
int tg_server_listen(tg_server *server, const tg_address *address, char *text, size_t size);

/* Serves a stream that was connected elsewhere; owns it from here on, even when it fails. */
void tg_server_accept(tg_server *server, tg_stream *stream);

/* Listens no more, closes idle connections and lets the others answer what they have; then on_stopped, from the loop. */
void tg_server_stop(tg_server *server);

/* Its exchanges are written to that log from here on, which must live as long as the server. NULL for none. */
void tg_server_log_to(tg_server *server, tg_access_log *log);

/* Paths are normalised by these rules of proto/target.h from here on; at first by none. */
void tg_server_set_path_rules(tg_server *server, unsigned rules);

/* From here on a request is answered though its client ends its side while it is handled; at first such a client is
   gone, but for an answer that has begun. */
void tg_server_set_half_closed(tg_server *server, bool serves);

/* How many connections are open. */
unsigned tg_server_connection_count(const tg_server *server);

/* Closes every connection (on_gone for those that were not answered), and frees. */
void tg_server_free(tg_server *server);

#endif
