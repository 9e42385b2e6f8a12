#include "bind/runtime.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  tg_runtime *runtime = tg_runtime_new();
  if (runtime == NULL) {
    fputs("tidegate: out of memory or descriptors\n", stderr);
    return 71; /* EX_OSERR */
  }
  int status = tg_runtime_main(runtime, argc, argv);
  if (!tg_runtime_free(runtime)) { /* a thread still runs, and may hold locks that an orderly exit would wait for */
    fflush(stdout);
    _Exit(status);
  }
  return status;
}
