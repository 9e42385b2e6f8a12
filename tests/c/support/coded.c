#include "support/coded.h"
#include "check.h"
#include "support/guard.h"

#include <stdio.h>
#include <stdlib.h>

const tg_coding coded_all[4] = {TG_CODING_GZIP, TG_CODING_DEFLATE, TG_CODING_BR, TG_CODING_ZSTD};

/* The same bytes in every run. */
static uint32_t next_random(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

tg_buffer coded_text(size_t size) {
  tg_buffer text = {0};
  uint32_t random = 12345;
  while (tg_buffer_size(&text) < size) {
    char line[80];
    int length = snprintf(line, sizeof line, "{\"id\":%u,\"name\":\"user %u\",\"active\":%s},\n", next_random(&random),
                          next_random(&random) % 100, next_random(&random) % 2 ? "true" : "false");
    tg_buffer_append(&text, line, (size_t)length);
  }
  text.end = text.start + size;
  return text;
}

tg_buffer coded_noise(size_t size) {
  tg_buffer noise = {0};
  uint32_t random = 54321;
  for (size_t i = 0; i < size; i++) {
    char c = (char)(next_random(&random) >> 11);
    tg_buffer_append(&noise, &c, 1);
  }
  return noise;
}

void coded_feed(tg_encoder *encoder, tg_text input, tg_encoder_mode mode, tg_buffer *out) {
  tg_coding_step step;
  do {
    size_t in = input.size, before = tg_buffer_size(out);
    step = tg_encoder_feed(encoder, &input, mode, out);
    CHECK(step != TG_CODING_FAIL);
    CHECK(in - input.size <= TG_CODING_STEP_BYTES);
    CHECK(tg_buffer_size(out) - before <= TG_CODING_STEP_BYTES);
  } while (step == TG_CODING_AGAIN);
  CHECK_NUMBER(input.size, 0);
}

tg_buffer coded_encode(tg_coding coding, int level, tg_text body) {
  tg_buffer out = {0};
  tg_encoder *encoder = tg_encoder_new(coding, level, body.size);
  if (!CHECK(encoder != NULL)) abort();
  coded_feed(encoder, body, TG_ENCODER_FINISH, &out);
  tg_encoder_free(encoder);
  return out;
}

static tg_coding_step feed(tg_decoder *decoder, const tg_decoder_limits *limits, tg_text input, bool last,
                           tg_buffer *out) {
  tg_coding_step step;
  guard_page page = guard_open(input.size);
  input.data = guard_place(&page, input.data, input.size);
  do {
    size_t in = input.size, before = tg_buffer_size(out);
    step = tg_decoder_feed(decoder, &input, last, out);
    CHECK(in - input.size <= TG_CODING_STEP_BYTES);
    CHECK(tg_buffer_size(out) - before <= TG_CODING_STEP_BYTES);
    CHECK(tg_buffer_size(out) <= limits->output_bytes_max);
  } while (step == TG_CODING_AGAIN);
  if (step == TG_CODING_DONE) CHECK_NUMBER(input.size, 0);
  guard_close(&page);
  return step;
}

tg_coding_step coded_decode_cut(tg_coding coding, const tg_decoder_limits *limits, tg_text input, size_t cut,
                                tg_buffer *out, tg_coding_error *error) {
  tg_decoder *decoder = tg_decoder_new(coding, limits);
  if (!CHECK(decoder != NULL)) abort();
  tg_coding_step step = TG_CODING_DONE;
  tg_text first = {input.data, cut}, rest = {input.data + cut, input.size - cut};
  if (rest.size > 0) step = feed(decoder, limits, first, false, out);
  if (step == TG_CODING_DONE) step = feed(decoder, limits, rest.size > 0 ? rest : first, true, out);
  *error = tg_decoder_error(decoder);
  CHECK_NUMBER(error->status != 0, step == TG_CODING_FAIL);
  CHECK_NUMBER(error->text != NULL, step == TG_CODING_FAIL);
  tg_text none = {NULL, 0};
  if (step == TG_CODING_FAIL) CHECK_NUMBER(tg_decoder_feed(decoder, &none, true, out), TG_CODING_FAIL);
  tg_decoder_free(decoder);
  return step;
}
