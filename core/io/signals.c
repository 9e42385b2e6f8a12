#include "io/signals.h"
#include "io/loop_private.h"
#include "io/watchdog.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

static const struct {
  const char *name;
  int number;
  bool is_end;
} known[] = {
    {"SIGINT", SIGINT, true}, {"SIGTERM", SIGTERM, true}, {"SIGHUP", SIGHUP, false}, {"SIGUSR1", SIGUSR1, false}};

enum { COUNT = sizeof known / sizeof known[0] };

struct tg_signals {
  uv_async_t came;
  atomic_uint arrived[COUNT];
  atomic_uint heard[COUNT];
  void (*on_signal)(void *owner, const char *name);
  void *owner;
};

static tg_signals *_Atomic started; /* what a handler finds without an argument; NULL while signals are not caught */

/* It may come in any thread, and in the middle of anything. */
static void on_arrival(int number) {
  tg_signals *signals = started;
  int before = errno;
  for (int i = 0; signals != NULL && i < COUNT; i++) {
    if (known[i].number != number) continue;
    atomic_fetch_add(&signals->arrived[i], 1);
    uv_async_send(&signals->came);
    if (known[i].is_end) tg_watchdog_look_soon();
  }
  errno = before;
}

static void on_came(uv_async_t *handle) {
  tg_signals *signals = handle->data;
  for (int i = 0; i < COUNT; i++) {
    while (signals->heard[i] != signals->arrived[i]) {
      atomic_fetch_add(&signals->heard[i], 1);
      signals->on_signal(signals->owner, known[i].name);
    }
  }
}

tg_signals *tg_signals_open(tg_loop *loop, void (*callback)(void *owner, const char *name), void *owner) {
  tg_signals *signals = calloc(1, sizeof *signals);
  if (signals == NULL) return NULL;
  if (uv_async_init(&loop->uv, &signals->came, on_came) < 0) {
    free(signals);
    return NULL;
  }
  uv_unref((uv_handle_t *)&signals->came);
  signals->came.data = signals;
  signals->on_signal = callback;
  signals->owner = owner;
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  return signals;
}

void tg_signals_hold(void) {
  signal(SIGHUP, SIG_IGN);
  signal(SIGUSR1, SIG_IGN);
}

void tg_signals_start(tg_signals *signals) {
  struct sigaction action = {.sa_handler = on_arrival, .sa_flags = SA_RESTART};
  sigfillset(&action.sa_mask);
  started = signals;
  for (int i = 0; i < COUNT; i++) sigaction(known[i].number, &action, NULL);
}

unsigned tg_signals_end_count(const tg_signals *signals) {
  unsigned count = 0;
  for (int i = 0; i < COUNT; i++) count += known[i].is_end ? signals->arrived[i] : 0;
  return count;
}

unsigned tg_signals_unheard_end_count(const tg_signals *signals) {
  unsigned count = tg_signals_end_count(signals);
  for (int i = 0; i < COUNT; i++) count -= known[i].is_end ? signals->heard[i] : 0;
  return count;
}

static void on_closed(uv_handle_t *handle) {
  free(handle->data);
}

void tg_signals_close(tg_signals *signals) {
  if (started == signals) {
    for (int i = 0; i < COUNT; i++) signal(known[i].number, known[i].is_end ? SIG_DFL : SIG_IGN);
    started = NULL;
  }
  uv_close((uv_handle_t *)&signals->came, on_closed);
}
