#include "gateway.h"
#include "bind/log.h"
#include "io/local.h"

static int set_up(lua_State *L) {
  static const char script[] = "require 'tidegate'\n"
                               "require('tidegate.core').set_virtual(true)\n"
                               "dofile(...)(require 'tidegate.testing')\n";
  const char *path = lua_touserdata(L, 1);
  if (luaL_loadbuffer(L, script, sizeof script - 1, "=set_up") != 0) return lua_error(L);
  lua_pushstring(L, path);
  lua_call(L, 1, 0);
  return 0;
}

tg_runtime *gateway_open(const char *path) {
  tg_runtime *gateway = tg_runtime_new();
  if (gateway == NULL) return NULL;
  if (lua_cpcall(gateway->L, set_up, (void *)path) == 0) return gateway;
  const char *message = lua_tostring(gateway->L, -1);
  tg_log_write("error", tg_text_of(message != NULL ? message : "the set-up has failed"));
  tg_runtime_free(gateway);
  return NULL;
}

/* Calls a function of one of Tidegate's modules. [-0, +1, v] */
static void call_module(lua_State *L, const char *module, const char *function) {
  lua_getglobal(L, "require");
  lua_pushstring(L, module);
  lua_call(L, 1, 1);
  lua_getfield(L, -1, function);
  lua_call(L, 0, 1);
}

static int close_testing(lua_State *L) {
  call_module(L, "tidegate.testing", "close");
  return 0;
}

bool gateway_close(tg_runtime *gateway) {
  lua_cpcall(gateway->L, close_testing, NULL);
  return tg_runtime_free(gateway);
}

tg_stream *gateway_connect(tg_runtime *gateway) {
  tg_stream *client;
  tg_local *local = tg_local_find(gateway->loop, "app.test", 80);
  return local != NULL && tg_local_connect(local, &client) == 0 ? client : NULL;
}

static int count_clients(lua_State *L) {
  unsigned *count = lua_touserdata(L, 1);
  call_module(L, "tidegate.core", "connection_count");
  *count = (unsigned)lua_tointeger(L, -1);
  return 0;
}

gateway_count gateway_count_open(tg_runtime *gateway) {
  gateway_count count = {.tasks = gateway->task_count};
  if (lua_cpcall(gateway->L, count_clients, &count.clients) != 0) {
    lua_pop(gateway->L, 1);
    count.clients = 1; /* not known: look again */
  }
  tg_client_statistics upstreams = tg_client_count(gateway->client);
  count.calls = upstreams.waiting + upstreams.connections - upstreams.idle;
  return count;
}

static bool is_settled(tg_runtime *gateway) {
  gateway_count count = gateway_count_open(gateway);
  return count.tasks == 0 && count.clients == 0 && count.calls == 0;
}

bool gateway_settle(tg_runtime *gateway, unsigned turns_max) {
  for (unsigned i = 0; i < turns_max; i++) {
    if (is_settled(gateway)) return true;
    tg_loop_turn(gateway->loop);
  }
  return is_settled(gateway);
}
