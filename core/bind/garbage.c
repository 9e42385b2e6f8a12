#include "bind/garbage.h"
#include "bind/log.h"

/* The way through costs as much as the heap is large, a third of a millisecond for each megabyte. So it waits until there
   is a part of that to collect: not for long where the loop is idle, and otherwise until it costs less than it saves, in
   pages and caches that are used again. */
enum {
  IDLE_HEAP_PART = 8,
  IDLE_STEP_KB = 64,
  URGENT_HEAP_PART = 2,
  URGENT_STEP_KB = 1024,
  URGENT_BYTES_MIN = 2 * 1024 * 1024,
};

static bool is_much(const tg_garbage *garbage, size_t heap_part) {
  size_t heap_bytes = (size_t)lua_gc(garbage->L, LUA_GCCOUNT, 0) * 1024;
  return garbage->bytes >= heap_bytes / heap_part;
}

/* A finalizer may raise. [-1, +0, v] */
static int take_step(lua_State *L) {
  tg_garbage *garbage = lua_touserdata(L, 1);
  garbage->is_through = lua_gc(L, LUA_GCSTEP, garbage->is_urgent ? URGENT_STEP_KB : IDLE_STEP_KB) != 0;
  return 0;
}

/* Is there more to do? */
static bool collect(tg_garbage *garbage) {
  lua_State *L = garbage->L;
  if (lua_gc(L, LUA_GCISRUNNING, 0) == 0) return false; /* a script has stopped it, and a step would start it */
  garbage->is_through = false;
  if (lua_cpcall(L, take_step, garbage) == 0) return !garbage->is_through;
  const char *message = lua_tostring(L, -1);
  tg_log_write("error", tg_text_of(message != NULL ? message : "an error that is not a string"));
  lua_pop(L, 1);
  return false;
}

static void post(tg_garbage *garbage) {
  if (garbage->is_urgent) tg_loop_post(garbage->loop, &garbage->job);
  else tg_loop_post_idle(garbage->loop, &garbage->job);
}

/* A turn in which no task has run shows that the loop is idle: it has also looked at what comes from outside. */
static void on_job(tg_job *job) {
  tg_garbage *garbage = TG_CONTAINER(job, tg_garbage, job);
  bool waits = garbage->is_busy && !garbage->is_urgent;
  garbage->is_busy = false;
  if (waits || collect(garbage)) {
    post(garbage);
    return;
  }
  garbage->bytes = 0;
  garbage->is_urgent = false;
}

void tg_garbage_plan(tg_garbage *garbage) {
  if (garbage->is_urgent) return;
  if (garbage->bytes >= URGENT_BYTES_MIN && is_much(garbage, URGENT_HEAP_PART)) {
    garbage->is_urgent = true;
    tg_job_cancel(&garbage->job);
    post(garbage);
  } else if (!tg_job_is_posted(&garbage->job) && is_much(garbage, IDLE_HEAP_PART)) {
    garbage->is_busy = true;
    post(garbage);
  }
}

void tg_garbage_open(tg_garbage *garbage, lua_State *L, tg_loop *loop) {
  *garbage = (tg_garbage){.L = L, .loop = loop};
  tg_job_init(&garbage->job, on_job);
}

void tg_garbage_close(tg_garbage *garbage) {
  tg_job_cancel(&garbage->job);
}
