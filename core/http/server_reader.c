/* A connection's requests: bytes into exchanges, one after the other, as fast as their handlers take them. */
#include "http/server_connection_private.h"

static const tg_refusal no_refusal = {0, NULL};
static const tg_refusal body_too_large = {413, "the request's body is too large"};

/* --- what the parser says --- */

static int refuse(tg_server_connection *connection, tg_refusal refusal) {
  connection->refusal = refusal;
  return TG_HTTP1_REFUSE;
}

static int on_head(void *owner, tg_head *head) {
  tg_server_connection *connection = owner;
  tg_exchange *exchange = connection->exchange;
  tg_refusal refusal = tg_request_check(exchange, connection->server->path_rules);
  if (refusal.status != 0) return refuse(connection, refusal);
  exchange->body_bytes_max = connection->server->limits.body_bytes_max;
  if (tg_exchange_is_too_large(exchange, connection->server->limits.body_bytes_cap)) {
    return refuse(connection, body_too_large);
  }
  (void)head;
  exchange->peer = connection->peer;
  exchange->number = ++connection->server->exchange_count;
  exchange->handed_over = true;
  exchange->serves_half_closed = connection->server->serves_half_closed;
  exchange->holders++;
  connection->exchange_count++;
  connection->server->events->on_request(connection->server->owner, exchange);
  return TG_HTTP1_ON;
}

/* How long the body may be: what its handler has said, and before that what any handler may say. */
static uint64_t body_bytes_max(const tg_server_connection *connection) {
  const tg_exchange *exchange = connection->exchange;
  return exchange->body_use == TG_BODY_HELD ? connection->server->limits.body_bytes_cap : exchange->body_bytes_max;
}

static bool is_answered(const tg_server_connection *connection) {
  return connection->exchange->answer_state == TG_ANSWER_ENDED;
}

static int on_chunk(void *owner, uint64_t size) {
  tg_server_connection *connection = owner;
  uint64_t most = body_bytes_max(connection), bytes = connection->exchange->body_bytes;
  if (bytes > most || size > most - bytes) return refuse(connection, body_too_large);
  connection->exchange->body_bytes_said = bytes + size;
  return TG_HTTP1_ON;
}

/* Enough has come that nobody takes: the client waits. What it has sent meanwhile fits in one read's bytes. */
static void hold_back(tg_server_connection *connection) {
  tg_exchange *exchange = connection->exchange;
  if (exchange->body_use == TG_BODY_WHOLE_WANTED || exchange->body_paused) return;
  if (tg_buffer_size(&exchange->body) < connection->server->limits.body_ahead_bytes_max) return;
  exchange->body_paused = true;
  tg_server_deadline_pause_body(connection);
  tg_server_connection_read_hold(connection);
}

/* Its size is within the limit: the head or the chunk has said it. */
static int on_body(void *owner, const char *bytes, size_t size) {
  tg_server_connection *connection = owner;
  tg_exchange *exchange = connection->exchange;
  exchange->continue_wanted = false; /* it did not wait */
  exchange->body_bytes += size;
  tg_server_deadline_body_came(connection, size);
  if (is_answered(connection)) return TG_HTTP1_ON; /* nobody reads it any more */
  if (!tg_buffer_append(&exchange->body, bytes, size)) return refuse(connection, (tg_refusal){500, "out of memory"});
  hold_back(connection);
  if (exchange->body_use == TG_BODY_STREAMED) exchange->events->on_body(exchange);
  return TG_HTTP1_ON;
}

static void on_end(void *owner) {
  tg_server_connection *connection = owner;
  tg_exchange *exchange = connection->exchange;
  exchange->body_state = TG_BODY_COMPLETE;
  tg_server_deadline_clear(connection);
  if (exchange->body_paused) tg_server_connection_read_start(connection); /* a client that leaves is heard */
  exchange->body_paused = false;
  if (!is_answered(connection)) exchange->events->on_body(exchange);
}

const tg_http1_events tg_server_reader_parser_events = {
    .on_head = on_head,
    .on_chunk = on_chunk,
    .on_body = on_body,
    .on_end = on_end,
};

/* --- failing --- */

/* The body of a request that a handler has seen will never be whole: the handler hears it when it asks for it. */
static void fail_body(tg_server_connection *connection, tg_refusal refusal) {
  tg_exchange *exchange = connection->exchange;
  exchange->body_state = TG_BODY_FAILED;
  exchange->body_status = refusal.status;
  exchange->body_error = refusal.detail;
  exchange->body_paused = false;
  connection->closing = true;
  tg_server_deadline_clear(connection);
  tg_server_connection_read_start(connection);
}

void tg_server_reader_fail(tg_server_connection *connection, tg_refusal refusal) {
  if (connection->exchange->handed_over) {
    fail_body(connection, refusal);
    connection->exchange->events->on_body(connection->exchange);
  } else if (is_answered(connection)) {
    connection->closing = true; /* of a body that nobody reads */
    tg_server_writer_end_exchange(connection);
  } else {
    tg_server_writer_refuse(connection, refusal);
  }
}

