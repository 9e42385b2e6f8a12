#include "http/server_connection.h"
#include "http/request_check.h"
#include "http/server_private.h"
#include "io/timer.h"
#include "proto/http1_parser.h"
#include "proto/status.h"

#include <stdio.h>
#include <stdlib.h>

#define NS_PER_MS UINT64_C(1000000)
#define NO_DEADLINE UINT64_MAX

struct tg_server_connection {
  tg_list node;
  tg_server *server;
  tg_stream *stream;
  tg_http1_parser parser;
  tg_exchange *exchange; /* the one under way; NULL between requests */
  tg_buffer pending;     /* what came behind the request under way */
  tg_job next;           /* goes on with what is pending */
  tg_timer timer;        /* rings at the deadline or earlier, and then looks again */
  uint64_t deadline_ns;
  tg_refusal refusal;  /* what on_head or on_body refused with */
  bool closing;        /* no request behind the one under way */
  bool lingering;      /* everything is answered; what comes now is thrown away */
  bool draining;       /* the last answer waits for the client to read */
  bool peer_finished;  /* the client sends no more, but what is pending is still answered */
  size_t blank_bytes;  /* blank lines since the last request */
  size_t unsent_bytes; /* while draining, when the deadline was last looked at */
  bool is_reading;
};

static const tg_refusal no_refusal = {0, NULL};

/* --- the deadline --- */

static void set_deadline(tg_server_connection *connection, uint32_t delay_ms) {
  tg_loop *loop = connection->server->loop;
  connection->deadline_ns = tg_loop_now_ns(loop) + delay_ms * NS_PER_MS;
  bool rings_in_time = connection->timer.active && connection->timer.deadline_ns <= connection->deadline_ns;
  if (!rings_in_time) tg_timer_start(loop, &connection->timer, delay_ms * NS_PER_MS);
}

static void clear_deadline(tg_server_connection *connection) {
  connection->deadline_ns = NO_DEADLINE;
}

/* --- the end --- */

static void stop_reading(tg_server_connection *connection) {
  if (connection->is_reading) tg_stream_read_stop(connection->stream);
  connection->is_reading = false;
}

static void start_reading(tg_server_connection *connection) {
  connection->is_reading = tg_stream_read_start(connection->stream) == 0;
}

/* Lets the exchange go; its handler, if it has one that is not done, hears that the client is gone. */
static void drop_exchange(tg_server_connection *connection) {
  tg_exchange *exchange = connection->exchange;
  if (exchange == NULL) return;
  connection->exchange = NULL;
  exchange->connection = NULL;
  if (exchange->handed_over) exchange->events->on_gone(exchange);
  tg_exchange_release(exchange);
}

static void destroy(tg_server_connection *connection) {
  drop_exchange(connection);
  tg_timer_stop(connection->server->loop, &connection->timer);
  tg_job_cancel(&connection->next);
  tg_stream_close(connection->stream);
  tg_server_forget(connection->server, &connection->node);
  tg_buffer_free(&connection->pending);
  free(connection);
}

/* Ends the own side and waits shortly for the client to end its side, so that a reset caused by what it still sends
   does not destroy the answer on its way (RFC 9112 section 9.6). */
static void linger(tg_server_connection *connection) {
  connection->lingering = true;
  tg_buffer_free(&connection->pending);
  if (tg_stream_finish(connection->stream) < 0) {
    destroy(connection);
    return;
  }
  if (!connection->is_reading && !connection->peer_finished) start_reading(connection);
  bool unsent = tg_stream_queued_bytes(connection->stream) > 0;
  if (connection->peer_finished && !unsent) {
    destroy(connection);
    return;
  }
  set_deadline(connection,
               unsent ? connection->server->limits.idle_timeout_ms : connection->server->limits.linger_timeout_ms);
}

/* --- answering --- */

static void release_exchange(tg_server_connection *connection) {
  connection->exchange->connection = NULL;
  tg_exchange_release(connection->exchange);
  connection->exchange = NULL;
}

