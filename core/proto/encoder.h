/* Encodes bytes as they come. */
#ifndef TG_PROTO_ENCODER_H
#define TG_PROTO_ENCODER_H

#include "base/buffer.h"
#include "proto/coding.h"

#include <stdint.h>

typedef struct tg_encoder tg_encoder;

typedef enum tg_encoder_mode {
  TG_ENCODER_MORE,   /* keep what compresses better together with what follows */
  TG_ENCODER_FLUSH,  /* give out all that was put in, so that a decoder has it */
  TG_ENCODER_FINISH, /* give out all, and end */
} tg_encoder_mode;

enum { TG_ENCODER_MEMORY_MAX = 4 * 1024 * 1024 };

typedef struct tg_encoder_levels {
  int lowest, usual, highest; /* higher ones are smaller and slower */
} tg_encoder_levels;

/* What levels a coding has. The highest is what an answer under way can afford: at it a step takes some milliseconds.
   What libraries have beyond is for files that are compressed once. */
tg_encoder_levels tg_encoder_levels_of(tg_coding coding);

/* An encoder for one body. `level` must be one of the coding's; 0 is the usual one. `bytes_hint` is about how much will
   come, 0 where nobody knows: a small body is given small tables. NULL without memory. Whatever comes, an encoder takes
   TG_ENCODER_MEMORY_MAX at most; at the usual levels 0.3 MB for gzip and deflate, 1.3 MB for zstd, 1.8 MB for br. Windows
   are 64 KiB, for gzip and deflate 32 KiB: larger ones cost memory for every stream and gain little. */
tg_encoder *tg_encoder_new(tg_coding coding, int level, uint64_t bytes_hint);

/* Takes from the front of `input` and appends to `out`, TG_CODING_STEP_BYTES each at most, so that a caller can let
   others run between two steps. The mode counts from the last byte of the input on; it must stay the same while the
   answer is AGAIN. Fails without memory only. Nothing may follow FINISH. */
tg_coding_step tg_encoder_feed(tg_encoder *encoder, tg_text *input, tg_encoder_mode mode, tg_buffer *out);

void tg_encoder_free(tg_encoder *encoder);

#endif
