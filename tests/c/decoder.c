#include "proto/decoder.h"
#include "check.h"
#include "proto/coding_library.h"
#include "support/coded.h"

#include <brotli/encode.h>
#include <zstd.h>

static const tg_decoder_limits wide = {.output_bytes_max = 64 * 1024 * 1024};

/* Decodes at once. The status is 0 when all was fine. */
static unsigned decode(tg_coding coding, const tg_decoder_limits *limits, tg_text input, tg_buffer *out) {
  tg_coding_error error;
  tg_buffer_clear(out);
  coded_decode_cut(coding, limits, input, input.size, out, &error);
  return error.status;
}

static void check_status(tg_coding coding, tg_text input, unsigned expected) {
  tg_buffer out = {0};
  CHECK_NUMBER(decode(coding, &wide, input, &out), expected);
  tg_buffer_free(&out);
}

/* --- cuts --- */

/* Cut in two, everywhere; and ended everywhere, which is an error. */
static void decodes_at_every_cut(tg_text body) {
  for (unsigned coding = 0; coding < TG_CODING_COUNT; coding++) {
    tg_buffer coded = coded_encode((tg_coding)coding, 0, body), out = {0};
    tg_text input = tg_buffer_text(&coded);
    for (size_t cut = 0; cut <= input.size; cut++) {
      tg_coding_error error;
      check_case("%s, %zu bytes, cut at %zu", tg_coding_name((tg_coding)coding).data, body.size, cut);
      tg_buffer_clear(&out);
      CHECK_NUMBER(coded_decode_cut((tg_coding)coding, &wide, input, cut, &out, &error), TG_CODING_DONE);
      CHECK(tg_text_equal(tg_buffer_text(&out), body));
      if (coding == TG_CODING_IDENTITY) continue;
      unsigned status = decode((tg_coding)coding, &wide, (tg_text){input.data, cut}, &out);
      CHECK_NUMBER(status, cut == input.size ? 0 : 400);
    }
    tg_buffer_free(&coded);
    tg_buffer_free(&out);
  }
  check_case(NULL);
}

static void decodes_byte_by_byte(void) {
  tg_buffer text = coded_text(60000);
  for (unsigned coding = 0; coding < TG_CODING_COUNT; coding++) {
    tg_buffer coded = coded_encode((tg_coding)coding, 0, tg_buffer_text(&text)), out = {0};
    tg_decoder *decoder = tg_decoder_new((tg_coding)coding, &wide);
    check_case("%s", tg_coding_name((tg_coding)coding).data);
    for (size_t i = coded.start; i < coded.end; i++) {
      tg_text byte = {coded.data + i, 1};
      tg_coding_step step;
      while ((step = tg_decoder_feed(decoder, &byte, i + 1 == coded.end, &out)) == TG_CODING_AGAIN) continue;
      CHECK_NUMBER(step, TG_CODING_DONE);
    }
    CHECK(tg_text_equal(tg_buffer_text(&out), tg_buffer_text(&text)));
    tg_decoder_free(decoder);
    tg_buffer_free(&coded);
    tg_buffer_free(&out);
  }
  check_case(NULL);
  tg_buffer_free(&text);
}

/* The end may be said with the last bytes or behind them. */
static void is_told_of_the_end_later(void) {
  for (unsigned coding = 0; coding < TG_CODING_COUNT; coding++) {
    tg_buffer coded = coded_encode((tg_coding)coding, 0, TG_TEXT("hello")), out = {0};
    tg_decoder *decoder = tg_decoder_new((tg_coding)coding, &wide);
    tg_text input = tg_buffer_text(&coded), none = {NULL, 0};
    CHECK_NUMBER(tg_decoder_feed(decoder, &input, false, &out), TG_CODING_DONE);
    CHECK_NUMBER(tg_decoder_feed(decoder, &none, false, &out), TG_CODING_DONE);
    CHECK_NUMBER(tg_decoder_feed(decoder, &none, true, &out), TG_CODING_DONE);
    CHECK_TEXT(tg_buffer_text(&out), TG_TEXT("hello"));
    tg_decoder_free(decoder);
    tg_buffer_free(&coded);
    tg_buffer_free(&out);
  }
}

