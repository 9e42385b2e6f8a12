/* A pool of threads for work that blocks (files, other people's libraries, long computations), so that the loop goes
   on meanwhile. A thread is started when work waits and no thread is idle, has a lower priority than the loop, and ends
   with the pool. libuv's own pool is left to look-ups of names, which must not wait behind such work. */
#ifndef TG_IO_THREAD_POOL_H
#define TG_IO_THREAD_POOL_H

#include "io/loop.h"

typedef struct tg_thread_pool tg_thread_pool;

/* What each thread keeps for all of its work: made before the first, where it is made and used by that thread alone. */
typedef struct tg_thread_context {
  void *(*open)(void *owner); /* NULL: not now; tried again before the next work */
  void (*close)(void *context);
} tg_thread_context;

typedef struct tg_thread_limits {
  unsigned threads_max;
  unsigned queue_max; /* work that waits while all threads are busy */
} tg_thread_limits;

/* A piece of work. Embedded in its owner, and must live until on_done, or until a tg_work_cancel that answers true. */
typedef struct tg_work {
  tg_list node;
  void (*run)(struct tg_work *work, void *context); /* in a thread; the context may be NULL */
  void (*on_done)(struct tg_work *work);            /* from the loop, once */
  bool is_queued;                                   /* it has not begun; guarded by the pool */
  bool is_awaited;                                  /* the clock goes with real time because of it */
} tg_work;

/* A pool without threads. `owner` is for context->open. NULL without memory or descriptors. */
tg_thread_pool *tg_thread_pool_new(tg_loop *loop, const tg_thread_context *context, void *owner,
                                   const tg_thread_limits *limits);

enum { TG_ERROR_BUSY = -16 }; /* UV_EBUSY */

/* Has the work run, as soon as a thread is free. `run` and `on_done` are set by the caller. TG_ERROR_BUSY where the
   limits are reached, another negative code where no thread can be started; no callback then. */
int tg_work_start(tg_thread_pool *pool, tg_work *work);

/* Gives up work whose on_done has not come. True: it had not begun, and is the caller's again, without a callback.
   False: it goes on, and on_done comes. */
bool tg_work_cancel(tg_thread_pool *pool, tg_work *work);

typedef struct tg_thread_statistics {
  unsigned threads, running, queued;
} tg_thread_statistics;

tg_thread_statistics tg_thread_pool_count(tg_thread_pool *pool);

typedef struct tg_thread_work {
  const tg_work *work; /* until its on_done, or the end of the turn */
  uint64_t ns;         /* for so long */
} tg_thread_work;

/* What runs now: writes `most` at most, and returns how many. */
unsigned tg_thread_pool_list(tg_thread_pool *pool, tg_thread_work *list, unsigned most);

/* Ends the threads and frees the pool, not from a callback of its own. Work that has not begun is dropped, and on_done
   is called without a run; work that runs is waited for, but for `wait_ms` at most, since no thread can be stopped
   from outside. Returns how many threads still run then, in the middle of work whose on_done never comes; what they
   use is not freed, and the process should end soon. */
unsigned tg_thread_pool_close(tg_thread_pool *pool, unsigned wait_ms);

#endif
