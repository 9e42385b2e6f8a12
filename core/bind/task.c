#include "bind/raise.h"
#include "bind/task.h"
#include "bind/log.h"

#include <stdlib.h>
#include <time.h>

enum { SPARE_MAX = 1024, RESULTS_MAX = 16 };

static char park_mark; /* its address is what a task yields when it waits; see coroutines.lua */

/* --- the coroutine's life --- */

/* Gives the coroutine back. The structure stays, so that a wake-up that comes late finds the generation that it must
   be compared with. */
static void drop_coroutine(tg_task *task) {
  luaL_unref(task->runtime->L, LUA_REGISTRYINDEX, task->reference);
  task->reference = LUA_NOREF;
  task->L = NULL;
}

static void forget_cancellation(tg_task *task) {
  luaL_unref(task->runtime->L, LUA_REGISTRYINDEX, task->cancellation);
  task->cancellation = LUA_NOREF;
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

static void report_death(tg_task *task) {
  const char *message = lua_tostring(task->L, -1);
  luaL_traceback(task->runtime->L, task->L, message != NULL ? message : "(no message)", 0);
  tg_log_write("error", tg_text_of(lua_tostring(task->runtime->L, -1)));
  lua_pop(task->runtime->L, 1);
}

/* A clock that costs next to nothing, and is good to a few milliseconds. */
static uint64_t coarse_now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
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
  if (task->cancellation == LUA_NOREF) lua_pushnil(task->L);
  else lua_rawgeti(task->L, LUA_REGISTRYINDEX, task->cancellation);
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
  runtime->current = task;
  uint64_t began_ns = coarse_now_ns();
  int status = lua_resume(task->L, count);
  runtime->current = NULL;
  uint64_t held_ns = coarse_now_ns() - began_ns;
  if (held_ns > runtime->stall_ns) report_stall(task, held_ns);
  /* A wait that had nothing to wait for is ready again already. */
  bool goes_on = task->state == TG_TASK_PARKED || task->state == TG_TASK_READY;
  if (status == LUA_YIELD && goes_on) return;
  if (status != LUA_YIELD) report_death(task);
  end(task, status == LUA_YIELD && task->state == TG_TASK_ENDED);
}

