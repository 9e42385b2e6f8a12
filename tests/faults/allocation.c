/* Every allocation of each scenario fails, one after the other: whatever becomes of that request, it ends, nothing
   crashes, nothing is left behind, and the next request is right. AddressSanitizer sees leaks at the end. */
#include "memory.h"
#include "scenarios.h"
#include "check.h"
#include "gateway.h"

#include <stdlib.h>

enum { TURNS = 60, TURNS_BETWEEN = 1, SETTLE_TURNS_MAX = 100000, RUNS_MAX = 100000, RUNS_PER_GATEWAY = 500 };

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

static void turn(unsigned count) {
  for (unsigned i = 0; i < count; i++) tg_loop_turn(gateway->loop);
}

static void ask(client *is, const scenario *what) {
  is->stream = gateway_connect(gateway);
  is->size = 0;
  is->ended = is->stream == NULL;
  if (is->ended) return;
  tg_stream_attach(is->stream, &events, is);
  tg_stream_read_start(is->stream);
  tg_stream_write(is->stream, &what->sent, 1);
  if (what->later.size > 0 || what->leaves) turn(TURNS_BETWEEN);
  if (what->later.size > 0 && !is->ended) tg_stream_write(is->stream, &what->later, 1);
  if (!what->leaves) await(is, what->answered);
  leave(is);
  turn(TURNS);
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
  ask(&the_client, &scenario_next);
  return CHECK(holds(&the_client, "HTTP/1.1 200 ")) && CHECK(holds(&the_client, scenario_next.answered));
}

/* One run, in which the `number`-th allocation fails. True where there were not so many. */
static bool run(const scenario *what, unsigned long number) {
  check_case("%s, allocation %lu", what->name, number);
  memory_arm(number);
  ask(&the_client, what);
  bool failed = memory_disarm();
  if (!failed) CHECK(holds(&the_client, what->answered));
  CHECK(what->leaves || the_client.ended || holds(&the_client, "HTTP/1.1 "));
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

/* Every second scenario from the one that the argument numbers: two processes share the work. */
int main(int argc, char **argv) {
  size_t first = argc > 1 && strcmp(argv[1], "1") == 0 ? 1 : 0;
  for (size_t i = first; i < scenario_count; i += 2) {
    play(&scenarios[i], 1);
    play(&scenarios[i], RUNS_PER_GATEWAY);
  }
  return check_result();
}
