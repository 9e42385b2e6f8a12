/* An exchange: one request and its answer, whatever carries them.

   Two hold it: the connection, until the answer is written or the client is gone, and whoever handles the request,
   from on_request until tg_exchange_release. It is freed when both have let go, so a handler that waits may use its
   exchange after the client has left; what it answers then goes nowhere. */
#ifndef TG_HTTP_EXCHANGE_H
#define TG_HTTP_EXCHANGE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/pool.h"
#include "proto/head.h"
#include "proto/target.h"

typedef struct tg_exchange tg_exchange;

/* How the body of a request stands. */
typedef enum tg_body_state {
  TG_BODY_COMING,
  TG_BODY_WHOLE,
  TG_BODY_FAILED, /* see body_status: it will never be whole */
} tg_body_state;

/* What a handler wants to hear. Each comes from the loop and never from inside a call on the exchange. It may come from
   inside a read: start something (post a job), do not answer here. */
typedef struct tg_exchange_events {
  void (*on_body)(tg_exchange *exchange); /* the body is whole, or has failed */
  void (*on_gone)(tg_exchange *exchange); /* the client has left before it was answered */
} tg_exchange_events;

enum { TG_EXCHANGE_FIRST_BYTES = 640 };

struct tg_exchange {
  struct tg_server_connection *connection; /* NULL once the answer is written or the client is gone */
  unsigned holders;
  tg_head head;
  tg_target target;
  tg_text authority; /* the target's, or else Host's; {NULL, 0} in HTTP/1.0 without it */
  tg_buffer body;    /* what has come of it */
  tg_body_state body_state;
  unsigned body_status;             /* why the body has failed: 400, 408, 413 */
  const char *body_error;           /* the same for people */
  bool continue_wanted;             /* the client waits for 100 (Continue) before it sends the body */
  bool handed_over;                 /* a handler has it and has not answered */
  bool body_deadline_set;           /* the wait for its body has begun */
  uint64_t started_ns;              /* when its first byte came, on the loop's clock */
  uint64_t number;                  /* counts the server's exchanges from 1 */
  const tg_exchange_events *events; /* the handler's */
  void *owner;                      /* the handler's */
  tg_arena arena;
  _Alignas(max_align_t) char first_bytes[TG_EXCHANGE_FIRST_BYTES];
};

typedef struct tg_response {
  unsigned status; /* 200 to 599 */
  tg_text type;    /* Content-Type; {NULL, 0} for none */
  tg_text fields;  /* other field lines, each ended by CRLF, checked; no Content-Length, no Connection */
  bool has_date;   /* they hold a Date */
  tg_text body;
} tg_response;

/* A pool for exchanges; NULL without memory. */
tg_pool *tg_exchange_pool_new(void);

/* A new exchange with one holder; NULL without memory. */
tg_exchange *tg_exchange_new(tg_pool *pool);

/* Lets go of one hold; the last one frees. */
void tg_exchange_release(tg_exchange *exchange);

/* The handler wants the body: tells a client that waits for it to go on (RFC 9110 section 10.1.1). */
void tg_exchange_want_body(tg_exchange *exchange);

/* Answers, once. The slices are free on return. Nothing happens when the client is gone; 0 or a negative code. */
int tg_exchange_respond(tg_exchange *exchange, const tg_response *response);

/* The client's address; "" when it is gone. */
void tg_exchange_peer(const tg_exchange *exchange, char *text, size_t size);

#endif
