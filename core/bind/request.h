/* A request as its task sees it. */
#ifndef TG_BIND_REQUEST_H
#define TG_BIND_REQUEST_H

#include "bind/log.h"
#include "bind/task.h"
#include "http/exchange.h"
#include "http/file_body.h"

/* The handler's part of an exchange; lives in its arena. */
typedef struct tg_request {
  tg_task *task;        /* serves it, and holds the exchange until it ends */
  tg_list body_waiters; /* tasks that wait for the whole body */
  tg_task *reader;      /* waits for the next piece of it */
  tg_task *writer;      /* waits until the client has read on */
  tg_task *sent_waiter; /* waits until the answer has been sent */
  tg_file_body *file;   /* that is being sent as the answer */
  size_t turn_bytes;    /* written since the writer last waited */
  const char *ended;    /* why nothing can be read or written any more; NULL while it can */
  bool is_gone;         /* … as the client is gone */
} tg_request;

static inline tg_request *tg_request_of(const tg_exchange *exchange) {
  return (tg_request *)exchange->owner;
}

/* The exchange at argument 1; raises where the request has ended. [-0, +0, v] */
tg_exchange *tg_request_check_exchange(lua_State *L);

/* Wakes who waits for the body. */
void tg_request_on_body(tg_exchange *exchange);

/* Wakes who waits to write. */
void tg_request_on_drain(tg_exchange *exchange);

/* Wakes who waits until the answer has been sent. */
void tg_request_on_sent(tg_exchange *exchange);

/* The request has ended, or its client is gone: who still waits for its body or to write hears so. */
void tg_request_end(tg_exchange *exchange, const char *why);

/* For a request for which there was no memory: hears nothing; it is answered with 503 soon. */
extern const tg_exchange_events tg_request_without_task;

#endif
