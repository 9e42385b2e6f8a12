/* Checks. One that fails prints file:line, the expression and both values, and the test goes on; check_result is
   what main returns. Each answers whether it held, for a test that cannot go on without. */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include "base/text.h"

typedef struct check_place {
  const char *file;
  int line;
  const char *expression;
} check_place;

#define CHECK_PLACE(expression) ((check_place){__FILE__, __LINE__, #expression})

#define CHECK(condition) check_true(CHECK_PLACE(condition), (condition))
#define CHECK_NUMBER(actual, expected) check_number(CHECK_PLACE(actual), (long long)(actual), (long long)(expected))
#define CHECK_TEXT(actual, expected) check_text(CHECK_PLACE(actual), (actual), (expected))
/* The same for NUL-terminated strings, of which either may be NULL. */
#define CHECK_STRING(actual, expected) check_string(CHECK_PLACE(actual), (actual), (expected))

bool check_true(check_place place, bool holds);
bool check_number(check_place place, long long actual, long long expected);
bool check_text(check_place place, tg_text actual, tg_text expected);
bool check_string(check_place place, const char *actual, const char *expected);

/* Says which case of a table is under way; failures print it. NULL for none. */
void check_case(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* How many checks have failed so far. */
unsigned check_failures(void);

/* The program's exit status: 0, or 1 when a check failed. Fails as well when nothing was checked. */
int check_result(void);

#endif
