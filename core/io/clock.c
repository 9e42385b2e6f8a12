#include "io/clock.h"

#include <time.h>
#include <uv.h>

void tg_clock_init(tg_clock *clock) {
  *clock = (tg_clock){0};
  tg_clock_update(clock);
}

uint64_t tg_clock_peek_ns(const tg_clock *clock) {
  if (tg_clock_stands_still(clock)) return clock->now_ns;
  return uv_hrtime() + clock->offset_ns;
}

void tg_clock_update(tg_clock *clock) {
  clock->is_old = false;
  if (tg_clock_stands_still(clock)) clock->offset_ns = clock->now_ns - uv_hrtime();
  else clock->now_ns = uv_hrtime() + clock->offset_ns;
}

uint64_t tg_clock_now_ns(tg_clock *clock) {
  if (clock->is_old) tg_clock_update(clock);
  return clock->now_ns;
}

enum { NS_PER_SECOND = 1000000000 };

static int64_t system_wall_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

int64_t tg_clock_wall_ns(const tg_clock *clock) {
  if (!clock->is_virtual) return system_wall_ns();
  return (int64_t)tg_clock_peek_ns(clock) + clock->wall_offset_ns;
}

int64_t tg_clock_wall_seconds(const tg_clock *clock) {
  return clock->is_virtual ? tg_clock_wall_ns(clock) / NS_PER_SECOND : (int64_t)time(NULL);
}

void tg_clock_set_virtual(tg_clock *clock, bool is_virtual) {
  tg_clock_update(clock);
  bool begins = is_virtual && !clock->is_virtual;
  clock->is_virtual = is_virtual;
  /* From a whole second, so that differences of its times in seconds are exact numbers. */
  if (begins) clock->now_ns += NS_PER_SECOND - clock->now_ns % NS_PER_SECOND;
  if (begins) clock->offset_ns = clock->now_ns - uv_hrtime();
  if (begins) clock->wall_offset_ns = system_wall_ns() - (int64_t)clock->now_ns;
}

void tg_clock_jump(tg_clock *clock, uint64_t now_ns) {
  if (now_ns > clock->now_ns) clock->now_ns = now_ns;
  tg_clock_update(clock);
}
