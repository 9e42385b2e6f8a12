#include "base/check.h"
#include "io/file_threads.h"
#include "io/hangup.h"
#include "io/loop_private.h"
#include "io/timer.h"

#include <assert.h>
#include <stdlib.h>

static_assert((int)TG_ERROR_EOF == (int)UV_EOF, "codes of this layer are libuv's");
static_assert((int)TG_ERROR_CANCELED == (int)UV_ECANCELED, "codes of this layer are libuv's");
static_assert((int)TG_ERROR_MEMORY == (int)UV_ENOMEM, "codes of this layer are libuv's");
static_assert((int)TG_ERROR_INVALID == (int)UV_EINVAL, "codes of this layer are libuv's");
static_assert((int)TG_ERROR_TIMED_OUT == (int)UV_ETIMEDOUT, "codes of this layer are libuv's");
static_assert((int)TG_ERROR_RESET == (int)UV_ECONNRESET, "codes of this layer are libuv's");
static_assert((int)TG_ERROR_UNSUPPORTED == (int)UV_ENOTSUP, "codes of this layer are libuv's");

static void on_busy(uv_idle_t *handle) {
  (void)handle; /* its being active is all that counts */
}

static bool has_jobs(const tg_loop *loop) {
  return !tg_list_is_empty(&loop->ready) || !tg_list_is_empty(&loop->idle);
}

static void drain(tg_loop *loop) {
  tg_list jobs;
  tg_list_init(&jobs);
  tg_list_move_all(&jobs, tg_list_is_empty(&loop->ready) ? &loop->idle : &loop->ready);
  tg_list *node;
  while ((node = tg_list_pop_front(&jobs)) != NULL) {
    tg_job *job = TG_CONTAINER(node, tg_job, node);
    job->run(job);
  }
  if (has_jobs(loop)) uv_idle_start(&loop->busy, on_busy);
  else uv_idle_stop(&loop->busy);
}

enum { STILL_TURNS_MAX = 1000000, STILL_TURNS_AGAIN = 100000, JUMPS_MAX = 100000 };

static void report_stuck(tg_loop *loop, tg_stuck why) {
  loop->still_turns = loop->jumps = 0;
  if (loop->on_stuck != NULL) loop->on_stuck(loop->stuck_owner, why);
}

/* Nothing can run: a virtual clock goes to the next timer. Where there is none, nothing ever will. The wait that
   follows a jump does not block, as the next jump may be due. */
static void jump(tg_loop *loop) {
  if (loop->timers.root == NULL) {
    report_stuck(loop, TG_STUCK_STILL);
    return;
  }
  uv_idle_start(&loop->busy, on_busy);
  tg_timers_jump(loop);
  if (++loop->jumps >= JUMPS_MAX) report_stuck(loop, TG_STUCK_BEATS);
}

/* The clock stands still: it jumps when nothing can run, and whoever always can is found out. */
static void move_clock(tg_loop *loop) {
  if (!has_jobs(loop)) {
    loop->still_turns = 0;
    jump(loop);
  } else if (++loop->still_turns >= STILL_TURNS_MAX) {
    report_stuck(loop, TG_STUCK_SPINS);
    loop->still_turns = STILL_TURNS_MAX - STILL_TURNS_AGAIN;
  }
}

static void on_before(uv_prepare_t *handle) {
  tg_loop *loop = handle->data;
  if (has_jobs(loop)) drain(loop);
  if (tg_clock_stands_still(&loop->clock)) move_clock(loop);
  else loop->still_turns = 0;
  loop->clock.is_old = true; /* the wait that follows may be long, and callbacks come from inside it */
}

static void on_after(uv_check_t *handle) {
  tg_loop *loop = handle->data;
  tg_clock_now_ns(&loop->clock);
  if (has_jobs(loop)) drain(loop);
  else uv_idle_stop(&loop->busy);
}

static void init_handles(tg_loop *loop) {
  uv_prepare_init(&loop->uv, &loop->before);
  uv_check_init(&loop->uv, &loop->after);
  uv_idle_init(&loop->uv, &loop->busy);
  uv_timer_init(&loop->uv, &loop->alarm);
  loop->before.data = loop->after.data = loop->busy.data = loop->alarm.data = loop;
  uv_prepare_start(&loop->before, on_before);
  uv_check_start(&loop->after, on_after);
  uv_unref((uv_handle_t *)&loop->before);
  uv_unref((uv_handle_t *)&loop->after);
}

