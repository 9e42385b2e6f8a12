/* A client that talks to an echoing server over a pair of streams in memory. */
#ifndef TESTS_TALK_H
#define TESTS_TALK_H

#include "io/pair.h"
#include "support/echo.h"
#include "support/sink.h"

typedef struct talk {
  tg_loop *loop;
  echo echo;
  sink client;
} talk;

/* A loop, a server with these limits (NULL: the default ones), and one connection. */
void talk_begin(talk *talk, const tg_server_limits *limits);

/* The same with the default limits, on a virtual clock: a turn in which nothing can run jumps to the next timer. */
void talk_begin_virtual(talk *talk);

/* Sends, and lets everything happen that can without time passing. */
void talk_send(talk *talk, const char *text);

/* What was answered so far. */
tg_text talk_answer(const talk *talk);

/* Does the answer hold these words? */
bool talk_has(const talk *talk, const char *words);

/* How often it holds them. */
unsigned talk_count(const talk *talk, const char *words);

/* From now on the server can send so many bytes that the client has not read. */
void talk_set_capacity(talk *talk, size_t bytes);

/* The client closes its end, and all that follows from it happens. */
void talk_leave(talk *talk);

/* Frees everything. */
void talk_end(talk *talk);

#endif
