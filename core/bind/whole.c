#include "bind/whole.h"
#include "bind/raise.h"

#include <lauxlib.h>
#include <stdbool.h>

static _Noreturn void refuse(lua_State *L, int index, lua_Number least, lua_Number most, const char *what) {
  int type = lua_type(L, index);
  if (type == LUA_TNUMBER) lua_pushfstring(L, "%f", lua_tonumber(L, index));
  else if (type == LUA_TSTRING) lua_pushfstring(L, "the text \"%s\"", lua_tostring(L, index));
  else lua_pushstring(L, type == LUA_TNONE ? "nil" : lua_typename(L, type));
  tg_raise(L, "%s must be a whole number from %f to %f, not %s", what, least, most, lua_tostring(L, -1));
}

uint64_t tg_check_whole(lua_State *L, int index, lua_Number least, lua_Number most, const char *what) {
  lua_Number number = lua_tonumber(L, index);
  bool is_within = number >= least && number <= most; /* NaN is not */
  bool is_whole = is_within && number == (lua_Number)(int64_t)number;
  if (!is_whole || (number == 0 && !lua_isnumber(L, index))) refuse(L, index, least, most, what);
  return (uint64_t)number;
}

uint64_t tg_opt_whole(lua_State *L, int index, uint64_t otherwise, lua_Number most, const char *what) {
  return lua_isnoneornil(L, index) ? otherwise : tg_check_whole(L, index, 0, most, what);
}

unsigned tg_check_port(lua_State *L, int index) {
  return (unsigned)tg_check_whole(L, index, 0, UINT16_MAX, "the port");
}
