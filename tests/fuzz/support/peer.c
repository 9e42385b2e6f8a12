#include "support/peer.h"
#include "support/answers.h"

static void on_read(tg_stream *stream, const char *bytes, long size) {
  fuzz_peer *is = stream->owner;
  FUZZ_CHECK(!is->server_ended);
  if (size < 0) is->server_ended = true;
  else tg_buffer_append(&is->received, bytes, (size_t)size);
}

static const tg_stream_events events = {.on_read = on_read};

void fuzz_peer_start(fuzz_peer *is, tg_loop *loop, tg_stream *stream, tg_text input, fuzz_manner manner) {
  *is = (fuzz_peer){.loop = loop, .stream = stream, .input = input, .manner = manner};
  is->choices = fuzz_choices_of(input, manner);
  tg_stream_attach(stream, &events, is);
  tg_stream_read_start(stream);
}

static void turn(fuzz_peer *is, size_t times) {
  while (times-- > 0) tg_loop_turn(is->loop);
}

static void leave(fuzz_peer *is) {
  tg_stream_close(is->stream);
  is->stream = NULL;
  is->was_away = true;
}

/* --- what a client can do --- */

static size_t choose_piece(fuzz_peer *is, size_t left) {
  static const size_t sizes[] = {1, 8, 64, 1024, 100000};
  size_t size = 1 + fuzz_choose(&is->choices, sizes[fuzz_choose(&is->choices, 5)]);
  return is->manner == FUZZ_AT_ONCE || size > left ? left : size;
}

static void send_piece(fuzz_peer *is) {
  tg_text rest = {is->input.data + is->sent, is->input.size - is->sent};
  tg_text piece = fuzz_take(&rest, choose_piece(is, rest.size));
  tg_stream_write(is->stream, &piece, 1); /* a server that has closed takes no more, which is its right */
  is->sent += piece.size;
}

static void finish(fuzz_peer *is) {
  tg_stream_finish(is->stream);
  is->finished = is->was_away = true;
}

static void stop_reading(fuzz_peer *is) {
  tg_stream_read_stop(is->stream);
  is->was_away = true;
}

static void misbehave(fuzz_peer *is) {
  switch (fuzz_choose(&is->choices, 8)) {
    case 0:
      leave(is);
      break;
    case 1:
      finish(is);
      break;
    case 2:
    case 3:
      stop_reading(is);
      break;
    case 4:
      tg_pair_set_capacity(is->stream, 1 + fuzz_choose(&is->choices, 1000));
      break;
    default:
      if (!is->server_ended) tg_stream_read_start(is->stream);
  }
}

static size_t choose_pause(fuzz_peer *is) {
  if (is->manner != FUZZ_ANYHOW) return 2;
  return fuzz_choose(&is->choices, fuzz_once_in(&is->choices, 8) ? 40 : 3);
}

bool fuzz_peer_step(fuzz_peer *is) {
  if (is->stream == NULL || is->finished || is->sent == is->input.size) return false;
  if (is->manner == FUZZ_ANYHOW && fuzz_once_in(&is->choices, 6)) misbehave(is);
  else send_piece(is);
  turn(is, choose_pause(is));
  return true;
}

/* --- afterwards --- */

tg_text fuzz_peer_sent(const fuzz_peer *is) {
  return (tg_text){is->input.data, is->sent};
}

tg_buffer fuzz_peer_check(const fuzz_peer *is) {
  return fuzz_check_answers(fuzz_peer_sent(is), tg_buffer_text(&is->received), !is->was_away);
}

void fuzz_peer_free(fuzz_peer *is) {
  if (is->stream != NULL) leave(is);
  tg_buffer_free(&is->received);
}
