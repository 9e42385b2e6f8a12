/* What is open besides tasks, for the test runner: nothing of it may outlive a test. */
#include "bind/runtime.h"
#include "io/dial.h"
#include "io/local.h"

static void set_count(lua_State *L, const char *name, unsigned count) {
  lua_pushnumber(L, count);
  lua_setfield(L, -2, name);
}

static unsigned count_list(const tg_list *list) {
  unsigned count = 0;
  for (const tg_list *node = list->next; node != list; node = node->next) count++;
  return count;
}

/* core.handles() → {streams, servers, listeners, blocking}: scripts' streams, servers, listeners in memory, and blocking
   calls that run or wait for a thread */
static int handles(lua_State *L) {
  const tg_runtime *runtime = tg_runtime_of(L);
  tg_thread_statistics threads = {0};
  if (runtime->threads != NULL) threads = tg_thread_pool_count(runtime->threads);
  lua_createtable(L, 0, 4);
  set_count(L, "streams", runtime->stream_count);
  set_count(L, "servers", count_list(&runtime->servers));
  set_count(L, "listeners", tg_local_count(runtime->loop));
  set_count(L, "blocking", threads.running + threads.queued);
  return 1;
}

/* core.own_references() → {[key] = true, …}: what the runtime itself keeps in the registry */
static int own_references(lua_State *L) {
  const tg_runtime *runtime = tg_runtime_of(L);
  const int references[] = {runtime->kept_ref, runtime->traceback_ref, runtime->memory_error_ref, runtime->push_ref,
                            runtime->get_ref};
  lua_newtable(L);
  for (size_t i = 0; i < sizeof references / sizeof references[0]; i++) {
    lua_pushboolean(L, 1);
    lua_rawseti(L, -2, references[i]);
  }
  return 1;
}

/* core.close_idle_connections(): those of the client that are kept for a next call */
static int close_idle_connections(lua_State *L) {
  tg_client_close_idle(tg_runtime_of(L)->client);
  return 0;
}

/* core.isolate(boolean): nothing outside the process can be connected to; or it can again */
static int isolate(lua_State *L) {
  tg_dial_isolate(tg_runtime_of(L)->loop, lua_toboolean(L, 1));
  return 0;
}

/* core.refused() → host and port of the first connection that core.isolate has kept from being made; nil for none */
static int refused(lua_State *L) {
  unsigned port;
  const char *host = tg_dial_refused(tg_runtime_of(L)->loop, &port);
  if (host == NULL) return 0;
  lua_pushstring(L, host);
  lua_pushnumber(L, port);
  return 2;
}

const luaL_Reg tg_handles_functions[] = {
    {"handles", handles},
    {"own_references", own_references},
    {"close_idle_connections", close_idle_connections},
    {"isolate", isolate},
    {"refused", refused},
    {NULL, NULL},
};
