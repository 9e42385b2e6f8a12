/* The signals by which a person or a supervisor speaks to the process. */
#ifndef TG_IO_SIGNALS_H
#define TG_IO_SIGNALS_H

#include "io/loop.h"

typedef struct tg_signals tg_signals;

/* Ignores SIGPIPE and SIGXFSZ (a file that may not grow any more), which are error codes of write here. All others have
   their usual effect until tg_signals_start. A process has one of these. NULL without memory or descriptors. */
tg_signals *tg_signals_open(tg_loop *loop, void (*on_signal)(void *owner, const char *name), void *owner);

/* SIGHUP and SIGUSR1, which mean nothing yet, do not end the process while it starts. */
void tg_signals_hold(void);

/* Calls on_signal from the loop with "SIGINT", "SIGTERM", "SIGHUP" or "SIGUSR1" from now on. Does not keep the loop
   running. */
void tg_signals_start(tg_signals *signals);

/* How many times the process was told to end (SIGINT, SIGTERM); and how many of these on_signal has not heard of, since
   the loop is busy. For a signal's handler, too. */
unsigned tg_signals_end_count(const tg_signals *signals);
unsigned tg_signals_unheard_end_count(const tg_signals *signals);

/* Catches no more signals; those that mean the end end the process. */
void tg_signals_close(tg_signals *signals);

#endif