/* What follows an answer: the next request, or the end. The connection may be gone afterwards. */
static void end_exchange(tg_server_connection *connection) {
  release_exchange(connection);
  bool more = tg_buffer_size(&connection->pending) > 0;
  if (connection->closing || (connection->peer_finished && !more)) {
    linger(connection);
    return;
  }
  set_deadline(connection, connection->server->limits.idle_timeout_ms);
  bool room = tg_buffer_size(&connection->pending) <= connection->server->limits.pipelined_bytes_max;
  if (room && !connection->is_reading && !connection->peer_finished) start_reading(connection);
  if (!connection->draining && more) tg_loop_post(connection->server->loop, &connection->next);
}

static void write_connection_field(tg_server_connection *connection, tg_buffer *head) {
  bool old = connection->exchange != NULL && connection->exchange->head.minor == 0;
  if (connection->closing) tg_buffer_append_text(head, TG_TEXT("Connection: close\r\n"));
  else if (old) tg_buffer_append_text(head, TG_TEXT("Connection: keep-alive\r\n"));
}

static void write_head(tg_server_connection *connection, tg_buffer *head, const tg_response *response) {
  tg_http1_write_status(head, response->status);
  if (!response->has_date) tg_buffer_append_text(head, tg_http1_date_line(&connection->server->date));
  if (response->type.size > 0) tg_http1_write_field(head, TG_TEXT("Content-Type"), response->type);
  tg_buffer_append_text(head, response->fields);
  bool is_head = connection->exchange != NULL && tg_text_equal(connection->exchange->head.method, TG_TEXT("HEAD"));
  /* For HEAD the length is that of GET's body, or none where it is not known (RFC 9110 section 8.6). */
  bool has_length = tg_status_has_body(response->status) && !(is_head && response->body.size == 0);
  if (has_length) tg_http1_write_length(head, response->body.size);
  write_connection_field(connection, head);
  tg_http1_write_end(head);
}

enum { COPIED_BODY_BYTES_MAX = 4096 }; /* up to here a copy costs less than a second part of a write */

/* Writes head and body in one go; a negative code when the connection is broken. */
static int send_response(tg_server_connection *connection, const tg_response *response, bool with_body) {
  tg_buffer *head = &connection->server->scratch;
  write_head(connection, head, response);
  bool copied = with_body && response->body.size <= COPIED_BODY_BYTES_MAX;
  if (copied) tg_buffer_append_text(head, response->body);
  tg_text parts[2] = {tg_buffer_text(head), response->body};
  int code = TG_ERROR_MEMORY;
  if (!head->failed) code = tg_stream_write(connection->stream, parts, with_body && !copied ? 2 : 1);
  tg_buffer_clear(head);
  connection->draining = code == TG_STREAM_QUEUED;
  connection->unsent_bytes = connection->draining ? tg_stream_queued_bytes(connection->stream) : 0;
  return code;
}

int tg_server_connection_respond(tg_server_connection *connection, const tg_response *response) {
  tg_exchange *exchange = connection->exchange;
  bool unread = exchange->body_state != TG_BODY_WHOLE;
  if (unread || !exchange->head.keep_alive || connection->server->stopping) connection->closing = true;
  bool with_body = tg_status_has_body(response->status) && !tg_text_equal(exchange->head.method, TG_TEXT("HEAD"));
  int code = send_response(connection, response, with_body);
  exchange->handed_over = false; /* its handler is done: it hears of no client that leaves */
  if (code < 0) destroy(connection);
  else end_exchange(connection);
  return code < 0 ? code : 0;
}

void tg_server_connection_continue(tg_server_connection *connection) {
  tg_text line = TG_TEXT("HTTP/1.1 100 Continue\r\n\r\n");
  tg_stream_write(connection->stream, &line, 1); /* a broken stream is heard of when it is read */
}

