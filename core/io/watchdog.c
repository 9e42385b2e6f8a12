#include "io/watchdog.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define NS_PER_MS 1000000L

enum { EVERY_MS = 250, SOON_MS = 300 };

/* What a handler works on must be found without an argument. */
static struct {
  volatile sig_atomic_t is_open;
  timer_t every, soon;
  void (*look)(void *owner);
  void *owner;
} dog;

static void on_signal(int number) {
  int before = errno;
  (void)number;
  if (dog.is_open) dog.look(dog.owner);
  errno = before;
}

static int watch_signal(int number) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigfillset(&action.sa_mask);
  return sigaction(number, &action, NULL) < 0 ? -errno : 0;
}

static int make_timer(clockid_t clock, int number, timer_t *timer) {
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = number};
  event.sigev_notify_thread_id = gettid();
  return timer_create(clock, &event, timer) < 0 ? -errno : 0;
}

static void set_timer(timer_t timer, long ms, bool is_repeated) {
  struct timespec time = {.tv_nsec = ms * NS_PER_MS}, never = {0};
  struct itimerspec spec = {.it_value = time, .it_interval = is_repeated ? time : never};
  timer_settime(timer, 0, &spec, NULL);
}

int tg_watchdog_open(void (*look)(void *owner), void *owner) {
  int number = SIGRTMIN;
  tg_watchdog_close();
  dog.look = look;
  dog.owner = owner;
  int code = watch_signal(number);
  if (code == 0) code = make_timer(CLOCK_THREAD_CPUTIME_ID, number, &dog.every);
  if (code < 0) return code;
  code = make_timer(CLOCK_MONOTONIC, number, &dog.soon);
  if (code < 0) {
    timer_delete(dog.every);
    return code;
  }
  dog.is_open = 1;
  set_timer(dog.every, EVERY_MS, true);
  return 0;
}

void tg_watchdog_look_soon(void) {
  if (dog.is_open) set_timer(dog.soon, SOON_MS, false);
}

/* A signal that is on its way finds a handler all the same, as its usual effect would be the process's end. */
void tg_watchdog_close(void) {
  if (!dog.is_open) return;
  dog.is_open = 0;
  timer_delete(dog.every);
  timer_delete(dog.soon);
}
