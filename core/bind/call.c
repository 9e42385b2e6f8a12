/* Calls to upstreams. */
#include "base/saturate.h"
#include "bind/fields.h"
#include "bind/raise.h"
#include "bind/task.h"
#include "bind/whole.h"
#include "http/call.h"
#include "proto/http1_writer.h"

static void append_default(tg_buffer *head, unsigned seen, unsigned flag, tg_text name, tg_text value) {
  if ((seen & flag) == 0 && value.size > 0) tg_http1_write_field(head, name, value);
}

/* A request with one of these methods says how long its body is even when it has none (RFC 9110 section 8.6). */
static bool expects_body(tg_text method) {
  return tg_text_equal(method, TG_TEXT("POST")) || tg_text_equal(method, TG_TEXT("PUT")) ||
         tg_text_equal(method, TG_TEXT("PATCH"));
}

/* RFC 9110 section 9.2.2 */
static bool is_idempotent(tg_text method) {
  return tg_text_equal(method, TG_TEXT("GET")) || tg_text_equal(method, TG_TEXT("HEAD")) ||
         tg_text_equal(method, TG_TEXT("PUT")) || tg_text_equal(method, TG_TEXT("DELETE")) ||
         tg_text_equal(method, TG_TEXT("OPTIONS")) || tg_text_equal(method, TG_TEXT("TRACE"));
}

static bool is_target(tg_text target) {
  for (size_t i = 0; i < target.size; i++) {
    unsigned char c = (unsigned char)target.data[i];
    if (c <= ' ' || c == 0x7f) return false;
  }
  return target.size > 0 && target.data[0] == '/';
}

/* Writes the request's head from call()'s arguments. [-0, +0, v] */
static void write_head(lua_State *L, tg_buffer *head, tg_text method, tg_text body) {
  tg_text authority = tg_check_text(L, 4), target = tg_check_text(L, 5);
  if (!tg_text_is_token(method)) {
    tg_raise_value(L, 3, "a method must be a token, like GET, and \"%s\" is not", method.data);
  }
  if (!is_target(target)) {
    tg_raise_value(L, 5, "a URL's path must begin with a slash and have no spaces or control characters");
  }
  if (!tg_text_is_field_value(authority)) tg_raise_value(L, 4, "a URL's host has a CR, LF or NUL");
  tg_http1_write_request(head, method, target);
  unsigned seen = tg_fields_append(L, 6, head);
  append_default(head, seen, TG_FIELD_HOST, TG_TEXT("Host"), authority);
  append_default(head, seen, TG_FIELD_USER_AGENT, TG_TEXT("User-Agent"), TG_TEXT("tidegate/" TG_VERSION));
  append_default(head, seen, TG_FIELD_CONTENT_TYPE, TG_TEXT("Content-Type"), tg_opt_text(L, 8));
  if (body.data != NULL || expects_body(method)) tg_http1_write_length(head, body.size);
  tg_http1_write_end(head);
  if (head->failed) luaL_error(L, "out of memory");
}

/* The header section again, a line a field, so that Lua takes it apart only when it is asked for. */
static void push_field_lines(lua_State *L, tg_scratches *scratches, const tg_head *head) {
  tg_buffer *lines = TG_SCRATCH_TAKE(L, scratches);
  for (unsigned i = 0; i < head->field_count; i++) {
    tg_http1_write_field(lines, head->fields[i].name, head->fields[i].value);
  }
  tg_scratch_push(L, scratches, lines);
}

static void push_seconds(lua_State *L, const tg_call *call) {
  tg_loop *loop = ((const tg_task *)call->owner)->runtime->loop;
  lua_pushnumber(L, (lua_Number)(tg_loop_now_ns(loop) - call->started_ns) / 1e9);
}

