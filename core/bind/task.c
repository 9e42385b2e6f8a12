#include "bind/raise.h"
#include "bind/task.h"
#include "bind/log.h"

#include <stdlib.h>

enum { SPARE_MAX = 1024 };

static char park_mark; /* its address is what a task yields when it waits; see coroutines.lua */

const void *tg_task_park_mark(void) {
  return &park_mark;
}

/* --- the coroutine's life --- */

/* Gives the coroutine back. The structure stays, so that a wake-up that comes late finds the generation that it must
   be compared with. */
static void drop_coroutine(tg_task *task) {
  tg_runtime_let_go(task->runtime, task->reference);
  tg_runtime_let_go(task->runtime, task->cancellation);
  task->reference = task->cancellation = LUA_NOREF;
  task->L = NULL;
}

static void forget_cancellation(tg_task *task) {
  if (!task->is_cancelled) return;
  task->is_cancelled = false;
  lua_pushboolean(task->runtime->L, false);
  tg_runtime_keep_instead(task->runtime->L, task->runtime, task->cancellation);
}

static void forget_notes(tg_task *task) {
  tg_runtime *runtime = task->runtime;
  task->noted = false;
  tg_task_push(runtime->L, task);
  tg_runtime_call(runtime, runtime->forget_ref, 1);
}

/* The task has ended: whoever waits for that hears it, and its coroutine is kept where it is whole. */
static void end(tg_task *task, bool whole) {
  tg_runtime *runtime = task->runtime;
  task->state = TG_TASK_SPARE;
  if (task->on_end != NULL) task->on_end(task);
  task->on_end = NULL;
  task->raises_cancellation = false;
  task->owner = NULL;
  forget_cancellation(task);
  if (task->noted) forget_notes(task);
  task->parent = NULL;
  tg_list_remove(&task->node);
  runtime->task_count--;
  if (!whole || runtime->spare_count >= SPARE_MAX) {
    drop_coroutine(task);
    tg_list_push_back(&runtime->spare_tasks, &task->node); /* behind those that have one */
    return;
  }
  lua_settop(task->L, 0);
  tg_list_push_front(&runtime->spare_tasks, &task->node);
  runtime->spare_count++;
}

static int log_traceback(lua_State *L) {
  tg_task *task = lua_touserdata(L, 1);
  const char *message = lua_tostring(task->L, -1);
  luaL_traceback(L, task->L, message != NULL ? message : "(no message)", 0);
  tg_log_write("error", tg_text_of(lua_tostring(L, -1)));
  return 0;
}

static void report_death(tg_task *task) {
  lua_State *L = task->runtime->L;
  if (lua_cpcall(L, log_traceback, task) == 0) return;
  lua_pop(L, 1);
  tg_log_write("error", TG_TEXT("a task has died, and there is no memory to say how"));
}

/* The task has held the loop for so long that others had to wait. */
static void report_stall(tg_task *task, uint64_t held_ns) {
  tg_runtime *runtime = task->runtime;
  tg_task_push(runtime->L, task);
  lua_pushnumber(runtime->L, (double)held_ns / 1e9);
  tg_runtime_call(runtime, runtime->stall_ref, 2);
}

/* Pushes the cancellation as the result of a wait; nil where it was taken back meanwhile. [-0, +1, -] */
static int push_cancellation(tg_task *task) {
  if (!task->is_cancelled) lua_pushnil(task->L);
  else tg_runtime_push_kept(task->L, task->runtime, task->cancellation);
  return 1;
}

static void on_job(tg_job *job) {
  tg_task *task = TG_CONTAINER(job, tg_task, job);
  tg_runtime *runtime = task->runtime;
  int count = task->argument_count;
  if (task->raises_cancellation) count += push_cancellation(task);
  task->raises_cancellation = false;
  task->argument_count = 0;
  task->state = TG_TASK_RUNNING;
  runtime->garbage.is_busy = true;
  runtime->turn_began_ns = tg_watch_now_ns();
  runtime->current = task;
  int status = lua_resume(task->L, count);
  runtime->current = NULL;
  uint64_t held_ns = tg_watch_now_ns() - runtime->turn_began_ns;
  if (held_ns > runtime->stall_ns) report_stall(task, held_ns);
  /* A wait that had nothing to wait for is ready again already. */
  bool goes_on = task->state == TG_TASK_PARKED || task->state == TG_TASK_READY;
  if (status == LUA_YIELD && goes_on) return;
  if (status != LUA_YIELD) report_death(task);
  end(task, status == LUA_YIELD && task->state == TG_TASK_ENDED);
}

