#include "io/timer.h"
#include "check.h"
#include "support/turns.h"

#include <stdlib.h>

#define MS UINT64_C(1000000)

typedef struct alarm {
  tg_timer timer;
  tg_loop *loop;
  int number, rung;
  struct alarm *other; /* what on_timer acts on */
} alarm_clock;

static int order[16], rung;

static alarm_clock *clock_of(tg_timer *timer) {
  return TG_CONTAINER(timer, alarm_clock, timer);
}

static void on_ring(tg_timer *timer) {
  alarm_clock *is = clock_of(timer);
  is->rung++;
  if (rung < 16) order[rung] = is->number;
  rung++;
}

static void set(tg_loop *loop, alarm_clock *is, int number, uint64_t delay_ns) {
  is->loop = loop;
  is->number = number;
  tg_timer_init(&is->timer, on_ring);
  tg_timer_start(loop, &is->timer, delay_ns);
}

static tg_loop *begin(void) {
  rung = 0;
  memset(order, 0, sizeof order);
  return tg_loop_new();
}

static void rings_in_order(void) {
  tg_loop *loop = begin();
  alarm_clock clocks[4] = {0};
  double started = now_ms();
  set(loop, &clocks[0], 3, 9 * MS);
  set(loop, &clocks[1], 1, 2 * MS);
  set(loop, &clocks[2], 2, 5 * MS);
  set(loop, &clocks[3], 0, 0);
  CHECK_NUMBER(rung, 0); /* not before it returns */
  tg_loop_run(loop);     /* ends with the last timer */
  CHECK_NUMBER(rung, 4);
  for (int i = 0; i < 4; i++) CHECK_NUMBER(order[i], i);
  CHECK(now_ms() - started >= 9 && now_ms() - started < 500);
  tg_loop_free(loop);
}

static void is_started_anew(void) {
  tg_loop *loop = begin();
  alarm_clock is = {0};
  double started = now_ms();
  set(loop, &is, 1, 1000 * 1000 * MS);
  tg_timer_start(loop, &is.timer, 3 * MS);
  CHECK(is.timer.active);
  tg_loop_run(loop);
  CHECK(!is.timer.active);
  CHECK_NUMBER(rung, 1);
  CHECK(now_ms() - started < 500);
  started = now_ms();
  tg_timer_start(loop, &is.timer, 1 * MS);
  tg_timer_start(loop, &is.timer, 10 * MS); /* later than before */
  tg_loop_run(loop);
  CHECK_NUMBER(rung, 2);
  CHECK(now_ms() - started >= 10);
  tg_loop_free(loop);
}

static void is_stopped(void) {
  tg_loop *loop = begin();
  alarm_clock clocks[2] = {0};
  set(loop, &clocks[0], 1, 2 * MS);
  set(loop, &clocks[1], 2, 4 * MS);
  tg_timer_stop(loop, &clocks[0].timer);
  tg_timer_stop(loop, &clocks[0].timer);
  tg_loop_run(loop);
  CHECK_NUMBER(rung, 1);
  CHECK_NUMBER(order[0], 2);
  tg_timer_start(loop, &clocks[0].timer, 1000 * 1000 * MS);
  tg_timer_stop(loop, &clocks[0].timer);
  tg_loop_run(loop); /* returns at once: nothing is left that could happen */
  CHECK_NUMBER(rung, 1);
  tg_loop_free(loop);
}

static void on_ring_and_stop(tg_timer *timer) {
  on_ring(timer);
  tg_timer_stop(clock_of(timer)->loop, timer); /* no longer runs: does nothing */
  tg_timer_stop(clock_of(timer)->loop, &clock_of(timer)->other->timer);
}

/* Two are due in the same turn: the first one stops the second, which must not ring any more. */
static void is_stopped_by_another_that_rings(void) {
  tg_loop *loop = begin();
  alarm_clock clocks[2] = {0};
  set(loop, &clocks[0], 1, 1 * MS);
  set(loop, &clocks[1], 2, 1 * MS + 1000);
  clocks[0].timer.on_timer = clocks[1].timer.on_timer = on_ring_and_stop;
  clocks[0].other = &clocks[1];
  clocks[1].other = &clocks[0];
  tg_loop_run(loop); /* until nothing is left */
  CHECK_NUMBER(rung, 1);
  CHECK_NUMBER(order[0], 1);
  tg_loop_free(loop);
}

static void on_ring_and_restart(tg_timer *timer) {
  on_ring(timer);
  if (clock_of(timer)->rung < 5) tg_timer_start(clock_of(timer)->loop, timer, 1 * MS);
}

static void is_restarted_by_itself(void) {
  tg_loop *loop = begin();
  alarm_clock is = {0};
  set(loop, &is, 1, 1 * MS);
  is.timer.on_timer = on_ring_and_restart;
  double started = now_ms();
  tg_loop_run(loop);
  CHECK_NUMBER(is.rung, 5);
  CHECK(now_ms() - started >= 5);
  tg_loop_free(loop);
}

static void on_ring_for_ever(tg_timer *timer) {
  on_ring(timer);
  if (rung < 1000000) tg_timer_start(clock_of(timer)->loop, timer, 0);
}

/* A timer that starts itself with no delay must not keep the loop from its turns. */
static void does_not_starve_the_loop(void) {
  tg_loop *loop = begin();
  alarm_clock is = {0};
  set(loop, &is, 1, 0);
  is.timer.on_timer = on_ring_for_ever;
  turn(loop, 10);
  CHECK(rung <= 10);
  turn_until(loop, &rung);
  tg_timer_stop(loop, &is.timer);
  tg_loop_free(loop);
}

static void lasts_as_long_as_can_be_said(void) {
  tg_loop *loop = begin();
  alarm_clock clocks[2] = {0};
  set(loop, &clocks[0], 1, UINT64_MAX);
  set(loop, &clocks[1], 2, 1 * MS);
  turn_until(loop, &rung);
  CHECK_NUMBER(rung, 1);
  CHECK_NUMBER(order[0], 2);
  tg_timer_stop(loop, &clocks[0].timer);
  tg_loop_free(loop);
}

static uint64_t latest_ns;

static void on_ring_in_order(tg_timer *timer) {
  CHECK(timer->deadline_ns >= latest_ns);
  CHECK(timer->deadline_ns <= tg_loop_now_ns(clock_of(timer)->loop));
  latest_ns = timer->deadline_ns;
  rung++;
}

/* Ten thousand with random delays, a third of them stopped: all others ring, in order and not too early. */
static void rings_thousands(void) {
  enum { COUNT = 10000 };
  tg_loop *loop = begin();
  alarm_clock *clocks = calloc(COUNT, sizeof *clocks);
  srand(7);
  for (int i = 0; i < COUNT; i++) {
    set(loop, &clocks[i], i, (uint64_t)(rand() % 20000) * 1000);
    clocks[i].timer.on_timer = on_ring_in_order;
  }
  for (int i = 0; i < COUNT; i += 3) tg_timer_stop(loop, &clocks[i].timer);
  tg_loop_run(loop);
  CHECK_NUMBER(rung, COUNT - (COUNT + 2) / 3);
  free(clocks);
  tg_loop_free(loop);
}

int main(void) {
  rings_in_order();
  is_started_anew();
  is_stopped();
  is_stopped_by_another_that_rings();
  is_restarted_by_itself();
  does_not_starve_the_loop();
  lasts_as_long_as_can_be_said();
  rings_thousands();
  return check_result();
}