static int push_response(lua_State *L, const tg_call *call) {
  tg_runtime *runtime = ((tg_task *)call->owner)->runtime;
  lua_pushnil(L);
  lua_pushinteger(L, (lua_Integer)call->head.status);
  tg_text body = tg_buffer_text(&call->body);
  lua_pushlstring(L, body.size > 0 ? body.data : "", body.size);
  tg_garbage_note(&runtime->garbage, body.size);
  push_field_lines(L, &runtime->scratches, &call->head);
  push_seconds(L, call);
  tg_fields_push_value(L, &call->head, TG_TEXT("Content-Encoding"));
  return 6;
}

static int push_failure(lua_State *L, const tg_call *call) {
  lua_pushnil(L);
  lua_pushboolean(L, 0);
  lua_pushstring(L, tg_call_error_name(call->error));
  if (call->error == TG_CALL_CONNECT) lua_pushstring(L, tg_error_text(call->code));
  else lua_pushstring(L, call->detail); /* nil where there is none */
  push_seconds(L, call);
  return 5;
}

static int push_result(lua_State *L, void *data) {
  const tg_call *call = data;
  return call->error == TG_CALL_OK ? push_response(L, call) : push_failure(L, call);
}

static void on_done(tg_call *call) {
  tg_task_wake_with(call->owner, push_result, call);
  tg_call_free(call);
}

static void on_abort(tg_task *task) {
  tg_call_free(task->wait);
}

/* core.call(host, port, method, authority, target, fields, body, type, timeout seconds or nil)
   → error, status, body, field lines, seconds that it took, Content-Encoding or nil; or error, false, kind, detail,
   seconds */
static int call_upstream(lua_State *L) {
  tg_runtime *runtime = tg_runtime_of(L);
  tg_text method = tg_check_text(L, 3);
  tg_call_request request = {.host = tg_check_text(L, 1), .port = tg_check_port(L, 2)};
  request.body = tg_opt_text(L, 7);
  request.is_head = tg_text_equal(method, TG_TEXT("HEAD"));
  request.idempotent = is_idempotent(method);
  lua_Number timeout = luaL_optnumber(L, 9, tg_client_limits_default.call_timeout_ms / 1e3);
  request.timeout_ms = tg_seconds_to_ns(timeout) / 1000000;
  tg_task *task = tg_task_enter(L, "tg.http");
  tg_buffer *head = TG_SCRATCH_TAKE(L, &runtime->scratches);
  write_head(L, head, method, request.body);
  request.head = tg_buffer_text(head);
  bool is_cancelled = tg_task_is_cancelled(task);
  tg_call *call = is_cancelled ? NULL : tg_call_start(runtime->client, &request, on_done, task);
  tg_scratch_give(&runtime->scratches, head);
  if (is_cancelled) return tg_task_raise_cancellation(L, task);
  if (call == NULL) return luaL_error(L, "out of memory");
  return tg_task_park(L, task, on_abort, call);
}

/* core.call_body_limit() → bytes that an answer's body may have */
static int body_limit(lua_State *L) {
  lua_pushnumber(L, (lua_Number)tg_client_limits_default.body_bytes_max);
  return 1;
}

/* core.client_statistics() → {origins, connections, idle, waiting} */
static int statistics(lua_State *L) {
  tg_client_statistics count = tg_client_count(tg_runtime_of(L)->client);
  lua_createtable(L, 0, 4);
  lua_pushinteger(L, (lua_Integer)count.origins);
  lua_setfield(L, -2, "origins");
  lua_pushinteger(L, (lua_Integer)count.connections);
  lua_setfield(L, -2, "connections");
  lua_pushinteger(L, (lua_Integer)count.idle);
  lua_setfield(L, -2, "idle");
  lua_pushinteger(L, (lua_Integer)count.waiting);
  lua_setfield(L, -2, "waiting");
  return 1;
}

const luaL_Reg tg_call_functions[] = {
    {"call", call_upstream},
    {"call_body_limit", body_limit},
    {"client_statistics", statistics},
    {NULL, NULL},
};
