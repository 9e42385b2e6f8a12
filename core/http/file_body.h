/* A part of a file as the body of an answer: sent as the client reads it, without holding up the loop or copying what
   the system can send by itself. */
#ifndef TG_HTTP_FILE_BODY_H
#define TG_HTTP_FILE_BODY_H

#include "http/exchange.h"
#include "io/file.h"

typedef struct tg_file_body tg_file_body;

/* Begins behind tg_exchange_start with that length; NULL without memory. The descriptor is its own from here on, also
   where it fails. on_end comes once, from the loop: 0 when everything was handed to the system, or a negative code,
   TG_ERROR_EOF where the file has become shorter, TG_ERROR_UNREADABLE where it cannot be read, TG_ERROR_MEMORY, and
   another where the connection is broken; unless it is cancelled before. */
tg_file_body *tg_file_body_start(tg_loop *loop, tg_exchange *exchange, int fd, uint64_t offset, uint64_t length,
                                 void (*on_end)(void *owner, int code), void *owner);

/* What was written has been sent: for the exchange's on_drain. */
void tg_file_body_on_drain(tg_file_body *body);

/* Gives it up. What it holds goes when no thread uses it any more. */
void tg_file_body_cancel(tg_file_body *body);

#endif
