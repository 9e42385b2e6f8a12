/* Blocking calls: Lua functions that run in threads with Lua states of their own, while the loop goes on. Bytes go in
   and bytes come out; blocking.lua and blocking_thread.lua say what they mean. */
#include "bind/log.h"
#include "bind/raise.h"
#include "bind/state.h"
#include "bind/task.h"
#include "bind/whole.h"
#include "io/thread_pool.h"

#include <stdio.h>
#include <stdlib.h>

/* How long the end of the process waits for calls that run, after the drain: no thread can be stopped from outside. */
enum { END_MS_MAX = 2000 };

#define ENTRY "tidegate.blocking_thread" /* the module that runs the calls, and the key of its function */

/* Belongs to the pool until on_done, so it may outlive the task. */
typedef struct call {
  tg_work work;
  tg_task *task; /* NULL once nobody waits for it */
  tg_runtime *runtime;
  tg_buffer bytes;  /* what goes in, and then what comes out */
  bool failed;      /* the bytes are a message instead */
  bool needs_state; /* the thread's state does not suit it */
  lua_Number number;
} call;

static void free_call(call *self) {
  tg_buffer_free(&self->bytes);
  free(self);
}

/* --- the states of the threads --- */

static int refuse_module(lua_State *L) {
  tg_raise(L,
           "require \"%s\": what tg.blocking calls runs in a thread that has no loop, so nothing in it can wait; "
           "do that part in the route",
           lua_tostring(L, 1));
}

static bool is_for_threads(const char *name) {
  return strcmp(name, ENTRY) == 0 || strcmp(name, "tidegate.plain") == 0;
}

static int set_up_state(lua_State *L) {
  tg_state_preload(L, "tidegate.core", refuse_module, NULL);
  for (const struct tg_embedded_module *module = tg_embedded_modules; module->name != NULL; module++) {
    tg_state_preload(L, module->name, is_for_threads(module->name) ? tg_state_open_embedded : refuse_module, module);
  }
  lua_getglobal(L, "require");
  lua_pushliteral(L, ENTRY);
  lua_call(L, 1, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, ENTRY);
  return 0;
}

/* A new state; NULL without memory. */
static lua_State *new_state(void) {
  lua_State *L = tg_state_new();
  if (L == NULL) return NULL;
  if (lua_cpcall(L, set_up_state, NULL) == 0) return L;
  lua_close(L);
  return NULL;
}

/* What a thread keeps: its state, of which a call may ask for a new one. */
typedef struct holder {
  lua_State *L; /* NULL without memory */
} holder;

static void *open_holder(void *owner) {
  (void)owner;
  return calloc(1, sizeof(holder));
}

static void drop_state(holder *self) {
  if (self->L != NULL) lua_close(self->L);
  self->L = NULL;
}

static void close_holder(void *context) {
  holder *self = context;
  drop_state(self);
  free(self);
}

static const tg_thread_context thread_context = {open_holder, close_holder};

static int run_protected(lua_State *L) {
  call *self = lua_touserdata(L, 1);
  tg_text bytes = tg_buffer_text(&self->bytes);
  lua_getfield(L, LUA_REGISTRYINDEX, ENTRY);
  lua_pushlstring(L, bytes.data, bytes.size);
  lua_call(L, 1, 1);
  self->needs_state = !lua_toboolean(L, -1);
  if (self->needs_state) return 0;
  bytes = tg_check_text(L, -1);
  tg_buffer_clear(&self->bytes);
  if (!tg_buffer_append_text(&self->bytes, bytes)) return luaL_error(L, "not enough memory");
  return 0;
}

static void fail(call *self, const char *message) {
  self->failed = true;
  tg_buffer_free(&self->bytes);
  tg_buffer_append(&self->bytes, message, strlen(message));
}

/* What fails here is not the user's function, whose errors are results, but what is around it: that function has left
   a hook, or has no global of Lua's in its place, or there is no memory. No later call may find the state like that. */
static void run_in(holder *thread, call *self) {
  lua_State *L = thread->L;
  self->needs_state = false;
  if (lua_cpcall(L, run_protected, self) == 0) {
    lua_settop(L, 0);
    return;
  }
  const char *message = lua_tostring(L, -1);
  fail(self, message != NULL ? message : "an error that is not a string");
  drop_state(thread);
}

static bool renew_state(holder *self) {
  drop_state(self);
  self->L = new_state();
  return self->L != NULL;
}

/* In a thread. */
static void run_call(tg_work *work, void *context) {
  call *self = TG_CONTAINER(work, call, work);
  holder *thread = context;
  self->needs_state = true;
  if (thread != NULL && thread->L != NULL) run_in(thread, self);
  if (thread != NULL && self->needs_state && renew_state(thread)) run_in(thread, self);
  if (self->needs_state) fail(self, "not enough memory for a Lua state");
}

/* --- in the loop --- */

static int push_result(lua_State *L, void *data) {
  const call *self = data;
  tg_text bytes = tg_buffer_text(&self->bytes);
  lua_pushnil(L);
  if (self->failed) lua_pushboolean(L, 0);
  lua_pushlstring(L, bytes.size > 0 ? bytes.data : "", bytes.size);
  return self->failed ? 3 : 2;
}

