#include "io/thread_pool.h"
#include "check.h"
#include "support/turns.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { WAIT_MS_MAX = 5000, JOBS_MAX = 64 };

/* Work that waits at a gate until the test opens it. */
typedef struct job {
  tg_work work;
  atomic_bool gate;
  atomic_int runs, priority;
  int answers;
  void *context;
} job;

static tg_loop *loop;
static tg_thread_pool *pool;
static job jobs[JOBS_MAX];
static int answered;
static atomic_int opened, opened_wrongly, closed, running, running_most;
static pthread_t loop_thread;
static bool context_fails;

static void pass_time(void) {
  usleep(200);
}

static void *open_context(void *owner) {
  if (owner != &loop || pthread_equal(pthread_self(), loop_thread)) atomic_fetch_add(&opened_wrongly, 1);
  int number = atomic_fetch_add(&opened, 1);
  return context_fails && number == 0 ? NULL : calloc(1, 1);
}

static void close_context(void *context) {
  free(context);
  atomic_fetch_add(&closed, 1);
}

static const tg_thread_context context = {open_context, close_context};

static void run_job(tg_work *work, void *of_thread) {
  job *self = TG_CONTAINER(work, job, work);
  int now = atomic_fetch_add(&running, 1) + 1;
  if (now > atomic_load(&running_most)) atomic_store(&running_most, now); /* a race is no matter: it is checked late */
  self->context = of_thread;
  atomic_store(&self->priority, getpriority(PRIO_PROCESS, 0));
  while (!atomic_load(&self->gate)) pass_time();
  atomic_fetch_add(&self->runs, 1);
  atomic_fetch_sub(&running, 1);
}

static void on_done(tg_work *work) {
  CHECK(pthread_equal(pthread_self(), loop_thread));
  TG_CONTAINER(work, job, work)->answers++;
  answered++;
}

static void begin(unsigned threads_max, unsigned queue_max) {
  tg_thread_limits limits = {threads_max, queue_max};
  answered = 0;
  context_fails = false;
  opened = opened_wrongly = closed = running = running_most = 0;
  for (int i = 0; i < JOBS_MAX; i++) jobs[i] = (job){.work = {.run = run_job, .on_done = on_done}};
  loop_thread = pthread_self();
  loop = tg_loop_new();
  pool = tg_thread_pool_new(loop, &context, &loop, &limits);
  CHECK(pool != NULL);
}

static void end(void) {
  CHECK_NUMBER(tg_thread_pool_close(pool, WAIT_MS_MAX), 0);
  CHECK_NUMBER(opened_wrongly, 0);
  tg_loop_free(loop);
}

static int start(int number) {
  return tg_work_start(pool, &jobs[number].work);
}

static void start_many(int first, int count) {
  for (int i = first; i < first + count; i++) CHECK_NUMBER(start(i), 0);
}

static void open_gates(void) {
  for (int i = 0; i < JOBS_MAX; i++) atomic_store(&jobs[i].gate, true);
}

static bool is_wanted(void *wanted) {
  return atomic_load(&running) >= *(int *)wanted;
}

static void wait_until_running(int count) {
  CHECK(turn_while_not(loop, is_wanted, &count));
}

static bool are_answered(void *count) {
  return answered >= *(int *)count;
}

static void wait_until_answered(int count) {
  CHECK(turn_while_not(loop, are_answered, &count));
}

static void has_no_thread_before_the_first_work(void) {
  begin(4, 10);
  tg_thread_statistics count = tg_thread_pool_count(pool);
  CHECK_NUMBER(count.threads, 0);
  tg_loop_run(loop); /* nothing keeps it running */
  end();
  CHECK_NUMBER(opened, 0);
}

static void answers_from_the_loop(void) {
  begin(4, 10);
  jobs[0].gate = true;
  CHECK_NUMBER(start(0), 0);
  while (atomic_load(&jobs[0].runs) == 0) pass_time();
  CHECK_NUMBER(answered, 0);
  tg_loop_run(loop); /* until nothing is open */
  CHECK_NUMBER(answered, 1);
  CHECK(jobs[0].context != NULL);
  int own = getpriority(PRIO_PROCESS, 0);
  CHECK(jobs[0].priority > own || own == 19);
  end();
  CHECK_NUMBER(opened, 1);
  CHECK_NUMBER(closed, 1);
}

static void uses_one_thread_for_one_after_the_other(void) {
  begin(4, 10);
  open_gates();
  for (int i = 0; i < 5; i++) {
    CHECK_NUMBER(start(i), 0);
    wait_until_answered(i + 1);
    CHECK(jobs[i].context == jobs[0].context);
  }
  CHECK_NUMBER(tg_thread_pool_count(pool).threads, 1);
  end();
}

static void runs_as_many_at_once_as_it_may(void) {
  begin(3, 20);
  start_many(0, 10);
  wait_until_running(3);
  turn(loop, 5);
  tg_thread_statistics count = tg_thread_pool_count(pool);
  CHECK_NUMBER(count.threads, 3);
  CHECK_NUMBER(count.running, 3);
  CHECK_NUMBER(count.queued, 7);
  open_gates();
  wait_until_answered(10);
  CHECK_NUMBER(running_most, 3);
  CHECK_NUMBER(tg_thread_pool_count(pool).running, 0);
  end();
  CHECK_NUMBER(opened, 3);
  CHECK_NUMBER(closed, 3);
}

