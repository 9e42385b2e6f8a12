/* A timer: one deadline, one callback. Embedded in its owner; thousands cost one heap node each. */
#ifndef TG_IO_TIMER_H
#define TG_IO_TIMER_H

#include "base/heap.h"
#include "io/loop.h"

typedef struct tg_timer {
  tg_heap_node node;
  uint64_t deadline_ns; /* on the loop's clock */
  bool active;
  void (*on_timer)(struct tg_timer *timer);
} tg_timer;

/* Prepares a timer that is not running. */
void tg_timer_init(tg_timer *timer, void (*on_timer)(tg_timer *timer));

/* Calls on_timer once, from the loop, `delay_ns` after the clock's now; never before tg_timer_start returns. A
   timer that runs is started anew. */
void tg_timer_start(tg_loop *loop, tg_timer *timer, uint64_t delay_ns);

/* Stops a timer; nothing happens when it does not run. */
void tg_timer_stop(tg_loop *loop, tg_timer *timer);

/* For the loop: the heap of a loop without timers. */
void tg_timers_init(tg_loop *loop);

/* For the loop: a virtual clock jumps to the earliest timer, which rings. */
void tg_timers_jump(tg_loop *loop);

/* For the loop: the clock has become another one. */
void tg_timers_changed(tg_loop *loop);

#endif
