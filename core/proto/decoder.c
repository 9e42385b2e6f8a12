#include "proto/decoder.h"
#include "base/check.h"
#include "proto/coding_library.h"

#include <stdlib.h>

/* The largest window, that of br, with the half as large one that it grows from, and what stands beside them. */
enum { MEMORY_BYTES_MAX = 28 * 1024 * 1024 };

struct tg_decoder {
  const tg_coding_library *library; /* NULL for identity */
  void *state;
  tg_coding_memory memory;
  tg_decoder_limits limits;
  bool joins;   /* several in a row are one body */
  bool ended;   /* the input so far is whole */
  bool pending; /* there is more output than there was room for */
  uint64_t input_bytes, output_bytes;
  tg_coding_error error;
};

const tg_decoder_limits tg_decoder_limits_default = {
    .output_bytes_max = 1024 * 1024,
    .ratio_max = 100,
    .ratio_free_bytes = 64 * 1024,
};

tg_decoder *tg_decoder_new(tg_coding coding, const tg_decoder_limits *limits) {
  tg_decoder *decoder = calloc(1, sizeof *decoder);
  if (decoder == NULL) return NULL;
  tg_coding_memory_init(&decoder->memory, MEMORY_BYTES_MAX);
  decoder->limits = *limits;
  decoder->joins = coding == TG_CODING_GZIP || coding == TG_CODING_ZSTD;
  decoder->library = tg_coding_library_of(coding);
  if (decoder->library == NULL) return decoder;
  decoder->state = decoder->library->open_decoder(coding, &decoder->memory);
  if (decoder->state != NULL) return decoder;
  free(decoder);
  return NULL;
}

static tg_coding_step fail(tg_decoder *is, unsigned status, const char *text) {
  is->error = (tg_coding_error){status, text};
  return TG_CODING_FAIL;
}

static size_t smaller(uint64_t a, size_t b) {
  return a < b ? (size_t)a : b;
}

/* One byte beyond the limit is let in, to tell a body that fills it from one that is larger. */
static size_t room_left(const tg_decoder *is) {
  uint64_t left = is->limits.output_bytes_max - is->output_bytes;
  return left < TG_CODING_STEP_BYTES ? (size_t)left + 1 : TG_CODING_STEP_BYTES;
}

static bool is_bomb(const tg_decoder *is) {
  uint32_t ratio_max = is->limits.ratio_max;
  if (ratio_max == 0 || is->output_bytes <= is->limits.ratio_free_bytes) return false;
  return is->output_bytes / ratio_max > is->input_bytes;
}

static tg_decoded decode_identity(tg_coding_io *io) {
  size_t size = smaller(io->in_size, io->out_size);
  if (size > 0) memcpy(io->out, io->in, size);
  *io = (tg_coding_io){io->in + size, io->in_size - size, io->out + size, io->out_size - size};
  return TG_DECODED_END;
}

/* Runs the library once, and moves input and output forward. */
static tg_decoded run(tg_decoder *is, tg_text *input, char *room, size_t room_size) {
  size_t size = smaller(input->size, TG_CODING_STEP_BYTES);
  tg_coding_io io = {(const uint8_t *)input->data, size, (uint8_t *)room, room_size};
  tg_decoded result = is->library != NULL ? is->library->decode(is->state, &io) : decode_identity(&io);
  size_t used = size - io.in_size;
  is->input_bytes += used;
  is->output_bytes += room_size - io.out_size;
  if (used > 0) *input = (tg_text){input->data + used, input->size - used};
  return result;
}

static tg_coding_step check(tg_decoder *is, tg_decoded result) {
  switch (result) {
    case TG_DECODED_BAD:
      return fail(is, 400, "the body is not what its content coding says");
    case TG_DECODED_WINDOW:
      return fail(is, 413, "the body needs a window that is too large");
    case TG_DECODED_NO_MEMORY:
      return fail(is, 503, "no memory to decode the body");
    default:
      break;
  }
  if (is->output_bytes > is->limits.output_bytes_max) return fail(is, 413, "the decoded body is too large");
  if (is->library != NULL && is_bomb(is)) return fail(is, 413, "the body grows too much when it is decoded");
  return TG_CODING_DONE;
}

/* Nothing is left to be run. */
static tg_coding_step end_of_input(tg_decoder *is, bool last) {
  bool whole = is->ended || is->library == NULL;
  return last && !whole ? fail(is, 400, "the encoded body ends too early") : TG_CODING_DONE;
}

tg_coding_step tg_decoder_feed(tg_decoder *is, tg_text *input, bool last, tg_buffer *out) {
  if (is->error.status != 0) return TG_CODING_FAIL;
  if (input->size == 0 && !is->pending) return end_of_input(is, last);
  if (is->ended && !is->joins && is->library != NULL) return fail(is, 400, "bytes after the end of the encoded body");
  size_t room_size = room_left(is);
  uint64_t before = is->output_bytes;
  size_t input_before = input->size;
  char *room = tg_buffer_reserve(out, room_size);
  if (room == NULL) return fail(is, 503, "no memory to decode the body");
  tg_decoded result = run(is, input, room, room_size);
  if (check(is, result) == TG_CODING_FAIL) return TG_CODING_FAIL;
  bool stands_still = input_before > 0 && input->size == input_before && is->output_bytes == before;
  if (stands_still) return check(is, TG_DECODED_BAD); /* it would be asked for ever */
  out->end += (size_t)(is->output_bytes - before);
  is->pending = result == TG_DECODED_PART;
  is->ended = result == TG_DECODED_END;
  return is->pending || input->size > 0 ? TG_CODING_AGAIN : end_of_input(is, last);
}

tg_coding_error tg_decoder_error(const tg_decoder *decoder) {
  return decoder->error;
}

void tg_decoder_free(tg_decoder *decoder) {
  if (decoder->state != NULL) decoder->library->close_decoder(decoder->state);
  TG_CHECK(decoder->memory.used == 0);
  free(decoder);
}
