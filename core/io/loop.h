/* The loop: turns of waiting and dispatching, a clock that all waits share, and the ready queue.

   A turn waits for descriptors and timers, calls their callbacks, then runs every job that is on the ready
   queue once. A job that posts a job (itself too) is heard in the next turn, so nothing starves I/O. */
#ifndef TG_IO_LOOP_H
#define TG_IO_LOOP_H

#include "base/list.h"

#include <stdint.h>

typedef struct tg_loop tg_loop;

/* Something to run once, soon, from the loop and never from inside its poster. Embedded in its owner. */
typedef struct tg_job {
  tg_list node;
  void (*run)(struct tg_job *job);
} tg_job;

/* A new loop; NULL without memory or descriptors. */
tg_loop *tg_loop_new(void);

/* Frees the loop. Everything on it must be closed by then, apart from what closes in this last turn. How many threads
   still read files when they have been waited for long enough: then nothing is freed that they might use, and the
   process should end soon. */
unsigned tg_loop_free(tg_loop *loop);

/* Runs turns until tg_loop_stop, or until nothing is left that could ever happen. */
void tg_loop_run(tg_loop *loop);

/* One turn that does not wait. */
void tg_loop_turn(tg_loop *loop);

/* One turn, which waits until something happens. */
void tg_loop_wait(tg_loop *loop);

/* Makes tg_loop_run return after this turn. */
void tg_loop_stop(tg_loop *loop);

/* Nanoseconds of a monotonic clock, read once in each turn, when its wait is over. */
uint64_t tg_loop_now_ns(tg_loop *loop);

/* Makes the clock virtual, or real again; see clock.h. */
void tg_loop_set_virtual(tg_loop *loop, bool is_virtual);

/* The time of day, in nanoseconds since 1970 (UTC); a virtual clock's own. See clock.h. */
int64_t tg_loop_wall_ns(const tg_loop *loop);
int64_t tg_loop_wall_seconds(const tg_loop *loop);

/* Why on a virtual clock something may wait in vain. */
typedef enum tg_stuck {
  TG_STUCK_STILL, /* it stands still, and nothing that could move it is left */
  TG_STUCK_SPINS, /* jobs that post jobs have kept it from moving for a million turns; again after each 100,000 more */
  TG_STUCK_BEATS, /* it has jumped a hundred thousand times more: maybe for timers only that start themselves anew */
} tg_stuck;

/* Calls on_stuck then. */
void tg_loop_on_stuck(tg_loop *loop, void (*on_stuck)(void *owner, tg_stuck why), void *owner);

/* Runs jobs in a random order from here on, the same for the same seed; 0 for the order in which they were posted. So
   no test can lean on an order that nobody has promised. */
void tg_loop_shuffle(tg_loop *loop, uint64_t seed);

/* Prepares a job that is not posted. */
void tg_job_init(tg_job *job, void (*run)(tg_job *job));

/* Puts a job on the ready queue; one that is there already stays in its place. */
void tg_loop_post(tg_loop *loop, tg_job *job);

/* The same, behind all that are there now, in a random order too. */
void tg_loop_post_last(tg_loop *loop, tg_job *job);

/* Runs the job once no other is ready, and before a virtual clock jumps. */
void tg_loop_post_idle(tg_loop *loop, tg_job *job);

/* Takes a job off the ready queue; nothing happens when it is not there. */
void tg_job_cancel(tg_job *job);

/* Is the job on the ready queue? */
bool tg_job_is_posted(const tg_job *job);

/* A sentence about a negative error code of this layer ("connection refused"). Static memory. */
const char *tg_error_text(int code);

/* The code's short name ("ECONNREFUSED"). Static memory. */
const char *tg_error_name(int code);

/* Codes that callers tell apart; all others are libuv's. */
enum {
  TG_ERROR_EOF = -4095,       /* UV_EOF: the peer has ended its side */
  TG_ERROR_CANCELED = -125,   /* UV_ECANCELED */
  TG_ERROR_MEMORY = -12,      /* UV_ENOMEM */
  TG_ERROR_INVALID = -22,     /* UV_EINVAL */
  TG_ERROR_TIMED_OUT = -110,  /* UV_ETIMEDOUT */
  TG_ERROR_RESET = -104,      /* UV_ECONNRESET */
  TG_ERROR_UNSUPPORTED = -95, /* UV_ENOTSUP */
  TG_ERROR_OUTSIDE = -100000, /* not one of libuv's: see tg_dial_isolate */
};

#endif
