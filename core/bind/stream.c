/* Streams for scripts: connect, read, write, close. One task may read and another write at the same time. */
#include "base/saturate.h"
#include "bind/raise.h"
#include "bind/task.h"
#include "bind/whole.h"
#include "io/dial.h"
#include "io/local.h"
#include "io/socket.h"

#include <stdlib.h>

static const char metatable[] = "tidegate.stream";

typedef struct script_stream {
  tg_runtime *runtime;
  tg_stream *stream; /* NULL before it is connected and after it is closed */
  tg_dial *dial;     /* while it is being connected */
  tg_buffer inbox;   /* what has come and was not read */
  uint64_t taken;    /* bytes that were read */
  int code;          /* why nothing more comes: TG_ERROR_EOF or another negative code; 0 while something may */
  int write_code;    /* why nothing more can be written; 0 while something may */
  bool write_told;   /* … and the script knows */
  bool finished;     /* the script has ended its side */
  tg_task *reader;   /* the task that waits for bytes */
  tg_task *writer;   /* the task that waits for the system to take what was written, or for the connection */
} script_stream;

static script_stream *check_stream(lua_State *L) {
  return luaL_checkudata(L, 1, metatable);
}

static void wake(tg_task **waiter) {
  tg_task *task = *waiter;
  *waiter = NULL;
  if (task != NULL) tg_task_wake(task, 0);
}

/* What the peer had said before a write failed is read all the same, and then it ends: the script has heard of the reset
   already. */
static void on_read(tg_stream *stream, const char *bytes, long size) {
  script_stream *self = stream->owner;
  if (size == TG_ERROR_RESET && self->write_told) size = TG_ERROR_EOF;
  if (size < 0) self->code = (int)size;
  else if (!tg_buffer_append(&self->inbox, bytes, (size_t)size)) self->code = TG_ERROR_MEMORY;
  tg_stream_read_stop(stream); /* the next read starts it again: a slow reader holds the peer back */
  wake(&self->reader);
}

static void on_drain(tg_stream *stream, int code) {
  script_stream *self = stream->owner;
  if (code < 0 && self->write_code == 0) self->write_code = code;
  wake(&self->writer);
}

static const tg_stream_events events = {.on_read = on_read, .on_drain = on_drain};

static void close_stream(script_stream *self) {
  if (self->dial != NULL) tg_dial_cancel(self->dial);
  if (self->stream != NULL) {
    tg_stream_close(self->stream);
    self->runtime->stream_count--;
  }
  self->dial = NULL;
  self->stream = NULL;
  self->code = self->write_code = TG_ERROR_CANCELED;
  tg_buffer_free(&self->inbox);
  wake(&self->reader);
  wake(&self->writer);
}

static script_stream *push_new(lua_State *L, tg_runtime *runtime) {
  script_stream *self = lua_newuserdata(L, sizeof *self);
  *self = (script_stream){.runtime = runtime};
  luaL_getmetatable(L, metatable);
  lua_setmetatable(L, -2);
  return self;
}

static void attach(script_stream *self, tg_stream *stream) {
  self->stream = stream;
  self->runtime->stream_count++;
  tg_stream_attach(stream, &events, self);
}

/* core.stream() → a stream that is not connected */
static int create(lua_State *L) {
  push_new(L, tg_runtime_of(L));
  return 1;
}

/* stream:close(): ends it both ways; who waits on it hears that it is closed */
static int close_now(lua_State *L) {
  close_stream(check_stream(L));
  return 0;
}

/* --- connecting --- */

static void on_connected(void *owner, int code, tg_stream *stream) {
  script_stream *self = owner;
  self->dial = NULL;
  self->code = code;
  if (stream != NULL) attach(self, stream);
  wake(&self->writer);
}

static void on_connect_abort(tg_task *task) {
  script_stream *self = task->wait;
  self->writer = NULL;
  close_stream(self);
}

/* core.stream_connect(stream, host, port) → error; afterwards core.stream_error(stream) says how it went. The caller
   keeps the stream. */
static int connect_stream(lua_State *L) {
  script_stream *self = check_stream(L);
  const char *host = luaL_checkstring(L, 2);
  unsigned port = tg_check_port(L, 3);
  tg_task *task = tg_task_enter(L, host[0] == '/' ? "tg.unix.connect" : "tg.tcp.connect");
  if (tg_task_is_cancelled(task)) return tg_task_raise_cancellation(L, task);
  self->code = tg_dial_start(tg_runtime_of(L)->loop, host, port, on_connected, self, &self->dial);
  if (self->code < 0) return 0;
  self->writer = task;
  return tg_task_park(L, task, on_connect_abort, self);
}

/* core.stream_error(stream, of writing) → nil, or why nothing more comes, or can be written: "end of file", "connection
   refused", …; and is it no more than the peer's end? */