static void refuses_more_than_its_queue_holds(void) {
  begin(2, 3);
  start_many(0, 5); /* at once: whether a thread has taken some already makes no difference */
  CHECK_NUMBER(start(5), TG_ERROR_BUSY);
  CHECK(tg_work_cancel(pool, &jobs[4].work));
  CHECK_NUMBER(start(5), 0);
  CHECK_NUMBER(start(6), TG_ERROR_BUSY);
  open_gates();
  wait_until_answered(5);
  CHECK_NUMBER(start(6), 0);
  wait_until_answered(6);
  CHECK_NUMBER(jobs[4].runs, 0);
  end();
}

static void takes_back_what_has_not_begun(void) {
  begin(1, 10);
  start_many(0, 4);
  wait_until_running(1);
  CHECK(tg_work_cancel(pool, &jobs[2].work));
  CHECK(!tg_work_cancel(pool, &jobs[0].work)); /* it goes on, and is heard of */
  open_gates();
  wait_until_answered(3);
  turn(loop, 5);
  CHECK_NUMBER(jobs[0].answers, 1);
  CHECK_NUMBER(jobs[2].answers, 0);
  CHECK_NUMBER(jobs[2].runs, 0);
  end();
}

static void is_not_taken_back_when_it_has_run(void) {
  begin(1, 10);
  jobs[0].gate = true;
  CHECK_NUMBER(start(0), 0);
  while (tg_thread_pool_count(pool).running == 0 && atomic_load(&jobs[0].runs) == 0) pass_time();
  while (tg_thread_pool_count(pool).running > 0) pass_time();
  CHECK(!tg_work_cancel(pool, &jobs[0].work));
  CHECK_NUMBER(jobs[0].answers, 0);
  wait_until_answered(1);
  end();
}

/* The clock of the virtual kind goes with real time while somebody waits for the answer, and no longer. */
static void counts_as_outside(void) {
  begin(1, 10);
  tg_loop_set_virtual(loop, true);
  uint64_t before_ns = tg_loop_now_ns(loop);
  turn_ms(loop, 3);
  CHECK_NUMBER(tg_loop_now_ns(loop) - before_ns, 0);
  start_many(0, 2);
  wait_until_running(1);
  turn_ms(loop, 3);
  uint64_t after_ns = tg_loop_now_ns(loop);
  CHECK(after_ns > before_ns);
  CHECK(!tg_work_cancel(pool, &jobs[0].work));
  CHECK(tg_work_cancel(pool, &jobs[1].work));
  after_ns = tg_loop_now_ns(loop);
  turn_ms(loop, 3);
  CHECK_NUMBER(tg_loop_now_ns(loop) - after_ns, 0);
  open_gates();
  wait_until_answered(1);
  end();
}

static void tries_again_to_open_a_context(void) {
  begin(1, 10);
  context_fails = true;
  open_gates();
  CHECK_NUMBER(start(0), 0);
  wait_until_answered(1);
  CHECK(jobs[0].context == NULL);
  CHECK_NUMBER(start(1), 0);
  wait_until_answered(2);
  CHECK(jobs[1].context != NULL);
  end();
  CHECK_NUMBER(closed, 1);
}

static void *open_gates_later(void *unused) {
  (void)unused;
  usleep(20000);
  open_gates();
  return NULL;
}

static void waits_at_its_end_for_what_runs(void) {
  pthread_t other;
  begin(2, 10);
  start_many(0, 6);
  wait_until_running(2);
  pthread_create(&other, NULL, open_gates_later, NULL);
  end();
  pthread_join(other, NULL);
  int runs = 0;
  for (int i = 0; i < 6; i++) {
    runs += jobs[i].runs;
    CHECK_NUMBER(jobs[i].answers, 1);
  }
  CHECK_NUMBER(runs, 2); /* the others are dropped, and their owners told */
  CHECK_NUMBER(closed, 2);
}

static tg_thread_pool *volatile left_behind; /* what the leak checker finds it by */

static void does_not_wait_for_ever(void) {
  begin(2, 10);
  jobs[1].gate = true;
  start_many(0, 2);
  wait_until_running(1);
  wait_until_answered(1);
  left_behind = pool;
  CHECK_NUMBER(tg_thread_pool_close(pool, 100), 1);
  tg_loop_free(loop);
  CHECK_NUMBER(jobs[0].answers, 0);
  open_gates();
  while (atomic_load(&closed) < 2) pass_time(); /* the thread goes on without a loop, and ends */
  CHECK_NUMBER(jobs[0].answers, 0);
}

/* Starts, answers and cancellations in no order, for the sanitizers to look at. */
static void survives_a_mix(void) {
  begin(4, JOBS_MAX);
  open_gates();
  int taken_back = 0, started = 0;
  unsigned seed = 7;
  for (int round = 0; round < 200; round++) {
    answered = taken_back = started = 0;
    for (int i = 0; i < JOBS_MAX; i++) {
      started += start(i) == 0;
      seed = seed * 1103515245U + 12345U;
      if ((seed >> 16) % 3 == 0) {
        int victim = (int)((seed >> 18) % (unsigned)(i + 1));
        if (jobs[victim].work.is_awaited) taken_back += tg_work_cancel(pool, &jobs[victim].work);
      }
      if ((seed >> 20) % 5 == 0) tg_loop_turn(loop);
    }
    wait_until_answered(started - taken_back);
    tg_loop_turn(loop);
    CHECK_NUMBER(answered, started - taken_back);
  }
  end();
}

int main(void) {
  has_no_thread_before_the_first_work();
  answers_from_the_loop();
  uses_one_thread_for_one_after_the_other();
  runs_as_many_at_once_as_it_may();
  refuses_more_than_its_queue_holds();
  takes_back_what_has_not_begun();
  is_not_taken_back_when_it_has_run();
  counts_as_outside();
  tries_again_to_open_a_context();
  waits_at_its_end_for_what_runs();
  does_not_wait_for_ever();
  survives_a_mix();
  return check_result();
}
