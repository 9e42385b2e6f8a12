/* The parser against the transcripts of tests/data/http1. */
#include "proto/http1_parser.h"
#include "check.h"
#include "support/parser_log.h"
#include "support/transcript.h"

static unsigned compared;

static bool finishes(const transcript *is) {
  for (unsigned i = 0; i < is->step_count; i++) {
    if (is->steps[i].kind == STEP_FINISH) return true;
  }
  return false;
}

/* Every case must give the same events however it is cut, also those that do not say which. */
static void replay(const transcript *is) {
  tg_buffer sent = transcript_sent(is);
  parser_input input = {
      .bytes = tg_buffer_text(&sent),
      .role = is->responses ? TG_HTTP1_RESPONSES : TG_HTTP1_REQUESTS,
      .to_head = is->to_head,
      .finish = finishes(is),
      .head_bytes_max = (uint32_t)is->head_bytes_max,
      .field_count_max = (uint32_t)is->field_count_max,
  };
  tg_buffer log = parser_log_of_all_cuts(&input);
  if (is->has_events) CHECK_TEXT(tg_buffer_text(&log), tg_buffer_text(&is->events));
  if (is->has_events) compared++;
  tg_buffer_free(&log);
  tg_buffer_free(&sent);
}

int main(void) {
  CHECK(transcript_each(replay) > 100);
  CHECK(compared > 50);
  return check_result();
}