static int stream_error(lua_State *L) {
  script_stream *self = check_stream(L);
  bool of_writing = lua_toboolean(L, 2);
  int code = of_writing ? self->write_code : self->code;
  if (code == 0) return 0;
  if (of_writing) self->write_told = true;
  lua_pushstring(L, code == TG_ERROR_CANCELED ? "the stream is closed" : tg_error_text(code));
  lua_pushboolean(L, code == TG_ERROR_EOF);
  return 2;
}

/* core.stream_peer_user(stream) → the number of the user whose process is at the other end of a Unix socket; nil for other
   streams */
static int peer_user(lua_State *L) {
  const script_stream *self = check_stream(L);
  uid_t user;
  if (self->stream == NULL || !tg_socket_peer_user(self->stream, &user)) return 0;
  lua_pushnumber(L, (lua_Number)user);
  return 1;
}

/* --- reading --- */

static void on_read_abort(tg_task *task) {
  script_stream *self = task->wait;
  self->reader = NULL;
  tg_stream_read_stop(self->stream);
}

/* core.stream_wait(stream) → error: waits until more bytes have come, or nothing more can */
static int wait_readable(lua_State *L) {
  script_stream *self = check_stream(L);
  if (self->code != 0) return 0;
  if (self->stream == NULL) tg_raise(L, "this stream is not connected yet");
  if (self->reader != NULL) tg_raise(L, "another task is reading from this stream");
  tg_task *task = tg_task_enter(L, "stream:read");
  if (tg_task_is_cancelled(task)) return tg_task_raise_cancellation(L, task);
  self->code = tg_stream_read_start(self->stream);
  if (self->code < 0) return 0;
  self->reader = task;
  return tg_task_park(L, task, on_read_abort, self);
}

/* core.stream_take(stream, bytes or nil) → what has come, at most that many bytes; nil when nothing has. A part of a read,
   so that it raises where nothing can wait. Bytes are taken off the inbox before they are pushed: that may run a
   finalizer, which may close the stream. */
static int take(lua_State *L) {
  script_stream *self = check_stream(L);
  tg_runtime *runtime = tg_runtime_of(L);
  tg_text text = tg_buffer_text(&self->inbox);
  size_t most = (size_t)tg_to_u64(luaL_optnumber(L, 2, 1e15));
  tg_task_enter(L, "stream:read");
  if (text.size == 0) return 0;
  if (text.size > most) text.size = most;
  tg_buffer *taken = TG_SCRATCH_TAKE(L, &runtime->scratches);
  if (tg_buffer_append_text(taken, text)) {
    tg_buffer_consume(&self->inbox, text.size);
    self->taken += text.size;
  }
  tg_garbage_note(&runtime->garbage, text.size);
  tg_scratch_push(L, &runtime->scratches, taken);
  return 1;
}

/* core.stream_find(stream, text, from) → bytes up to the end of the first occurrence in what has come, or nil; how many
   bytes have come; and where to look from when more have, so that nothing is looked at twice. That place counts from the
   stream's first byte: another task may take what is in front of it meanwhile. */
static int find(lua_State *L) {
  script_stream *self = check_stream(L);
  tg_text inbox = tg_buffer_text(&self->inbox), wanted = tg_check_text(L, 2);
  lua_Number from = luaL_checknumber(L, 3) - (lua_Number)self->taken;
  size_t skipped = from > 0 && from <= (lua_Number)inbox.size ? (size_t)from : 0;
  const char *at = NULL;
  if (inbox.size > 0) at = memmem(inbox.data + skipped, inbox.size - skipped, wanted.data, wanted.size);
  if (at == NULL) lua_pushnil(L);
  else lua_pushnumber(L, (lua_Number)((size_t)(at - inbox.data) + wanted.size));
  lua_pushnumber(L, (lua_Number)inbox.size);
  size_t again = inbox.size > wanted.size ? inbox.size - wanted.size : 0;
  lua_pushnumber(L, (lua_Number)(self->taken + again));
  return 3;
}

/* --- writing --- */

static void on_write_abort(tg_task *task) {
  ((script_stream *)task->wait)->writer = NULL;
}

/* core.stream_write(stream, text) → error: waits until the system has taken it all, so that nothing is lost when the
   stream is closed behind it, and no failure is heard of too late. Afterwards core.stream_error(stream, true) says how it
   went. */
static int write_text(lua_State *L) {
  script_stream *self = check_stream(L);
  tg_text text = tg_check_text(L, 2);
  if (self->stream == NULL || self->write_code < 0) return 0;
  if (self->finished) tg_raise(L, "stream:write: this side of the stream has ended, by stream:finish");
  if (self->writer != NULL) tg_raise(L, "another task is writing to this stream");
  tg_task *task = tg_task_enter(L, "stream:write");
  if (tg_task_is_cancelled(task)) return tg_task_raise_cancellation(L, task);
  tg_garbage_note_sent(&task->runtime->garbage, text);
  int code = tg_stream_write(self->stream, &text, 1);
  if (code < 0) self->write_code = code;
  if (code != TG_STREAM_QUEUED) return 0;
  self->writer = task;
  return tg_task_park(L, task, on_write_abort, self);
}

