/* Tasks for Lua: what task.lua and its like are made of. */
#include "base/saturate.h"
#include "bind/task.h"

/* core.set_body(function): what every coroutine runs */
static int set_body(lua_State *L) {
  tg_runtime_set_reference(L, &tg_runtime_of(L)->body_ref, 1);
  return 0;
}

/* Spawns the function at `first` with what is behind it. */
static int spawn_below(lua_State *L, tg_task *parent, int first) {
  luaL_checktype(L, first, LUA_TFUNCTION);
  tg_runtime_check_open(L);
  int count = lua_gettop(L) - first + 1;
  luaL_argcheck(L, count <= TG_TASK_RESULTS_MAX, first, "too many arguments");
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
  return spawn_below(L, tg_task_current(L), 1);
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
  tg_task *task = tg_task_current(L);
  if (task == NULL) return 0;
  tg_task_push(L, task);
  return 1;
}

/* core.task_number(task or nil) → a number that no other task has or will have: the task's place in memory is used
   again when it has ended. Of the running one where none is named; nil where none runs */
static int task_number(lua_State *L) {
  const tg_task *task = lua_isnoneornil(L, 1) ? tg_task_current(L) : tg_task_check(L, 1);
  if (task == NULL) return 0;
  lua_pushnumber(L, (lua_Number)task->number);
  return 1;
}

/* Has core.wake ended the wait that is about to begin? */
static bool is_woken_ahead(const tg_task *task) {
  return task->woken_ahead == task->generation + 1;
}

static int park_now(lua_State *L, tg_task *task) {
  bool is_over = is_woken_ahead(task);
  int count = tg_task_park(L, task, NULL, NULL);
  if (is_over) tg_task_wake(task, 0);
  return count;
}

/* core.park(name) → error: waits until core.wake or a cancellation; `name` is the function that waits */
static int park(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  tg_task *task = tg_task_enter(L, name);
  if (tg_task_is_cancelled(task) && !is_woken_ahead(task)) return tg_task_raise_cancellation(L, task);
  return park_now(L, task);
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
  int count = park_now(L, task);
  task->shielded = true;
  return count;
}

/* core.on_stall(seconds, function): calls it with a task that has held the loop for longer, and for how long */
static int on_stall(lua_State *L) {
  tg_runtime *runtime = tg_runtime_of(L);
  runtime->stall_ns = tg_seconds_to_ns(luaL_checknumber(L, 1));
  tg_runtime_set_reference(L, &runtime->stall_ref, 2);
  return 0;
}

/* core.ticket() → number: names the next wait of the task that runs now, for core.wake */
static int ticket(lua_State *L) {
  const tg_task *task = tg_task_current(L);
  lua_pushnumber(L, task != NULL ? (lua_Number)(task->generation + 1) : 0);
  return 1;
}

/* A finalizer may come between a task's joining a line and its wait. */
static bool wake_ahead(tg_task *task, lua_Number ticket) {
  bool is_about_to_wait = task->state == TG_TASK_RUNNING && !task->is_cancelled && !is_woken_ahead(task) &&
                          (lua_Number)task->generation + 1 == ticket;
  if (is_about_to_wait) task->woken_ahead = task->generation + 1;
  return is_about_to_wait;
}

/* core.wake(task, ticket) → boolean: ends the wait of that name, which core.park holds or is about to. false where it is
   over already: by another wake-up, or by a cancellation whose task has not run since */
static int wake(lua_State *L) {
  tg_task *task = tg_task_check(L, 1);
  lua_Number wanted = luaL_checknumber(L, 2);
  bool waits = task->state == TG_TASK_PARKED && (lua_Number)task->generation == wanted;
  if (waits) tg_task_wake(task, 0);
  lua_pushboolean(L, waits || wake_ahead(task, wanted));
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
  tg_watch_end(runtime);
  tg_timer_init(&end.timer, on_limit);
  tg_timer_start(runtime->loop, &end.timer, tg_seconds_to_ns(luaL_checknumber(L, 1)));
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

/* core.task_coroutines() → {[coroutine] = true}: each that is a task's own, whether it runs or is kept for another one */
static int task_coroutines(lua_State *L) {
  const tg_runtime *runtime = tg_runtime_of(L);
  tg_runtime_push_kept(L, runtime, runtime->coroutines_ref);
  return 1;
}

/* core.can_wait() → can the running code wait? */
static int can_wait(lua_State *L) {
  const tg_task *task = tg_runtime_of(L)->current;
  lua_pushboolean(L, task != NULL && tg_task_can_yield(task, L));
  return 1;
}

/* core.coroutine_levels() → {[coroutine] = how many are resumed around it, itself counted}, and LEVEL_FROM_C: that much more
   is it of one that was resumed, or one of those around it, where the running code could not yield. Lua keeps it. */
static int coroutine_levels(lua_State *L) {
  const tg_runtime *runtime = tg_runtime_of(L);
  tg_runtime_push_kept(L, runtime, runtime->levels_ref);
  lua_pushinteger(L, TG_LEVEL_FROM_C);
  return 2;
}

/* core.task_count() → tasks that have not ended */
static int task_count(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)tg_runtime_of(L)->task_count);
  return 1;
}

/* core.park_mark() → the value that a coroutine yields when its task waits */
static int push_park_mark(lua_State *L) {
  lua_pushlightuserdata(L, (void *)tg_task_park_mark());
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
    {"task_coroutines", task_coroutines},
    {"can_wait", can_wait},
    {"coroutine_levels", coroutine_levels},
    {"task_count", task_count},
    {"park_mark", push_park_mark},
    {NULL, NULL},
};
