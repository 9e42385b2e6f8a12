#include "bind/raise.h"

#include <stdarg.h>
#include <stdlib.h>

/* Tidegate's own modules and C functions have names that begin with "=", the files of users do not. */
bool tg_push_place(lua_State *L, lua_State *of) {
  lua_Debug info;
  for (int level = 0; lua_getstack(of, level, &info) != 0; level++) {
    lua_getinfo(of, "Sl", &info);
    if (info.source[0] == '=' || info.currentline <= 0) continue;
    lua_pushfstring(L, "%s:%d", info.short_src, info.currentline);
    return true;
  }
  return false;
}

static const char LOST_PLACE[] = "tidegate.lost_place"; /* in the registry: the function of tg_set_lost_place */

void tg_set_lost_place(lua_State *L) {
  lua_setfield(L, LUA_REGISTRYINDEX, LOST_PLACE);
}

bool tg_push_any_place(lua_State *L) {
  if (tg_push_place(L, L)) return true;
  lua_getfield(L, LUA_REGISTRYINDEX, LOST_PLACE);
  if (lua_isfunction(L, -1) && lua_pcall(L, 0, 1, 0) == 0 && lua_isstring(L, -1)) return true;
  lua_pop(L, 1);
  return false;
}

/* Puts the place before the message on the top of the stack. [-1, +1, m] */
static void add_place(lua_State *L) {
  int message = lua_gettop(L);
  if (tg_push_any_place(L)) {
    lua_pushliteral(L, ": ");
    lua_pushvalue(L, message);
    lua_concat(L, 3);
    lua_replace(L, message);
  }
}

void tg_raise(lua_State *L, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  lua_pushvfstring(L, format, arguments);
  va_end(arguments);
  add_place(L);
  lua_error(L);
  abort(); /* lua_error does not return, which its declaration does not say */
}

static const char VALUE_RAISER[] = "tidegate.value_raiser"; /* in the registry: the function of tg_set_value_raiser */

void tg_set_value_raiser(lua_State *L) {
  lua_setfield(L, LUA_REGISTRYINDEX, VALUE_RAISER);
}

void tg_raise_value(lua_State *L, int index, const char *format, ...) {
  va_list arguments;
  if (index < 0 && index > LUA_REGISTRYINDEX) index += lua_gettop(L) + 1;
  lua_getfield(L, LUA_REGISTRYINDEX, VALUE_RAISER);
  va_start(arguments, format);
  lua_pushvfstring(L, format, arguments);
  va_end(arguments);
  lua_pushvalue(L, -1);
  add_place(L); /* stack: function, message, message with its place */
  lua_insert(L, -2);
  lua_pushvalue(L, index);
  lua_call(L, 3, 0);
  abort(); /* the function raises */
}