static void on_done(tg_work *work) {
  call *self = TG_CONTAINER(work, call, work);
  if (self->task != NULL) tg_task_wake_with(self->task, push_result, self);
  free_call(self);
}

static void on_abort(tg_task *task) {
  call *self = task->wait;
  self->task = NULL;
  if (tg_work_cancel(self->runtime->threads, &self->work)) free_call(self);
}

static bool open_pool(tg_runtime *runtime) {
  if (runtime->threads == NULL) {
    runtime->threads = tg_thread_pool_new(runtime->loop, &thread_context, runtime, &runtime->thread_limits);
  }
  return runtime->threads != NULL;
}

static call *new_call(tg_runtime *runtime, tg_task *task, tg_text bytes) {
  call *self = calloc(1, sizeof *self);
  if (self == NULL) return NULL;
  self->work.run = run_call;
  self->work.on_done = on_done;
  self->runtime = runtime;
  self->task = task;
  if (tg_buffer_append_text(&self->bytes, bytes)) return self;
  free_call(self);
  return NULL;
}

static int push_failure(lua_State *L, const char *kind) {
  lua_pushnil(L);
  lua_pushboolean(L, 0);
  lua_pushstring(L, kind);
  return 3;
}

/* core.blocking(bytes, number) → error, bytes; or error, false, "busy" or a sentence */
static int call_blocking(lua_State *L) {
  tg_runtime *runtime = tg_runtime_of(L);
  tg_text bytes = tg_check_text(L, 1);
  tg_task *task = tg_task_enter(L, "tg.blocking");
  if (tg_task_is_cancelled(task)) return tg_task_raise_cancellation(L, task);
  call *self = open_pool(runtime) ? new_call(runtime, task, bytes) : NULL;
  if (self == NULL) return luaL_error(L, "out of memory");
  self->number = lua_tonumber(L, 2);
  int code = tg_work_start(runtime->threads, &self->work);
  if (code == 0) return tg_task_park(L, task, on_abort, self);
  free_call(self);
  return push_failure(L, code == TG_ERROR_BUSY ? "busy" : tg_error_text(code));
}

static unsigned check_limit(lua_State *L, int index) {
  return (unsigned)tg_check_whole(L, index, 1, 2147483648.0, "a limit of blocking calls");
}

/* core.set_blocking_limits(threads, queue): before the first call */
static int set_limits(lua_State *L) {
  tg_thread_limits limits = {check_limit(L, 1), check_limit(L, 2)};
  tg_runtime_of(L)->thread_limits = limits;
  return 0;
}

/* core.blocking_statistics() → {threads, threads_max, running, queued, queue_max} */
static int statistics(lua_State *L) {
  const tg_runtime *runtime = tg_runtime_of(L);
  tg_thread_statistics count = {0};
  if (runtime->threads != NULL) count = tg_thread_pool_count(runtime->threads);
  lua_createtable(L, 0, 5);
  lua_pushnumber(L, count.threads);
  lua_setfield(L, -2, "threads");
  lua_pushnumber(L, runtime->thread_limits.threads_max);
  lua_setfield(L, -2, "threads_max");
  lua_pushnumber(L, count.running);
  lua_setfield(L, -2, "running");
  lua_pushnumber(L, count.queued);
  lua_setfield(L, -2, "queued");
  lua_pushnumber(L, runtime->thread_limits.queue_max);
  lua_setfield(L, -2, "queue_max");
  return 1;
}

/* core.blocking_running() → {number, seconds, number, seconds, …} of the calls that run now, and for how long; also of those
   for which nobody waits any more */
static int running(lua_State *L) {
  const tg_runtime *runtime = tg_runtime_of(L);
  unsigned most = runtime->threads != NULL ? tg_thread_pool_count(runtime->threads).threads : 0;
  tg_thread_work *list = lua_newuserdata(L, (most + 1) * sizeof *list);
  unsigned count = most > 0 ? tg_thread_pool_list(runtime->threads, list, most) : 0;
  lua_createtable(L, (int)count * 2, 0);
  for (unsigned i = 0; i < count; i++) {
    lua_pushnumber(L, TG_CONTAINER(list[i].work, call, work)->number);
    lua_rawseti(L, -2, (int)i * 2 + 1);
    lua_pushnumber(L, (lua_Number)list[i].ns / 1e9);
    lua_rawseti(L, -2, (int)i * 2 + 2);
  }
  return 1;
}

bool tg_blocking_close(tg_runtime *runtime) {
  if (runtime->threads == NULL) return true;
  unsigned left = tg_thread_pool_close(runtime->threads, END_MS_MAX);
  runtime->threads = NULL;
  if (left == 0) return true;
  char message[128];
  snprintf(message, sizeof message,
           "%u blocking call%s still running after %d seconds; the process ends without waiting", left,
           left == 1 ? " is" : "s are", END_MS_MAX / 1000);
  tg_log_write("warn", tg_text_of(message));
  return false;
}

const luaL_Reg tg_blocking_functions[] = {
    {"blocking", call_blocking},
    {"set_blocking_limits", set_limits},
    {"blocking_statistics", statistics},
    {"blocking_running", running},
    {NULL, NULL},
};
