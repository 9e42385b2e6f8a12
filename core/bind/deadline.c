/* Deadlines: timers that call Lua with an object of its own. What they mean is scope.lua's business. */
#include "bind/task.h"

#define NS_PER_SECOND 1e9
#define SECONDS_MAX 1e9

enum { AGAIN_NS = 10 * 1000 * 1000 };

typedef struct deadline {
  tg_timer timer;
  tg_runtime *runtime;
  tg_list node;      /* in the runtime's deadlines */
  int reference;     /* of the object */
  uint64_t attempts; /* to call Lua that have failed */
} deadline;

static void drop(deadline *self) {
  tg_timer_stop(self->runtime->loop, &self->timer);
  tg_runtime_let_go(self->runtime, self->reference);
  tg_list_remove(&self->node);
  tg_pool_give(self);
}

/* Without memory nobody hears of it now: it passes again a little later. */
static void on_timer(tg_timer *timer) {
  deadline *self = TG_CONTAINER(timer, deadline, timer);
  tg_runtime *runtime = self->runtime;
  tg_runtime_push_kept(runtime->L, runtime, self->reference);
  if (tg_runtime_call(runtime, runtime->deadline_ref, 1)) drop(self);
  else tg_timer_start(runtime->loop, timer, AGAIN_NS * ++self->attempts);
}

/* core.deadline(seconds, object) → deadline: calls the function of core.on_deadline with the object, once, then; the
   deadline is gone when that returns */
static int start(lua_State *L) {
  tg_runtime *runtime = tg_runtime_of(L);
  double seconds = luaL_checknumber(L, 1);
  luaL_checkany(L, 2);
  tg_runtime_check_open(L);
  lua_pushvalue(L, 2);
  int reference = tg_runtime_keep(L, runtime);
  deadline *self = tg_pool_take(runtime->deadlines);
  if (self == NULL) {
    tg_runtime_let_go(runtime, reference);
    return luaL_error(L, "out of memory");
  }
  *self = (deadline){.runtime = runtime, .reference = reference};
  tg_timer_init(&self->timer, on_timer);
  tg_list_push_back(&runtime->open_deadlines, &self->node);
  if (!(seconds > 0)) seconds = 0;
  if (seconds > SECONDS_MAX) seconds = SECONDS_MAX;
  tg_timer_start(runtime->loop, &self->timer, (uint64_t)(seconds * NS_PER_SECOND));
  lua_pushlightuserdata(L, self);
  return 1;
}

/* core.stop_deadline(deadline): gives up one that has not passed */
static int stop(lua_State *L) {
  luaL_checktype(L, 1, LUA_TLIGHTUSERDATA);
  drop(lua_touserdata(L, 1));
  return 0;
}

/* core.on_deadline(function): see core.deadline */
static int on_deadline(lua_State *L) {
  tg_runtime_set_reference(L, &tg_runtime_of(L)->deadline_ref, 1);
  return 0;
}

/* core.deadlines() → {object, …}: of all that have not passed */
static int deadlines(lua_State *L) {
  tg_runtime *runtime = tg_runtime_of(L);
  int count = 0;
  lua_newtable(L);
  for (tg_list *node = runtime->open_deadlines.next; node != &runtime->open_deadlines; node = node->next) {
    tg_runtime_push_kept(L, runtime, TG_CONTAINER(node, deadline, node)->reference);
    lua_rawseti(L, -2, ++count);
  }
  return 1;
}

void tg_deadlines_open(tg_runtime *runtime) {
  enum { SPARE_MAX = 1024 };
  tg_list_init(&runtime->open_deadlines);
  runtime->deadlines = tg_pool_new(sizeof(deadline), SPARE_MAX);
}

void tg_deadlines_close(tg_runtime *runtime) {
  while (!tg_list_is_empty(&runtime->open_deadlines)) {
    drop(TG_CONTAINER(runtime->open_deadlines.next, deadline, node));
  }
  if (runtime->deadlines != NULL) tg_pool_close(runtime->deadlines);
}

const luaL_Reg tg_deadline_functions[] = {
    {"deadline", start}, {"stop_deadline", stop}, {"on_deadline", on_deadline}, {"deadlines", deadlines}, {NULL, NULL},
};
