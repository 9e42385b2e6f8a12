#include "io/dial.h"
#include "check.h"
#include "support/turns.h"

#include <stdio.h>
#include <stdlib.h>

static tg_loop *loop;
static tg_listener *listener;
static unsigned port;
static tg_dial *dialing;
static int dialed, dial_code, accepted;

static void on_accept(void *owner, tg_stream *stream) {
  (void)owner;
  accepted++;
  tg_stream_close(stream);
}

static void on_accept_error(void *owner, int code) {
  (void)owner;
  CHECK_NUMBER(code, 0);
}

static const tg_listener_events listener_events = {.on_accept = on_accept, .on_accept_error = on_accept_error};

static void on_dialed(void *owner, int code, tg_stream *stream) {
  CHECK(owner == &port);
  CHECK_NUMBER(stream != NULL, code == 0);
  dialed++;
  dial_code = code;
  if (stream != NULL) tg_stream_close(stream);
}

static void begin(void) {
  tg_address address;
  char text[TG_ADDRESS_TEXT_BYTES] = "";
  dialed = dial_code = accepted = 0;
  loop = tg_loop_new();
  tg_address_parse(&address, TG_TEXT("127.0.0.1:0"));
  CHECK_NUMBER(tg_listener_open(loop, &address, &listener_events, NULL, &listener), 0);
  tg_listener_address(listener, text, sizeof text);
  port = (unsigned)atoi(strrchr(text, ':') + 1);
}

static void end(void) {
  tg_listener_close(listener);
  tg_loop_free(loop);
}

static int start(const char *host, unsigned at) {
  return tg_dial_start(loop, host, at, on_dialed, &port, &dialing);
}

static void reaches(const char *host) {
  begin();
  check_case("%s", host);
  CHECK_NUMBER(start(host, port), 0);
  CHECK_NUMBER(dialed, 0); /* from the loop only */
  CHECK(turn_until(loop, &dialed));
  CHECK_NUMBER(dial_code, 0);
  CHECK(turn_until(loop, &accepted));
  check_case(NULL);
  end();
}

/* The name stands for several addresses on many machines: the last one's code counts. */
static void is_refused(const char *host) {
  begin();
  tg_listener_close(listener);
  turn(loop, 3);
  check_case("%s", host);
  CHECK_NUMBER(start(host, port), 0);
  CHECK(turn_until(loop, &dialed));
  CHECK(dial_code < 0);
  if (strcmp(host, "127.0.0.1") == 0) CHECK_STRING(tg_error_name(dial_code), "ECONNREFUSED");
  turn(loop, 5);
  CHECK_NUMBER(dialed, 1);
  check_case(NULL);
  tg_loop_free(loop);
}

/* Names that no name server has to be asked for: they cannot be. */
static void does_not_find(const char *host) {
  begin();
  int code = start(host, port);
  if (code == 0) {
    CHECK(turn_until(loop, &dialed));
    code = dial_code;
  }
  CHECK(code < 0);
  CHECK_NUMBER(accepted, 0);
  end();
}

/* A cancel may come before the look-up began, while its thread is busy, or when it is done but not yet heard. */
static void is_cancelled(const char *host, int turns) {
  begin();
  CHECK_NUMBER(start(host, port), 0);
  turn(loop, turns);
  if (dialed == 0) {
    tg_dial_cancel(dialing);
    turn_ms(loop, 10);
    CHECK_NUMBER(dialed, 0);
  }
  end(); /* waits for a look-up that could not be stopped */
}

static void is_cancelled_among_many(void) {
  enum { MANY = 50 };
  tg_dial *dials[MANY];
  begin();
  for (int i = 0; i < MANY; i++) {
    CHECK_NUMBER(tg_dial_start(loop, "localhost", port, on_dialed, &port, &dials[i]), 0);
  }
  for (int i = 0; i < MANY; i += 2) tg_dial_cancel(dials[i]);
  while (dialed < MANY / 2) tg_loop_turn(loop);
  turn_ms(loop, 5);
  CHECK_NUMBER(dialed, MANY / 2);
  end();
}

static void copies_the_host(void) {
  begin();
  char host[] = "localhost";
  CHECK_NUMBER(start(host, port), 0);
  memset(host, 'x', sizeof host - 1);
  CHECK(turn_until(loop, &dialed));
  CHECK_NUMBER(dial_code, 0);
  end();
}

int main(void) {
  reaches("127.0.0.1");
  reaches("localhost");
  is_refused("127.0.0.1");
  is_refused("localhost");
  does_not_find("");
  does_not_find("a-label-of-more-than-63-bytes.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
  for (int turns = 0; turns < 4; turns++) {
    is_cancelled("127.0.0.1", turns);
    is_cancelled("localhost", turns);
  }
  is_cancelled_among_many();
  copies_the_host();
  return check_result();
}
