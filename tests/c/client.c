/* Calls against an upstream that answers by script: what becomes of a call and of its connection. */
#include "check.h"
#include "support/turns.h"
#include "support/upstream.h"

#include <stdio.h>
#include <stdlib.h>

#define OK(body, length) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n" body
#define HEAD_OF(fields) "HTTP/1.1 200 OK\r\n" fields "\r\n"

static tg_loop *loop;
static tg_client *client;
static upstream up;

static void begin_limited(const upstream_line *script, unsigned count, const tg_client_limits *limits) {
  loop = tg_loop_new();
  client = tg_client_new(loop, limits);
  upstream_start(&up, loop, script, count);
}

static void begin(const upstream_line *script, unsigned count) {
  begin_limited(script, count, &tg_client_limits_default);
}

static void end(void) {
  tg_client_free(client);
  upstream_stop(&up);
  tg_loop_free(loop);
}

#define BEGIN(...) begin((upstream_line[]){__VA_ARGS__}, sizeof((upstream_line[]){__VA_ARGS__}) / sizeof(upstream_line))

/* One call; its error. The connection's end reaches the upstream before it returns. */
static tg_call_error call_once(asked *ask, const char *path) {
  ask_start(ask, client, &up, path);
  tg_call_error error = ask_wait(ask, loop);
  turn_ms(loop, 2);
  return error;
}

static void check_counts(unsigned connections, unsigned idle) {
  tg_client_statistics count = tg_client_count(client);
  CHECK_NUMBER(count.connections, connections);
  CHECK_NUMBER(count.idle, idle);
  CHECK_NUMBER(count.waiting, 0);
  CHECK_NUMBER(count.origins, connections > 0);
}

/* --- responses --- */

static void gets_a_response(void) {
  asked ask;
  BEGIN({.reply = "HTTP/1.1 404 Nothing Here\r\nX-A: 1\r\nContent-Length: 5\r\nx-a: 2\r\n\r\nhello"});
  CHECK_NUMBER(call_once(&ask, "/a"), TG_CALL_OK);
  CHECK_NUMBER(ask.call->head.status, 404);
  CHECK_TEXT(tg_buffer_text(&ask.call->body), TG_TEXT("hello"));
  CHECK_NUMBER(ask.call->head.field_count, 3);
  CHECK_TEXT(tg_head_value(&ask.call->head, TG_TEXT("x-a")), TG_TEXT("1"));
  CHECK_STRING(up.paths, "/a");
  check_counts(1, 1);
  ask_free(&ask);
  end();
}

typedef struct response_case {
  const char *reply;
  bool close; /* the upstream closes behind it */
  tg_call_error error;
  bool kept;
  const char *body; /* when it is fine */
} response_case;

#define CHUNKED HEAD_OF("Transfer-Encoding: chunked\r\n")

