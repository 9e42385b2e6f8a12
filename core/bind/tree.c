/* What the tasks are doing, for people who look: nothing is kept for it but what the tasks hold anyway. */
#include "bind/raise.h"
#include "bind/request.h"

static const char *const state_names[] = {
    [TG_TASK_SPARE] = "spare",  [TG_TASK_READY] = "ready", [TG_TASK_RUNNING] = "running",
    [TG_TASK_PARKED] = "waits", [TG_TASK_ENDED] = "ended",
};

static void set_text(lua_State *L, const char *key, const char *text) {
  if (text == NULL) return;
  lua_pushstring(L, text);
  lua_setfield(L, -2, key);
}

/* core.task_info(task) → {state, waits_on, seconds, place, parent, waits}: what it waits on, for how long, where in the
   user's code, and a number that grows by one with each of its waits */
static int task_info(lua_State *L) {
  const tg_task *task = tg_task_check(L, 1);
  bool waits = task->state == TG_TASK_PARKED;
  lua_createtable(L, 0, 6);
  set_text(L, "state", state_names[task->state]);
  if (waits) {
    set_text(L, "waits_on", task->waits_on);
    lua_pushnumber(L, (double)(tg_loop_now_ns(task->runtime->loop) - task->since_ns) / 1e9);
    lua_setfield(L, -2, "seconds");
  }
  lua_pushnumber(L, (lua_Number)task->generation);
  lua_setfield(L, -2, "waits");
  if (tg_push_place(L, task->L)) lua_setfield(L, -2, "place");
  if (task->parent != NULL) {
    tg_task_push(L, task->parent);
    lua_setfield(L, -2, "parent");
  }
  return 1;
}

/* core.task_request(task) → method, path, id of the request that it serves; nothing for another task */
static int task_request(lua_State *L) {
  const tg_task *task = tg_task_check(L, 1);
  if (task->owner == NULL) return 0;
  const tg_exchange *exchange = task->owner;
  lua_pushlstring(L, exchange->head.method.data, exchange->head.method.size);
  lua_pushlstring(L, exchange->target.path.data, exchange->target.path.size);
  tg_request_push_id(L, exchange);
  return 3;
}

const luaL_Reg tg_tree_functions[] = {
    {"task_info", task_info},
    {"task_request", task_request},
    {NULL, NULL},
};
