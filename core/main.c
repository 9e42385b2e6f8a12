#include "bind/runtime.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Where standard error is closed, the next socket would take its number, and a client would get the log. */
static void open_standard_descriptors(void) {
  int fd;
  do fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd > STDERR_FILENO) close(fd);
}

int main(int argc, char **argv) {
  open_standard_descriptors();
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