/* --- what others make --- */

#define BYTES(literal)                                                                                                 \
  { literal, sizeof(literal) - 1 }

/* Made by gzip, python's zlib, brotli and zstd. */
#define GZIP_HELLO                                                                                                     \
  "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\xe7\x02\x00\x20\x30\x3a\x36\x06\x00\x00\x00"
#define ZLIB_HELLO "\x78\x9c\xcb\x48\xcd\xc9\xc9\xe7\x02\x00\x08\x4b\x02\x1f"
#define BARE_HELLO "\xcb\x48\xcd\xc9\xc9\xe7\x02\x00"
#define BR_HELLO "\x8f\x02\x80hello\n\x03"
#define ZSTD_HELLO "\x28\xb5\x2f\xfd\x04\x58\x31\x00\x00hello\n\x53\x88\xbd\x91"
#define ZSTD07_HELLO "\x27\xb5\x2f\xfd\x00\x58\x40\x00\x06hello\n\xc0\x00\x00"
#define GZIP_NAMED                                                                                                     \
  "\x1f\x8b\x08\x1e\x00\x00\x00\x00\x00\x03\x04\x00"                                                                   \
  "ab\x00\x00"                                                                                                         \
  "a name\x00"                                                                                                         \
  "a comment\x00"
#define SKIPPABLE "\x5a\x2a\x4d\x18\x03\x00\x00\x00xyz"

typedef struct decode_case {
  const char *about;
  tg_coding coding;
  tg_text input;
  const char *output; /* NULL: refused with `status` */
  unsigned status;
} decode_case;

