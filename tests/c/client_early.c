/* Upstreams that answer before they have read the request, and do not read the rest: what they have said is the answer,
   where it is whole. */
#include "check.h"
#include "support/turns.h"
#include "support/upstream.h"

#include <stdio.h>
#include <stdlib.h>

#define FINE "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
#define FULL "HTTP/1.1 413 Content Too Large\r\n"

enum { BODY_BYTES = 8 * 1024 * 1024, ROUNDS = 4 };

static tg_loop *loop;
static tg_client *client;
static upstream up;
static char *body;

static void begin(const upstream_line *script, unsigned count) {
  loop = tg_loop_new();
  client = tg_client_new(loop, &tg_client_limits_default);
  upstream_start(&up, loop, script, count);
}

static void end(void) {
  tg_client_free(client);
  upstream_stop(&up);
  tg_loop_free(loop);
}

static void ask_large(asked *ask, bool idempotent) {
  char head[256];
  int size = snprintf(head, sizeof head, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", BODY_BYTES);
  tg_call_request request = {
      .host = TG_TEXT("127.0.0.1"),
      .port = up.port,
      .head = {head, (size_t)size},
      .body = {body, BODY_BYTES},
      .idempotent = idempotent,
      .timeout_ms = 20000,
  };
  ask_send(ask, client, &request);
}

typedef struct early_case {
  const char *name;
  upstream_line line;
  tg_call_error error;
  unsigned status;
  const char *body;
} early_case;

/* A close with bytes that were not read is a reset. */
static const early_case early_cases[] = {
    {"413, close", {.reply = FULL "Content-Length: 0\r\n\r\n", .close = true}, TG_CALL_OK, 413, ""},
    {"413, reset", {.reply = FULL "Content-Length: 3\r\n\r\nbig", .reset = true}, TG_CALL_OK, 413, "big"},
    {"413, stays", {.reply = FULL "Content-Length: 3\r\n\r\nbig"}, TG_CALL_OK, 413, "big"},
    {"413, ends its side", {.reply = FULL "Content-Length: 3\r\n\r\nbig", .finish = true}, TG_CALL_OK, 413, "big"},
    {"413 that says close",
     {.reply = FULL "Connection: close\r\nContent-Length: 3\r\n\r\nbig", .close = true},
     TG_CALL_OK,
     413,
     "big"},
    {"413 in chunks",
     {.reply = FULL "Transfer-Encoding: chunked\r\n\r\n3\r\nbig\r\n0\r\n\r\n", .close = true},
     TG_CALL_OK,
     413,
     "big"},
    {"413 up to its end", {.reply = FULL "\r\nbig", .finish = true}, TG_CALL_OK, 413, "big"},
    {"413 up to a reset", {.reply = FULL "\r\nbig", .close = true}, TG_CALL_CLOSED, 0, NULL},
    {"401", {.reply = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", .close = true}, TG_CALL_OK, 401, ""},
    {"503 of HTTP/1.0",
     {.reply = "HTTP/1.0 503 Full\r\nContent-Length: 4\r\n\r\nbusy", .close = true},
     TG_CALL_OK,
     503,
     "busy"},
    {"204", {.reply = "HTTP/1.1 204 No Content\r\n\r\n", .close = true}, TG_CALL_OK, 204, ""},
    {"200, close", {.reply = FINE, .close = true}, TG_CALL_OK, 200, "hi"},
    {"200, stays", {.reply = FINE}, TG_CALL_OK, 200, "hi"},
    {"100 and 413",
     {.reply = "HTTP/1.1 100 Continue\r\n\r\n" FULL "Content-Length: 0\r\n\r\n", .close = true},
     TG_CALL_OK,
     413,
     ""},
    {"two answers", {.reply = FULL "Content-Length: 0\r\n\r\n" FINE, .close = true}, TG_CALL_OK, 413, ""},
    {"half of 413", {.reply = FULL "Content-Length: 30\r\n\r\nbig", .close = true}, TG_CALL_CLOSED, 0, NULL},
    {"half of a chunk",
     {.reply = FULL "Transfer-Encoding: chunked\r\n\r\n30\r\nbig", .close = true},
     TG_CALL_CLOSED,
     0,
     NULL},
    {"half of a head", {.reply = FULL "Content-Le", .reset = true}, TG_CALL_CLOSED, 0, NULL},
    {"100 alone", {.reply = "HTTP/1.1 100 Continue\r\n\r\n", .close = true}, TG_CALL_CLOSED, 0, NULL},
    {"nothing", {.close = true}, TG_CALL_CLOSED, 0, NULL},
    {"garbage", {.reply = "garbage\r\n", .close = true}, TG_CALL_PROTOCOL, 0, NULL},
};

static void check_answer(const asked *ask, const early_case *is) {
  if (!CHECK_NUMBER(ask->call->error, is->error)) return;
  if (is->error == TG_CALL_OK) {
    CHECK_NUMBER(ask->call->head.status, is->status);
    CHECK_TEXT(tg_buffer_text(&ask->call->body), tg_text_of(is->body));
  } else {
    CHECK(ask->call->detail != NULL);
  }
}

/* Over a fresh connection, or one that was used before; it does not go on, as half of the request is not in it. */
static void check_early(const early_case *is, bool on_kept, bool dribble) {
  asked ask;
  upstream_line script[] = {{.reply = FINE}, is->line};
  script[1].dribble = dribble;
  begin(on_kept ? script : script + 1, on_kept ? 2 : 1);
  if (on_kept) {
    ask_start(&ask, client, &up, "/a");
    CHECK_NUMBER(ask_wait(&ask, loop), TG_CALL_OK);
    ask_free(&ask);
  }
  ask_large(&ask, false);
  ask_wait(&ask, loop);
  check_answer(&ask, is);
  CHECK_NUMBER(up.accepted, 1);
  turn_ms(loop, 2);
  CHECK_NUMBER(tg_client_count(client).connections, 0);
  ask_free(&ask);
  end();
}

static void hears_early_answers(void) {
  for (size_t i = 0; i < sizeof early_cases / sizeof early_cases[0]; i++) {
    for (int round = 0; round < ROUNDS; round++) {
      bool on_kept = round % 2 != 0,
           dribble = round == 2 && early_cases[i].line.reply != NULL && !early_cases[i].line.finish;
      check_case("%s, round %d", early_cases[i].name, round);
      check_early(&early_cases[i], on_kept, dribble);
    }
  }
  check_case(NULL);
}

/* Nothing came: a large request goes out once more as a small one does, body and all, if it may. */
static void sends_a_large_request_again(void) {
  asked ask;
  begin((upstream_line[]){{.reply = FINE}, {.close = true}, {.reply = FULL "Content-Length: 0\r\n\r\n", .close = true}},
        3);
  ask_start(&ask, client, &up, "/a");
  CHECK_NUMBER(ask_wait(&ask, loop), TG_CALL_OK);
  ask_free(&ask);
  ask_large(&ask, true);
  CHECK_NUMBER(ask_wait(&ask, loop), TG_CALL_OK);
  CHECK_NUMBER(ask.call->head.status, 413);
  CHECK_NUMBER(up.accepted, 2);
  ask_free(&ask);
  end();
}

/* While it sends, while it reads what came behind a write that failed: whatever so many turns lead to. */
static void is_freed_at_any_moment(void) {
  for (size_t i = 0; i < sizeof early_cases / sizeof early_cases[0]; i++) {
    for (int turns = 0; turns < 6; turns++) {
      asked ask;
      check_case("%s, freed after %d turns", early_cases[i].name, turns);
      begin(&early_cases[i].line, 1);
      ask_large(&ask, false);
      turn(loop, turns);
      ask_free(&ask);
      CHECK_NUMBER(tg_client_count(client).connections, tg_client_count(client).idle);
      end();
    }
  }
  check_case(NULL);
}

int main(void) {
  body = calloc(1, BODY_BYTES);
  hears_early_answers();
  sends_a_large_request_again();
  is_freed_at_any_moment();
  free(body);
  return check_result();
}
