/* JSON from Lua values. No object of Lua's is made before the text is whole, so that no finalizer of a script runs in
   between and the values stay as they are. An object is gone through once: its members, taken down, are put in order and
   written; tables among them wait in a table of ours. Nothing recurses. */
#include "bind/json.h"
#include "bind/request.h"
#include "bind/runtime.h"
#include "proto/json_members.h"
#include "proto/json_reader.h"
#include "proto/json_writer.h"
#include "proto/number.h"
#include "proto/utf8.h"

#include <math.h>
#include <stdio.h>

const char tg_json_encode_work[] = "tidegate.json.encode";

enum {
  KEPT_BYTES = 256 * 1024, /* of memory that is kept for the next call */
  KEPT_MEMBERS = 2048,
  EMPTY_PLACES_MAX = 1000, /* of a list, beyond as many as it has values */
  PATH_BYTES_MAX = 400,
  PATH_NAME_BYTES_MAX = 60,
  WRONG_SIZE = 120,
  SMALL_MEMBERS = 8,
  SMALL_TEXT_BYTES_MAX = 250,
  SMALL_BYTES = SMALL_TEXT_BYTES_MAX * TG_JSON_ESCAPE_MAX + SMALL_MEMBERS * 2 * TG_NUMBER_SIZE + TG_JSON_ROOM_MAX,
  VALUE = 1, /* on the stack: what is encoded, what is worked with, the tables that wait */
  WORK,
  WAITING,
};

typedef struct frame {
  int slot;            /* of the table, on the stack */
  bool is_list;        /* otherwise an object */
  size_t at, end;      /* of a list, the places 1 to end; of an object, its members from `first` to end */
  size_t first, names; /* of an object: how many members and bytes of names there were before it */
  int waiting;         /* … and tables that wait */
} frame;

typedef struct work {
  bool is_busy;
  tg_buffer text;
  tg_buffer names; /* of members whose keys are numbers */
  tg_json_members members;
  int waiting, waiting_max;
  int depth;
  frame frames[TG_JSON_DEPTH_MAX];
  const void *list, *object, *raw; /* the metatables */
  char wrong[WRONG_SIZE];
} work;

int tg_json_encode_gc(lua_State *L) {
  work *is = lua_touserdata(L, 1);
  tg_buffer_free(&is->text);
  tg_buffer_free(&is->names);
  tg_json_members_free(&is->members);
  return 0;
}

/* --- values --- */

static bool fail(work *is, const char *format, const char *what) {
  /* cppcheck-suppress wrongPrintfScanfArgNum ; not every format has a place for it */
  snprintf(is->wrong, sizeof is->wrong, format, what);
  return false;
}

static bool fail_text(work *is, tg_text text) {
  size_t at = 0, size;
  while ((size = tg_utf8_character((tg_text){text.data + at, text.size - at})) > 0) at += size;
  snprintf(is->wrong, sizeof is->wrong, "its text is not UTF-8 (byte %zu is 0x%02X)", at + 1,
           (unsigned)(unsigned char)text.data[at]);
  return false;
}

/* Takes down the value at `index`. A table's kind says no more than that. [-0, +0, -] */
static tg_json_value value_at(lua_State *L, int index) {
  tg_json_value value = {.kind = lua_type(L, index)};
  switch (value.kind) {
    case LUA_TSTRING:
      value.text.data = lua_tolstring(L, index, &value.text.size);
      break;
    case LUA_TNUMBER:
      value.number = lua_tonumber(L, index);
      break;
    case LUA_TBOOLEAN:
      value.flag = lua_toboolean(L, index) != 0;
      break;
    case LUA_TLIGHTUSERDATA:
      if (lua_touserdata(L, index) == NULL) value.kind = LUA_TNIL;
      break;
    default:
      break;
  }
  return value;
}

/* Appends a value that is no table; false where it cannot be. */
static bool write_scalar(tg_buffer *text, const tg_json_value *value) {
  switch (value->kind) {
    case LUA_TSTRING:
      return tg_json_write_string(text, value->text);
    case LUA_TNUMBER:
      return tg_json_write_number(text, value->number);
    case LUA_TBOOLEAN:
      tg_buffer_append_text(text, value->flag ? TG_TEXT("true") : TG_TEXT("false"));
      return true;
    case LUA_TNIL:
      tg_buffer_append_text(text, TG_TEXT("null"));
      return true;
    default:
      return false;
  }
}

