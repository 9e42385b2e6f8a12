#include "bind/fields.h"
#include "bind/raise.h"
#include "proto/connection_names.h"
#include "proto/http1_writer.h"
#include "proto/number.h"

#include <stdint.h>

#define NAME(literal)                                                                                                  \
  { literal, sizeof(literal) - 1 }

/* A flag like those of the header: it belongs to the connection and not to the message, or follows from the body. */
enum { LEFT_OUT = TG_FIELD_TRANSFER_ENCODING << 1 };

static unsigned flags_of(tg_text name) {
  static const struct {
    tg_text name;
    unsigned flags;
  } known[] = {
      {NAME("Host"), TG_FIELD_HOST},
      {NAME("User-Agent"), TG_FIELD_USER_AGENT},
      {NAME("Content-Type"), TG_FIELD_CONTENT_TYPE},
      {NAME("Date"), TG_FIELD_DATE},
      {NAME("Connection"), LEFT_OUT},
      {NAME("Keep-Alive"), LEFT_OUT},
      {NAME("Proxy-Connection"), LEFT_OUT},
      {NAME("Transfer-Encoding"), TG_FIELD_TRANSFER_ENCODING | LEFT_OUT},
      {NAME("TE"), LEFT_OUT},
      {NAME("Trailer"), LEFT_OUT},
      {NAME("Upgrade"), LEFT_OUT},
      {NAME("Content-Length"), TG_FIELD_CONTENT_LENGTH | LEFT_OUT},
  };
  for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
    if (tg_text_equal_nocase(name, known[i].name)) return known[i].flags;
  }
  return 0;
}

static void append_number(lua_State *L, tg_text name, tg_buffer *buffer) {
  char text[TG_NUMBER_SIZE];
  tg_text value = {text, tg_number_write(lua_tonumber(L, -1), text)};
  if (value.size == 0) tg_raise_value(L, -1, "header %s: NaN and the infinities cannot be sent", name.data);
  tg_http1_write_field(buffer, name, value);
}

