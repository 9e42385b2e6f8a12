#include "http/upstream_connection.h"
#include "http/framing_check.h"
#include "io/dial.h"
#include "proto/http1_parser.h"
#include "proto/keep_alive.h"
#include "proto/status.h"

#include <stdlib.h>

#define NS_PER_MS UINT64_C(1000000)

enum { INTERIM_MAX = 16, BLANK_BYTES_MAX = 16 };

/* A connection that the upstream keeps for so long is given up so much earlier, half of a short time at most: the next
   request has to be there before the upstream closes. */
enum { KEPT_MARGIN_MS = 1000 };

struct tg_upstream_connection {
  tg_list node; /* in the origin's idle or busy list */
  tg_origin *origin;
  tg_dial *dial;     /* while it is being opened */
  tg_stream *stream; /* afterwards */
  tg_call *call;     /* NULL while it is kept */
  tg_http1_parser parser;
  tg_timer timer; /* closes a kept connection; it rings for the oldest deadline and looks again */
  uint64_t idle_deadline_ns;
  uint32_t uses_left;   /* calls that the upstream takes over it */
  uint32_t blank_bytes; /* since the last answer, before the next one */
  bool reused;          /* it has carried a call before */
  bool has_answered;    /* bytes of the response have come */
  bool send_failed;     /* the request is not whole and never will be; what the upstream has said is still read */
};

/* --- the end --- */

static void destroy(tg_upstream_connection *connection) {
  tg_origin *origin = connection->origin;
  if (connection->dial != NULL) tg_dial_cancel(connection->dial);
  if (connection->stream != NULL) tg_stream_close(connection->stream);
  tg_timer_stop(origin->client->loop, &connection->timer);
  tg_list_remove(&connection->node);
  origin->connection_count--;
  free(connection);
  tg_origin_settle(origin);
}

static void fail(tg_upstream_connection *connection, tg_call_error error) {
  tg_call *call = connection->call;
  connection->call = NULL;
  tg_call_finish(call, error);
  destroy(connection);
}

/* A kept connection may have been closed by the upstream while the request was on its way. It has not answered, so
   an idempotent request goes out once more, over a new connection (RFC 9112 section 9.3.1): so never a third time. */
static bool may_retry(const tg_upstream_connection *connection) {
  return connection->reused && !connection->has_answered && connection->call->idempotent;
}

static void retry(tg_upstream_connection *connection) {
  tg_call *call = connection->call;
  tg_origin *origin = connection->origin;
  connection->call = NULL;
  call->connection = NULL;
  tg_buffer_clear(&call->body);
  destroy(connection);
  tg_upstream_connection_open(origin, call);
}

/* How far the answer came, for people. */
static const char *broken_detail(const tg_upstream_connection *connection) {
  if (connection->parser.in_body) return "it ended within the body";
  if (connection->has_answered) return "it ended before or within the header section";
  if (!connection->reused) return "it sent nothing";
  return "it sent nothing over a kept connection; as it may have acted on the request, "
         "a method that is not idempotent is not sent again";
}

static void on_broken(tg_upstream_connection *connection) {
  if (connection->call == NULL) {
    destroy(connection);
  } else if (may_retry(connection)) {
    retry(connection);
  } else {
    connection->call->detail = broken_detail(connection);
    fail(connection, TG_CALL_CLOSED);
  }
}

/* Where nothing more can be sent, what the upstream has said is its answer, if it is all there. A broken connection can be
   read until its end is heard: one that has nothing to be read will not have either. */
static void read_on(tg_upstream_connection *connection) {
  if (connection->send_failed && !tg_stream_is_ready(connection->stream, false)) on_broken(connection);
}

static void on_send_failed(tg_upstream_connection *connection, int code) {
  connection->send_failed = true;
  if (code == TG_ERROR_MEMORY && connection->call != NULL) fail(connection, TG_CALL_MEMORY);
  else read_on(connection);
}

/* --- being kept --- */

/* What the upstream says of keeping the connection, within the own time; 0: not at all. */
static uint64_t offered_ms(tg_upstream_connection *connection, uint64_t own_ms) {
  tg_keep_alive offered = tg_keep_alive_of(&connection->call->head);
  if (connection->uses_left > 0) connection->uses_left--;
  if (offered.uses < connection->uses_left) connection->uses_left = offered.uses;
  uint64_t timeout_ms = offered.timeout_s * UINT64_C(1000);
  uint64_t margin_ms = timeout_ms / 2 < KEPT_MARGIN_MS ? timeout_ms / 2 : KEPT_MARGIN_MS;
  if (connection->uses_left == 0) return 0;
  return timeout_ms - margin_ms < own_ms ? timeout_ms - margin_ms : own_ms;
}