/* Answers what never became an exchange, or one that no handler has seen, and closes (RFC 9457 for the body). */
static void refuse(tg_server_connection *connection, tg_refusal refusal) {
  char body[512];
  tg_text title = tg_status_reason(refusal.status);
  int size =
      snprintf(body, sizeof body, "{\"type\":\"about:blank\",\"title\":\"%.*s\",\"status\":%u,\"detail\":\"%s\"}",
               (int)title.size, title.data, refusal.status, refusal.detail);
  tg_response response = {.status = refusal.status, .type = TG_TEXT("application/problem+json")};
  response.body = (tg_text){body, (size_t)size};
  connection->closing = true;
  bool is_head = tg_text_equal(connection->exchange->head.method, TG_TEXT("HEAD"));
  if (send_response(connection, &response, !is_head) < 0) {
    destroy(connection);
    return;
  }
  end_exchange(connection);
}

/* The body of a request that a handler has seen will never be whole: the handler hears it when it asks for it. */
static void fail_body(tg_server_connection *connection, tg_refusal refusal) {
  tg_exchange *exchange = connection->exchange;
  exchange->body_state = TG_BODY_FAILED;
  exchange->body_status = refusal.status;
  exchange->body_error = refusal.detail;
  connection->closing = true;
  clear_deadline(connection);
  exchange->events->on_body(exchange);
}

static void fail(tg_server_connection *connection, tg_refusal refusal) {
  if (connection->exchange->handed_over) fail_body(connection, refusal);
  else refuse(connection, refusal);
}

/* --- reading --- */

static int on_head(void *owner, tg_head *head) {
  tg_server_connection *connection = owner;
  tg_exchange *exchange = connection->exchange;
  connection->refusal = tg_request_check(exchange);
  bool too_large =
      head->content_length == TG_LENGTH_HUGE ||
      (head->content_length > 0 && (uint64_t)head->content_length > connection->server->limits.body_bytes_max);
  if (connection->refusal.status == 0 && too_large) {
    connection->refusal = (tg_refusal){413, "the request's body is too large"};
  }
  if (connection->refusal.status != 0) return TG_HTTP1_REFUSE;
  exchange->number = ++connection->server->exchange_count;
  exchange->handed_over = true;
  exchange->holders++;
  connection->server->events->on_request(connection->server->owner, exchange);
  return TG_HTTP1_ON;
}

static int on_chunk(void *owner, uint64_t size) {
  tg_server_connection *connection = owner;
  if (size <= connection->server->limits.body_bytes_max - tg_buffer_size(&connection->exchange->body)) {
    return TG_HTTP1_ON;
  }
  connection->refusal = (tg_refusal){413, "the request's body is too large"};
  return TG_HTTP1_REFUSE;
}

/* Its size is within the limit: the head or the chunk has said it. */
static int on_body(void *owner, const char *bytes, size_t size) {
  tg_server_connection *connection = owner;
  tg_exchange *exchange = connection->exchange;
  exchange->continue_wanted = false; /* it did not wait */
  if (tg_buffer_append(&exchange->body, bytes, size)) return TG_HTTP1_ON;
  connection->refusal = (tg_refusal){500, "out of memory"};
  return TG_HTTP1_REFUSE;
}

static void on_end(void *owner) {
  tg_server_connection *connection = owner;
  connection->exchange->body_state = TG_BODY_WHOLE;
  clear_deadline(connection);
  connection->exchange->events->on_body(connection->exchange);
}

static const tg_http1_events parser_events = {
    .on_head = on_head,
    .on_chunk = on_chunk,
    .on_body = on_body,
    .on_end = on_end,
};

static bool begin_exchange(tg_server_connection *connection) {
  tg_exchange *exchange = tg_exchange_new(connection->server->exchanges);
  if (exchange == NULL) return false;
  exchange->connection = connection;
  exchange->started_ns = tg_loop_now_ns(connection->server->loop);
  connection->exchange = exchange;
  connection->blank_bytes = 0;
  connection->refusal = no_refusal;
  tg_http1_parser_begin(&connection->parser, &exchange->arena, &exchange->head);
  clear_deadline(connection);
  return true;
}

