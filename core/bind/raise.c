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

void tg_raise(lua_State *L, const char *format, ...) {
  va_list arguments;
  int top = lua_gettop(L);
  if (tg_push_any_place(L)) lua_pushliteral(L, ": ");
  va_start(arguments, format);
  lua_pushvfstring(L, format, arguments);
  va_end(arguments);
  lua_concat(L, lua_gettop(L) - top);
  lua_error(L);
  abort(); /* lua_error does not return, which its declaration does not say */
}
