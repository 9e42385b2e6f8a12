/* A server with an echoing handler against the transcripts of tests/data/http1: every byte of its answers, whatever
   the pieces in which the requests come. */
#include "http/server.h"
#include "check.h"
#include "io/pair.h"
#include "proto/status.h"
#include "support/echo.h"
#include "support/parser_log.h"
#include "support/sink.h"
#include "support/transcript.h"
#include "support/turns.h"

#include <stdio.h>

enum { QUIET_TURNS = 6, DATE_LINE_BYTES = 37, HOUR_MS = 3600 * 1000 };

typedef struct play {
  const transcript *transcript;
  tg_loop *loop;
  echo echo;
  sink client;
  size_t seen;       /* bytes of the answer that were compared */
  size_t sent;       /* bytes of all that is sent */
  size_t cut, piece; /* where the first piece ends, and how large those behind it are */
} play;

static unsigned played;

/* --- sending --- */

static bool has_moved(play *is, size_t *size, int *end) {
  bool moved = tg_buffer_size(&is->client.bytes) != *size || is->client.end != *end;
  *size = tg_buffer_size(&is->client.bytes);
  *end = is->client.end;
  return moved;
}

static void turn_until_quiet(play *is) {
  size_t size = 0;
  int end = 0;
  for (int quiet = 0; quiet < QUIET_TURNS; quiet++) {
    tg_loop_turn(is->loop);
    if (has_moved(is, &size, &end)) quiet = 0;
  }
}

static size_t next_piece(const play *is, size_t left) {
  size_t size = is->sent < is->cut ? is->cut - is->sent : is->piece;
  return size < left ? size : left;
}

/* A server that has closed may refuse the rest: what it answered before counts. */
static void send_bytes(play *is, tg_text bytes) {
  while (bytes.size > 0) {
    size_t size = next_piece(is, bytes.size);
    sink_write(&is->client, (tg_text){bytes.data, size});
    is->sent += size;
    bytes = (tg_text){bytes.data + size, bytes.size - size};
    turn(is->loop, 2);
  }
  turn_until_quiet(is);
}

/* --- comparing --- */

/* The answer without its Date lines, each of which must look like one. */
static tg_buffer without_dates(tg_text bytes) {
  tg_buffer rest = {0};
  while (bytes.size > 0) {
    const char *date = memmem(bytes.data, bytes.size, "\r\nDate: ", 8);
    size_t size = date != NULL ? (size_t)(date - bytes.data) : bytes.size;
    tg_buffer_append(&rest, bytes.data, size);
    bytes = (tg_text){bytes.data + size, bytes.size - size};
    if (date == NULL) continue;
    CHECK(bytes.size > DATE_LINE_BYTES + 2 && memcmp(date + DATE_LINE_BYTES - 4, " GMT\r\n", 6) == 0);
    size = bytes.size < DATE_LINE_BYTES ? bytes.size : DATE_LINE_BYTES;
    bytes = (tg_text){bytes.data + size, bytes.size - size};
  }
  return rest;
}

static tg_text unseen(const play *is, const tg_buffer *answer) {
  tg_text text = tg_buffer_text(answer);
  return (tg_text){text.data + is->seen, text.size - is->seen};
}

static void compare_answer(play *is, const tg_buffer *answer, tg_text expected) {
  tg_text actual = unseen(is, answer);
  if (actual.size > expected.size) actual.size = expected.size;
  CHECK_TEXT(actual, expected);
  is->seen += actual.size;
}

/* The reason that the answer gives, where the transcript leaves it open. */
static tg_text detail_of(tg_text answer) {
  const char *start = memmem(answer.data, answer.size, "\"detail\":\"", 10);
  if (start == NULL) return TG_TEXT("(none)");
  size_t left = answer.size - (size_t)(start + 10 - answer.data);
  const char *end = memchr(start + 10, '"', left);
  return (tg_text){start + 10, end != NULL ? (size_t)(end - start - 10) : left};
}

static void compare_refusal(play *is, const tg_buffer *answer, const transcript_step *step) {
  char body[512], expected[1024];
  tg_text detail = tg_buffer_text(&step->bytes), reason = tg_status_reason(step->status);
  if (detail.size == 0) detail = detail_of(unseen(is, answer));
  int size =
      snprintf(body, sizeof body, "{\"type\":\"about:blank\",\"title\":\"%.*s\",\"status\":%u,\"detail\":\"%.*s\"}",
               (int)reason.size, reason.data, step->status, (int)detail.size, detail.data);
  snprintf(expected, sizeof expected,
           "HTTP/1.1 %u %.*s\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\n"
           "Connection: close\r\n\r\n%s",
           step->status, (int)reason.size, reason.data, size, body);
  compare_answer(is, answer, tg_text_of(expected));
}

