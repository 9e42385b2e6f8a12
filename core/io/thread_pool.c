#include "io/thread_pool.h"
#include "io/loop_private.h"
#include "io/script_stack.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static_assert((int)TG_ERROR_BUSY == (int)UV_EBUSY, "codes of this layer are libuv's");

enum { NS_PER_MS = 1000000, NICE = 10 };

typedef struct thread {
  struct thread *next;
  uv_thread_t id;
  tg_thread_pool *pool;
  const tg_work *work; /* that runs in it; guarded by the pool's mutex, as is: */
  uint64_t began_ns;
} thread;

struct tg_thread_pool {
  tg_loop *loop;
  const tg_thread_context *context;
  void *owner;
  tg_thread_limits limits;
  size_t open_count;   /* work that was started and has not been answered or taken back; the loop's own */
  uv_async_t finished; /* wakes the loop */
  thread *threads;     /* all that were started; the loop's own */

  uv_mutex_t mutex; /* guards all below, and is_queued of each work */
  uv_cond_t came;   /* work for a thread, or the end */
  uv_cond_t left;   /* a thread has ended */
  tg_list queue;    /* tg_work that has not begun */
  tg_list done;     /* tg_work that the loop has not heard of yet */
  unsigned queue_count, idle_count, thread_count;
  unsigned live_count; /* threads that have not ended */
  bool closing;        /* the loop hears of nothing any more */
};

/* --- in the threads --- */

/* Waits for work and takes it; NULL at the end of the pool. The mutex is held, but for the wait. */
static tg_work *take(tg_thread_pool *pool) {
  while (tg_list_is_empty(&pool->queue) && !pool->closing) uv_cond_wait(&pool->came, &pool->mutex);
  if (pool->closing) return NULL;
  tg_work *work = TG_CONTAINER(tg_list_pop_front(&pool->queue), tg_work, node);
  work->is_queued = false;
  pool->queue_count--;
  pool->idle_count--;
  return work;
}

/* The mutex is held. */
static void hand_back(tg_thread_pool *pool, tg_work *work) {
  pool->idle_count++;
  tg_list_push_back(&pool->done, &work->node);
  if (!pool->closing) uv_async_send(&pool->finished);
}

/* Where a thread shares a processor with the loop, the loop comes first: a request takes microseconds, work takes what
   it takes. Linux keeps the priority of each thread. */
static void give_way(void) {
  setpriority(PRIO_PROCESS, (id_t)gettid(), getpriority(PRIO_PROCESS, 0) + NICE);
}

static void run_thread(void *argument) {
  give_way();
  thread *self = argument;
  tg_thread_pool *pool = self->pool;
  void *context = NULL;
  tg_work *work;
  uv_mutex_lock(&pool->mutex);
  while ((work = take(pool)) != NULL) {
    self->work = work;
    self->began_ns = uv_hrtime();
    uv_mutex_unlock(&pool->mutex);
    if (context == NULL) context = pool->context->open(pool->owner);
    work->run(work, context);
    uv_mutex_lock(&pool->mutex);
    self->work = NULL;
    hand_back(pool, work);
  }
  uv_mutex_unlock(&pool->mutex);
  if (context != NULL) pool->context->close(context);
  uv_mutex_lock(&pool->mutex);
  pool->live_count--;
  uv_cond_signal(&pool->left);
  uv_mutex_unlock(&pool->mutex);
}

/* --- in the loop --- */

static void stop_awaiting(tg_thread_pool *pool, tg_work *work) {
  if (work->is_awaited) tg_loop_outside_end(pool->loop);
  work->is_awaited = false;
}

/* The pool keeps the loop running while work is open. */
static void count_open(tg_thread_pool *pool, int by) {
  pool->open_count += (size_t)by;
  if (pool->open_count == 0) uv_unref((uv_handle_t *)&pool->finished);
  else uv_ref((uv_handle_t *)&pool->finished);
}

static void answer_all(tg_thread_pool *pool, tg_list *list) {
  tg_list *node;
  while ((node = tg_list_pop_front(list)) != NULL) {
    tg_work *work = TG_CONTAINER(node, tg_work, node);
    count_open(pool, -1);
    stop_awaiting(pool, work);
    work->on_done(work);
  }
}

static void on_finished(uv_async_t *handle) {
  tg_thread_pool *pool = handle->data;
  tg_list done;
  tg_list_init(&done);
  uv_mutex_lock(&pool->mutex);
  tg_list_move_all(&done, &pool->done);
  uv_mutex_unlock(&pool->mutex);
  answer_all(pool, &done);
}

static bool open_locks(tg_thread_pool *pool) {
  if (uv_mutex_init(&pool->mutex) < 0) return false;
  if (uv_cond_init(&pool->came) < 0) goto no_came;
  if (uv_cond_init(&pool->left) < 0) goto no_left;
  return true;
no_left:
  uv_cond_destroy(&pool->came);
no_came:
  uv_mutex_destroy(&pool->mutex);
  return false;
}

static void free_pool(tg_thread_pool *pool) {
  uv_cond_destroy(&pool->left);
  uv_cond_destroy(&pool->came);
  uv_mutex_destroy(&pool->mutex);
  free(pool);
}