static const response_case response_cases[] = {
    /* whole */
    {OK("hi", "2"), false, TG_CALL_OK, true, "hi"},
    {OK("", "0"), false, TG_CALL_OK, true, ""},
    {CHUNKED "2\r\nhi\r\n0\r\n\r\n", false, TG_CALL_OK, true, "hi"},
    {CHUNKED "1;x=y\r\nh\r\n1\r\ni\r\n0\r\nX-Trailer: z\r\n\r\n", false, TG_CALL_OK, true, "hi"},
    {HEAD_OF("") "hi", true, TG_CALL_OK, false, "hi"},
    {HEAD_OF(""), true, TG_CALL_OK, false, ""},
    {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", false, TG_CALL_OK, false, "hi"},
    {HEAD_OF("Connection: close\r\nContent-Length: 2\r\n") "hi", false, TG_CALL_OK, false, "hi"},
    {"HTTP/1.1 204 No Content\r\n\r\n", false, TG_CALL_OK, true, ""},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", false, TG_CALL_OK, true, ""},
    {"HTTP/1.1 100 Continue\r\n\r\n" OK("hi", "2"), false, TG_CALL_OK, true, "hi"},
    {"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" OK("hi", "2"), false, TG_CALL_OK, true, "hi"},
    /* more than was asked for: used, but its connection is not */
    {OK("hi", "2") "more", false, TG_CALL_OK, false, "hi"},
    {OK("hi", "2") OK("ho", "2"), false, TG_CALL_OK, false, "hi"},
    /* cut off: never a clean end */
    {NULL, true, TG_CALL_CLOSED, false, NULL},
    {"HTTP/1.1 20", true, TG_CALL_CLOSED, false, NULL},
    {"HTTP/1.1 200 OK\r\nContent-Le", true, TG_CALL_CLOSED, false, NULL},
    {OK("h", "2"), true, TG_CALL_CLOSED, false, NULL},
    {CHUNKED "2\r\nh", true, TG_CALL_CLOSED, false, NULL},
    {CHUNKED "2\r\nhi\r\n", true, TG_CALL_CLOSED, false, NULL},
    {CHUNKED "2\r\nhi\r\n0\r\n", true, TG_CALL_CLOSED, false, NULL},
    {"HTTP/1.1 100 Continue\r\n\r\n", true, TG_CALL_CLOSED, false, NULL},
    /* not HTTP */
    {"hello, who is there?\r\n", false, TG_CALL_PROTOCOL, false, NULL},
    {"HTTP/2.0 200 OK\r\n\r\n", false, TG_CALL_PROTOCOL, false, NULL},
    {"HTTP/1.1 200 OK\nContent-Length: 0\n\n", false, TG_CALL_PROTOCOL, false, NULL},
    {HEAD_OF("X: a\r\n b\r\nContent-Length: 0\r\n"), false, TG_CALL_PROTOCOL, false, NULL},
    {HEAD_OF("Content-Length : 0\r\n"), false, TG_CALL_PROTOCOL, false, NULL},
    {HEAD_OF("Content-Length: 0\r\nContent-Length: 1\r\n"), false, TG_CALL_PROTOCOL, false, NULL},
    {HEAD_OF("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), false, TG_CALL_PROTOCOL, false, NULL},
    {HEAD_OF("Content-Length: 5\r\nTransfer-Encoding:\r\n") "hello", false, TG_CALL_PROTOCOL, false, NULL},
    {CHUNKED "x\r\n", false, TG_CALL_PROTOCOL, false, NULL},
    {CHUNKED "2\r\nhix", false, TG_CALL_PROTOCOL, false, NULL},
    {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", false, TG_CALL_PROTOCOL, false, NULL},
    /* codings that nobody undoes here */
    {HEAD_OF("Transfer-Encoding: gzip, chunked\r\n") "0\r\n\r\n", false, TG_CALL_PROTOCOL, false, NULL},
    {HEAD_OF("Transfer-Encoding: chunked, gzip\r\n") "x", true, TG_CALL_PROTOCOL, false, NULL},
    {HEAD_OF("Transfer-Encoding: xchunked\r\n") "x", true, TG_CALL_PROTOCOL, false, NULL},
    {HEAD_OF("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") "0\r\n\r\n", false, TG_CALL_PROTOCOL,
     false, NULL},
    {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false, TG_CALL_PROTOCOL, false, NULL},
};

static void check_response(const response_case *is, bool dribble) {
  asked ask;
  BEGIN({.reply = is->reply, .close = is->close, .dribble = dribble && is->reply != NULL});
  CHECK_NUMBER(call_once(&ask, "/a"), is->error);
  if (is->body != NULL) CHECK_TEXT(tg_buffer_text(&ask.call->body), tg_text_of(is->body));
  if (is->error == TG_CALL_PROTOCOL) CHECK(ask.call->detail != NULL && ask.call->detail[0] != '\0');
  CHECK_NUMBER(up.requests, 1);
  turn_ms(loop, 2);
  check_counts(is->kept, is->kept);
  CHECK_NUMBER(up.open, is->kept);
  ask_free(&ask);
  end();
}

static void knows_responses(void) {
  for (size_t i = 0; i < sizeof response_cases / sizeof response_cases[0]; i++) {
    for (int dribble = 0; dribble < 2; dribble++) {
      check_case("response %s%s", response_cases[i].reply, dribble ? " (byte by byte)" : "");
      check_response(&response_cases[i], dribble);
    }
  }
  check_case(NULL);
}

static void hears_no_body_of_head(void) {
  asked ask;
  BEGIN({.reply = HEAD_OF("Content-Length: 500\r\n")}, {.reply = CHUNKED}, {.reply = OK("hi", "2")});
  tg_call_request request = {
      .host = TG_TEXT("127.0.0.1"),
      .port = up.port,
      .head = TG_TEXT("HEAD / HTTP/1.1\r\n\r\n"),
      .is_head = true,
      .timeout_ms = 5000,
  };
  for (int i = 0; i < 2; i++) {
    ask_send(&ask, client, &request);
    CHECK_NUMBER(ask_wait(&ask, loop), TG_CALL_OK);
    CHECK_NUMBER(tg_buffer_size(&ask.call->body), 0);
    ask_free(&ask);
  }
  CHECK_NUMBER(call_once(&ask, "/a"), TG_CALL_OK);
  CHECK_TEXT(tg_buffer_text(&ask.call->body), TG_TEXT("hi"));
  CHECK_NUMBER(up.accepted, 1);
  ask_free(&ask);
  end();
}

static void limits_interim_responses(int count, tg_call_error error) {
  asked ask;
  char reply[4096] = "";
  for (int i = 0; i < count; i++) strcat(reply, "HTTP/1.1 102 Processing\r\n\r\n");
  strcat(reply, OK("hi", "2"));
  BEGIN({.reply = reply});
  CHECK_NUMBER(call_once(&ask, "/a"), error);
  ask_free(&ask);
  end();
}

static void limits_sizes(void) {
  static const struct {
    const char *reply;
    tg_call_error error;
  } cases[] = {
      {OK("0123456789", "10"), TG_CALL_OK},
      {OK("", "11"), TG_CALL_TOO_LARGE}, /* before it comes */
      {OK("", "18446744073709551615"), TG_CALL_TOO_LARGE},
      {CHUNKED "6\r\n012345\r\n4\r\n6789\r\n0\r\n\r\n", TG_CALL_OK},
      {CHUNKED "6\r\n012345\r\n5\r\n", TG_CALL_TOO_LARGE},
      {CHUNKED "ffffffffffffffff\r\n", TG_CALL_TOO_LARGE},
      {HEAD_OF("") "0123456789a", TG_CALL_TOO_LARGE},
  };
  tg_client_limits limits = tg_client_limits_default;
  limits.body_bytes_max = 10;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    asked ask;
    upstream_line line = {.reply = cases[i].reply};
    check_case("response %s", cases[i].reply);
    begin_limited(&line, 1, &limits);
    CHECK_NUMBER(call_once(&ask, "/a"), cases[i].error);
    CHECK_NUMBER(up.open, cases[i].error == TG_CALL_OK);
    ask_free(&ask);
    end();
  }
  check_case(NULL);
}

static void limits_heads(void) {
  asked ask;
  char *reply = calloc(1, 30000);
  strcpy(reply, "HTTP/1.1 200 OK\r\nX: ");
  memset(reply + strlen(reply), 'x', 20000);
  BEGIN({.reply = reply});
  CHECK_NUMBER(call_once(&ask, "/a"), TG_CALL_TOO_LARGE);
  check_counts(0, 0);
  ask_free(&ask);
  end();
  free(reply);
}

/* --- connecting and time --- */

static void is_refused(void) {
  asked ask;
  BEGIN({.reply = NULL});
  upstream_stop(&up);
  turn(loop, 3);
  ask_start(&ask, client, &up, "/a");
  CHECK_NUMBER(ask_wait(&ask, loop), TG_CALL_CONNECT);
  CHECK_STRING(tg_error_name(ask.call->code), "ECONNREFUSED");
  turn(loop, 3);
  check_counts(0, 0);
  ask_free(&ask);
  tg_client_free(client);
  tg_loop_free(loop);
}

static void ask_briefly(asked *is, uint64_t timeout_ms) {
  tg_call_request request = {
      .host = TG_TEXT("127.0.0.1"),
      .port = up.port,
      .head = TG_TEXT("GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
      .idempotent = true,
      .timeout_ms = timeout_ms,
  };
  ask_send(is, client, &request);
}

static void times_out(const char *reply) {
  asked ask;
  BEGIN({.reply = reply});
  uint64_t started_ns = tg_loop_now_ns(loop);
  ask_briefly(&ask, 20);
  CHECK_NUMBER(ask_wait(&ask, loop), TG_CALL_TIMEOUT);
  uint64_t passed_ms = (tg_loop_now_ns(loop) - started_ns) / 1000000;
  CHECK(passed_ms >= 20 && passed_ms < 2000);
  turn_ms(loop, 2);
  CHECK_NUMBER(up.open, 0);
  check_counts(0, 0);
  ask_free(&ask);
  end();
}

/* A call that is done is done, however long it is kept. */
static void does_not_time_out_afterwards(void) {
  asked ask;
  BEGIN({.reply = OK("hi", "2")});
  ask_briefly(&ask, 30);
  CHECK_NUMBER(ask_wait(&ask, loop), TG_CALL_OK);
  turn_ms(loop, 40);
  CHECK_NUMBER(ask.done, 1);
  CHECK_NUMBER(ask.call->error, TG_CALL_OK);
  ask_free(&ask);
  end();
}

int main(void) {
  gets_a_response();
  knows_responses();
  hears_no_body_of_head();
  limits_interim_responses(16, TG_CALL_OK);
  limits_interim_responses(17, TG_CALL_PROTOCOL);
  limits_sizes();
  limits_heads();
  is_refused();
  times_out(NULL);
  times_out("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell");
  times_out("HTTP/1.1 100 Continue\r\n\r\n");
  does_not_time_out_afterwards();
  return check_result();
}
