#include "bind/runtime.h"
#include "io/script_stack.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

typedef struct command {
  int argc;
  char **argv;
  int status;
} command;

/* Where standard error is closed, the next socket would take its number, and a client would get the log. */
static void open_standard_descriptors(void) {
  int fd;
  do fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd > STDERR_FILENO) close(fd);
}

static void *run(void *argument) {
  command *is = argument;
  tg_runtime *runtime = tg_runtime_new();
  if (runtime == NULL) {
    fputs("tidegate: out of memory or descriptors\n", stderr);
    is->status = 71; /* EX_OSERR */
    return NULL;
  }
  is->status = tg_runtime_main(runtime, is->argc, is->argv);
  if (!tg_runtime_free(runtime)) { /* a thread still runs, and may hold locks that an orderly exit would wait for */
    fflush(stdout);
    _Exit(is->status);
  }
  return NULL;
}

/* The process's first thread has as much stack as its limit says, which it may raise as far as the user allows: the
   system keeps 128 MiB of addresses free for it however low the limit is at first. */
static bool grow_stack(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_STACK, &limit) < 0) return false;
  if (limit.rlim_cur >= TG_SCRIPT_STACK_BYTES) return true;
  limit.rlim_cur = TG_SCRIPT_STACK_BYTES;
  return setrlimit(RLIMIT_STACK, &limit) == 0;
}

/* Another thread can be given what scripts need whatever the limit. It costs more: with two of them, each call of the
   system asks whether its thread is being cancelled. */
static bool run_in_thread(command *is) {
  pthread_attr_t attributes;
  pthread_t thread;
  if (pthread_attr_init(&attributes) != 0) return false;
  bool is_running = pthread_attr_setstacksize(&attributes, TG_SCRIPT_STACK_BYTES) == 0 &&
                    pthread_create(&thread, &attributes, run, is) == 0;
  pthread_attr_destroy(&attributes);
  return is_running && pthread_join(thread, NULL) == 0;
}

int main(int argc, char **argv) {
  command is = {.argc = argc, .argv = argv};
  open_standard_descriptors();
  if (grow_stack() || !run_in_thread(&is)) run(&is);
  return is.status;
}
