/* A gateway inside a test: the runtime with routes in Lua, served in memory, on a virtual clock. */
#ifndef TESTS_GATEWAY_H
#define TESTS_GATEWAY_H

#include "bind/runtime.h"
#include "io/stream.h"

/* What is open in it. */
typedef struct gateway_count {
  unsigned tasks;
  unsigned clients; /* connections of clients */
  unsigned calls;   /* to upstreams, that wait or are under way */
} gateway_count;

/* Starts one: a file of Lua returns a function that gets tidegate.testing and opens what it likes with it. Its app must
   be at "app.test". NULL where it could not start; the log says why. */
tg_runtime *gateway_open(const char *path);

/* Closes what its script has opened, and frees; as tg_runtime_free. */
bool gateway_close(tg_runtime *gateway);

/* Connects a client; NULL where that could not be. */
tg_stream *gateway_connect(tg_runtime *gateway);

/* What is open now. */
gateway_count gateway_count_open(tg_runtime *gateway);

/* Turns until no task, client and call is left, for so many turns at most; is none left? */
bool gateway_settle(tg_runtime *gateway, unsigned turns_max);

#endif
