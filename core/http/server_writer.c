/* A connection's answers: whole ones in one write, others piece by piece as their handler makes them. */
#include "http/server_connection_private.h"
#include "io/file.h"
#include "proto/status.h"

#include <stdio.h>

/* --- bytes --- */

int tg_server_writer_send(tg_server_connection *connection, const tg_text *parts, unsigned count) {
  if (connection->broken) return TG_ERROR_RESET;
  int code = tg_stream_write(connection->stream, parts, count);
  if (code < 0) return code;
  for (unsigned i = 0; i < count; i++) connection->written_bytes += parts[i].size;
  connection->draining = code == TG_STREAM_QUEUED;
  if (connection->draining) tg_server_deadline_begin_sending(connection);
  return code;
}

/* The same behind what is held. */
static int send_parts(tg_server_connection *connection, const tg_text *parts, unsigned count) {
  int code = tg_server_held_copy(connection);
  return code < 0 ? code : tg_server_writer_send(connection, parts, count);
}

/* Writes `before`, and a text with a hold from where it is. */
static int send_held(tg_server_connection *connection, tg_text before, tg_text text, tg_text behind, tg_hold hold) {
  int code = tg_server_held_copy(connection);
  tg_text parts[2] = {before, tg_server_held_begin(connection, text, behind, hold)};
  if (code >= 0) code = tg_server_writer_send(connection, parts, 2);
  if (code == TG_STREAM_SENT) code = tg_server_held_send(connection);
  if (code < 0) tg_server_held_drop(connection);
  return code;
}

/* May it be sent from where it is? Otherwise it is let go, once it is copied. */
static bool is_held(tg_text text, tg_hold hold) {
  return hold.release != NULL && text.size > TG_HELD_BYTES_MIN;
}

/* A handler's call must not end the connection beneath it: that comes from the loop. */
static int fail_later(tg_server_connection *connection, int code) {
  connection->broken = true;
  tg_loop_post(connection->server->loop, &connection->next);
  return code;
}

void tg_server_writer_continue(tg_server_connection *connection) {
  tg_text line = TG_TEXT("HTTP/1.1 100 Continue\r\n\r\n");
  connection->exchange->continue_wanted = false;
  send_parts(connection, &line, 1); /* a broken stream is heard of when it is read */
}

/* --- the head --- */

static bool is_old(const tg_server_connection *connection) {
  return connection->exchange->head.minor == 0;
}

static bool is_head_request(const tg_server_connection *connection) {
  return tg_text_equal(connection->exchange->head.method, TG_TEXT("HEAD"));
}

static void write_connection_field(tg_server_connection *connection, tg_buffer *head) {
  if (connection->closing) tg_buffer_append_text(head, TG_TEXT("Connection: close\r\n"));
  else if (is_old(connection)) tg_buffer_append_text(head, TG_TEXT("Connection: keep-alive\r\n"));
}

static void write_fields(tg_server_connection *connection, tg_buffer *head, const tg_response *response) {
  tg_http1_write_status(head, response->status);
  if (!response->has_date)
    tg_buffer_append_text(
        head, tg_http1_date_line(&connection->server->date, tg_loop_wall_seconds(connection->server->loop)));
  if (response->type.size > 0) tg_http1_write_field(head, TG_TEXT("Content-Type"), response->type);
  tg_buffer_append_text(head, response->fields);
}

/* RFC 9110 section 8.6. What the response itself says is for answers without a body only. */
static void write_length(const tg_server_connection *connection, tg_buffer *head, const tg_response *response) {
  bool has_body = tg_status_has_body(response->status);
  bool is_head = is_head_request(connection) && tg_status_allows_content(response->status);
  bool is_alone = is_head || response->status == 304;
  if (is_alone && response->says == TG_LENGTH_SAID) tg_http1_write_length(head, response->length);
  else if (has_body && !(is_head && response->says == TG_LENGTH_NOT_SAID)) {
    tg_http1_write_length(head, response->body.size);
  }
}

static void write_head(tg_server_connection *connection, tg_buffer *head, const tg_response *response) {
  write_fields(connection, head, response);
  write_length(connection, head, response);
  write_connection_field(connection, head);
  tg_http1_write_end(head);
}

/* --- what follows an answer --- */

static void release_exchange(tg_server_connection *connection) {
  connection->exchange->connection = NULL;
  tg_exchange_release(connection->exchange);
  connection->exchange = NULL;
}

