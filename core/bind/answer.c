/* How Lua answers: whole, or in pieces. */
#include "bind/fields.h"
#include "bind/raise.h"
#include "bind/request.h"

/* A client may be so far behind; then its writer waits. A writer whose client keeps up lets others run after as much. */
enum { UNSENT_BYTES_MAX = 64 * 1024, TURN_BYTES_MAX = 256 * 1024 };

/* Reads status, type and fields behind the exchange; the fields are in the runtime's scratch. [-0, +0, v] */
static tg_response check_head(lua_State *L, int fields) {
  tg_buffer *scratch = &tg_runtime_of(L)->scratch;
  tg_response response = {.status = (unsigned)luaL_checkinteger(L, 2)};
  if (response.status < 200 || response.status > 599) tg_raise(L, "a status is a number from 200 to 599");
  response.type = tg_opt_text(L, 3);
  if (!tg_text_is_field_value(response.type)) tg_raise(L, "header Content-Type: CR, LF or NUL in its value");
  tg_buffer_clear(scratch);
  unsigned seen = tg_fields_append(L, fields, scratch);
  if (scratch->failed) luaL_error(L, "out of memory");
  if ((seen & TG_FIELD_CONTENT_TYPE) != 0) response.type = (tg_text){NULL, 0};
  response.fields = tg_buffer_text(scratch);
  response.has_date = (seen & TG_FIELD_DATE) != 0;
  return response;
}

/* --- strings that are sent from where they are --- */

static void let_go(void *owner, int key) {
  const tg_runtime *runtime = owner;
  luaL_unref(runtime->L, LUA_REGISTRYINDEX, key);
}

/* Keeps the string at `index` until it is sent, where a copy of it would be large. [-0, +0, m] */
static tg_hold hold_text(lua_State *L, int index, tg_text text) {
  if (text.size <= TG_HELD_BYTES_MIN) return (tg_hold){0};
  lua_pushvalue(L, index);
  return (tg_hold){.release = let_go, .owner = tg_runtime_of(L), .key = luaL_ref(L, LUA_REGISTRYINDEX)};
}

/* core.respond(exchange, status, type or nil, body or nil, fields or nil): answers; nothing happens when the client is
   gone */
static int respond(lua_State *L) {
  tg_exchange *exchange = tg_request_check_exchange(L);
  tg_text body = tg_opt_text(L, 4);
  tg_response response = check_head(L, 5);
  response.body = body;
  response.hold = hold_text(L, 4, body);
  tg_exchange_respond(exchange, &response);
  return 0;
}

/* core.answer_state(exchange) → "none", "started" or "ended"; "gone" where nobody is there to answer */
static int answer_state(lua_State *L) {
  static const char *const names[] = {
      [TG_ANSWER_NONE] = "none",
      [TG_ANSWER_STARTED] = "started",
      [TG_ANSWER_ENDED] = "ended",
  };
  const tg_exchange *exchange = tg_request_check_exchange(L);
  bool gone = exchange->connection == NULL && exchange->answer_state != TG_ANSWER_ENDED;
  lua_pushstring(L, gone ? "gone" : names[exchange->answer_state]);
  return 1;
}

/* --- in pieces --- */

/* core.answer_start(exchange, status, type or nil, length or nil, fields or nil): sends the head */
static int start(lua_State *L) {
  tg_exchange *exchange = tg_request_check_exchange(L);
  lua_Number length = luaL_optnumber(L, 4, -1);
  tg_response response = check_head(L, 5);
  tg_exchange_start(exchange, &response, (int64_t)length);
  return 0;
}

static void on_write_abort(tg_task *task) {
  ((tg_request *)task->wait)->writer = NULL;
}

/* The piece is written: waits where the client is too far behind, or where it is somebody else's turn. */
static int wait_for_client(lua_State *L, tg_task *task, tg_exchange *exchange, size_t bytes) {
  tg_request *request = tg_request_of(exchange);
  request->turn_bytes += bytes;
  bool behind = tg_exchange_unsent_bytes(exchange) >= UNSENT_BYTES_MAX;
  if (!behind && request->turn_bytes < TURN_BYTES_MAX) return 0;
  request->turn_bytes = 0;
  if (!behind) return tg_task_yield(L, task);
  request->writer = task;
  return tg_task_park(L, task, on_write_abort, request);
}

