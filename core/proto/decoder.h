/* Decodes bytes as they come, whoever sends them. What a small input can cost is limited in every direction: the bytes
   that come out, their ratio to those that went in, the window that the library keeps, the memory it takes in all. */
#ifndef TG_PROTO_DECODER_H
#define TG_PROTO_DECODER_H

#include "base/buffer.h"
#include "proto/coding.h"

#include <stdint.h>

typedef struct tg_decoder tg_decoder;

typedef struct tg_decoder_limits {
  uint64_t output_bytes_max; /* more is an error */
  /* The output may be `ratio_max` times the input that was read so far. Text reaches 20 or 30; only bombs and runs of
     the same bytes come near 100. It counts once the output is larger than `ratio_free_bytes`, since a short row of
     zeros is no bomb. 0 for no limit. */
  uint32_t ratio_max;
  uint32_t ratio_free_bytes;
} tg_decoder_limits;

/* 1 MiB, a ratio of 100, 64 KiB. */
extern const tg_decoder_limits tg_decoder_limits_default;

/* A decoder for one body; NULL without memory. It takes as much memory as the input asks for: 40 KB for gzip and
   deflate, up to the window that the input names for the others, which is 8 MiB for zstd (RFC 9659) and 16 MiB for br
   at most, and 8 MiB more while that of br grows. Only what is decoded into is touched: the output's limit bounds it. */
tg_decoder *tg_decoder_new(tg_coding coding, const tg_decoder_limits *limits);

/* Takes from the front of `input` and appends to `out`, TG_CODING_STEP_BYTES each at most. `last`: nothing comes behind
   this input, so that DONE means that the body was whole. Several gzip members and several zstd frames in a row are
   one body, as their RFCs say; any other byte behind the end is an error. So is an input of no bytes at all. */
tg_coding_step tg_decoder_feed(tg_decoder *decoder, tg_text *input, bool last, tg_buffer *out);

/* Why it failed. What was put into `out` before is not to be used. */
tg_coding_error tg_decoder_error(const tg_decoder *decoder);

void tg_decoder_free(tg_decoder *decoder);

#endif
