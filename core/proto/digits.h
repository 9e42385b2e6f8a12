/* The shortest decimal digits that read back as a given double. */
#ifndef TG_PROTO_DIGITS_H
#define TG_PROTO_DIGITS_H

#include <stddef.h>

enum { TG_DIGITS_MAX = 17 }; /* no double needs more */

/* 0.d1d2d3… × 10^exponent; d1 and the last digit are not zero */
typedef struct tg_digits {
  char text[TG_DIGITS_MAX]; /* '0' to '9', without a terminator */
  size_t count;
  int exponent;
} tg_digits;

/* Of all the decimals that a correct reader (nearest, ties to even) turns into `number`, the one with the fewest digits;
   of several of those, the nearest. `number` is finite and above zero. No allocation; no locale is asked. */
void tg_digits_of(double number, tg_digits *digits);

#endif