/* --- bytes --- */

static bool begin_exchange(tg_server_connection *connection) {
  tg_exchange *exchange = tg_exchange_new(connection->server->exchanges);
  if (exchange == NULL) return false;
  exchange->connection = connection;
  exchange->started_ns = tg_loop_now_ns(connection->server->loop);
  connection->exchange = exchange;
  connection->blank_bytes = 0;
  connection->refusal = no_refusal;
  tg_http1_parser_begin(&connection->parser, &exchange->arena, &exchange->head);
  tg_server_deadline_clear(connection);
  return true;
}

/* The message goes on: its head has a deadline that counts from its first byte, its body one of its own. */
static void await_more(tg_server_connection *connection, bool is_new) {
  bool in_body = connection->parser.in_body;
  if (in_body && connection->exchange->body_paused) return;
  tg_server_connection_read_start(connection); /* too much of it was pending */
  if (in_body) tg_server_deadline_begin_body(connection);
  else if (is_new) tg_server_deadline_set(connection, connection->server->limits.head_timeout_ms);
}

/* Keeps what came behind the message under way; a client that sends too much of it has to wait. False without memory,
   which ends the connection. */
static bool keep_pending(tg_server_connection *connection, const char *bytes, size_t size) {
  if (size == 0) return true;
  if (!tg_buffer_append(&connection->pending, bytes, size)) {
    tg_server_connection_destroy(connection);
    return false;
  }
  bool full = tg_buffer_size(&connection->pending) > connection->server->limits.pipelined_bytes_max;
  if (full) tg_server_connection_read_stop(connection);
  return true;
}

/* FED: bytes were read. ALL_BLANK: there was nothing but blank lines. STOPPED: the connection reads no message any more,
   or is gone. */
typedef enum feed_result { FED, ALL_BLANK, STOPPED } feed_result;

/* What is wrong with the blank lines before a request, behind which nothing comes or something else does. */
static tg_refusal check_blank(const tg_server_connection *connection, bool all_blank) {
  bool endless = connection->blank_bytes > connection->server->limits.head_bytes_max;
  if (endless) return (tg_refusal){431, "too many blank lines"};
  bool is_bare = !all_blank && connection->blank_bytes % 2 != 0; /* the parser finds a bare LF, which is left to it */
  return is_bare ? (tg_refusal){400, "a bare CR or LF before the start line"} : no_refusal;
}

/* Passes over blank lines, *used of the bytes, and begins an exchange where there is none. Blank lines alone are no
   request, and do not put off the end of the time that the connection may be idle. */
static feed_result begin(tg_server_connection *connection, const char *bytes, size_t size, size_t *used) {
  *used = 0;
  if (connection->exchange != NULL) return FED;
  bool is_line = connection->blank_bytes == 0 && size > 0 && *bytes > '\r'; /* as nearly always */
  if (!is_line) *used = tg_http1_blank_bytes(bytes, size, connection->blank_bytes);
  connection->blank_bytes += *used;
  tg_refusal refusal = is_line ? no_refusal : check_blank(connection, *used == size);
  if (*used == size && refusal.status == 0) return ALL_BLANK;
  if (!begin_exchange(connection)) {
    tg_server_connection_destroy(connection);
    return STOPPED;
  }
  if (refusal.status == 0) return FED;
  tg_server_reader_fail(connection, refusal);
  return STOPPED;
}

/* What the parser's result means for the connection: true when it reads on. */
static bool settle(tg_server_connection *connection, tg_http1_result result, bool is_new) {
  if (result == TG_HTTP1_END) return true;
  if (result == TG_HTTP1_MORE && !connection->peer_finished) {
    await_more(connection, is_new);
    return true;
  }
  if (result == TG_HTTP1_MORE) tg_server_connection_destroy(connection); /* the rest of it never comes */
  else if (result == TG_HTTP1_REFUSED) tg_server_reader_fail(connection, connection->refusal);
  else tg_server_reader_fail(connection, (tg_refusal){connection->parser.error_status, connection->parser.error_text});
  return false;
}

/* Reads a message on, or begins one. *used is how many of the bytes belong to it. */
static feed_result feed(tg_server_connection *connection, const char *bytes, size_t size, size_t *used) {
  bool is_new = connection->exchange == NULL;
  feed_result begun = begin(connection, bytes, size, used);
  if (begun != FED) return begun;
  size_t taken = 0;
  tg_http1_result result = tg_http1_parser_feed(&connection->parser, bytes + *used, size - *used, &taken);
  *used += taken;
  return settle(connection, result, is_new) ? FED : STOPPED;
}

