#include "support/input.h"

#include <stdio.h>
#include <stdlib.h>

/* FNV-1a over the input. */
fuzz_choices fuzz_choices_of(tg_text input, uint64_t salt) {
  uint64_t hash = UINT64_C(14695981039346656037) ^ salt;
  for (size_t i = 0; i < input.size; i++) hash = (hash ^ (unsigned char)input.data[i]) * UINT64_C(1099511628211);
  return (fuzz_choices){hash};
}

/* splitmix64 */
size_t fuzz_choose(fuzz_choices *choices, size_t limit) {
  uint64_t number = choices->state += UINT64_C(0x9e3779b97f4a7c15);
  number = (number ^ (number >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  number = (number ^ (number >> 27)) * UINT64_C(0x94d049bb133111eb);
  return (size_t)((number ^ (number >> 31)) % limit);
}

tg_text fuzz_take(tg_text *rest, size_t size) {
  tg_text taken = {rest->data, size < rest->size ? size : rest->size};
  if (taken.size > 0) *rest = (tg_text){rest->data + taken.size, rest->size - taken.size};
  return taken;
}

unsigned fuzz_take_byte(tg_text *rest) {
  tg_text taken = fuzz_take(rest, 1);
  return taken.size > 0 ? (unsigned char)taken.data[0] : 0;
}

void fuzz_fail(const char *file, int line, const char *condition) {
  fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
  abort();
}

void fuzz_check_text(const char *file, int line, tg_text actual, tg_text expected) {
  if (tg_text_equal(actual, expected)) return;
  fprintf(stderr, "--- is ---\n%.*s\n--- must be ---\n%.*s\n", (int)actual.size, actual.data, (int)expected.size,
          expected.data);
  fuzz_fail(file, line, "these are the same");
}
