#include "io/loop.h"
#include "check.h"
#include "io/pair.h"
#include "io/socket.h"
#include "io/timer.h"
#include "support/turns.h"

#include <netinet/in.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#define MS UINT64_C(1000000)

typedef struct task {
  tg_job job;
  tg_loop *loop;
  int runs, number;
  struct task *other;
} task;

static int order[16], ran;

static task *task_of(tg_job *job) {
  return TG_CONTAINER(job, task, job);
}

static void on_run(tg_job *job) {
  if (ran < 16) order[ran] = task_of(job)->number;
  ran++;
  task_of(job)->runs++;
}

static void set(tg_loop *loop, task *is, int number, void (*run)(tg_job *job)) {
  *is = (task){.loop = loop, .number = number};
  tg_job_init(&is->job, run);
}

static void runs_jobs_once_and_in_order(void) {
  tg_loop *loop = tg_loop_new();
  task tasks[3];
  ran = 0;
  for (int i = 0; i < 3; i++) set(loop, &tasks[i], i, on_run);
  tg_loop_post(loop, &tasks[1].job);
  tg_loop_post(loop, &tasks[0].job);
  tg_loop_post(loop, &tasks[2].job);
  tg_loop_post(loop, &tasks[1].job); /* is there already */
  CHECK(tg_job_is_posted(&tasks[1].job));
  CHECK_NUMBER(ran, 0); /* never from inside its poster */
  tg_loop_run(loop);    /* ends when nothing is left */
  CHECK_NUMBER(ran, 3);
  CHECK_NUMBER(order[0] * 100 + order[1] * 10 + order[2], 102);
  CHECK(!tg_job_is_posted(&tasks[1].job));
  tg_loop_free(loop);
}

static void on_run_and_post_both(tg_job *job) {
  on_run(job);
  task *is = task_of(job);
  if (is->runs > 1) return;
  tg_loop_post(is->loop, job);
  tg_loop_post(is->loop, &is->other->job);
}

/* A, B are ready. A posts itself and C: they run behind B, in a later drain. */
static void hears_what_a_job_posts_later(void) {
  tg_loop *loop = tg_loop_new();
  task a, b, c;
  ran = 0;
  set(loop, &a, 1, on_run_and_post_both);
  set(loop, &b, 2, on_run);
  set(loop, &c, 3, on_run);
  a.other = &c;
  tg_loop_post(loop, &a.job);
  tg_loop_post(loop, &b.job);
  tg_loop_run(loop);
  CHECK_NUMBER(ran, 4);
  CHECK_NUMBER(order[0] * 1000 + order[1] * 100 + order[2] * 10 + order[3], 1213);
  tg_loop_free(loop);
}

static void on_run_for_ever(tg_job *job) {
  on_run(job);
  tg_loop_post(task_of(job)->loop, job);
}

static int rings;

static void on_timer(tg_timer *timer) {
  (void)timer;
  rings++;
}

static void on_read(tg_stream *stream, const char *bytes, long size) {
  (void)bytes;
  *(long *)stream->owner += size;
}

static const tg_stream_events events = {.on_read = on_read};

static void does_not_starve_others(void) {
  tg_loop *loop = tg_loop_new();
  task busy;
  tg_timer timer;
  tg_stream *a, *b;
  long received = 0;
  ran = rings = 0;
  set(loop, &busy, 1, on_run_for_ever);
  tg_loop_post(loop, &busy.job);
  tg_timer_init(&timer, on_timer);
  tg_timer_start(loop, &timer, 1 * MS);
  tg_pair_open(loop, &a, &b);
  tg_stream_attach(b, &events, &received);
  tg_stream_read_start(b);
  tg_stream_write(a, &TG_TEXT("abc"), 1);
  turn_until(loop, &rings);
  CHECK_NUMBER(rings, 1);
  CHECK_NUMBER(received, 3);
  CHECK(busy.runs > 1);
  tg_job_cancel(&busy.job);
  tg_stream_close(a);
  tg_stream_close(b);
  tg_loop_free(loop);
}

static void on_run_and_cancel(tg_job *job) {
  on_run(job);
  tg_job_cancel(&task_of(job)->other->job);
}

static void cancels_jobs(void) {
  tg_loop *loop = tg_loop_new();
  task a, b, c;
  ran = 0;
  set(loop, &a, 1, on_run_and_cancel);
  set(loop, &b, 2, on_run);
  set(loop, &c, 3, on_run);
  a.other = &b;
  tg_loop_post(loop, &a.job);
  tg_loop_post(loop, &b.job);
  tg_loop_post(loop, &c.job);
  tg_job_cancel(&c.job);
  tg_job_cancel(&c.job);
  tg_loop_run(loop); /* a cancels b, which was about to run in the same drain */
  CHECK_NUMBER(ran, 1);
  tg_loop_post(loop, &b.job);
  tg_loop_run(loop);
  CHECK_NUMBER(b.runs, 1);
  tg_loop_free(loop);
}