/* The write has failed, and the connection ends soon: that wakes the task, by its cancellation where no shield keeps it
   off. */
static int wait_for_end(lua_State *L, tg_task *task, tg_exchange *exchange) {
  tg_request_of(exchange)->writer = task;
  return tg_task_park(L, task, on_write_abort, tg_request_of(exchange));
}

/* The task that is about to write; raises where another one waits to. [-0, +0, v] */
static tg_task *enter_write(lua_State *L, const tg_exchange *exchange) {
  if (tg_request_of(exchange)->writer != NULL) tg_raise(L, "write: another task waits to write to this answer");
  return tg_task_enter(L, "write");
}

/* core.answer_check(exchange) → error: what core.answer_write would raise before anything is written, for who must know
   it before the bytes are made */
static int check_write(lua_State *L) {
  tg_task *task = enter_write(L, tg_request_check_exchange(L));
  return tg_task_is_cancelled(task) ? tg_task_raise_cancellation(L, task) : 0;
}

/* core.answer_write(exchange, bytes) → error, false where the client is gone */
static int write_piece(lua_State *L) {
  tg_exchange *exchange = tg_request_check_exchange(L);
  tg_text text = tg_check_text(L, 2);
  tg_task *task = enter_write(L, exchange);
  if (tg_task_is_cancelled(task)) return tg_task_raise_cancellation(L, task);
  tg_garbage_note_sent(&task->runtime->garbage, text);
  int code = tg_exchange_write_held(exchange, text, hold_text(L, 2, text));
  if (code == TG_ERROR_INVALID) tg_raise(L, "write: this is more than the Content-Length that the answer has");
  if (code >= 0) return wait_for_client(L, task, exchange, text.size);
  if (exchange->connection != NULL) return wait_for_end(L, task, exchange);
  lua_pushnil(L);
  lua_pushboolean(L, false);
  return 2;
}

void tg_request_on_drain(tg_exchange *exchange) {
  tg_request *request = tg_request_of(exchange);
  tg_task *task = request->writer;
  request->writer = NULL;
  if (request->file != NULL) tg_file_body_on_drain(request->file);
  if (task != NULL) tg_task_wake(task, 0);
}

/* core.answer_end(exchange, bytes or nil): nothing follows, behind these */
static int end(lua_State *L) {
  tg_exchange *exchange = tg_request_check_exchange(L);
  tg_text last = tg_opt_text(L, 2);
  int code = last.size > 0 ? tg_exchange_write(exchange, last) : 0;
  if (code >= 0) code = tg_exchange_end(exchange);
  if (code == TG_ERROR_INVALID) tg_raise(L, "the answer is shorter than its Content-Length");
  return 0;
}

/* core.answer_cut(exchange): ends the connection, so that the client sees that the answer is not whole */
static int cut(lua_State *L) {
  tg_exchange_cut(tg_request_check_exchange(L));
  return 0;
}

/* core.limit_answer(exchange, seconds or nil): what the client has not taken by then is cut off, once the handler is done;
   nil for any time */
static int limit(lua_State *L) {
  tg_exchange *exchange = tg_request_check_exchange(L);
  uint64_t now_ns = tg_loop_now_ns(tg_runtime_of(L)->loop);
  if (lua_isnoneornil(L, 2)) tg_exchange_limit_answer(exchange, 0);
  else tg_exchange_limit_answer(exchange, now_ns + (uint64_t)(luaL_checknumber(L, 2) * 1e9));
  return 0;
}

const luaL_Reg tg_answer_functions[] = {
    {"respond", respond},          {"answer_state", answer_state}, {"answer_start", start},
    {"answer_check", check_write}, {"answer_write", write_piece},  {"answer_end", end},
    {"answer_cut", cut},           {"limit_answer", limit},        {NULL, NULL},
};