/* core.stream_finish(stream) → false where what was written before could not be: ends the own side behind what was
   written; reading goes on. A stream that is closed or finished stays so. */
static int finish(lua_State *L) {
  script_stream *self = check_stream(L);
  bool can = self->stream != NULL && !self->finished && self->write_code == 0;
  if (can) {
    self->finished = true;
    tg_stream_finish(self->stream);
  }
  lua_pushboolean(L, self->stream == NULL || self->write_code == 0);
  return 1;
}

/* --- listening in memory --- */

typedef struct stream_listener {
  tg_list node; /* in the runtime's listeners */
  tg_runtime *runtime;
  tg_local *local;
  int accept_ref; /* the Lua function that gets each stream, in a task of its own */
} stream_listener;

typedef struct accepted {
  stream_listener *listener;
  tg_stream *stream;
} accepted;

static int push_accepted(lua_State *L, void *data) {
  const accepted *is = data;
  tg_runtime_push_kept(L, is->listener->runtime, is->listener->accept_ref);
  attach(push_new(L, is->listener->runtime), is->stream);
  return 2;
}

static void on_accept(void *owner, tg_stream *stream) {
  stream_listener *self = owner;
  accepted is = {self, stream};
  tg_task *task = tg_task_new(self->runtime);
  if (task != NULL && tg_task_push_results(task, push_accepted, &is) > 0) {
    tg_task_start(task, 1);
    return;
  }
  if (task != NULL) tg_task_drop(task);
  tg_stream_close(stream);
}

/* core.listen_stream_in_memory(host, port, function or nil) → listener: calls it with the stream of each connection of
   this process to that host, in a task of its own; without it they are refused */
static int listen_in_memory(lua_State *L) {
  const char *host = luaL_checkstring(L, 1);
  unsigned port = tg_check_port(L, 2);
  bool refuses = lua_isnoneornil(L, 3);
  if (!refuses) luaL_checktype(L, 3, LUA_TFUNCTION);
  tg_runtime_check_open(L);
  tg_runtime *runtime = tg_runtime_of(L);
  lua_settop(L, 3);
  int accept_ref = tg_runtime_keep(L, runtime); /* of nil too */
  stream_listener *self = calloc(1, sizeof *self);
  if (self == NULL) {
    tg_runtime_let_go(runtime, accept_ref);
    return luaL_error(L, "out of memory");
  }
  self->runtime = runtime;
  self->accept_ref = accept_ref;
  self->local = tg_local_open(runtime->loop, host, port, refuses ? NULL : on_accept, self);
  if (self->local == NULL) {
    tg_runtime_let_go(runtime, accept_ref);
    free(self);
    return luaL_error(L, "out of memory");
  }
  tg_list_push_back(&self->runtime->listeners, &self->node);
  lua_pushlightuserdata(L, self);
  return 1;
}

static void listener_close(stream_listener *self) {
  tg_list_remove(&self->node);
  tg_local_close(self->local);
  tg_runtime_let_go(self->runtime, self->accept_ref);
  free(self);
}

void tg_stream_listeners_close(tg_runtime *runtime) {
  tg_list *node = runtime->listeners.next;
  while (node != &runtime->listeners) {
    stream_listener *self = TG_CONTAINER(node, stream_listener, node);
    node = node->next;
    listener_close(self);
  }
}

/* core.close_stream_listener(listener): no further connections; those that stand go on */
static int close_listener(lua_State *L) {
  luaL_checktype(L, 1, LUA_TLIGHTUSERDATA);
  listener_close(lua_touserdata(L, 1));
  return 0;
}

/* core.stream_metatable() → the metatable, into which stream.lua puts the methods */
static int push_metatable(lua_State *L) {
  luaL_getmetatable(L, metatable);
  return 1;
}

const luaL_Reg tg_stream_metatables[] = {{metatable, close_now}, {NULL, NULL}};

const luaL_Reg tg_stream_functions[] = {
    {"stream", create},
    {"stream_connect", connect_stream},
    {"stream_error", stream_error},
    {"stream_peer_user", peer_user},
    {"stream_wait", wait_readable},
    {"stream_take", take},
    {"stream_find", find},
    {"stream_write", write_text},
    {"stream_finish", finish},
    {"stream_close", close_now},
    {"listen_stream_in_memory", listen_in_memory},
    {"close_stream_listener", close_listener},
    {"stream_metatable", push_metatable},
    {NULL, NULL},
};
