/* A client's side of one HTTP/1.1 connection: carries one call at a time, and is kept between calls. */
#ifndef TG_HTTP_UPSTREAM_CONNECTION_H
#define TG_HTTP_UPSTREAM_CONNECTION_H

#include "http/origin.h"

typedef struct tg_upstream_connection tg_upstream_connection;

/* Opens a connection for a call. Where that fails, the call does. */
void tg_upstream_connection_open(tg_origin *origin, tg_call *call);

/* Sends a call over a kept connection, given by its node in the origin's idle list. False, and the connection is closed,
   where it has ended or holds bytes that nobody asked for: the call is as it was. */
bool tg_upstream_connection_take(tg_list *node, tg_call *call);

/* Closes a connection whose call is given up; the call hears nothing. */
void tg_upstream_connection_abort(tg_upstream_connection *connection);

/* Closes the first of a list of idle connections. */
void tg_upstream_connection_close_first(tg_list *idle);

#endif
