/* zstd, by the library of that name. */
#define ZSTD_STATIC_LINKING_ONLY /* for allocators of our own; the library is linked statically */
#include "proto/coding_library.h"

#include <zstd.h>
#include <zstd_errors.h>

enum { WINDOW_LOG_MIN = 10, WINDOW_LOG = 16, WINDOW_LOG_MAX = 23 }; /* the last as RFC 9659 wants it */

enum { MAGIC_BYTES = 4 };

static ZSTD_customMem memory_of(tg_coding_memory *memory) {
  return (ZSTD_customMem){tg_coding_alloc, tg_coding_free, memory};
}

/* --- encoding --- */

static bool set(ZSTD_CCtx *is, ZSTD_cParameter parameter, int value) {
  return !ZSTD_isError(ZSTD_CCtx_setParameter(is, parameter, value));
}

static void *open_encoder(tg_coding coding, int level, uint64_t bytes_hint, tg_coding_memory *memory) {
  (void)coding;
  ZSTD_CCtx *is = ZSTD_createCCtx_advanced(memory_of(memory));
  if (is == NULL) return NULL;
  int window = tg_coding_window(bytes_hint, WINDOW_LOG_MIN, WINDOW_LOG);
  if (set(is, ZSTD_c_compressionLevel, level) && set(is, ZSTD_c_windowLog, window) &&
      set(is, ZSTD_c_srcSizeHint, bytes_hint > INT32_MAX ? INT32_MAX : (int)bytes_hint)) {
    return is;
  }
  ZSTD_freeCCtx(is);
  return NULL;
}

static tg_encoded encode(void *state, tg_coding_io *io, tg_encoder_mode mode) {
  static const ZSTD_EndDirective directives[] = {
      [TG_ENCODER_MORE] = ZSTD_e_continue, [TG_ENCODER_FLUSH] = ZSTD_e_flush, [TG_ENCODER_FINISH] = ZSTD_e_end};
  ZSTD_inBuffer in = {io->in, io->in_size, 0};
  ZSTD_outBuffer out = {io->out, io->out_size, 0};
  size_t left = ZSTD_compressStream2(state, &out, &in, directives[mode]);
  if (ZSTD_isError(left)) return TG_ENCODED_NO_MEMORY;
  *io = (tg_coding_io){io->in + in.pos, in.size - in.pos, io->out + out.pos, out.size - out.pos};
  if (mode == TG_ENCODER_MORE) return io->in_size == 0 && io->out_size > 0 ? TG_ENCODED_ALL : TG_ENCODED_PART;
  return left == 0 ? TG_ENCODED_ALL : TG_ENCODED_PART;
}

static void close_encoder(void *state) {
  ZSTD_freeCCtx(state);
}

/* --- decoding --- */

typedef struct zstd_state {
  ZSTD_DCtx *context;
  tg_coding_memory *memory;
  unsigned magic_seen; /* bytes of the frame's magic number */
  bool skippable;
} zstd_state;

static void *open_decoder(tg_coding coding, tg_coding_memory *memory) {
  (void)coding;
  zstd_state *is = tg_coding_alloc(memory, sizeof *is);
  if (is == NULL) return NULL;
  *is = (zstd_state){.context = ZSTD_createDCtx_advanced(memory_of(memory)), .memory = memory};
  if (is->context != NULL) {
    ZSTD_DCtx_setParameter(is->context, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    return is;
  }
  tg_coding_free(memory, is);
  return NULL;
}

/* The library may also read the formats that zstd had before it had an RFC, by code that nobody tends. */
static bool check_magic(zstd_state *is, const tg_coding_io *io) {
  static const uint8_t frame[MAGIC_BYTES] = {0x28, 0xb5, 0x2f, 0xfd}, skippable[MAGIC_BYTES] = {0x50, 0x2a, 0x4d, 0x18};
  for (size_t i = 0; i < io->in_size && is->magic_seen < MAGIC_BYTES; i++) {
    uint8_t byte = io->in[i];
    if (is->magic_seen == 0) {
      is->skippable = (byte & 0xf0) == skippable[0];
      if (is->skippable) byte = skippable[0];
    }
    if (byte != (is->skippable ? skippable : frame)[is->magic_seen++]) return false;
  }
  return true;
}

static tg_decoded decode_error(size_t code) {
  switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_memory_allocation:
      return TG_DECODED_NO_MEMORY;
    case ZSTD_error_frameParameter_windowTooLarge:
      return TG_DECODED_WINDOW;
    default:
      return TG_DECODED_BAD;
  }
}

static tg_decoded decode(void *state, tg_coding_io *io) {
  zstd_state *is = state;
  if (!check_magic(is, io)) return TG_DECODED_BAD;
  ZSTD_inBuffer in = {io->in, io->in_size, 0};
  ZSTD_outBuffer out = {io->out, io->out_size, 0};
  size_t left = ZSTD_decompressStream(is->context, &out, &in);
  if (ZSTD_isError(left)) return decode_error(left);
  *io = (tg_coding_io){io->in + in.pos, in.size - in.pos, io->out + out.pos, out.size - out.pos};
  if (left == 0) {
    is->magic_seen = 0;
    return TG_DECODED_END;
  }
  return io->out_size == 0 ? TG_DECODED_PART : TG_DECODED_HUNGRY;
}

static void close_decoder(void *state) {
  zstd_state *is = state;
  ZSTD_freeDCtx(is->context);
  tg_coding_free(is->memory, is);
}

const tg_coding_library tg_coding_zstd = {
    .open_encoder = open_encoder,
    .encode = encode,
    .close_encoder = close_encoder,
    .open_decoder = open_decoder,
    .decode = decode,
    .close_decoder = close_decoder,
    .levels = {1, 3, 6},
};
