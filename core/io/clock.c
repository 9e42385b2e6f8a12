#include "io/clock.h"

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

void tg_clock_set_virtual(tg_clock *clock, bool is_virtual) {
  tg_clock_update(clock);
  bool begins = is_virtual && !clock->is_virtual;
  clock->is_virtual = is_virtual;
  /* From a whole second, so that differences of its times in seconds are exact numbers. */
  if (begins) clock->now_ns += NS_PER_SECOND - clock->now_ns % NS_PER_SECOND;
  if (begins) clock->offset_ns = clock->now_ns - uv_hrtime();
}

void tg_clock_jump(tg_clock *clock, uint64_t now_ns) {
  if (now_ns > clock->now_ns) clock->now_ns = now_ns;
  tg_clock_update(clock);
}
