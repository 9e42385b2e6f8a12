#include "http/call.h"
#include "http/origin.h"
#include "http/upstream_connection.h"

#define NS_PER_MS UINT64_C(1000000)

/* Leaves the connection or the waiting list, whichever it is in. */
static void detach(tg_call *call) {
  tg_origin *origin = call->origin;
  if (call->connection != NULL) {
    tg_upstream_connection_abort(call->connection);
  } else if (!tg_list_is_empty(&call->node)) {
    tg_origin_unwait(origin, call);
    tg_origin_settle(origin);
  }
  call->origin = NULL;
}

static void on_done(tg_job *job) {
  tg_call *call = TG_CONTAINER(job, tg_call, done);
  call->on_done(call);
}

static void on_timeout(tg_timer *timer) {
  tg_call *call = TG_CONTAINER(timer, tg_call, timer);
  detach(call);
  tg_call_finish(call, TG_CALL_TIMEOUT);
}

enum { SPARE_MAX = 1024 };

tg_pool *tg_call_pool_new(void) {
  return tg_pool_new(sizeof(tg_call), SPARE_MAX);
}

static tg_call *call_new(tg_client *client, const tg_call_request *request) {
  tg_call *call = tg_pool_take(client->calls);
  if (call == NULL) return NULL;
  memset(call, 0, offsetof(tg_call, first_bytes));
  call->client = client;
  call->is_head = request->is_head;
  call->idempotent = request->idempotent;
  tg_list_init(&call->node);
  tg_job_init(&call->done, on_done);
  tg_timer_init(&call->timer, on_timeout);
  tg_arena_init(&call->arena, call->first_bytes, sizeof call->first_bytes);
  bool fits = tg_arena_append(&call->arena, &call->request, request->head.data, request->head.size);
  if (fits && tg_arena_append(&call->arena, &call->request, request->body.data, request->body.size)) return call;
  tg_call_free(call);
  return NULL;
}

tg_call *tg_call_start(tg_client *client, const tg_call_request *request, void (*callback)(tg_call *call),
                       void *owner) {
  tg_call *call = call_new(client, request);
  if (call == NULL) return NULL;
  call->on_done = callback;
  call->owner = owner;
  call->started_ns = tg_loop_now_ns(client->loop);
  tg_origin *origin = tg_origin_find(client, request->host, request->port);
  if (origin == NULL) {
    tg_call_free(call);
    return NULL;
  }
  tg_timer_start(client->loop, &call->timer, request->timeout_ms * NS_PER_MS);
  tg_origin_assign(origin, call);
  return call;
}

void tg_call_finish(tg_call *call, tg_call_error error) {
  call->error = error;
  call->connection = NULL;
  call->origin = NULL;
  tg_timer_stop(call->client->loop, &call->timer);
  tg_loop_post(call->client->loop, &call->done);
}

void tg_call_free(tg_call *call) {
  if (call->origin != NULL) detach(call);
  tg_timer_stop(call->client->loop, &call->timer);
  tg_job_cancel(&call->done);
  tg_buffer_free(&call->body);
  tg_arena_free(&call->arena);
  tg_pool_give(call);
}

const char *tg_call_error_name(tg_call_error error) {
  static const char *const names[] = {
      [TG_CALL_OK] = "ok",           [TG_CALL_CONNECT] = "connect",
      [TG_CALL_CLOSED] = "closed",   [TG_CALL_PROTOCOL] = "protocol",
      [TG_CALL_TIMEOUT] = "timeout", [TG_CALL_TOO_LARGE] = "too_large",
      [TG_CALL_BUSY] = "busy",       [TG_CALL_MEMORY] = "memory",
  };
  return names[error];
}
