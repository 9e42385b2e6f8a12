#include "io/signals.h"
#include "io/loop_private.h"

#include <signal.h>
#include <stdlib.h>

static const struct {
  int number;
  const char *name;
} known[] = {{SIGINT, "SIGINT"}, {SIGTERM, "SIGTERM"}, {SIGUSR1, "SIGUSR1"}};

enum { COUNT = sizeof known / sizeof known[0] };

struct tg_signals {
  uv_signal_t handles[COUNT];
  int open; /* handles not yet closed */
  void (*on_signal)(void *owner, const char *name);
  void *owner;
};

static const char *name_of(int number) {
  int i = 0;
  while (known[i].number != number) i++;
  return known[i].name;
}

static void on_signal(uv_signal_t *handle, int number) {
  tg_signals *signals = handle->data;
  signals->on_signal(signals->owner, name_of(number));
}

tg_signals *tg_signals_open(tg_loop *loop, void (*callback)(void *owner, const char *name), void *owner) {
  tg_signals *signals = calloc(1, sizeof *signals);
  if (signals == NULL) return NULL;
  signals->on_signal = callback;
  signals->owner = owner;
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  for (int i = 0; i < COUNT; i++) {
    uv_signal_init(&loop->uv, &signals->handles[i]);
    signals->handles[i].data = signals;
    uv_signal_start(&signals->handles[i], on_signal, known[i].number);
    uv_unref((uv_handle_t *)&signals->handles[i]);
    signals->open++;
  }
  return signals;
}

static void on_closed(uv_handle_t *handle) {
  tg_signals *signals = handle->data;
  if (--signals->open == 0) free(signals);
}

void tg_signals_close(tg_signals *signals) {
  for (int i = 0; i < COUNT; i++) uv_close((uv_handle_t *)&signals->handles[i], on_closed);
}