static const decode_case cases[] = {
    {"as gzip makes it", TG_CODING_GZIP, BYTES(GZIP_HELLO), "hello\n", 0},
    {"as zlib makes it", TG_CODING_DEFLATE, BYTES(ZLIB_HELLO), "hello\n", 0},
    {"as brotli makes it", TG_CODING_BR, BYTES(BR_HELLO), "hello\n", 0},
    {"as zstd makes it", TG_CODING_ZSTD, BYTES(ZSTD_HELLO), "hello\n", 0},
    {"two members", TG_CODING_GZIP, BYTES(GZIP_HELLO GZIP_HELLO), "hello\nhello\n", 0},
    {"two frames", TG_CODING_ZSTD, BYTES(ZSTD_HELLO ZSTD_HELLO), "hello\nhello\n", 0},
    {"frames to skip", TG_CODING_ZSTD, BYTES(SKIPPABLE ZSTD_HELLO SKIPPABLE SKIPPABLE ZSTD_HELLO), "hello\nhello\n", 0},
    {"only frames to skip", TG_CODING_ZSTD, BYTES(SKIPPABLE), "", 0},
    {"the smallest brotli", TG_CODING_BR, BYTES("\x06"), "", 0},
    {"no bytes", TG_CODING_GZIP, BYTES(""), NULL, 400},
    {"no bytes", TG_CODING_DEFLATE, BYTES(""), NULL, 400},
    {"no bytes", TG_CODING_BR, BYTES(""), NULL, 400},
    {"no bytes", TG_CODING_ZSTD, BYTES(""), NULL, 400},
    {"garbage behind it", TG_CODING_GZIP, BYTES(GZIP_HELLO "x"), NULL, 400},
    {"zeros behind it", TG_CODING_GZIP, BYTES(GZIP_HELLO "\0\0\0\0"), NULL, 400},
    {"garbage behind it", TG_CODING_DEFLATE, BYTES(ZLIB_HELLO "x"), NULL, 400},
    {"two in a row", TG_CODING_DEFLATE, BYTES(ZLIB_HELLO ZLIB_HELLO), NULL, 400},
    {"garbage behind it", TG_CODING_BR, BYTES(BR_HELLO "x"), NULL, 400},
    {"two in a row", TG_CODING_BR, BYTES(BR_HELLO BR_HELLO), NULL, 400},
    {"garbage behind it", TG_CODING_ZSTD, BYTES(ZSTD_HELLO "x"), NULL, 400},
    {"a second member cut short", TG_CODING_GZIP, BYTES(GZIP_HELLO "\x1f\x8b"), NULL, 400},
    {"a second frame cut short", TG_CODING_ZSTD, BYTES(ZSTD_HELLO "\x28\xb5"), NULL, 400},
    {"a frame to skip cut short", TG_CODING_ZSTD, BYTES("\x50\x2a\x4d\x18\xff\xff\xff\xffx"), NULL, 400},
    {"plain text", TG_CODING_GZIP, BYTES("hello"), NULL, 400},
    {"plain text", TG_CODING_DEFLATE, BYTES("hello"), NULL, 400},
    {"plain text", TG_CODING_ZSTD, BYTES("hello"), NULL, 400},
    {"plain text", TG_CODING_BR, BYTES("hello, this is plain text"), NULL, 400},
    {"zlib as gzip", TG_CODING_GZIP, BYTES(ZLIB_HELLO), NULL, 400},
    {"gzip as zlib", TG_CODING_DEFLATE, BYTES(GZIP_HELLO), NULL, 400},
    {"deflate without zlib's head", TG_CODING_DEFLATE, BYTES(BARE_HELLO), NULL, 400},
    {"gzip as zstd", TG_CODING_ZSTD, BYTES(GZIP_HELLO), NULL, 400},
    {"zstd 0.7", TG_CODING_ZSTD, BYTES(ZSTD07_HELLO), NULL, 400},
    {"zstd 0.7 behind a frame", TG_CODING_ZSTD, BYTES(ZSTD_HELLO ZSTD07_HELLO), NULL, 400},
    {"zstd 0.5", TG_CODING_ZSTD, BYTES("\x25\xb5\x2f\xfd\x00\x00\x00\x00"), NULL, 400},
    {"a wrong sum", TG_CODING_GZIP,
     BYTES("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\xe7\x02\x00\x20\x30\x3a\x37\x06\x00\x00\x00"),
     NULL, 400},
    {"a wrong size", TG_CODING_GZIP,
     BYTES("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\xe7\x02\x00\x20\x30\x3a\x36\x07\x00\x00\x00"),
     NULL, 400},
    {"a wrong sum", TG_CODING_DEFLATE, BYTES("\x78\x9c\xcb\x48\xcd\xc9\xc9\xe7\x02\x00\x08\x4b\x02\x20"), NULL, 400},
    {"a wrong sum", TG_CODING_ZSTD, BYTES("\x28\xb5\x2f\xfd\x04\x58\x31\x00\x00hello\n\x53\x88\xbd\x92"), NULL, 400},
    {"a preset dictionary", TG_CODING_DEFLATE, BYTES("\x78\xbb\x00\x00\x00\x01\xcb\x48\xcd\xc9\xc9\xe7\x02\x00"), NULL,
     400},
    {"a dictionary", TG_CODING_ZSTD, BYTES("\x28\xb5\x2f\xfd\x21\x07\x06\x31\x00\x00hello\n"), NULL, 400},
    {"a window of 16 MiB", TG_CODING_ZSTD, BYTES("\x28\xb5\x2f\xfd\x00\x70\x31\x00\x00hello\n"), NULL, 413},
    {"a window of 2 TiB", TG_CODING_ZSTD, BYTES("\x28\xb5\x2f\xfd\x00\xf8\x31\x00\x00hello\n"), NULL, 413},
    {"a window of 8 MiB", TG_CODING_ZSTD, BYTES("\x28\xb5\x2f\xfd\x00\x68\x31\x00\x00hello\n"), "hello\n", 0},
    {"brotli's large window", TG_CODING_BR, BYTES("\x11\x1e\x03"), NULL, 400},
};

static void decodes_what_others_make(void) {
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const decode_case *is = &cases[i];
    for (size_t cut = 0; cut <= is->input.size; cut++) {
      tg_buffer out = {0};
      tg_coding_error error;
      check_case("%s, %s, cut at %zu", tg_coding_name(is->coding).data, is->about, cut);
      coded_decode_cut(is->coding, &wide, is->input, cut, &out, &error);
      CHECK_NUMBER(error.status, is->status);
      if (is->output != NULL) CHECK_TEXT(tg_buffer_text(&out), tg_text_of(is->output));
      tg_buffer_free(&out);
    }
  }
  check_case(NULL);
}

