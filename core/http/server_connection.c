#include "http/server_connection_private.h"

#include <stdlib.h>

/* --- the end --- */

void tg_server_connection_read_stop(tg_server_connection *connection) {
  if (connection->is_reading) tg_stream_read_stop(connection->stream);
  connection->is_reading = false;
}

void tg_server_connection_read_hold(tg_server_connection *connection) {
  if (!connection->peer_finished) tg_stream_read_hold(connection->stream);
  connection->is_reading = false;
}

void tg_server_connection_read_start(tg_server_connection *connection) {
  if (connection->is_reading || connection->peer_finished) return;
  connection->is_reading = tg_stream_read_start(connection->stream) == 0;
}

/* Lets the exchange go; its handler, if it has one that is not done, hears that the client is gone. */
static void drop_exchange(tg_server_connection *connection) {
  tg_exchange *exchange = connection->exchange;
  if (tg_server_access_is_on(connection)) {
    tg_text why = connection->given_up.size > 0 ? connection->given_up : TG_TEXT("client gone");
    tg_server_access_given_up(connection, why);
  }
  if (exchange == NULL) return;
  connection->exchange = NULL;
  exchange->connection = NULL;
  if (exchange->handed_over) exchange->events->on_gone(exchange);
  tg_exchange_release(exchange);
}

/* An answer that only the connection's end would end must not look whole where it is not (RFC 9112 section 8): its
   handler has not done, or the client has not read it all. */
static bool is_cut(const tg_server_connection *connection) {
  const tg_exchange *exchange = connection->exchange;
  bool under_way = exchange != NULL && exchange->answer_state == TG_ANSWER_STARTED;
  return connection->ends_answer && (under_way || tg_server_connection_unsent_bytes(connection) > 0);
}

void tg_server_connection_destroy(tg_server_connection *connection) {
  bool cut = is_cut(connection);
  drop_exchange(connection);
  tg_server_writer_settle_unsent(connection);
  tg_timer_stop(connection->server->loop, &connection->timer);
  tg_job_cancel(&connection->next);
  if (cut) tg_stream_reset(connection->stream);
  else tg_stream_close(connection->stream);
  tg_server_forget(connection->server, &connection->node, connection->address, !connection->is_turned_away);
  tg_server_held_drop(connection);
  tg_server_access_close(connection);
  tg_buffer_free(&connection->pending);
  free(connection);
}

/* A reset caused by what the client still sends would destroy the answer on its way (RFC 9112 section 9.6). */
void tg_server_connection_linger(tg_server_connection *connection) {
  connection->lingering = true;
  tg_buffer_free(&connection->pending);
  bool unsent = tg_server_connection_unsent_bytes(connection) > 0;
  bool finishes = connection->held.rest.size == 0; /* else once that is sent */
  bool fails = finishes && tg_stream_finish(connection->stream) < 0;
  if (fails || (connection->peer_finished && !unsent)) {
    tg_server_connection_destroy(connection);
    return;
  }
  tg_server_connection_read_start(connection);
  if (unsent) tg_server_deadline_clear(connection); /* the send deadline holds until it is sent */
  else tg_server_deadline_set(connection, connection->server->limits.linger_timeout_ms);
}

/* --- the server's side --- */

static void on_next(tg_job *job) {
  tg_server_connection *connection = TG_CONTAINER(job, tg_server_connection, next);
  if (connection->is_turned_away && !connection->lingering) {
    tg_server_writer_turn_away(connection);
    tg_server_connection_linger(connection);
  } else if (connection->broken) {
    tg_server_connection_destroy(connection);
  } else if (connection->held.is_waiting) {
    tg_server_writer_on_drain(connection->stream, 0);
  } else {
    tg_server_reader_next(connection);
  }
}

static const tg_stream_events stream_events = {
    .on_read = tg_server_reader_on_read,
    .on_drain = tg_server_writer_on_drain,
};

static tg_server_connection *connection_new(tg_server *server, tg_stream *stream) {
  tg_server_connection *connection = calloc(1, sizeof *connection);
  if (connection == NULL) {
    tg_stream_close(stream);
    return NULL;
  }
  connection->server = server;
  connection->stream = stream;
  tg_list_init(&connection->node);
  tg_job_init(&connection->next, on_next);
  tg_server_deadline_init(connection);
  tg_stream_attach(stream, &stream_events, connection);
  return connection;
}

tg_list *tg_server_connection_open(tg_server *server, tg_stream *stream, tg_address_count *address) {
  tg_server_connection *connection = connection_new(server, stream);
  if (connection == NULL) return NULL;
  connection->address = address;
  tg_http1_parser_init(&connection->parser, TG_HTTP1_REQUESTS, &tg_server_reader_parser_events, connection);
  connection->parser.head_bytes_max = server->limits.head_bytes_max;
  connection->parser.field_count_max = server->limits.field_count_max;
  tg_server_deadline_set(connection, server->limits.idle_timeout_ms);
  tg_server_connection_read_start(connection);
  return &connection->node;
}

/* Its answer goes out from the loop, when the server has it on its list. */
tg_list *tg_server_connection_turn_away(tg_server *server, tg_stream *stream) {
  tg_server_connection *connection = connection_new(server, stream);
  if (connection == NULL) return NULL;
  connection->is_turned_away = connection->closing = true;
  tg_loop_post(server->loop, &connection->next);
  return &connection->node;
}

void tg_server_connection_turn_away_now(tg_server *server, tg_stream *stream) {
  tg_server_connection *connection = connection_new(server, stream);
  if (connection == NULL) return;
  tg_server_writer_turn_away(connection);
  tg_timer_stop(server->loop, &connection->timer);
  tg_stream_close(stream);
  free(connection);
}

/* Blank lines are no request, though one may come behind them. */
static bool is_blank(tg_text text) {
  size_t i = 0;
  while (i < text.size && (text.data[i] == '\r' || text.data[i] == '\n')) i++;
  return i == text.size;
}

bool tg_server_connection_has_more(const tg_server_connection *connection) {
  if (!is_blank(tg_buffer_text(&connection->pending))) return true;
  return !connection->peer_finished && tg_stream_is_ready(connection->stream, false);
}

bool tg_server_connection_is_last(const tg_server_connection *connection) {
  return connection->server->stopping && !tg_server_connection_has_more(connection);
}

void tg_server_connection_rest(tg_server_connection *connection) {
  if (connection->exchange != NULL || connection->lingering) return;
  if (!tg_server_connection_is_last(connection)) return;
  if (connection->draining) tg_server_connection_linger(connection);
  else tg_server_connection_destroy(connection);
}

void tg_server_connection_retire(tg_list *node) {
  tg_server_connection_rest(TG_CONTAINER(node, tg_server_connection, node));
}

void tg_server_connection_abort(tg_list *node) {
  tg_server_connection *connection = TG_CONTAINER(node, tg_server_connection, node);
  connection->given_up = TG_TEXT("shutdown");
  tg_server_connection_destroy(connection);
}

void tg_server_connection_peer(const tg_server_connection *connection, char *text, size_t size) {
  if (tg_stream_peer(connection->stream, text, size) < 0) text[0] = '\0';
}
