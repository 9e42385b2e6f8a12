/* Large bodies that are sent from where they are: whole, in order, and let go once, whatever happens meanwhile. What is
   sent after that AddressSanitizer sees. */
#include "check.h"
#include "support/talk.h"
#include "support/turns.h"

#define REQUEST(method, path, fields) method " " path " HTTP/1.1\r\nHost: h\r\n" fields "\r\n"
#define GET(path) REQUEST("GET", path, "")

enum { LENGTH = 3000000, CAPACITY = 1000, PIECE_MAX = 64 * 1024 + CAPACITY + 512 };

static talk t;

/* A client that has asked and does not read. */
static void ask(const char *request) {
  talk_begin(&t, NULL);
  talk_set_capacity(&t, CAPACITY);
  tg_stream_read_stop(t.client.stream);
  talk_send(&t, request);
}

/* The client reads once. */
static void read_once(void) {
  tg_stream_read_start(t.client.stream);
  turn(t.loop, 1);
  tg_stream_read_stop(t.client.stream);
  turn(t.loop, 1);
}

static void read_all(void) {
  tg_stream_read_start(t.client.stream);
  turn(t.loop, 200);
}

/* Is the answer that begins `at` of this length, and each of its bytes in its place? Where it ends; 0 where not. */
static size_t check_body(size_t at) {
  tg_text answer = talk_answer(&t);
  const char *body = memmem(answer.data + at, answer.size - at, "\r\n\r\n", 4);
  if (!CHECK(body != NULL)) return 0;
  body += 4;
  size_t begin = (size_t)(body - answer.data);
  if (!CHECK(answer.size - begin >= LENGTH)) return 0;
  size_t wrong = 0;
  for (size_t i = 0; i < LENGTH; i++) wrong += body[i] != (char)('a' + i % 26);
  CHECK_NUMBER(wrong, 0);
  return begin + LENGTH;
}

static void comes_whole(void) {
  ask(GET("/held/3000000"));
  CHECK_NUMBER(t.echo.answered, 1);
  CHECK_NUMBER(t.echo.holds, 1);
  size_t before = 0;
  while (t.echo.holds > 0 && before < LENGTH) {
    read_once();
    size_t now = talk_answer(&t).size;
    CHECK(now > before && now - before <= PIECE_MAX); /* that much was written, and no more */
    before = now;
  }
  read_all();
  CHECK_NUMBER(check_body(0), talk_answer(&t).size);
  talk_send(&t, GET("/next"));
  CHECK(talk_has(&t, "GET /next"));
  talk_end(&t);
}

static void comes_whole_to_who_reads_at_once(void) {
  talk_begin(&t, NULL);
  talk_send(&t, GET("/held/3000000"));
  turn(t.loop, 10);
  CHECK_NUMBER(check_body(0), talk_answer(&t).size);
  CHECK_NUMBER(t.echo.holds, 0);
  talk_end(&t);
}

static void comes_in_order(void) {
  ask(GET("/held/3000000") GET("/between") GET("/held/3000000") GET("/last"));
  read_all();
  size_t at = check_body(0);
  CHECK(talk_has(&t, "GET /between"));
  CHECK(at > 0 && check_body(at + 200) < talk_answer(&t).size);
  CHECK(talk_has(&t, "GET /last"));
  CHECK_NUMBER(t.echo.holds, 0);
  talk_end(&t);
}

static void comes_whole_before_the_end(const char *request) {
  ask(request);
  CHECK_NUMBER(t.echo.holds, 1);
  read_once();
  read_all();
  CHECK_NUMBER(check_body(0), talk_answer(&t).size);
  CHECK_NUMBER(t.client.end, TG_ERROR_EOF);
  CHECK_NUMBER(t.echo.holds, 0);
  talk_end(&t);
}

static void comes_whole_to_who_ends_its_side(void) {
  ask(GET("/held/3000000"));
  tg_stream_finish(t.client.stream);
  turn(t.loop, 3);
  read_all();
  CHECK_NUMBER(check_body(0), talk_answer(&t).size);
  CHECK_NUMBER(t.client.end, TG_ERROR_EOF);
  CHECK_NUMBER(tg_server_connection_count(t.echo.server), 0);
  talk_end(&t);
}

static void comes_whole_from_a_server_that_stops(void) {
  ask(GET("/held/3000000"));
  tg_server_stop(t.echo.server);
  turn(t.loop, 3);
  CHECK_NUMBER(t.echo.stopped, 0);
  read_all();
  CHECK_NUMBER(check_body(0), talk_answer(&t).size);
  CHECK_NUMBER(t.client.end, TG_ERROR_EOF);
  talk_leave(&t);
  CHECK_NUMBER(t.echo.stopped, 1);
  talk_end(&t);
}

/* What has no large body is let go at once. */
static void is_not_kept(const char *request) {
  ask(request);
  CHECK_NUMBER(t.echo.answered, 1);
  CHECK_NUMBER(t.echo.holds, 0);
  talk_end(&t);
}

static void is_let_go_where_its_client_leaves(int reads) {
  ask(GET("/held/3000000") GET("/held/3000000"));
  for (int i = 0; i < reads; i++) read_once();
  CHECK_NUMBER(t.echo.holds, 1);
  tg_stream_close(t.client.stream);
  t.client.stream = NULL;
  turn(t.loop, 5);
  CHECK_NUMBER(t.echo.holds, 0);
  CHECK_NUMBER(tg_server_connection_count(t.echo.server), 0);
  talk_end(&t);
}

static void is_let_go_where_its_client_has_left(void) {
  talk_begin(&t, NULL);
  sink_write(&t.client, TG_TEXT(GET("/held/3000000")));
  talk_leave(&t);
  echo_answer_held(&t.echo);
  CHECK_NUMBER(t.echo.holds, 0);
  talk_end(&t);
}

static void is_let_go_where_its_server_is_freed(int reads) {
  ask(GET("/held/3000000"));
  for (int i = 0; i < reads; i++) read_once();
  tg_server_free(t.echo.server);
  t.echo.server = NULL;
  CHECK_NUMBER(t.echo.holds, 0);
  talk_end(&t);
}

/* The client reads nothing: its time passes as that of any other answer does. */
static void is_let_go_where_its_client_is_too_slow(void) {
  talk_begin_virtual(&t);
  talk_set_capacity(&t, CAPACITY);
  tg_stream_read_stop(t.client.stream);
  sink_write(&t.client, TG_TEXT(GET("/held/3000000")));
  turn(t.loop, 30);
  CHECK_NUMBER(t.echo.answered, 1);
  CHECK_NUMBER(t.echo.holds, 0);
  CHECK_NUMBER(tg_server_connection_count(t.echo.server), 0);
  talk_end(&t);
}

int main(void) {
  comes_whole();
  comes_whole_to_who_reads_at_once();
  comes_in_order();
  comes_whole_before_the_end(REQUEST("GET", "/held/3000000", "Connection: close\r\n"));
  comes_whole_before_the_end("GET /held/3000000 HTTP/1.0\r\n\r\n");
  comes_whole_to_who_ends_its_side();
  comes_whole_from_a_server_that_stops();
  is_not_kept(REQUEST("HEAD", "/held/3000000", ""));
  is_not_kept(GET("/held/65536"));
  is_not_kept(GET("/held/0"));
  is_let_go_where_its_client_leaves(0);
  is_let_go_where_its_client_leaves(5);
  is_let_go_where_its_client_has_left();
  is_let_go_where_its_server_is_freed(0);
  is_let_go_where_its_server_is_freed(5);
  is_let_go_where_its_client_is_too_slow();
  return check_result();
}
