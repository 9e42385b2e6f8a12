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

void tg_raise(lua_State *L, const char *format, ...) {
  va_list arguments;
  int top = lua_gettop(L);
  if (tg_push_place(L, L)) lua_pushliteral(L, ": ");
  va_start(arguments, format);
  lua_pushvfstring(L, format, arguments);
  va_end(arguments);
  lua_concat(L, lua_gettop(L) - top);
  lua_error(L);
  abort(); /* lua_error does not return, which its declaration does not say */
}