/* Between requests; an answer that is not sent has its own deadline. */
static void await_request(tg_server_connection *connection) {
  if (connection->draining) {
    tg_server_deadline_clear(connection);
    return;
  }
  tg_server_deadline_set(connection, connection->server->limits.idle_timeout_ms);
  tg_server_deadline_renew_sending(connection);
}

void tg_server_writer_end_exchange(tg_server_connection *connection) {
  release_exchange(connection);
  bool more = tg_buffer_size(&connection->pending) > 0;
  if (connection->closing || (connection->peer_finished && !more) || tg_server_connection_is_last(connection)) {
    tg_server_connection_linger(connection);
    return;
  }
  await_request(connection);
  bool room = tg_buffer_size(&connection->pending) <= connection->server->limits.pipelined_bytes_max;
  if (room) tg_server_connection_read_start(connection);
  if (!connection->draining && more) tg_loop_post(connection->server->loop, &connection->next);
}

/* Is the rest of a body that nobody reads so short that the connection may stay open behind it? */
static bool may_skip_body(const tg_server_connection *connection) {
  const tg_exchange *exchange = connection->exchange;
  if (exchange->body_state != TG_BODY_COMING || exchange->continue_wanted || connection->peer_finished) return false;
  uint64_t most = exchange->body_bytes + connection->server->limits.skipped_bytes_max;
  return !exchange->head.chunked && !tg_exchange_is_too_large(exchange, most);
}

void tg_server_writer_settle_unsent(tg_server_connection *connection) {
  tg_exchange *exchange = connection->unsent;
  if (exchange == NULL) return;
  connection->unsent = NULL;
  exchange->is_unsent = false;
  exchange->events->on_sent(exchange);
  tg_exchange_release(exchange);
}

static void note_unsent(tg_server_connection *connection) {
  tg_exchange *exchange = connection->exchange;
  if (!exchange->wants_sent || !connection->draining) return;
  tg_server_writer_settle_unsent(connection);
  exchange->is_unsent = true;
  exchange->holders++;
  connection->unsent = exchange;
}

/* The answer is out, and its handler is done: it hears of no client that leaves. */
static void end_answer(tg_server_connection *connection) {
  connection->exchange->handed_over = false;
  connection->exchange->answer_state = TG_ANSWER_ENDED;
  if (tg_server_access_is_on(connection)) tg_server_access_answered(connection);
  note_unsent(connection);
  uint64_t deadline_ns = connection->exchange->answer_deadline_ns;
  if (deadline_ns != 0 && connection->draining) tg_server_deadline_limit_answer(connection, deadline_ns);
  if (connection->exchange->body_state == TG_BODY_COMPLETE || connection->closing) {
    tg_server_writer_end_exchange(connection);
  } else if (may_skip_body(connection)) {
    tg_server_connection_skip_body(connection);
  } else {
    connection->closing = true;
    tg_server_writer_end_exchange(connection);
  }
}

/* Before the head: is this the last answer here? A client that waits for 100 (Continue) gets the answer in its place, and
   may then send the body or leave it out: what follows on the connection could be either (RFC 9110 section 10.1.1). */
static void decide_to_close(tg_server_connection *connection) {
  const tg_server_limits *limits = &connection->server->limits;
  const tg_exchange *exchange = connection->exchange;
  bool last = connection->exchange_count >= limits->requests_per_connection_max;
  bool is_waiting = exchange->continue_wanted && exchange->body_state == TG_BODY_COMING;
  last = last || (connection->peer_finished && tg_buffer_size(&connection->pending) == 0);
  if (last || is_waiting || !exchange->head.keep_alive) connection->closing = true;
  if (!connection->closing) connection->closing = tg_server_connection_is_last(connection);
}

/* --- whole answers --- */

enum { COPIED_BODY_BYTES_MAX = 4096 }; /* up to here a copy costs less than a second part of a write */

/* Takes the hold of the body. */
static int send_whole(tg_server_connection *connection, tg_buffer *head, const tg_response *response, bool with_body) {
  tg_text body = with_body ? response->body : (tg_text){NULL, 0};
  tg_hold hold = response->hold;
  bool copied = body.size <= COPIED_BODY_BYTES_MAX;
  int code = TG_ERROR_MEMORY;
  if (copied) tg_buffer_append_text(head, body);
  if (!head->failed && is_held(body, hold)) {
    return send_held(connection, tg_buffer_text(head), body, (tg_text){NULL, 0}, hold);
  }
  tg_text parts[2] = {tg_buffer_text(head), body};
  if (!head->failed) code = send_parts(connection, parts, copied ? 1 : 2);
  tg_hold_release(&hold);
  return code;
}

