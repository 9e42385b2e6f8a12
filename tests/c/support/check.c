#include "check.h"

#include <stdarg.h>
#include <stdio.h>

/* Read by AddressSanitizer: an allocation that is too large gives NULL, as without it. */
const char *__asan_default_options(void);

const char *__asan_default_options(void) {
  return "allocator_may_return_null=1:detect_leaks=1";
}

enum { FAILURES_SHOWN = 20, BYTES_SHOWN = 600 };

static unsigned checks, failures;
static char current_case[256];

/* Counts a check; true when its failure is to be printed, which is not so for the hundredth of a table. */
static bool count(check_place place, bool holds) {
  checks++;
  if (holds) return false;
  if (++failures > FAILURES_SHOWN) return false;
  fprintf(stderr, "%s:%d: ", place.file, place.line);
  if (current_case[0] != '\0') fprintf(stderr, "[%s] ", current_case);
  return true;
}

static void print_byte(unsigned char c) {
  if (c == '\n') fputs("\\n\n    ", stderr);
  else if (c == '\r') fputs("\\r", stderr);
  else if (c < 0x20 || c >= 0x7f) fprintf(stderr, "\\x%02x", c);
  else fputc(c, stderr);
}

static void print_text(const char *label, tg_text text) {
  fprintf(stderr, "  %s (%zu bytes):\n    ", label, text.size);
  for (size_t i = 0; i < text.size && i < BYTES_SHOWN; i++) print_byte((unsigned char)text.data[i]);
  fputs(text.size > BYTES_SHOWN ? "...\n" : "\n", stderr);
}

bool check_true(check_place place, bool holds) {
  if (count(place, holds)) fprintf(stderr, "%s does not hold\n", place.expression);
  return holds;
}

bool check_number(check_place place, long long actual, long long expected) {
  bool holds = actual == expected;
  if (count(place, holds)) fprintf(stderr, "%s is %lld, not %lld\n", place.expression, actual, expected);
  return holds;
}

bool check_text(check_place place, tg_text actual, tg_text expected) {
  bool holds = tg_text_equal(actual, expected);
  if (count(place, holds)) {
    fprintf(stderr, "%s differs\n", place.expression);
    print_text("actual", actual);
    print_text("expected", expected);
  }
  return holds;
}

bool check_string(check_place place, const char *actual, const char *expected) {
  if (actual != NULL && expected != NULL) return check_text(place, tg_text_of(actual), tg_text_of(expected));
  bool holds = actual == expected;
  if (count(place, holds)) {
    fprintf(stderr, "%s is %s, not %s\n", place.expression, actual ? actual : "NULL", expected ? expected : "NULL");
  }
  return holds;
}

void check_case(const char *format, ...) {
  current_case[0] = '\0';
  if (format == NULL) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(current_case, sizeof current_case, format, arguments);
  va_end(arguments);
}

unsigned check_failures(void) {
  return failures;
}

int check_result(void) {
  if (checks == 0) fputs("nothing was checked\n", stderr);
  if (failures > 0) fprintf(stderr, "%u of %u checks failed\n", failures, checks);
  return failures > 0 || checks == 0;
}
