/* Memory that ends right at a page that cannot be touched: reading one byte too many crashes, with every compiler
   and without a sanitizer. */
#ifndef TESTS_GUARD_H
#define TESTS_GUARD_H

#include <stddef.h>

typedef struct guard_page {
  char *memory;
  size_t capacity; /* bytes before the page */
} guard_page;

/* Room for up to `size` bytes. Exits when the system has none. */
guard_page guard_open(size_t size);

/* Copies the bytes so that they end at the page; valid until the next call. */
const char *guard_place(guard_page *guard, const char *bytes, size_t size);

void guard_close(guard_page *guard);

#endif