static bool fail_scalar(work *is, lua_State *L, const tg_json_value *value) {
  switch (value->kind) {
    case LUA_TSTRING:
      return fail_text(is, value->text);
    case LUA_TNUMBER:
      return fail(is, "it is %s, which JSON does not have", isnan(value->number) ? "NaN" : "infinite");
    default:
      return fail(is, "it is a %s", lua_typename(L, value->kind));
  }
}

static bool write_value(work *is, lua_State *L, const tg_json_value *value) {
  return write_scalar(&is->text, value) || fail_scalar(is, L, value);
}

/* --- lists --- */

/* The greatest place and the number of values of the table below the key and the value on the top, which are its first:
   it goes on to the end and pops them, but where a key is no place it stays there and says false. [-2|0, +0, -] */
static bool count_places(lua_State *L, size_t *greatest, size_t *count) {
  double most = 0;
  *count = 0;
  do {
    double place = lua_type(L, -2) == LUA_TNUMBER ? lua_tonumber(L, -2) : 0;
    if (!(place >= 1 && place < 0x1p31) || place != (double)(int)place) return false;
    if (place > most) most = place;
    (*count)++;
    lua_pop(L, 1);
  } while (lua_next(L, -2) != 0);
  *greatest = (size_t)most;
  return true;
}

/* Begins what the table on the top is, which stays there until it ends. */
static frame *open_frame(work *is, lua_State *L, bool is_list, size_t end) {
  frame *opened = &is->frames[is->depth++];
  *opened = (frame){lua_gettop(L), is_list, 0, end, is->members.count, tg_buffer_size(&is->names), is->waiting};
  tg_buffer_append(&is->text, is_list ? "[" : "{", 1);
  return opened;
}

/* The table below its first key and value, on the top, is marked as a list. */
static bool open_marked_list(work *is, lua_State *L) {
  size_t greatest, count;
  if (!count_places(L, &greatest, &count))
    return fail(is, "it is marked as a list and has keys that are not positions in it", "");
  if (greatest > 2 * count + EMPTY_PLACES_MAX) {
    snprintf(is->wrong, sizeof is->wrong, "it is a list of %zu places with %zu values", greatest, count);
    return false;
  }
  open_frame(is, L, true, greatest);
  return true;
}

/* --- objects --- */

/* The name that the key at `index` becomes; NULL where it has none. A number's lies in `names`. [-0, +0, -] */
static const char *name_of(work *is, lua_State *L, int index, tg_text *name, size_t *name_at) {
  int kind = lua_type(L, index);
  *name_at = SIZE_MAX;
  if (kind == LUA_TSTRING) return name->data = lua_tolstring(L, index, &name->size);
  char *room = tg_buffer_reserve(&is->names, TG_NUMBER_SIZE);
  name->size = kind == LUA_TNUMBER && room != NULL ? tg_number_write(lua_tonumber(L, index), room) : 0;
  if (kind == LUA_TNUMBER && room == NULL) return ""; /* the buffer says so */
  if (name->size == 0) return NULL;
  *name_at = tg_buffer_size(&is->names);
  is->names.end += name->size;
  return name->data = room;
}

static bool fail_key(work *is, lua_State *L, int index) {
  int kind = lua_type(L, index);
  return fail(is, kind == LUA_TNUMBER ? "a key is infinite" : "a key is a %s", lua_typename(L, kind));
}

/* Takes down the member on the top, a key and its value, and leaves the key. A table waits. [-1, +0, m] */
static bool add_member(work *is, lua_State *L) {
  tg_text name = {"", 0};
  size_t name_at;
  if (name_of(is, L, -2, &name, &name_at) == NULL) return fail_key(is, L, -2);
  tg_json_member *member = tg_json_members_add(&is->members, name);
  if (member == NULL) {
    is->text.failed = true;
    return false;
  }
  member->name_at = name_at;
  member->value = value_at(L, -1);
  if (member->value.kind != LUA_TTABLE) {
    lua_pop(L, 1);
    return true;
  }
  if (is->waiting_max == 0) { /* the first in this call */
    lua_getfenv(L, WORK);
    lua_replace(L, WAITING);
  }
  member->value.place = ++is->waiting;
  if (is->waiting > is->waiting_max) is->waiting_max = is->waiting;
  lua_rawseti(L, WAITING, is->waiting);
  return true;
}