static void on_run_and_stop(tg_job *job) {
  on_run(job);
  if (task_of(job)->runs == 3) tg_loop_stop(task_of(job)->loop);
  tg_loop_post(task_of(job)->loop, job);
}

static void stops(void) {
  tg_loop *loop = tg_loop_new();
  task is;
  set(loop, &is, 1, on_run_and_stop);
  tg_loop_post(loop, &is.job);
  tg_loop_run(loop);
  CHECK(is.runs >= 3 && is.runs <= 4);
  CHECK(tg_job_is_posted(&is.job));
  tg_loop_free(loop);
}

/* --- the clock --- */

static void shows_monotonic_time(void) {
  tg_loop *loop = tg_loop_new();
  tg_timer timer;
  tg_timer_init(&timer, on_timer);
  tg_timer_start(loop, &timer, 1000 * MS); /* without anything to wait for, a loop makes no turns */
  double before_first = now_ms();
  tg_loop_turn(loop);
  uint64_t first_ns = tg_loop_now_ns(loop);
  double after_first = now_ms();
  nanosleep(&(struct timespec){.tv_nsec = 5 * 1000000}, NULL);
  CHECK(tg_loop_now_ns(loop) == first_ns); /* one time for all of a turn */
  double before_second = now_ms();
  tg_loop_turn(loop);
  double clock_ms = (double)(tg_loop_now_ns(loop) - first_ns) / 1e6;
  CHECK(clock_ms >= before_second - after_first && clock_ms <= now_ms() - before_first);
  tg_timer_stop(loop, &timer);
  tg_loop_free(loop);
}

typedef struct watch {
  tg_loop *loop;
  tg_listener *listener;
  tg_address address;
  double early_ms; /* how much too early the clock is when the byte has come */
} watch;

static void on_byte(tg_stream *stream, const char *bytes, long size) {
  watch *is = stream->owner;
  (void)bytes;
  CHECK_NUMBER(size, 1);
  double before_ms = now_ms();
  is->early_ms = before_ms - (double)tg_loop_now_ns(is->loop) / 1e6;
  tg_stream_close(stream);
  tg_listener_close(is->listener);
}

static const tg_stream_events byte_events = {.on_read = on_byte};

static void on_accept(void *owner, tg_stream *stream) {
  watch *is = owner;
  tg_stream_attach(stream, &byte_events, is);
  tg_stream_read_start(stream);
}

static void on_accept_error(void *owner, int code) {
  (void)owner;
  CHECK_NUMBER(code, 0);
}

static const tg_listener_events listener_events = {.on_accept = on_accept, .on_accept_error = on_accept_error};

/* Another thread, that connects at once and sends later. */
static void *connect_and_send(void *owner) {
  watch *is = owner;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  CHECK_NUMBER(connect(fd, (struct sockaddr *)&is->address.storage, sizeof(struct sockaddr_in)), 0);
  nanosleep(&(struct timespec){.tv_nsec = 10 * 1000000}, NULL);
  CHECK_NUMBER(write(fd, "x", 1), 1);
  close(fd);
  return NULL;
}

/* A callback that ends a wait sees the time at which the wait ended, not the time at which it began: a deadline
   that it sets is not over before it begins. */
static void shows_the_end_of_a_wait(void) {
  watch is = {.loop = tg_loop_new(), .early_ms = 1000};
  char text[TG_ADDRESS_TEXT_BYTES];
  pthread_t thread;
  tg_address_parse(&is.address, TG_TEXT("127.0.0.1:0"));
  if (!CHECK_NUMBER(tg_listener_open(is.loop, &is.address, &listener_events, &is, &is.listener), 0)) return;
  tg_listener_address(is.listener, text, sizeof text);
  tg_address_parse(&is.address, tg_text_of(text));
  CHECK_NUMBER(pthread_create(&thread, NULL, connect_and_send, &is), 0);
  tg_loop_run(is.loop); /* a wait that the connection ends, and one that the byte ends */
  pthread_join(thread, NULL);
  CHECK(is.early_ms < 0.001);
  tg_loop_free(is.loop);
}

static void names_errors(void) {
  CHECK_STRING(tg_error_name(TG_ERROR_RESET), "ECONNRESET");
  CHECK_STRING(tg_error_text(TG_ERROR_EOF), "end of file");
  CHECK_STRING(tg_error_name(TG_ERROR_TIMED_OUT), "ETIMEDOUT");
}

int main(void) {
  runs_jobs_once_and_in_order();
  hears_what_a_job_posts_later();
  does_not_starve_others();
  cancels_jobs();
  stops();
  shows_monotonic_time();
  shows_the_end_of_a_wait();
  names_errors();
  return check_result();
}
