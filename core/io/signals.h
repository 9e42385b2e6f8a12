/* The signals by which a person or a supervisor speaks to the process. */
#ifndef TG_IO_SIGNALS_H
#define TG_IO_SIGNALS_H

#include "io/loop.h"

typedef struct tg_signals tg_signals;

/* Calls on_signal from the loop with "SIGINT", "SIGTERM" or "SIGUSR1", and ignores SIGPIPE and SIGXFSZ (a file that may
   not grow any more), which are error codes of write here. Does not keep the loop running. NULL without memory. */
tg_signals *tg_signals_open(tg_loop *loop, void (*on_signal)(void *owner, const char *name), void *owner);

/* Gives the signals back to their default action. */
void tg_signals_close(tg_signals *signals);

#endif