static void make_coroutine(tg_task *task) {
  tg_runtime *runtime = task->runtime;
  task->L = lua_newthread(runtime->L);
  task->reference = luaL_ref(runtime->L, LUA_REGISTRYINDEX);
  lua_rawgeti(task->L, LUA_REGISTRYINDEX, runtime->body_ref);
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
  if (task->L == NULL) make_coroutine(task);
  tg_list_push_back(&runtime->tasks, &task->node);
  runtime->task_count++;
  task->number = ++runtime->task_number;
  return task;
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

/* From `L`, a coroutine of the task or one that its code has made, to the loop. */
static bool can_yield(const tg_task *task, lua_State *L) {
  return task->resumes_from_c == 0 && lua_isyieldable(L);
}

tg_task *tg_task_enter(lua_State *L, const char *name) {
  tg_task *task = tg_runtime_of(L)->current;
  if (task == NULL) {
    tg_raise(L, "%s waits, and nothing can wait while a file is being loaded; call it from a handler", name);
    return NULL; /* for readers of the code that do not know that tg_raise never returns */
  }
  if (!can_yield(task, L)) {
    tg_raise(L,
             "%s waits, and nothing can wait inside a function that C code calls back (a table.sort comparator, "
             "a string.gsub callback, a metamethod, a module that is being required)",
             name);
  }
  task->waits_on = name;
  if (!lua_checkstack(task->L, RESULTS_MAX)) tg_raise(L, "%s: the task's stack is full", name);
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

void tg_task_cancel(tg_task *task, lua_State *L) {
  forget_cancellation(task);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return;
  }
  task->cancellation = luaL_ref(L, LUA_REGISTRYINDEX);
  if (task->state != TG_TASK_PARKED || task->shielded) return;
  if (task->abort != NULL) task->abort(task);
  if (task->state != TG_TASK_PARKED) return; /* what it waited for has come while it was given up */
  task->raises_cancellation = true;
  tg_task_wake(task, 0);
}

/* --- for task.lua --- */

/* core.set_body(function): what every coroutine runs */
static int set_body(lua_State *L) {
  tg_runtime_set_reference(L, &tg_runtime_of(L)->body_ref, 1);
  return 0;
}

/* Spawns the function at `first` with what is behind it. */
static int spawn_below(lua_State *L, tg_task *parent, int first) {
  luaL_checktype(L, first, LUA_TFUNCTION);
  int count = lua_gettop(L) - first + 1;
  luaL_argcheck(L, count <= RESULTS_MAX, first, "too many arguments");
  tg_task *task = tg_task_new(tg_runtime_of(L));
  if (task == NULL) return luaL_error(L, "out of memory");
  lua_xmove(L, task->L, count);
  task->parent = parent;
  tg_task_start(task, count - 1);
  tg_task_push(L, task);
  return 1;
}

/* core.spawn(function, …) → task: runs it in a task of its own, soon; the task that runs now outlives it */
static int spawn(lua_State *L) {
  return spawn_below(L, tg_runtime_of(L)->current, 1);
}

/* core.spawn_for(parent, function, …) → task: the same below another task, which outlives it */
static int spawn_for(lua_State *L) {
  return spawn_below(L, tg_task_check(L, 1), 2);
}

/* core.spawn_root(function, …) → task: the same below no other task */
static int spawn_root(lua_State *L) {
  return spawn_below(L, NULL, 1);
}

/* core.set_parent(task, parent or nil): the task is below another one from now on, which outlives it */
static int set_parent(lua_State *L) {
  tg_task_check(L, 1)->parent = lua_isnoneornil(L, 2) ? NULL : tg_task_check(L, 2);
  return 0;
}

/* core.ended() → function, …: the coroutine has nothing more to do; it returns with the next thing to run */
static int ended(lua_State *L) {
  tg_runtime_of(L)->current->state = TG_TASK_ENDED;
  return lua_yield(L, 0);
}

/* core.current() → task, or nil outside any */
static int current(lua_State *L) {
  tg_task *task = tg_runtime_of(L)->current;
  if (task == NULL) return 0;
  tg_task_push(L, task);
  return 1;
}

/* core.task_number(task or nil) → a number that no other task has or will have: the task's place in memory is used
   again when it has ended. Of the running one where none is named; nil where none runs */
static int task_number(lua_State *L) {
  const tg_task *task = lua_isnoneornil(L, 1) ? tg_runtime_of(L)->current : tg_task_check(L, 1);
  if (task == NULL) return 0;
  lua_pushnumber(L, (lua_Number)task->number);
  return 1;
}

/* core.park(name) → error: waits until core.wake or a cancellation; `name` is the function that waits */
static int park(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  tg_task *task = tg_task_enter(L, name);
  if (tg_task_is_cancelled(task)) return tg_task_raise_cancellation(L, task);
  return tg_task_park(L, task, NULL, NULL);
}

/* core.checkpoint(name) → error: lets every other ready task run once */
static int checkpoint(lua_State *L) {
  tg_task *task = tg_task_enter(L, luaL_checkstring(L, 1));
  if (tg_task_is_cancelled(task)) return tg_task_raise_cancellation(L, task);
  return tg_task_yield(L, task);
}

/* core.park_shielded(name): the same, and a cancellation does not end it */
static int park_shielded(lua_State *L) {
  tg_task *task = tg_task_enter(L, luaL_checkstring(L, 1));
  int count = tg_task_park(L, task, NULL, NULL);
  task->shielded = true;
  return count;
}

/* core.on_stall(seconds, function): calls it with a task that has held the loop for longer, and for how long */
static int on_stall(lua_State *L) {
  tg_runtime *runtime = tg_runtime_of(L);
  runtime->stall_ns = (uint64_t)(luaL_checknumber(L, 1) * 1e9);
  tg_runtime_set_reference(L, &runtime->stall_ref, 2);
  return 0;
}

/* core.ticket() → number: names the next wait of the task that runs now, for core.wake */
static int ticket(lua_State *L) {
  tg_task *task = tg_runtime_of(L)->current;
  lua_pushnumber(L, task != NULL ? (lua_Number)(task->generation + 1) : 0);
  return 1;
}

/* core.wake(task, ticket) → boolean: ends the wait of that name, which core.park holds. false where it is over already:
   by another wake-up, or by a cancellation whose task has not run since */
static int wake(lua_State *L) {
  tg_task *task = tg_task_check(L, 1);
  bool waits = task->state == TG_TASK_PARKED && (lua_Number)task->generation == luaL_checknumber(L, 2);
  if (waits) tg_task_wake(task, 0);
  lua_pushboolean(L, waits);
  return 1;
}

/* core.cancel(task, value): its waits raise the value from here on; nil takes that back */
static int cancel(lua_State *L) {
  luaL_checkany(L, 2);
  lua_settop(L, 2);
  tg_task_cancel(tg_task_check(L, 1), L);
  return 0;
}

/* core.note(task): when it ends, the function of core.on_forget is called with it, to drop what Lua keeps of it */
static int note(lua_State *L) {
  tg_task_check(L, 1)->noted = true;
  return 0;
}

/* core.on_forget(function): see core.note */
static int on_forget(lua_State *L) {
  tg_runtime_set_reference(L, &tg_runtime_of(L)->forget_ref, 1);
  return 0;
}

/* core.tasks() → {task, …}: all that have not ended, the oldest first */
static int tasks(lua_State *L) {
  tg_runtime *runtime = tg_runtime_of(L);
  int count = 0;
  lua_createtable(L, (int)runtime->task_count, 0);
  for (tg_list *node = runtime->tasks.next; node != &runtime->tasks; node = node->next) {
    tg_task_push(L, TG_CONTAINER(node, tg_task, node));
    lua_rawseti(L, -2, ++count);
  }
  return 1;
}

typedef struct limit {
  tg_timer timer;
  bool passed;
} limit;

static void on_limit(tg_timer *timer) {
  TG_CONTAINER(timer, limit, timer)->passed = true;
}

/* core.finish_tasks(seconds): runs the loop until no task is left, for at most so long; how many are left */
static int finish_tasks(lua_State *L) {
  tg_runtime *runtime = tg_runtime_of(L);
  limit end = {.passed = false};
  tg_timer_init(&end.timer, on_limit);
  tg_timer_start(runtime->loop, &end.timer, (uint64_t)(luaL_checknumber(L, 1) * 1e9));
  while (runtime->task_count > 0 && !end.passed) tg_loop_wait(runtime->loop);
  tg_timer_stop(runtime->loop, &end.timer);
  lua_pushinteger(L, (lua_Integer)runtime->task_count);
  return 1;
}

/* core.is_task_thread() → is the running coroutine a task's own, and not one that the task's code has made? */
static int is_task_thread(lua_State *L) {
  tg_task *task = tg_runtime_of(L)->current;
  lua_pushboolean(L, task != NULL && task->L == L);
  return 1;
}

/* core.can_wait() → can the running code wait? */
static int can_wait(lua_State *L) {
  const tg_task *task = tg_runtime_of(L)->current;
  lua_pushboolean(L, task != NULL && can_yield(task, L));
  return 1;
}

/* core.count_resume_from_c(by): by 1 before a coroutine is resumed where the running code cannot yield, by -1 after */
static int count_resume_from_c(lua_State *L) {
  tg_task *task = tg_runtime_of(L)->current;
  int by = (int)luaL_checkinteger(L, 1);
  if (task != NULL) task->resumes_from_c += (unsigned)by;
  return 0;
}

/* core.task_count() → tasks that have not ended */
static int task_count(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)tg_runtime_of(L)->task_count);
  return 1;
}

/* core.park_mark() → the value that a coroutine yields when its task waits */
static int push_park_mark(lua_State *L) {
  lua_pushlightuserdata(L, &park_mark);
  return 1;
}

const luaL_Reg tg_task_functions[] = {
    {"set_body", set_body},
    {"spawn", spawn},
    {"spawn_for", spawn_for},
    {"spawn_root", spawn_root},
    {"set_parent", set_parent},
    {"ended", ended},
    {"current", current},
    {"task_number", task_number},
    {"park", park},
    {"checkpoint", checkpoint},
    {"park_shielded", park_shielded},
    {"ticket", ticket},
    {"wake", wake},
    {"cancel", cancel},
    {"note", note},
    {"on_forget", on_forget},
    {"on_stall", on_stall},
    {"tasks", tasks},
    {"finish_tasks", finish_tasks},
    {"is_task_thread", is_task_thread},
    {"can_wait", can_wait},
    {"count_resume_from_c", count_resume_from_c},
    {"task_count", task_count},
    {"park_mark", push_park_mark},
    {NULL, NULL},
};