static void takes_many_members(void) {
  tg_buffer coded = {0}, out = {0};
  for (int i = 0; i < 10000; i++) tg_buffer_append_text(&coded, (tg_text)BYTES(GZIP_HELLO));
  CHECK_NUMBER(decode(TG_CODING_GZIP, &wide, tg_buffer_text(&coded), &out), 0);
  CHECK_NUMBER(tg_buffer_size(&out), 60000);
  tg_buffer_clear(&coded);
  for (int i = 0; i < 10000; i++) tg_buffer_append_text(&coded, (tg_text)BYTES(ZSTD_HELLO SKIPPABLE));
  CHECK_NUMBER(decode(TG_CODING_ZSTD, &wide, tg_buffer_text(&coded), &out), 0);
  CHECK_NUMBER(tg_buffer_size(&out), 60000);
  tg_buffer_free(&coded);
  tg_buffer_free(&out);
}

/* --- limits --- */

/* Class 14 of the threats: decompression bombs. */
static void stops_bombs(void) {
  enum { SIZE = 4 * 1024 * 1024 };
  tg_buffer zeros = {0}, out = {0};
  memset(tg_buffer_reserve(&zeros, SIZE), 0, SIZE);
  zeros.end = SIZE;
  for (size_t i = 0; i < 4; i++) {
    tg_buffer bomb = coded_encode(coded_all[i], 0, tg_buffer_text(&zeros));
    tg_decoder_limits by_size = {.output_bytes_max = 100000}, by_ratio = {64 * 1024 * 1024, 100, 65536};
    check_case("%s", tg_coding_name(coded_all[i]).data);
    CHECK(tg_buffer_size(&bomb) * 500 < SIZE);
    CHECK_NUMBER(decode(coded_all[i], &by_size, tg_buffer_text(&bomb), &out), 413);
    CHECK(tg_buffer_size(&out) <= by_size.output_bytes_max);
    CHECK_NUMBER(decode(coded_all[i], &by_ratio, tg_buffer_text(&bomb), &out), 413);
    CHECK(tg_buffer_size(&out) < 65536 + 100 * TG_CODING_STEP_BYTES + TG_CODING_STEP_BYTES);
    CHECK_NUMBER(decode(coded_all[i], &tg_decoder_limits_default, tg_buffer_text(&bomb), &out), 413);
    CHECK_NUMBER(decode(coded_all[i], &wide, tg_buffer_text(&bomb), &out), 0);
    CHECK_NUMBER(tg_buffer_size(&out), SIZE);
    tg_buffer_free(&bomb);
  }
  check_case(NULL);
  tg_buffer_free(&zeros);
  tg_buffer_free(&out);
}

/* A body may fill the limit, and not pass it by one byte; whatever the ratio, while it is small. */
static void keeps_to_the_limit_exactly(void) {
  static char zeros[65536];
  tg_buffer out = {0};
  for (unsigned coding = 0; coding < TG_CODING_COUNT; coding++) {
    for (size_t size = 0; size <= sizeof zeros; size = size * 4 + 1) {
      tg_buffer coded = coded_encode((tg_coding)coding, 0, (tg_text){zeros, size});
      tg_decoder_limits exact = {size, 100, sizeof zeros}, less = {size - 1, 100, sizeof zeros};
      check_case("%s, %zu bytes", tg_coding_name((tg_coding)coding).data, size);
      CHECK_NUMBER(decode((tg_coding)coding, &exact, tg_buffer_text(&coded), &out), 0);
      CHECK_NUMBER(tg_buffer_size(&out), size);
      if (size > 0) CHECK_NUMBER(decode((tg_coding)coding, &less, tg_buffer_text(&coded), &out), 413);
      tg_buffer_free(&coded);
    }
  }
  check_case(NULL);
  tg_buffer_free(&out);
}

