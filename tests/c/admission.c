/* How many connections a server has: the next one is told so, and others never notice. */
#include "check.h"
#include "io/pair.h"
#include "support/echo.h"
#include "support/sink.h"
#include "support/turns.h"

#include <stdlib.h>

#define GET "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"

enum { CLIENTS = 400 };

static tg_loop *loop;
static echo server;
static sink clients[CLIENTS];

static void begin(uint32_t connections_max, uint32_t per_address_max) {
  tg_server_limits limits = tg_server_limits_default;
  limits.connections_max = connections_max;
  limits.connections_per_address_max = per_address_max;
  loop = tg_loop_new();
  if (!CHECK(loop != NULL)) abort();
  echo_start(&server, loop, &limits);
}

static void end(void) {
  for (int i = 0; i < CLIENTS; i++) {
    sink_free(&clients[i]);
    clients[i] = (sink){0};
  }
  echo_free(&server);
  tg_loop_free(loop);
}

static void connect_client(int number) {
  tg_stream *client, *own;
  sink_free(&clients[number]);
  clients[number] = (sink){0};
  tg_pair_open(loop, &client, &own);
  sink_start(&clients[number], client);
  tg_server_accept(server.server, own);
}

static void connect_clients(int first, int last) {
  for (int i = first; i <= last; i++) connect_client(i);
  turn(loop, 5);
}

static void leave(int number) {
  sink_free(&clients[number]);
  turn(loop, 5);
}

static bool was_turned_away(int number) {
  tg_text text = tg_buffer_text(&clients[number].bytes);
  return text.size > 0 && memmem(text.data, text.size, "HTTP/1.1 503 ", 13) == text.data &&
         memmem(text.data, text.size, "\r\nRetry-After: 1\r\n", 18) != NULL;
}

static bool is_answered(int number) {
  sink_write(&clients[number], TG_TEXT(GET));
  turn(loop, 5);
  tg_text text = tg_buffer_text(&clients[number].bytes);
  return text.size > 0 && memmem(text.data, text.size, "HTTP/1.1 200 OK", 15) != NULL;
}

static void turns_away_over_the_limit(void) {
  begin(3, 0);
  connect_clients(0, 3);
  CHECK(was_turned_away(3));
  CHECK(clients[3].end != 0);
  for (int i = 0; i < 3; i++) CHECK(is_answered(i));
  leave(3);
  CHECK_NUMBER(tg_server_connection_count(server.server), 3);
  end();
}

static void lets_in_where_one_has_left(void) {
  begin(3, 0);
  connect_clients(0, 3);
  leave(0);
  connect_clients(0, 0);
  CHECK(is_answered(0));
  connect_clients(3, 3);
  CHECK(was_turned_away(3));
  end();
}

static void says_once_that_it_is_full(void) {
  begin(16, 0);
  connect_clients(0, 30);
  CHECK_NUMBER(server.full, 1);
  for (int i = 0; i < 8; i++) leave(i);
  connect_clients(0, 4);
  CHECK_NUMBER(server.full, 1);
  connect_clients(40, 60);
  CHECK_NUMBER(server.full, 2);
  end();
}

/* Those that are told wait for their clients to read it, and there may be many: no more than some hundred do. */
static void does_not_keep_whom_it_turns_away(void) {
  begin(1, 0);
  connect_clients(0, CLIENTS - 1);
  CHECK(tg_server_connection_count(server.server) <= 1 + 256);
  for (int i = 1; i < CLIENTS; i++) CHECK(was_turned_away(i));
  CHECK(is_answered(0));
  end();
}

static void counts_each_address(void) {
  begin(100, 2);
  connect_clients(0, 2);
  CHECK(was_turned_away(2));
  CHECK_NUMBER(server.full, 0);
  leave(0);
  leave(1);
  leave(2);
  CHECK_NUMBER(tg_server_connection_count(server.server), 0);
  connect_clients(0, 1);
  CHECK(is_answered(0));
  CHECK(is_answered(1));
  end();
}

/* What ends while somebody is being told. */
static void ends_at_any_moment(void) {
  begin(1, 0);
  connect_client(0);
  connect_client(1);
  end();
  begin(1, 0);
  connect_client(0);
  connect_client(1);
  sink_free(&clients[1]);
  turn(loop, 5);
  end();
  begin(1, 0);
  connect_clients(0, 1);
  tg_server_stop(server.server);
  turn(loop, 5);
  end();
}

int main(void) {
  turns_away_over_the_limit();
  lets_in_where_one_has_left();
  says_once_that_it_is_full();
  does_not_keep_whom_it_turns_away();
  counts_each_address();
  ends_at_any_moment();
  return check_result();
}
