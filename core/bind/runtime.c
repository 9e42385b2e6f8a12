#include "bind/runtime.h"
#include "bind/access_log.h"
#include "bind/request.h"
#include "bind/log.h"
#include "bind/server.h"
#include "bind/state.h"
#include "bind/task.h"
#include "io/watchdog.h"

#include <stdlib.h>

/* --- the Lua state --- */

static const luaL_Reg *const function_lists[] = {
    tg_task_functions,      tg_clock_functions,     tg_server_functions,     tg_request_functions,
    tg_call_functions,      tg_stream_functions,    tg_text_functions,       tg_system_functions,
    tg_deadline_functions,  tg_tree_functions,      tg_blocking_functions,   tg_body_functions,
    tg_answer_functions,    tg_handles_functions,   tg_coding_functions,     tg_file_functions,
    tg_validator_functions, tg_multipart_functions, tg_access_log_functions, tg_client_functions,
    tg_fields_functions,    tg_json_functions,      tg_watch_functions,      tg_encoding_functions,
    tg_log_lines_functions,
};

void tg_runtime_register(lua_State *L, tg_runtime *runtime, const luaL_Reg *functions) {
  lua_pushlightuserdata(L, runtime);
  luaL_setfuncs(L, functions, 1);
}

void tg_runtime_set_reference(lua_State *L, int *reference, int index) {
  const tg_runtime *runtime = tg_runtime_of(L);
  int before = *reference;
  luaL_checktype(L, index, LUA_TFUNCTION);
  lua_pushvalue(L, index);
  *reference = tg_runtime_keep(L, runtime);
  tg_runtime_let_go(runtime, before);
}

int tg_runtime_keep(lua_State *L, const tg_runtime *runtime) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, runtime->kept_ref);
  lua_insert(L, -2); /* stack: kept, value */
  int reference = luaL_ref(L, -2);
  lua_pop(L, 1);
  return reference;
}

void tg_runtime_keep_instead(lua_State *L, const tg_runtime *runtime, int reference) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, runtime->kept_ref);
  lua_insert(L, -2); /* stack: kept, value */
  lua_rawseti(L, -2, reference);
  lua_pop(L, 1);
}

void tg_runtime_push_kept(lua_State *L, const tg_runtime *runtime, int reference) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, runtime->kept_ref);
  lua_rawgeti(L, -1, reference);
  lua_remove(L, -2);
}

void tg_runtime_let_go(const tg_runtime *runtime, int reference) {
  lua_State *L = runtime->L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, runtime->kept_ref);
  luaL_unref(L, -1, reference);
  lua_pop(L, 1);
}

static const luaL_Reg *const metatable_lists[] = {
    tg_stream_metatables, tg_coding_metatables, tg_file_metatables, tg_multipart_metatables, tg_json_metatables,
};

/* All from the start: where memory is out at its first use, a metatable would stay without what collects. */
static void make_metatables(lua_State *L, const luaL_Reg *list) {
  for (; list->name != NULL; list++) {
    luaL_newmetatable(L, list->name);
    lua_pushcfunction(L, list->func);
    lua_setfield(L, -2, "__gc");
    lua_pushstring(L, list->name);
    lua_setfield(L, -2, "__name");
    lua_pop(L, 1);
  }
}

static int open_core(lua_State *L) {
  for (size_t i = 0; i < sizeof metatable_lists / sizeof metatable_lists[0]; i++) {
    make_metatables(L, metatable_lists[i]);
  }
  lua_newtable(L);
  for (size_t i = 0; i < sizeof function_lists / sizeof function_lists[0]; i++) {
    tg_runtime_register(L, tg_runtime_of(L), function_lists[i]);
  }
  lua_pushliteral(L, TG_VERSION);
  lua_setfield(L, -2, "version");
  return 1;
}

static int add_traceback(lua_State *L) {
  if (lua_isstring(L, 1)) luaL_traceback(L, L, lua_tostring(L, 1), 1);
  return 1;
}

