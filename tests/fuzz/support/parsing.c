#include "support/parsing.h"
#include "check.h"
#include "support/parser_log.h"

static void compare(const parser_input *input, tg_text whole, size_t first, size_t piece) {
  tg_buffer log = parser_log(input, first, piece);
  FUZZ_CHECK_TEXT(tg_buffer_text(&log), whole);
  tg_buffer_free(&log);
}

/* Most often the default limits; else small ones, which a short input can reach. */
static void choose_limits(parser_input *input, fuzz_choices *choices) {
  if (!fuzz_once_in(choices, 3)) return;
  input->head_bytes_max = (uint32_t)(16 + fuzz_choose(choices, 240));
  input->field_count_max = (uint32_t)(1 + fuzz_choose(choices, 4));
}

void fuzz_parser(tg_text bytes, tg_http1_role role) {
  fuzz_choices choices = fuzz_choices_of(bytes, 0);
  parser_input input = {.bytes = bytes, .role = role};
  input.finish = fuzz_once_in(&choices, 2);
  input.to_head = fuzz_once_in(&choices, 8);
  choose_limits(&input, &choices);
  tg_buffer whole = parser_log(&input, bytes.size, bytes.size);
  compare(&input, tg_buffer_text(&whole), 1, 1);
  for (int i = 0; i < 3; i++) {
    size_t first = 1 + fuzz_choose(&choices, bytes.size + 1);
    compare(&input, tg_buffer_text(&whole), first, 1 + fuzz_choose(&choices, bytes.size + 1));
  }
  tg_buffer_free(&whole);
  FUZZ_CHECK(check_failures() == 0); /* of those in parser_log */
}
