#include "bind/state.h"
#include "bind/cjson.h"
#include "bind/log.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef TG_MALLOC_LUA
/* With malloc the leak checker and the address sanitizer see each of Lua's objects. */
static void *allocate(void *user, void *block, size_t old_size, size_t new_size) {
  (void)user;
  (void)old_size;
  if (new_size > 0) return realloc(block, new_size);
  free(block);
  return NULL;
}

static lua_State *new_state(void) {
  return lua_newstate(allocate, NULL);
}
#else
static lua_State *new_state(void) {
  return luaL_newstate();
}
#endif

/* Memory is out, or one of our own C functions raised outside a protected call: nothing can be saved. */
static int on_panic(lua_State *L) {
  const char *message = lua_tostring(L, -1);
  tg_log_write("fatal", tg_text_of(message != NULL ? message : "an error that is not a string"));
  abort();
}

/* LuaJIT's own seed is the same in every state: processes and threads would draw the same numbers. */
static void seed_random(lua_State *L) {
  uint64_t bits;
  arc4random_buf(&bits, sizeof bits);
  lua_getglobal(L, "math");
  lua_getfield(L, -1, "randomseed");
  lua_pushnumber(L, (lua_Number)(bits >> 11)); /* 53 bits, which a number holds */
  lua_call(L, 1, 0);
  lua_pop(L, 1);
}

static int open_libraries(lua_State *L) {
  luaL_openlibs(L);
  seed_random(L);
  tg_state_preload(L, "cjson", tg_cjson_open, NULL);
  return 0;
}

lua_State *tg_state_new(void) {
  lua_State *L = new_state();
  if (L == NULL) return NULL;
  lua_atpanic(L, on_panic);
  if (lua_cpcall(L, open_libraries, NULL) == 0) return L;
  lua_close(L);
  return NULL;
}

void tg_state_preload(lua_State *L, const char *name, lua_CFunction loader, const void *data) {
  lua_getfield(L, LUA_REGISTRYINDEX, "_PRELOAD");
  lua_pushlightuserdata(L, (void *)data);
  lua_pushcclosure(L, loader, 1); /* stack: preloads, loader */
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
}

int tg_state_open_embedded(lua_State *L) {
  const struct tg_embedded_module *module = lua_touserdata(L, lua_upvalueindex(1));
  char chunk[128];
  snprintf(chunk, sizeof chunk, "=%s", module->name);
  if (luaL_loadbuffer(L, module->source, module->size, chunk) != 0) return lua_error(L);
  lua_pushstring(L, module->name);
  lua_call(L, 1, 1);
  return 1;
}