enum { KEPT_FIRST = 64 };

/* A table that keeps none of its keys. [-0, +1, m] */
static void push_weak_table(lua_State *L) {
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "k");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
}

/* What is needed where memory is out is made before. */
static int set_up_state(lua_State *L) {
  tg_runtime *runtime = lua_touserdata(L, 1);
  tg_state_preload(L, "tidegate.core", open_core, runtime);
  for (const struct tg_embedded_module *module = tg_embedded_modules; module->name != NULL; module++) {
    tg_state_preload(L, module->name, tg_state_open_embedded, module);
  }
  lua_pushcfunction(L, add_traceback);
  runtime->traceback_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushlightuserdata(L, runtime);
  lua_pushcclosure(L, tg_task_push_protected, 1);
  runtime->push_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushliteral(L, "not enough memory");
  runtime->memory_error_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushliteral(L, "GET");
  runtime->get_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_createtable(L, KEPT_FIRST, 0);
  runtime->kept_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushboolean(L, true);
  tg_runtime_let_go(runtime, tg_runtime_keep(L, runtime)); /* makes the list of free references */
  push_weak_table(L);
  runtime->coroutines_ref = tg_runtime_keep(L, runtime);
  push_weak_table(L);
  runtime->levels_ref = tg_runtime_keep(L, runtime);
  return 0;
}

/* --- the runtime --- */

typedef struct arrival {
  tg_runtime *runtime;
  const char *name;
} arrival;

static int tell_signal(lua_State *L) {
  const arrival *is = lua_touserdata(L, 1);
  lua_pushstring(L, is->name);
  tg_runtime_call(is->runtime, is->runtime->signal_ref, 1);
  return 0;
}

static void on_signal(void *owner, const char *name) {
  tg_runtime *runtime = owner;
  arrival is = {runtime, name};
  if (lua_cpcall(runtime->L, tell_signal, &is) == 0) return;
  lua_pop(runtime->L, 1);
  tg_log_write("error", TG_TEXT("a signal was lost: not enough memory"));
}

static const tg_thread_limits thread_limits_default = {.threads_max = 4, .queue_max = 1000};

static bool open_parts(tg_runtime *runtime) {
  runtime->thread_limits = thread_limits_default;
  runtime->loop = tg_loop_new();
  runtime->L = tg_state_new();
  if (runtime->loop == NULL || runtime->L == NULL) return false;
  tg_garbage_open(&runtime->garbage, runtime->L, runtime->loop);
  runtime->client = tg_client_new(runtime->loop, &tg_client_limits_default);
  runtime->signals = tg_signals_open(runtime->loop, on_signal, runtime);
  return runtime->client != NULL && runtime->signals != NULL && runtime->deadlines != NULL;
}

tg_runtime *tg_runtime_new(void) {
  tg_runtime *runtime = calloc(1, sizeof *runtime);
  if (runtime == NULL) return NULL;
  tg_list_init(&runtime->tasks);
  tg_list_init(&runtime->spare_tasks);
  tg_list_init(&runtime->servers);
  tg_list_init(&runtime->listeners);
  tg_deadlines_open(runtime);
  runtime->stall_ns = UINT64_MAX;
  runtime->stall_ref = runtime->deadline_ref = runtime->forget_ref = runtime->body_ref = runtime->gone_ref = LUA_NOREF;
  runtime->signal_ref = runtime->stuck_ref = runtime->line_ref = LUA_NOREF;
  if (open_parts(runtime) && lua_cpcall(runtime->L, set_up_state, runtime) == 0) return runtime;
  tg_runtime_free(runtime);
  return NULL;
}

