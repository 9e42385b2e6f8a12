/* A server whose loop was busy for longer than a time limit: what clients did meanwhile waits in the system, and counts.
   Over real sockets, as only these hold something that the loop has not seen. */
#include "check.h"
#include "support/echo.h"
#include "support/turns.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LIMIT_MS = 500, BUSY_US = 600 * 1000, BIG = 16 * 1024 * 1024, RECEIVE_BYTES = 64 * 1024 };

static tg_loop *loop;
static echo server;
static int client;
static size_t received;
static char bytes[RECEIVE_BYTES];

static bool is_accepted(void *nothing) {
  (void)nothing;
  return tg_server_connection_count(server.server) == 1;
}

static bool is_closed(void *nothing) {
  (void)nothing;
  return tg_server_connection_count(server.server) == 0;
}

static void connect_to(const char *address) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  at.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
  client = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(client >= 0 && connect(client, (struct sockaddr *)&at, sizeof at) == 0);
  CHECK(turn_while_not(loop, is_accepted, NULL));
}

static void begin(void) {
  tg_server_limits limits = tg_server_limits_default;
  tg_address address;
  char text[128];
  limits.idle_timeout_ms = limits.head_timeout_ms = limits.send_timeout_ms = LIMIT_MS;
  received = 0;
  loop = tg_loop_new();
  echo_start(&server, loop, &limits);
  CHECK(tg_address_parse(&address, TG_TEXT("127.0.0.1:0")));
  CHECK_NUMBER(tg_server_listen(server.server, &address, text, sizeof text), 0);
  connect_to(text);
}

static void end(void) {
  close(client);
  echo_free(&server);
  tg_loop_free(loop);
}

static void say(const char *text) {
  CHECK_NUMBER(send(client, text, strlen(text), MSG_NOSIGNAL), (long)strlen(text));
}

/* Takes what has come, without waiting. */
static bool receive(void) {
  ssize_t size = recv(client, bytes, sizeof bytes, MSG_DONTWAIT);
  if (size > 0) received += (size_t)size;
  return size > 0;
}

static bool has_answer(void *nothing) {
  (void)nothing;
  return receive();
}

static void reads_a_request_before_it_calls_the_connection_idle(void) {
  begin();
  say("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
  usleep(BUSY_US);
  CHECK(turn_while_not(loop, has_answer, NULL));
  CHECK(memcmp(bytes, "HTTP/1.1 200 ", 13) == 0);
  end();
}

static void reads_a_head_before_it_calls_it_slow(void) {
  begin();
  say("GET /a HTTP/1.1\r\nHo");
  turn(loop, 3);
  say("st: h\r\n\r\n");
  usleep(BUSY_US);
  CHECK(turn_while_not(loop, has_answer, NULL));
  CHECK(memcmp(bytes, "HTTP/1.1 200 ", 13) == 0);
  end();
}

static bool has_it_all(void *nothing) {
  (void)nothing;
  while (receive()) continue;
  return received > BIG;
}

static void writes_before_it_calls_a_reader_slow(void) {
  begin();
  say("GET /big/16777216 HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(turn_while_not(loop, has_answer, NULL));
  while (receive()) continue;
  usleep(BUSY_US);
  CHECK(turn_while_not(loop, has_it_all, NULL));
  end();
}

/* Bytes that come all the time win no more than that one look. */
static bool trickles_in_vain(void *nothing) {
  (void)send(client, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  return is_closed(nothing);
}

static void still_ends_what_is_slow(void) {
  begin();
  say("GET /");
  CHECK(turn_while_not(loop, trickles_in_vain, NULL));
  end();
  begin();
  CHECK(turn_while_not(loop, is_closed, NULL));
  end();
}

int main(void) {
  reads_a_request_before_it_calls_the_connection_idle();
  reads_a_head_before_it_calls_it_slow();
  writes_before_it_calls_a_reader_slow();
  still_ends_what_is_slow();
  return check_result();
}
