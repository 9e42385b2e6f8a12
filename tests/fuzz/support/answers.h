/* What a server has answered to what a client has sent: well-formed responses, in the order of the requests, each
   to the path of its own, and nothing behind one that says that it is the last. */
#ifndef TESTS_FUZZ_ANSWERS_H
#define TESTS_FUZZ_ANSWERS_H

#include "base/buffer.h"
#include "support/input.h"

/* Checks the answers to all that was sent. `whole`: the client has read on until nothing more came, so the last
   answer must have come to its end. Answers of handlers hold their path in a field "X-Path". The log, a line with
   status and path for each answer, is the caller's to free. */
tg_buffer fuzz_check_answers(tg_text sent, tg_text answers, bool whole);

#endif