/* Calls the function under `count` arguments; false, with its message in the log, when it raises. */
static bool call_protected(tg_runtime *runtime, int count, int results) {
  lua_State *L = runtime->L;
  int handler = lua_gettop(L) - count;
  lua_rawgeti(L, LUA_REGISTRYINDEX, runtime->traceback_ref);
  lua_insert(L, handler); /* stack: add_traceback, function, arguments */
  bool fine = lua_pcall(L, count, results, handler) == 0;
  if (!fine) {
    const char *message = lua_tostring(L, -1);
    tg_log_write("error", tg_text_of(message != NULL ? message : "an error that is not a string"));
    lua_pop(L, 1);
  }
  lua_remove(L, handler);
  return fine;
}

bool tg_runtime_call(tg_runtime *runtime, int reference, int count) {
  lua_State *L = runtime->L;
  if (reference == LUA_NOREF) {
    lua_pop(L, count);
    return true;
  }
  tg_runtime_push_kept(L, runtime, reference);
  lua_insert(L, -count - 1);
  return call_protected(runtime, count, 0);
}

static void push_arguments(lua_State *L, int argc, char **argv) {
  lua_createtable(L, argc, 1);
  for (int i = 0; i < argc; i++) {
    lua_pushstring(L, argv[i]);
    lua_rawseti(L, -2, i);
  }
}

typedef struct program {
  tg_runtime *runtime;
  int argc;
  char **argv;
  int status;
} program;

static int run_program(lua_State *L) {
  program *is = lua_touserdata(L, 1);
  lua_getglobal(L, "require");
  lua_pushliteral(L, "tidegate.cli");
  if (!call_protected(is->runtime, 1, 1)) return 0;
  push_arguments(L, is->argc, is->argv);
  if (call_protected(is->runtime, 1, 1)) is->status = (int)lua_tointeger(L, -1);
  return 0;
}

int tg_runtime_main(tg_runtime *runtime, int argc, char **argv) {
  enum { OUR_OWN_FAULT = 70 }; /* EX_SOFTWARE */
  program is = {runtime, argc, argv, OUR_OWN_FAULT};
  if (lua_cpcall(runtime->L, run_program, &is) != 0) tg_log_write("fatal", TG_TEXT("not enough memory"));
  return is.status;
}

/* Tasks that still wait have nobody left to wake them. */
static void free_tasks(tg_runtime *runtime) {
  tg_list *node;
  while ((node = tg_list_pop_front(&runtime->tasks)) != NULL) {
    tg_task *task = TG_CONTAINER(node, tg_task, node);
    tg_job_cancel(&task->job);
    if (task->state == TG_TASK_PARKED && task->abort != NULL) task->abort(task);
    if (task->on_end != NULL) task->on_end(task);
    tg_list_push_back(&runtime->spare_tasks, node);
  }
  tg_task_free_spare(runtime);
}

void tg_runtime_check_open(lua_State *L) {
  if (tg_runtime_of(L)->is_closing) luaL_error(L, "the process ends, and nothing new can begin");
}

static bool free_loop(tg_loop *loop) {
  if (loop == NULL || tg_loop_free(loop) == 0) return true;
  tg_log_write("warn", TG_TEXT("reading a file hangs; the process ends without waiting for it"));
  return false;
}

bool tg_runtime_free(tg_runtime *runtime) {
  runtime->is_closing = true;
  tg_log_lines_close(runtime);
  tg_deadlines_close(runtime);
  if (runtime->L != NULL) {
    tg_script_servers_close(runtime);
    tg_stream_listeners_close(runtime);
    free_tasks(runtime);
    tg_garbage_close(&runtime->garbage);
  }
  bool ended = tg_blocking_close(runtime);
  ended = tg_script_access_log_close(runtime) && ended;
  if (runtime->L != NULL) lua_close(runtime->L);
  tg_watchdog_close();
  if (runtime->client != NULL) tg_client_free(runtime->client);
  if (runtime->signals != NULL) tg_signals_close(runtime->signals);
  ended = free_loop(runtime->loop) && ended;
  tg_scratches_free(&runtime->scratches);
  tg_trusted_proxies_free(runtime);
  free(runtime);
  return ended;
}