/* Names in `names` have moved where that has grown. */
static void find_names(work *is, size_t from) {
  for (size_t i = from; i < is->members.count; i++) {
    tg_json_member *member = &is->members.list[i];
    if (member->name_at != SIZE_MAX) member->name.data = is->names.data + member->name_at;
  }
}

/* No two of the members from `from` on, which are in order, may have one name. */
static bool check_twins(work *is, size_t from) {
  for (size_t i = from + 1; i < is->members.count; i++) {
    tg_text name = is->members.list[i].name;
    if (!tg_text_equal(is->members.list[i - 1].name, name)) continue;
    snprintf(is->wrong, sizeof is->wrong, "its keys %.*s and \"%.*s\" would become one", (int)name.size, name.data,
             (int)name.size, name.data);
    return false;
  }
  return true;
}

/* Puts the members of an object that begins in order; false where it cannot be written. */
static bool sort_members(work *is, frame *opened) {
  bool has_numbers = tg_buffer_size(&is->names) > opened->names;
  if (has_numbers) find_names(is, opened->first);
  tg_json_members_sort(&is->members, opened->first);
  opened->at = opened->first;
  opened->end = is->members.count;
  return !has_numbers || check_twins(is, opened->first);
}

/* Begins an object with the members of the table below its first key and value, on the top. */
static bool open_object(work *is, lua_State *L) {
  frame *opened = open_frame(is, L, false, 0);
  bool fine;
  opened->slot -= 2;
  while ((fine = add_member(is, L)) && lua_next(L, opened->slot) != 0) continue;
  fine = fine && sort_members(is, opened);
  if (!fine) is->depth--; /* the place of what is wrong is the table itself */
  return fine;
}

/* --- tables --- */

/* Splices in the text of a json.raw. */
static bool write_raw(work *is, lua_State *L) {
  lua_rawgeti(L, -1, 1);
  tg_json_value text = value_at(L, -1);
  lua_pop(L, 2);
  return text.kind == LUA_TSTRING ? (tg_buffer_append_text(&is->text, text.text), true)
                                  : fail(is, "it is a json.raw that was changed", "");
}

/* In place of a map of multimap.lua on the top, what that shows; false where it is another table. */
static bool show(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(TG_JSON_HELD));
  lua_rawget(L, -2);
  if (!lua_istable(L, -1)) {
    lua_pop(L, 1);
    return false;
  }
  lua_pushvalue(L, lua_upvalueindex(TG_JSON_SHOWN));
  lua_rawget(L, -2); /* stack: map, what it holds, what it shows */
  lua_replace(L, -3);
  lua_pop(L, 1);
  return lua_istable(L, -1);
}

static bool fail_depth(work *is) {
  is->depth = 0; /* no place: it would be a long one */
  snprintf(is->wrong, sizeof is->wrong, "it is nested deeper than %d levels, or contains itself", TG_JSON_DEPTH_MAX);
  return false;
}

/* What an object of the gateway's own is, whose inside is no data, and what to write in its place; NULL for what is none.
   Errors are data, as results that were collected have them, and so are maps of fields and of queries. */
static const char *refusal_of(tg_text name) {
  static const struct {
    tg_text name;
    const char *text;
  } known[] = {
      {{"ClientResponse", 14}, "it is an upstream's answer; write answer:json() for what it says, or answer:body()"},
      {{"Response", 8}, "it is a response object, which a handler returns by itself"},
      {{"Request", 7}, "it is a request; write the fields of it that are meant"},
      {{"Part", 4}, "it is a part of a form; write what was read of it"},
      {{"Pairs", 5}, NULL},
      {{"Fields", 6}, NULL},
      {{"Headers", 7}, NULL},
      {{"Error", 5}, NULL},
      {{"Cancelled", 9}, NULL},
  };
  tg_text ours = TG_TEXT("tidegate.");
  if (name.size <= ours.size || memcmp(name.data, ours.data, ours.size) != 0) return NULL;
  name = (tg_text){name.data + ours.size, name.size - ours.size};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    if (tg_text_equal(name, known[i].name)) return known[i].text;
  }
  return "it is a %s of tidegate's, which is not data";
}

