/* Which coding an answer may have: Accept-Encoding (RFC 9110 section 12.5.3). */
#ifndef TG_PROTO_ACCEPT_H
#define TG_PROTO_ACCEPT_H

#include "proto/coding.h"

/* The coding that the client likes best among those offered (bits `1 << TG_CODING_…`; identity is always offered). Where
   it likes several the same: zstd, br, gzip, deflate, identity. Without the field, {NULL, 0}, identity: who says
   nothing understands perhaps nothing.

   An element that is not understood is ignored. Of a coding that comes several times the lowest weight counts: whoever
   refuses it in one place is not sent it. "x-gzip" is gzip.

   False when nothing offered is acceptable, also not identity; then *coding is identity, which is what the RFC
   advises to send to those who did not refuse it by name. */
bool tg_accept_coding(tg_text field, unsigned offered, tg_coding *coding);

/* The weight of an element of a list as that of Accept-Encoding, from 0 to 1000, and what stands before it; -1 when it
   is malformed: weights have at most three decimals, and nothing may follow them. */
int tg_accept_weight(tg_text element, tg_text *value);

#endif
