/* A request as its task sees it. */
#ifndef TG_BIND_REQUEST_H
#define TG_BIND_REQUEST_H

#include "bind/log.h"
#include "bind/task.h"
#include "http/exchange.h"

/* The handler's part of an exchange; lives in its arena. */
typedef struct tg_request {
  tg_task *task;        /* serves it, and holds the exchange until it ends */
  tg_list body_waiters; /* tasks that wait for the body */
} tg_request;

static inline tg_request *tg_request_of(const tg_exchange *exchange) {
  return (tg_request *)exchange->owner;
}

/* Wakes who waits for the body. */
void tg_request_on_body(tg_exchange *exchange);

/* The request has ended: who still waits for its body hears so. */
void tg_request_end(tg_exchange *exchange);

/* For a request for which there was no memory: hears nothing, does nothing. */
extern const tg_exchange_events tg_request_without_task;

#endif
