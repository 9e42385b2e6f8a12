/* gzip and deflate, by zlib. */
#include "proto/coding_library.h"

#include <zlib.h>

enum { WINDOW_LOG = 15, GZIP = 16, MEMORY_LEVEL = 8 };

typedef struct zlib_state {
  z_stream stream;
  tg_coding_memory *memory;
  bool ended; /* a member; the next byte begins another */
} zlib_state;

static void *alloc(void *opaque, unsigned count, unsigned size) {
  return tg_coding_alloc(opaque, (size_t)count * size);
}

static zlib_state *new_state(tg_coding_memory *memory) {
  zlib_state *is = tg_coding_alloc(memory, sizeof *is);
  if (is == NULL) return NULL;
  *is = (zlib_state){.memory = memory};
  is->stream.zalloc = alloc;
  is->stream.zfree = tg_coding_free;
  is->stream.opaque = memory;
  return is;
}

static int window_bits(tg_coding coding, int window_log) {
  return coding == TG_CODING_GZIP ? window_log + GZIP : window_log;
}

static void give(z_stream *stream, const tg_coding_io *io) {
  stream->next_in = (Bytef *)io->in;
  stream->avail_in = (uInt)io->in_size;
  stream->next_out = io->out;
  stream->avail_out = (uInt)io->out_size;
}

static void take_back(tg_coding_io *io, const z_stream *stream) {
  *io = (tg_coding_io){stream->next_in, stream->avail_in, stream->next_out, stream->avail_out};
}

/* --- encoding --- */

static void *open_encoder(tg_coding coding, int level, uint64_t bytes_hint, tg_coding_memory *memory) {
  zlib_state *is = new_state(memory);
  if (is == NULL) return NULL;
  int window = tg_coding_window(bytes_hint, 10, WINDOW_LOG);
  int memory_level = window - 7 < MEMORY_LEVEL ? window - 7 : MEMORY_LEVEL;
  int bits = window_bits(coding, window);
  if (deflateInit2(&is->stream, level, Z_DEFLATED, bits, memory_level, Z_DEFAULT_STRATEGY) == Z_OK) return is;
  tg_coding_free(memory, is);
  return NULL;
}

static tg_encoded encode(void *state, tg_coding_io *io, tg_encoder_mode mode) {
  static const int flushes[] = {
      [TG_ENCODER_MORE] = Z_NO_FLUSH, [TG_ENCODER_FLUSH] = Z_SYNC_FLUSH, [TG_ENCODER_FINISH] = Z_FINISH};
  zlib_state *is = state;
  give(&is->stream, io);
  int result = deflate(&is->stream, flushes[mode]);
  take_back(io, &is->stream);
  if (mode == TG_ENCODER_FINISH) return result == Z_STREAM_END ? TG_ENCODED_ALL : TG_ENCODED_PART;
  return io->out_size > 0 ? TG_ENCODED_ALL : TG_ENCODED_PART;
}

static void close_encoder(void *state) {
  zlib_state *is = state;
  deflateEnd(&is->stream);
  tg_coding_free(is->memory, is);
}

/* --- decoding --- */

static void *open_decoder(tg_coding coding, tg_coding_memory *memory) {
  zlib_state *is = new_state(memory);
  if (is == NULL) return NULL;
  if (inflateInit2(&is->stream, window_bits(coding, WINDOW_LOG)) == Z_OK) return is;
  tg_coding_free(memory, is);
  return NULL;
}

static tg_decoded decode(void *state, tg_coding_io *io) {
  zlib_state *is = state;
  if (is->ended) inflateReset(&is->stream);
  is->ended = false;
  give(&is->stream, io);
  int result = inflate(&is->stream, Z_NO_FLUSH);
  take_back(io, &is->stream);
  if (result == Z_STREAM_END) {
    is->ended = true;
    return TG_DECODED_END;
  }
  if (result == Z_MEM_ERROR) return TG_DECODED_NO_MEMORY;
  if (result != Z_OK && result != Z_BUF_ERROR) return TG_DECODED_BAD; /* Z_NEED_DICT as well */
  return io->out_size == 0 ? TG_DECODED_PART : TG_DECODED_HUNGRY;
}

static void close_decoder(void *state) {
  zlib_state *is = state;
  inflateEnd(&is->stream);
  tg_coding_free(is->memory, is);
}

const tg_coding_library tg_coding_zlib = {
    .open_encoder = open_encoder,
    .encode = encode,
    .close_encoder = close_encoder,
    .open_decoder = open_decoder,
    .decode = decode,
    .close_decoder = close_decoder,
    .levels = {1, 6, 9},
};
