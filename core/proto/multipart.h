/* multipart/form-data (RFC 7578, RFC 2046 section 5.1): bytes in, events out. No I/O; memory is allocated for the head
   of the part under way alone, at most its limit. Time is linear in the bytes, whatever they are: the delimiter begins
   with the only CR in it, so what has matched in vain need not be looked at again.

   Where two parsers might disagree the body is refused: a bare CR or LF in a part's head, folded lines, names that come
   twice, a boundary that is followed by anything but its line's end, no last boundary. What stands before the first
   boundary and behind the last one is passed over. */
#ifndef TG_PROTO_MULTIPART_H
#define TG_PROTO_MULTIPART_H

#include "base/buffer.h"
#include "proto/disposition.h"
#include "proto/head.h"

#include <stddef.h>

/* What a body may have; over it the error's status is 413. */
typedef struct tg_multipart_limits {
  uint32_t part_count_max;
  uint32_t part_head_bytes_max;  /* of the header lines of one part */
  uint32_t part_field_count_max; /* header lines of one part */
} tg_multipart_limits;

extern const tg_multipart_limits tg_multipart_limits_default;

typedef enum tg_multipart_event {
  TG_MULTIPART_MORE,     /* all bytes are used */
  TG_MULTIPART_PART,     /* a part begins: see `head` and `disposition`, which stay valid until the next part's */
  TG_MULTIPART_BODY,     /* bytes of its body: see `piece`, valid until the next call; never empty */
  TG_MULTIPART_PART_END, /* it is whole */
  TG_MULTIPART_ERROR,    /* see error_status and error_text; again at every further call */
} tg_multipart_event;

enum { TG_BOUNDARY_BYTES_MAX = 70 };

typedef enum tg_multipart_state {
  TG_MULTIPART_PREAMBLE,
  TG_MULTIPART_BOUNDARY,    /* behind a boundary */
  TG_MULTIPART_DASH,        /* … and one of the two dashes of the last one */
  TG_MULTIPART_PADDING,     /* … and blanks */
  TG_MULTIPART_LINE_END,    /* … and a CR */
  TG_MULTIPART_HEAD,        /* in the head of a part */
  TG_MULTIPART_IN_BODY,     /* in its body */
  TG_MULTIPART_CLOSED,      /* behind the last boundary, or blanks behind that */
  TG_MULTIPART_CLOSED_LINE, /* … and a CR */
  TG_MULTIPART_EPILOGUE,
  TG_MULTIPART_FAILED,
} tg_multipart_state;

typedef struct tg_multipart {
  tg_multipart_limits limits;
  tg_multipart_state state;
  char delimiter[4 + TG_BOUNDARY_BYTES_MAX]; /* CR LF - - boundary */
  size_t delimiter_size;
  size_t matched;      /* bytes of the delimiter that the bytes so far end in … */
  size_t matched_from; /* … but for so many at its start, which a body's first line need not have before it */
  bool in_part;        /* a part has begun and not ended */
  uint32_t part_count;
  size_t line_at;  /* where the last line of `lines` begins */
  tg_buffer lines; /* the part's head as it came */
  tg_arena arena;  /* what is made of it */
  tg_head head;    /* the part's fields */
  tg_disposition disposition;
  tg_text piece;
  unsigned error_status; /* 400, 413, or 500 without memory */
  const char *error_text;
  _Alignas(max_align_t) char memory[512]; /* the arena's first */
} tg_multipart;

/* Prepares for a body with this Content-Type. False where it has none that can be read: error_status is 415 where it
   is not multipart/form-data, 400 where its boundary is missing, comes twice or is none. */
bool tg_multipart_init(tg_multipart *parser, tg_text content_type, const tg_multipart_limits *limits);

/* Reads bytes off the front of `bytes`, up to the next event. Call it until it says MORE, then with further bytes. */
tg_multipart_event tg_multipart_next(tg_multipart *parser, tg_text *bytes);

/* The body has ended. False, with an error of 400, where its last boundary has not come. */
bool tg_multipart_finish(tg_multipart *parser);

/* Gives the memory back. */
void tg_multipart_free(tg_multipart *parser);

#endif
