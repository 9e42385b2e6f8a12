/* The loop's inside, for the files of this folder only. */
#ifndef TG_IO_LOOP_PRIVATE_H
#define TG_IO_LOOP_PRIVATE_H

#include "base/heap.h"
#include "io/clock.h"
#include "io/loop.h"

#include <uv.h>

enum { TG_READ_BYTES = 65536 };

struct tg_loop {
  uv_loop_t uv;
  tg_clock clock;
  tg_list locals;   /* listeners in memory; see local.h */
  bool is_isolated; /* see tg_dial_isolate, and the first host that it has refused */
  unsigned refused_port;
  char *refused_host;
  struct tg_thread_pool *file_threads;         /* NULL before they are needed; see file_threads.h */
  struct tg_hangups *hangups;                  /* NULL before it is needed; see hangup.h */
  uint64_t shuffle;                            /* state of the ready queue's random order; 0 for the order of posting */
  void (*on_stuck)(void *owner, tg_stuck why); /* see tg_loop_on_stuck */
  void *stuck_owner;
  unsigned still_turns;           /* since a clock that stands still has moved */
  unsigned jumps;                 /* of it, since on_stuck heard of them */
  tg_list ready;                  /* jobs for the next drain */
  tg_list idle;                   /* jobs for when none is ready */
  uv_prepare_t before;            /* drains before the wait: what timers made ready */
  uv_check_t after;               /* drains after the wait: what I/O made ready */
  uv_idle_t busy;                 /* active while jobs are left, so that the wait does not block */
  tg_heap timers;                 /* tg_timer, the earliest first */
  uv_timer_t alarm;               /* rings for the earliest timer */
  uint64_t alarm_ns;              /* when it rings; UINT64_MAX when it does not */
  bool ringing;                   /* the alarm rings now, and is set again afterwards */
  char read_bytes[TG_READ_BYTES]; /* every stream reads into here: a read ends before its callback returns */
};

/* Something begins that may be answered from outside the process; see clock.h. */
static inline void tg_loop_outside_begin(tg_loop *loop) {
  tg_clock_update(&loop->clock);
  loop->clock.outside_count++;
}

static inline void tg_loop_outside_end(tg_loop *loop) {
  tg_clock_update(&loop->clock);
  loop->clock.outside_count--;
}

#endif
