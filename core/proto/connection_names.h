/* What a message's own Connection fields name (RFC 9110 section 7.6.1): fields that end here. It is asked once, of the
   message as it came, before anything is put beside its fields. */
#ifndef TG_PROTO_CONNECTION_NAMES_H
#define TG_PROTO_CONNECTION_NAMES_H

#include "proto/head.h"

/* Marks in `named` which of the `count` fields Connection names, and returns how many. Never the Connection field
   itself, nor what a peer cannot take from a message by naming it: Host, Content-Length, Cookie, Authorization and
   X-Forwarded-*, which say whom the message is for, how long it is and who it comes from. `order` has room for `count`
   of them. Takes time in the order of the bytes of the head, whatever stands in the lists. */
unsigned tg_connection_names(const tg_field *fields, unsigned count, const tg_field **order, bool *named);

#endif
