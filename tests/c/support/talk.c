#include "support/talk.h"
#include "check.h"
#include "support/turns.h"

#include <stdlib.h>

enum { TURNS = 12 };

static void begin(talk *is, const tg_server_limits *limits, bool is_virtual) {
  tg_stream *client, *server;
  *is = (talk){.loop = tg_loop_new()};
  tg_loop_set_virtual(is->loop, is_virtual);
  echo_start(&is->echo, is->loop, limits);
  if (!CHECK_NUMBER(tg_pair_open(is->loop, &client, &server), 0)) abort();
  sink_start(&is->client, client);
  tg_server_accept(is->echo.server, server);
}

void talk_begin(talk *is, const tg_server_limits *limits) {
  begin(is, limits, false);
}

void talk_begin_virtual(talk *is) {
  begin(is, NULL, true);
}

void talk_send(talk *is, const char *text) {
  sink_write(&is->client, tg_text_of(text));
  turn(is->loop, TURNS);
}

tg_text talk_answer(const talk *is) {
  return tg_buffer_text(&is->client.bytes);
}

unsigned talk_count(const talk *is, const char *words) {
  tg_text rest = talk_answer(is);
  unsigned count = 0;
  const char *found;
  while (rest.size > 0 && (found = memmem(rest.data, rest.size, words, strlen(words))) != NULL) {
    count++;
    rest.size -= (size_t)(found + 1 - rest.data);
    rest.data = found + 1;
  }
  return count;
}

bool talk_has(const talk *is, const char *words) {
  return talk_count(is, words) > 0;
}

void talk_set_capacity(talk *is, size_t bytes) {
  tg_pair_set_capacity(is->client.stream, bytes);
}

void talk_leave(talk *is) {
  tg_stream_close(is->client.stream);
  is->client.stream = NULL;
  turn(is->loop, TURNS);
}

void talk_end(talk *is) {
  sink_free(&is->client);
  turn(is->loop, 3);
  echo_free(&is->echo);
  turn(is->loop, 3);
  tg_loop_free(is->loop);
}
