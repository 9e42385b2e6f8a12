/* Multipart forms: the same events in whatever pieces the bytes come, and parts that keep to their limits. */
#include "proto/multipart.h"
#include "support/input.h"

#define TYPE "multipart/form-data; boundary=b"

static const tg_multipart_limits limits = {.part_count_max = 8, .part_head_bytes_max = 512, .part_field_count_max = 8};

/* What was heard, as text: bodies are joined, so that pieces make no difference. */
typedef struct story {
  tg_buffer text;
  bool in_body;
} story;

static void tell(story *is, const char *word) {
  tg_buffer_append_text(&is->text, tg_text_of(word));
  is->in_body = false;
}

static void tell_part(story *is, const tg_multipart *parser) {
  tell(is, "\npart ");
  tg_buffer_append_text(&is->text, parser->disposition.name);
  tell(is, " ");
  if (parser->disposition.filename.data != NULL) tg_buffer_append_text(&is->text, parser->disposition.filename);
  FUZZ_CHECK(parser->head.field_count <= limits.part_field_count_max);
  FUZZ_CHECK(parser->part_count <= limits.part_count_max);
  FUZZ_CHECK(memchr(parser->disposition.name.data, '\0', parser->disposition.name.size) == NULL);
}

/* False when it is over. */
static bool hear(story *is, tg_multipart *parser, tg_text *bytes) {
  switch (tg_multipart_next(parser, bytes)) {
    case TG_MULTIPART_MORE:
      FUZZ_CHECK(bytes->size == 0);
      return false;
    case TG_MULTIPART_PART:
      tell_part(is, parser);
      return true;
    case TG_MULTIPART_BODY:
      FUZZ_CHECK(parser->piece.size > 0);
      if (!is->in_body) tell(is, "\nbody ");
      is->in_body = true;
      tg_buffer_append_text(&is->text, parser->piece);
      return true;
    case TG_MULTIPART_PART_END:
      tell(is, "\nend");
      return true;
    default:
      FUZZ_CHECK(parser->error_status == 400 || parser->error_status == 413);
      FUZZ_CHECK(parser->error_text != NULL);
      return false;
  }
}

/* Reads a body in pieces of random sizes, or at once. */
static void read_body(story *is, tg_text rest, fuzz_choices *cuts) {
  tg_multipart parser;
  FUZZ_CHECK(tg_multipart_init(&parser, TG_TEXT(TYPE), &limits));
  while (rest.size > 0 && parser.state != TG_MULTIPART_FAILED) {
    tg_text piece = fuzz_take(&rest, cuts != NULL ? 1 + fuzz_choose(cuts, 9) : rest.size);
    while (hear(is, &parser, &piece)) continue;
  }
  bool whole = parser.state != TG_MULTIPART_FAILED && tg_multipart_finish(&parser);
  tell(is, whole ? "\nwhole" : "\nfailed ");
  if (!whole) tell(is, parser.error_text);
  tg_multipart_free(&parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  tg_text input = {(const char *)bytes, size};
  fuzz_choices cuts = fuzz_choices_of(input, 1);
  story whole = {.in_body = false}, cut = {.in_body = false};
  read_body(&whole, input, NULL);
  read_body(&cut, input, &cuts);
  FUZZ_CHECK_TEXT(tg_buffer_text(&cut.text), tg_buffer_text(&whole.text));
  tg_buffer_free(&whole.text);
  tg_buffer_free(&cut.text);
  return 0;
}
