#include "http/origin.h"
#include "http/upstream_connection.h"

#include <stdlib.h>

static bool is_it(const tg_origin *origin, tg_text host, unsigned port) {
  return origin->port == port && strlen(origin->host) == host.size && memcmp(origin->host, host.data, host.size) == 0;
}

static void on_settle(tg_job *job);

static tg_origin *origin_new(tg_client *client, tg_text host, unsigned port) {
  tg_origin *origin = calloc(1, sizeof *origin + host.size + 1);
  if (origin == NULL) return NULL;
  origin->client = client;
  origin->port = port;
  memcpy(origin->host, host.data, host.size);
  tg_list_init(&origin->idle);
  tg_list_init(&origin->busy);
  tg_list_init(&origin->waiting);
  tg_job_init(&origin->settle, on_settle);
  tg_list_push_front(&client->origins, &origin->node);
  return origin;
}

tg_origin *tg_origin_find(tg_client *client, tg_text host, unsigned port) {
  for (tg_list *node = client->origins.next; node != &client->origins; node = node->next) {
    tg_origin *origin = TG_CONTAINER(node, tg_origin, node);
    if (!is_it(origin, host, port)) continue;
    tg_list_remove(node);
    tg_list_push_front(&client->origins, node);
    return origin;
  }
  return origin_new(client, host, port);
}

static void wait(tg_origin *origin, tg_call *call) {
  if (origin->waiting_count >= origin->client->limits.waiting_calls_max) {
    tg_call_finish(call, TG_CALL_BUSY);
    return;
  }
  tg_list_push_back(&origin->waiting, &call->node);
  origin->waiting_count++;
}

static bool has_room(const tg_origin *origin) {
  return !tg_list_is_empty(&origin->idle) ||
         origin->connection_count < origin->client->limits.connections_per_origin_max;
}

static void serve(tg_origin *origin, tg_call *call) {
  while (!tg_list_is_empty(&origin->idle)) {
    if (tg_upstream_connection_take(origin->idle.next, call)) return;
  }
  tg_upstream_connection_open(origin, call);
}

/* What was freed a moment ago is for the calls that wait, who get it when the origin settles. */
void tg_origin_assign(tg_origin *origin, tg_call *call) {
  call->origin = origin;
  if (origin->waiting_count > 0 || !has_room(origin)) wait(origin, call);
  else serve(origin, call);
}

void tg_origin_unwait(tg_origin *origin, tg_call *call) {
  tg_list_remove(&call->node);
  origin->waiting_count--;
}

/* A call that fails at once settles again: that is another turn, so a thousand of them are no recursion. */
static void on_settle(tg_job *job) {
  tg_origin *origin = TG_CONTAINER(job, tg_origin, settle);
  while (origin->waiting_count > 0 && has_room(origin)) {
    tg_call *call = TG_CONTAINER(origin->waiting.next, tg_call, node);
    tg_origin_unwait(origin, call);
    serve(origin, call);
  }
  if (origin->connection_count == 0 && origin->waiting_count == 0) tg_origin_free(origin);
}

void tg_origin_settle(tg_origin *origin) {
  bool is_needed = origin->waiting_count > 0 || origin->connection_count == 0;
  if (is_needed) tg_loop_post(origin->client->loop, &origin->settle);
}

void tg_origin_free(tg_origin *origin) {
  tg_job_cancel(&origin->settle);
  tg_list_remove(&origin->node);
  free(origin);
}
