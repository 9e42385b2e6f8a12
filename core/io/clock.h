/* The loop's clock: monotonic, in nanoseconds, and the same for every wait.

   A virtual clock stands still while something can run, and jumps to the next timer when nothing can: a test that
   sleeps for an hour takes no time and measures exactly an hour. While something outside the process may still answer
   (an open socket, a look-up, a call in a thread) it goes with real time, so that no answer comes too late. */
#ifndef TG_IO_CLOCK_H
#define TG_IO_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

typedef struct tg_clock {
  uint64_t now_ns;    /* as it was last read */
  uint64_t offset_ns; /* what is added to the system's monotonic clock; wraps around */
  bool is_old;        /* a wait began since it was read */
  bool is_virtual;
  unsigned outside_count; /* what may still answer from outside the process */
  int64_t wall_offset_ns; /* of a virtual clock: what makes the time of day of it */
} tg_clock;

/* Starts a real clock. */
void tg_clock_init(tg_clock *clock);

/* Reads the clock where a wait began since it was last read. */
uint64_t tg_clock_now_ns(tg_clock *clock);

/* Reads the clock again. */
void tg_clock_update(tg_clock *clock);

/* What the clock would say if it were read now. */
uint64_t tg_clock_peek_ns(const tg_clock *clock);

/* Makes the clock virtual, or real again; it never goes back. */
void tg_clock_set_virtual(tg_clock *clock, bool is_virtual);

/* Does the clock stand still, so that the loop must move it? */
static inline bool tg_clock_stands_still(const tg_clock *clock) {
  return clock->is_virtual && clock->outside_count == 0;
}

/* The time of day, in nanoseconds since 1970 (UTC). That of a virtual clock goes on from when it became one, and jumps
   with it. */
int64_t tg_clock_wall_ns(const tg_clock *clock);

/* The same in whole seconds, which the system tells more cheaply. */
int64_t tg_clock_wall_seconds(const tg_clock *clock);

/* Moves a clock that stands still forward; nothing happens when it is later already. */
void tg_clock_jump(tg_clock *clock, uint64_t now_ns);

#endif
