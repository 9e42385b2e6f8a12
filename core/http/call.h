/* A call: one request to an upstream and its response, whole in memory.

   The caller owns it from tg_call_start until tg_call_free. */
#ifndef TG_HTTP_CALL_H
#define TG_HTTP_CALL_H

#include "base/arena.h"
#include "base/pool.h"
#include "http/client.h"
#include "io/timer.h"
#include "proto/head.h"

/* Why a call failed. */
typedef enum tg_call_error {
  TG_CALL_OK,
  TG_CALL_CONNECT,   /* no connection: see `code` */
  TG_CALL_CLOSED,    /* the upstream closed or broke the connection before the response was whole */
  TG_CALL_PROTOCOL,  /* the upstream's bytes are not HTTP: see `detail` */
  TG_CALL_TOO_LARGE, /* the response is over a limit */
  TG_CALL_TIMEOUT,   /* it took longer than its timeout */
  TG_CALL_BUSY,      /* too many calls wait for a connection */
  TG_CALL_MEMORY,
} tg_call_error;

typedef struct tg_call_request {
  tg_text host; /* a name or an address, without brackets */
  unsigned port;
  tg_text head; /* start line and fields, ready to be sent, with the empty line */
  tg_text body;
  bool is_head;        /* the method is HEAD: its response has no body */
  bool idempotent;     /* may be sent again when a kept connection turns out to be closed (RFC 9110 section 9.2.2) */
  uint64_t timeout_ms; /* of the whole call, from name look-up to last byte */
} tg_call_request;

enum { TG_CALL_FIRST_BYTES = 768 };

typedef struct tg_call {
  tg_head head;   /* the response's; valid in on_done with TG_CALL_OK, until tg_call_free */
  tg_buffer body; /* the response's */
  tg_call_error error;
  int code;           /* of TG_CALL_CONNECT: a negative code of the loop's */
  const char *detail; /* of TG_CALL_PROTOCOL */
  void *owner;
  uint64_t started_ns; /* when it was started, on the loop's clock */

  /* the call's own */
  tg_client *client;
  void (*on_done)(struct tg_call *call);
  struct tg_origin *origin;                  /* while it waits for a connection or has one */
  struct tg_upstream_connection *connection; /* the one that carries it; NULL while it waits */
  tg_list node;                              /* in the origin's waiting list */
  tg_text request;                           /* head and body, in the arena; kept for a second try */
  bool is_head, idempotent;
  unsigned interim_count; /* 1xx responses so far */
  tg_timer timer;
  tg_job done; /* calls on_done */
  tg_arena arena;
  _Alignas(max_align_t) char first_bytes[TG_CALL_FIRST_BYTES];
} tg_call;

/* A pool for calls; NULL without memory. */
tg_pool *tg_call_pool_new(void);

/* Starts a call; NULL without memory. on_done comes once, from the loop, unless it is freed before. The request's
   slices are free on return. */
tg_call *tg_call_start(tg_client *client, const tg_call_request *request, void (*on_done)(tg_call *call), void *owner);

/* Frees a call; one that is under way is given up and its connection closed. */
void tg_call_free(tg_call *call);

/* For the connection: the call has ended. Calls on_done from the loop, soon. */
void tg_call_finish(tg_call *call, tg_call_error error);

/* A word for an error: "connect", "closed", "protocol", "too_large", "timeout", "busy", "memory". */
const char *tg_call_error_name(tg_call_error error);

#endif
