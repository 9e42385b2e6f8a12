/* The server's inside, for server.c and server_connection.c. */
#ifndef TG_HTTP_SERVER_PRIVATE_H
#define TG_HTTP_SERVER_PRIVATE_H

#include "http/admission.h"
#include "http/server.h"
#include "proto/http1_writer.h"

enum { TG_LISTENERS_MAX = 16 };

struct tg_server {
  tg_loop *loop;
  tg_server_limits limits;
  unsigned path_rules; /* of proto/target.h */
  const tg_server_events *events;
  void *owner;
  tg_listener *listeners[TG_LISTENERS_MAX];
  unsigned listener_count;
  tg_list connections;
  unsigned connection_count;
  unsigned turned_away_count; /* of these */
  tg_admission admission;
  bool is_full; /* somebody was turned away, and that was said */
  tg_pool *exchanges;
  uint64_t exchange_count;
  tg_buffer scratch; /* the head of the answer being written; empty between */
  tg_http1_date date;
  tg_access_log *access_log; /* NULL for none */
  bool serves_half_closed;
  bool stopping;
  tg_job stopped; /* calls on_stopped */
};

/* A connection has ended; `address` is that of its admission. */
void tg_server_forget(tg_server *server, tg_list *node, tg_address_count *address, bool was_admitted);

#endif
