/* The requests whose memory runs out; routes.lua answers them. */
#ifndef TESTS_FAULTS_SCENARIOS_H
#define TESTS_FAULTS_SCENARIOS_H

#include "base/text.h"

#include <stdbool.h>

typedef struct scenario {
  const char *name;
  tg_text sent;
  tg_text later;        /* sent when the first part has been read; may be empty */
  const char *answered; /* what the answers hold when nothing fails */
  bool leaves;          /* the client does, before it is answered */
} scenario;

extern const scenario scenarios[];
extern const size_t scenario_count;

/* The request that is right after each of them. */
extern const scenario scenario_next;

#endif
