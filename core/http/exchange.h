/* An exchange: one request and its answer, whatever carries them.

   Two hold it: the connection, until the answer is written or the client is gone, and whoever handles the request,
   from on_request until tg_exchange_release. It is freed when both have let go, so a handler that waits may use its
   exchange after the client has left; what it answers then goes nowhere. */
#ifndef TG_HTTP_EXCHANGE_H
#define TG_HTTP_EXCHANGE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/pool.h"
#include "http/access_record.h"
#include "proto/head.h"
#include "proto/target.h"

typedef struct tg_exchange tg_exchange;

/* How the body of a request stands. */
typedef enum tg_body_state {
  TG_BODY_COMING,
  TG_BODY_COMPLETE,
  TG_BODY_FAILED, /* see body_status: it will never be whole */
} tg_body_state;

/* What the handler does with it. */
typedef enum tg_body_use {
  TG_BODY_HELD,         /* it has not asked: a little is held, then the client waits */
  TG_BODY_WHOLE_WANTED, /* all of it is gathered */
  TG_BODY_STREAMED,     /* it takes what comes off `body`: while it is slow, the client waits */
} tg_body_use;

typedef enum tg_answer_state {
  TG_ANSWER_NONE,
  TG_ANSWER_STARTED, /* its head is out, its body follows in pieces */
  TG_ANSWER_ENDED,
} tg_answer_state;

/* What a handler wants to hear. Each comes from the loop and never from inside a call on the exchange. It may come from
   inside a read: start something (post a job), do not answer here. */
typedef struct tg_exchange_events {
  void (*on_body)(tg_exchange *exchange);  /* the body is complete, or has failed, or more of a streamed one has come */
  void (*on_drain)(tg_exchange *exchange); /* what was written of an answer in pieces has been sent */
  void (*on_gone)(tg_exchange *exchange);  /* the client has left before it was answered */
  void (*on_sent)(tg_exchange *exchange);  /* is_unsent is over; only where wants_sent is set */
} tg_exchange_events;

/* What the access log tells of an exchange beside what the connection knows; in its arena. */
typedef struct tg_exchange_notes {
  tg_text route, error, cancelled;
  tg_access_upstream upstreams[TG_ACCESS_UPSTREAMS_MAX];
  unsigned upstream_count;
} tg_exchange_notes;

enum { TG_EXCHANGE_FIRST_BYTES = 640 };

struct tg_exchange {
  struct tg_server_connection *connection; /* NULL once the answer is written or the client is gone */
  unsigned holders;
  tg_head head;
  tg_target target;
  tg_text authority; /* the target's, or else Host's; {NULL, 0} in HTTP/1.0 without it */
  tg_buffer body;    /* what has come of it and was not taken */
  tg_body_state body_state;
  tg_body_use body_use;
  uint64_t body_bytes;      /* that have come */
  uint64_t body_bytes_said; /* that must come at least: the chunk under way has said so */
  uint64_t body_bytes_max;  /* 413 over it, when the handler asks for the body; it may set it before */
  unsigned body_status;     /* why the body has failed: 400, 408, 413 */
  const char *body_error;   /* the same for people */
  bool continue_wanted;     /* the client waits for 100 (Continue) before it sends the body */
  bool handed_over;         /* a handler has it and has not answered */
  bool body_deadline_set;   /* the wait for its body has begun */
  bool body_paused;         /* the client waits until more of it is taken */
  bool serves_half_closed;  /* it is answered though its client ends its side before the answer begins */
  tg_answer_state answer_state;
  unsigned answer_status;           /* 0 before it */
  bool answer_chunked;              /* its pieces are chunks */
  bool answer_by_end;               /* … or end with the connection: HTTP/1.0 */
  bool logged;                      /* the access log has it */
  bool wants_sent;                  /* the handler wants to know when its answer has been sent; it may set it before */
  bool is_unsent;                   /* … and it is answered, and something of that waits for the client */
  int64_t answer_rest;              /* bytes that must follow; negative where no length was said */
  uint64_t answer_bytes;            /* of its body, so far */
  uint64_t answered_ns;             /* when its head went out, on the loop's clock; 0 before */
  uint64_t answer_deadline_ns;      /* when its last byte must have gone out, on the loop's clock; 0 for any time */
  tg_exchange_notes *notes;         /* NULL where nobody has noted anything */
  uint64_t started_ns;              /* when its first byte came, on the loop's clock */
  uint64_t number;                  /* counts the server's exchanges from 1 */
  const tg_exchange_events *events; /* the handler's */
  void *owner;                      /* the handler's */
  tg_arena arena;
  _Alignas(max_align_t) char first_bytes[TG_EXCHANGE_FIRST_BYTES];
};

/* Keeps the memory of a text that is sent from where it is, until `release` is called: once, when it has been sent or
   never will be, maybe from inside the call that it was given to. */