tg_loop *tg_loop_new(void) {
  tg_loop *loop = calloc(1, sizeof *loop);
  if (loop == NULL) return NULL;
  if (uv_loop_init(&loop->uv) < 0) {
    free(loop);
    return NULL;
  }
  tg_list_init(&loop->ready);
  tg_list_init(&loop->idle);
  tg_list_init(&loop->locals);
  loop->uv.data = loop;
  tg_timers_init(loop);
  init_handles(loop);
  tg_clock_init(&loop->clock);
  return loop;
}

unsigned tg_loop_free(tg_loop *loop) {
  unsigned left = tg_file_threads_close(loop);
  if (left > 0) return left;
  tg_hangups_close(loop);
  uv_close((uv_handle_t *)&loop->before, NULL);
  uv_close((uv_handle_t *)&loop->after, NULL);
  uv_close((uv_handle_t *)&loop->busy, NULL);
  uv_close((uv_handle_t *)&loop->alarm, NULL);
  uv_run(&loop->uv, UV_RUN_DEFAULT);
  int status = uv_loop_close(&loop->uv);
  TG_CHECK(status == 0);
  free(loop->refused_host);
  free(loop);
  return 0;
}

void tg_loop_run(tg_loop *loop) {
  loop->clock.is_old = true;
  uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void tg_loop_turn(tg_loop *loop) {
  loop->clock.is_old = true;
  uv_run(&loop->uv, UV_RUN_NOWAIT);
}

void tg_loop_wait(tg_loop *loop) {
  loop->clock.is_old = true;
  uv_run(&loop->uv, UV_RUN_ONCE);
}

void tg_loop_stop(tg_loop *loop) {
  uv_stop(&loop->uv);
}

uint64_t tg_loop_now_ns(tg_loop *loop) {
  return tg_clock_now_ns(&loop->clock);
}

void tg_loop_on_stuck(tg_loop *loop, void (*on_stuck)(void *owner, tg_stuck why), void *owner) {
  loop->on_stuck = on_stuck;
  loop->stuck_owner = owner;
}

int64_t tg_loop_wall_ns(const tg_loop *loop) {
  return tg_clock_wall_ns(&loop->clock);
}

int64_t tg_loop_wall_seconds(const tg_loop *loop) {
  return tg_clock_wall_seconds(&loop->clock);
}

void tg_loop_set_virtual(tg_loop *loop, bool is_virtual) {
  tg_clock_set_virtual(&loop->clock, is_virtual);
  loop->still_turns = loop->jumps = 0;
  /* A loop without handles ends; one with a virtual clock must come to see that nothing can run. */
  if (is_virtual) uv_ref((uv_handle_t *)&loop->before);
  else uv_unref((uv_handle_t *)&loop->before);
  tg_timers_changed(loop);
}

void tg_job_init(tg_job *job, void (*run)(tg_job *job)) {
  tg_list_init(&job->node);
  job->run = run;
}

void tg_loop_shuffle(tg_loop *loop, uint64_t seed) {
  loop->shuffle = seed;
}

/* A coin: xorshift64*. */
static bool toss(tg_loop *loop) {
  loop->shuffle ^= loop->shuffle >> 12;
  loop->shuffle ^= loop->shuffle << 25;
  loop->shuffle ^= loop->shuffle >> 27;
  return (loop->shuffle * UINT64_C(2685821657736338717)) >> 63 != 0;
}

void tg_loop_post(tg_loop *loop, tg_job *job) {
  if (tg_job_is_posted(job)) return;
  if (tg_list_is_empty(&loop->ready)) uv_idle_start(&loop->busy, on_busy);
  if (loop->shuffle != 0 && toss(loop)) tg_list_push_front(&loop->ready, &job->node);
  else tg_list_push_back(&loop->ready, &job->node);
}

void tg_loop_post_last(tg_loop *loop, tg_job *job) {
  if (tg_job_is_posted(job)) return;
  if (tg_list_is_empty(&loop->ready)) uv_idle_start(&loop->busy, on_busy);
  tg_list_push_back(&loop->ready, &job->node);
}

void tg_loop_post_idle(tg_loop *loop, tg_job *job) {
  if (tg_job_is_posted(job)) return;
  uv_idle_start(&loop->busy, on_busy);
  tg_list_push_back(&loop->idle, &job->node);
}

void tg_job_cancel(tg_job *job) {
  tg_list_remove(&job->node);
}

bool tg_job_is_posted(const tg_job *job) {
  return !tg_list_is_empty(&job->node);
}

const char *tg_error_text(int code) {
  if (code == TG_ERROR_OUTSIDE) return "no upstream of the test has this address, and a test reaches nothing outside";
  return uv_strerror(code);
}

const char *tg_error_name(int code) {
  if (code == TG_ERROR_OUTSIDE) return "EOUTSIDE";
  return uv_err_name(code);
}
