/* Percent-encoding (RFC 3986 section 2.1) and the key=value pairs of queries and forms. */
#ifndef TG_PROTO_PERCENT_H
#define TG_PROTO_PERCENT_H

#include "base/arena.h"
#include "base/buffer.h"

/* The byte that "%XX" at `at` stands for; -1 when it is no such thing. */
int tg_percent_value(tg_text text, size_t at);

/* Appends `text` with everything but unreserved bytes encoded. */
void tg_percent_encode(tg_buffer *buffer, tg_text text);

/* Appends `text` decoded; with `plus`, "+" is a space, as forms have it. False, when an encoding is bad. */
bool tg_percent_decode(tg_buffer *buffer, tg_text text, bool plus);

/* Takes the next key and value, still encoded, off a query or a form; false at its end. A key without "=" has an
   empty value; empty pairs are passed over. */
bool tg_query_next(tg_text *rest, tg_text *key, tg_text *value);

#endif