/* Is a table data that has the metatable on the top? [-1, +0, -] */
static bool is_data(work *is, lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(TG_JSON_NAME)); /* a literal would be made, and the collector could run */
  lua_rawget(L, -2);
  tg_text name = {"", 0};
  if (lua_type(L, -1) == LUA_TSTRING) name.data = lua_tolstring(L, -1, &name.size);
  const char *refusal = refusal_of(name);
  if (refusal != NULL) fail(is, refusal, name.data + sizeof "tidegate." - 1);
  lua_pop(L, 2);
  return refusal == NULL;
}

/* What the table on the top says that it is: one of the marks; NULL where nothing does. False where it is no data.
   [-0, +0, -] */
static bool find_mark(work *is, lua_State *L, const void **mark) {
  *mark = NULL;
  if (lua_getmetatable(L, -1) == 0) return true;
  *mark = lua_topointer(L, -1);
  lua_pop(L, 1);
  if (*mark == is->raw || *mark == is->list || *mark == is->object) return true;
  *mark = show(L) ? is->object : NULL;
  return *mark != NULL || lua_getmetatable(L, -1) == 0 || is_data(is, L);
}

/* Begins the table on the top, or writes it and pops it. */
static bool open_table(work *is, lua_State *L) {
  if (is->depth == TG_JSON_DEPTH_MAX || !lua_checkstack(L, LUA_MINSTACK)) return fail_depth(is);
  const void *mark;
  if (!find_mark(is, L, &mark)) return false;
  if (mark == is->raw) return write_raw(is, L);
  lua_pushnil(L);
  if (lua_next(L, -2) == 0) {
    tg_buffer_append(&is->text, mark == is->list ? "[]" : "{}", 2);
    lua_pop(L, 1);
    return true;
  }
  if (mark == is->list) return open_marked_list(is, L);
  if (mark == NULL && lua_type(L, -2) == LUA_TNUMBER) {
    int slot = lua_gettop(L) - 2;
    size_t greatest, count;
    if (count_places(L, &greatest, &count) && greatest == count) return open_frame(is, L, true, count), true;
    lua_settop(L, slot);
    lua_pushnil(L);
    lua_next(L, slot);
  }
  return open_object(is, L);
}

/* The value on the top, which it pops, a table when it has ended. */
static bool write_top(work *is, lua_State *L) {
  tg_json_value value = value_at(L, -1);
  if (value.kind == LUA_TTABLE) return open_table(is, L);
  lua_pop(L, 1);
  return write_value(is, L, &value);
}

static bool write_name(work *is, tg_json_member *member) {
  if (member->name_at != SIZE_MAX) member->name.data = is->names.data + member->name_at;
  if (!tg_json_write_string(&is->text, member->name)) return fail(is, "the key's text is not UTF-8", "");
  tg_buffer_append(&is->text, ":", 1);
  return true;
}

/* Goes on with an object up to the next table in it, which it begins. */
static bool write_members(work *is, lua_State *L, frame *in) {
  while (in->at < in->end) {
    if (in->at > in->first) tg_buffer_append(&is->text, ",", 1);
    tg_json_member *member = &is->members.list[in->at++];
    if (!write_name(is, member)) return false;
    if (member->value.kind == LUA_TTABLE) {
      lua_rawgeti(L, WAITING, member->value.place);
      return open_table(is, L);
    }
    if (!write_value(is, L, &member->value)) return false;
  }
  return true;
}

/* The same of a list. */
static bool write_items(work *is, lua_State *L, frame *in) {
  int depth = is->depth;
  while (in->at < in->end) {
    if (in->at > 0) tg_buffer_append(&is->text, ",", 1);
    lua_rawgeti(L, in->slot, (int)++in->at);
    if (!write_top(is, L)) return false;
    if (is->depth > depth) break;
  }
  return true;
}

