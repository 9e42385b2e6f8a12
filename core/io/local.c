#include "io/local.h"
#include "io/loop_private.h"
#include "io/pair.h"

#include <stdlib.h>

enum { CAPACITY_BYTES = 64 * 1024 }; /* that count as sent, as a socket's buffers would take them */

struct tg_local {
  tg_list node; /* in the loop's list */
  tg_loop *loop;
  void (*on_accept)(void *owner, tg_stream *stream);
  void *owner;
  unsigned port;
  char host[];
};

tg_local *tg_local_open(tg_loop *loop, const char *host, unsigned port,
                        void (*on_accept)(void *owner, tg_stream *stream), void *owner) {
  size_t size = strlen(host) + 1;
  tg_local *local = calloc(1, sizeof *local + size);
  if (local == NULL) return NULL;
  local->loop = loop;
  local->on_accept = on_accept;
  local->owner = owner;
  local->port = port;
  memcpy(local->host, host, size);
  tg_list_push_front(&loop->locals, &local->node);
  return local;
}

tg_local *tg_local_find(tg_loop *loop, const char *host, unsigned port) {
  for (tg_list *node = loop->locals.next; node != &loop->locals; node = node->next) {
    tg_local *local = TG_CONTAINER(node, tg_local, node);
    if (local->port == port && strcmp(local->host, host) == 0) return local;
  }
  return NULL;
}

unsigned tg_local_count(const tg_loop *loop) {
  unsigned count = 0;
  for (const tg_list *node = loop->locals.next; node != &loop->locals; node = node->next) count++;
  return count;
}

int tg_local_connect(tg_local *local, tg_stream **stream) {
  tg_stream *own;
  if (local->on_accept == NULL) return UV_ECONNREFUSED;
  int code = tg_pair_open(local->loop, stream, &own);
  if (code < 0) return code;
  tg_pair_set_capacity(*stream, CAPACITY_BYTES);
  tg_pair_set_capacity(own, CAPACITY_BYTES);
  local->on_accept(local->owner, own);
  return 0;
}

void tg_local_close(tg_local *local) {
  tg_list_remove(&local->node);
  free(local);
}
