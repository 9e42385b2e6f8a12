/* Kept connections, as tables: what an upstream does with one between two calls or when the second comes, and how long it
   says that it keeps one; what the next call returns of that, and over how many connections. */
#include "check.h"
#include "support/turns.h"
#include "support/upstream.h"

#include <stdio.h>

#define FINE "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
#define BODILESS "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
#define EVIL "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
#define GOODBYE "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlate"
#define COUNT(table) (sizeof(table) / sizeof(table)[0])

typedef enum method { GET, PUT, POST, HEAD, METHODS } method;

static const struct {
  const char *head;
  bool idempotent, is_head;
} methods[METHODS] = {
    [GET] = {"GET /a HTTP/1.1\r\nHost: h\r\n\r\n", true, false},
    [PUT] = {"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n", true, false},
    [POST] = {"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n", false, false},
    [HEAD] = {"HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n", true, true},
};

static tg_loop *loop;
static tg_client *client;
static upstream up;

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

static void ask_as(asked *ask, method way) {
  tg_call_request request = {
      .host = TG_TEXT("127.0.0.1"),
      .port = up.port,
      .head = tg_text_of(methods[way].head),
      .body = way == PUT || way == POST ? TG_TEXT("body") : (tg_text){NULL, 0},
      .idempotent = methods[way].idempotent,
      .is_head = methods[way].is_head,
      .timeout_ms = 5000,
  };
  ask_send(ask, client, &request);
}

/* One call that goes well, and leaves a connection behind. */
static void keep_one(void) {
  asked ask;
  ask_as(&ask, GET);
  CHECK_NUMBER(ask_wait(&ask, loop), TG_CALL_OK);
  ask_free(&ask);
  CHECK_NUMBER(tg_client_count(client).idle, 1);
}

/* --- between two calls --- */

typedef struct between_case {
  const char *name;
  const char *bytes; /* that the upstream sends */
  bool close, reset; /* what it does behind them */
  bool kept_unseen;  /* it is used again where the loop has not come to see that */
  bool kept_seen;    /* … and where it has */
} between_case;

static const between_case between_cases[] = {
    {"nothing", NULL, false, false, true, true},
    {"its end", NULL, true, false, false, false},
    {"its reset", NULL, false, true, false, false},
    {"an answer", EVIL, false, false, false, false},
    {"an answer and its end", EVIL, true, false, false, false},
    {"408", GOODBYE, false, false, false, false},
    {"408 and its end", GOODBYE, true, false, false, false},
    {"100", "HTTP/1.1 100 Continue\r\n\r\n", false, false, false, false},
    {"garbage", "x", false, false, false, false},
    {"a space behind empty lines", "\r\n\r\n ", false, false, false, false},
    {"half of a status line", "HTTP/1.", false, false, false, false},
    {"the end of a chunked body", "0\r\n\r\n", false, false, false, false},
    /* RFC 9112 section 9.2: these do no harm */
    {"an empty line", "\r\n", false, false, false, true},
    {"some empty lines", "\r\n\r\n\r\n", false, false, false, true},
    {"half of an empty line", "\r", false, false, false, false},
    {"LF", "\n", false, false, false, false},
    {"CR CR", "\r\r", false, false, false, false},
    {"an empty line and its end", "\r\n", true, false, false, false},
    {"an empty line and an answer", "\r\n" EVIL, false, false, false, false},
    {"empty lines without end", "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n", false, false, false, false},
};

static void check_between(const between_case *is, method way, bool seen) {
  asked ask;
  begin((upstream_line[]){{.reply = FINE}, {.reply = methods[way].is_head ? BODILESS : FINE}}, 2);
  keep_one();
  if (is->bytes != NULL) upstream_send(&up, is->bytes);
  if (is->close) upstream_close_all(&up);
  if (is->reset) upstream_reset_all(&up);
  if (seen) turn_ms(loop, 2);
  ask_as(&ask, way);
  CHECK_NUMBER(ask_wait(&ask, loop), TG_CALL_OK);
  CHECK_NUMBER(ask.call->head.status, 200);
  CHECK_TEXT(tg_buffer_text(&ask.call->body), methods[way].is_head ? TG_TEXT("") : TG_TEXT("hi"));
  CHECK_NUMBER(up.accepted, (seen ? is->kept_seen : is->kept_unseen) ? 1 : 2);
  CHECK_NUMBER(up.requests, 2);
  ask_free(&ask);
  end();
}