static void close_frame(work *is, lua_State *L, const frame *closed) {
  tg_buffer_append(&is->text, closed->is_list ? "]" : "}", 1);
  is->members.count = closed->first;
  is->names.end = is->names.start + closed->names;
  is->waiting = closed->waiting;
  lua_settop(L, closed->slot - 1);
  is->depth--;
}

/* Writes the text of the value on the top. */
static bool write_all(work *is, lua_State *L) {
  if (!write_top(is, L)) return false;
  while (is->depth > 0) {
    frame *in = &is->frames[is->depth - 1];
    if (in->at == in->end) close_frame(is, L, in);
    else if (!(in->is_list ? write_items(is, L, in) : write_members(is, L, in))) return false;
    if (is->text.failed) return false;
  }
  return true;
}

/* --- what is wrong --- */

/* A name as it is, where it is text and short. */
static void append_name(tg_buffer *path, tg_text name) {
  size_t size = 0, next;
  while (size < name.size && (unsigned char)name.data[size] >= ' ' &&
         (next = tg_utf8_character((tg_text){name.data + size, name.size - size})) > 0 &&
         size + next <= PATH_NAME_BYTES_MAX) {
    size += next;
  }
  tg_buffer_append(path, name.data, size);
  if (size < name.size) tg_buffer_append_text(path, TG_TEXT("…"));
}

/* Pushes " at a.b.3: " and what is wrong there. [-0, +1, m] */
static void push_wrong(work *is, lua_State *L) {
  tg_buffer *path = &is->text;
  tg_buffer_clear(path);
  find_names(is, 0);
  for (int i = 0; i < is->depth && tg_buffer_size(path) < PATH_BYTES_MAX; i++) {
    const frame *in = &is->frames[i];
    tg_buffer_append_text(path, i == 0 ? TG_TEXT(" at ") : TG_TEXT("."));
    if (in->is_list) tg_buffer_append_number(path, in->at);
    else append_name(path, is->members.list[in->at - 1].name);
  }
  if (tg_buffer_size(path) >= PATH_BYTES_MAX) tg_buffer_append_text(path, TG_TEXT("…"));
  tg_buffer_append_text(path, TG_TEXT(": "));
  tg_buffer_append_text(path, tg_text_of(is->wrong));
  tg_text text = tg_buffer_text(path);
  if (path->failed) luaL_error(L, "not enough memory");
  lua_pushlstring(L, text.data, text.size);
}

/* --- encode --- */

static work *make_work(lua_State *L) {
  work *is = lua_newuserdata(L, sizeof *is);
  memset(is, 0, sizeof *is);
  is->list = lua_topointer(L, lua_upvalueindex(TG_JSON_LIST));
  is->object = lua_topointer(L, lua_upvalueindex(TG_JSON_OBJECT));
  is->raw = lua_topointer(L, lua_upvalueindex(TG_JSON_RAW));
  luaL_getmetatable(L, tg_json_encode_work);
  lua_setmetatable(L, -2);
  lua_newtable(L);
  lua_setfenv(L, -2);
  return is;
}

/* Pushes what is worked with, which stays on the stack. Another is made where it is busy: in a call out of a finalizer,
   while the text of one is made a string; and after a call that ended in want of memory. [-0, +1, m] */
static work *take_work(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(TG_JSON_WORK));
  work *is = lua_touserdata(L, -1);
  if (is == NULL || is->is_busy) {
    lua_pop(L, 1);
    is = make_work(L);
    lua_pushvalue(L, -1);
    lua_replace(L, lua_upvalueindex(TG_JSON_WORK));
  }
  is->is_busy = true;
  return is;
}

