#include "support/turns.h"

#include <time.h>

enum { TURNS_MIN = 30 };

static const double wait_ms_max = 60000;

double now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

bool turn_while_not(tg_loop *loop, bool (*question)(void *owner), void *owner) {
  double end = now_ms() + wait_ms_max;
  while (!question(owner)) {
    if (now_ms() > end) return false;
    tg_loop_turn(loop);
  }
  return true;
}

static bool is_set(void *flag) {
  return *(const int *)flag != 0;
}

bool turn_until(tg_loop *loop, const int *flag) {
  return turn_while_not(loop, is_set, (void *)flag);
}

void turn(tg_loop *loop, int turns) {
  while (turns-- > 0) tg_loop_turn(loop);
}

void turn_ms(tg_loop *loop, unsigned milliseconds) {
  double end = now_ms() + milliseconds;
  while (now_ms() < end) tg_loop_turn(loop);
  turn(loop, TURNS_MIN);
}
