/* Turning a loop from a test, without hanging when what it waits for does not come. */
#ifndef TESTS_TURNS_H
#define TESTS_TURNS_H

#include "io/loop.h"

/* Turns until *flag is not 0, for a minute at most. Was it set? */
bool turn_until(tg_loop *loop, const int *flag);

/* The same until a question is answered with true. */
bool turn_while_not(tg_loop *loop, bool (*question)(void *owner), void *owner);

/* So many turns: enough for everything in memory to have happened. */
void turn(tg_loop *loop, int turns);

/* Turns for so long, and some thirty times behind it: a busy machine may not have run us meanwhile. */
void turn_ms(tg_loop *loop, unsigned milliseconds);

/* Milliseconds of the system's monotonic clock. */
double now_ms(void);

#endif
