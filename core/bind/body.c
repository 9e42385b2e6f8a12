/* The body of a request as its task reads it: whole, or piece by piece as it comes. */
#include "bind/raise.h"
#include "bind/request.h"

/* Is there nothing to wait for? */
static bool is_settled(const tg_exchange *exchange) {
  return exchange->body_state != TG_BODY_COMING || tg_request_of(exchange)->ended != NULL;
}

/* Pushes why the body will never be complete: nil, nil, a status and a sentence; 0 for the status where the client is
   gone. [-0, +4, m] */
static int push_failure(lua_State *L, const tg_exchange *exchange) {
  lua_pushnil(L);
  lua_pushnil(L);
  bool failed = exchange->body_state == TG_BODY_FAILED;
  unsigned status = tg_request_of(exchange)->is_gone ? 0 : 503;
  lua_pushinteger(L, (lua_Integer)(failed ? exchange->body_status : status));
  lua_pushstring(L, failed ? exchange->body_error : tg_request_of(exchange)->ended);
  return 4;
}

/* Pushes nil and everything that has come. [-0, +2, m] */
static int push_bytes(lua_State *L, const tg_exchange *exchange) {
  tg_text text = tg_buffer_text(&exchange->body);
  lua_pushnil(L);
  lua_pushlstring(L, text.size > 0 ? text.data : "", text.size);
  tg_garbage_note(&tg_runtime_of(L)->garbage, text.size);
  return 2;
}

static int push_body(lua_State *L, void *data) {
  const tg_exchange *exchange = data;
  return exchange->body_state == TG_BODY_COMPLETE ? push_bytes(L, exchange) : push_failure(L, exchange);
}

/* --- piece by piece --- */

static bool has_piece(const tg_exchange *exchange) {
  return tg_buffer_size(&exchange->body) > 0 || is_settled(exchange);
}

/* Pushes nil and what has come, or nil and nil at the end, or why there is no more. [-0, +2..4, m] */
static int push_piece(lua_State *L, void *data) {
  tg_exchange *exchange = data;
  size_t size = tg_buffer_size(&exchange->body);
  if (size == 0 && exchange->body_state != TG_BODY_COMPLETE) return push_failure(L, exchange);
  if (size > 0) {
    push_bytes(L, exchange);
    tg_buffer_consume(&exchange->body, size);
    tg_exchange_body_taken(exchange);
    return 2;
  }
  tg_buffer_free(&exchange->body);
  lua_pushnil(L);
  lua_pushnil(L);
  return 2;
}

static void on_piece_abort(tg_task *task) {
  ((tg_request *)task->wait)->reader = NULL;
}

/* core.request_piece(exchange) → error, bytes; error, nil at the end; error, nil, status, detail when it will never be
   complete */
static int piece(lua_State *L) {
  tg_exchange *exchange = tg_request_check_exchange(L);
  tg_request *request = tg_request_of(exchange);
  if (exchange->body_use == TG_BODY_WHOLE_WANTED) tg_raise(L, "request:chunks: request:body() has taken the body");
  if (request->reader != NULL) tg_raise(L, "request:chunks: another task waits for the next piece of the body");
  tg_task *task = tg_task_enter(L, "request:chunks");
  if (tg_task_is_cancelled(task)) return tg_task_raise_cancellation(L, task);
  if (exchange->body_use == TG_BODY_HELD) tg_exchange_use_body(exchange, TG_BODY_STREAMED);
  if (has_piece(exchange)) return push_piece(L, exchange);
  request->reader = task;
  return tg_task_park(L, task, on_piece_abort, request);
}

static void wake_reader(tg_exchange *exchange) {
  tg_request *request = tg_request_of(exchange);
  tg_task *task = request->reader;
  if (!has_piece(exchange)) return;
  request->reader = NULL;
  tg_task_wake_with(task, push_piece, exchange);
}

/* --- whole --- */

static void wake_waiters(tg_exchange *exchange) {
  tg_list *node;
  while ((node = tg_list_pop_front(&tg_request_of(exchange)->body_waiters)) != NULL) {
    tg_task_wake_with(TG_CONTAINER(node, tg_task, wait_node), push_body, exchange);
  }
}

static void on_body_abort(tg_task *task) {
  tg_list_remove(&task->wait_node);
}

/* core.request_body(exchange) → error, body; or error, nil, status, detail when it will never be whole */
static int body(lua_State *L) {
  tg_exchange *exchange = tg_request_check_exchange(L);
  if (exchange->body_use == TG_BODY_STREAMED) tg_raise(L, "request:body: request:chunks() has taken some of the body");
  tg_task *task = tg_task_enter(L, "request:body");
  if (exchange->body_use == TG_BODY_HELD) tg_exchange_use_body(exchange, TG_BODY_WHOLE_WANTED);
  if (is_settled(exchange)) return push_body(L, exchange);
  if (tg_task_is_cancelled(task)) return tg_task_raise_cancellation(L, task);
  tg_list_push_back(&tg_request_of(exchange)->body_waiters, &task->wait_node);
  return tg_task_park(L, task, on_body_abort, NULL);
}

/* --- what happens to it --- */

void tg_request_on_body(tg_exchange *exchange) {
  const tg_request *request = tg_request_of(exchange);
  if (request->reader != NULL) wake_reader(exchange);
  if (!tg_list_is_empty(&request->body_waiters) && is_settled(exchange)) wake_waiters(exchange);
}

void tg_request_end(tg_exchange *exchange, const char *why) {
  tg_request *request = tg_request_of(exchange);
  request->ended = why;
  if (request->reader != NULL || !tg_list_is_empty(&request->body_waiters)) tg_request_on_body(exchange);
  if (request->writer != NULL || request->file != NULL) tg_request_on_drain(exchange);
}

const luaL_Reg tg_body_functions[] = {
    {"request_body", body},
    {"request_piece", piece},
    {NULL, NULL},
};