/* The call's answer is whole: for how long may its connection be kept? */
static uint64_t kept_ms(tg_upstream_connection *connection) {
  uint64_t own_ms = connection->origin->client->limits.idle_timeout_ms;
  bool sent = tg_stream_queued_bytes(connection->stream) == 0 && !connection->send_failed;
  if (!sent || !tg_http1_parser_keeps_alive(&connection->parser)) return 0;
  bool tells = connection->call->head.tells_of_keeping || connection->uses_left < TG_KEEP_ALIVE_MAX;
  return tells ? offered_ms(connection, own_ms) : own_ms;
}

static void keep(tg_upstream_connection *connection, uint64_t for_ms) {
  tg_origin *origin = connection->origin;
  tg_loop *loop = origin->client->loop;
  tg_timer *timer = &connection->timer;
  connection->reused = true;
  connection->has_answered = false;
  connection->blank_bytes = 0;
  connection->idle_deadline_ns = tg_loop_now_ns(loop) + for_ms * NS_PER_MS;
  bool rings_in_time = timer->active && timer->deadline_ns <= connection->idle_deadline_ns;
  if (!rings_in_time) tg_timer_start(loop, timer, for_ms * NS_PER_MS);
  tg_list_remove(&connection->node);
  tg_list_push_front(&origin->idle, &connection->node);
  tg_origin_settle(origin);
}

static void on_timer(tg_timer *timer) {
  tg_upstream_connection *connection = TG_CONTAINER(timer, tg_upstream_connection, timer);
  if (connection->call != NULL) return; /* keep() starts it again */
  tg_loop *loop = connection->origin->client->loop;
  uint64_t now_ns = tg_loop_now_ns(loop);
  if (now_ns >= connection->idle_deadline_ns) destroy(connection);
  else tg_timer_start(loop, timer, connection->idle_deadline_ns - now_ns);
}

/* --- sending --- */

static void begin_response(tg_upstream_connection *connection) {
  tg_call *call = connection->call;
  call->head = (tg_head){0};
  tg_http1_parser_begin(&connection->parser, &call->arena, &call->head);
}

/* A kept connection that takes nothing of a request at all has ended before it: whatever the method, another one is
   safe. */
static void send_request(tg_upstream_connection *connection) {
  begin_response(connection);
  int code = tg_stream_write(connection->stream, &connection->call->request, 1);
  if (code >= 0) return;
  if (code != TG_ERROR_MEMORY && connection->reused) retry(connection);
  else on_send_failed(connection, code);
}

static void carry(tg_upstream_connection *connection, tg_call *call) {
  connection->call = call;
  call->connection = connection;
  tg_list_remove(&connection->node);
  tg_list_push_back(&connection->origin->busy, &connection->node);
}

/* The system is asked each time: a connection whose end, or whose stray bytes, have reached this machine must not be used,
   whether or not the loop has come to see them. */
static bool is_usable(const tg_upstream_connection *connection) {
  uint64_t now_ns = tg_loop_now_ns(connection->origin->client->loop);
  bool in_time = now_ns < connection->idle_deadline_ns; /* the timer of a busy loop may be late */
  return in_time && connection->blank_bytes % 2 == 0 && !tg_stream_is_ready(connection->stream, false);
}

bool tg_upstream_connection_take(tg_list *node, tg_call *call) {
  tg_upstream_connection *connection = TG_CONTAINER(node, tg_upstream_connection, node);
  if (!is_usable(connection)) {
    destroy(connection);
    return false;
  }
  carry(connection, call);
  send_request(connection);
  return true;
}

/* --- receiving --- */

