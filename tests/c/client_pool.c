/* A client's connections: kept, found closed, waited for, given up; and calls that are freed at any moment. */
#include "check.h"
#include "support/turns.h"
#include "support/upstream.h"

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

#define CLOSING_OK "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

static tg_loop *loop;
static tg_client *client;
static upstream up;

static void begin_limited(const upstream_line *script, unsigned count, const tg_client_limits *limits) {
  loop = tg_loop_new();
  client = tg_client_new(loop, limits);
  upstream_start(&up, loop, script, count);
}

static void begin(const upstream_line *script, unsigned count) {
  begin_limited(script, count, &tg_client_limits_default);
}

static void end(void) {
  tg_client_free(client);
  upstream_stop(&up);
  tg_loop_free(loop);
}

#define BEGIN(...) begin((upstream_line[]){__VA_ARGS__}, sizeof((upstream_line[]){__VA_ARGS__}) / sizeof(upstream_line))

static tg_call_error call_once(const char *path) {
  asked ask;
  ask_start(&ask, client, &up, path);
  tg_call_error error = ask_wait(&ask, loop);
  ask_free(&ask);
  turn_ms(loop, 2);
  return error;
}

/* A request that is not to be sent again. */
static void ask_once(asked *ask, const char *host, tg_text head, uint64_t timeout_ms) {
  tg_call_request request = {.host = tg_text_of(host), .port = up.port, .head = head, .timeout_ms = timeout_ms};
  ask_send(ask, client, &request);
}

static tg_call_error post_once(void) {
  asked ask;
  ask_once(&ask, "127.0.0.1", TG_TEXT("POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"), 5000);
  tg_call_error error = ask_wait(&ask, loop);
  ask_free(&ask);
  return error;
}

static unsigned connections(void) {
  return tg_client_count(client).connections;
}

/* --- kept connections --- */

static void uses_a_kept_connection_again(void) {
  BEGIN({.reply = OK});
  for (int i = 0; i < 5; i++) CHECK_NUMBER(call_once("/a"), TG_CALL_OK);
  CHECK_NUMBER(up.accepted, 1);
  CHECK_NUMBER(up.requests, 5);
  CHECK_NUMBER(tg_client_count(client).idle, 1);
  end();
}

static void keeps_as_many_as_were_needed(void) {
  asked asks[3];
  BEGIN({.reply = OK});
  for (int i = 0; i < 3; i++) ask_start(&asks[i], client, &up, "/a");
  for (int i = 0; i < 3; i++) CHECK_NUMBER(ask_wait(&asks[i], loop), TG_CALL_OK);
  for (int i = 0; i < 3; i++) ask_free(&asks[i]);
  CHECK_NUMBER(up.accepted, 3);
  CHECK_NUMBER(tg_client_count(client).idle, 3);
  CHECK_NUMBER(call_once("/b"), TG_CALL_OK);
  CHECK_NUMBER(up.accepted, 3);
  tg_client_close_idle(client);
  turn_ms(loop, 2);
  CHECK_NUMBER(connections(), 0);
  CHECK_NUMBER(up.open, 0);
  CHECK_NUMBER(call_once("/c"), TG_CALL_OK);
  end();
}

static bool has_none(void *nothing) {
  (void)nothing;
  return connections() == 0 && up.open == 0;
}

static void closes_what_nobody_uses(void) {
  tg_client_limits limits = tg_client_limits_default;
  limits.idle_timeout_ms = 250;
  begin_limited(&(upstream_line){.reply = OK}, 1, &limits);
  CHECK_NUMBER(call_once("/a"), TG_CALL_OK);
  uint64_t kept_ns = tg_loop_now_ns(loop);
  turn_ms(loop, 50);
  uint64_t started_ns = tg_loop_now_ns(loop);
  bool in_time = started_ns - kept_ns < 200 * 1000000; /* the machine did not stall: the connection is still kept */
  CHECK(!in_time || connections() == 1);
  CHECK_NUMBER(call_once("/a"), TG_CALL_OK); /* begins the time anew */
  CHECK(turn_while_not(loop, has_none, NULL));
  CHECK(tg_loop_now_ns(loop) - started_ns >= 250 * 1000000);
  CHECK(!in_time || up.accepted == 1);
  CHECK_NUMBER(tg_client_count(client).origins, 0);
  CHECK_NUMBER(up.open, 0);
  end();
}