/* The ratio is that of what was read so far, to the byte. */
static void measures_the_ratio(void) {
  static char zeros[100000];
  tg_buffer coded = coded_encode(TG_CODING_GZIP, 0, (tg_text){zeros, sizeof zeros}), out = {0};
  uint32_t ratio = (uint32_t)(sizeof zeros / tg_buffer_size(&coded));
  tg_decoder_limits enough = {1 << 20, ratio * 2, 1000}, too_little = {1 << 20, ratio / 2, 1000};
  CHECK_NUMBER(decode(TG_CODING_GZIP, &enough, tg_buffer_text(&coded), &out), 0);
  CHECK_NUMBER(decode(TG_CODING_GZIP, &too_little, tg_buffer_text(&coded), &out), 413);
  too_little.ratio_free_bytes = sizeof zeros;
  CHECK_NUMBER(decode(TG_CODING_GZIP, &too_little, tg_buffer_text(&coded), &out), 0);
  tg_buffer_free(&coded);
  tg_buffer_free(&out);
}

static void lets_ordinary_text_pass(void) {
  tg_buffer text = coded_text(1000000), out = {0};
  for (size_t i = 0; i < 4; i++) {
    tg_buffer coded = coded_encode(coded_all[i], 0, tg_buffer_text(&text));
    CHECK_NUMBER(decode(coded_all[i], &tg_decoder_limits_default, tg_buffer_text(&coded), &out), 0);
    CHECK(tg_text_equal(tg_buffer_text(&out), tg_buffer_text(&text)));
    tg_buffer_free(&coded);
  }
  tg_buffer_free(&text);
  tg_buffer_free(&out);
}

/* --- hostile input --- */

/* Every bit of an encoded body flipped, one at a time: an answer, whichever, and nothing else. */
static void survives_every_flipped_bit(void) {
  tg_buffer text = coded_text(400);
  unsigned refused = 0;
  for (size_t i = 0; i < 4; i++) {
    tg_buffer coded = coded_encode(coded_all[i], 0, tg_buffer_text(&text)), out = {0};
    for (size_t bit = 0; bit < tg_buffer_size(&coded) * 8; bit++) {
      coded.data[coded.start + bit / 8] ^= (char)(1 << bit % 8);
      if (decode(coded_all[i], &tg_decoder_limits_default, tg_buffer_text(&coded), &out) != 0) refused++;
      coded.data[coded.start + bit / 8] ^= (char)(1 << bit % 8);
    }
    tg_buffer_free(&coded);
    tg_buffer_free(&out);
  }
  CHECK(refused > 1000);
  tg_buffer_free(&text);
}

/* Noise behind each of the heads that the formats begin with. */
static void survives_noise(void) {
  static const tg_text heads[] = {BYTES(""),
                                  BYTES("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"),
                                  BYTES(GZIP_NAMED),
                                  BYTES("\x78\x9c"),
                                  BYTES("\x28\xb5\x2f\xfd"),
                                  BYTES("\x28\xb5\x2f\xfd\x00\x68"),
                                  BYTES("\x0f")};
  tg_buffer noise = coded_noise(40000), out = {0}, input = {0};
  for (size_t i = 0; i < 4; i++) {
    for (size_t head = 0; head < sizeof heads / sizeof heads[0]; head++) {
      for (size_t from = 0; from < 200; from++) {
        tg_buffer_clear(&input);
        tg_buffer_append_text(&input, heads[head]);
        tg_buffer_append(&input, noise.data + from * 190, 2000);
        unsigned status = decode(coded_all[i], &tg_decoder_limits_default, tg_buffer_text(&input), &out);
        CHECK(status == 0 || status == 400 || status == 413);
      }
    }
  }
  tg_buffer_free(&noise);
  tg_buffer_free(&out);
  tg_buffer_free(&input);
}

/* A gzip head has a name and a comment of any length, which nobody keeps. */
static void takes_no_memory_for_a_gzip_name(void) {
  tg_buffer input = {0};
  tg_buffer_append_text(&input, (tg_text)BYTES("\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x03"));
  memset(tg_buffer_reserve(&input, 1000000), 'n', 1000000);
  input.end += 1000000;
  check_status(TG_CODING_GZIP, tg_buffer_text(&input), 400);
  tg_buffer_append_text(&input, (tg_text)BYTES("\0\xcb\x48\xcd\xc9\xc9\xe7\x02\x00\x20\x30\x3a\x36\x06\x00\x00\x00"));
  check_status(TG_CODING_GZIP, tg_buffer_text(&input), 0);
  tg_buffer_free(&input);
}