static int on_head(void *owner, tg_head *head) {
  tg_upstream_connection *connection = owner;
  tg_call *call = connection->call;
  const tg_client_limits *limits = &connection->origin->client->limits;
  call->detail = tg_framing_check(head).detail;
  if (head->status < 100 || head->status > 599) call->detail = "a status below 100 or above 599";
  if (call->detail != NULL) return TG_HTTP1_REFUSE;
  if (head->status < 200) return TG_HTTP1_BODILESS;
  bool bodiless = call->is_head || !tg_status_has_body(head->status);
  bool too_large = head->content_length == TG_LENGTH_HUGE ||
                   (head->content_length > 0 && (uint64_t)head->content_length > limits->body_bytes_max);
  if (!bodiless && too_large) return TG_HTTP1_REFUSE;
  return bodiless ? TG_HTTP1_BODILESS : TG_HTTP1_ON;
}

static int on_chunk(void *owner, uint64_t size) {
  tg_upstream_connection *connection = owner;
  uint64_t room = connection->origin->client->limits.body_bytes_max - tg_buffer_size(&connection->call->body);
  return size <= room ? TG_HTTP1_ON : TG_HTTP1_REFUSE;
}

static int on_body(void *owner, const char *bytes, size_t size) {
  tg_upstream_connection *connection = owner;
  tg_buffer *body = &connection->call->body;
  bool fits = tg_buffer_size(body) + size <= connection->origin->client->limits.body_bytes_max;
  return fits && tg_buffer_append(body, bytes, size) ? TG_HTTP1_ON : TG_HTTP1_REFUSE;
}

static void on_end(void *owner) {
  (void)owner; /* the parser's result says so as well */
}

static const tg_http1_events parser_events = {
    .on_head = on_head,
    .on_chunk = on_chunk,
    .on_body = on_body,
    .on_end = on_end,
};

/* An upstream that has waited too long for a next request says so, and ends: as the request was on its way, this is no
   answer to it (RFC 9110 section 15.5.9). */
static bool is_late_goodbye(const tg_upstream_connection *connection) {
  const tg_call *call = connection->call;
  return call->head.status == 408 && connection->reused && call->idempotent && !call->head.keep_alive;
}

/* The response is whole: the connection is kept where nothing speaks against it. */
static void complete(tg_upstream_connection *connection, bool clean) {
  tg_call *call = connection->call;
  if (is_late_goodbye(connection)) {
    retry(connection);
    return;
  }
  uint64_t for_ms = clean ? kept_ms(connection) : 0;
  connection->call = NULL;
  tg_call_finish(call, TG_CALL_OK);
  if (for_ms > 0) keep(connection, for_ms);
  else destroy(connection);
}

static void fail_protocol(tg_upstream_connection *connection, const char *detail) {
  connection->call->detail = detail;
  fail(connection, TG_CALL_PROTOCOL);
}

/* Is it over a limit of ours, rather than no HTTP? */
static bool is_limit(unsigned status) {
  return status == 413 || status == 431;
}

static void feed(tg_upstream_connection *connection, const char *bytes, size_t size);

static bool is_blank(const char *bytes, size_t size) {
  return size == 0 || (size <= BLANK_BYTES_MAX && size % 2 == 0 && tg_http1_blank_bytes(bytes, size, 0) == size);
}

/* 1xx responses go before the one that counts (RFC 9110 section 15.2); a switch of protocols was not asked for. */
static void end_response(tg_upstream_connection *connection, const char *rest, size_t size) {
  tg_call *call = connection->call;
  if (call->head.status >= 200) {
    complete(connection, is_blank(rest, size));
  } else if (call->head.status == 101 || ++call->interim_count > INTERIM_MAX) {
    fail_protocol(connection, call->head.status == 101 ? "a 101 that nobody asked for" : "too many 1xx responses");
  } else {
    begin_response(connection);
    feed(connection, rest, size);
  }
}

static void feed(tg_upstream_connection *connection, const char *bytes, size_t size) {
  size_t used = 0;
  switch (tg_http1_parser_feed(&connection->parser, bytes, size, &used)) {
    case TG_HTTP1_MORE:
      read_on(connection);
      break;
    case TG_HTTP1_END:
      end_response(connection, bytes + used, size - used);
      break;
    case TG_HTTP1_REFUSED:
      fail(connection, connection->call->detail != NULL ? TG_CALL_PROTOCOL : TG_CALL_TOO_LARGE);
      break;
    case TG_HTTP1_ERROR:
      connection->call->detail = connection->parser.error_text;
      fail(connection, is_limit(connection->parser.error_status) ? TG_CALL_TOO_LARGE : TG_CALL_PROTOCOL);
      break;
  }
}

