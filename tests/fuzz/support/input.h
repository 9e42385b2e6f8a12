/* What a fuzzer takes out of its input.

   An input is the bytes of a peer and nothing else, so that seeds and finds of other projects are inputs too. All that
   a run must choose beside them (where to cut, when to leave) comes from a row of numbers that the bytes determine:
   the same input always runs the same way. */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include "base/text.h"

#include <stdint.h>

/* What libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

typedef struct fuzz_choices {
  uint64_t state;
} fuzz_choices;

/* The choices of an input; `salt` gives another row for the same one. */
fuzz_choices fuzz_choices_of(tg_text input, uint64_t salt);

/* The next choice: a number from 0 to below `limit`, which is not 0. */
size_t fuzz_choose(fuzz_choices *choices, size_t limit);

/* Is the next choice, made once in `times`, this one? */
static inline bool fuzz_once_in(fuzz_choices *choices, size_t times) {
  return fuzz_choose(choices, times) == 0;
}

/* Takes up to `size` bytes off the front of `rest`. */
tg_text fuzz_take(tg_text *rest, size_t size);

/* Takes one byte off the front of `rest`; 0 at its end. */
unsigned fuzz_take_byte(tg_text *rest);

/* Ends the run with a report where something does not hold that must. */
#define FUZZ_CHECK(condition)                                                                                          \
  do {                                                                                                                 \
    if (!(condition)) fuzz_fail(__FILE__, __LINE__, #condition);                                                       \
  } while (0)

/* The same for two texts, which it prints. */
#define FUZZ_CHECK_TEXT(actual, expected) fuzz_check_text(__FILE__, __LINE__, (actual), (expected))

_Noreturn void fuzz_fail(const char *file, int line, const char *condition);
void fuzz_check_text(const char *file, int line, tg_text actual, tg_text expected);

#endif
