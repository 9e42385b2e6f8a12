/* What Lua asks of a request and how it answers: functions that take the exchange, which lib request.lua keeps. */
#include "bind/request.h"
#include "bind/fields.h"
#include "bind/raise.h"
#include "proto/percent.h"

static void ignore(tg_exchange *exchange) {
  (void)exchange;
}

const tg_exchange_events tg_request_without_task = {.on_body = ignore, .on_gone = ignore};

static tg_exchange *check_exchange(lua_State *L) {
  if (!lua_islightuserdata(L, 1)) tg_raise(L, "the request has ended; read what you need of it before that");
  return lua_touserdata(L, 1);
}

static void push_text(lua_State *L, tg_text text) {
  if (text.data == NULL) lua_pushnil(L);
  else lua_pushlstring(L, text.data, text.size);
}

/* core.request_query(exchange) → what follows "?", or nil */
static int query(lua_State *L) {
  push_text(L, check_exchange(L)->target.query);
  return 1;
}

/* core.request_target(exchange) → the target as it was sent */
static int target(lua_State *L) {
  push_text(L, check_exchange(L)->head.target);
  return 1;
}

/* core.request_authority(exchange) → host and port that the client asked for, or nil */
static int authority(lua_State *L) {
  push_text(L, check_exchange(L)->authority);
  return 1;
}

/* core.request_number(exchange) → its number, from 1 */
static int number(lua_State *L) {
  lua_pushnumber(L, (lua_Number)check_exchange(L)->number);
  return 1;
}

/* core.request_version(exchange) → "1.1" or "1.0" */
static int version(lua_State *L) {
  lua_pushstring(L, check_exchange(L)->head.minor == 0 ? "1.0" : "1.1");
  return 1;
}

/* core.request_peer(exchange) → the client's address, or nil when it is gone */
static int peer(lua_State *L) {
  char text[TG_PEER_BYTES];
  tg_exchange_peer(check_exchange(L), text, sizeof text);
  if (text[0] == '\0') return 0;
  lua_pushstring(L, text);
  return 1;
}

/* core.request_fields(exchange) → {name, value, name, value, …}, as they were sent */
static int fields(lua_State *L) {
  const tg_head *head = &check_exchange(L)->head;
  lua_createtable(L, (int)head->field_count * 2, 0);
  for (unsigned i = 0; i < head->field_count; i++) {
    push_text(L, head->fields[i].name);
    lua_rawseti(L, -2, (int)i * 2 + 1);
    push_text(L, head->fields[i].value);
    lua_rawseti(L, -2, (int)i * 2 + 2);
  }
  return 1;
}

/* Pushes how the body stands: nil, and the body or nil with a status and a sentence. [-0, +2..4, m] */
static int push_body(lua_State *L, const tg_exchange *exchange) {
  lua_pushnil(L);
  if (exchange->body_state == TG_BODY_WHOLE) {
    tg_text text = tg_buffer_text(&exchange->body);
    lua_pushlstring(L, text.size > 0 ? text.data : "", text.size);
    return 2;
  }
  lua_pushnil(L);
  lua_pushinteger(L, (lua_Integer)exchange->body_status);
  lua_pushstring(L, exchange->body_error);
  return 4;
}

void tg_request_on_body(tg_exchange *exchange) {
  tg_list *node;
  while ((node = tg_list_pop_front(&tg_request_of(exchange)->body_waiters)) != NULL) {
    tg_task *task = TG_CONTAINER(node, tg_task, wait_node);
    tg_task_wake(task, push_body(tg_task_results(task), exchange));
  }
}

void tg_request_end(tg_exchange *exchange) {
  if (exchange->body_state == TG_BODY_COMING) {
    exchange->body_state = TG_BODY_FAILED;
    exchange->body_status = 503;
    exchange->body_error = "the request has ended";
  }
  tg_request_on_body(exchange);
}

static void on_body_abort(tg_task *task) {
  tg_list_remove(&task->wait_node);
}

/* core.request_body(exchange) → error, body; or error, nil, status, detail when it will never be whole */
static int body(lua_State *L) {
  tg_exchange *exchange = check_exchange(L);
  if (exchange->body_state != TG_BODY_COMING) return push_body(L, exchange);
  tg_task *task = tg_task_enter(L, "request:body");
  if (tg_task_is_cancelled(task)) return tg_task_raise_cancellation(L, task);
  tg_exchange_want_body(exchange);
  tg_list_push_back(&tg_request_of(exchange)->body_waiters, &task->wait_node);
  return tg_task_park(L, task, on_body_abort, NULL);
}

/* core.respond(exchange, status, type or nil, body or nil, fields or nil): answers; nothing happens when the client is
   gone */
static int respond(lua_State *L) {
  tg_exchange *exchange = check_exchange(L);
  tg_buffer *scratch = &tg_runtime_of(L)->scratch;
  tg_response response = {.status = (unsigned)luaL_checkinteger(L, 2)};
  if (response.status < 200 || response.status > 599) tg_raise(L, "a status is a number from 200 to 599");
  response.type = tg_opt_text(L, 3);
  response.body = tg_opt_text(L, 4);
  if (!tg_text_is_field_value(response.type)) tg_raise(L, "header Content-Type: CR, LF or NUL in its value");
  tg_buffer_clear(scratch);
  unsigned seen = tg_fields_append(L, 5, scratch);
  if (scratch->failed) return luaL_error(L, "out of memory");
  if ((seen & TG_FIELD_CONTENT_TYPE) != 0) response.type = (tg_text){NULL, 0};
  response.fields = tg_buffer_text(scratch);
  response.has_date = (seen & TG_FIELD_DATE) != 0;
  tg_exchange_respond(exchange, &response);
  return 0;
}

/* core.is_answered(exchange) → was it answered, or is its client gone? */
static int is_answered(lua_State *L) {
  lua_pushboolean(L, check_exchange(L)->connection == NULL);
  return 1;
}

const luaL_Reg tg_request_functions[] = {
    {"request_query", query},
    {"request_target", target},
    {"request_authority", authority},
    {"request_number", number},
    {"request_version", version},
    {"request_peer", peer},
    {"request_fields", fields},
    {"request_body", body},
    {"respond", respond},
    {"is_answered", is_answered},
    {NULL, NULL},
};
