/* Time: the loop's clock and the sleep on it. */
#include "base/saturate.h"
#include "bind/task.h"

#define NS_PER_SECOND 1e9
#define SECONDS_MAX 1e9

static void on_timer(tg_timer *timer) {
  tg_task *task = TG_CONTAINER(timer, tg_task, timer);
  tg_task_wake(task, 0);
}

static void on_abort(tg_task *task) {
  tg_timer_stop(task->runtime->loop, &task->timer);
}

/* core.sleep(seconds) → error. With 0 every other ready task runs once, and no time passes: a clock that jumps would
   otherwise jump for a task that polls. */
static int sleep_for(lua_State *L) {
  double seconds = luaL_checknumber(L, 1);
  luaL_argcheck(L, seconds >= 0 && seconds <= SECONDS_MAX, 1, "seconds must be between 0 and 1e9");
  tg_task *task = tg_task_enter(L, "tg.sleep");
  if (tg_task_is_cancelled(task)) return tg_task_raise_cancellation(L, task);
  if (seconds == 0) return tg_task_yield(L, task);
  tg_timer_init(&task->timer, on_timer);
  tg_timer_start(task->runtime->loop, &task->timer, (uint64_t)(seconds * NS_PER_SECOND));
  return tg_task_park(L, task, on_abort, NULL);
}

static void on_settled(tg_job *job) {
  tg_task_wake(TG_CONTAINER(job, tg_task, settled), 0);
}

static void on_settle_abort(tg_task *task) {
  tg_job_cancel(&task->settled);
}

/* core.settle() → error: waits until nothing else can run before time passes */
static int settle(lua_State *L) {
  tg_task *task = tg_task_enter(L, "t.clock.settle");
  if (tg_task_is_cancelled(task)) return tg_task_raise_cancellation(L, task);
  tg_job_init(&task->settled, on_settled);
  tg_loop_post_idle(task->runtime->loop, &task->settled);
  return tg_task_park(L, task, on_settle_abort, NULL);
}

/* core.now() → seconds on the loop's clock */
static int now(lua_State *L) {
  lua_pushnumber(L, (double)tg_loop_now_ns(tg_runtime_of(L)->loop) / NS_PER_SECOND);
  return 1;
}

/* core.time() → the time of day, in seconds since 1970; a virtual clock's own */
static int wall_time(lua_State *L) {
  lua_pushnumber(L, (double)tg_loop_wall_ns(tg_runtime_of(L)->loop) / NS_PER_SECOND);
  return 1;
}

/* core.set_virtual(boolean): makes the clock jump when nothing can run, or real again */
static int set_virtual(lua_State *L) {
  tg_loop_set_virtual(tg_runtime_of(L)->loop, lua_toboolean(L, 1));
  return 0;
}

/* core.shuffle(seed): runs what is ready in a random order; 0 for the usual one */
static int shuffle(lua_State *L) {
  tg_loop_shuffle(tg_runtime_of(L)->loop, tg_to_u64(luaL_checknumber(L, 1)));
  return 0;
}

static void call_stuck(void *owner, tg_stuck why) {
  static const char *const names[] = {
      [TG_STUCK_STILL] = "still", [TG_STUCK_SPINS] = "spins", [TG_STUCK_BEATS] = "beats"};
  tg_runtime *runtime = owner;
  lua_pushstring(runtime->L, names[why]);
  tg_runtime_call(runtime, runtime->stuck_ref, 1);
}

/* core.on_stuck(function): calls it on a virtual clock with "still" where nothing can ever run again; with "spins" where
   something runs again and again and keeps time from passing; with "beats" where it has jumped many times */
static int on_stuck(lua_State *L) {
  tg_runtime *runtime = tg_runtime_of(L);
  tg_runtime_set_reference(L, &runtime->stuck_ref, 1);
  tg_loop_on_stuck(runtime->loop, call_stuck, runtime);
  return 0;
}

const luaL_Reg tg_clock_functions[] = {
    {"sleep", sleep_for},         {"settle", settle},   {"now", now},           {"time", wall_time},
    {"set_virtual", set_virtual}, {"shuffle", shuffle}, {"on_stuck", on_stuck}, {NULL, NULL},
};
