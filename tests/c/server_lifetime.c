/* A server's connections and exchanges end in any order. AddressSanitizer sees what is used too late or leaks. */
#include "check.h"
#include "support/talk.h"
#include "support/turns.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define POST_HALF(path) "POST " path " HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello"

static talk t;

static unsigned connections(void) {
  return tg_server_connection_count(t.echo.server);
}

/* --- the client leaves --- */

static void leaves_before_its_handler_knows(const char *sent) {
  talk_begin(&t, NULL);
  talk_send(&t, sent);
  CHECK_NUMBER(connections(), 1);
  talk_leave(&t);
  CHECK_NUMBER(connections(), 0);
  CHECK_NUMBER(t.echo.requests, 0);
  CHECK_NUMBER(t.echo.gone, 0);
  talk_end(&t);
}

/* The handler hears it once, may use the exchange as long as it likes, and what it answers goes nowhere. */
static void leaves_while_its_handler_waits(const char *sent) {
  talk_begin(&t, NULL);
  talk_send(&t, sent);
  CHECK_NUMBER(t.echo.requests, 1);
  CHECK_NUMBER(t.echo.gone, 0);
  talk_leave(&t);
  CHECK_NUMBER(connections(), 0);
  CHECK_NUMBER(t.echo.gone, 1);
  echo_answer_held(&t.echo);
  turn(t.loop, 5);
  CHECK_NUMBER(t.echo.gone, 1);
  CHECK_NUMBER(t.echo.answered, 0);
  talk_end(&t);
}

static void send_much(void) {
  char bytes[200000];
  memset(bytes, 'x', sizeof bytes);
  sink_write(&t.client, TG_TEXT("POST /silent HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n"));
  turn(t.loop, 3);
  for (int i = 0; i < 5; i++) {
    sink_write(&t.client, (tg_text){bytes, sizeof bytes / 5});
    turn(t.loop, 3);
  }
}

/* So much of its body has come that nobody reads on. */
static void leaves_while_nobody_reads(bool ends_its_side_only) {
  talk_begin(&t, NULL);
  send_much();
  CHECK_NUMBER(t.echo.requests, 1);
  CHECK_NUMBER(t.echo.gone, 0);
  if (ends_its_side_only) tg_stream_finish(t.client.stream);
  else talk_leave(&t);
  turn(t.loop, 5);
  CHECK_NUMBER(t.echo.gone, 1);
  CHECK_NUMBER(connections(), 0);
  talk_end(&t);
}

static void leaves_and_is_never_answered(void) {
  talk_begin(&t, NULL);
  talk_send(&t, GET("/silent"));
  talk_leave(&t);
  CHECK_NUMBER(t.echo.gone, 1);
  talk_end(&t);
}

/* The answer is written before the server has read that the client is gone: the write fails, and that is all. */
static void leaves_right_before_its_answer(void) {
  talk_begin(&t, NULL);
  talk_send(&t, GET("/silent"));
  tg_stream_close(t.client.stream);
  t.client.stream = NULL;
  echo_answer_held(&t.echo);
  CHECK_NUMBER(connections(), 0);
  turn(t.loop, 5);
  CHECK_NUMBER(t.echo.answered, 1);
  CHECK_NUMBER(t.echo.gone, 0);
  talk_end(&t);
}

static void leaves_with_requests_pending(void) {
  talk_begin(&t, NULL);
  talk_send(&t, GET("/silent") GET("/a") GET("/b"));
  CHECK_NUMBER(t.echo.requests, 1);
  talk_leave(&t); /* what it had sent before is answered all the same: it may have ended its own side only */
  CHECK_NUMBER(t.echo.gone, 0);
  echo_answer_held(&t.echo);
  turn(t.loop, 20);
  CHECK_NUMBER(connections(), 0);
  talk_end(&t);
}

static void leaves_while_its_answer_drains(void) {
  talk_begin(&t, NULL);
  talk_set_capacity(&t, 1000);
  tg_stream_read_stop(t.client.stream);
  talk_send(&t, GET("/big/100000"));
  CHECK_NUMBER(t.echo.answered, 1);
  CHECK_NUMBER(connections(), 1);
  talk_leave(&t);
  CHECK_NUMBER(connections(), 0);
  CHECK_NUMBER(t.echo.gone, 0); /* it was answered */
  talk_end(&t);
}

static void leaves_while_the_server_lingers(void) {
  talk_begin(&t, NULL);
  talk_send(&t, "nonsense\r\n\r\n");
  CHECK(talk_has(&t, "HTTP/1.1 400 "));
  CHECK_NUMBER(t.client.end, TG_ERROR_EOF);
  CHECK_NUMBER(connections(), 1);
  talk_send(&t, GET("/a")); /* is thrown away */
  CHECK_NUMBER(talk_count(&t, "HTTP/1.1 "), 1);
  talk_leave(&t);
  CHECK_NUMBER(connections(), 0);
  talk_end(&t);
}

