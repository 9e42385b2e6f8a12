/* Content codings: no input makes more than its limits, pieces make no difference, and what was encoded comes back. */
#include "proto/decoder.h"
#include "proto/encoder.h"
#include "support/input.h"

static const tg_decoder_limits limits = {.output_bytes_max = 1 << 20, .ratio_max = 100, .ratio_free_bytes = 64 * 1024};

/* Decodes in pieces of random sizes, or at once; false where it fails. */
static bool decode(tg_coding coding, tg_text input, fuzz_choices *cuts, tg_buffer *out) {
  tg_decoder *decoder = tg_decoder_new(coding, &limits);
  FUZZ_CHECK(decoder != NULL);
  tg_coding_step step;
  do {
    tg_text piece = fuzz_take(&input, cuts != NULL ? 1 + fuzz_choose(cuts, 99) : input.size);
    size_t before = tg_buffer_size(out);
    do step = tg_decoder_feed(decoder, &piece, input.size == 0, out);
    while (step == TG_CODING_AGAIN);
    FUZZ_CHECK(tg_buffer_size(out) >= before);
  } while (step == TG_CODING_DONE && input.size > 0);
  FUZZ_CHECK(tg_buffer_size(out) <= limits.output_bytes_max + TG_CODING_STEP_BYTES);
  if (step == TG_CODING_FAIL) FUZZ_CHECK(tg_decoder_error(decoder).status >= 400);
  tg_decoder_free(decoder);
  return step == TG_CODING_DONE;
}

static void decode_hostile(tg_coding coding, tg_text input) {
  fuzz_choices cuts = fuzz_choices_of(input, coding);
  tg_buffer whole = {0}, cut = {0};
  bool fine = decode(coding, input, NULL, &whole);
  bool fine_in_pieces = decode(coding, input, &cuts, &cut);
  if (fine && fine_in_pieces) FUZZ_CHECK_TEXT(tg_buffer_text(&cut), tg_buffer_text(&whole));
  tg_buffer_free(&whole);
  tg_buffer_free(&cut);
}

static void encode(tg_coding coding, tg_text input, tg_buffer *out) {
  fuzz_choices cuts = fuzz_choices_of(input, coding + 10);
  tg_encoder *encoder = tg_encoder_new(coding, 0, input.size);
  FUZZ_CHECK(encoder != NULL);
  tg_encoder_mode mode;
  do {
    tg_text piece = fuzz_take(&input, 1 + fuzz_choose(&cuts, 999));
    mode = input.size == 0 ? TG_ENCODER_FINISH : fuzz_once_in(&cuts, 3) ? TG_ENCODER_FLUSH : TG_ENCODER_MORE;
    tg_coding_step step;
    do step = tg_encoder_feed(encoder, &piece, mode, out);
    while (step == TG_CODING_AGAIN);
    FUZZ_CHECK(step == TG_CODING_DONE);
  } while (mode != TG_ENCODER_FINISH);
  tg_encoder_free(encoder);
}

static void check_round_trip(tg_coding coding, tg_text input) {
  tg_buffer coded = {0}, plain = {0};
  encode(coding, input, &coded);
  FUZZ_CHECK(decode(coding, tg_buffer_text(&coded), NULL, &plain));
  FUZZ_CHECK_TEXT(tg_buffer_text(&plain), input);
  tg_buffer_free(&coded);
  tg_buffer_free(&plain);
}

/* The first byte says which coding the others are for. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  if (size == 0) return 0;
  tg_text input = {(const char *)bytes + 1, size - 1};
  tg_coding coding = (tg_coding)(1 + bytes[0] % (TG_CODING_COUNT - 1));
  decode_hostile(coding, input);
  check_round_trip(coding, input);
  return 0;
}
