#include "io/log_file.h"
#include "io/log_target.h"
#include "io/loop_private.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

static_assert((int)TG_ERROR_SLOW == (int)UV_ENOBUFS, "codes of this layer are libuv's");
static_assert((int)TG_ERROR_AGAIN == (int)UV_EAGAIN, "codes of this layer are libuv's");
static_assert((int)TG_ERROR_TYPE == (int)UV_EFTYPE, "codes of this layer are libuv's");

#define NS_PER_MS UINT64_C(1000000)

enum {
  FLUSH_MS = 500,  /* from the first line in memory to its write, at most */
  RETRY_MS = 200,  /* from a write that failed to the next one */
  READER_MS = 100, /* one wait for a reader; what else has happened is seen between two of them */
  CALM_MS = 500,   /* without a failure and a dropped line: all is well again */
  GRACE_MS = 500,  /* how much longer than it should a thread may take to end */
};

/* What the owner is to hear of. */
typedef struct news {
  bool trouble, recovered, reopened;
  int trouble_code, reopened_code;
  uint64_t dropped;
} news;

/* Lines are appended to one half while the other is written. */
typedef struct half {
  char *data;
  size_t size;
} half;

struct tg_log_file {
  const tg_log_file_events *events;
  void *owner;
  char *path;
  size_t half_bytes_max;
  uv_async_t told; /* wakes the loop for `news` */
  uv_thread_t thread;

  half back; /* what is being written; the thread's own, like these: */
  size_t sent;
  tg_log_target target;

  uv_mutex_t mutex; /* guards all below */
  uv_cond_t came;   /* something to do for the thread */
  uv_cond_t ended;
  half front;
  atomic_bool is_waiting; /* there are lines in either half; read without the mutex */
  size_t back_bytes;      /* what is left to write of the back */
  bool reopen_wanted, closing, has_ended;
  uint64_t close_ns;   /* when a closing file gives up */
  uint64_t trouble_ns; /* the last failure or dropped line */
  uint64_t dropped_before;
  tg_log_file_statistics count;
  news news;
};

/* --- what the owner hears; the mutex is held --- */

static void tell(tg_log_file *self) {
  if (!self->closing) uv_async_send(&self->told);
}

static void note_trouble(tg_log_file *self, int code) {
  self->trouble_ns = uv_hrtime();
  if (self->count.is_in_trouble) return;
  self->count.is_in_trouble = true;
  self->news.trouble = true;
  self->news.trouble_code = code;
  tell(self);
}

static uint64_t dropped_in_trouble(const tg_log_file *self) {
  return self->count.dropped - self->dropped_before;
}

static void note_calm(tg_log_file *self) {
  if (!self->count.is_in_trouble || uv_hrtime() - self->trouble_ns < CALM_MS * NS_PER_MS) return;
  self->count.is_in_trouble = false;
  self->news.recovered = true;
  self->news.dropped = dropped_in_trouble(self);
  self->dropped_before = self->count.dropped;
  tell(self);
}

static void note_reopened(tg_log_file *self, int code) {
  self->news.reopened = true;
  self->news.reopened_code = code;
  tell(self);
}

static void on_told(uv_async_t *handle) {
  tg_log_file *self = handle->data;
  const tg_log_file_events *events = self->events;
  uv_mutex_lock(&self->mutex);
  news told = self->news;
  self->news = (news){0};
  uv_mutex_unlock(&self->mutex);
  if (told.trouble && events->on_trouble != NULL) events->on_trouble(self->owner, told.trouble_code);
  if (told.recovered && events->on_recovered != NULL) events->on_recovered(self->owner, told.dropped);
  if (told.reopened && events->on_reopened != NULL) events->on_reopened(self->owner, told.reopened_code);
}

/* --- in the thread --- */

/* The loop hears the process's signals. A file that may not grow any more (RLIMIT_FSIZE) must be an error of write, not
   the end of the process. */
static void block_signals(void) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, NULL);
}

static bool is_wanted(const tg_log_file *self) {
  return self->reopen_wanted || self->closing;
}

/* Waits for at most `ms`, or until `is_done`. The mutex is held, but for the wait. */
static void wait_for(tg_log_file *self, unsigned ms, bool (*is_done)(const tg_log_file *self)) {
  uint64_t now, end = uv_hrtime() + ms * NS_PER_MS;
  while (!is_done(self) && (now = uv_hrtime()) < end) uv_cond_timedwait(&self->came, &self->mutex, end - now);
}

static bool is_worth_a_write(const tg_log_file *self) {
  return self->front.size >= self->half_bytes_max / 2 || is_wanted(self);
}

/* An idle log costs nothing: the first line wakes the thread, which then waits for more. */
static void wait_for_lines(tg_log_file *self) {
  while (self->front.size == 0 && !is_wanted(self) && !self->count.is_in_trouble) {
    uv_cond_wait(&self->came, &self->mutex);
  }
  wait_for(self, FLUSH_MS, is_worth_a_write);
}

