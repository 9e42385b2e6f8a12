/* JSON between its text and Lua values. */
#ifndef TG_BIND_JSON_H
#define TG_BIND_JSON_H

#include <lua.h>

/* The upvalues of the functions, behind the runtime: the metatables by which a table says what it is; the key of what a
   map of multimap.lua holds, and in that, of what it shows; of the name in a metatable; and what each of the functions
   works with. */
enum {
  TG_JSON_LIST = 2,
  TG_JSON_OBJECT,
  TG_JSON_RAW,
  TG_JSON_HELD,
  TG_JSON_SHOWN,
  TG_JSON_NAME,
  TG_JSON_WORK,
  TG_JSON_UPVALUES = TG_JSON_WORK
};

/* encode(value) → text; or nil and what is wrong, with the place of it: " at a.b.3: it is a function" */
int tg_json_encode(lua_State *L);

/* respond(exchange, value, below) → true: a small object whose text has fewer bytes than that was sent as the answer of
   an exchange, status 200, and never became a string; otherwise what encode returns, and nothing was sent */
int tg_json_respond(lua_State *L);

/* decode(text) → true, value; or false and what is wrong, with its line and column */
int tg_json_decode(lua_State *L);

/* What the collection of what they work with calls. */
int tg_json_encode_gc(lua_State *L);
int tg_json_decode_gc(lua_State *L);

extern const char tg_json_encode_work[], tg_json_decode_work[]; /* the names of its metatables */

#endif
