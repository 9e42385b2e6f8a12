/* What Lua asks of a request: functions that take the exchange, which request.lua keeps. */
#include "bind/request.h"
#include "base/saturate.h"
#include "bind/fields.h"
#include "bind/raise.h"
#include "bind/whole.h"

static void ignore(tg_exchange *exchange) {
  (void)exchange;
}

const tg_exchange_events tg_request_without_task = {
    .on_body = ignore, .on_drain = ignore, .on_gone = ignore, .on_sent = ignore};

tg_exchange *tg_request_check_exchange(lua_State *L) {
  if (!lua_islightuserdata(L, 1)) tg_raise(L, "the request has ended; read what you need of it before that");
  return lua_touserdata(L, 1);
}

static void push_text(lua_State *L, tg_text text) {
  if (text.data == NULL) lua_pushnil(L);
  else lua_pushlstring(L, text.data, text.size);
}

/* What a field of the request says; "" where there are two of it, which is nothing that can be meant. */
static tg_text only_value(const tg_head *head, tg_text name) {
  const tg_field *field = tg_head_find(head, name, NULL);
  if (field == NULL) return (tg_text){NULL, 0};
  return tg_head_find(head, name, field) == NULL ? field->value : TG_TEXT("");
}

/* That of most requests is there already. */
static void push_method(lua_State *L, tg_text method) {
  if (tg_text_equal(method, TG_TEXT("GET"))) lua_rawgeti(L, LUA_REGISTRYINDEX, tg_runtime_of(L)->get_ref);
  else push_text(L, method);
}

/* core.request_line() → exchange, method, path, X-Request-Timeout-Ms or nil, of the request that the running task is for:
   its function has no arguments, since pushing them may fail without memory, and here that is the task's own error */
static int line(lua_State *L) {
  const tg_task *task = tg_runtime_of(L)->current;
  tg_exchange *exchange = task != NULL ? task->owner : NULL;
  if (exchange == NULL) tg_raise(L, "this task is for no request");
  lua_pushlightuserdata(L, exchange);
  push_method(L, exchange->head.method);
  push_text(L, exchange->target.path);
  push_text(L, only_value(&exchange->head, TG_TEXT("X-Request-Timeout-Ms")));
  return 4;
}

/* core.request_query(exchange) → what follows "?", or nil */
static int query(lua_State *L) {
  push_text(L, tg_request_check_exchange(L)->target.query);
  return 1;
}

/* core.request_target(exchange) → the target as it was sent */
static int target(lua_State *L) {
  push_text(L, tg_request_check_exchange(L)->head.target);
  return 1;
}

/* core.request_version(exchange) → "1.1" or "1.0" */
static int version(lua_State *L) {
  lua_pushstring(L, tg_request_check_exchange(L)->head.minor == 0 ? "1.0" : "1.1");
  return 1;
}

/* core.request_fields(exchange) → {name, value, name, value, …}, as they were sent */
static int fields(lua_State *L) {
  const tg_head *head = &tg_request_check_exchange(L)->head;
  lua_createtable(L, (int)head->field_count * 2, 0);
  for (unsigned i = 0; i < head->field_count; i++) {
    push_text(L, head->fields[i].name);
    lua_rawseti(L, -2, (int)i * 2 + 1);
    push_text(L, head->fields[i].value);
    lua_rawseti(L, -2, (int)i * 2 + 2);
  }
  return 1;
}

/* core.request_field(exchange, name) → the field's value; of several in one, as in a list; nil where there is none.
   Cheaper than all fields, for those who want one. */
static int field(lua_State *L) {
  tg_fields_push_value(L, &tg_request_check_exchange(L)->head, tg_check_text(L, 2));
  return 1;
}

/* core.request_limit_body(exchange, bytes): the body may be so long, in place of the server's limit */
static int limit_body(lua_State *L) {
  tg_request_check_exchange(L)->body_bytes_max = tg_to_u64(luaL_checknumber(L, 2));
  return 0;
}

/* core.request_body_limit(exchange) → bytes that the body may have */
static int body_limit(lua_State *L) {
  lua_pushnumber(L, (lua_Number)tg_request_check_exchange(L)->body_bytes_max);
  return 1;
}

/* core.request_half_closed(exchange, boolean): is it answered though its client ends its side before the answer begins? */
static int half_closed(lua_State *L) {
  tg_request_check_exchange(L)->serves_half_closed = lua_toboolean(L, 2);
  return 0;
}

/* core.request_task(exchange) → the task that serves it */
static int request_task(lua_State *L) {
  tg_task_push(L, tg_request_of(tg_request_check_exchange(L))->task);
  return 1;
}

/* core.note_route(exchange, pattern), core.note_error(exchange, kind), core.note_cancelled(exchange, reason): for the
   access log */
static int note_route(lua_State *L) {
  tg_exchange_note_route(tg_request_check_exchange(L), tg_check_text(L, 2));
  return 0;
}

static int note_error(lua_State *L) {
  tg_exchange_note_error(tg_request_check_exchange(L), tg_check_text(L, 2));
  return 0;
}

static int note_cancelled(lua_State *L) {
  tg_exchange_note_cancelled(tg_request_check_exchange(L), tg_check_text(L, 2));
  return 0;
}

/* The exchange that the running task works for, itself or by way of those that it was spawned by; NULL for none. */
static tg_exchange *running_exchange(lua_State *L) {
  const tg_task *task = tg_runtime_of(L)->current;
  while (task != NULL && task->owner == NULL) task = task->parent; /* a parent outlives its children */
  return task != NULL ? task->owner : NULL;
}

/* core.running_exchange() → the exchange that the running task works for, or nil */
static int push_running_exchange(lua_State *L) {
  tg_exchange *exchange = running_exchange(L);
  if (exchange == NULL) return 0;
  lua_pushlightuserdata(L, exchange);
  return 1;
}

/* core.note_upstream(host, status, seconds): a call that the request of the running task has made; its status is 0 where
   it got no answer */
static int note_upstream(lua_State *L) {
  tg_exchange *exchange = running_exchange(L);
  if (exchange == NULL) return 0;
  unsigned status = (unsigned)tg_check_whole(L, 2, 0, 999, "the status");
  tg_exchange_note_upstream(exchange, tg_check_text(L, 1), status, tg_seconds_to_ns(luaL_checknumber(L, 3)));
  return 0;
}

const luaL_Reg tg_request_functions[] = {
    {"request_line", line},
    {"request_query", query},
    {"request_target", target},
    {"request_version", version},
    {"request_fields", fields},
    {"request_field", field},
    {"request_limit_body", limit_body},
    {"request_body_limit", body_limit},
    {"request_half_closed", half_closed},
    {"request_task", request_task},
    {"note_route", note_route},
    {"note_error", note_error},
    {"note_cancelled", note_cancelled},
    {"note_upstream", note_upstream},
    {"running_exchange", push_running_exchange},
    {NULL, NULL},
};
