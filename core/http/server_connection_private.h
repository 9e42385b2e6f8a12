/* A connection's inside, for its parts: server_connection.c (its life), server_deadline.c (its time), server_reader.c
   (requests), server_writer.c (answers) and server_held.c (long ones). Functions that may end the connection say so. */
#ifndef TG_HTTP_SERVER_CONNECTION_PRIVATE_H
#define TG_HTTP_SERVER_CONNECTION_PRIVATE_H

#include "http/request_check.h"
#include "http/server_connection.h"
#include "http/server_private.h"
#include "io/timer.h"
#include "proto/http1_parser.h"

/* What is sent from where it is; see server_held.c. */
typedef struct tg_held {
  tg_text rest;    /* that was not written yet */
  tg_text behind;  /* what follows it; static memory */
  tg_hold hold;    /* keeps the rest */
  bool is_waiting; /* for its next turn, and not for the client */
} tg_held;

struct tg_server_connection {
  tg_list node;
  tg_server *server;
  tg_stream *stream;
  tg_address_count *address; /* of its admission */
  tg_http1_parser parser;
  tg_exchange *exchange; /* the one under way; NULL between requests */
  tg_held held;          /* while some of it is left, `draining` is set */
  tg_buffer pending;     /* what came behind the request under way */
  tg_job next;           /* goes on with what is pending, or ends what is broken */
  tg_timer timer;        /* rings at the earlier deadline or before it, and then looks again */
  uint64_t read_deadline_ns;
  uint64_t send_deadline_ns;
  uint64_t answer_deadline_ns; /* of an answer whose handler is done, and of which something waits for the client */
  uint64_t body_rest_ns;       /* of the time for a body whose reading is paused */
  uint64_t send_rest_ns;       /* of the time for an answer of which nothing waits for the client */
  uint64_t written_bytes;      /* handed to the stream so far */
  uint64_t sent_bytes;         /* taken by the system, when the send deadline was last looked at */
  tg_refusal refusal;          /* what on_head or on_body refused with */
  uint32_t exchange_count;     /* requests on this connection */
  size_t blank_bytes;          /* blank lines since the last request */
  bool closing;                /* no request behind the one under way */
  bool ends_answer;            /* … whose end the connection's own end is: HTTP/1.0 without a length */
  bool lingering;              /* everything is answered; what comes now is thrown away */
  bool draining;               /* what was written waits for the client to read */
  bool peer_finished;          /* the client sends no more, but what is pending is still answered */
  bool broken;                 /* a write has failed */
  bool is_reading;
  bool looks_again; /* a deadline has passed, and the loop first looks at what it has not seen of the client */
  bool is_turned_away;
  tg_text given_up;                  /* why, where it is not the client that has left; for the access log */
  tg_exchange *unsent;               /* answered, but not sent to its end, and its handler wants to know; held */
  tg_exchange *sending;              /* answered, but not sent to its end; for the access log */
  struct tg_waiting_chunks *waiting; /* where the chunks lie that wait for the client; NULL before the first */
};

/* --- server_connection.c --- */

/* Ends the connection at once. An exchange whose handler is not done hears that its client is gone. */
void tg_server_connection_destroy(tg_server_connection *connection);

/* Ends the own side, once what is held is sent, and waits shortly for the client to end its side. May end the connection. */
void tg_server_connection_linger(tg_server_connection *connection);

/* Has more come behind the request under way, be it in the system's hands still? */
bool tg_server_connection_has_more(const tg_server_connection *connection);

/* Is no request to follow, as the server stops? */
bool tg_server_connection_is_last(const tg_server_connection *connection);

/* Between requests: ends the connection where the server stops and nothing more has come. */
void tg_server_connection_rest(tg_server_connection *connection);

void tg_server_connection_read_start(tg_server_connection *connection);
void tg_server_connection_read_stop(tg_server_connection *connection);

/* Does not read, but hears when the client leaves. */
void tg_server_connection_read_hold(tg_server_connection *connection);

/* --- server_access.c --- */

/* Is anything of this section to be called? */
static inline bool tg_server_access_is_on(const tg_server_connection *connection) {
  return connection->server->access_log != NULL;
}

/* The exchange under way is answered: its line is written now, or when what waits for the client has been sent. */
void tg_server_access_answered(tg_server_connection *connection);

