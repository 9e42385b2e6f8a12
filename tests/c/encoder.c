#include "proto/encoder.h"
#include "check.h"
#include "proto/coding_library.h"
#include "support/coded.h"

static const tg_decoder_limits wide = {.output_bytes_max = 64 * 1024 * 1024};

static void check_decodes(tg_coding coding, const tg_buffer *coded, tg_text body) {
  tg_buffer out = {0};
  tg_coding_error error;
  tg_text input = tg_buffer_text(coded);
  CHECK_NUMBER(coded_decode_cut(coding, &wide, input, input.size, &out, &error), TG_CODING_DONE);
  CHECK(tg_text_equal(tg_buffer_text(&out), body));
  tg_buffer_free(&out);
}

static void check_round_trip(tg_coding coding, int level, tg_text body) {
  tg_buffer coded = coded_encode(coding, level, body);
  check_case("%s, level %d, %zu bytes", tg_coding_name(coding).data, level, body.size);
  check_decodes(coding, &coded, body);
  tg_buffer_free(&coded);
}

static void round_trips_at_every_level(void) {
  tg_buffer text = coded_text(100000), noise = coded_noise(100000);
  for (size_t i = 0; i < 4; i++) {
    tg_encoder_levels levels = tg_encoder_levels_of(coded_all[i]);
    CHECK(levels.lowest <= levels.usual && levels.usual <= levels.highest);
    for (int level = levels.lowest; level <= levels.highest; level++) {
      check_round_trip(coded_all[i], level, tg_buffer_text(&text));
      check_round_trip(coded_all[i], level, tg_buffer_text(&noise));
    }
  }
  tg_buffer_free(&text);
  tg_buffer_free(&noise);
}

/* Around the sizes of steps and windows, too. */
static void round_trips_at_every_size(void) {
  static const size_t sizes[] = {0,     1,     2,     100,   1023,  1024,   1025,   16383,
                                 16384, 16385, 32768, 65535, 65536, 131072, 262145, 600000};
  tg_buffer text = coded_text(600000), noise = coded_noise(600000);
  for (unsigned coding = 0; coding < TG_CODING_COUNT; coding++) {
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
      check_round_trip((tg_coding)coding, 0, (tg_text){text.data, sizes[i]});
      check_round_trip((tg_coding)coding, 0, (tg_text){noise.data, sizes[i]});
    }
  }
  tg_buffer_free(&text);
  tg_buffer_free(&noise);
}

static void makes_text_small(void) {
  tg_buffer text = coded_text(100000);
  for (size_t i = 0; i < 4; i++) {
    tg_buffer coded = coded_encode(coded_all[i], 0, tg_buffer_text(&text));
    check_case("%s", tg_coding_name(coded_all[i]).data);
    CHECK(tg_buffer_size(&coded) < 40000);
    tg_buffer_free(&coded);
  }
  check_case(NULL);
  tg_buffer_free(&text);
}

static void takes_a_wrong_hint(void) {
  static const uint64_t hints[] = {1, 1000, 1 << 20, UINT64_MAX};
  tg_buffer text = coded_text(50000);
  for (size_t i = 0; i < 4; i++) {
    for (size_t j = 0; j < sizeof hints / sizeof hints[0]; j++) {
      tg_buffer coded = {0};
      tg_encoder *encoder = tg_encoder_new(coded_all[i], 0, hints[j]);
      check_case("%s, hint %llu", tg_coding_name(coded_all[i]).data, (unsigned long long)hints[j]);
      coded_feed(encoder, tg_buffer_text(&text), TG_ENCODER_FINISH, &coded);
      check_decodes(coded_all[i], &coded, tg_buffer_text(&text));
      tg_encoder_free(encoder);
      tg_buffer_free(&coded);
    }
  }
  check_case(NULL);
  tg_buffer_free(&text);
}

/* The body in two pieces, cut everywhere. */
static void round_trips_at_every_split(tg_encoder_mode between) {
  tg_buffer text = coded_text(300);
  tg_text body = tg_buffer_text(&text);
  for (unsigned coding = 0; coding < TG_CODING_COUNT; coding++) {
    for (size_t cut = 0; cut <= body.size; cut++) {
      tg_buffer coded = {0};
      tg_encoder *encoder = tg_encoder_new((tg_coding)coding, 0, 0);
      check_case("%s, cut at %zu, mode %d", tg_coding_name((tg_coding)coding).data, cut, between);
      coded_feed(encoder, (tg_text){body.data, cut}, between, &coded);
      coded_feed(encoder, (tg_text){body.data + cut, body.size - cut}, TG_ENCODER_FINISH, &coded);
      tg_encoder_free(encoder);
      check_decodes((tg_coding)coding, &coded, body);
      tg_buffer_free(&coded);
    }
  }
  check_case(NULL);
  tg_buffer_free(&text);
}

