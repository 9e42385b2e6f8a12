#include "io/clock.h"
#include "check.h"
#include "io/socket.h"
#include "io/timer.h"
#include "support/turns.h"

#define SECOND UINT64_C(1000000000)

static int rung;

static void on_ring(tg_timer *timer) {
  (void)timer;
  rung++;
}

static tg_loop *stopped;

static void on_ring_and_stop(tg_timer *timer) {
  on_ring(timer);
  tg_loop_stop(stopped);
}

/* Rings timers until one of them stops the loop. With a virtual clock a loop does not end by itself. */
static void run_until(tg_loop *loop, tg_timer *last) {
  stopped = loop;
  last->on_timer = on_ring_and_stop;
  tg_loop_run(loop);
}

static uint64_t since(tg_loop *loop, uint64_t started_ns) {
  return tg_loop_now_ns(loop) - started_ns;
}

static void jumps_when_nothing_can_run(void) {
  tg_loop *loop = tg_loop_new();
  tg_timer day, hour;
  double started_ms = now_ms();
  tg_loop_set_virtual(loop, true);
  uint64_t started_ns = tg_loop_now_ns(loop);
  rung = 0;
  tg_timer_init(&day, on_ring);
  tg_timer_init(&hour, on_ring);
  tg_timer_start(loop, &day, 86400 * SECOND);
  tg_timer_start(loop, &hour, 3600 * SECOND);
  CHECK(turn_until(loop, &rung));
  CHECK(since(loop, started_ns) == 3600 * SECOND);
  CHECK(!hour.active && day.active);
  tg_timer_start(loop, &hour, 3600 * SECOND); /* rings in between, and nothing comes of it */
  run_until(loop, &day);
  CHECK_NUMBER(rung, 3);
  CHECK(since(loop, started_ns) == 86400 * SECOND);
  CHECK(now_ms() - started_ms < 2000);
  tg_loop_free(loop);
}

typedef struct worker {
  tg_job job;
  tg_loop *loop;
  int left;
} worker;

static void on_work(tg_job *job) {
  worker *is = TG_CONTAINER(job, worker, job);
  CHECK_NUMBER(rung, 0);
  if (--is->left > 0) tg_loop_post(is->loop, job);
}

static void stands_still_while_something_can_run(void) {
  tg_loop *loop = tg_loop_new();
  worker is = {.loop = loop, .left = 1000};
  tg_timer timer;
  tg_loop_set_virtual(loop, true);
  uint64_t started_ns = tg_loop_now_ns(loop);
  rung = 0;
  tg_timer_init(&timer, on_ring);
  tg_timer_start(loop, &timer, 1);
  tg_job_init(&is.job, on_work);
  tg_loop_post(loop, &is.job);
  run_until(loop, &timer);
  CHECK_NUMBER(is.left, 0);
  CHECK_NUMBER(rung, 1);
  CHECK_NUMBER(since(loop, started_ns), 1);
  tg_loop_free(loop);
}

static int idled;

static void on_idle(tg_job *job) {
  (void)job;
  CHECK_NUMBER(rung, 0);
  idled++;
}

static void runs_idle_jobs_when_nothing_else_can_run_and_before_it_jumps(void) {
  tg_loop *loop = tg_loop_new();
  worker is = {.loop = loop, .left = 100};
  tg_timer timer;
  tg_job idle, cancelled;
  tg_loop_set_virtual(loop, true);
  uint64_t started_ns = tg_loop_now_ns(loop);
  rung = idled = 0;
  tg_timer_init(&timer, on_ring);
  tg_timer_start(loop, &timer, SECOND);
  tg_job_init(&is.job, on_work);
  tg_job_init(&idle, on_idle);
  tg_job_init(&cancelled, on_idle);
  tg_loop_post_idle(loop, &idle);
  tg_loop_post_idle(loop, &idle);
  tg_loop_post_idle(loop, &cancelled);
  tg_loop_post(loop, &is.job);
  tg_job_cancel(&cancelled);
  run_until(loop, &timer);
  CHECK_NUMBER(is.left, 0);
  CHECK_NUMBER(idled, 1);
  CHECK(since(loop, started_ns) == SECOND);
  tg_loop_free(loop);
}

static void runs_idle_jobs_on_a_real_clock(void) {
  tg_loop *loop = tg_loop_new();
  tg_job idle;
  rung = idled = 0;
  tg_job_init(&idle, on_idle);
  tg_loop_post_idle(loop, &idle);
  tg_loop_run(loop); /* and ends */
  CHECK_NUMBER(idled, 1);
  tg_loop_free(loop);
}

static int spun, stuck, beaten;

static void on_stuck(void *owner, tg_stuck why) {
  if (why == TG_STUCK_SPINS) spun++;
  else if (why == TG_STUCK_BEATS) beaten++;
  else stuck++;
  tg_loop_stop(owner);
}

static void on_spin(tg_job *job) {
  worker *is = TG_CONTAINER(job, worker, job);
  is->left++;
  tg_loop_post(is->loop, job);
}