/* The value on the top of the stack as text. */
static void append_value(lua_State *L, tg_text name, tg_buffer *buffer) {
  int kind = lua_type(L, -1);
  if (kind == LUA_TNUMBER) {
    append_number(L, name, buffer);
    return;
  }
  if (kind != LUA_TSTRING) {
    tg_raise(L, "header %s: a value must be a string or a number, not a %s", name.data, luaL_typename(L, -1));
  }
  tg_text value;
  value.data = lua_tolstring(L, -1, &value.size);
  if (!tg_text_is_field_value(value)) {
    tg_raise_value(L, -1, "header %s: its value has a CR, LF or NUL", name.data);
  }
  tg_http1_write_field(buffer, name, value);
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

/* The key of a lua_next at `index`; "" where it is no text. [-0, +0, -] */
static tg_text key_at(lua_State *L, int index) {
  tg_text key = TG_TEXT("");
  if (lua_type(L, index) == LUA_TSTRING) key.data = lua_tolstring(L, index, &key.size);
  return key;
}

void tg_fields_push(lua_State *L, int index, tg_text wanted) {
  lua_pushnil(L);
  while (lua_next(L, index) != 0) { /* stack: name, value */
    if (tg_text_equal_nocase(key_at(L, -2), wanted)) {
      lua_remove(L, -2);
      return;
    }
    lua_pop(L, 1);
  }
  lua_pushnil(L);
}

static void push_text(lua_State *L, tg_text text) {
  lua_pushlstring(L, text.size > 0 ? text.data : "", text.size);
}

void tg_fields_push_value(lua_State *L, const tg_head *head, tg_text name) {
  const tg_field *first = tg_head_find(head, name, NULL);
  const tg_field *next = first != NULL ? tg_head_find(head, name, first) : NULL;
  if (first == NULL) lua_pushnil(L);
  else if (next == NULL) push_text(L, first->value);
  if (next == NULL) return;
  luaL_Buffer buffer; /* joined once: many short ones would be copied again and again */
  luaL_buffinit(L, &buffer);
  luaL_addlstring(&buffer, first->value.data, first->value.size);
  for (; next != NULL; next = tg_head_find(head, name, next)) {
    luaL_addlstring(&buffer, ", ", 2);
    luaL_addlstring(&buffer, next->value.data, next->value.size);
  }
  luaL_pushresult(&buffer);
}

/* --- one name, one field --- */

/* A bit for a name, the same in every case. Few names of one message share one. */
static uint64_t bit_of(tg_text name) {
  if (name.size == 0) return 0;
  unsigned first = (unsigned char)name.data[0] | 0x20u, last = (unsigned char)name.data[name.size - 1] | 0x20u;
  return UINT64_C(1) << (name.size * 31 + first * 7 + last) % 64;
}

static void push_lower(lua_State *L, tg_text text) {
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  for (size_t i = 0; i < text.size; i++) {
    char c = text.data[i];
    luaL_addchar(&buffer, c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
  }
  luaL_pushresult(&buffer);
}

/* Raises where a name is there a second time in another case. In time that grows with the number of names: whoever
   chooses names may choose such as share their bits. [-0, +0, v] */
static void check_spellings(lua_State *L, int index) {
  luaL_checkstack(L, 4, "too many values");
  lua_newtable(L); /* stack: {[name in lower case] = true} */
  lua_pushnil(L);
  while (lua_next(L, index) != 0) { /* stack: set, name, value */
    tg_text name = key_at(L, -2);
    lua_pop(L, 1);
    push_lower(L, name);
    lua_pushvalue(L, -1);
    lua_rawget(L, -4); /* stack: set, name, lower, nil or true */
    if (!lua_isnil(L, -1)) {
      tg_raise(L, "header %s is given in two spellings; use a list to send several values", name.data);
    }
    lua_pop(L, 1);
    lua_pushboolean(L, 1);
    lua_rawset(L, -4);
  }
  lua_pop(L, 1);
}

unsigned tg_fields_append(lua_State *L, int index, tg_buffer *buffer) {
  unsigned seen = 0;
  uint64_t bits = 0;
  bool shared = false; /* two names have one bit */
  if (lua_isnoneornil(L, index)) return 0;
  luaL_checktype(L, index, LUA_TTABLE);
  lua_pushnil(L);
  while (lua_next(L, index) != 0) { /* stack: name, value */
    tg_text name = {"?", 0};
    if (lua_type(L, -2) == LUA_TSTRING) name.data = lua_tolstring(L, -2, &name.size);
    if (!tg_text_is_token(name)) {
      tg_raise_value(L, -2, "a header's name must be a token, like X-Name, and \"%s\" is not", name.data);
    }
    uint64_t bit = bit_of(name);
    shared = shared || (bits & bit) != 0;
    bits |= bit;
    unsigned flags = flags_of(name);
    if ((flags & LEFT_OUT) == 0) append_values(L, name, buffer);
    seen |= flags & ~(unsigned)LEFT_OUT;
    lua_pop(L, 1);
  }
  if (shared) check_spellings(L, index);
  return seen;
}

/* --- what a message's own Connection field names --- */

enum { FLAT_MAX = 1 << 24 };

/* Pushes {[name in lower case] = true} of the fields that are marked. */
static void push_marked(lua_State *L, const tg_field *fields, unsigned count, const bool *marked) {
  lua_newtable(L);
  for (unsigned i = 0; i < count; i++) {
    if (!marked[i]) continue;
    push_lower(L, fields[i].name);
    lua_pushboolean(L, 1);
    lua_rawset(L, -3);
  }
}

/* core.connection_names({name, value, name, value, …}) → {[name in lower case] = true} of the fields that end here, as
   tg_connection_names has it; nil where there is none */
static int connection_names(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  size_t size = lua_objlen(L, 1);
  if (size > FLAT_MAX) tg_raise(L, "too many fields");
  unsigned count = (unsigned)size / 2;
  tg_field *fields = lua_newuserdata(L, (count + 1) * (sizeof(tg_field) + sizeof(tg_field *) + sizeof(bool)));
  const tg_field **order = (const tg_field **)(fields + count);
  bool *marked = (bool *)(order + count);
  for (unsigned i = 0; i < count; i++) { /* the table keeps the texts */
    lua_rawgeti(L, 1, (int)i * 2 + 1);
    lua_rawgeti(L, 1, (int)i * 2 + 2);
    fields[i] = (tg_field){tg_check_text(L, -2), tg_check_text(L, -1)};
    lua_pop(L, 2);
  }
  if (tg_connection_names(fields, count, order, marked) == 0) return 0;
  push_marked(L, fields, count, marked);
  return 1;
}

const luaL_Reg tg_fields_functions[] = {
    {"connection_names", connection_names},
    {NULL, NULL},
};