tg_thread_pool *tg_thread_pool_new(tg_loop *loop, const tg_thread_context *context, void *owner,
                                   const tg_thread_limits *limits) {
  tg_thread_pool *pool = calloc(1, sizeof *pool);
  if (pool == NULL) return NULL;
  pool->loop = loop;
  pool->context = context;
  pool->owner = owner;
  pool->limits = *limits;
  tg_list_init(&pool->queue);
  tg_list_init(&pool->done);
  if (!open_locks(pool)) {
    free(pool);
    return NULL;
  }
  if (uv_async_init(&loop->uv, &pool->finished, on_finished) < 0) {
    free_pool(pool);
    return NULL;
  }
  pool->finished.data = pool;
  uv_unref((uv_handle_t *)&pool->finished);
  return pool;
}

/* The mutex is held: the thread begins when it is given back. */
static int start_thread(tg_thread_pool *pool) {
  thread *self = calloc(1, sizeof *self);
  if (self == NULL) return UV_ENOMEM;
  self->pool = pool;
  uv_thread_options_t options = {.flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = TG_SCRIPT_STACK_BYTES};
  int code = uv_thread_create_ex(&self->id, &options, run_thread, self);
  if (code < 0) {
    free(self);
    return code;
  }
  self->next = pool->threads;
  pool->threads = self;
  pool->thread_count++;
  pool->live_count++;
  pool->idle_count++;
  return 0;
}

/* Takes work off the queue; false when it is not there. The mutex is held. */
static bool take_back(tg_thread_pool *pool, tg_work *work) {
  if (!work->is_queued) return false;
  tg_list_remove(&work->node);
  work->is_queued = false;
  pool->queue_count--;
  return true;
}

/* Puts work on the queue, and sees to it that there are threads for it. The mutex is held. */
static int put(tg_thread_pool *pool, tg_work *work) {
  tg_list_push_back(&pool->queue, &work->node);
  work->is_queued = true;
  pool->queue_count++;
  int code = 0;
  if (pool->queue_count > pool->idle_count && pool->thread_count < pool->limits.threads_max) code = start_thread(pool);
  if (pool->thread_count == 0) take_back(pool, work);
  else code = 0; /* without a new thread it waits for the others */
  uv_cond_signal(&pool->came);
  return code;
}

int tg_work_start(tg_thread_pool *pool, tg_work *work) {
  if (pool->open_count >= (size_t)pool->limits.threads_max + pool->limits.queue_max) return TG_ERROR_BUSY;
  uv_mutex_lock(&pool->mutex);
  int code = put(pool, work);
  uv_mutex_unlock(&pool->mutex);
  if (code < 0) return code;
  count_open(pool, 1);
  tg_loop_outside_begin(pool->loop);
  work->is_awaited = true;
  return 0;
}

bool tg_work_cancel(tg_thread_pool *pool, tg_work *work) {
  uv_mutex_lock(&pool->mutex);
  bool was_queued = take_back(pool, work);
  uv_mutex_unlock(&pool->mutex);
  if (was_queued) count_open(pool, -1);
  stop_awaiting(pool, work);
  return was_queued;
}

tg_thread_statistics tg_thread_pool_count(tg_thread_pool *pool) {
  uv_mutex_lock(&pool->mutex);
  tg_thread_statistics count = {pool->live_count, pool->live_count - pool->idle_count, pool->queue_count};
  uv_mutex_unlock(&pool->mutex);
  return count;
}

unsigned tg_thread_pool_list(tg_thread_pool *pool, tg_thread_work *list, unsigned most) {
  unsigned count = 0;
  uint64_t now_ns = uv_hrtime();
  uv_mutex_lock(&pool->mutex);
  for (const thread *each = pool->threads; each != NULL && count < most; each = each->next) {
    if (each->work == NULL) continue;
    list[count++] = (tg_thread_work){each->work, now_ns > each->began_ns ? now_ns - each->began_ns : 0};
  }
  uv_mutex_unlock(&pool->mutex);
  return count;
}

/* --- the end --- */

/* Waits until the threads have ended; how many have not in time. The mutex is held, but for the wait. */
static unsigned wait_for_threads(tg_thread_pool *pool, unsigned wait_ms) {
  uint64_t end_ns = uv_hrtime() + (uint64_t)wait_ms * NS_PER_MS;
  while (pool->live_count > 0) {
    uint64_t now_ns = uv_hrtime();
    if (now_ns >= end_ns) break;
    uv_cond_timedwait(&pool->left, &pool->mutex, end_ns - now_ns);
  }
  return pool->live_count;
}

static void join_threads(tg_thread_pool *pool) {
  thread *next;
  for (thread *self = pool->threads; self != NULL; self = next) {
    next = self->next;
    uv_thread_join(&self->id);
    free(self);
  }
}

static void on_closed(uv_handle_t *handle) {
  free_pool(handle->data);
}

unsigned tg_thread_pool_close(tg_thread_pool *pool, unsigned wait_ms) {
  tg_list over;
  tg_list_init(&over);
  uv_mutex_lock(&pool->mutex);
  pool->closing = true;
  uv_cond_broadcast(&pool->came);
  while (!tg_list_is_empty(&pool->queue)) {
    tg_work *work = TG_CONTAINER(pool->queue.next, tg_work, node);
    take_back(pool, work);
    tg_list_push_back(&over, &work->node);
  }
  unsigned left = wait_for_threads(pool, wait_ms);
  tg_list_move_all(&over, &pool->done);
  uv_mutex_unlock(&pool->mutex);
  if (left == 0) join_threads(pool);
  answer_all(pool, &over);
  uv_close((uv_handle_t *)&pool->finished, left == 0 ? on_closed : NULL);
  return left;
}
