/* A number as text, for everything that goes over the wire: queries, forms, fields, cookies, JSON. */
#ifndef TG_PROTO_NUMBER_H
#define TG_PROTO_NUMBER_H

#include <stddef.h>

enum { TG_NUMBER_SIZE = 32 }; /* what the longest text needs, and more */

/* Writes the text of `number` and returns its size, without a terminator; 0 for NaN and the infinities, which have no
   text that a reader could be trusted with: callers refuse them.
     - Whole numbers below 2^64 are all their digits, without point and exponent: 9007199254740992.
     - Others are the shortest digits that read back as the same double, with a point down to a millionth (0.000001), and
       beyond that and above 2^64 with an exponent that has no plus sign, no leading zero: 1e-7, 1.5e300.
     - Minus zero is "-0": it reads back as itself, and as 0 where whole numbers are read.
   Allocates nothing and asks no locale. */
size_t tg_number_write(double number, char text[TG_NUMBER_SIZE]);

#endif
