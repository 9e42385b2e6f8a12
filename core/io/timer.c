#include "io/timer.h"
#include "io/loop_private.h"

enum { NS_PER_MS = 1000000 };

static tg_timer *timer_of(const tg_heap_node *node) {
  return TG_CONTAINER(node, tg_timer, node);
}

static bool is_earlier(const tg_heap_node *a, const tg_heap_node *b) {
  return timer_of(a)->deadline_ns < timer_of(b)->deadline_ns;
}

static void on_alarm(uv_timer_t *handle);

/* Sets the alarm for the earliest timer, where it rings too late or not at all. It may ring too early, which
   costs one look; a stopped timer needs no call. */
static void set_alarm(tg_loop *loop, uint64_t delay_ms_min) {
  if (loop->ringing) return;
  if (loop->timers.root == NULL) {
    uv_timer_stop(&loop->alarm);
    loop->alarm_ns = UINT64_MAX;
    return;
  }
  uint64_t deadline_ns = timer_of(loop->timers.root)->deadline_ns;
  if (deadline_ns >= loop->alarm_ns) return;
  uint64_t now_ns = tg_clock_peek_ns(&loop->clock);
  uint64_t delay_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
  uv_update_time(&loop->uv);
  uint64_t delay_ms = (delay_ns + NS_PER_MS - 1) / NS_PER_MS;
  uv_timer_start(&loop->alarm, on_alarm, delay_ms < delay_ms_min ? delay_ms_min : delay_ms, 0);
  loop->alarm_ns = deadline_ns;
}

/* Runs the timers whose deadline has come. One that is started meanwhile has a later one. */
static void ring(tg_loop *loop) {
  uint64_t now_ns = tg_loop_now_ns(loop);
  loop->ringing = true;
  while (loop->timers.root != NULL && timer_of(loop->timers.root)->deadline_ns <= now_ns) {
    tg_timer *timer = timer_of(loop->timers.root);
    tg_timer_stop(loop, timer);
    timer->on_timer(timer);
  }
  loop->ringing = false;
}

/* The next alarm is a millisecond away at least: libuv calls one without delay from this very turn, so that a timer
   that always starts itself anew would keep all else from running. */
static void on_alarm(uv_timer_t *handle) {
  tg_loop *loop = handle->data;
  loop->alarm_ns = UINT64_MAX;
  tg_clock_update(&loop->clock);
  ring(loop);
  set_alarm(loop, 1);
}

void tg_timers_jump(tg_loop *loop) {
  if (loop->timers.root == NULL) return;
  tg_clock_jump(&loop->clock, timer_of(loop->timers.root)->deadline_ns);
  ring(loop);
  set_alarm(loop, 1);
}

void tg_timers_changed(tg_loop *loop) {
  uv_timer_stop(&loop->alarm);
  loop->alarm_ns = UINT64_MAX;
  set_alarm(loop, 0);
}

void tg_timers_init(tg_loop *loop) {
  loop->timers = (tg_heap){NULL, is_earlier};
  loop->alarm_ns = UINT64_MAX;
}

void tg_timer_init(tg_timer *timer, void (*on_timer)(tg_timer *timer)) {
  timer->active = false;
  timer->on_timer = on_timer;
}

void tg_timer_start(tg_loop *loop, tg_timer *timer, uint64_t delay_ns) {
  tg_timer_stop(loop, timer);
  uint64_t now_ns = tg_loop_now_ns(loop);
  if (delay_ns == 0) delay_ns = 1;
  timer->deadline_ns = delay_ns < UINT64_MAX - now_ns ? now_ns + delay_ns : UINT64_MAX;
  timer->active = true;
  tg_heap_insert(&loop->timers, &timer->node);
  set_alarm(loop, 0);
}

void tg_timer_stop(tg_loop *loop, tg_timer *timer) {
  if (!timer->active) return;
  tg_heap_remove(&loop->timers, &timer->node);
  timer->active = false;
  if (loop->timers.root == NULL) set_alarm(loop, 0);
}
