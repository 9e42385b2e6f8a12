/* A whole connection through a Lua handler, while a virtual clock jumps: pauses, deadlines, half-closes, aborts. The
   gateway goes on from one input to the next, and nothing of one may be left for the next. */
#include "gateway.h"
#include "support/peer.h"

#include <sanitizer/lsan_interface.h>
#include <stdio.h>
#include <stdlib.h>

enum { QUIET_TURNS = 3000, SETTLE_TURNS_MAX = 30000, INPUTS_PER_GATEWAY = 2000 };

static tg_runtime *gateway;
static unsigned inputs;

/* LuaJIT keeps pointers that the leak checker does not know for such, so that it can look between two gateways only. */
static void close_gateway(void) {
  if (gateway == NULL) return;
  FUZZ_CHECK(gateway_close(gateway));
  gateway = NULL;
  FUZZ_CHECK(__lsan_do_recoverable_leak_check() == 0);
}

static void open_gateway(void) {
  if (inputs++ % INPUTS_PER_GATEWAY != 0) return;
  if (gateway == NULL) atexit(close_gateway);
  close_gateway();
  gateway = gateway_open(TG_SOURCE_DIR "/tests/fuzz/routes.lua");
  FUZZ_CHECK(gateway != NULL);
}

/* Where the client stays, all that it waits for comes, as time is no matter. */
static void await_the_end(fuzz_peer *peer) {
  for (int i = 0; i < QUIET_TURNS && !peer->server_ended; i++) tg_loop_turn(gateway->loop);
  if (!peer->was_away) FUZZ_CHECK(peer->server_ended);
}

static void check_nothing_is_left(void) {
  if (gateway_settle(gateway, SETTLE_TURNS_MAX)) return;
  gateway_count count = gateway_count_open(gateway);
  fprintf(stderr, "left: %u tasks, %u clients, %u calls\n", count.tasks, count.clients, count.calls);
  fuzz_fail(__FILE__, __LINE__, "nothing is left");
}

static void talk(tg_text input, fuzz_manner manner) {
  fuzz_peer peer;
  fuzz_peer_start(&peer, gateway->loop, gateway_connect(gateway), input, manner);
  while (fuzz_peer_step(&peer)) continue;
  if (!fuzz_once_in(&peer.choices, 3)) await_the_end(&peer);
  else peer.was_away = true;
  tg_buffer log = fuzz_peer_check(&peer);
  tg_buffer_free(&log);
  fuzz_peer_free(&peer);
  check_nothing_is_left();
  FUZZ_CHECK(lua_gettop(gateway->L) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  tg_text input = {(const char *)bytes, size};
  if (size == 0) return 0;
  open_gateway();
  talk(input, FUZZ_ANYHOW);
  talk(input, FUZZ_IN_BITS);
  return 0;
}