/* The message goes on: its head or its body has a deadline, which counts from their first byte. */
static void await_more(tg_server_connection *connection) {
  if (!connection->is_reading) start_reading(connection); /* too much of it was pending */
  if (connection->deadline_ns != NO_DEADLINE && !connection->parser.in_body) return;
  const tg_server_limits *limits = &connection->server->limits;
  bool in_body = connection->parser.in_body;
  if (in_body && connection->exchange->body_deadline_set) return;
  connection->exchange->body_deadline_set = in_body;
  set_deadline(connection, in_body ? limits->body_timeout_ms : limits->head_timeout_ms);
}

/* Keeps what came behind the message under way; a client that sends too much of it has to wait. */
static void keep_pending(tg_server_connection *connection, const char *bytes, size_t size) {
  if (size == 0) return;
  if (!tg_buffer_append(&connection->pending, bytes, size)) {
    destroy(connection);
    return;
  }
  if (tg_buffer_size(&connection->pending) > connection->server->limits.pipelined_bytes_max) stop_reading(connection);
}

/* Blank lines before a request are nothing (RFC 9112 section 2.2). */
static size_t blank_bytes(const char *bytes, size_t size) {
  size_t blank = 0;
  while (blank < size && (bytes[blank] == '\r' || bytes[blank] == '\n')) blank++;
  return blank;
}

/* Reads a message on, or begins one. *used is how many of the bytes belong to it; false when the connection has none to
   read any more, or is gone. */
static bool feed(tg_server_connection *connection, const char *bytes, size_t size, size_t *used) {
  size_t blank = connection->exchange == NULL ? blank_bytes(bytes, size) : 0;
  *used = blank;
  connection->blank_bytes += blank;
  bool endless = connection->blank_bytes > connection->server->limits.head_bytes_max;
  if (blank == size && !endless) return true;
  if (connection->exchange == NULL && !begin_exchange(connection)) {
    destroy(connection);
    return false;
  }
  if (endless) {
    fail(connection, (tg_refusal){431, "the header section is too large"});
    return false;
  }
  size_t taken = 0;
  tg_http1_result result = tg_http1_parser_feed(&connection->parser, bytes + blank, size - blank, &taken);
  *used += taken;
  if (result == TG_HTTP1_END) return true;
  if (result == TG_HTTP1_MORE && !connection->peer_finished) {
    await_more(connection);
    return true;
  }
  if (result == TG_HTTP1_MORE) destroy(connection); /* the rest of it never comes */
  else if (result == TG_HTTP1_REFUSED) fail(connection, connection->refusal);
  else fail(connection, (tg_refusal){connection->parser.error_status, connection->parser.error_text});
  return false;
}

static void on_next(tg_job *job) {
  tg_server_connection *connection = TG_CONTAINER(job, tg_server_connection, next);
  if (connection->exchange != NULL || connection->lingering) return;
  tg_text text = tg_buffer_text(&connection->pending);
  size_t used = 0;
  if (!feed(connection, text.data, text.size, &used)) return;
  tg_buffer_consume(&connection->pending, used);
  if (tg_buffer_size(&connection->pending) == 0) tg_buffer_free(&connection->pending);
}

static bool is_message_whole(const tg_server_connection *connection) {
  return connection->exchange != NULL && connection->exchange->body_state == TG_BODY_WHOLE;
}

/* A client that ends its side has left: what it waited for is cancelled. Requests that it sent before and that are
   not yet begun are answered all the same, as is the one before them; and an answer that was given goes out whole. */
static void on_read_end(tg_server_connection *connection, long code) {
  connection->is_reading = false;
  bool goes_on = connection->draining || tg_buffer_size(&connection->pending) > 0;
  if (code == TG_ERROR_EOF && goes_on) connection->peer_finished = true;
  else destroy(connection);
}

