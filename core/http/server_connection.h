/* A server's side of one HTTP/1.1 connection: reads requests one after the other, answers them in order. */
#ifndef TG_HTTP_SERVER_CONNECTION_H
#define TG_HTTP_SERVER_CONNECTION_H

#include "http/admission.h"
#include "http/server.h"

typedef struct tg_server_connection tg_server_connection;

/* Starts on a stream, which is the connection's even when it fails. The node for the server's list; NULL without
   memory. The connection frees itself when it ends, and says so with tg_server_forget. */
tg_list *tg_server_connection_open(tg_server *server, tg_stream *stream, tg_address_count *address);

/* The same for a stream for which there is no room: it gets 503 with Retry-After (RFC 9110 section 15.6.4). */
tg_list *tg_server_connection_turn_away(tg_server *server, tg_stream *stream);

/* … and for one for which there is not even room to wait until it has read that. Closes the stream. */
void tg_server_connection_turn_away_now(tg_server *server, tg_stream *stream);

/* The server stops: closes when idle, else behind the answers to what has come by now. */
void tg_server_connection_retire(tg_list *node);

/* Ends at once; the exchange under way is told that its client is gone. */
void tg_server_connection_abort(tg_list *node);

/* For the exchange under way: see the functions of the same names in exchange.h. */
int tg_server_connection_respond(tg_server_connection *connection, const tg_response *response);
int tg_server_connection_start(tg_server_connection *connection, const tg_response *response, int64_t length);
int tg_server_connection_write(tg_server_connection *connection, tg_text piece, tg_hold hold);
long tg_server_connection_send_file(tg_server_connection *connection, int fd, uint64_t offset, size_t size);
int tg_server_connection_end(tg_server_connection *connection);
void tg_server_connection_cut(tg_server_connection *connection);
size_t tg_server_connection_unsent_bytes(const tg_server_connection *connection);
void tg_server_connection_use_body(tg_server_connection *connection);
void tg_server_connection_body_taken(tg_server_connection *connection);

/* Throws away what has come and what comes of its body. */
void tg_server_connection_skip_body(tg_server_connection *connection);

#endif
