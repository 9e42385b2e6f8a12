#include "bind/fields.h"
#include "bind/raise.h"
#include "proto/http1_writer.h"

static bool is_one_of(tg_text name, const tg_text *names, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (tg_text_equal_nocase(name, names[i])) return true;
  }
  return false;
}

#define NAME(literal)                                                                                                  \
  { literal, sizeof(literal) - 1 }

/* What belongs to the connection and not to the message, and what follows from the body. */
static bool is_left_out(tg_text name) {
  static const tg_text names[] = {
      NAME("Connection"), NAME("Keep-Alive"), NAME("Proxy-Connection"), NAME("Transfer-Encoding"),
      NAME("TE"),         NAME("Trailer"),    NAME("Upgrade"),          NAME("Content-Length"),
  };
  return is_one_of(name, names, sizeof names / sizeof names[0]);
}

static unsigned flag_of(tg_text name) {
  static const tg_text names[] = {
      NAME("Host"),
      NAME("User-Agent"),
      NAME("Content-Type"),
      NAME("Date"),
  };
  for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (tg_text_equal_nocase(name, names[i])) return 1u << i;
  }
  return 0;
}

/* The value on the top of the stack as text. */
static void append_value(lua_State *L, tg_text name, tg_buffer *buffer) {
  if (!lua_isstring(L, -1)) {
    tg_raise(L, "header %s: a value must be a string or a number, not a %s", name.data, luaL_typename(L, -1));
  }
  tg_text value;
  lua_pushvalue(L, -1); /* lua_tolstring would turn a number in the table into a string */
  value.data = lua_tolstring(L, -1, &value.size);
  if (!tg_text_is_field_value(value)) tg_raise(L, "header %s: CR, LF or NUL in its value", name.data);
  tg_http1_write_field(buffer, name, value);
  lua_pop(L, 1);
}

static void append_values(lua_State *L, tg_text name, tg_buffer *buffer) {
  if (!lua_istable(L, -1)) {
    append_value(L, name, buffer);
    return;
  }
  int count = (int)lua_objlen(L, -1);
  for (int i = 1; i <= count; i++) {
    lua_rawgeti(L, -1, i);
    append_value(L, name, buffer);
    lua_pop(L, 1);
  }
}

unsigned tg_fields_append(lua_State *L, int index, tg_buffer *buffer) {
  unsigned seen = 0;
  if (lua_isnoneornil(L, index)) return 0;
  luaL_checktype(L, index, LUA_TTABLE);
  lua_pushnil(L);
  while (lua_next(L, index) != 0) { /* stack: name, value */
    tg_text name = {NULL, 0};
    if (lua_type(L, -2) == LUA_TSTRING) name.data = lua_tolstring(L, -2, &name.size);
    if (!tg_text_is_token(name)) {
      tg_raise(L, "a header's name must be a token of RFC 9110, and \"%s\" is none", name.data ? name.data : "?");
    }
    if (!is_left_out(name)) append_values(L, name, buffer);
    seen |= flag_of(name);
    lua_pop(L, 1);
  }
  return seen;
}
