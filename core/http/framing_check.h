/* Where a message ends, where two parsers could disagree about it: what llhttp lets through of that, in requests and in
   responses (RFC 9112 section 6). */
#ifndef TG_HTTP_FRAMING_CHECK_H
#define TG_HTTP_FRAMING_CHECK_H

#include "proto/head.h"

typedef struct tg_refusal {
  unsigned status; /* 0: the request is fine */
  const char *detail;
} tg_refusal;

/* Checks the version and the transfer coding. */
tg_refusal tg_framing_check(const tg_head *head);

#endif