static void on_read(tg_stream *stream, const char *bytes, long size) {
  tg_server_connection *connection = stream->owner;
  if (size < 0) {
    on_read_end(connection, size);
  } else if (connection->lingering) {
    return;
  } else if (is_message_whole(connection) || connection->draining || tg_buffer_size(&connection->pending) > 0) {
    keep_pending(connection, bytes, (size_t)size);
  } else if (connection->exchange != NULL && connection->exchange->body_state == TG_BODY_FAILED) {
    return; /* what comes of a body that has failed is thrown away; but a client that leaves is heard */
  } else {
    size_t used = 0;
    if (feed(connection, bytes, (size_t)size, &used)) keep_pending(connection, bytes + used, (size_t)size - used);
  }
}

static void on_drain(tg_stream *stream, int code) {
  tg_server_connection *connection = stream->owner;
  connection->draining = false;
  bool is_done = connection->exchange == NULL && tg_buffer_size(&connection->pending) == 0;
  if (code < 0 || (is_done && connection->peer_finished)) {
    destroy(connection);
  } else if (connection->lingering) {
    set_deadline(connection, connection->server->limits.linger_timeout_ms);
  } else if (connection->exchange == NULL && tg_buffer_size(&connection->pending) > 0) {
    tg_loop_post(connection->server->loop, &connection->next);
  }
}

static const tg_stream_events stream_events = {.on_read = on_read, .on_drain = on_drain};

/* --- time --- */

/* A client that reads an answer slowly may go on as long as it reads at all. */
static bool has_read_some(tg_server_connection *connection) {
  size_t unsent = tg_stream_queued_bytes(connection->stream);
  bool less = unsent < connection->unsent_bytes;
  connection->unsent_bytes = unsent;
  return less;
}

static void on_deadline(tg_server_connection *connection) {
  if (connection->draining && has_read_some(connection)) {
    set_deadline(connection, connection->server->limits.idle_timeout_ms);
  } else if (connection->exchange == NULL || connection->lingering) {
    destroy(connection);
  } else if (connection->parser.in_body) {
    fail(connection, (tg_refusal){408, "the request's body took too long"});
  } else {
    fail(connection, (tg_refusal){408, "the request's header section took too long"});
  }
}

static void on_timer(tg_timer *timer) {
  tg_server_connection *connection = TG_CONTAINER(timer, tg_server_connection, timer);
  if (connection->deadline_ns == NO_DEADLINE) return;
  uint64_t now_ns = tg_loop_now_ns(connection->server->loop);
  if (now_ns >= connection->deadline_ns) on_deadline(connection);
  else tg_timer_start(connection->server->loop, timer, connection->deadline_ns - now_ns);
}

/* --- the server's side --- */

tg_list *tg_server_connection_open(tg_server *server, tg_stream *stream) {
  tg_server_connection *connection = calloc(1, sizeof *connection);
  if (connection == NULL) {
    tg_stream_close(stream);
    return NULL;
  }
  connection->server = server;
  connection->stream = stream;
  tg_list_init(&connection->node);
  tg_job_init(&connection->next, on_next);
  tg_timer_init(&connection->timer, on_timer);
  tg_http1_parser_init(&connection->parser, TG_HTTP1_REQUESTS, &parser_events, connection);
  connection->parser.head_bytes_max = server->limits.head_bytes_max;
  connection->parser.field_count_max = server->limits.field_count_max;
  tg_stream_attach(stream, &stream_events, connection);
  set_deadline(connection, server->limits.idle_timeout_ms);
  start_reading(connection);
  return &connection->node;
}

void tg_server_connection_retire(tg_list *node) {
  tg_server_connection *connection = TG_CONTAINER(node, tg_server_connection, node);
  connection->closing = true;
  if (connection->exchange != NULL || connection->lingering) return;
  if (connection->draining) linger(connection);
  else destroy(connection);
}

void tg_server_connection_abort(tg_list *node) {
  destroy(TG_CONTAINER(node, tg_server_connection, node));
}

void tg_server_connection_peer(const tg_server_connection *connection, char *text, size_t size) {
  if (tg_stream_peer(connection->stream, text, size) < 0) text[0] = '\0';
}
