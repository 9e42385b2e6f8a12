#include "bind/runtime.h"

#include <stdio.h>

int main(int argc, char **argv) {
  tg_runtime *runtime = tg_runtime_new();
  if (runtime == NULL) {
    fputs("tidegate: out of memory or descriptors\n", stderr);
    return 71; /* EX_OSERR */
  }
  int status = tg_runtime_main(runtime, argc, argv);
  tg_runtime_free(runtime);
  return status;
}