/* May the bytes be empty lines behind the last answer, which old servers send and which do no harm (RFC 9112 section
   9.2), be it before or after the next request? */
static bool may_be_blank(const tg_upstream_connection *connection, const char *bytes) {
  return !connection->has_answered && connection->reused && (*bytes == '\r' || connection->blank_bytes > 0);
}

/* How many of the bytes are. */
static size_t skip_blank(tg_upstream_connection *connection, const char *bytes, size_t size) {
  size_t count = tg_http1_blank_bytes(bytes, size, connection->blank_bytes);
  connection->blank_bytes += (uint32_t)count;
  return count;
}

/* An answer that nobody asked for ends a connection. */
static void receive_idle(tg_upstream_connection *connection, const char *bytes, size_t size) {
  bool harmless = skip_blank(connection, bytes, size) == size && connection->blank_bytes <= BLANK_BYTES_MAX;
  if (!harmless) destroy(connection);
}

static void receive(tg_upstream_connection *connection, const char *bytes, size_t size) {
  connection->has_answered = true;
  feed(connection, bytes, size);
}

static void receive_blank(tg_upstream_connection *connection, const char *bytes, size_t size) {
  size_t blank = skip_blank(connection, bytes, size);
  if (connection->blank_bytes > BLANK_BYTES_MAX)
    fail_protocol(connection, "too many blank lines before the status line");
  else if (blank == size) read_on(connection);
  else if (connection->blank_bytes % 2 != 0) fail_protocol(connection, "a bare CR before the status line");
  else receive(connection, bytes + blank, size - blank);
}

static void on_read(tg_stream *stream, const char *bytes, long size) {
  tg_upstream_connection *connection = stream->owner;
  if (size > 0 && connection->call == NULL) {
    receive_idle(connection, bytes, (size_t)size);
  } else if (size > 0) {
    if (may_be_blank(connection, bytes)) receive_blank(connection, bytes, (size_t)size);
    else receive(connection, bytes, (size_t)size);
  } else if (connection->call == NULL) {
    destroy(connection);
  } else if (size == TG_ERROR_EOF && connection->has_answered && connection->parser.in_body &&
             tg_http1_parser_feed_end(&connection->parser) == TG_HTTP1_END) {
    complete(connection, false);
  } else {
    on_broken(connection);
  }
}

static void on_drain(tg_stream *stream, int code) {
  tg_upstream_connection *connection = stream->owner;
  if (code < 0) on_send_failed(connection, code);
}

static const tg_stream_events stream_events = {.on_read = on_read, .on_drain = on_drain};

/* --- opening --- */

static void on_connected(void *owner, int code, tg_stream *stream) {
  tg_upstream_connection *connection = owner;
  connection->dial = NULL;
  connection->stream = stream;
  if (code == 0) {
    tg_stream_attach(stream, &stream_events, connection);
    code = tg_stream_read_start(stream);
  }
  if (code == 0) {
    send_request(connection);
    return;
  }
  connection->call->code = code;
  fail(connection, TG_CALL_CONNECT);
}

static tg_upstream_connection *connection_new(tg_origin *origin) {
  tg_upstream_connection *connection = calloc(1, sizeof *connection);
  if (connection == NULL) return NULL;
  connection->origin = origin;
  connection->uses_left = UINT32_MAX;
  tg_list_init(&connection->node);
  tg_timer_init(&connection->timer, on_timer);
  tg_http1_parser_init(&connection->parser, TG_HTTP1_RESPONSES, &parser_events, connection);
  origin->connection_count++;
  return connection;
}

void tg_upstream_connection_open(tg_origin *origin, tg_call *call) {
  tg_upstream_connection *connection = connection_new(origin);
  if (connection == NULL) {
    tg_call_finish(call, TG_CALL_MEMORY);
    tg_origin_settle(origin);
    return;
  }
  carry(connection, call);
  int code =
      tg_dial_start(origin->client->loop, origin->host, origin->port, on_connected, connection, &connection->dial);
  if (code == 0) return;
  call->code = code;
  fail(connection, TG_CALL_CONNECT);
}

void tg_upstream_connection_abort(tg_upstream_connection *connection) {
  connection->call->connection = NULL;
  connection->call = NULL;
  destroy(connection);
}

void tg_upstream_connection_close_first(tg_list *idle) {
  destroy(TG_CONTAINER(idle->next, tg_upstream_connection, node));
}
