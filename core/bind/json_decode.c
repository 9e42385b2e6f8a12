/* Lua values from JSON. yyjson has read the whole text when the first value is made; the values lie in a row, and are
   gone through without recursion: the tables that are not finished stand on the Lua stack. */
#include "bind/json.h"
#include "bind/runtime.h"
#include "proto/json_reader.h"

const char tg_json_decode_work[] = "tidegate.json.decode";

/* Documents of short texts lie on the C stack. */
enum { POOL_BYTES = 8192, POOL_TEXT_BYTES_MAX = 600 };

typedef struct work {
  yyjson_doc *document; /* while it is gone through; Lua may raise then */
} work;

int tg_json_decode_gc(lua_State *L) {
  work *is = lua_touserdata(L, 1);
  yyjson_doc_free(is->document);
  is->document = NULL;
  return 0;
}

/* --- values --- */

typedef struct frame {
  uint32_t left; /* items that have no value yet */
  int position;  /* of the last one, in a list; -1 in an object */
} frame;

/* Minus zero is a signed integer that is zero. */
static double number_of(yyjson_val *value) {
  int64_t integer = unsafe_yyjson_get_sint(value);
  switch (unsafe_yyjson_get_subtype(value)) {
    case YYJSON_SUBTYPE_UINT:
      return (double)unsafe_yyjson_get_uint(value);
    case YYJSON_SUBTYPE_SINT:
      return integer != 0 ? (double)integer : -0.0;
    default:
      return unsafe_yyjson_get_real(value);
  }
}

static void push_string(lua_State *L, yyjson_val *value) {
  lua_pushlstring(L, unsafe_yyjson_get_str(value), unsafe_yyjson_get_len(value));
}

/* Pushes a value; a list or an object without its items. [-0, +1, m] */
static void push_value(lua_State *L, yyjson_val *value) {
  int length;
  switch (unsafe_yyjson_get_type(value)) {
    case YYJSON_TYPE_STR:
      push_string(L, value);
      break;
    case YYJSON_TYPE_NUM:
      lua_pushnumber(L, number_of(value));
      break;
    case YYJSON_TYPE_BOOL:
      lua_pushboolean(L, unsafe_yyjson_get_bool(value));
      break;
    case YYJSON_TYPE_NULL:
      lua_pushlightuserdata(L, NULL);
      break;
    default:
      length = (int)unsafe_yyjson_get_len(value);
      if (unsafe_yyjson_is_arr(value)) {
        lua_createtable(L, length, 0);
        lua_pushvalue(L, lua_upvalueindex(TG_JSON_LIST));
      } else {
        lua_createtable(L, 0, length);
        lua_pushvalue(L, lua_upvalueindex(TG_JSON_OBJECT));
      }
      lua_setmetatable(L, -2);
  }
}

/* Puts the value on the top, below which are its table and, in an object, its name, where it belongs. */
static void set_value(lua_State *L, frame *in) {
  if (in->position < 0) lua_rawset(L, -3);
  else lua_rawseti(L, -2, ++in->position);
  in->left--;
}

/* Pushes a document's value; false, with anything pushed, where it is nested too deep. [-0, +?, m] */
static bool push_document(lua_State *L, yyjson_doc *document) {
  frame frames[TG_JSON_DEPTH_MAX];
  int depth = 0;
  for (yyjson_val *value = yyjson_doc_get_root(document);; value++) {
    if (depth > 0 && frames[depth - 1].position < 0) push_string(L, value++);
    push_value(L, value);
    if (unsafe_yyjson_is_ctn(value)) {
      if (depth == TG_JSON_DEPTH_MAX) return false;
      bool is_list = unsafe_yyjson_is_arr(value);
      frames[depth++] = (frame){(uint32_t)unsafe_yyjson_get_len(value), is_list ? 0 : -1};
      luaL_checkstack(L, LUA_MINSTACK, "JSON");
    } else if (depth > 0) {
      set_value(L, &frames[depth - 1]);
    }
    while (depth > 0 && frames[depth - 1].left == 0) {
      if (--depth > 0) set_value(L, &frames[depth - 1]);
    }
    if (depth == 0) return true;
  }
}

/* --- decode --- */

static int fail(lua_State *L, const char *message) {
  lua_pushboolean(L, false);
  lua_pushstring(L, message);
  return 2;
}

/* What is left of the stack is not needed: the text at 1, what was pushed of the value, its top the value. */
static int finish(lua_State *L, bool fine) {
  char message[TG_JSON_MESSAGE_SIZE];
  if (!fine) {
    tg_json_tell_depth(tg_check_text(L, 1), message);
    return fail(L, message);
  }
  lua_pushboolean(L, true);
  lua_insert(L, -2);
  return 2;
}

/* Takes what is worked with out of its upvalue, or makes it, and leaves it on the stack. [-0, +1, m] */
static work *take_work(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(TG_JSON_WORK));
  work *is = lua_touserdata(L, -1);
  if (is != NULL) {
    lua_pushnil(L);
    lua_replace(L, lua_upvalueindex(TG_JSON_WORK));
    return is;
  }
  lua_pop(L, 1);
  is = lua_newuserdata(L, sizeof *is);
  *is = (work){NULL};
  luaL_getmetatable(L, tg_json_decode_work);
  lua_setmetatable(L, -2);
  return is;
}

static int decode_long(lua_State *L, tg_text text) {
  char message[TG_JSON_MESSAGE_SIZE];
  work *is = take_work(L); /* at 2 */
  tg_json_result result = tg_json_read(text, NULL, &is->document, message);
  bool fine = result == TG_JSON_READ && push_document(L, is->document);
  yyjson_doc_free(is->document);
  is->document = NULL;
  lua_pushvalue(L, 2);
  lua_replace(L, lua_upvalueindex(TG_JSON_WORK));
  if (result == TG_JSON_NO_MEMORY) return luaL_error(L, "not enough memory");
  if (result == TG_JSON_WRONG) return fail(L, message);
  return finish(L, fine);
}

static int decode_short(lua_State *L, tg_text text) {
  char pool[POOL_BYTES], message[TG_JSON_MESSAGE_SIZE];
  yyjson_alc memory;
  yyjson_doc *document;
  yyjson_alc_pool_init(&memory, pool, sizeof pool);
  tg_json_result result = tg_json_read(text, &memory, &document, message);
  if (result == TG_JSON_NO_MEMORY) return decode_long(L, text); /* "[[[[" takes more than a document of its size */
  if (result == TG_JSON_WRONG) return fail(L, message);
  return finish(L, push_document(L, document));
}

int tg_json_decode(lua_State *L) {
  lua_settop(L, 1);
  if (lua_type(L, 1) != LUA_TSTRING) {
    lua_pushboolean(L, false);
    lua_pushfstring(L, "a string is expected, not %s%s", lua_isnil(L, 1) ? "" : "a ", luaL_typename(L, 1));
    return 2;
  }
  tg_text text = tg_check_text(L, 1);
  return text.size <= POOL_TEXT_BYTES_MAX ? decode_short(L, text) : decode_long(L, text);
}
