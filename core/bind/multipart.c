/* Multipart bodies for scripts: bytes in, events out, one for each call. */
#include "bind/task.h"
#include "bind/whole.h"
#include "proto/multipart.h"

static const char metatable[] = "tidegate.multipart";

static tg_multipart *check_parser(lua_State *L) {
  return luaL_checkudata(L, 1, metatable);
}

static int collect(lua_State *L) {
  tg_multipart_free(check_parser(L));
  return 0;
}

static tg_multipart *push_new(lua_State *L) {
  tg_multipart *parser = lua_newuserdata(L, sizeof *parser);
  luaL_getmetatable(L, metatable);
  *parser = (tg_multipart){0}; /* before it has a metatable, so that it can be collected from there on */
  lua_setmetatable(L, -2);
  return parser;
}

static void push_text(lua_State *L, tg_text text) {
  if (text.data != NULL) lua_pushlstring(L, text.data, text.size);
  else lua_pushnil(L);
}

static int push_error(lua_State *L, const tg_multipart *parser) {
  lua_pushinteger(L, (lua_Integer)parser->error_status);
  lua_pushstring(L, parser->error_text);
  return 2;
}

static void read_limit(lua_State *L, int index, uint32_t *limit) {
  if (lua_isnoneornil(L, index)) return;
  lua_Number number = luaL_checknumber(L, index);
  luaL_argcheck(L, number >= 0, index, "a limit is not negative");
  *limit = number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
}

/* core.multipart(content_type, part_count_max, part_head_bytes_max, part_field_count_max) → parser; or nil, status and
   what is wrong. A limit that is nil is the default. */
static int create(lua_State *L) {
  tg_text content_type = tg_check_text(L, 1);
  tg_multipart_limits limits = tg_multipart_limits_default;
  read_limit(L, 2, &limits.part_count_max);
  read_limit(L, 3, &limits.part_head_bytes_max);
  read_limit(L, 4, &limits.part_field_count_max);
  tg_multipart *parser = push_new(L);
  if (tg_multipart_init(parser, content_type, &limits)) return 1;
  lua_pushnil(L);
  return 1 + push_error(L, parser);
}

/* {name, value, name, value, …} */
static void push_fields(lua_State *L, const tg_head *head) {
  lua_createtable(L, (int)head->field_count * 2, 0);
  for (unsigned i = 0; i < head->field_count; i++) {
    push_text(L, head->fields[i].name);
    lua_rawseti(L, -2, (int)i * 2 + 1);
    push_text(L, head->fields[i].value);
    lua_rawseti(L, -2, (int)i * 2 + 2);
  }
}

static int push_part(lua_State *L, const tg_multipart *parser) {
  push_fields(L, &parser->head);
  push_text(L, parser->disposition.name);
  push_text(L, parser->disposition.filename);
  return 3;
}

static int push_event(lua_State *L, const tg_multipart *parser, tg_multipart_event event) {
  switch (event) {
    case TG_MULTIPART_PART:
      return push_part(L, parser);
    case TG_MULTIPART_BODY:
      push_text(L, parser->piece);
      return 1;
    case TG_MULTIPART_ERROR:
      return push_error(L, parser);
    default:
      return 0;
  }
}

/* core.multipart_next(parser, bytes, offset) → event, offset behind it, and what it tells. A part of request:parts(), so
   that it raises where nothing can wait: a finalizer must not turn the parser under one that reads. Reads from the
   offset on, which counts from 0:
     "more"  all bytes are used
     "part", fields {name, value, …}, name, filename or nil
     "body", bytes
     "end"   of the part
     "error", status, what is wrong */
static int next_event(lua_State *L) {
  static const char *const names[] = {"more", "part", "body", "end", "error"};
  tg_multipart *parser = check_parser(L);
  tg_text bytes = tg_check_text(L, 2);
  tg_task_enter(L, "request:parts");
  size_t offset = tg_check_whole(L, 3, 0, (lua_Number)bytes.size, "the offset");
  tg_text rest = {bytes.data + offset, bytes.size - offset};
  tg_multipart_event event = tg_multipart_next(parser, &rest);
  lua_pushstring(L, names[event]);
  lua_pushinteger(L, (lua_Integer)(bytes.size - rest.size));
  return 2 + push_event(L, parser, event);
}

/* core.multipart_finish(parser) → nothing, or status and what is wrong: the body has ended */
static int finish(lua_State *L) {
  tg_multipart *parser = check_parser(L);
  return tg_multipart_finish(parser) ? 0 : push_error(L, parser);
}

const luaL_Reg tg_multipart_metatables[] = {{metatable, collect}, {NULL, NULL}};

const luaL_Reg tg_multipart_functions[] = {
    {"multipart", create},
    {"multipart_next", next_event},
    {"multipart_finish", finish},
    {NULL, NULL},
};