typedef struct tg_hold {
  void (*release)(void *owner, int key); /* NULL for no hold: the text is copied, and its memory free on return */
  void *owner;
  int key;
} tg_hold;

/* A shorter text is copied where the client does not take it at once, and needs no hold. */
enum { TG_HELD_BYTES_MIN = 64 * 1024 };

/* What Content-Length says. The last two are for answers to HEAD and for 304, behind which no body comes. */
typedef enum tg_response_length {
  TG_LENGTH_OF_BODY,
  TG_LENGTH_NOT_SAID, /* nothing: GET's body would come in pieces */
  TG_LENGTH_SAID,     /* `length`: that of the body that GET would get */
} tg_response_length;

typedef struct tg_response {
  unsigned status; /* 200 to 599 */
  tg_text type;    /* Content-Type; {NULL, 0} for none */
  tg_text fields;  /* other field lines, each ended by CRLF, checked; no Content-Length, no Connection */
  bool has_date;   /* they hold a Date */
  tg_text body;    /* empty for a status that has none (tg_status_allows_content) */
  tg_hold hold;    /* of the body */
  tg_response_length says;
  uint64_t length;
} tg_response;

/* Lets go of a hold; harmless the second time. */
void tg_hold_release(tg_hold *hold);

/* A pool for exchanges; NULL without memory. */
tg_pool *tg_exchange_pool_new(void);

/* A new exchange with one holder; NULL without memory. */
tg_exchange *tg_exchange_new(tg_pool *pool);

/* Lets go of one hold; the last one frees. */
void tg_exchange_release(tg_exchange *exchange);

/* Is the length that the head says over a limit? */
bool tg_exchange_is_too_large(const tg_exchange *exchange, uint64_t bytes_max);

/* The handler wants the body, whole or in pieces: tells a client that waits for it to go on (RFC 9110 section 10.1.1).
   One that is over its limit has failed afterwards. */
void tg_exchange_use_body(tg_exchange *exchange, tg_body_use use);

/* Something was consumed of `body`: the client may go on where it had to wait. */
void tg_exchange_body_taken(tg_exchange *exchange);

/* Answers, once. The slices are free on return, but for a body with a hold. Nothing happens when the client is gone; 0
   or a negative code. */
int tg_exchange_respond(tg_exchange *exchange, const tg_response *response);

/* --- answers in pieces: start, write as often as you like, end or cut ---

   Until the end has answered 0, or the cut, on_gone may come: a handler that releases the exchange before must cut. */

/* Sends the head of a response whose body follows, with `length` bytes or, where that is negative, as many as come.
   `response->body` is not looked at, and the status must be one that has a body; for HEAD none follows, whatever the
   length. TG_STREAM_SENT, TG_STREAM_QUEUED
   (on_drain follows), or a negative code; the connection then ends by itself, soon. */
int tg_exchange_start(tg_exchange *exchange, const tg_response *response, int64_t length);

/* Sends a piece; the codes of tg_exchange_start. TG_ERROR_INVALID where it is more than the length that was said. Its
   memory is free on return: wait for on_drain where tg_exchange_unsent_bytes is more than you want kept. */
int tg_exchange_write(tg_exchange *exchange, tg_text piece);

/* The same for a piece with a hold; on_drain comes when all of it is sent. */
int tg_exchange_write_held(tg_exchange *exchange, tg_text piece, tg_hold hold);

/* Sends at most `size` bytes of a file; the codes of tg_stream_send_file. An answer in chunks cannot. */
long tg_exchange_send_file(tg_exchange *exchange, int fd, uint64_t offset, size_t size);

/* Ends the answer; TG_ERROR_INVALID, and nothing happens, where it is shorter than was said. */
int tg_exchange_end(tg_exchange *exchange);

/* Ends the connection so that the client sees that the answer is not whole. */
void tg_exchange_cut(tg_exchange *exchange);

/* Once the handler is done, what still waits for the client then is cut off. While it is not, that is its own affair. 0
   for no deadline. */
void tg_exchange_limit_answer(tg_exchange *exchange, uint64_t deadline_ns);

/* Bytes that were written and wait for the client, held ones too. */
size_t tg_exchange_unsent_bytes(const tg_exchange *exchange);

/* Notes for the access log; the texts are copied. Without memory nothing is noted. */
void tg_exchange_note_route(tg_exchange *exchange, tg_text pattern);
void tg_exchange_note_error(tg_exchange *exchange, tg_text kind);
void tg_exchange_note_cancelled(tg_exchange *exchange, tg_text reason);
void tg_exchange_note_upstream(tg_exchange *exchange, tg_text host, unsigned status, uint64_t duration_ns);

/* The client's address; "" when it is gone. */
void tg_exchange_peer(const tg_exchange *exchange, char *text, size_t size);

#endif