/* Ten thousand that leave while their handler waits. */
static void leaves_ten_thousand_times(void) {
  talk_begin(&t, NULL);
  for (int i = 0; i < 10000; i++) {
    tg_stream *client, *server;
    tg_text request = TG_TEXT(GET("/silent"));
    tg_pair_open(t.loop, &client, &server);
    tg_server_accept(t.echo.server, server);
    tg_stream_write(client, &request, 1);
    turn(t.loop, 2);
    tg_stream_close(client);
    if (i % 100 == 0) echo_answer_held(&t.echo);
  }
  turn(t.loop, 3);
  CHECK_NUMBER(t.echo.requests, 10000);
  CHECK(t.echo.gone > 9000);
  CHECK_NUMBER(connections(), 1);
  talk_end(&t);
}

/* --- the client ends its side --- */

/* An answer that was given is not lost to a client that only ended its own side. */
static void ends_its_side_while_its_answer_drains(void) {
  talk_begin(&t, NULL);
  talk_set_capacity(&t, 1000);
  tg_stream_read_stop(t.client.stream);
  talk_send(&t, GET("/big/100000"));
  tg_stream_finish(t.client.stream);
  turn(t.loop, 10);
  tg_stream_read_start(t.client.stream);
  turn(t.loop, 10);
  CHECK_NUMBER(talk_count(&t, "xyz"), 100000 / 26);
  CHECK_NUMBER(t.client.end, TG_ERROR_EOF);
  CHECK_NUMBER(connections(), 0);
  talk_end(&t);
}

static void ends_its_side_behind_several_requests(void) {
  talk_begin(&t, NULL);
  sink_write(&t.client, TG_TEXT(GET("/1") GET("/2") GET("/3")));
  tg_stream_finish(t.client.stream);
  turn(t.loop, 30);
  CHECK_NUMBER(talk_count(&t, "HTTP/1.1 200 OK"), 3);
  CHECK_NUMBER(t.client.end, TG_ERROR_EOF);
  CHECK_NUMBER(connections(), 0);
  talk_end(&t);
}

static void ends_its_side_within_a_pending_request(const char *half) {
  talk_begin(&t, NULL);
  sink_write(&t.client, TG_TEXT(GET("/1")));
  sink_write(&t.client, tg_text_of(half));
  tg_stream_finish(t.client.stream);
  turn(t.loop, 30);
  CHECK_NUMBER(talk_count(&t, "HTTP/1.1 200 OK"), 1);
  CHECK_NUMBER(talk_count(&t, "HTTP/1.1"), 1);
  CHECK_NUMBER(connections(), 0);
  CHECK_NUMBER(t.echo.requests - t.echo.answered, t.echo.gone);
  talk_end(&t);
}

/* --- the server stops --- */

static void stops_when_nothing_is_open(void) {
  talk_begin(&t, NULL);
  talk_leave(&t);
  tg_server_stop(t.echo.server);
  tg_server_stop(t.echo.server);
  CHECK_NUMBER(t.echo.stopped, 0); /* from the loop only */
  turn(t.loop, 3);
  CHECK_NUMBER(t.echo.stopped, 1);
  talk_end(&t);
}

static void stops_idle_connections(const char *sent) {
  talk_begin(&t, NULL);
  talk_send(&t, sent);
  tg_server_stop(t.echo.server);
  turn(t.loop, 5);
  CHECK_NUMBER(connections(), 0);
  CHECK_NUMBER(t.client.end, TG_ERROR_EOF);
  CHECK_NUMBER(t.echo.stopped, 1);
  talk_end(&t);
}

static void stops_when_the_busy_are_answered(const char *sent, const char *rest, unsigned answers) {
  talk_begin(&t, NULL);
  talk_send(&t, sent);
  tg_server_stop(t.echo.server);
  turn(t.loop, 5);
  CHECK_NUMBER(connections(), 1);
  CHECK_NUMBER(t.echo.stopped, 0);
  talk_send(&t, rest);
  echo_answer_held(&t.echo);
  turn(t.loop, 5);
  CHECK_NUMBER(talk_count(&t, "HTTP/1.1 200 OK"), answers);
  CHECK_NUMBER(talk_count(&t, "Connection: close\r\n"), 1);
  CHECK_NUMBER(t.client.end, TG_ERROR_EOF);
  talk_leave(&t);
  CHECK_NUMBER(t.echo.stopped, 1);
  CHECK_NUMBER(t.echo.gone, 0);
  talk_end(&t);
}

/* Bytes that the loop has not seen when the server stops. */
static void stops_behind_what_has_come(const char *unseen, unsigned answers) {
  talk_begin(&t, NULL);
  turn(t.loop, 2);
  tg_text text = tg_text_of(unseen);
  tg_stream_write(t.client.stream, &text, 1);
  tg_server_stop(t.echo.server);
  CHECK_NUMBER(connections(), 1);
  turn(t.loop, 10);
  CHECK_NUMBER(talk_count(&t, "HTTP/1.1 200 OK"), answers);
  CHECK_NUMBER(talk_count(&t, "Connection: close\r\n"), answers > 0 ? 1 : 0);
  CHECK_NUMBER(t.client.end, TG_ERROR_EOF);
  talk_leave(&t);
  CHECK_NUMBER(t.echo.stopped, 1);
  talk_end(&t);
}

