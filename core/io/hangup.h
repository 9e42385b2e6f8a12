/* Peers that leave while nobody reads from them. libuv hears an end only by reading up to it, so the loop asks the system
   for just that of the sockets that are watched, by a set of descriptors of its own. */
#ifndef TG_IO_HANGUP_H
#define TG_IO_HANGUP_H

#include "io/loop.h"

/* Embedded in its owner, zeroed. */
typedef struct tg_hangup {
  int fd; /* where it is watched */
  bool is_watched;
  /* Once, from the loop: TG_ERROR_EOF when the peer has ended its side, TG_ERROR_RESET when it is gone both ways. It is
     not watched any more. */
  void (*on_hangup)(struct tg_hangup *hangup, int code);
} tg_hangup;

/* Watches a socket; twice is no error. 0 or a negative code. */
int tg_hangup_watch(tg_loop *loop, tg_hangup *hangup, int fd);

/* The same for one whose peer has ended its side already: it is called for a reset only. */
int tg_hangup_watch_reset(tg_loop *loop, tg_hangup *hangup, int fd);

/* No callback from here on; before the descriptor is closed. Harmless where it is not watched. */
void tg_hangup_unwatch(tg_loop *loop, tg_hangup *hangup);

/* Makes the loop's set before it is needed, for whoever must be able to watch where descriptors have run out. */
void tg_hangups_open(tg_loop *loop);

/* For the loop's end. */
void tg_hangups_close(tg_loop *loop);

#endif
