#include "bind/raise.h"

#include <stdarg.h>
#include <stdlib.h>

/* Tidegate's own modules and C functions have names that begin with "=", the files of users do not. */
void tg_push_place(lua_State *L) {
  lua_Debug info;
  for (int level = 0; lua_getstack(L, level, &info) != 0; level++) {
    lua_getinfo(L, "Sl", &info);
    if (info.source[0] == '=' || info.currentline <= 0) continue;
    lua_pushfstring(L, "%s:%d: ", info.short_src, info.currentline);
    return;
  }
  lua_pushliteral(L, "");
}

void tg_raise(lua_State *L, const char *format, ...) {
  va_list arguments;
  tg_push_place(L);
  va_start(arguments, format);
  lua_pushvfstring(L, format, arguments);
  va_end(arguments);
  lua_concat(L, 2);
  lua_error(L);
  abort(); /* lua_error does not return, which its declaration does not say */
}