/* --- memory --- */

static bool decode_within(const tg_coding_library *library, tg_coding coding, tg_text input, size_t max, size_t *most) {
  static uint8_t room[TG_CODING_STEP_BYTES];
  tg_coding_memory memory;
  tg_coding_memory_init(&memory, max);
  void *state = library->open_decoder(coding, &memory);
  tg_decoded result = state != NULL ? TG_DECODED_PART : TG_DECODED_NO_MEMORY;
  tg_coding_io io = {.in = (const uint8_t *)input.data, .in_size = input.size};
  while (result == TG_DECODED_PART) {
    io.out = room;
    io.out_size = sizeof room;
    result = library->decode(state, &io);
    if (memory.used > *most) *most = memory.used;
  }
  if (state != NULL) library->close_decoder(state);
  CHECK_NUMBER(memory.used, 0);
  CHECK(result == TG_DECODED_END || result == TG_DECODED_NO_MEMORY);
  return result == TG_DECODED_END;
}

/* Every allocation fails in turn. */
static void survives_without_memory(void) {
  tg_buffer text = coded_text(300000);
  for (size_t i = 0; i < 4; i++) {
    tg_buffer coded = coded_encode(coded_all[i], 0, tg_buffer_text(&text));
    size_t most = 0, max = 0;
    unsigned failed = 0;
    check_case("%s", tg_coding_name(coded_all[i]).data);
    while (!decode_within(tg_coding_library_of(coded_all[i]), coded_all[i], tg_buffer_text(&coded), max, &most)) {
      failed++;
      max += 1 + max / 8;
    }
    CHECK(failed > 10);
    CHECK(most < 1024 * 1024);
    tg_buffer_free(&coded);
  }
  check_case(NULL);
  tg_buffer_free(&text);
}

/* What the formats allow, though our encoders do not use it. */
static void takes_the_largest_windows(void) {
  enum { SIZE = 40 * 1000 * 1000, ROOM = SIZE + SIZE / 8 };
  tg_buffer text = coded_text(SIZE), coded = {0}, out = {0};
  size_t size = ROOM;
  uint8_t *room = (uint8_t *)tg_buffer_reserve(&coded, ROOM);
  CHECK(BrotliEncoderCompress(1, BROTLI_MAX_WINDOW_BITS, BROTLI_MODE_TEXT, SIZE, (uint8_t *)text.data, &size, room));
  CHECK_NUMBER(decode(TG_CODING_BR, &wide, (tg_text){coded.data, size}, &out), 0);
  CHECK(tg_text_equal(tg_buffer_text(&out), tg_buffer_text(&text)));
  ZSTD_CCtx *zstd = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, 23);
  ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, 1);
  size = ZSTD_compress2(zstd, coded.data, ROOM, text.data, SIZE);
  CHECK_NUMBER(decode(TG_CODING_ZSTD, &wide, (tg_text){coded.data, size}, &out), 0);
  CHECK(tg_text_equal(tg_buffer_text(&out), tg_buffer_text(&text)));
  ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, 24);
  size = ZSTD_compress2(zstd, coded.data, ROOM, text.data, SIZE);
  CHECK_NUMBER(decode(TG_CODING_ZSTD, &wide, (tg_text){coded.data, size}, &out), 413);
  ZSTD_freeCCtx(zstd);
  tg_buffer_free(&text);
  tg_buffer_free(&coded);
  tg_buffer_free(&out);
}

int main(void) {
  tg_buffer text = coded_text(1000), noise = coded_noise(100);
  decodes_at_every_cut(TG_TEXT(""));
  decodes_at_every_cut(tg_buffer_text(&text));
  decodes_at_every_cut(tg_buffer_text(&noise));
  tg_buffer_free(&text);
  tg_buffer_free(&noise);
  decodes_byte_by_byte();
  is_told_of_the_end_later();
  decodes_what_others_make();
  takes_many_members();
  stops_bombs();
  keeps_to_the_limit_exactly();
  measures_the_ratio();
  lets_ordinary_text_pass();
  survives_every_flipped_bit();
  survives_noise();
  takes_no_memory_for_a_gzip_name();
  survives_without_memory();
  takes_the_largest_windows();
  return check_result();
}
