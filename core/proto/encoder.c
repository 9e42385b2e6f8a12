#include "proto/encoder.h"
#include "base/check.h"
#include "proto/coding_library.h"

#include <stdlib.h>

struct tg_encoder {
  const tg_coding_library *library; /* NULL for identity */
  void *state;
  tg_coding_memory memory;
};

tg_encoder_levels tg_encoder_levels_of(tg_coding coding) {
  const tg_coding_library *library = tg_coding_library_of(coding);
  return library != NULL ? library->levels : (tg_encoder_levels){0, 0, 0};
}

tg_encoder *tg_encoder_new(tg_coding coding, int level, uint64_t bytes_hint) {
  tg_encoder *encoder = calloc(1, sizeof *encoder);
  if (encoder == NULL) return NULL;
  tg_coding_memory_init(&encoder->memory, TG_ENCODER_MEMORY_MAX);
  encoder->library = tg_coding_library_of(coding);
  if (encoder->library == NULL) return encoder;
  if (level == 0) level = encoder->library->levels.usual;
  encoder->state = encoder->library->open_encoder(coding, level, bytes_hint, &encoder->memory);
  if (encoder->state != NULL) return encoder;
  free(encoder);
  return NULL;
}

static void consume(tg_text *input, size_t size) {
  if (size > 0) *input = (tg_text){input->data + size, input->size - size};
}

static size_t step_size(size_t size) {
  return size < TG_CODING_STEP_BYTES ? size : TG_CODING_STEP_BYTES;
}

static tg_coding_step copy(tg_text *input, tg_buffer *out) {
  size_t size = step_size(input->size);
  if (!tg_buffer_append(out, input->data, size)) return TG_CODING_FAIL;
  consume(input, size);
  return input->size > 0 ? TG_CODING_AGAIN : TG_CODING_DONE;
}

tg_coding_step tg_encoder_feed(tg_encoder *encoder, tg_text *input, tg_encoder_mode mode, tg_buffer *out) {
  if (encoder->library == NULL) return copy(input, out);
  size_t size = step_size(input->size);
  bool is_rest = size == input->size;
  char *room = tg_buffer_reserve(out, TG_CODING_STEP_BYTES);
  if (room == NULL) return TG_CODING_FAIL;
  tg_coding_io io = {(const uint8_t *)input->data, size, (uint8_t *)room, TG_CODING_STEP_BYTES};
  tg_encoded result = encoder->library->encode(encoder->state, &io, is_rest ? mode : TG_ENCODER_MORE);
  if (result == TG_ENCODED_NO_MEMORY) return TG_CODING_FAIL;
  consume(input, size - io.in_size);
  out->end += TG_CODING_STEP_BYTES - io.out_size;
  return result == TG_ENCODED_ALL && is_rest ? TG_CODING_DONE : TG_CODING_AGAIN;
}

void tg_encoder_free(tg_encoder *encoder) {
  if (encoder->state != NULL) encoder->library->close_encoder(encoder->state);
  TG_CHECK(encoder->memory.used == 0);
  free(encoder);
}
