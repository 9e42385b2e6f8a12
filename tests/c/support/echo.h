/* A handler that answers with what it was asked, as text:

     POST /path ?query @host [body]

   without what is not there. /status/N answers with that status, /big/N with N bytes, /held/N with as
   many that it keeps until they are sent; /early answers before the body
   is whole; /silent never answers; a body that fails is answered with its own status and reason. */
#ifndef TESTS_ECHO_H
#define TESTS_ECHO_H

#include "http/server.h"

typedef struct echo {
  tg_loop *loop;
  tg_server *server;
  int requests; /* that were handed over */
  int gone;     /* of those, whose client left first */
  int answered; /* of those, that were answered */
  int stopped;  /* calls of on_stopped */
  int full;     /* calls of on_full */
  int holds;    /* bodies that are kept until they are sent */
  tg_list held; /* exchanges that were not released */
} echo;

/* A server with this handler; the limits may be NULL for the default ones. */
void echo_start(echo *echo, tg_loop *loop, const tg_server_limits *limits);

/* Answers every exchange that is held, also those whose client is gone, and releases it. */
void echo_answer_held(echo *echo);

/* Frees the server, and lets go of what is held. */
void echo_free(echo *echo);

#endif
