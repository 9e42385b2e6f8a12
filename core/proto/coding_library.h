/* What encoder.c and decoder.c need of a library; coding_zlib.c, coding_brotli.c and coding_zstd.c have one each. */
#ifndef TG_PROTO_CODING_LIBRARY_H
#define TG_PROTO_CODING_LIBRARY_H

#include "base/list.h"
#include "proto/encoder.h"

/* Memory that a library takes, counted. What would go beyond `max` is refused, as if there were no more. */
typedef struct tg_coding_memory {
  size_t used, max; /* bytes */
  tg_list pieces;   /* what was allocated and not freed */
} tg_coding_memory;

void tg_coding_memory_init(tg_coding_memory *memory, size_t max);

/* Frees every piece: for a library that was left in the middle of something. */
void tg_coding_memory_clear(tg_coding_memory *memory);

/* In the form of brotli's and zstd's callbacks; `opaque` is a tg_coding_memory. */
void *tg_coding_alloc(void *opaque, size_t size);
void tg_coding_free(void *opaque, void *memory);

/* Input and room for output. A library moves both forward. */
typedef struct tg_coding_io {
  const uint8_t *in;
  size_t in_size;
  uint8_t *out;
  size_t out_size;
} tg_coding_io;

typedef enum tg_encoded {
  TG_ENCODED_ALL,  /* what was asked for is out, the input is used up */
  TG_ENCODED_PART, /* more room is needed */
  TG_ENCODED_NO_MEMORY,
} tg_encoded;

typedef enum tg_decoded {
  TG_DECODED_PART,   /* more room is needed */
  TG_DECODED_HUNGRY, /* more input is needed */
  TG_DECODED_END,    /* the end of a member or a frame, which perhaps another follows */
  TG_DECODED_BAD,
  TG_DECODED_WINDOW, /* a window that is too large */
  TG_DECODED_NO_MEMORY,
} tg_decoded;

typedef struct tg_coding_library {
  void *(*open_encoder)(tg_coding coding, int level, uint64_t bytes_hint, tg_coding_memory *memory);
  tg_encoded (*encode)(void *state, tg_coding_io *io, tg_encoder_mode mode);
  void (*close_encoder)(void *state);
  void *(*open_decoder)(tg_coding coding, tg_coding_memory *memory);
  tg_decoded (*decode)(void *state, tg_coding_io *io); /* goes on behind an END with the next one */
  void (*close_decoder)(void *state);
  tg_encoder_levels levels;
} tg_coding_library;

extern const tg_coding_library tg_coding_zlib, tg_coding_brotli, tg_coding_zstd;

/* NULL for identity. */
const tg_coding_library *tg_coding_library_of(tg_coding coding);

/* The base-2 logarithm of a window for a body of that size: at least `lowest`, at most `highest`, which it is where the
   size is 0. */
int tg_coding_window(uint64_t bytes_hint, int lowest, int highest);

#endif
