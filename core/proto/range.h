/* The Range field (RFC 9110 section 14): which bytes of a representation are asked for.

   Only one range is served. A request for several gets the whole, as the RFC allows: parts of one body in many pieces
   cost more to make than they save, and overlapping ones are an old way to make a server work. */
#ifndef TG_PROTO_RANGE_H
#define TG_PROTO_RANGE_H

#include "base/buffer.h"

#include <stdint.h>

typedef struct tg_range {
  uint64_t first, last; /* both belong to it, and lie within the representation */
} tg_range;

typedef enum tg_range_answer {
  TG_RANGE_WHOLE, /* 200: no range, several, a unit that is not bytes, or nothing that can be understood */
  TG_RANGE_PART,  /* 206 */
  TG_RANGE_NONE,  /* 416: it lies behind the end */
} tg_range_answer;

/* What a Range field, {NULL, 0} where there is none, gets of a representation of `size` bytes. */
tg_range_answer tg_range_parse(tg_text field, uint64_t size, tg_range *range);

/* Content-Range of a 206: "bytes 0-99/1000" */
void tg_range_write(tg_buffer *buffer, tg_range range, uint64_t size);

/* Content-Range of a 416, which has only the size: an asterisk stands for the range. */
void tg_range_write_none(tg_buffer *buffer, uint64_t size);

#endif