/* --- a case --- */

static void play_step(play *is, const transcript_step *step) {
  tg_buffer answer = without_dates(tg_buffer_text(&is->client.bytes));
  switch (step->kind) {
    case STEP_SEND:
      CHECK_TEXT(unseen(is, &answer), TG_TEXT("")); /* nothing but what was expected so far */
      send_bytes(is, tg_buffer_text(&step->bytes));
      break;
    case STEP_FINISH:
      tg_stream_finish(is->client.stream);
      turn_until_quiet(is);
      break;
    case STEP_ANSWER:
      compare_answer(is, &answer, tg_buffer_text(&step->bytes));
      break;
    case STEP_REFUSE:
      compare_refusal(is, &answer, step);
      break;
    case STEP_CLOSED:
      CHECK_NUMBER(is->client.end, TG_ERROR_EOF);
      break;
  }
  tg_buffer_free(&answer);
}

static bool expects_close(const transcript *is) {
  for (unsigned i = 0; i < is->step_count; i++) {
    if (is->steps[i].kind == STEP_CLOSED) return true;
  }
  return false;
}

static void play_steps(play *is) {
  for (unsigned i = 0; i < is->transcript->step_count; i++) play_step(is, &is->transcript->steps[i]);
  tg_buffer answer = without_dates(tg_buffer_text(&is->client.bytes));
  CHECK_TEXT(unseen(is, &answer), TG_TEXT("")); /* and nothing behind it */
  CHECK_NUMBER(is->client.end != 0, expects_close(is->transcript));
  tg_buffer_free(&answer);
}

/* One connection. False when anything in it was wrong. */
static bool play_cut(play *is, size_t cut, size_t piece) {
  unsigned failures = check_failures();
  tg_stream *client, *server;
  check_case("%s; first %zu bytes, then %zu at a time", is->transcript->name, cut, piece);
  is->cut = cut;
  is->piece = piece;
  is->seen = is->sent = 0;
  is->client = (sink){0};
  if (!CHECK_NUMBER(tg_pair_open(is->loop, &client, &server), 0)) return false;
  sink_start(&is->client, client);
  tg_server_accept(is->echo.server, server);
  play_steps(is);
  sink_free(&is->client);
  turn(is->loop, 3);
  CHECK_NUMBER(tg_server_connection_count(is->echo.server), 0);
  return check_failures() == failures;
}

static tg_server_limits limits_of(const transcript *is) {
  tg_server_limits limits = tg_server_limits_default;
  limits.head_timeout_ms = limits.body_timeout_ms = limits.idle_timeout_ms = HOUR_MS; /* time is no matter here */
  if (is->body_bytes_max != 0) limits.body_bytes_max = is->body_bytes_max;
  if (is->head_bytes_max != 0) limits.head_bytes_max = (uint32_t)is->head_bytes_max;
  if (is->field_count_max != 0) limits.field_count_max = (uint32_t)is->field_count_max;
  return limits;
}

static void play_all_cuts(play *is) {
  tg_buffer sent = transcript_sent(is->transcript);
  size_t size = tg_buffer_size(&sent), distance = cut_distance(size);
  tg_buffer_free(&sent);
  if (!play_cut(is, size, size) || is->transcript->whole_only) return;
  if (!play_cut(is, 1, 1)) return;
  for (size_t cut = 1; cut < size; cut += distance) {
    if (!play_cut(is, cut, size)) return;
  }
}

static void replay(const transcript *of) {
  play is = {.transcript = of};
  if (!of->has_answer || of->responses) return;
  tg_server_limits limits = limits_of(of);
  is.loop = tg_loop_new();
  echo_start(&is.echo, is.loop, &limits);
  tg_server_set_path_rules(is.echo.server, of->path_rules);
  play_all_cuts(&is);
  echo_free(&is.echo);
  turn(is.loop, 3);
  tg_loop_free(is.loop);
  played++;
}

int main(void) {
  transcript_each(replay);
  CHECK(played > 100);
  return check_result();
}