/* An exchange that was answered before its body had come is over when that has. */
static void end_if_over(tg_server_connection *connection) {
  const tg_exchange *exchange = connection->exchange;
  if (exchange == NULL || exchange->body_state != TG_BODY_COMPLETE || !is_answered(connection)) return;
  tg_server_writer_end_exchange(connection);
}

void tg_server_reader_next(tg_server_connection *connection) {
  if (connection->exchange != NULL || connection->lingering) return;
  tg_text text = tg_buffer_text(&connection->pending);
  size_t used = 0;
  if (feed(connection, text.data, text.size, &used) == STOPPED) return;
  tg_buffer_consume(&connection->pending, used);
  if (tg_buffer_size(&connection->pending) == 0) tg_buffer_free(&connection->pending);
  if (connection->exchange != NULL) return;
  tg_server_connection_read_start(connection); /* too many blank lines were pending */
  tg_server_connection_rest(connection);
}

static void read_bytes(tg_server_connection *connection, const char *bytes, size_t size) {
  size_t used = 0;
  feed_result result = feed(connection, bytes, size, &used);
  if (result == ALL_BLANK) tg_server_connection_rest(connection);
  if (result != FED) return;
  if (keep_pending(connection, bytes + used, size - used)) end_if_over(connection);
}

/* Is an exchange answered though its client has ended its side? Where its answer has begun, until a write fails, and
   where its handler or the server says so. One whose body is broken off is no request. */
static bool is_served(const tg_server_connection *connection) {
  const tg_exchange *exchange = connection->exchange;
  bool is_whole = exchange->body_state != TG_BODY_COMING || exchange->body_paused; /* the rest may have come */
  return is_whole && (exchange->answer_state == TG_ANSWER_STARTED || exchange->serves_half_closed);
}

/* A client that ends its side has left: what it waited for is cancelled. Requests that it sent before and that are
   not yet begun are answered all the same, as is the one before them; and an answer that was given goes out whole. */
static void on_read_end(tg_server_connection *connection, long code) {
  const tg_exchange *exchange = connection->exchange;
  bool answered = exchange == NULL || is_answered(connection);
  bool goes_on = answered ? connection->draining : is_served(connection);
  connection->is_reading = false;
  if (code != TG_ERROR_EOF || !(goes_on || tg_buffer_size(&connection->pending) > 0)) {
    tg_server_connection_destroy(connection);
    return;
  }
  if (goes_on) tg_stream_watch_reset(connection->stream);
  if (exchange != NULL && exchange->body_paused) return; /* the end comes again, behind what is read until there */
  connection->peer_finished = true;
  if (exchange != NULL && answered) tg_server_writer_end_exchange(connection); /* its body never comes */
}

static bool is_message_whole(const tg_server_connection *connection) {
  return connection->exchange != NULL && connection->exchange->body_state == TG_BODY_COMPLETE;
}

static bool is_body_failed(const tg_server_connection *connection) {
  return connection->exchange != NULL && connection->exchange->body_state == TG_BODY_FAILED;
}

void tg_server_reader_on_read(tg_stream *stream, const char *bytes, long size) {
  tg_server_connection *connection = stream->owner;
  bool between = connection->exchange == NULL && connection->draining;
  if (size < 0) {
    on_read_end(connection, size);
  } else if (connection->lingering || is_body_failed(connection)) {
    return; /* thrown away; but a client that leaves is heard */
  } else if (is_message_whole(connection) || between || tg_buffer_size(&connection->pending) > 0) {
    keep_pending(connection, bytes, (size_t)size);
  } else {
    read_bytes(connection, bytes, (size_t)size);
  }
}

/* --- what a handler asks for --- */

static void resume(tg_server_connection *connection) {
  if (!connection->exchange->body_paused) return;
  connection->exchange->body_paused = false;
  tg_server_deadline_resume_body(connection);
  tg_server_connection_read_start(connection);
}

void tg_server_connection_use_body(tg_server_connection *connection) {
  tg_exchange *exchange = connection->exchange;
  if (exchange->body_state == TG_BODY_FAILED) return;
  bool too_large = tg_exchange_is_too_large(exchange, exchange->body_bytes_max);
  if (too_large || exchange->body_bytes_said > exchange->body_bytes_max) {
    fail_body(connection, body_too_large);
    return;
  }
  bool is_waiting = exchange->continue_wanted && exchange->body_state == TG_BODY_COMING;
  if (is_waiting && exchange->answer_state == TG_ANSWER_NONE) tg_server_writer_continue(connection);
  tg_server_connection_body_taken(connection);
}

void tg_server_connection_body_taken(tg_server_connection *connection) {
  const tg_exchange *exchange = connection->exchange;
  bool has_room = tg_buffer_size(&exchange->body) < connection->server->limits.body_ahead_bytes_max;
  if (has_room || exchange->body_use == TG_BODY_WHOLE_WANTED) resume(connection);
}

void tg_server_connection_skip_body(tg_server_connection *connection) {
  tg_buffer_free(&connection->exchange->body);
  resume(connection);
}
