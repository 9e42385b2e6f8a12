/* A watch over the loop while it may be stuck: what holds it is named in the log while it still does, and a process that
   was told to end does so in the end. io/watchdog.h says how it looks. */
#ifndef TG_BIND_WATCH_H
#define TG_BIND_WATCH_H

#include <stdint.h>
#include <time.h>

enum { TG_WATCH_ID_BYTES_MAX = 32, TG_WATCH_STATUS = 3 };

struct tg_runtime;

typedef struct tg_watch {
  char id_prefix[TG_WATCH_ID_BYTES_MAX + 1]; /* of requests' ids */
  uint64_t turn_ns;                          /* when the turn began that was told of last */
  uint64_t next_ns;                          /* a turn that is so long is told of next */
  unsigned ends_seen;                        /* signals to end that were seen, heard or not */
  unsigned ends_told;                        /* … of which the log tells that they wait */
  uint64_t seen_ns;                          /* when the last of them was seen */
  uint64_t final_ns;                         /* when the last phase of the process began; 0 before */
} tg_watch;

/* A clock that costs next to nothing, is good to a few milliseconds, and may be read by a signal's handler. */
static inline uint64_t tg_watch_now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Everything is cancelled now, and the process ends: whatever holds it up much longer is left behind. */
void tg_watch_end(struct tg_runtime *runtime);

#endif
