/* What proxies say of the way that a request has come: X-Forwarded-For, or else Forwarded (RFC 7239). Bytes only: whom to
   believe is the caller's business. */
#ifndef TG_PROTO_FORWARDED_H
#define TG_PROTO_FORWARDED_H

#include "proto/head.h"

/* One hop: an address, without brackets, or a name of RFC 7239 section 6 ("unknown", "_hidden"); and its port, empty where
   none was said. The host is empty where there is nothing that one of these could be,
   but for what Forwarded says of a client and nobody can read: that is "unknown". */
typedef struct tg_hop {
  tg_text host;
  tg_text port;
  tg_text element; /* of Forwarded, whole: for tg_forwarded_parameter; empty for others */
} tg_hop;

enum { TG_HOPS_MAX = 32 };

/* Reads a host and perhaps a port, as "10.0.0.1", "10.0.0.1:80", "[::1]:80", "::1", "unknown", "_hidden:_port", each in
   quotes or not. */
tg_hop tg_hop_parse(tg_text text);

/* The value of a parameter of an element of Forwarded, without its quotes; empty where it has none. */
tg_text tg_forwarded_parameter(tg_text element, tg_text name);

/* The element of a list, counted from its end, over all fields of the name; of a shorter list the first one. Empty where
   there is none. */
tg_text tg_forwarded_element(const tg_head *head, tg_text name, unsigned from_end);

/* The last hops, at most TG_HOPS_MAX of them, in the order of the fields: the nearest is the last one. How many. */
unsigned tg_forwarded_hops(const tg_head *head, tg_hop hops[TG_HOPS_MAX]);

#endif