/* Writes head and body in one go; a negative code when the connection is broken. */
static int send_response(tg_server_connection *connection, const tg_response *response) {
  tg_buffer *head = &connection->server->scratch;
  bool with_body = tg_status_has_body(response->status) && !is_head_request(connection);
  write_head(connection, head, response);
  int code = send_whole(connection, head, response, with_body);
  tg_buffer_clear(head);
  connection->exchange->answer_status = response->status;
  connection->exchange->answered_ns = tg_server_access_now_ns(connection);
  if (with_body && code >= 0) connection->exchange->answer_bytes = response->body.size;
  return code;
}

int tg_server_connection_respond(tg_server_connection *connection, const tg_response *response) {
  tg_exchange *exchange = connection->exchange;
  decide_to_close(connection);
  if (exchange->body_state != TG_BODY_COMPLETE && !may_skip_body(connection)) connection->closing = true;
  int code = send_response(connection, response);
  if (code >= 0) {
    end_answer(connection);
    return 0;
  }
  exchange->handed_over = false;
  tg_server_connection_destroy(connection);
  return code;
}

void tg_server_writer_refuse(tg_server_connection *connection, tg_refusal refusal) {
  char body[512];
  tg_text title = tg_status_reason(refusal.status);
  int size =
      snprintf(body, sizeof body, "{\"type\":\"about:blank\",\"title\":\"%.*s\",\"status\":%u,\"detail\":\"%s\"}",
               (int)title.size, title.data, refusal.status, refusal.detail);
  tg_response response = {.status = refusal.status, .type = TG_TEXT("application/problem+json")};
  response.body = (tg_text){body, (size_t)size};
  connection->closing = true;
  if (send_response(connection, &response) < 0) {
    tg_server_connection_destroy(connection);
    return;
  }
  if (tg_server_access_is_on(connection)) tg_server_access_answered(connection);
  tg_server_writer_end_exchange(connection);
}

void tg_server_writer_turn_away(tg_server_connection *connection) {
  tg_buffer *text = &connection->server->scratch;
  tg_text body = TG_TEXT("{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
                         "\"detail\":\"too many connections\"}");
  tg_response response = {.status = 503, .type = TG_TEXT("application/problem+json")};
  response.fields = TG_TEXT("Retry-After: 1\r\nConnection: close\r\n");
  write_fields(connection, text, &response);
  tg_http1_write_length(text, body.size);
  tg_http1_write_end(text);
  tg_buffer_append_text(text, body);
  tg_text whole = tg_buffer_text(text);
  if (!text->failed) send_parts(connection, &whole, 1); /* what cannot be written need not be heard */
  tg_buffer_clear(text);
}

/* --- answers in pieces --- */

int tg_server_connection_start(tg_server_connection *connection, const tg_response *response, int64_t length) {
  tg_exchange *exchange = connection->exchange;
  tg_buffer *head = &connection->server->scratch;
  bool is_head = is_head_request(connection);
  decide_to_close(connection);
  exchange->answer_by_end = length < 0 && is_old(connection) && !is_head; /* RFC 9112 section 6.3 */
  if (exchange->answer_by_end) connection->closing = connection->ends_answer = true;
  exchange->answer_state = TG_ANSWER_STARTED;
  exchange->answer_status = response->status;
  exchange->answered_ns = tg_server_access_now_ns(connection);
  exchange->answer_chunked = length < 0 && !is_old(connection) && !is_head;
  exchange->answer_rest = is_head ? 0 : length;
  write_fields(connection, head, response);
  if (length >= 0) tg_http1_write_length(head, (unsigned long long)length);
  if (exchange->answer_chunked) tg_buffer_append_text(head, TG_TEXT("Transfer-Encoding: chunked\r\n"));
  write_connection_field(connection, head);
  tg_http1_write_end(head);
  tg_text text = tg_buffer_text(head);
  int code = head->failed ? TG_ERROR_MEMORY : send_parts(connection, &text, 1);
  tg_buffer_clear(head);
  return code < 0 ? fail_later(connection, code) : code;
}

