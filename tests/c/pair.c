#include "io/pair.h"
#include "check.h"
#include "support/sink.h"
#include "support/turns.h"

static tg_loop *loop;
static sink a, b;

static void begin(void) {
  tg_stream *first, *second;
  a = b = (sink){0};
  loop = tg_loop_new();
  CHECK_NUMBER(tg_pair_open(loop, &first, &second), 0);
  sink_start(&a, first);
  sink_start(&b, second);
}

static void end(void) {
  sink_free(&a);
  sink_free(&b);
  turn(loop, 3);
  tg_loop_free(loop);
}

static void finish(tg_stream *stream) {
  CHECK_NUMBER(tg_stream_finish(stream), 0);
}

static void carries_bytes_both_ways(void) {
  begin();
  tg_text parts[] = {TG_TEXT("one"), {NULL, 0}, TG_TEXT(", two")};
  CHECK_NUMBER(tg_stream_write(a.stream, parts, 3), TG_STREAM_SENT);
  CHECK_NUMBER(b.reads, 0); /* never from inside a call */
  CHECK_NUMBER(sink_write(&b, TG_TEXT("three")), TG_STREAM_SENT);
  turn(loop, 3);
  CHECK_TEXT(tg_buffer_text(&b.bytes), TG_TEXT("one, two"));
  CHECK_TEXT(tg_buffer_text(&a.bytes), TG_TEXT("three"));
  CHECK_NUMBER(a.drains + b.drains, 0);
  end();
}

static void ends_after_its_data(void) {
  begin();
  sink_write(&a, TG_TEXT("last"));
  CHECK_NUMBER(tg_stream_finish(a.stream), 0);
  CHECK(sink_write(&a, TG_TEXT("more")) < 0);
  turn(loop, 3);
  CHECK_TEXT(tg_buffer_text(&b.bytes), TG_TEXT("last"));
  CHECK_NUMBER(b.end, TG_ERROR_EOF);
  CHECK_NUMBER(sink_write(&b, TG_TEXT("answer")), TG_STREAM_SENT); /* the other way goes on */
  turn(loop, 3);
  CHECK_TEXT(tg_buffer_text(&a.bytes), TG_TEXT("answer"));
  CHECK_NUMBER(a.end, 0);
  end();
}

static void ends_when_the_peer_closes(void) {
  begin();
  sink_write(&a, TG_TEXT("last"));
  sink_free(&a);
  CHECK(sink_write(&b, TG_TEXT("too late")) < 0);
  turn(loop, 3);
  CHECK_TEXT(tg_buffer_text(&b.bytes), TG_TEXT("last"));
  CHECK_NUMBER(b.end, TG_ERROR_EOF);
  CHECK(sink_write(&b, TG_TEXT("too late")) < 0);
  end();
}

static void stops_reading(void) {
  begin();
  tg_stream_read_stop(b.stream);
  sink_write(&a, TG_TEXT("kept"));
  turn(loop, 3);
  tg_stream_finish(a.stream);
  turn(loop, 3);
  CHECK_NUMBER(b.reads, 0);
  CHECK_NUMBER(b.end, 0);
  tg_stream_read_start(b.stream);
  CHECK_NUMBER(b.reads, 0);
  turn(loop, 3);
  CHECK_TEXT(tg_buffer_text(&b.bytes), TG_TEXT("kept"));
  CHECK_NUMBER(b.end, TG_ERROR_EOF);
  end();
}

/* An end that does not read hears the peer's end, before what it has not read, where it holds. */
static void hears_the_end_while_it_holds(void (*leave)(tg_stream *stream), int code) {
  begin();
  tg_stream_read_hold(b.stream);
  sink_write(&a, TG_TEXT("unread"));
  turn(loop, 3);
  CHECK_NUMBER(b.reads, 0);
  CHECK_NUMBER(b.end, 0);
  leave(a.stream);
  if (leave != finish) a.stream = NULL;
  turn(loop, 3);
  CHECK_NUMBER(b.reads, 0);
  CHECK_NUMBER(b.end, code);
  end();
}

static void reads_on_after_it_held(void) {
  begin();
  tg_stream_read_hold(b.stream);
  sink_write(&a, TG_TEXT("held"));
  turn(loop, 3);
  tg_stream_read_start(b.stream);
  turn(loop, 3);
  CHECK_TEXT(tg_buffer_text(&b.bytes), TG_TEXT("held"));
  tg_stream_read_hold(b.stream);
  tg_stream_read_stop(b.stream);
  tg_stream_finish(a.stream);
  turn(loop, 3);
  CHECK_NUMBER(b.end, 0);
  tg_stream_read_start(b.stream);
  turn(loop, 3);
  CHECK_NUMBER(b.end, TG_ERROR_EOF);
  end();
}

