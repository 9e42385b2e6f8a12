/* A look at the loop while it may be stuck: a handler of signals that runs in the loop's thread in the middle of whatever
   that does, be it an endless loop, compiled or not, or a call of the system that does not return. A second thread would
   do as well, but with one each call of the system and each allocation costs more.

   The signals come from timers of the system: one that goes with the time of the processor which the thread uses, so that
   an idle process is left alone and no wait is interrupted, and one for once, when there is reason to look. A process has
   one watchdog at most. */
#ifndef TG_IO_WATCHDOG_H
#define TG_IO_WATCHDOG_H

/* Calls `look` in the calling thread from now on, several times in each second in which it works. It may do only what a
   signal's handler may (man 7 signal-safety). 0 or a negative code. */
int tg_watchdog_open(void (*look)(void *owner), void *owner);

/* Calls it soon as well, though the thread may wait. May be called by a signal's handler; nothing happens where there is no
   watchdog. */
void tg_watchdog_look_soon(void);

/* No more calls; nothing happens where there is no watchdog. */
void tg_watchdog_close(void);

#endif
