#include "io/file_threads.h"
#include "io/loop_private.h"

enum { THREADS_MAX = 4, QUEUE_MAX = 100000, CLOSE_WAIT_MS = 2000 };

/* Nothing is kept from one piece of work to the next; a pool wants something that is not NULL. */
static void *open_context(void *owner) {
  return owner;
}

static void close_context(void *context) {
  (void)context;
}

static const tg_thread_context context = {.open = open_context, .close = close_context};
static const tg_thread_limits limits = {.threads_max = THREADS_MAX, .queue_max = QUEUE_MAX};

tg_thread_pool *tg_file_threads(tg_loop *loop) {
  if (loop->file_threads == NULL) loop->file_threads = tg_thread_pool_new(loop, &context, loop, &limits);
  return loop->file_threads;
}

unsigned tg_file_threads_close(tg_loop *loop) {
  tg_thread_pool *threads = loop->file_threads;
  loop->file_threads = NULL;
  return threads != NULL ? tg_thread_pool_close(threads, CLOSE_WAIT_MS) : 0;
}