static void holds_back_over_its_capacity(void) {
  begin();
  tg_pair_set_capacity(b.stream, 4);
  tg_stream_read_stop(b.stream);
  CHECK_NUMBER(sink_write(&a, TG_TEXT("1234")), TG_STREAM_SENT);
  CHECK_NUMBER(sink_write(&a, TG_TEXT("5678")), TG_STREAM_QUEUED);
  CHECK_NUMBER(tg_stream_queued_bytes(a.stream), 4);
  turn(loop, 3);
  CHECK_NUMBER(a.drains, 0);
  tg_stream_read_start(b.stream);
  turn(loop, 3);
  CHECK_TEXT(tg_buffer_text(&b.bytes), TG_TEXT("12345678"));
  CHECK_NUMBER(a.drains, 1);
  CHECK_NUMBER(a.drain_code, 0);
  CHECK_NUMBER(tg_stream_queued_bytes(a.stream), 0);
  end();
}

/* What waited when the peer closed was never handed over: the drain says so. */
static void fails_what_waits_when_the_peer_closes(void) {
  begin();
  tg_pair_set_capacity(b.stream, 4);
  tg_stream_read_stop(b.stream);
  CHECK_NUMBER(sink_write(&a, TG_TEXT("12345678")), TG_STREAM_QUEUED);
  sink_free(&b);
  turn(loop, 3);
  CHECK_NUMBER(a.drains, 1);
  CHECK(a.drain_code < 0);
  CHECK_NUMBER(tg_stream_queued_bytes(a.stream), 0);
  CHECK_NUMBER(a.end, TG_ERROR_EOF);
  end();
}

static void drops_what_waits_when_it_closes(void) {
  begin();
  tg_pair_set_capacity(b.stream, 4);
  tg_stream_read_stop(b.stream);
  CHECK_NUMBER(sink_write(&a, TG_TEXT("12345678")), TG_STREAM_QUEUED);
  sink_free(&a);
  tg_stream_read_start(b.stream);
  turn(loop, 3);
  CHECK_TEXT(tg_buffer_text(&b.bytes), TG_TEXT("1234"));
  CHECK_NUMBER(b.end, TG_ERROR_EOF);
  end();
}

static void closes_inside_callbacks(void) {
  begin();
  b.close_on_read = true;
  sink_write(&a, TG_TEXT("x"));
  turn(loop, 3);
  CHECK(b.stream == NULL);
  CHECK_NUMBER(a.end, TG_ERROR_EOF);
  end();

  begin();
  b.close_on_end = true;
  tg_stream_finish(a.stream);
  turn(loop, 3);
  CHECK(b.stream == NULL);
  end();

  begin();
  a.close_on_drain = true;
  tg_pair_set_capacity(b.stream, 1);
  sink_write(&a, TG_TEXT("xyz"));
  sink_write(&b, TG_TEXT("for a, which closes first"));
  turn(loop, 3);
  CHECK(a.stream == NULL);
  CHECK_TEXT(tg_buffer_text(&b.bytes), TG_TEXT("xyz"));
  CHECK_NUMBER(b.end, TG_ERROR_EOF);
  end();
}

static void closes_with_everything_under_way(void) {
  begin();
  tg_pair_set_capacity(b.stream, 1);
  sink_write(&a, TG_TEXT("xyz"));
  sink_write(&b, TG_TEXT("xyz"));
  tg_stream_finish(b.stream);
  sink_free(&a);
  sink_free(&b);
  turn(loop, 3);
  CHECK_NUMBER(a.reads + b.reads + a.drains + b.drains, 0);
  end();
}

static void names_its_peer(void) {
  char text[TG_PEER_BYTES];
  begin();
  tg_peer peer = tg_stream_peer(a.stream);
  tg_peer_text(&peer, text);
  CHECK_STRING(text, "pair:");
  end();
}

int main(void) {
  carries_bytes_both_ways();
  ends_after_its_data();
  ends_when_the_peer_closes();
  stops_reading();
  hears_the_end_while_it_holds(finish, TG_ERROR_EOF);
  hears_the_end_while_it_holds(tg_stream_close, TG_ERROR_EOF);
  hears_the_end_while_it_holds(tg_stream_reset, TG_ERROR_RESET);
  reads_on_after_it_held();
  holds_back_over_its_capacity();
  fails_what_waits_when_the_peer_closes();
  drops_what_waits_when_it_closes();
  closes_inside_callbacks();
  closes_with_everything_under_way();
  names_its_peer();
  return check_result();
}
