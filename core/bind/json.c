#include "bind/json.h"
#include "bind/runtime.h"
#include "proto/utf8.h"

enum { GIVEN = TG_JSON_NAME - 1 };

static void push_function(lua_State *L, lua_CFunction function) {
  lua_pushvalue(L, lua_upvalueindex(1));
  for (int given = 1; given <= GIVEN; given++) lua_pushvalue(L, given);
  lua_pushnil(L);
  lua_pushcclosure(L, function, TG_JSON_UPVALUES);
}

/* core.json_functions(list, object, raw, held, shown, name) → encode, decode, respond: with the metatables of tables that
   are lists or objects whatever is in them, and of those whose item 1 is JSON already. What is decoded has one of the
   first two. A table with a metatable and something at `held` is what that has at `shown`; a metatable has its own name
   at `name`. */
static int json_functions(lua_State *L) {
  for (int given = 1; given <= 4; given++) luaL_checktype(L, given, LUA_TTABLE);
  for (int given = 5; given <= GIVEN; given++) luaL_checktype(L, given, LUA_TSTRING);
  push_function(L, tg_json_encode);
  push_function(L, tg_json_decode);
  push_function(L, tg_json_respond);
  return 3;
}

/* core.utf8_repaired(text) → the text, with U+FFFD in place of each byte that is not UTF-8 */
static int utf8_repaired(lua_State *L) {
  tg_text text = tg_check_text(L, 1);
  lua_settop(L, 1);
  if (tg_utf8_is_valid(text)) return 1;
  char *repaired = lua_newuserdata(L, text.size * 3);
  lua_pushlstring(L, repaired, tg_utf8_repair(text, repaired));
  return 1;
}

const luaL_Reg tg_json_functions[] = {
    {"utf8_repaired", utf8_repaired},
    {"json_functions", json_functions},
    {NULL, NULL},
};

const luaL_Reg tg_json_metatables[] = {
    {tg_json_encode_work, tg_json_encode_gc},
    {tg_json_decode_work, tg_json_decode_gc},
    {NULL, NULL},
};