static void looks_before_it_sends(void) {
  for (size_t i = 0; i < COUNT(between_cases); i++) {
    for (method way = 0; way < METHODS; way++) {
      for (int seen = 0; seen < 2; seen++) {
        check_case("%s, method %d, %s", between_cases[i].name, way, seen ? "seen" : "not seen");
        check_between(&between_cases[i], way, seen != 0);
      }
    }
  }
  check_case(NULL);
}

/* The upstream was started anew: what was kept is dead, all of it. */
static void survives_that_all_have_ended(bool reset) {
  enum { MANY = 20 };
  asked asks[MANY], ask;
  begin(&(upstream_line){.reply = FINE}, 1);
  for (int i = 0; i < MANY; i++) ask_as(&asks[i], GET);
  for (int i = 0; i < MANY; i++) CHECK_NUMBER(ask_wait(&asks[i], loop), TG_CALL_OK);
  for (int i = 0; i < MANY; i++) ask_free(&asks[i]);
  CHECK_NUMBER(tg_client_count(client).idle, MANY);
  if (reset) upstream_reset_all(&up);
  else upstream_close_all(&up);
  ask_as(&ask, POST);
  CHECK_NUMBER(tg_client_count(client).connections, 1);
  CHECK_NUMBER(ask_wait(&ask, loop), TG_CALL_OK);
  CHECK_NUMBER(up.accepted, MANY + 1);
  CHECK_NUMBER(up.requests, MANY + 1);
  ask_free(&ask);
  end();
}

/* --- when the second request comes --- */

typedef struct second_case {
  const char *name;
  upstream_line line;
  const char *body;    /* where it is fine */
  tg_call_error error; /* of a call that may not be sent again; of any where nothing is sent again */
  bool again;          /* where the connection was kept, it is sent again if it may be */
  bool kept;           /* behind it, the last connection is */
} second_case;

