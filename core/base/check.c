#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

void tg_check_failed(const char *condition, const char *function) {
  fprintf(stderr, "tidegate: a fault of its own in %s: not %s\n", function, condition);
  abort();
}