static void notices_that_a_kept_connection_closes(void) {
  BEGIN({.reply = OK});
  CHECK_NUMBER(call_once("/a"), TG_CALL_OK);
  upstream_close_all(&up);
  turn_ms(loop, 2);
  CHECK_NUMBER(connections(), 0);
  CHECK_NUMBER(call_once("/b"), TG_CALL_OK);
  CHECK_NUMBER(up.accepted, 2);
  end();
}

static void discards_an_answer_that_nobody_asked_for(void) {
  BEGIN({.reply = OK});
  CHECK_NUMBER(call_once("/a"), TG_CALL_OK);
  upstream_send(&up, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  turn_ms(loop, 2);
  CHECK_NUMBER(connections(), 0);
  asked ask;
  ask_start(&ask, client, &up, "/b");
  CHECK_NUMBER(ask_wait(&ask, loop), TG_CALL_OK);
  CHECK_TEXT(tg_buffer_text(&ask.call->body), TG_TEXT("hi"));
  CHECK_NUMBER(up.accepted, 2);
  ask_free(&ask);
  end();
}

/* --- kept connections that turn out to be closed --- */

/* The upstream closes when the second request comes: it goes out once more, over a new connection. */
static void sends_once_more(void) {
  BEGIN({.reply = OK}, {.close = true}, {.reply = OK});
  CHECK_NUMBER(call_once("/a"), TG_CALL_OK);
  CHECK_NUMBER(call_once("/b"), TG_CALL_OK);
  CHECK_STRING(up.paths, "/a/b/b");
  CHECK_NUMBER(up.accepted, 2);
  CHECK_NUMBER(connections(), 1);
  end();
}

static void sends_no_third_time(void) {
  BEGIN({.reply = OK}, {.close = true}, {.close = true}, {.reply = OK});
  CHECK_NUMBER(call_once("/a"), TG_CALL_OK);
  CHECK_NUMBER(call_once("/b"), TG_CALL_CLOSED);
  CHECK_STRING(up.paths, "/a/b/b");
  CHECK_NUMBER(connections(), 0);
  end();
}

static void sends_a_fresh_request_once(void) {
  BEGIN({.close = true}, {.reply = OK});
  CHECK_NUMBER(call_once("/a"), TG_CALL_CLOSED);
  CHECK_NUMBER(up.requests, 1);
  end();
}

static void sends_once_what_may_not_be_repeated(void) {
  BEGIN({.reply = OK}, {.close = true}, {.reply = OK});
  CHECK_NUMBER(call_once("/a"), TG_CALL_OK);
  CHECK_NUMBER(post_once(), TG_CALL_CLOSED);
  CHECK_STRING(up.paths, "/a/b");
  end();
}

static void sends_once_what_was_begun_to_be_answered(void) {
  BEGIN({.reply = OK}, {.reply = "HTTP/1.1 2", .close = true}, {.reply = OK});
  CHECK_NUMBER(call_once("/a"), TG_CALL_OK);
  CHECK_NUMBER(call_once("/b"), TG_CALL_CLOSED);
  CHECK_STRING(up.paths, "/a/b");
  end();
}

/* --- waiting --- */

enum { CALLS = 6 };

static tg_client_limits narrow(unsigned connection_max, unsigned waiting_max) {
  tg_client_limits limits = tg_client_limits_default;
  limits.connections_per_origin_max = connection_max;
  limits.waiting_calls_max = waiting_max;
  return limits;
}

static void serves_waiting_calls(unsigned connection_max, upstream_line line) {
  asked asks[CALLS];
  static const char *const paths[CALLS] = {"/0", "/1", "/2", "/3", "/4", "/5"};
  tg_client_limits limits = narrow(connection_max, 10);
  begin_limited(&line, 1, &limits);
  for (int i = 0; i < CALLS; i++) ask_start(&asks[i], client, &up, paths[i]);
  CHECK_NUMBER(tg_client_count(client).waiting, CALLS - connection_max);
  CHECK_NUMBER(connections(), connection_max);
  for (int i = 0; i < CALLS; i++) CHECK_NUMBER(ask_wait(&asks[i], loop), TG_CALL_OK);
  if (connection_max == 1) CHECK_STRING(up.paths, "/0/1/2/3/4/5");
  CHECK_NUMBER(up.open_max, connection_max);
  CHECK_NUMBER(up.accepted, line.close ? CALLS : connection_max);
  for (int i = 0; i < CALLS; i++) ask_free(&asks[i]);
  end();
}

static void serves_waiting_calls_when_others_fail(void) {
  asked asks[CALLS];
  upstream_line line = {.reply = "garbage\r\n"};
  tg_client_limits limits = narrow(1, 10);
  begin_limited(&line, 1, &limits);
  for (int i = 0; i < CALLS; i++) ask_start(&asks[i], client, &up, "/a");
  for (int i = 0; i < CALLS; i++) CHECK_NUMBER(ask_wait(&asks[i], loop), TG_CALL_PROTOCOL);
  for (int i = 0; i < CALLS; i++) ask_free(&asks[i]);
  CHECK_NUMBER(up.accepted, CALLS);
  CHECK_NUMBER(up.open_max, 1);
  end();
}

static void is_busy_when_too_many_wait(void) {
  asked asks[CALLS];
  tg_client_limits limits = narrow(1, 3);
  begin_limited(&(upstream_line){.reply = OK}, 1, &limits);
  for (int i = 0; i < CALLS; i++) ask_start(&asks[i], client, &up, "/a");
  for (int i = 0; i < CALLS; i++) CHECK_NUMBER(ask_wait(&asks[i], loop), i < 4 ? TG_CALL_OK : TG_CALL_BUSY);
  for (int i = 0; i < CALLS; i++) ask_free(&asks[i]);
  CHECK_NUMBER(up.accepted, 1);
  end();
}

static void waits_for_each_origin_apart(void) {
  asked one, other;
  upstream second;
  tg_client_limits limits = narrow(1, 0);
  upstream_line line = {.reply = OK};
  begin_limited(&line, 1, &limits);
  upstream_start(&second, loop, &line, 1);
  ask_start(&one, client, &up, "/a");
  ask_start(&other, client, &second, "/a");
  CHECK_NUMBER(ask_wait(&one, loop), TG_CALL_OK);
  CHECK_NUMBER(ask_wait(&other, loop), TG_CALL_OK);
  CHECK_NUMBER(tg_client_count(client).origins, 2);
  ask_free(&one);
  ask_free(&other);
  tg_client_close_idle(client);
  upstream_stop(&second);
  end();
}

static asked newcomer;

static void on_first_done(tg_call *call) {
  asked *is = call->owner;
  is->done++;
  if (is->done == 1) ask_start(&newcomer, client, &up, "/newcomer");
}

/* Whoever starts another call as soon as the first is done does not come before those that wait. */
static void does_not_let_newcomers_pass(void) {
  asked first, waiting;
  tg_client_limits limits = narrow(1, 10);
  begin_limited(&(upstream_line){.reply = OK}, 1, &limits);
  ask_start(&first, client, &up, "/first");
  first.call->on_done = on_first_done;
  ask_start(&waiting, client, &up, "/waiting");
  ask_wait(&first, loop);
  CHECK_NUMBER(ask_wait(&waiting, loop), TG_CALL_OK);
  CHECK_NUMBER(ask_wait(&newcomer, loop), TG_CALL_OK);
  CHECK_STRING(up.paths, "/first/waiting/newcomer");
  ask_free(&first);
  ask_free(&waiting);
  ask_free(&newcomer);
  end();
}

static void times_out_while_it_waits(void) {
  asked first, waiting, last;
  tg_client_limits limits = narrow(1, 10);
  begin_limited((upstream_line[]){{.reply = NULL}, {.reply = OK}}, 2, &limits);
  ask_start(&first, client, &up, "/first");
  ask_once(&waiting, "127.0.0.1", TG_TEXT("GET /waiting HTTP/1.1\r\n\r\n"), 10);
  ask_start(&last, client, &up, "/last");
  CHECK_NUMBER(ask_wait(&waiting, loop), TG_CALL_TIMEOUT);
  CHECK_NUMBER(tg_client_count(client).waiting, 1);
  ask_free(&first);
  CHECK_NUMBER(ask_wait(&last, loop), TG_CALL_OK);
  CHECK_STRING(up.paths, "/first/last");
  ask_free(&waiting);
  ask_free(&last);
  end();
}

/* --- calls that are freed --- */

static void is_freed_after(const upstream_line *line, const char *host, int turns) {
  asked ask;
  begin(line, 1);
  ask_once(&ask, host, TG_TEXT("GET / HTTP/1.1\r\n\r\n"), 5000);
  turn(loop, turns);
  int done = ask.done;
  ask_free(&ask);
  turn_ms(loop, 2);
  CHECK_NUMBER(ask.done, done);
  CHECK_NUMBER(connections(), tg_client_count(client).idle);
  CHECK_NUMBER(up.open, connections());
  end();
}

/* Dialing, sent, in the head, in the body, ended but not heard of, done: whatever so many turns lead to. */
static void is_freed_at_any_moment(void) {
  static const upstream_line lines[] = {
      {.reply = NULL},
      {.reply = OK},
      {.reply = OK, .dribble = true},
      {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"},
      {.reply = "HTTP/1.1 100 Continue\r\n\r\n"},
      {.reply = "garbage\r\n"},
      {.close = true},
  };
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
    for (int turns = 0; turns < 30; turns += 1 + turns / 8) {
      check_case("line %zu after %d turns", i, turns);
      is_freed_after(&lines[i], "127.0.0.1", turns);
      is_freed_after(&lines[i], "localhost", turns);
    }
  }
  check_case(NULL);
}

static void is_freed_while_it_waits(void) {
  asked asks[CALLS];
  tg_client_limits limits = narrow(1, 10);
  begin_limited(&(upstream_line){.reply = OK}, 1, &limits);
  for (int i = 0; i < CALLS; i++) ask_start(&asks[i], client, &up, "/a");
  for (int i = 1; i < CALLS; i += 2) ask_free(&asks[i]);
  CHECK_NUMBER(tg_client_count(client).waiting, 2);
  for (int i = 0; i < CALLS; i += 2) CHECK_NUMBER(ask_wait(&asks[i], loop), TG_CALL_OK);
  CHECK_NUMBER(up.requests, 3);
  for (int i = 0; i < CALLS; i += 2) ask_free(&asks[i]);
  end();
}

static void are_all_freed_at_once(void) {
  asked asks[CALLS];
  tg_client_limits limits = narrow(2, 10);
  for (int turns = 0; turns < 8; turns++) {
    begin_limited(&(upstream_line){.reply = OK}, 1, &limits);
    for (int i = 0; i < CALLS; i++) ask_start(&asks[i], client, &up, "/a");
    turn(loop, turns);
    for (int i = 0; i < CALLS; i++) ask_free(&asks[i]);
    CHECK_NUMBER(tg_client_count(client).waiting, 0);
    end(); /* the client is freed before the loop turns again */
  }
}

static void on_done_and_free(tg_call *call) {
  asked *is = call->owner;
  is->done++;
  ask_free(is);
}

static void is_freed_in_its_callback(const upstream_line *line) {
  asked ask;
  begin(line, 1);
  ask_start(&ask, client, &up, "/a");
  ask.call->on_done = on_done_and_free;
  CHECK(turn_until(loop, &ask.done));
  CHECK(ask.call == NULL);
  end();
}

int main(void) {
  uses_a_kept_connection_again();
  keeps_as_many_as_were_needed();
  closes_what_nobody_uses();
  notices_that_a_kept_connection_closes();
  discards_an_answer_that_nobody_asked_for();
  sends_once_more();
  sends_no_third_time();
  sends_a_fresh_request_once();
  sends_once_what_may_not_be_repeated();
  sends_once_what_was_begun_to_be_answered();
  for (unsigned connection_max = 1; connection_max <= 2; connection_max++) {
    serves_waiting_calls(connection_max, (upstream_line){.reply = OK});
    serves_waiting_calls(connection_max, (upstream_line){.reply = CLOSING_OK, .close = true});
  }
  serves_waiting_calls_when_others_fail();
  is_busy_when_too_many_wait();
  waits_for_each_origin_apart();
  does_not_let_newcomers_pass();
  times_out_while_it_waits();
  is_freed_at_any_moment();
  is_freed_while_it_waits();
  are_all_freed_at_once();
  is_freed_in_its_callback(&(upstream_line){.reply = OK});
  is_freed_in_its_callback(&(upstream_line){.close = true});
  return check_result();
}