/* Nothing waits for the client any more. */
void tg_server_access_sent(tg_server_connection *connection);

/* What is under way will not be sent to its end: writes its line, once. */
void tg_server_access_given_up(tg_server_connection *connection, tg_text cancelled);

/* A chunk of so many bytes was written, with others behind it. */
void tg_server_access_note_chunk(tg_server_connection *connection, size_t size, size_t behind);

void tg_server_access_close(tg_server_connection *connection);

/* When the head of an answer goes out: 0 where nobody wants to know. */
static inline uint64_t tg_server_access_now_ns(const tg_server_connection *connection) {
  return tg_server_access_is_on(connection) ? tg_loop_look_ns(connection->server->loop) : 0;
}

/* --- server_deadline.c --- */

void tg_server_deadline_init(tg_server_connection *connection);
void tg_server_deadline_set(tg_server_connection *connection, uint32_t delay_ms);
void tg_server_deadline_clear(tg_server_connection *connection);

/* A body's time: `timeout_ms` that runs only while the client is waited for, and that each byte refills. */
void tg_server_deadline_begin_body(tg_server_connection *connection);
void tg_server_deadline_body_came(tg_server_connection *connection, size_t bytes);
void tg_server_deadline_pause_body(tg_server_connection *connection);
void tg_server_deadline_resume_body(tg_server_connection *connection);

/* An answer's time: `send_timeout_ms` that runs only while what was written waits for the client, and that each byte
   refills. Renewed between answers; it begins where something waits, and is paused where nothing does any more. */
void tg_server_deadline_renew_sending(tg_server_connection *connection);
void tg_server_deadline_begin_sending(tg_server_connection *connection);
void tg_server_deadline_end_sending(tg_server_connection *connection);

/* The answer is given, and what waits of it must have gone out by then. tg_server_deadline_end_sending ends it. */
void tg_server_deadline_limit_answer(tg_server_connection *connection, uint64_t deadline_ns);

/* --- server_reader.c --- */

extern const tg_http1_events tg_server_reader_parser_events;

/* For the stream: bytes, the end or a failure. May end the connection. */
void tg_server_reader_on_read(tg_stream *stream, const char *bytes, long size);

/* Goes on with what is pending. May end the connection. */
void tg_server_reader_next(tg_server_connection *connection);

/* The request under way cannot go on: it is answered so, or its handler hears it. May end the connection. */
void tg_server_reader_fail(tg_server_connection *connection, tg_refusal refusal);

/* --- server_held.c --- */

/* Holds a text of more than TG_HELD_BYTES_MIN, whose first piece is returned: to be written before anything else. */
tg_text tg_server_held_begin(tg_server_connection *connection, tg_text text, tg_text behind, tg_hold hold);

/* Writes on as far as the client takes it: TG_STREAM_SENT where nothing is left, TG_STREAM_QUEUED, or a negative code. */
int tg_server_held_send(tg_server_connection *connection);

/* Hands the rest to the stream, which copies it, as something is written behind it: the codes of tg_stream_write. */
int tg_server_held_copy(tg_server_connection *connection);

/* Lets go of it. */
void tg_server_held_drop(tg_server_connection *connection);

/* --- server_writer.c --- */

/* Writes in front of what is held: TG_STREAM_SENT, TG_STREAM_QUEUED or a negative code. */
int tg_server_writer_send(tg_server_connection *connection, const tg_text *parts, unsigned count);

/* Answers what no handler has seen, and closes (RFC 9457 for the body). May end the connection. */
void tg_server_writer_refuse(tg_server_connection *connection, tg_refusal refusal);

/* Answers before there is any request that there is no room, and closes. May end the connection. */
void tg_server_writer_turn_away(tg_server_connection *connection);

/* The exchange is over: the next request, or the end. May end the connection. */
void tg_server_writer_end_exchange(tg_server_connection *connection);

/* What was unsent is sent, or never will be: its handler hears so. */
void tg_server_writer_settle_unsent(tg_server_connection *connection);

/* Sends 100 (Continue). */
void tg_server_writer_continue(tg_server_connection *connection);

/* For the stream. May end the connection. */
void tg_server_writer_on_drain(tg_stream *stream, int code);

#endif
