/* What the access log tells of one exchange. Plain data: the slices belong to whoever fills it, and may be whatever a
   client has sent. What may be a secret (Authorization, Cookie) has no place in it. */
#ifndef TG_HTTP_ACCESS_RECORD_H
#define TG_HTTP_ACCESS_RECORD_H

#include "base/text.h"

#include <stdint.h>

/* One call to an upstream. */
typedef struct tg_access_upstream {
  tg_text host;    /* with its port */
  unsigned status; /* 0 when it did not answer */
  uint64_t duration_ns;
} tg_access_upstream;

enum { TG_ACCESS_UPSTREAMS_MAX = 8 }; /* further calls are counted only */

/* A slice that is empty, or a number that is 0 where it says so, is not known or does not apply. */
typedef struct tg_access_record {
  uint64_t time_ns; /* since 1970, when the request's first byte came; 0 for `duration_ns` before now */
  tg_text id;       /* the request's id; empty for one that is made of its number */
  uint64_t number;  /* 0 for a request that has none, since it was refused before it got one */
  tg_text remote;   /* the client, as tg_peer_text or, behind trusted proxies, tg_client_address writes it */
  tg_text peer;     /* the other end of the connection, where that is another */
  tg_text method;
  tg_text target;        /* as it was sent */
  unsigned major, minor; /* the version; major is 0 where none was understood */
  unsigned status;       /* 0 where nothing was answered */
  uint64_t bytes_in;     /* of the request's body */
  uint64_t bytes_out;    /* of the answer's body, that were handed to the system */
  uint64_t duration_ns;  /* from the request's first byte to when the answer's last one was, or to the end without it */
  uint64_t head_ns;      /* … to the answer's head; of no matter where nothing was answered */
  tg_text route;         /* the pattern that the target matched */
  tg_text user_agent;
  tg_text referer;
  tg_text cancelled; /* why it was given up: "client gone", "the deadline passed", "shutdown" */
  tg_text error;     /* the kind of the error that was answered */
  tg_access_upstream upstreams[TG_ACCESS_UPSTREAMS_MAX];
  unsigned upstream_count; /* all calls; the first TG_ACCESS_UPSTREAMS_MAX are told of */
} tg_access_record;

#endif
