#include "bind/fields.h"
#include "bind/raise.h"
#include "proto/http1_writer.h"
#include "proto/number.h"

#include <stdint.h>

static bool is_one_of(tg_text name, const tg_text *names, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (tg_text_equal_nocase(name, names[i])) return true;
  }
  return false;
}

#define NAME(literal)                                                                                                  \
  { literal, sizeof(literal) - 1 }

/* Flags like those of the header. LEFT_OUT: it belongs to the connection and not to the message, or follows from the
   body. */
enum { CONNECTION = TG_FIELD_TRANSFER_ENCODING << 1, LEFT_OUT = TG_FIELD_TRANSFER_ENCODING << 2 };

static unsigned flags_of(tg_text name) {
  static const struct {
    tg_text name;
    unsigned flags;
  } known[] = {
      {NAME("Host"), TG_FIELD_HOST},
      {NAME("User-Agent"), TG_FIELD_USER_AGENT},
      {NAME("Content-Type"), TG_FIELD_CONTENT_TYPE},
      {NAME("Date"), TG_FIELD_DATE},
      {NAME("Connection"), CONNECTION | LEFT_OUT},
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
  if (value.size == 0) tg_raise(L, "header %s: NaN and the infinities cannot be sent", name.data);
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
  if (!tg_text_is_field_value(value)) tg_raise(L, "header %s: CR, LF or NUL in its value", name.data);
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

/* --- what the Connection field names (RFC 9110 section 7.6.1) --- */

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

/* Is the name in the list that is a string on the top of the stack? */
static bool is_listed(lua_State *L, tg_text name) {
  tg_text list = {NULL, 0}, element;
  if (lua_type(L, -1) == LUA_TSTRING) list.data = lua_tolstring(L, -1, &list.size);
  while (tg_text_next_element(&list, &element)) {
    if (tg_text_equal_nocase(element, name)) return true;
  }
  return false;
}

/* What a peer cannot take from a message by naming it: whom it is for, how long it is, who it comes from. */
static bool is_protected(tg_text name) {
  static const tg_text names[] = {NAME("Host"), NAME("Content-Length"), NAME("Cookie"), NAME("Authorization")};
  tg_text forwarded = TG_TEXT("X-Forwarded-");
  if (is_one_of(name, names, sizeof names / sizeof names[0])) return true;
  return name.size > forwarded.size && tg_text_equal_nocase((tg_text){name.data, forwarded.size}, forwarded);
}

/* Does the value of Connection at `connection`, a text or a list of them, name the field? [-0, +0, -] */
static bool is_named(lua_State *L, int connection, tg_text name) {
  bool found = false;
  if (lua_isnil(L, connection) || is_protected(name)) return false;
  if (!lua_istable(L, connection)) {
    lua_pushvalue(L, connection);
    found = is_listed(L, name);
    lua_pop(L, 1);
    return found;
  }
  int count = (int)lua_objlen(L, connection);
  for (int i = 1; i <= count && !found; i++) {
    lua_rawgeti(L, connection, i);
    found = is_listed(L, name);
    lua_pop(L, 1);
  }
  return found;
}

/* --- one name, one field --- */

/* A bit for a name, the same in every case. Few names of one message share one. */
static uint64_t bit_of(tg_text name) {
  if (name.size == 0) return 0;
  unsigned first = (unsigned char)name.data[0] | 0x20u, last = (unsigned char)name.data[name.size - 1] | 0x20u;
  return UINT64_C(1) << (name.size * 31 + first * 7 + last) % 64;
}

/* Raises where the table has the name a second time in another case. [-0, +0, v] */
static void check_spelling(lua_State *L, int index, tg_text name) {
  unsigned count = 0;
  lua_pushnil(L);
  while (lua_next(L, index) != 0) {
    if (tg_text_equal_nocase(name, key_at(L, -2))) count++;
    lua_pop(L, 1);
  }
  if (count > 1) tg_raise(L, "header %s: it is there in two spellings; a list sends several values", name.data);
}

/* One pass over the table. Where `connection` is not 0, it is the index of the value of the Connection field, and what
   that names is left out. [-0, +0, v] */
static unsigned append_fields(lua_State *L, int index, tg_buffer *buffer, int connection) {
  unsigned seen = 0;
  uint64_t bits = 0;
  lua_pushnil(L);
  while (lua_next(L, index) != 0) { /* stack: name, value */
    tg_text name = {"?", 0};
    if (lua_type(L, -2) == LUA_TSTRING) name.data = lua_tolstring(L, -2, &name.size);
    if (!tg_text_is_token(name)) {
      tg_raise(L, "a header's name must be a token of RFC 9110, and \"%s\" is none", name.data);
    }
    uint64_t bit = bit_of(name);
    if ((bits & bit) != 0) check_spelling(L, index, name);
    bits |= bit;
    unsigned flags = flags_of(name);
    bool is_dropped = (flags & LEFT_OUT) != 0 || (connection != 0 && is_named(L, connection, name));
    if (!is_dropped) append_values(L, name, buffer);
    seen |= flags & ~(unsigned)LEFT_OUT;
    lua_pop(L, 1);
  }
  return seen;
}

/* Few tables have a Connection field: that there is one shows when all is written, which then is written once more. */
unsigned tg_fields_append(lua_State *L, int index, tg_buffer *buffer) {
  if (lua_isnoneornil(L, index)) return 0;
  luaL_checktype(L, index, LUA_TTABLE);
  size_t before = tg_buffer_size(buffer);
  unsigned seen = append_fields(L, index, buffer, 0);
  if ((seen & CONNECTION) == 0) return seen;
  buffer->end -= tg_buffer_size(buffer) - before;
  tg_fields_push(L, index, TG_TEXT("Connection"));
  append_fields(L, index, buffer, lua_gettop(L));
  lua_pop(L, 1);
  return seen & ~(unsigned)CONNECTION;
}
