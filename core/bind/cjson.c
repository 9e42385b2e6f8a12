#include "bind/cjson.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <stddef.h>

/* lua-cjson's entry; its header is not on every system's include path. */
extern int luaopen_cjson(lua_State *L);

static const double text_bytes_max = 1 << 30; /* its buffer doubles, and must stay below 2 GiB */
static const double escape_max = 6;           /* bytes of text for one of a string */
static const double scalar_max = 32;          /* … for any other value, with the comma behind it */
static const double null_max = 5;

/* --- sizes --- */

static double bound_of(lua_State *L, double bound);

/* The bound with the scalar at `index`, a value or a name. */
static double with_scalar(lua_State *L, int index, double bound) {
  size_t size = 0;
  if (lua_type(L, index) == LUA_TSTRING) lua_tolstring(L, index, &size);
  return bound + (double)size * escape_max + scalar_max;
}

/* The bound with the table on the top. As many places of a list as its greatest key says may be written. */
static double with_table(lua_State *L, double bound) {
  double greatest = 0;
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) {
    double place = lua_type(L, -2) == LUA_TNUMBER ? lua_tonumber(L, -2) : 0;
    if (place > greatest) greatest = place;
    if (place < 1) bound = with_scalar(L, -2, bound);
    bound = bound_of(L, bound);
    lua_pop(L, 1);
    if (bound <= text_bytes_max) continue;
    lua_pop(L, 1);
    return bound;
  }
  return bound + greatest * null_max + scalar_max;
}

/* `bound` and at most how long the text of the value on the top is; not whole where that is too long in any case. The
   recursion is lua-cjson's own: where the stack does not let it in, it raises. [-0, +0, m] */
static double bound_of(lua_State *L, double bound) {
  if (lua_type(L, -1) != LUA_TTABLE) return with_scalar(L, -1, bound);
  return lua_checkstack(L, 3) ? with_table(L, bound) : bound;
}

static int refuse(lua_State *L) {
  return luaL_error(L, "cjson: the text could be longer than 1 GiB, which is more than lua-cjson can hold");
}

/* Calls lua-cjson's function, which is the upvalue, with what the script gave. */
static int pass_on(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

/* encode(value) */
static int encode(lua_State *L) {
  if (lua_gettop(L) == 1 && bound_of(L, 0) > text_bytes_max) return refuse(L);
  return pass_on(L);
}

/* decode(text) */
static int decode(lua_State *L) {
  if (lua_type(L, 1) == LUA_TSTRING && (double)lua_objlen(L, 1) > text_bytes_max) return refuse(L);
  return pass_on(L);
}

/* --- the module --- */

static void put_in_front(lua_State *L, const char *name, lua_CFunction function) {
  lua_getfield(L, -1, name);
  lua_pushcclosure(L, function, 1);
  lua_setfield(L, -2, name);
}

/* new(), with lua-cjson's as its upvalue; the module that it makes is looked after as this one. */
static int new_module(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_call(L, 0, 1);
  put_in_front(L, "encode", encode);
  put_in_front(L, "decode", decode);
  put_in_front(L, "new", new_module);
  return 1;
}

int tg_cjson_open(lua_State *L) {
  lua_pushcfunction(L, luaopen_cjson);
  lua_pushcclosure(L, new_module, 1);
  lua_call(L, 0, 1);
  return 1;
}