static const second_case second_cases[] = {
    {"a good answer", {.reply = FINE}, "hi", TG_CALL_OK, false, true},
    {"nothing but its end", {.close = true}, NULL, TG_CALL_CLOSED, true, true},
    {"nothing but its reset", {.reset = true}, NULL, TG_CALL_CLOSED, true, true},
    {"a byte", {.reply = "H", .close = true}, NULL, TG_CALL_CLOSED, false, false},
    {"a byte and a reset", {.reply = "H", .reset = true}, NULL, TG_CALL_CLOSED, false, false},
    {"100 and its end", {.reply = "HTTP/1.1 100 Continue\r\n\r\n", .close = true}, NULL, TG_CALL_CLOSED, false, false},
    {"408 that ends", {.reply = GOODBYE, .close = true}, "late", TG_CALL_OK, true, true},
    {"408 that goes on",
     {.reply = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 4\r\n\r\nlate"},
     "late",
     TG_CALL_OK,
     false,
     true},
    {"a good answer and its end", {.reply = FINE, .close = true}, "hi", TG_CALL_OK, false, false},
    {"half of a body",
     {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi", .close = true},
     NULL,
     TG_CALL_CLOSED,
     false,
     false},
    {"half of a chunk",
     {.reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhi", .close = true},
     NULL,
     TG_CALL_CLOSED,
     false,
     false},
    {"a chunk too few",
     {.reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", .reset = true},
     NULL,
     TG_CALL_CLOSED,
     false,
     false},
    {"a body up to its end", {.reply = "HTTP/1.1 200 OK\r\n\r\nhi", .close = true}, "hi", TG_CALL_OK, false, false},
    {"a body up to a reset", {.reply = "HTTP/1.1 200 OK\r\n\r\nhi", .reset = true}, NULL, TG_CALL_CLOSED, false, false},
    {"an answer twice", {.reply = FINE EVIL}, "hi", TG_CALL_OK, false, false},
    {"an answer and an empty line", {.reply = FINE "\r\n"}, "hi", TG_CALL_OK, false, true},
    {"204 with a body", {.reply = "HTTP/1.1 204 No Content\r\n\r\nevil"}, "", TG_CALL_OK, false, false},
    {"204 with a length",
     {.reply = "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n"},
     "",
     TG_CALL_OK,
     false,
     true},
    {"204 with a chunked body",
     {.reply = "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
     "",
     TG_CALL_OK,
     false,
     false},
    {"304 with a body",
     {.reply = "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nevil"},
     "",
     TG_CALL_OK,
     false,
     false},
    {"LF alone", {.reply = "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi"}, NULL, TG_CALL_PROTOCOL, false, false},
    {"101",
     {.reply = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"},
     NULL,
     TG_CALL_PROTOCOL,
     false,
     false},
    {"one length twice",
     {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi"},
     NULL,
     TG_CALL_PROTOCOL,
     false,
     false},
    {"103 that closes",
     {.reply = "HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\n" FINE},
     "hi",
     TG_CALL_OK,
     false,
     true},
    {"100 of HTTP/1.0", {.reply = "HTTP/1.0 100 Continue\r\n\r\n" FINE}, "hi", TG_CALL_OK, false, true},
    {"102 with a length",
     {.reply = "HTTP/1.1 102 Processing\r\nContent-Length: 2\r\n\r\n" FINE},
     "hi",
     TG_CALL_OK,
     false,
     true},
    {"1xx without end", {.reply = NULL}, NULL, TG_CALL_PROTOCOL, false, false}, /* see below */
};

static const char *flood(void) {
  static const char one[] = "HTTP/1.1 103 Early Hints\r\n\r\n";
  static char text[100 * (sizeof one - 1) + 1];
  for (size_t at = 0; at + 1 < sizeof text; at += sizeof one - 1) memcpy(text + at, one, sizeof one - 1);
  return text;
}

static void check_second(const second_case *is, method way, bool on_kept, bool dribble) {
  asked ask;
  upstream_line line = is->line;
  if (line.reply == NULL && !line.close && !line.reset) line.reply = flood();
  line.dribble = dribble && line.reply != NULL;
  upstream_line script[] = {{.reply = FINE}, line, {.reply = FINE}};
  begin(on_kept ? script : script + 1, on_kept ? 3 : 2);
  if (on_kept) keep_one();
  ask_as(&ask, way);
  bool again = on_kept && is->again && methods[way].idempotent;
  tg_call_error error = again ? TG_CALL_OK : is->error;
  bool is_head = methods[way].is_head;
  if (CHECK_NUMBER(ask_wait(&ask, loop), error) && error == TG_CALL_OK) {
    CHECK_TEXT(tg_buffer_text(&ask.call->body), is_head ? TG_TEXT("") : again ? TG_TEXT("hi") : tg_text_of(is->body));
  }
  if (error == TG_CALL_CLOSED || error == TG_CALL_PROTOCOL) CHECK(ask.call->detail != NULL);
  CHECK_NUMBER(up.accepted, again ? 2 : 1);
  turn_ms(loop, 2);
  bool kept = again || (is->kept && !(is->again && !again));
  CHECK_NUMBER(tg_client_count(client).connections, kept);
  CHECK_NUMBER(tg_client_count(client).idle, kept);
  ask_free(&ask);
  end();
}

/* What HEAD makes of an answer that has a body is in a table of its own. */
static void answers_the_second(void) {
  for (size_t i = 0; i < COUNT(second_cases); i++) {
    for (method way = 0; way < HEAD; way++) {
      for (int round = 0; round < 4; round++) {
        bool on_kept = round % 2 != 0, dribble = round / 2 != 0;
        check_case("%s, method %d, %s%s", second_cases[i].name, way, on_kept ? "kept" : "fresh",
                   dribble ? ", byte by byte" : "");
        check_second(&second_cases[i], way, on_kept, dribble);
      }
    }
  }
  check_case(NULL);
}

static const second_case head_cases[] = {
    {"a length", {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"}, "", TG_CALL_OK, false, true},
    {"no length", {.reply = "HTTP/1.1 200 OK\r\n\r\n"}, "", TG_CALL_OK, false, true},
    {"a coding", {.reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"}, "", TG_CALL_OK, false, true},
    {"a body", {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"}, "", TG_CALL_OK, false, false},
    {"a huge length",
     {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n"},
     "",
     TG_CALL_OK,
     false,
     true},
    {"100 before",
     {.reply = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"},
     "",
     TG_CALL_OK,
     false,
     true},
    {"close",
     {.reply = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\n"},
     "",
     TG_CALL_OK,
     false,
     false},
    {"HTTP/1.0", {.reply = "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n"}, "", TG_CALL_OK, false, false},
};

static void answers_head(void) {
  for (size_t i = 0; i < COUNT(head_cases); i++) {
    for (int on_kept = 0; on_kept < 2; on_kept++) {
      check_case("HEAD, %s, %s", head_cases[i].name, on_kept ? "kept" : "fresh");
      check_second(&head_cases[i], HEAD, on_kept != 0, false);
    }
  }
  check_case(NULL);
}

/* The request is sent again, body and all, within the time that it had from the start. */
static void keeps_its_time_when_it_is_sent_again(void) {
  asked ask;
  begin((upstream_line[]){{.reply = FINE}, {.close = true}, {.reply = NULL}}, 3);
  keep_one();
  tg_call_request request = {
      .host = TG_TEXT("127.0.0.1"),
      .port = up.port,
      .head = tg_text_of(methods[PUT].head),
      .body = TG_TEXT("body"),
      .idempotent = true,
      .timeout_ms = 40,
  };
  uint64_t started_ns = tg_loop_now_ns(loop);
  ask_send(&ask, client, &request);
  CHECK_NUMBER(ask_wait(&ask, loop), TG_CALL_TIMEOUT);
  CHECK(tg_loop_now_ns(loop) - started_ns >= 40 * UINT64_C(1000000));
  CHECK_NUMBER(up.requests, 3);
  ask_free(&ask);
  end();
}

/* --- what the upstream says of keeping --- */

typedef struct field_case {
  const char *start, *fields;
  unsigned uses; /* calls that the first connection carries, at most 3 are made */
} field_case;

#define ONE "HTTP/1.1 200 OK\r\n"
#define OLD "HTTP/1.0 200 OK\r\n"

static const field_case field_cases[] = {
    {ONE, "", 3},
    {ONE, "Connection: close\r\n", 1},
    {ONE, "connection:CLOSE\r\n", 1},
    {ONE, "Connection: \t Close \t\r\n", 1},
    {ONE, "Connection: Close, foo\r\n", 1},
    {ONE, "Connection: foo, close\r\n", 1},
    {ONE, "Connection: foo,close,bar\r\n", 1},
    {ONE, "Connection: ,close\r\n", 1},
    {ONE, "Connection: foo\r\nConnection: close\r\n", 1},
    {ONE, "Connection: close\r\nConnection: keep-alive\r\n", 1},
    {ONE, "Connection: keep-alive, close\r\n", 1},
    {ONE, "Connection: close, keep-alive\r\n", 1},
    {ONE, "Connection: keep-alive\r\n", 3},
    {ONE, "Connection: closed\r\n", 3},
    {ONE, "Connection: close-not\r\n", 3},
    {ONE, "Connection: not close\r\n", 3},
    {ONE, "X-Connection: close\r\n", 3},
    {ONE, "Connection: Upgrade, Keep-Alive\r\nUpgrade: h2,h2c\r\n", 3},
    {ONE, "Connection: Upgrade\r\nUpgrade: h2c\r\n", 3},
    {ONE, "Connection: Upgrade, close\r\nUpgrade: h2\r\n", 1},
    {ONE, "Connection:\tclose\r\n", 1},
    {ONE, "Connection: \"close\"\r\n", 3},
    {ONE, "Proxy-Connection: close\r\n", 1}, /* nobody's standard; the safe side */
    {OLD, "", 1},
    {OLD, "Connection: foo\r\n", 1},
    {OLD, "Connection: keep-alive\r\n", 3},
    {OLD, "Connection: Keep-Alive\r\n", 3},
    {OLD, "Connection: foo, keep-alive\r\n", 3},
    {OLD, "Connection: keep-alive, close\r\n", 1},
    {ONE, "Keep-Alive: timeout=5\r\n", 3},
    {ONE, "Keep-Alive: timeout=1\r\n", 3},
    {ONE, "Keep-Alive: timeout=0\r\n", 1},
    {ONE, "Keep-Alive: TimeOut = \"0\"\r\n", 1},
    {ONE, "Keep-Alive: max=5, timeout=0\r\n", 1},
    {ONE, "Keep-Alive: timeout=5\r\nKeep-Alive: timeout=0\r\n", 1},
    {ONE, "Keep-Alive: timeout=00\r\n", 1},
    {ONE, "Keep-Alive: timeout=-1\r\n", 3},
    {ONE, "Keep-Alive: timeout=\r\n", 3},
    {ONE, "Keep-Alive: timeout\r\n", 3},
    {ONE, "Keep-Alive: \r\n", 3},
    {ONE, "Keep-Alive: timeout=0x0\r\n", 3},
    {ONE, "Keep-Alive: xtimeout=0\r\n", 3},
    {ONE, "Keep-Alive: timeout=99999999999999999999999999\r\n", 3},
    {ONE, "Keep-Alive: max=0\r\n", 1},
    {ONE, "Keep-Alive: max=1\r\n", 2},
    {ONE, "Keep-Alive: timeout=5, max=2\r\n", 3},
    {ONE, "Keep-Alive: max=99999999999999999999\r\n", 3},
    {OLD, "Connection: keep-alive\r\nKeep-Alive: max=0\r\n", 1},
};

static void heeds_fields(void) {
  for (size_t i = 0; i < COUNT(field_cases); i++) {
    const field_case *is = &field_cases[i];
    char reply[512];
    snprintf(reply, sizeof reply, "%s%sContent-Length: 2\r\n\r\nhi", is->start, is->fields);
    check_case("%s", reply);
    begin(&(upstream_line){.reply = reply}, 1);
    for (unsigned call = 1; call <= 3; call++) {
      asked ask;
      ask_as(&ask, POST);
      CHECK_NUMBER(ask_wait(&ask, loop), TG_CALL_OK);
      CHECK_NUMBER(up.accepted, (call + is->uses - 1) / is->uses);
      ask_free(&ask);
    }
    end();
  }
  check_case(NULL);
}

static bool has_none(void *nothing) {
  (void)nothing;
  return tg_client_count(client).connections == 0;
}

/* Half of a second before the upstream would close it, and long before the client would by itself; also where the answer
   before had said nothing of it. */
static void is_closed_before_the_upstream_does(void) {
  begin((upstream_line[]){{.reply = FINE}, {.reply = ONE "Keep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nhi"}}, 2);
  keep_one();
  keep_one();
  uint64_t kept_ns = tg_loop_now_ns(loop);
  CHECK(turn_while_not(loop, has_none, NULL));
  CHECK(tg_loop_now_ns(loop) - kept_ns >= 500 * UINT64_C(1000000));
  CHECK_NUMBER(up.accepted, 1);
  end();
}

int main(void) {
  looks_before_it_sends();
  survives_that_all_have_ended(false);
  survives_that_all_have_ended(true);
  answers_the_second();
  answers_head();
  keeps_its_time_when_it_is_sent_again();
  heeds_fields();
  is_closed_before_the_upstream_does();
  return check_result();
}
