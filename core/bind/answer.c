/* How Lua answers: whole, or in pieces. */
#include "base/saturate.h"
#include "bind/fields.h"
#include "bind/raise.h"
#include "bind/request.h"
#include "bind/whole.h"
#include "proto/status.h"

/* A client may be so far behind; then its writer waits. A writer whose client keeps up lets others run after as much. */
enum { UNSENT_BYTES_MAX = 64 * 1024, TURN_BYTES_MAX = 256 * 1024 };

/* --- the head --- */

static unsigned check_status(lua_State *L) {
  lua_Number status = lua_type(L, 2) == LUA_TNUMBER ? lua_tonumber(L, 2) : 0;
  if (status >= 200 && status <= 599 && status == (lua_Number)(unsigned)status) return (unsigned)status;
  const char *expected = "a status is a whole number from 200 to 599";
  if (lua_type(L, 2) == LUA_TSTRING) tg_raise(L, "%s, not the text \"%s\"", expected, lua_tostring(L, 2));
  if (lua_type(L, 2) != LUA_TNUMBER) tg_raise(L, "%s, not a %s", expected, luaL_typename(L, 2));
  tg_raise(L, "%s, not %f", expected, lua_tonumber(L, 2));
}

/* Reads status, type and fields behind the exchange; the fields are in the scratch, which is NULL where there are none.
   *seen has the flags of fields.h. [-0, +0, v] */
static tg_response check_head(lua_State *L, int fields, tg_buffer *scratch, unsigned *seen) {
  tg_response response = {.status = check_status(L)};
  response.type = tg_opt_text(L, 3);
  if (!tg_text_is_field_value(response.type)) {
    tg_raise_value(L, 3, "header Content-Type: its value has a CR, LF or NUL");
  }
  *seen = 0;
  if (scratch == NULL) return response;
  *seen = tg_fields_append(L, fields, scratch);
  if (scratch->failed) luaL_error(L, "out of memory");
  if ((*seen & TG_FIELD_TRANSFER_ENCODING) != 0) {
    tg_raise(L, "header Transfer-Encoding: the gateway frames answers itself; leave it out");
  }
  if ((*seen & TG_FIELD_CONTENT_TYPE) != 0) response.type = (tg_text){NULL, 0};
  response.fields = tg_buffer_text(scratch);
  response.has_date = (*seen & TG_FIELD_DATE) != 0;
  return response;
}

/* Raises where the status allows no content, and there is some. [-0, +0, v] */
static void check_content(lua_State *L, unsigned status, const char *content) {
  if (tg_status_allows_content(status)) return;
  tg_raise(L, "an answer of status %d (%s) has no body, and this one has %s; leave it out, or give another status",
           (int)status, tg_status_reason(status).data, content);
}

/* What the Content-Length of the table at `fields` says; raises where that is no number of bytes. [-0, +0, v] */
static uint64_t check_said_length(lua_State *L, int fields) {
  tg_fields_push(L, fields, TG_TEXT("Content-Length"));
  lua_Number length = -1;
  if (lua_type(L, -1) == LUA_TSTRING) length = (lua_Number)tg_text_to_number(tg_check_text(L, lua_gettop(L)));
  else if (lua_type(L, -1) == LUA_TNUMBER) length = lua_tonumber(L, -1);
  bool is_length = length >= 0 && length <= TG_WHOLE_MAX && length == (lua_Number)tg_to_u64(length);
  if (!is_length) tg_raise(L, "header Content-Length: a number of bytes is expected");
  lua_pop(L, 1);
  return (uint64_t)length;
}

/* What the script says of the length must be so. It may say it in place of a body that GET would get. [-0, +0, v] */
static void check_length(lua_State *L, int fields, bool is_head, tg_response *response) {
  uint64_t said = check_said_length(L, fields);
  if (response->status == 204) tg_raise(L, "header Content-Length: an answer of status 204 (No Content) has none");
  if (response->body.size == 0 && (is_head || response->status == 304)) {
    response->says = TG_LENGTH_SAID;
    response->length = said;
  } else if (said != response->body.size) {
    tg_raise(L, "header Content-Length: it says %f, and the body has %f bytes", (lua_Number)said,
             (lua_Number)response->body.size);
  }
}

/* --- strings that are sent from where they are --- */

static void let_go(void *owner, int key) {
  tg_runtime_let_go(owner, key);
}

/* Keeps the string at `index` until it is sent, where a copy of it would be large. [-0, +0, m] */
static tg_hold hold_text(lua_State *L, int index, tg_text text) {
  if (text.size <= TG_HELD_BYTES_MIN) return (tg_hold){0};
  tg_runtime *runtime = tg_runtime_of(L);
  lua_pushvalue(L, index);
  return (tg_hold){.release = let_go, .owner = runtime, .key = tg_runtime_keep(L, runtime)};
}

