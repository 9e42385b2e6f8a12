#include "http/server_private.h"
#include "http/server_connection.h"

#include <stdlib.h>

static void on_stopped(tg_job *job) {
  tg_server *server = TG_CONTAINER(job, tg_server, stopped);
  server->events->on_stopped(server->owner);
}

tg_server *tg_server_new(tg_loop *loop, const tg_server_limits *limits, const tg_server_events *events, void *owner) {
  tg_server *server = calloc(1, sizeof *server);
  if (server == NULL) return NULL;
  server->exchanges = tg_exchange_pool_new();
  if (server->exchanges == NULL) {
    free(server);
    return NULL;
  }
  server->loop = loop;
  server->limits = *limits;
  if (limits->body_bytes_cap < limits->body_bytes_max) server->limits.body_bytes_cap = limits->body_bytes_max;
  server->admission.connections_max = limits->connections_max;
  server->admission.connections_per_address_max = limits->connections_per_address_max;
  server->events = events;
  server->owner = owner;
  tg_list_init(&server->connections);
  tg_job_init(&server->stopped, on_stopped);
  return server;
}

static void on_accept(void *owner, tg_stream *stream) {
  tg_server_accept(owner, stream);
}

/* Says once that connections are turned away. */
static void report_full(tg_server *server, const char *why) {
  if (server->is_full) return;
  server->is_full = true;
  server->events->on_full(server->owner, why);
}

static void on_scarce(void *owner, tg_stream *stream) {
  report_full(owner, "hardly any file descriptors are left");
  tg_server_connection_turn_away_now(owner, stream);
}

static void on_accept_error(void *owner, int code) {
  tg_server *server = owner;
  server->events->on_accept_error(server->owner, code);
}

static const tg_listener_events listener_events = {
    .on_accept = on_accept,
    .on_accept_error = on_accept_error,
    .on_scarce = on_scarce,
};

int tg_server_listen(tg_server *server, const tg_address *address, char *text, size_t size) {
  if (server->listener_count == TG_LISTENERS_MAX) return TG_ERROR_INVALID;
  tg_listener **listener = &server->listeners[server->listener_count];
  int code = tg_listener_open(server->loop, address, &listener_events, server, listener);
  if (code < 0) return code;
  server->listener_count++;
  tg_listener_address(*listener, text, size);
  return 0;
}

enum { TURNED_AWAY_MAX = 256 }; /* at once, that get their answer with care */

static void turn_away(tg_server *server, tg_stream *stream) {
  if (server->turned_away_count >= TURNED_AWAY_MAX) {
    tg_server_connection_turn_away_now(server, stream);
    return;
  }
  tg_list *node = tg_server_connection_turn_away(server, stream);
  if (node == NULL) return;
  tg_list_push_back(&server->connections, node);
  server->connection_count++;
  server->turned_away_count++;
}

static void admit(tg_server *server, tg_stream *stream, tg_address_count *address) {
  tg_list *node = tg_server_connection_open(server, stream, address);
  if (node == NULL) {
    tg_admission_leave(&server->admission, address);
    return;
  }
  tg_list_push_back(&server->connections, node);
  server->connection_count++;
  if (server->admission.count < server->limits.connections_max - server->limits.connections_max / 8) {
    server->is_full = false;
  }
}

void tg_server_accept(tg_server *server, tg_stream *stream) {
  tg_address_count *address;
  switch (tg_admission_enter(&server->admission, stream, &address)) {
    case TG_ADMITTED:
      admit(server, stream, address);
      return;
    case TG_TOO_MANY:
      report_full(server, "connections_max are open");
      break;
    case TG_TOO_MANY_FROM_ADDRESS: /* its own fault: the log would be its to fill */
    case TG_NO_MEMORY:
      break;
  }
  turn_away(server, stream);
}

void tg_server_forget(tg_server *server, tg_list *node, tg_address_count *address, bool was_admitted) {
  tg_list_remove(node);
  server->connection_count--;
  if (was_admitted) tg_admission_leave(&server->admission, address);
  else server->turned_away_count--;
  if (server->stopping && server->connection_count == 0) tg_loop_post(server->loop, &server->stopped);
}

static void close_listeners(tg_server *server) {
  while (server->listener_count > 0) tg_listener_close(server->listeners[--server->listener_count]);
}

/* Calls `end` for each connection; it may take its own off the list. */
static void each_connection(tg_server *server, void (*end)(tg_list *node)) {
  tg_list *node = server->connections.next;
  while (node != &server->connections) {
    tg_list *next = node->next;
    end(node);
    node = next;
  }
}

void tg_server_stop(tg_server *server) {
  if (server->stopping) return;
  server->stopping = true;
  close_listeners(server);
  each_connection(server, tg_server_connection_retire);
  if (server->connection_count == 0) tg_loop_post(server->loop, &server->stopped);
}

void tg_server_set_path_rules(tg_server *server, unsigned rules) {
  server->path_rules = rules;
}

void tg_server_set_half_closed(tg_server *server, bool serves) {
  server->serves_half_closed = serves;
}

void tg_server_log_to(tg_server *server, tg_access_log *log) {
  server->access_log = log;
}

unsigned tg_server_connection_count(const tg_server *server) {
  return server->connection_count;
}

void tg_server_free(tg_server *server) {
  close_listeners(server);
  each_connection(server, tg_server_connection_abort);
  tg_job_cancel(&server->stopped);
  tg_pool_close(server->exchanges);
  tg_buffer_free(&server->scratch);
  free(server);
}