static void finds_what_keeps_time_from_passing(void) {
  tg_loop *loop = tg_loop_new();
  worker is = {.loop = loop};
  tg_timer timer;
  rung = 0;
  tg_loop_on_stuck(loop, on_stuck, loop);
  tg_loop_set_virtual(loop, true);
  tg_timer_init(&timer, on_ring);
  tg_timer_start(loop, &timer, SECOND);
  tg_job_init(&is.job, on_spin);
  tg_loop_post(loop, &is.job);
  tg_loop_run(loop);
  CHECK_NUMBER(spun, 1);
  CHECK_NUMBER(stuck, 0);
  CHECK_NUMBER(rung, 0);
  CHECK(is.left >= 1000000);
  tg_job_cancel(&is.job);
  CHECK(turn_until(loop, &rung)); /* now it can */
  tg_loop_run(loop);
  CHECK_NUMBER(spun, 1);
  CHECK_NUMBER(stuck, 1);
  tg_loop_free(loop);
}

static tg_loop *beating;
static unsigned beats;

static void on_beat(tg_timer *timer) {
  beats++;
  tg_timer_start(beating, timer, SECOND);
}

static void tells_of_every_hundred_thousand_jumps(void) {
  tg_timer timer;
  beating = tg_loop_new();
  beats = 0;
  beaten = stuck = 0;
  tg_loop_on_stuck(beating, on_stuck, beating);
  tg_loop_set_virtual(beating, true);
  tg_timer_init(&timer, on_beat);
  tg_timer_start(beating, &timer, SECOND);
  tg_loop_run(beating);
  CHECK_NUMBER(beaten, 1);
  CHECK_NUMBER(beats, 100000);
  tg_loop_run(beating);
  CHECK_NUMBER(beaten, 2);
  CHECK_NUMBER(beats, 200000);
  CHECK_NUMBER(stuck, 0);
  tg_timer_stop(beating, &timer);
  tg_loop_free(beating);
}

static void goes_on_from_where_it_was(void) {
  tg_loop *loop = tg_loop_new();
  tg_timer timer;
  rung = 0;
  tg_loop_set_virtual(loop, true);
  uint64_t started_ns = tg_loop_now_ns(loop);
  tg_timer_init(&timer, on_ring);
  tg_timer_start(loop, &timer, 3600 * SECOND);
  run_until(loop, &timer);
  tg_loop_set_virtual(loop, false);
  CHECK(since(loop, started_ns) >= 3600 * SECOND); /* it never goes back */
  CHECK(since(loop, started_ns) < 3605 * SECOND);
  timer.on_timer = on_ring;
  tg_timer_start(loop, &timer, SECOND / 200);
  double before_ms = now_ms();
  tg_loop_run(loop); /* and it ends again when nothing is left */
  CHECK_NUMBER(rung, 2);
  CHECK(now_ms() - before_ms >= 5); /* real again */
  tg_loop_free(loop);
}

static int accepted;

static void on_accept(void *owner, tg_stream *stream) {
  (void)owner;
  accepted++;
  tg_stream_close(stream);
}

static void on_accept_error(void *owner, int code) {
  (void)owner;
  CHECK_NUMBER(code, 0);
}

static const tg_listener_events events = {.on_accept = on_accept, .on_accept_error = on_accept_error};

static void on_connect(void *owner, int code, tg_stream *stream) {
  (void)owner;
  CHECK_NUMBER(code, 0);
  CHECK_NUMBER(rung, 0); /* the hour did not pass while the answer was on its way */
  if (stream != NULL) tg_stream_close(stream);
}

static void waits_for_answers_from_outside(void) {
  tg_loop *loop = tg_loop_new();
  tg_listener *listener;
  tg_connect *connect;
  tg_address address;
  tg_timer timer;
  char text[TG_ADDRESS_TEXT_BYTES];
  rung = 0;
  tg_loop_set_virtual(loop, true);
  tg_address_parse(&address, TG_TEXT("127.0.0.1:0"));
  CHECK_NUMBER(tg_listener_open(loop, &address, &events, NULL, &listener), 0);
  tg_listener_address(listener, text, sizeof text);
  tg_address_parse(&address, tg_text_of(text));
  tg_timer_init(&timer, on_ring);
  tg_timer_start(loop, &timer, 3600 * SECOND);
  CHECK_NUMBER(tg_connect_start(loop, &address, on_connect, NULL, &connect), 0);
  CHECK(turn_until(loop, &accepted));
  CHECK(turn_until(loop, &rung)); /* both ends are closed: now it does */
  tg_listener_close(listener);
  tg_loop_free(loop);
}

int main(void) {
  jumps_when_nothing_can_run();
  stands_still_while_something_can_run();
  runs_idle_jobs_when_nothing_else_can_run_and_before_it_jumps();
  runs_idle_jobs_on_a_real_clock();
  finds_what_keeps_time_from_passing();
  tells_of_every_hundred_thousand_jumps();
  goes_on_from_where_it_was();
  waits_for_answers_from_outside();
  return check_result();
}