static bool is_back_written(const tg_log_file *self) {
  return self->sent == self->back.size;
}

static void swap_halves(tg_log_file *self) {
  half front = self->front;
  self->front = (half){self->back.data, 0};
  self->back = front;
  self->back_bytes = front.size;
  self->sent = 0;
}

/* Writes the back half, as far as it goes; 0 or a negative code. */
static int write_back(tg_log_file *self) {
  while (!is_back_written(self)) {
    tg_text rest = {self->back.data + self->sent, self->back.size - self->sent};
    ssize_t written = tg_log_target_write(&self->target, rest);
    if (written >= 0) self->sent += (size_t)written;
    else if (written != TG_ERROR_AGAIN) return (int)written;
    else if (!tg_log_target_wait(&self->target, READER_MS)) return TG_ERROR_AGAIN;
  }
  return 0;
}

/* A line that was begun in another file stands whole in the new one. */
static void go_back_to_line(tg_log_file *self) {
  const char *last = self->sent > 0 ? memrchr(self->back.data, '\n', self->sent) : NULL;
  self->sent = last != NULL ? (size_t)(last - self->back.data) + 1 : 0;
}

/* Opens the path anew; where that fails, what was open stays. */
static int open_again(tg_log_file *self) {
  tg_log_target target;
  int code = tg_log_target_open(&target, self->path);
  if (code < 0) return code;
  if (!tg_log_target_is_same(&target, &self->target)) go_back_to_line(self);
  tg_log_target_close(&self->target);
  self->target = target;
  return 0;
}

static int write_unlocked(tg_log_file *self) {
  uv_mutex_unlock(&self->mutex);
  int code = write_back(self);
  uv_mutex_lock(&self->mutex);
  self->back_bytes = self->back.size - self->sent;
  self->is_waiting = self->back_bytes > 0 || self->front.size > 0;
  return code;
}

static int open_unlocked(tg_log_file *self) {
  uv_mutex_unlock(&self->mutex);
  int code = open_again(self);
  uv_mutex_lock(&self->mutex);
  self->back_bytes = self->back.size - self->sent;
  return code;
}

static void reopen(tg_log_file *self) {
  self->reopen_wanted = false;
  note_reopened(self, open_unlocked(self));
}

/* Others may have made room: removed the file, or begun to read the pipe anew. */
static void try_again_later(tg_log_file *self, int code) {
  self->count.failures++;
  note_trouble(self, code);
  wait_for(self, RETRY_MS, is_wanted);
  if (!self->closing) open_unlocked(self);
}

/* Takes what was appended meanwhile; false while the last of it is not written. */
static bool take_lines(tg_log_file *self) {
  if (!is_back_written(self)) return false;
  wait_for_lines(self);
  swap_halves(self);
  return true;
}

static bool has_more_to_do(const tg_log_file *self, int code) {
  if (!self->closing) return true;
  if (code == TG_ERROR_AGAIN) return uv_hrtime() < self->close_ns;
  return code == 0 && self->front.size > 0;
}

/* One round of writing; false at the end. A wish to reopen is granted once all that was appended before it is written,
   or cannot be. */
static bool write_lines(tg_log_file *self) {
  bool has_all = take_lines(self);
  bool may_reopen = self->reopen_wanted;
  int code = write_unlocked(self);
  if (may_reopen && (has_all || code < 0)) reopen(self);
  if (code == 0) note_calm(self);
  if (!self->closing && code < 0 && code != TG_ERROR_AGAIN) try_again_later(self, code);
  return has_more_to_do(self, code);
}

static void run_thread(void *argument) {
  tg_log_file *self = argument;
  block_signals();
  uv_mutex_lock(&self->mutex);
  while (write_lines(self)) continue;
  self->has_ended = true;
  uv_cond_signal(&self->ended);
  uv_mutex_unlock(&self->mutex);
}

/* --- in the loop --- */

static void free_memory(tg_log_file *self) {
  free(self->front.data);
  free(self->back.data);
  free(self->path);
  free(self);
}

static void free_file(tg_log_file *self) {
  uv_cond_destroy(&self->ended);
  uv_cond_destroy(&self->came);
  uv_mutex_destroy(&self->mutex);
  tg_log_target_close(&self->target);
  free_memory(self);
}

static void on_closed(uv_handle_t *handle) {
  free_file(handle->data);
}

static tg_log_file *new_file(const char *path, size_t half_bytes_max) {
  tg_log_file *self = calloc(1, sizeof *self);
  if (self == NULL) return NULL;
  self->half_bytes_max = half_bytes_max;
  self->path = strdup(path);
  self->front.data = malloc(half_bytes_max);
  self->back.data = malloc(half_bytes_max);
  if (self->path != NULL && self->front.data != NULL && self->back.data != NULL) return self;
  free_memory(self);
  return NULL;
}