/* After a flush a decoder has all that was put in, though the body goes on. */
static void flushes_what_it_holds(void) {
  enum { PIECES = 20 };
  for (unsigned coding = 0; coding < TG_CODING_COUNT; coding++) {
    tg_encoder *encoder = tg_encoder_new((tg_coding)coding, 0, 0);
    tg_decoder *decoder = tg_decoder_new((tg_coding)coding, &wide);
    tg_buffer out = {0};
    check_case("%s", tg_coding_name((tg_coding)coding).data);
    for (size_t i = 0, all = 0; i < PIECES; i++) {
      tg_buffer piece = coded_text(i * i * 300), coded = {0};
      all += tg_buffer_size(&piece);
      coded_feed(encoder, tg_buffer_text(&piece), TG_ENCODER_FLUSH, &coded);
      tg_text input = tg_buffer_text(&coded);
      while (tg_decoder_feed(decoder, &input, false, &out) == TG_CODING_AGAIN) continue;
      CHECK_NUMBER(tg_buffer_size(&out), all);
      tg_buffer_free(&piece);
      tg_buffer_free(&coded);
    }
    tg_encoder_free(encoder);
    tg_decoder_free(decoder);
    tg_buffer_free(&out);
  }
  check_case(NULL);
}

static void flushing_nothing_twice_is_fine(void) {
  for (unsigned coding = 0; coding < TG_CODING_COUNT; coding++) {
    tg_buffer coded = {0};
    tg_encoder *encoder = tg_encoder_new((tg_coding)coding, 0, 0);
    for (int i = 0; i < 3; i++) coded_feed(encoder, TG_TEXT(""), TG_ENCODER_FLUSH, &coded);
    coded_feed(encoder, TG_TEXT("abc"), TG_ENCODER_FLUSH, &coded);
    for (int i = 0; i < 3; i++) coded_feed(encoder, TG_TEXT(""), TG_ENCODER_FLUSH, &coded);
    coded_feed(encoder, TG_TEXT(""), TG_ENCODER_MORE, &coded);
    coded_feed(encoder, TG_TEXT(""), TG_ENCODER_FINISH, &coded);
    check_decodes((tg_coding)coding, &coded, TG_TEXT("abc"));
    tg_encoder_free(encoder);
    tg_buffer_free(&coded);
  }
}

/* --- memory --- */

/* Encodes the body with at most `max` bytes of memory; false where they were too few. */
static bool encode_within(const tg_coding_library *library, tg_coding coding, int level, tg_text body, size_t max,
                          size_t *most) {
  static uint8_t room[TG_CODING_STEP_BYTES];
  tg_coding_memory memory;
  tg_coding_memory_init(&memory, max);
  void *state = library->open_encoder(coding, level, 0, &memory);
  tg_encoded result = state != NULL ? TG_ENCODED_PART : TG_ENCODED_NO_MEMORY;
  while (result != TG_ENCODED_NO_MEMORY && (body.size > 0 || result == TG_ENCODED_PART)) {
    bool is_rest = body.size <= TG_CODING_STEP_BYTES;
    size_t size = is_rest ? body.size : TG_CODING_STEP_BYTES;
    tg_coding_io io = {(const uint8_t *)body.data, size, room, sizeof room};
    result = library->encode(state, &io, is_rest ? TG_ENCODER_FINISH : TG_ENCODER_MORE);
    body = (tg_text){(const char *)io.in, body.size - size + io.in_size};
    if (memory.used > *most) *most = memory.used;
  }
  if (state != NULL) library->close_encoder(state);
  CHECK_NUMBER(memory.used, 0);
  return result == TG_ENCODED_ALL;
}

static size_t memory_of(tg_coding coding, int level, tg_text body, size_t max) {
  size_t most = 0;
  CHECK(encode_within(tg_coding_library_of(coding), coding, level, body, max, &most));
  return most;
}

static void takes_bounded_memory(void) {
  tg_buffer text = coded_text(3000000);
  for (size_t i = 0; i < 4; i++) {
    tg_encoder_levels levels = tg_encoder_levels_of(coded_all[i]);
    check_case("%s", tg_coding_name(coded_all[i]).data);
    size_t usual = memory_of(coded_all[i], levels.usual, tg_buffer_text(&text), SIZE_MAX);
    size_t highest = memory_of(coded_all[i], levels.highest, tg_buffer_text(&text), SIZE_MAX);
    CHECK(usual < TG_ENCODER_MEMORY_MAX);
    CHECK(highest < TG_ENCODER_MEMORY_MAX);
  }
  check_case(NULL);
  tg_buffer_free(&text);
}

/* Every allocation fails in turn: those that one needs no longer fit. */
static void survives_without_memory(void) {
  tg_buffer text = coded_text(300000);
  for (size_t i = 0; i < 4; i++) {
    const tg_coding_library *library = tg_coding_library_of(coded_all[i]);
    size_t most = 0, needed = 0;
    unsigned failed = 0;
    while (!encode_within(library, coded_all[i], library->levels.usual, tg_buffer_text(&text), needed, &most)) {
      failed++;
      needed += 1 + needed / 4;
    }
    check_case("%s", tg_coding_name(coded_all[i]).data);
    CHECK(failed > 10);
  }
  check_case(NULL);
  tg_buffer_free(&text);
}

int main(void) {
  round_trips_at_every_level();
  round_trips_at_every_size();
  makes_text_small();
  takes_a_wrong_hint();
  round_trips_at_every_split(TG_ENCODER_MORE);
  round_trips_at_every_split(TG_ENCODER_FLUSH);
  flushes_what_it_holds();
  flushing_nothing_twice_is_fine();
  takes_bounded_memory();
  survives_without_memory();
  return check_result();
}