/* A chunk has its size before it, and a line end behind it. Takes the hold. */
static int send_piece(tg_server_connection *connection, tg_text text, tg_hold hold) {
  bool chunked = connection->exchange->answer_chunked;
  char size[24];
  int length = snprintf(size, sizeof size, "%zx\r\n", text.size);
  tg_text before = {size, chunked ? (size_t)length : 0}, behind = chunked ? TG_TEXT("\r\n") : (tg_text){NULL, 0};
  if (is_held(text, hold)) return send_held(connection, before, text, behind, hold);
  tg_text parts[3] = {before, text, behind};
  int code = send_parts(connection, parts, 3);
  tg_hold_release(&hold);
  return code;
}

/* Counts a piece; false where it is more than the length that was said. */
static bool count_piece(tg_exchange *exchange, size_t size) {
  bool has_length = exchange->answer_rest >= 0;
  if (has_length && size > (uint64_t)exchange->answer_rest) return false;
  if (has_length) exchange->answer_rest -= (int64_t)size;
  exchange->answer_bytes += size;
  return true;
}

int tg_server_connection_write(tg_server_connection *connection, tg_text text, tg_hold hold) {
  bool fits = count_piece(connection->exchange, text.size);
  if (!fits || text.size == 0) { /* an empty chunk would end the body */
    tg_hold_release(&hold);
    return fits ? TG_STREAM_SENT : TG_ERROR_INVALID;
  }
  int code = send_piece(connection, text, hold);
  bool is_noted = code >= 0 && connection->exchange->answer_chunked && tg_server_access_is_on(connection);
  if (is_noted) tg_server_access_note_chunk(connection, text.size, 2);
  return code < 0 ? fail_later(connection, code) : code;
}

long tg_server_connection_send_file(tg_server_connection *connection, int fd, uint64_t offset, size_t size) {
  tg_exchange *exchange = connection->exchange;
  if (connection->broken) return TG_ERROR_RESET;
  if (exchange->answer_chunked) return TG_ERROR_UNSUPPORTED;
  if (exchange->answer_rest >= 0 && size > (uint64_t)exchange->answer_rest) return TG_ERROR_INVALID;
  long sent = tg_stream_send_file(connection->stream, fd, offset, size);
  if (sent == TG_ERROR_EOF || sent == TG_ERROR_UNREADABLE || sent == TG_ERROR_UNSUPPORTED) return sent;
  if (sent < 0) return fail_later(connection, (int)sent);
  if (exchange->answer_rest >= 0) exchange->answer_rest -= sent;
  exchange->answer_bytes += (uint64_t)sent;
  connection->written_bytes += (uint64_t)sent;
  return sent;
}

int tg_server_connection_end(tg_server_connection *connection) {
  tg_text last = TG_TEXT("0\r\n\r\n");
  if (connection->exchange->answer_rest > 0) return TG_ERROR_INVALID;
  int code = connection->exchange->answer_chunked ? send_parts(connection, &last, 1) : 0;
  if (connection->broken || code < 0) return fail_later(connection, code < 0 ? code : TG_ERROR_RESET);
  end_answer(connection);
  return 0;
}

void tg_server_connection_cut(tg_server_connection *connection) {
  connection->exchange->handed_over = false;
  if (tg_server_access_is_on(connection)) tg_server_access_given_up(connection, TG_TEXT("broken off"));
  tg_server_connection_destroy(connection);
}

size_t tg_server_connection_unsent_bytes(const tg_server_connection *connection) {
  return connection->held.rest.size + tg_stream_queued_bytes(connection->stream);
}

/* --- the client has read on --- */

void tg_server_writer_on_drain(tg_stream *stream, int code) {
  tg_server_connection *connection = stream->owner;
  tg_exchange *exchange = connection->exchange;
  bool is_done = exchange == NULL && tg_buffer_size(&connection->pending) == 0;
  connection->draining = false;
  if (code == 0) code = tg_server_held_send(connection);
  if (code == TG_STREAM_QUEUED) return;
  tg_server_deadline_end_sending(connection);
  if (code >= 0 && tg_server_access_is_on(connection)) tg_server_access_sent(connection);
  tg_server_writer_settle_unsent(connection);
  if (code < 0 || (is_done && connection->peer_finished)) {
    tg_server_connection_destroy(connection);
  } else if (connection->lingering) {
    tg_server_connection_linger(connection);
  } else if (exchange != NULL && exchange->answer_state == TG_ANSWER_STARTED) {
    exchange->events->on_drain(exchange);
  } else if (exchange == NULL) {
    await_request(connection);
    if (!is_done) tg_loop_post(connection->server->loop, &connection->next);
  }
}
