/* Content codings (RFC 9110 section 8.4.1): their names. encoder.h and decoder.h do the work. */
#ifndef TG_PROTO_CODING_H
#define TG_PROTO_CODING_H

#include "base/text.h"

typedef enum tg_coding {
  TG_CODING_IDENTITY,
  TG_CODING_GZIP,    /* RFC 1952 */
  TG_CODING_DEFLATE, /* RFC 1950, the zlib format, and not bare RFC 1951 */
  TG_CODING_BR,      /* RFC 7932 */
  TG_CODING_ZSTD,    /* RFC 8878 */
  TG_CODING_COUNT
} tg_coding;

/* What a step of an encoder or a decoder answers. */
typedef enum tg_coding_step {
  TG_CODING_DONE,  /* the input is used up, and what it gives is out */
  TG_CODING_AGAIN, /* call again with the rest of the input, which may be empty */
  TG_CODING_FAIL,  /* it is over */
} tg_coding_step;

/* The most bytes that one step takes, and the most that it gives. */
enum { TG_CODING_STEP_BYTES = 16 * 1024 };

/* Why something cannot be decoded. */
typedef struct tg_coding_error {
  unsigned status;  /* 400, 413, 415 or 503; 0 for none */
  const char *text; /* a sentence for people */
} tg_coding_error;

tg_text tg_coding_name(tg_coding coding);

/* Finds a coding by its name, without regard to case; "x-gzip" is gzip. False when there is none of that name. */
bool tg_coding_find(tg_text name, tg_coding *coding);

/* Reads a Content-Encoding field, {NULL, 0} where there is none. One coding at most is undone: codings in a row
   multiply what a small input can become, and nobody sends them. */
tg_coding_error tg_coding_of_field(tg_text field, tg_coding *coding);

#endif