static int make_coroutine(lua_State *L) {
  tg_task *task = lua_touserdata(L, 1);
  lua_State *thread = lua_newthread(L);
  tg_runtime_push_kept(thread, task->runtime, task->runtime->body_ref);
  tg_runtime_push_kept(L, task->runtime, task->runtime->coroutines_ref);
  lua_pushvalue(L, -2);
  lua_pushboolean(L, true);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  task->reference = tg_runtime_keep(L, task->runtime);
  lua_pushboolean(L, false);
  task->cancellation = tg_runtime_keep(L, task->runtime);
  task->L = thread;
  return 0;
}

/* False without memory. */
static bool has_coroutine(tg_task *task) {
  lua_State *L = task->runtime->L;
  if (task->L != NULL || lua_cpcall(L, make_coroutine, task) == 0) return true;
  lua_pop(L, 1);
  drop_coroutine(task);
  return false;
}

/* Gives a new task its place; false without memory. */
static bool take_place(tg_runtime *runtime, tg_task *task) {
  if (runtime->task_place_count == runtime->task_place_capacity) {
    uint32_t capacity = runtime->task_place_capacity > 0 ? runtime->task_place_capacity * 2 : 64;
    tg_task **places = realloc(runtime->task_places, capacity * sizeof(tg_task *));
    if (places == NULL) return false;
    runtime->task_places = places;
    runtime->task_place_capacity = capacity;
  }
  runtime->task_places[runtime->task_place_count++] = task;
  task->place = runtime->task_place_count;
  return true;
}

void tg_task_push(lua_State *L, const tg_task *task) {
  lua_pushlightuserdata(L, (void *)(uintptr_t)task->place);
}

tg_task *tg_task_check(lua_State *L, int index) {
  const tg_runtime *runtime = tg_runtime_of(L);
  luaL_checktype(L, index, LUA_TLIGHTUSERDATA);
  uintptr_t place = (uintptr_t)lua_touserdata(L, index);
  luaL_argcheck(L, place >= 1 && place <= runtime->task_place_count, index, "a task expected");
  return runtime->task_places[place - 1];
}

static tg_task *create(tg_runtime *runtime) {
  tg_task *task = calloc(1, sizeof *task);
  if (task == NULL || !take_place(runtime, task)) {
    free(task);
    return NULL;
  }
  task->runtime = runtime;
  task->cancellation = task->reference = LUA_NOREF;
  tg_list_init(&task->node);
  tg_list_init(&task->wait_node);
  tg_job_init(&task->job, on_job);
  return task;
}

tg_task *tg_task_new(tg_runtime *runtime) {
  tg_task *task;
  if (tg_list_is_empty(&runtime->spare_tasks)) {
    task = create(runtime);
    if (task == NULL) return NULL;
  } else {
    task = TG_CONTAINER(tg_list_pop_front(&runtime->spare_tasks), tg_task, node);
    if (task->L != NULL) runtime->spare_count--;
  }
  if (!has_coroutine(task)) {
    tg_list_push_back(&runtime->spare_tasks, &task->node);
    return NULL;
  }
  tg_list_push_back(&runtime->tasks, &task->node);
  runtime->task_count++;
  task->number = ++runtime->task_number;
  return task;
}

void tg_task_drop(tg_task *task) {
  task->on_end = NULL;
  end(task, false);
}

void tg_task_start(tg_task *task, int count) {
  task->argument_count = count + 1;
  task->state = TG_TASK_READY;
  tg_loop_post(task->runtime->loop, &task->job);
}

void tg_task_free_spare(tg_runtime *runtime) {
  tg_list *node = runtime->spare_tasks.next;
  while (node != &runtime->spare_tasks) {
    tg_task *task = TG_CONTAINER(node, tg_task, node);
    node = node->next;
    drop_coroutine(task);
    free(task);
  }
  tg_list_init(&runtime->spare_tasks);
  runtime->spare_count = 0;
  free(runtime->task_places);
  runtime->task_places = NULL;
  runtime->task_place_count = runtime->task_place_capacity = 0;
}

/* --- waiting and waking --- */

/* Was the coroutine on whose stack this is resumed, it or one of those around it, where C code could not yield? */
static bool is_resumed_from_c(const tg_task *task, lua_State *L) {
  if (L == task->L) return false;
  tg_runtime_push_kept(L, task->runtime, task->runtime->levels_ref);
  lua_pushthread(L);
  lua_rawget(L, -2);
  bool is_from_c = lua_tointeger(L, -1) >= TG_LEVEL_FROM_C;
  lua_pop(L, 2);
  return is_from_c;
}