static int open_locks(tg_log_file *self) {
  int code = uv_mutex_init(&self->mutex);
  if (code < 0) return code;
  code = uv_cond_init(&self->came);
  if (code < 0) goto no_came;
  code = uv_cond_init(&self->ended);
  if (code < 0) goto no_ended;
  return 0;
no_ended:
  uv_cond_destroy(&self->came);
no_came:
  uv_mutex_destroy(&self->mutex);
  return code;
}

/* Starts the thread. Owns the file, even when it fails. */
static int start(tg_loop *loop, tg_log_file *self) {
  int code = uv_async_init(&loop->uv, &self->told, on_told);
  if (code < 0) {
    free_file(self);
    return code;
  }
  self->told.data = self;
  uv_unref((uv_handle_t *)&self->told);
  code = uv_thread_create(&self->thread, run_thread, self);
  if (code < 0) uv_close((uv_handle_t *)&self->told, on_closed);
  return code;
}

int tg_log_file_open(tg_loop *loop, const char *path, size_t buffer_bytes_max, const tg_log_file_events *events,
                     void *owner, tg_log_file **file) {
  tg_log_file *self = new_file(path, buffer_bytes_max / 2);
  if (self == NULL) return TG_ERROR_MEMORY;
  self->events = events;
  self->owner = owner;
  int code = tg_log_target_open(&self->target, path);
  if (code < 0) goto no_target;
  code = open_locks(self);
  if (code < 0) goto no_locks;
  code = start(loop, self);
  if (code == 0) *file = self;
  return code;
no_locks:
  tg_log_target_close(&self->target);
no_target:
  free_memory(self);
  return code;
}

/* The mutex is held. */
static bool append(tg_log_file *self, tg_text line) {
  size_t before = self->front.size, after = before + line.size;
  if (after > self->half_bytes_max) {
    self->count.dropped++;
    note_trouble(self, TG_ERROR_SLOW);
    return false;
  }
  memcpy(self->front.data + before, line.data, line.size);
  self->front.size = after;
  self->is_waiting = true;
  self->count.lines++;
  size_t worth = self->half_bytes_max / 2;
  if (before == 0 || (before < worth && after >= worth)) uv_cond_signal(&self->came);
  return true;
}

bool tg_log_file_append(tg_log_file *self, tg_text line) {
  uv_mutex_lock(&self->mutex);
  bool is_taken = append(self, line);
  uv_mutex_unlock(&self->mutex);
  return is_taken;
}

bool tg_log_file_is_waiting(const tg_log_file *self) {
  return self->is_waiting;
}

void tg_log_file_reopen(tg_log_file *self) {
  uv_mutex_lock(&self->mutex);
  self->reopen_wanted = true;
  uv_cond_signal(&self->came);
  uv_mutex_unlock(&self->mutex);
}

tg_log_file_statistics tg_log_file_count(tg_log_file *self) {
  uv_mutex_lock(&self->mutex);
  tg_log_file_statistics count = self->count;
  count.buffer_bytes = self->front.size + self->back_bytes;
  uv_mutex_unlock(&self->mutex);
  return count;
}

static uint64_t count_lines(tg_text text) {
  uint64_t count = 0;
  for (size_t i = 0; i < text.size; i++) count += text.data[i] == '\n';
  return count;
}

/* What the thread has left: the back from the line on in which it stopped, and the front. */
static uint64_t count_lost(const tg_log_file *self) {
  tg_text back = {self->back.data + self->sent, self->back.size - self->sent};
  return count_lines(back) + count_lines((tg_text){self->front.data, self->front.size});
}

/* The mutex is held, but for the wait. */
static bool wait_for_end(tg_log_file *self, unsigned wait_ms) {
  uint64_t now = uv_hrtime(), end = now + (wait_ms + GRACE_MS) * NS_PER_MS;
  self->closing = true;
  self->close_ns = now + wait_ms * NS_PER_MS;
  uv_cond_signal(&self->came);
  for (; !self->has_ended && now < end; now = uv_hrtime()) uv_cond_timedwait(&self->ended, &self->mutex, end - now);
  return self->has_ended;
}

bool tg_log_file_close(tg_log_file *self, unsigned wait_ms, uint64_t *dropped) {
  uv_mutex_lock(&self->mutex);
  bool has_ended = wait_for_end(self, wait_ms);
  /* A thread that hangs may still be using the back. */
  *dropped = dropped_in_trouble(self) + (has_ended ? count_lost(self) : 0);
  uv_mutex_unlock(&self->mutex);
  if (has_ended) uv_thread_join(&self->thread);
  uv_close((uv_handle_t *)&self->told, has_ended ? on_closed : NULL);
  return has_ended;
}
