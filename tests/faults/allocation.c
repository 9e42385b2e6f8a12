/* Every allocation of twenty requests fails, one after the other: whatever becomes of that request, nothing crashes,
   nothing is left behind, and the next request is right. AddressSanitizer sees leaks at the end. */
#include "memory.h"
#include "check.h"
#include "gateway.h"

#include <stdlib.h>

enum { TURNS = 60, SETTLE_TURNS_MAX = 100000, RUNS_MAX = 100000, RUNS_PER_GATEWAY = 500 };

#define HOST "HTTP/1.1\r\nHost: h\r\n"
#define GET(path) "GET " path " " HOST "\r\n"

typedef struct scenario {
  const char *name;
  const char *sent;
  const char *answered; /* what the answers hold when nothing fails */
  bool leaves;          /* the client does, before it is answered */
} scenario;

static const scenario scenarios[] = {
    {"hello", GET("/hello"), "{\"message\":\"Hello World!\"}", false},
    {"JSON posted", "POST /json " HOST "Content-Length: 7\r\n\r\n{\"a\":1}", "{\"got\":{\"a\":1}}", false},
    {"a form posted",
     "POST /form " HOST "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 8\r\n\r\na=%41b+c", "Ab c",
     false},
    {"chunks posted", "POST /echo " HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde",
     false},
    {"three at once", GET("/hello") GET("/item/a") GET("/hello"), "Hello", false},
    {"parameters", "GET /item/a%20b?a=1 " HOST "A: 2\r\nCookie: a=3\r\n\r\n", "a b123", false},
    {"no such path", GET("/nothing"), "HTTP/1.1 404 ", false},
    {"another method", "DELETE /hello " HOST "\r\n", "HTTP/1.1 405 ", false},
    {"HEAD", "HEAD /hello " HOST "\r\n", "HTTP/1.1 200 ", false},
    {"OPTIONS", "OPTIONS /hello " HOST "\r\n", "Allow: ", false},
    {"100-continue", "POST /echo " HOST "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 ", false},
    {"too large", "POST /echo " HOST "Content-Length: 10001\r\n\r\n", "HTTP/1.1 413 ", false},
    {"bad", "GET /hello HTTP/1.1\r\nHost : h\r\n\r\n", "HTTP/1.1 400 ", false},
    {"proxy", GET("/proxy"), "upstream", false},
    {"aggregate", GET("/aggregate"), "[\"upstream\",", false},
    {"deadline", GET("/deadline"), "HTTP/1.1 504 ", false},
    {"a race", GET("/race"), "fast", false},
    {"the client leaves", GET("/waits"), "", true},
    {"background", GET("/background"), "later", false},
    {"blocking", GET("/blocking"), "blocking 3", false},
    {"an error", GET("/error"), "HTTP/1.1 500 ", false},
    {"big", GET("/big"), "Content-Length: 100000\r\n", false},
};

static tg_runtime *gateway;

/* --- a client, whose own memory does not run out --- */

typedef struct client {
  tg_stream *stream;
  char received[200000];
  size_t size;
  bool ended;
} client;

static client the_client;

static void on_read(tg_stream *stream, const char *bytes, long size) {
  client *is = stream->owner;
  is->ended = is->ended || size < 0;
  if (size <= 0 || is->size + (size_t)size >= sizeof is->received) return;
  memcpy(is->received + is->size, bytes, (size_t)size);
  is->size += (size_t)size;
}

static const tg_stream_events events = {.on_read = on_read};

static void leave(client *is) {
  if (is->stream != NULL) tg_stream_close(is->stream);
  is->stream = NULL;
}

static bool holds(const client *is, const char *text) {
  return memmem(is->received, is->size, text, strlen(text)) != NULL;
}

/* Blocking calls answer from a thread, for which nobody knows how many turns to wait. */
static void await(client *is, const char *text) {
  for (int i = 0; i < SETTLE_TURNS_MAX && !is->ended && !holds(is, text); i++) tg_loop_turn(gateway->loop);
}

static void ask(client *is, const scenario *what) {
  tg_text sent = tg_text_of(what->sent);
  is->stream = gateway_connect(gateway);
  is->size = 0;
  is->ended = is->stream == NULL;
  if (is->ended) return;
  tg_stream_attach(is->stream, &events, is);
  tg_stream_read_start(is->stream);
  tg_stream_write(is->stream, &sent, 1);
  if (what->leaves) tg_loop_turn(gateway->loop), tg_loop_turn(gateway->loop);
  else await(is, what->answered);
  leave(is);
  for (int i = 0; i < TURNS; i++) tg_loop_turn(gateway->loop);
}

/* --- runs --- */

static void open_gateway(void) {
  gateway = gateway_open(TG_SOURCE_DIR "/tests/faults/routes.lua");
  if (!CHECK(gateway != NULL)) exit(1);
  memory_take_over(gateway);
}

static void close_gateway(void) {
  memory_give_back(gateway);
  CHECK(gateway_close(gateway));
}

static bool ask_hello(void) {
  ask(&the_client, &scenarios[0]);
  return CHECK(holds(&the_client, "HTTP/1.1 200 ")) && CHECK(holds(&the_client, scenarios[0].answered));
}

/* One run, in which the `number`-th allocation fails. True where there were not so many. */
static bool run(const scenario *what, unsigned long number) {
  check_case("%s, allocation %lu", what->name, number);
  memory_arm(number);
  ask(&the_client, what);
  bool failed = memory_disarm();
  if (!failed) CHECK(holds(&the_client, what->answered));
  bool settled = CHECK(gateway_settle(gateway, SETTLE_TURNS_MAX));
  CHECK_NUMBER(lua_gettop(gateway->L), 0);
  if (!ask_hello() || !settled) exit(check_result());
  return !failed;
}

/* With a gateway of its own for each run, in which much happens for the first time; and with one that goes on. */
static void play(const scenario *what, unsigned runs_per_gateway) {
  unsigned long number = 1;
  open_gateway();
  while (number < RUNS_MAX && !run(what, number)) {
    if (number++ % runs_per_gateway != 0) continue;
    close_gateway();
    open_gateway();
  }
  close_gateway();
}

int main(void) {
  for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
    play(&scenarios[i], 1);
    play(&scenarios[i], RUNS_PER_GATEWAY);
  }
  return check_result();
}