/* From `L`, a coroutine of the task or one that its code has made, to the loop. */
bool tg_task_can_yield(const tg_task *task, lua_State *L) {
  return lua_isyieldable(L) && !is_resumed_from_c(task, L);
}

/* Does not return. */
static tg_task *refuse_wait(lua_State *L, const char *name) {
  if (tg_is_in_finalizer(L)) {
    tg_raise(L,
             "%s waits, and nothing can wait in a finalizer (of ffi.gc, or a __gc), which runs in the middle of "
             "anything; note what is to be done, and do it in a task",
             name);
  }
  if (tg_runtime_of(L)->current == NULL) {
    tg_raise(L, "%s waits, and nothing can wait while a file is being loaded; call it from a handler", name);
  }
  tg_raise(L,
           "%s waits, and nothing can wait inside a function that C code calls back (a table.sort comparator, "
           "a string.gsub callback, a __tostring that print calls, a module that is being required)",
           name);
}

tg_task *tg_task_enter(lua_State *L, const char *name) {
  tg_task *task = tg_runtime_of(L)->current;
  if (task == NULL || !tg_task_can_yield(task, L)) return refuse_wait(L, name);
  task->waits_on = name;
  if (!lua_checkstack(task->L, TG_TASK_RESULTS_MAX)) tg_raise(L, "%s: the task's stack is full", name);
  return task;
}

int tg_task_raise_cancellation(lua_State *L, tg_task *task) {
  int count = tg_task_park(L, task, NULL, NULL);
  task->raises_cancellation = true;
  tg_task_wake(task, 0);
  return count;
}

int tg_task_park(lua_State *L, tg_task *task, void (*abort)(tg_task *task), void *wait) {
  task->state = TG_TASK_PARKED;
  task->generation++;
  task->abort = abort;
  task->wait = wait;
  task->shielded = false;
  task->since_ns = tg_loop_now_ns(task->runtime->loop);
  lua_pushlightuserdata(L, &park_mark);
  return lua_yield(L, 1);
}

void tg_task_wake(tg_task *task, int count) {
  if (task->state != TG_TASK_PARKED) {
    lua_pop(task->L, count);
    return;
  }
  task->state = TG_TASK_READY;
  task->abort = NULL;
  task->wait = NULL;
  task->argument_count = count;
  tg_loop_post(task->runtime->loop, &task->job);
}

int tg_task_yield(lua_State *L, tg_task *task) {
  int count = tg_task_park(L, task, NULL, NULL);
  task->state = TG_TASK_READY;
  task->argument_count = 0;
  tg_loop_post_last(task->runtime->loop, &task->job);
  return count;
}

struct tg_task_pushing {
  tg_task *task;
  int (*push)(lua_State *L, void *data);
  void *data;
  int count;
};

int tg_task_push_protected(lua_State *L) {
  struct tg_task_pushing *is = tg_runtime_of(L)->pushing;
  is->count = is->push(L, is->data);
  lua_xmove(L, is->task->L, is->count);
  return 0;
}

int tg_task_push_results(tg_task *task, int (*push)(lua_State *L, void *data), void *data) {
  tg_runtime *runtime = task->runtime;
  struct tg_task_pushing is = {task, push, data, 0};
  runtime->pushing = &is;
  lua_rawgeti(runtime->L, LUA_REGISTRYINDEX, runtime->push_ref); /* lua_cpcall makes a new function for each call */
  if (lua_pcall(runtime->L, 0, 0, 0) == 0) return is.count;
  lua_pop(runtime->L, 1);
  return -1;
}

/* What it waited for has come and is the caller's: a finalizer that cancels the task meanwhile has nothing to give up. */
void tg_task_wake_with(tg_task *task, int (*push)(lua_State *L, void *data), void *data) {
  task->abort = NULL;
  int count = tg_task_push_results(task, push, data);
  if (count < 0) lua_rawgeti(task->L, LUA_REGISTRYINDEX, task->runtime->memory_error_ref);
  tg_task_wake(task, count < 0 ? 1 : count);
}

void tg_task_cancel(tg_task *task, lua_State *L) {
  if (task->state == TG_TASK_SPARE || lua_isnil(L, -1)) {
    lua_pop(L, 1);
    forget_cancellation(task);
    return;
  }
  task->is_cancelled = true;
  tg_runtime_keep_instead(L, task->runtime, task->cancellation);
  if (task->state != TG_TASK_PARKED || task->shielded) return;
  if (task->abort != NULL) task->abort(task);
  if (task->state != TG_TASK_PARKED) return; /* what it waited for has come while it was given up */
  task->raises_cancellation = true;
  tg_task_wake(task, 0);
}