/* Leaves it for the next call, and of its memory what is not too large for that. */
static void give_back(work *is, lua_State *L) {
  if (is->waiting_max > KEPT_MEMBERS) { /* the table of those that wait would stay as large */
    lua_pushnil(L);
    lua_replace(L, lua_upvalueindex(TG_JSON_WORK));
    return;
  }
  for (; is->waiting_max > 0; is->waiting_max--) {
    lua_pushnil(L);
    lua_rawseti(L, WAITING, is->waiting_max);
  }
  if (is->text.capacity > KEPT_BYTES) tg_buffer_free(&is->text);
  if (is->names.capacity > KEPT_BYTES) tg_buffer_free(&is->names);
  if (is->members.capacity > KEPT_MEMBERS) tg_json_members_free(&is->members);
  tg_buffer_clear(&is->text);
  tg_buffer_clear(&is->names);
  is->members.count = 0;
  is->waiting = is->depth = 0;
  is->is_busy = false;
}

/* --- small objects --- */

/* Takes down the members of the table at `index`; false, with anything pushed, where it is not small: there are many, or
   tables or number keys among them, or much text. [-0, +?, -] */
static bool add_small_members(lua_State *L, int index, tg_json_members *members) {
  size_t bytes = 0;
  for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
    if (members->count == SMALL_MEMBERS || lua_type(L, -2) != LUA_TSTRING) return false;
    tg_text name;
    name.data = lua_tolstring(L, -2, &name.size);
    tg_json_member *member = tg_json_members_add(members, name);
    member->value = value_at(L, -1);
    if (member->value.kind == LUA_TTABLE) return false;
    bytes += name.size + (member->value.kind == LUA_TSTRING ? member->value.text.size : 0);
    if (bytes > SMALL_TEXT_BYTES_MAX) return false;
  }
  return true;
}

/* The usual small answer, an object of a few short texts and numbers, without what larger values need: half the
   instructions. Writes the value at `index` into SMALL_BYTES at `memory` and says in *size how much that is; false, with
   anything pushed, where the value is another or something is wrong in it. [-0, +?, -] */
static bool write_small(lua_State *L, int index, char *memory, size_t *size) {
  tg_json_member list[SMALL_MEMBERS];
  tg_json_members members = {list, 0, SMALL_MEMBERS};
  tg_buffer text = {.data = memory, .capacity = SMALL_BYTES}; /* which never has to grow */
  if (lua_type(L, index) != LUA_TTABLE || lua_getmetatable(L, index) != 0) return false;
  if (!add_small_members(L, index, &members)) return false;
  if (members.count > 1) tg_json_members_sort(&members, 0);
  memory[text.end++] = '{';
  for (size_t i = 0; i < members.count; i++) {
    if (i > 0) memory[text.end++] = ',';
    if (!tg_json_write_string(&text, list[i].name)) return false;
    memory[text.end++] = ':';
    if (!write_scalar(&text, &list[i].value)) return false;
  }
  memory[text.end++] = '}';
  *size = text.end;
  return true;
}

int tg_json_respond(lua_State *L) {
  enum { ANSWER = 2 };
  char memory[SMALL_BYTES];
  tg_response response = {.status = 200, .type = TG_TEXT("application/json"), .body = {memory, 0}};
  tg_exchange *exchange = tg_request_check_exchange(L);
  double below = luaL_checknumber(L, 3);
  if (write_small(L, ANSWER, memory, &response.body.size) && (double)response.body.size < below) {
    tg_exchange_respond(exchange, &response);
    lua_pushboolean(L, true);
    return 1;
  }
  lua_settop(L, ANSWER);
  lua_remove(L, 1);
  return tg_json_encode(L);
}

int tg_json_encode(lua_State *L) {
  char memory[SMALL_BYTES];
  size_t size;
  if (lua_gettop(L) != VALUE) lua_settop(L, VALUE);
  if (write_small(L, VALUE, memory, &size)) {
    lua_pushlstring(L, memory, size);
    return 1;
  }
  lua_settop(L, VALUE);
  work *is = take_work(L);
  lua_pushnil(L); /* WAITING */
  lua_pushvalue(L, VALUE);
  bool fine = write_all(is, L);
  bool failed = is->text.failed || is->names.failed;
  if (!failed && fine) {
    tg_text text = tg_buffer_text(&is->text);
    lua_pushlstring(L, text.data, text.size);
  } else if (!failed) {
    lua_pushnil(L);
    push_wrong(is, L);
  }
  give_back(is, L);
  return failed ? luaL_error(L, "not enough memory") : fine ? 1 : 2;
}
