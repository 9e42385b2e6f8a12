/* Transcripts of HTTP/1.1, kept as data: tests/data/http1/README.md says how they are written. */
#ifndef TESTS_TRANSCRIPT_H
#define TESTS_TRANSCRIPT_H

#include "base/buffer.h"

#include <stdint.h>

typedef enum step_kind {
  STEP_SEND,   /* the client sends bytes */
  STEP_FINISH, /* the client ends its side */
  STEP_ANSWER, /* the server answers bytes, apart from Date */
  STEP_REFUSE, /* the server refuses with status and detail, and closes */
  STEP_CLOSED, /* the server has ended its side */
} step_kind;

typedef struct transcript_step {
  step_kind kind;
  unsigned status; /* of a refusal */
  tg_buffer bytes; /* sent or answered; a refusal's detail, or empty for any */
} transcript_step;

enum { TRANSCRIPT_STEPS_MAX = 16 };

typedef struct transcript {
  char name[160]; /* with its file's */
  transcript_step steps[TRANSCRIPT_STEPS_MAX];
  unsigned step_count;
  tg_buffer events; /* what the parser tells, a line each */
  bool has_events;
  bool has_answer;                                          /* there is a step of the server's */
  bool responses;                                           /* the bytes are an upstream's, not a client's */
  bool to_head;                                             /* … that answers to HEAD */
  bool whole_only;                                          /* the answer depends on where the bytes are cut */
  unsigned path_rules;                                      /* of proto/target.h */
  uint64_t body_bytes_max, head_bytes_max, field_count_max; /* 0: the server's default */
} transcript;

/* Calls `run` for each case of each file, whose own check_case is set to the case's name. How many there were. */
unsigned transcript_each(void (*run)(const transcript *transcript));

/* All that the client sends, in one piece; the caller's to free. */
tg_buffer transcript_sent(const transcript *transcript);

#endif
