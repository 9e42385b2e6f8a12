#include "http/client.h"
#include "base/check.h"
#include "http/origin.h"
#include "http/upstream_connection.h"

#include <stdlib.h>

tg_client *tg_client_new(tg_loop *loop, const tg_client_limits *limits) {
  tg_client *client = calloc(1, sizeof *client);
  if (client == NULL) return NULL;
  client->calls = tg_call_pool_new();
  if (client->calls == NULL) {
    free(client);
    return NULL;
  }
  client->loop = loop;
  client->limits = *limits;
  tg_list_init(&client->origins);
  return client;
}

static unsigned count(const tg_list *list) {
  unsigned number = 0;
  for (const tg_list *node = list->next; node != list; node = node->next) number++;
  return number;
}

tg_client_statistics tg_client_count(const tg_client *client) {
  tg_client_statistics total = {0};
  for (const tg_list *node = client->origins.next; node != &client->origins; node = node->next) {
    const tg_origin *origin = TG_CONTAINER(node, const tg_origin, node);
    total.origins++;
    total.connections += origin->connection_count;
    total.idle += count(&origin->idle);
    total.waiting += origin->waiting_count;
  }
  return total;
}

void tg_client_close_idle(tg_client *client) {
  tg_list *node = client->origins.next;
  while (node != &client->origins) {
    tg_origin *origin = TG_CONTAINER(node, tg_origin, node);
    node = node->next;
    while (!tg_list_is_empty(&origin->idle)) tg_upstream_connection_close_first(&origin->idle);
  }
}

void tg_client_free(tg_client *client) {
  tg_client_close_idle(client);
  while (!tg_list_is_empty(&client->origins)) {
    tg_origin *origin = TG_CONTAINER(client->origins.next, tg_origin, node);
    TG_CHECK(origin->connection_count == 0 && origin->waiting_count == 0);
    tg_origin_free(origin);
  }
  tg_pool_close(client->calls);
  free(client);
}