static void stops_when_answers_have_drained(void) {
  talk_begin(&t, NULL);
  talk_set_capacity(&t, 1000);
  tg_stream_read_stop(t.client.stream);
  talk_send(&t, GET("/big/100000"));
  tg_server_stop(t.echo.server);
  turn(t.loop, 5);
  CHECK_NUMBER(t.echo.stopped, 0);
  tg_stream_read_start(t.client.stream);
  turn(t.loop, 10);
  CHECK_NUMBER(talk_count(&t, "xyz"), 100000 / 26);
  CHECK_NUMBER(t.client.end, TG_ERROR_EOF);
  talk_leave(&t);
  CHECK_NUMBER(t.echo.stopped, 1);
  talk_end(&t);
}

/* --- the server is freed --- */

static void is_freed(const char *sent, int turns, bool answer_afterwards) {
  talk_begin(&t, NULL);
  talk_set_capacity(&t, 1000);
  tg_stream_read_stop(t.client.stream);
  sink_write(&t.client, tg_text_of(sent));
  turn(t.loop, turns);
  int waited = t.echo.requests - t.echo.answered;
  tg_server_free(t.echo.server);
  t.echo.server = NULL;
  CHECK_NUMBER(t.echo.gone, waited);
  if (answer_afterwards) echo_answer_held(&t.echo);
  tg_stream_read_start(t.client.stream);
  turn(t.loop, 5);
  CHECK_NUMBER(t.client.end, TG_ERROR_EOF);
  talk_end(&t);
}

static void is_freed_at_any_moment(void) {
  static const char *const sent[] = {
      "",
      "GET /a HT",
      GET("/a"),
      GET("/silent"),
      POST_HALF("/a"),
      GET("/1") GET("/2") GET("/silent") GET("/3"),
      GET("/big/100000") GET("/a"),
      GET("/held/3000000") GET("/a"),
      "nonsense\r\n\r\n",
  };
  for (size_t i = 0; i < sizeof sent / sizeof sent[0]; i++) {
    for (int turns = 0; turns < 10; turns++) {
      check_case("%s after %d turns", sent[i], turns);
      is_freed(sent[i], turns, turns % 2 == 0);
    }
  }
  check_case(NULL);
}

static void is_freed_while_it_stops(void) {
  talk_begin(&t, NULL);
  talk_leave(&t);
  tg_server_stop(t.echo.server); /* on_stopped is on its way */
  tg_server_free(t.echo.server);
  t.echo.server = NULL;
  turn(t.loop, 3);
  CHECK_NUMBER(t.echo.stopped, 0);
  talk_end(&t);
}

int main(void) {
  leaves_before_its_handler_knows("");
  leaves_before_its_handler_knows("\r\n");
  leaves_before_its_handler_knows("GET /a HTTP/1.1\r\nHo");
  leaves_while_its_handler_waits(GET("/silent"));
  leaves_while_its_handler_waits(POST_HALF("/a"));
  leaves_while_its_handler_waits("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
  leaves_while_nobody_reads(false);
  leaves_while_nobody_reads(true);
  leaves_and_is_never_answered();
  leaves_right_before_its_answer();
  leaves_with_requests_pending();
  leaves_while_its_answer_drains();
  leaves_while_the_server_lingers();
  leaves_ten_thousand_times();
  ends_its_side_while_its_answer_drains();
  ends_its_side_behind_several_requests();
  ends_its_side_within_a_pending_request("GET /2 HT");
  ends_its_side_within_a_pending_request(POST_HALF("/2"));
  stops_when_nothing_is_open();
  stops_idle_connections("");
  stops_idle_connections(GET("/a"));
  stops_when_the_busy_are_answered(GET("/silent"), "", 1);
  stops_when_the_busy_are_answered("GET /silent HTTP/1.1\r\nHost", ": h\r\n\r\n", 1);
  stops_when_the_busy_are_answered(POST_HALF("/silent"), "world", 1);
  stops_when_the_busy_are_answered(GET("/silent"), GET("/pending"), 2);
  stops_when_the_busy_are_answered(GET("/silent"), GET("/pending") GET("/pending") "\r\n", 3);
  stops_behind_what_has_come(GET("/a"), 1);
  stops_behind_what_has_come(GET("/a") GET("/b"), 2);
  stops_behind_what_has_come("\r\n" GET("/a") "\r\n\r\n", 1);
  stops_behind_what_has_come("\r\n\r\n", 0);
  stops_when_answers_have_drained();
  is_freed_at_any_moment();
  is_freed_while_it_stops();
  return check_result();
}
