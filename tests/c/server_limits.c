/* What a server bounds: time, on a virtual clock and with the default limits, and memory. */
#include "check.h"
#include "io/timer.h"
#include "support/talk.h"
#include "support/turns.h"

#include <stdlib.h>

#define NS_PER_MS UINT64_C(1000000)
#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

static talk t;
static uint64_t started_ns;

/* --- time --- */

static void begin(void) {
  talk_begin_virtual(&t);
  started_ns = tg_loop_now_ns(t.loop);
}

static unsigned elapsed_ms(void) {
  return (unsigned)((tg_loop_now_ns(t.loop) - started_ns) / NS_PER_MS);
}

/* Sends without a turn in which nothing can run: such a turn lets time pass. */
static void send_now(const char *text) {
  sink_write(&t.client, tg_text_of(text));
  tg_loop_turn(t.loop);
}

static bool has_ended(void *nothing) {
  (void)nothing;
  return t.client.end != 0;
}

static bool has_answer(void *nothing) {
  (void)nothing;
  return tg_buffer_size(&t.client.bytes) > 0;
}

static bool is_closed(void *nothing) {
  (void)nothing;
  return tg_server_connection_count(t.echo.server) == 0;
}

static void closes_an_idle_connection(void) {
  begin();
  CHECK(turn_while_not(t.loop, has_ended, NULL));
  CHECK_NUMBER(elapsed_ms(), 60000);
  CHECK_TEXT(talk_answer(&t), TG_TEXT(""));
  talk_end(&t);
}

static void closes_a_connection_that_was_used(void) {
  begin();
  send_now(GET("/a"));
  CHECK(turn_while_not(t.loop, has_answer, NULL));
  CHECK_NUMBER(elapsed_ms(), 0);
  CHECK(turn_while_not(t.loop, has_ended, NULL));
  CHECK_NUMBER(elapsed_ms(), 60000);
  CHECK_NUMBER(talk_count(&t, "HTTP/1.1"), 1);
  talk_end(&t);
}

static void refuses_a_slow_head(void) {
  begin();
  send_now("GET /a HT");
  CHECK(turn_while_not(t.loop, has_answer, NULL));
  CHECK_NUMBER(elapsed_ms(), 10000);
  CHECK(talk_has(&t, "HTTP/1.1 408 Request Timeout\r\n"));
  CHECK(talk_has(&t, "Connection: close\r\n"));
  CHECK(turn_while_not(t.loop, has_ended, NULL));
  CHECK_NUMBER(elapsed_ms(), 10000);
  CHECK(turn_while_not(t.loop, is_closed, NULL)); /* though the client keeps its end open */
  CHECK_NUMBER(elapsed_ms(), 12000);
  CHECK_NUMBER(t.echo.requests, 0);
  talk_end(&t);
}

typedef struct drip {
  tg_timer timer;
  unsigned interval_ms;
  const char *text;
} drip;

static void on_drip(tg_timer *timer) {
  drip *is = TG_CONTAINER(timer, drip, timer);
  if (t.client.stream == NULL || t.client.end != 0) return;
  sink_write(&t.client, tg_text_of(is->text));
  tg_timer_start(t.loop, timer, is->interval_ms * NS_PER_MS);
}

static void start_drip(drip *is, unsigned interval_ms, const char *text) {
  is->text = text;
  is->interval_ms = interval_ms;
  tg_timer_init(&is->timer, on_drip);
  tg_timer_start(t.loop, &is->timer, interval_ms * NS_PER_MS);
}

/* Class 10: blank lines are no request, and win a client no time. */
static void closes_on_dripping_blank_lines(void) {
  drip slow;
  begin();
  start_drip(&slow, 1000, "\r\n");
  CHECK(turn_while_not(t.loop, has_ended, NULL));
  CHECK_NUMBER(elapsed_ms(), 60000);
  CHECK_TEXT(talk_answer(&t), TG_TEXT(""));
  tg_timer_stop(t.loop, &slow.timer);
  talk_end(&t);
}

/* A byte each second does not help: the deadline is for the whole head. */
static void refuses_a_dripping_head(void) {
  drip slow;
  begin();
  send_now("GET /");
  start_drip(&slow, 1000, "G");
  CHECK(turn_while_not(t.loop, has_answer, NULL));
  CHECK_NUMBER(elapsed_ms(), 10000);
  CHECK(talk_has(&t, "HTTP/1.1 408 "));
  tg_timer_stop(t.loop, &slow.timer);
  talk_end(&t);
}

/* The second head has its own ten seconds, from its own first byte. */
static void gives_each_head_its_time(void) {
  drip slow;
  begin();
  send_now(GET("/a"));
  CHECK(turn_while_not(t.loop, has_answer, NULL));
  start_drip(&slow, 30000, "G");
  CHECK(turn_while_not(t.loop, has_ended, NULL));
  CHECK_NUMBER(elapsed_ms(), 40000);
  CHECK(talk_has(&t, "HTTP/1.1 408 "));
  tg_timer_stop(t.loop, &slow.timer);
  talk_end(&t);
}

