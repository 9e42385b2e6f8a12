/* A task: a coroutine that the loop resumes. This is the one way to wait and the one way to wake.

   A C function that waits goes: check the arguments, tg_task_enter, return tg_task_raise_cancellation where the task
   is cancelled, start the operation, `return tg_task_park(…)`. When the operation is done its callback pushes results on
   tg_task_results and calls tg_task_wake. The first result is an error value, or nil; the Lua function around it
   raises it. */
#ifndef TG_BIND_TASK_H
#define TG_BIND_TASK_H

#include "bind/runtime.h"
#include "io/timer.h"

typedef enum tg_task_state {
  TG_TASK_SPARE,
  TG_TASK_READY,
  TG_TASK_RUNNING,
  TG_TASK_PARKED,
  TG_TASK_ENDED
} tg_task_state;

typedef struct tg_task {
  tg_job job;   /* resumes it */
  tg_list node; /* in the runtime's tasks or spare_tasks */
  tg_runtime *runtime;
  uint32_t place;     /* in the runtime's table of tasks, from 1; see tg_task_push */
  uint64_t number;    /* of no other task that this runtime has had, where the structure is used again */
  lua_State *L;       /* its coroutine */
  int reference;      /* keeps the coroutine */
  int argument_count; /* what the next resume passes in */
  tg_task_state state;
  uint32_t generation;                 /* of its waits: a wake-up for an older one is dropped */
  uint32_t woken_ahead;                /* the wait that core.wake has ended before it began; 0 for none */
  void (*abort)(struct tg_task *task); /* gives up what it waits for; NULL where there is nothing to give up */
  void *wait;                          /* what it waits for, for `abort` */
  const char *waits_on;                /* the name of the function that waits; lives as long as the program */
  uint64_t since_ns;                   /* when it began to wait, on the loop's clock */
  struct tg_task *parent;              /* the task that spawned it, which outlives it; NULL for a request's */
  bool raises_cancellation;            /* its next resume brings the cancellation */
  bool noted;                          /* Lua keeps notes of it that must go when it ends */
  bool shielded;                       /* this wait is not ended by a cancellation */
  bool is_cancelled;
  int cancellation;  /* reference of the value that its waits raise then: a cancellation must not ask for memory */
  tg_list wait_node; /* in a list of tasks that wait for the same thing */
  tg_timer timer;    /* of a sleep */
  tg_job settled;    /* ends a wait for all others */
  void (*on_end)(struct tg_task *task); /* it has ended, well or not; may be NULL */
  void *owner;                          /* for on_end: the exchange of a request; NULL for another task */
} tg_task;

/* Scripts hold a task by its place in the runtime's table, as light userdata: hash tables spread small numbers well, and
   addresses, which are multiples of a power of two, into long chains. [-0, +1, -] */
void tg_task_push(lua_State *L, const tg_task *task);

/* The task at `index`, which may have ended since. [-0, +0, v] */
tg_task *tg_task_check(lua_State *L, int index);

/* A task that does nothing yet; NULL without memory. Push a function and its arguments on tg_task_results, then call
   tg_task_start. */
tg_task *tg_task_new(tg_runtime *runtime);

/* Gives back one that was not started. */
void tg_task_drop(tg_task *task);

/* Calls `push`, which pushes values and answers how many, and moves them to tg_task_results. It may raise: outside a
   task every push that allocates goes this way, as an error there would end the process. -1, with nothing pushed, where
   it has raised: without memory. [-0, +0, -] */
int tg_task_push_results(tg_task *task, int (*push)(lua_State *L, void *data), void *data);

/* What tg_task_push_results calls by way of runtime->push_ref; the runtime is its upvalue. */
int tg_task_push_protected(lua_State *L);

/* Puts a new task on the ready queue, with the function and the `count` arguments behind it. */
void tg_task_start(tg_task *task, int count);

/* Is a finalizer running, in the middle of whatever has asked for memory? The collector stands still while it runs. Not
   seen where a finalizer collects garbage itself, and said of a function that C code calls back where the script has
   stopped the collector. [-0, +0, -] */
static inline bool tg_is_in_finalizer(lua_State *L) {
  return !lua_isyieldable(L) && lua_gc(L, LUA_GCISRUNNING, 0) == 0;
}

/* The task that runs now, whose code the calling one is; NULL where none runs, and in a finalizer, which is no part of
   the task that it comes upon. [-0, +0, -] */
static inline tg_task *tg_task_current(lua_State *L) {
  tg_task *task = tg_runtime_of(L)->current;
  return task != NULL && !tg_is_in_finalizer(L) ? task : NULL;
}

/* The task that runs now, for a function called `name` that is about to wait: before it writes to anything that is
   shared. Raises where nothing can wait. [-0, +0, v] */
tg_task *tg_task_enter(lua_State *L, const char *name);

static inline bool tg_task_is_cancelled(const tg_task *task) {
  return task->is_cancelled;
}

/* In place of a wait that a cancelled task was about to begin: `return tg_task_raise_cancellation(…)`. The value comes
   by way of the ready queue, so that a script that swallows it in a loop holds nobody up. */
int tg_task_raise_cancellation(lua_State *L, tg_task *task);

/* Waits: `return tg_task_park(…)` is the end of a C function. `abort` is called once when the task is cancelled before
   it is woken, and must see to it that nobody wakes it for this wait any more. */
int tg_task_park(lua_State *L, tg_task *task, void (*abort)(tg_task *task), void *wait);

/* Lets every task that is ready now run once: `return tg_task_yield(…)`. */
int tg_task_yield(lua_State *L, tg_task *task);

enum { TG_TASK_RESULTS_MAX = 16 };

/* The stack on which the results of a wait are pushed, at most 16 of them. */
static inline lua_State *tg_task_results(tg_task *task) {
  return task->L;
}

/* Ends the wait: the task goes on the ready queue with the `count` results that were pushed. */
void tg_task_wake(tg_task *task, int count);

/* The same with what `push` pushes, as tg_task_push_results has it; without memory for that the wait raises. */
void tg_task_wake_with(tg_task *task, int (*push)(lua_State *L, void *data), void *data);

/* Cancels with the value on the top of `L`, in place of an earlier one: ends its wait, now or as soon as it begins one.
   nil takes the cancellation back. [-1, +0, -] */
void tg_task_cancel(tg_task *task, lua_State *L);

enum { TG_LEVEL_FROM_C = 1 << 16 }; /* see core.coroutine_levels in task_functions.c */

/* May code on the stack `L`, a coroutine of the task or one that its code has made, yield to the loop? */
bool tg_task_can_yield(const tg_task *task, lua_State *L);

/* The value that a task yields when it waits. */
const void *tg_task_park_mark(void);

/* Frees the coroutines that are kept for use again. */
void tg_task_free_spare(tg_runtime *runtime);

#endif