/* What is said of a body that is not here: its length, or that it is not known. [-0, +0, -] */
static void read_length(lua_State *L, tg_response *response) {
  if (lua_isboolean(L, 6)) response->says = TG_LENGTH_NOT_SAID;
  if (!lua_isnumber(L, 6)) return;
  response->says = TG_LENGTH_SAID;
  response->length = tg_check_whole(L, 6, 0, TG_WHOLE_MAX, "the answer's length");
}

/* core.respond(exchange, status, type or nil, body or nil, fields or nil, length or nil): answers; nothing happens when
   the client is gone. The type is for a body that there is. The length is for HEAD, and for 304: a number says that of
   GET's body, false that it is not known */
static int respond(lua_State *L) {
  unsigned seen;
  tg_exchange *exchange = tg_request_check_exchange(L);
  tg_text body = tg_opt_text(L, 4);
  tg_scratches *scratches = &tg_runtime_of(L)->scratches;
  tg_buffer *fields = lua_isnoneornil(L, 5) ? NULL : TG_SCRATCH_TAKE(L, scratches);
  tg_response response = check_head(L, 5, fields, &seen);
  if (body.size == 0) response.type = (tg_text){NULL, 0};
  else check_content(L, response.status, "content");
  response.body = body;
  if (lua_gettop(L) >= 6) read_length(L, &response);
  if ((seen & TG_FIELD_CONTENT_LENGTH) != 0) {
    check_length(L, 5, tg_text_equal(exchange->head.method, TG_TEXT("HEAD")), &response);
  }
  response.hold = hold_text(L, 4, body);
  tg_exchange_respond(exchange, &response);
  if (fields != NULL) tg_scratch_give(scratches, fields);
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
  unsigned seen;
  tg_exchange *exchange = tg_request_check_exchange(L);
  bool has_length = !lua_isnoneornil(L, 4);
  int64_t length = has_length ? (int64_t)tg_check_whole(L, 4, 0, TG_WHOLE_MAX, "the answer's length") : -1;
  tg_scratches *scratches = &tg_runtime_of(L)->scratches;
  tg_buffer *fields = TG_SCRATCH_TAKE(L, scratches);
  tg_response response = check_head(L, 5, fields, &seen);
  check_content(L, response.status, "what writes one");
  bool says = (seen & TG_FIELD_CONTENT_LENGTH) != 0;
  uint64_t said = says ? check_said_length(L, 5) : 0;
  if (says && has_length && said != (uint64_t)length) {
    tg_raise(L, "header Content-Length: it says %f, and the body has %f bytes", (lua_Number)said, (lua_Number)length);
  }
  tg_exchange_start(exchange, &response, length);
  tg_scratch_give(scratches, fields);
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
  if (code == TG_ERROR_INVALID) tg_raise(L, "write: this goes beyond the Content-Length of the answer");
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
  else tg_exchange_limit_answer(exchange, now_ns + tg_seconds_to_ns(luaL_checknumber(L, 2)));
  return 0;
}

/* core.want_sent(exchange): core.answer_sent will be asked; before the answer is given */
static int want_sent(lua_State *L) {
  tg_request_check_exchange(L)->wants_sent = true;
  return 0;
}

static void on_sent_abort(tg_task *task) {
  ((tg_request *)task->wait)->sent_waiter = NULL;
}

void tg_request_on_sent(tg_exchange *exchange) {
  tg_task *task = tg_request_of(exchange)->sent_waiter;
  tg_request_of(exchange)->sent_waiter = NULL;
  if (task != NULL) tg_task_wake(task, 0);
}

/* core.answer_sent(exchange) → error: waits until the client has taken the whole answer, or never will. One task of the
   request may wait for it */
static int wait_until_sent(lua_State *L) {
  const tg_exchange *exchange = tg_request_check_exchange(L);
  tg_task *task = tg_task_enter(L, "tg.defer");
  if (!exchange->is_unsent) return 0;
  if (tg_task_is_cancelled(task)) return tg_task_raise_cancellation(L, task);
  tg_request_of(exchange)->sent_waiter = task;
  return tg_task_park(L, task, on_sent_abort, tg_request_of(exchange));
}

const luaL_Reg tg_answer_functions[] = {
    {"respond", respond},
    {"answer_state", answer_state},
    {"answer_start", start},
    {"answer_check", check_write},
    {"answer_write", write_piece},
    {"answer_end", end},
    {"answer_cut", cut},
    {"limit_answer", limit},
    {"want_sent", want_sent},
    {"answer_sent", wait_until_sent},
    {NULL, NULL},
};
