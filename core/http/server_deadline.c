/* The deadlines of a connection: one for what the client sends, one for what it reads, and that of the answer that it
   reads, which its route has set and which nothing puts off.

   Both a body and an answer have a budget of time. It runs while the client is waited for, and each byte that moves
   gives back what it would have taken at the slowest rate that is allowed; it never holds more than at first. So a
   client may stall, but not for long, and one that trickles is found out, however often an answer in pieces waits for
   the next piece meanwhile. */
#include "http/server_connection_private.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_SECOND UINT64_C(1000000000)
#define NO_DEADLINE UINT64_MAX

static uint64_t now_ns(const tg_server_connection *connection) {
  return tg_loop_now_ns(connection->server->loop);
}

static uint64_t earlier(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

/* Makes the timer ring in time; one that rings before that looks again. */
static void arm(tg_server_connection *connection) {
  uint64_t deadline_ns = earlier(connection->read_deadline_ns, connection->send_deadline_ns);
  deadline_ns = earlier(deadline_ns, connection->answer_deadline_ns);
  if (deadline_ns == NO_DEADLINE) return;
  if (connection->timer.active && connection->timer.deadline_ns <= deadline_ns) return;
  uint64_t now = now_ns(connection);
  tg_timer_start(connection->server->loop, &connection->timer, deadline_ns > now ? deadline_ns - now : 0);
}

static void set_read_deadline(tg_server_connection *connection, uint64_t delay_ns) {
  connection->read_deadline_ns = now_ns(connection) + delay_ns;
  arm(connection);
}

void tg_server_deadline_set(tg_server_connection *connection, uint32_t delay_ms) {
  set_read_deadline(connection, delay_ms * NS_PER_MS);
}

void tg_server_deadline_clear(tg_server_connection *connection) {
  connection->read_deadline_ns = NO_DEADLINE;
}

/* The time that so many bytes may take. */
static uint64_t time_of(uint64_t bytes, uint32_t bytes_per_second) {
  if (bytes_per_second == 0) return 0;
  return bytes / bytes_per_second * NS_PER_SECOND + bytes % bytes_per_second * NS_PER_SECOND / bytes_per_second;
}

/* --- the body --- */

void tg_server_deadline_begin_body(tg_server_connection *connection) {
  if (connection->exchange->body_deadline_set) return;
  connection->exchange->body_deadline_set = true;
  tg_server_deadline_set(connection, connection->server->limits.body_timeout_ms);
}

void tg_server_deadline_body_came(tg_server_connection *connection, size_t bytes) {
  const tg_server_limits *limits = &connection->server->limits;
  if (!connection->exchange->body_deadline_set || connection->read_deadline_ns == NO_DEADLINE) return;
  uint64_t longest = now_ns(connection) + limits->body_timeout_ms * NS_PER_MS;
  uint64_t refilled = connection->read_deadline_ns + time_of(bytes, limits->body_bytes_per_second_min);
  connection->read_deadline_ns = earlier(refilled, longest);
}

void tg_server_deadline_pause_body(tg_server_connection *connection) {
  uint64_t now = now_ns(connection), deadline_ns = connection->read_deadline_ns;
  connection->body_rest_ns = connection->server->limits.body_timeout_ms * NS_PER_MS;
  if (deadline_ns != NO_DEADLINE) connection->body_rest_ns = deadline_ns > now ? deadline_ns - now : 0;
  connection->exchange->body_deadline_set = true;
  tg_server_deadline_clear(connection);
}

void tg_server_deadline_resume_body(tg_server_connection *connection) {
  set_read_deadline(connection, connection->body_rest_ns);
}

/* --- sending --- */

static uint64_t sent_bytes(const tg_server_connection *connection) {
  return connection->written_bytes - tg_stream_queued_bytes(connection->stream);
}

/* What was sent since the last look pays for more time. */
static void refill(tg_server_connection *connection, uint64_t now) {
  const tg_server_limits *limits = &connection->server->limits;
  uint64_t sent = sent_bytes(connection), longest = now + limits->send_timeout_ms * NS_PER_MS;
  uint64_t paid = time_of(sent - connection->sent_bytes, limits->send_bytes_per_second_min);
  connection->sent_bytes = sent;
  connection->send_deadline_ns = earlier(connection->send_deadline_ns + paid, longest);
}

void tg_server_deadline_renew_sending(tg_server_connection *connection) {
  connection->send_rest_ns = connection->server->limits.send_timeout_ms * NS_PER_MS;
}

void tg_server_deadline_begin_sending(tg_server_connection *connection) {
  if (connection->send_deadline_ns != NO_DEADLINE) return;
  uint64_t now = now_ns(connection);
  connection->send_deadline_ns = now + connection->send_rest_ns;
  refill(connection, now);
  arm(connection);
}

void tg_server_deadline_limit_answer(tg_server_connection *connection, uint64_t deadline_ns) {
  connection->answer_deadline_ns = deadline_ns;
  arm(connection);
}

void tg_server_deadline_end_sending(tg_server_connection *connection) {
  connection->answer_deadline_ns = NO_DEADLINE;
  if (connection->send_deadline_ns == NO_DEADLINE) return;
  uint64_t now = now_ns(connection);
  refill(connection, now);
  connection->send_rest_ns = connection->send_deadline_ns > now ? connection->send_deadline_ns - now : 0;
  connection->send_deadline_ns = NO_DEADLINE;
}

/* The client reads too slowly when what it has read since the last look does not pay for more time. */
static bool reads_too_slowly(tg_server_connection *connection, uint64_t now) {
  refill(connection, now);
  return connection->send_deadline_ns <= now;
}

/* --- the timer --- */

static void on_read_deadline(tg_server_connection *connection) {
  tg_server_deadline_clear(connection);
  if (connection->exchange == NULL || connection->lingering) {
    tg_server_connection_destroy(connection);
  } else if (connection->parser.in_body) {
    tg_server_reader_fail(connection, (tg_refusal){408, "the request's body took too long"});
  } else {
    tg_server_reader_fail(connection, (tg_refusal){408, "the request's header section took too long"});
  }
}

/* A loop that was busy may not have seen what the client did in time. That it sees before anything is judged, once for
   each deadline: who always sends something must not win time by it. */
static bool must_look_again(tg_server_connection *connection, uint64_t now) {
  bool has_looked = connection->looks_again;
  connection->looks_again =
      !has_looked && ((now >= connection->read_deadline_ns && tg_stream_is_ready(connection->stream, false)) ||
                      (now >= connection->send_deadline_ns && tg_stream_is_ready(connection->stream, true)));
  return connection->looks_again;
}

static void on_timer(tg_timer *timer) {
  tg_server_connection *connection = TG_CONTAINER(timer, tg_server_connection, timer);
  uint64_t now = now_ns(connection);
  if (must_look_again(connection, now)) {
    tg_timer_start(connection->server->loop, timer, NS_PER_MS); /* a turn of the loop comes first */
    return;
  }
  if (now >= connection->answer_deadline_ns) {
    connection->given_up = TG_TEXT("the deadline passed");
    tg_server_connection_destroy(connection);
    return;
  }
  if (now >= connection->send_deadline_ns && reads_too_slowly(connection, now)) {
    connection->given_up = TG_TEXT("client too slow");
    tg_server_connection_destroy(connection);
    return;
  }
  if (now < connection->read_deadline_ns) {
    arm(connection);
    return;
  }
  if (connection->send_deadline_ns != NO_DEADLINE || connection->answer_deadline_ns != NO_DEADLINE)
    arm(connection); /* while the connection is there for certain */
  on_read_deadline(connection);
}

void tg_server_deadline_init(tg_server_connection *connection) {
  connection->read_deadline_ns = connection->send_deadline_ns = connection->answer_deadline_ns = NO_DEADLINE;
  tg_server_deadline_renew_sending(connection);
  tg_timer_init(&connection->timer, on_timer);
}
