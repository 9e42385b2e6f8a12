/* br, by brotli. */
#include "proto/coding_library.h"

#include <brotli/decode.h>
#include <brotli/encode.h>
#include <setjmp.h>

enum { WINDOW_LOG_MIN = 10, WINDOW_LOG = 16 };

enum { HINT_MAX = (1 << 20) - 1 }; /* from 1 MiB on, the encoder takes a table of 4 MB */

/* --- encoding --- */

/* As Debian builds it, the encoder ends the process where an allocation fails. It is left by a jump instead, and then
   all that it had is freed without it. */
typedef struct brotli_encoder {
  BrotliEncoderState *library; /* NULL once it was left */
  tg_coding_memory *memory;
  jmp_buf no_memory;
} brotli_encoder;

static void *alloc_or_leave(void *opaque, size_t size) {
  brotli_encoder *is = opaque;
  void *memory = tg_coding_alloc(is->memory, size);
  if (memory == NULL) longjmp(is->no_memory, 1);
  return memory;
}

static void free_piece(void *opaque, void *memory) {
  tg_coding_free(((brotli_encoder *)opaque)->memory, memory);
}

static void set_up(BrotliEncoderState *library, int level, uint64_t bytes_hint) {
  int window = tg_coding_window(bytes_hint, WINDOW_LOG_MIN, WINDOW_LOG);
  uint32_t size = bytes_hint < HINT_MAX ? (uint32_t)bytes_hint : HINT_MAX;
  BrotliEncoderSetParameter(library, BROTLI_PARAM_QUALITY, (uint32_t)level);
  BrotliEncoderSetParameter(library, BROTLI_PARAM_LGWIN, (uint32_t)window);
  BrotliEncoderSetParameter(library, BROTLI_PARAM_SIZE_HINT, size);
}

static void *open_encoder(tg_coding coding, int level, uint64_t bytes_hint, tg_coding_memory *memory) {
  (void)coding;
  brotli_encoder *is = tg_coding_alloc(memory, sizeof *is);
  if (is == NULL) return NULL;
  *is = (brotli_encoder){.memory = memory};
  if (setjmp(is->no_memory) != 0) {
    tg_coding_memory_clear(memory);
    return NULL;
  }
  is->library = BrotliEncoderCreateInstance(alloc_or_leave, free_piece, is);
  set_up(is->library, level, bytes_hint);
  return is;
}

static tg_encoded encode(void *state, tg_coding_io *io, tg_encoder_mode mode) {
  static const BrotliEncoderOperation operations[] = {
      [TG_ENCODER_MORE] = BROTLI_OPERATION_PROCESS,
      [TG_ENCODER_FLUSH] = BROTLI_OPERATION_FLUSH,
      [TG_ENCODER_FINISH] = BROTLI_OPERATION_FINISH,
  };
  brotli_encoder *is = state;
  if (is->library == NULL || setjmp(is->no_memory) != 0) {
    is->library = NULL;
    return TG_ENCODED_NO_MEMORY;
  }
  BrotliEncoderCompressStream(is->library, operations[mode], &io->in_size, &io->in, &io->out_size, &io->out, NULL);
  if (mode == TG_ENCODER_FINISH && !BrotliEncoderIsFinished(is->library)) return TG_ENCODED_PART;
  return io->in_size > 0 || BrotliEncoderHasMoreOutput(is->library) ? TG_ENCODED_PART : TG_ENCODED_ALL;
}

static void close_encoder(void *state) {
  brotli_encoder *is = state;
  if (is->library != NULL) BrotliEncoderDestroyInstance(is->library);
  tg_coding_memory_clear(is->memory);
}

/* --- decoding --- */

static void *open_decoder(tg_coding coding, tg_coding_memory *memory) {
  (void)coding;
  return BrotliDecoderCreateInstance(tg_coding_alloc, tg_coding_free, memory); /* windows over 16 MiB are off */
}

static bool lacks_memory(BrotliDecoderErrorCode code) {
  return code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES && code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES;
}

static tg_decoded decode(void *state, tg_coding_io *io) {
  switch (BrotliDecoderDecompressStream(state, &io->in_size, &io->in, &io->out_size, &io->out, NULL)) {
    case BROTLI_DECODER_RESULT_SUCCESS:
      return TG_DECODED_END;
    case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT: /* it says so also when it holds output that had no room */
      return BrotliDecoderHasMoreOutput(state) ? TG_DECODED_PART : TG_DECODED_HUNGRY;
    case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT:
      return TG_DECODED_PART;
    default:
      return lacks_memory(BrotliDecoderGetErrorCode(state)) ? TG_DECODED_NO_MEMORY : TG_DECODED_BAD;
  }
}

static void close_decoder(void *state) {
  BrotliDecoderDestroyInstance(state);
}

const tg_coding_library tg_coding_brotli = {
    .open_encoder = open_encoder,
    .encode = encode,
    .close_encoder = close_encoder,
    .open_decoder = open_decoder,
    .decode = decode,
    .close_decoder = close_decoder,
    .levels = {1, 4, 9},
};