/* Each byte buys what it may take, two milliseconds. */
static void fails_a_dripping_body(void) {
  drip slow;
  begin();
  send_now("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
  start_drip(&slow, 1000, "G");
  CHECK(turn_while_not(t.loop, has_answer, NULL));
  CHECK_NUMBER(elapsed_ms(), 60000 + 60 * 2);
  CHECK(talk_has(&t, "HTTP/1.1 408 "));
  CHECK(talk_has(&t, "\r\n\r\nthe request's body took too long"));
  CHECK_NUMBER(t.echo.answered, 1);
  tg_timer_stop(t.loop, &slow.timer);
  talk_end(&t);
}

static void on_hour(tg_timer *timer) {
  CHECK(!timer->active);
}

/* A handler takes as long as it likes. */
static void does_not_hurry_the_handler(void) {
  tg_timer hour;
  begin();
  send_now(GET("/silent"));
  tg_timer_init(&hour, on_hour);
  tg_timer_start(t.loop, &hour, 3600 * 1000 * NS_PER_MS);
  while (hour.active) tg_loop_turn(t.loop);
  CHECK_NUMBER(elapsed_ms(), 3600 * 1000);
  CHECK_NUMBER(tg_server_connection_count(t.echo.server), 1);
  echo_answer_held(&t.echo);
  CHECK(turn_while_not(t.loop, has_answer, NULL));
  CHECK(talk_has(&t, "HTTP/1.1 200 OK"));
  talk_end(&t);
}

/* What a client still sends behind the last answer is thrown away for two seconds, and no longer. */
static void lingers_shortly(void) {
  drip slow;
  begin();
  send_now("GET /a HTTP/1.0\r\n\r\n");
  CHECK(turn_while_not(t.loop, has_ended, NULL));
  start_drip(&slow, 100, "G");
  t.client.end = 0;
  while (!is_closed(NULL)) tg_loop_turn(t.loop);
  CHECK_NUMBER(elapsed_ms(), 2000);
  tg_timer_stop(t.loop, &slow.timer);
  tg_loop_set_virtual(t.loop, false);
  talk_end(&t);
}

/* --- slow readers --- */

static void begin_big(const char *request) {
  begin();
  talk_set_capacity(&t, 1000);
  tg_stream_read_stop(t.client.stream);
  send_now(request);
}

static void closes_on_a_client_that_reads_nothing(const char *request) {
  begin_big(request);
  CHECK(turn_while_not(t.loop, is_closed, NULL));
  CHECK_NUMBER(elapsed_ms(), 60000);
  CHECK_NUMBER(t.echo.gone, 0);
  talk_end(&t);
}

static size_t window, step;

/* The system takes some bytes more, as when a client has read that much. */
static void on_read_some(tg_timer *timer) {
  talk_set_capacity(&t, window += step);
  if (window < 9 * step) tg_timer_start(t.loop, timer, 50000 * NS_PER_MS);
}

static void read_every_fifty_seconds(const char *request, tg_timer *timer, size_t bytes) {
  begin_big(request);
  step = bytes;
  window = 1000;
  tg_timer_init(timer, on_read_some);
  tg_timer_start(t.loop, timer, 50000 * NS_PER_MS);
}

/* A client that reads 500 bytes a second may take its time, and pause for fifty seconds. */
static void lets_a_slow_reader_go_on(void) {
  tg_timer timer;
  read_every_fifty_seconds(GET("/big/250000"), &timer, 25000);
  while (timer.active) tg_loop_turn(t.loop);
  CHECK_NUMBER(elapsed_ms(), 450000);
  CHECK_NUMBER(tg_server_connection_count(t.echo.server), 1);
  tg_stream_read_start(t.client.stream);
  CHECK(turn_while_not(t.loop, has_answer, NULL));
  CHECK_NUMBER(talk_count(&t, "xyz"), 250000 / 26);
  CHECK_NUMBER(elapsed_ms(), 450000);
  talk_end(&t);
}

/* One that reads a little now and then, only so that the connection stays, is found out. */
static void closes_on_a_client_that_trickles(void) {
  tg_timer timer;
  read_every_fifty_seconds(GET("/big/10000"), &timer, 1000);
  CHECK(turn_while_not(t.loop, is_closed, NULL));
  CHECK_NUMBER(elapsed_ms(), 60000 + 2000); /* what it read in time pays for two seconds more */
  tg_timer_stop(t.loop, &timer);
  talk_end(&t);
}

/* --- memory --- */

static void send_many(tg_text text, int times) {
  tg_buffer flood = {0};
  while (times-- > 0) tg_buffer_append_text(&flood, text);
  text = tg_buffer_text(&flood);
  tg_stream_write(t.client.stream, &text, 1);
  tg_buffer_free(&flood);
  turn(t.loop, 4);
}

static bool is_held_back(void) {
  return tg_stream_queued_bytes(t.client.stream) > 0;
}

/* The server's end, which takes a kilobyte before the client is held back. */
static void begin_narrow(void) {
  tg_stream *client, *server;
  talk_begin(&t, NULL);
  talk_leave(&t);
  t.client.end = 0;
  tg_pair_open(t.loop, &client, &server);
  tg_pair_set_capacity(server, 1000);
  sink_start(&t.client, client);
  tg_server_accept(t.echo.server, server);
}

/* A client that sends on and on behind a request whose handler waits is held back, and heard again afterwards. */
static void holds_back_pipelined_requests(void) {
  begin_narrow();
  talk_send(&t, GET("/silent"));
  send_many(TG_TEXT(GET("/a")), 1000);
  CHECK(!is_held_back());
  send_many(TG_TEXT(GET("/a")), 2000);
  send_many(TG_TEXT(GET("/a")), 2000);
  CHECK(is_held_back());
  CHECK_NUMBER(t.echo.requests, 1);
  echo_answer_held(&t.echo);
  for (int i = 0; i < 100000 && t.echo.answered < 5001; i++) tg_loop_turn(t.loop);
  turn(t.loop, 5);
  CHECK_NUMBER(talk_count(&t, "HTTP/1.1 200 OK"), 5001);
  CHECK(!is_held_back());
  talk_end(&t);
}

/* Each request that is answered makes room for the next one, and not for more of what the client sends. */
static void reads_no_more_than_it_needs(void) {
  begin_narrow();
  talk_send(&t, GET("/silent"));
  for (int i = 0; i < 3; i++) send_many(TG_TEXT(GET("/silent")), 2000);
  size_t held_back = tg_stream_queued_bytes(t.client.stream);
  for (int i = 0; i < 5; i++) {
    echo_answer_held(&t.echo);
    turn(t.loop, 5);
    CHECK_NUMBER(t.echo.answered, i + 1);
    CHECK_NUMBER(tg_stream_queued_bytes(t.client.stream), held_back);
  }
  talk_end(&t);
}

/* What is held back may be a body that is not whole when its request begins. */
static void reads_on_behind_a_part_of_a_body(void) {
  begin_narrow();
  talk_send(&t, GET("/silent"));
  talk_send(&t, "POST /status/201 HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n");
  send_many(TG_TEXT("0123456789"), 7000);
  send_many(TG_TEXT("0123456789"), 10000);
  CHECK(is_held_back());
  echo_answer_held(&t.echo);
  turn(t.loop, 5);
  send_many(TG_TEXT("0123456789"), 13000);
  turn(t.loop, 5);
  CHECK(talk_has(&t, "HTTP/1.1 201 Created"));
  CHECK(!is_held_back());
  talk_end(&t);
}

/* Or blank lines alone, which are no request. */
static void reads_on_behind_blank_lines(void) {
  tg_server_limits limits = tg_server_limits_default;
  limits.pipelined_bytes_max = 1;
  talk_begin(&t, &limits);
  talk_send(&t, GET("/silent"));
  talk_send(&t, "\r\n");
  echo_answer_held(&t.echo);
  turn(t.loop, 5);
  talk_send(&t, GET("/a"));
  turn(t.loop, 5);
  CHECK_NUMBER(talk_count(&t, "HTTP/1.1 200 OK"), 2);
  talk_end(&t);
}

/* The same while an answer waits for its client to read. */
static void reads_on_behind_an_answer_that_drains(void) {
  begin_narrow();
  talk_set_capacity(&t, 1000);
  tg_stream_read_stop(t.client.stream);
  talk_send(&t, GET("/big/100000"));
  talk_send(&t, "POST /status/201 HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n");
  send_many(TG_TEXT("0123456789"), 7000);
  send_many(TG_TEXT("0123456789"), 10000);
  CHECK(is_held_back());
  CHECK_NUMBER(t.echo.requests, 1);
  tg_stream_read_start(t.client.stream);
  turn(t.loop, 5);
  send_many(TG_TEXT("0123456789"), 13000);
  turn(t.loop, 5);
  CHECK(talk_has(&t, "HTTP/1.1 201 Created"));
  talk_end(&t);
}

int main(void) {
  closes_an_idle_connection();
  closes_a_connection_that_was_used();
  refuses_a_slow_head();
  refuses_a_dripping_head();
  closes_on_dripping_blank_lines();
  gives_each_head_its_time();
  fails_a_dripping_body();
  does_not_hurry_the_handler();
  lingers_shortly();
  closes_on_a_client_that_reads_nothing(GET("/big/100000"));
  closes_on_a_client_that_reads_nothing(GET("/big/100000") GET("/a"));
  closes_on_a_client_that_reads_nothing("GET /big/100000 HTTP/1.0\r\n\r\n");
  lets_a_slow_reader_go_on();
  closes_on_a_client_that_trickles();
  holds_back_pipelined_requests();
  reads_no_more_than_it_needs();
  reads_on_behind_a_part_of_a_body();
  reads_on_behind_blank_lines();
  reads_on_behind_an_answer_that_drains();
  return check_result();
}
