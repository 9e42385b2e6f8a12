#include "io/socket.h"
#include "check.h"
#include "io/socket_private.h"
#include "support/sink.h"
#include "support/turns.h"

#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BIG = 8 * 1024 * 1024 };

static tg_loop *loop;
static tg_listener *listener;
static tg_address address; /* the listener's */
static tg_connect *connecting;
static sink client, server;
static int connect_code, connected, accepted;

static void on_accept(void *owner, tg_stream *stream) {
  (void)owner;
  accepted++;
  sink_attach(&server, stream);
}

static void on_accept_error(void *owner, int code) {
  (void)owner;
  CHECK_NUMBER(code, 0);
}

static const tg_listener_events listener_events = {.on_accept = on_accept, .on_accept_error = on_accept_error};

static void on_connect(void *owner, int code, tg_stream *stream) {
  (void)owner;
  connected++;
  connect_code = code;
  CHECK_NUMBER(stream != NULL, code == 0);
  if (stream != NULL) sink_attach(&client, stream);
}

static void listen_at(tg_text text) {
  char written[TG_ADDRESS_TEXT_BYTES];
  CHECK(tg_address_parse(&address, text));
  if (!CHECK_NUMBER(tg_listener_open(loop, &address, &listener_events, NULL, &listener), 0)) exit(check_result());
  tg_listener_address(listener, written, sizeof written);
  CHECK(tg_address_parse(&address, tg_text_of(written)));
}

static void begin_at(tg_text text) {
  client = server = (sink){0};
  connected = accepted = connect_code = 0;
  loop = tg_loop_new();
  listen_at(text);
}

static void begin_connected_at(tg_text text) {
  begin_at(text);
  CHECK_NUMBER(tg_connect_start(loop, &address, on_connect, NULL, &connecting), 0);
  CHECK_NUMBER(connected, 0); /* from the loop only */
  CHECK(turn_until(loop, &accepted));
  CHECK(turn_until(loop, &connected));
  CHECK_NUMBER(connect_code, 0);
  tg_stream_read_start(client.stream);
}

static void begin(void) {
  begin_connected_at(TG_TEXT("127.0.0.1:0"));
}

static void end(void) {
  sink_free(&client);
  sink_free(&server);
  if (listener != NULL) tg_listener_close(listener);
  listener = NULL;
  tg_loop_free(loop);
}

static char *pattern(size_t size) {
  char *bytes = malloc(size);
  for (size_t i = 0; i < size; i++) bytes[i] = (char)(i * 31 + i / 1000);
  return bytes;
}

static bool has_come(void *of) {
  return ((sink *)of)->end != 0;
}

/* Both directions; each side ends on its own. */
static void carries_bytes(tg_text where) {
  begin_connected_at(where);
  tg_text parts[] = {TG_TEXT("one"), {NULL, 0}, TG_TEXT(", two")};
  CHECK_NUMBER(tg_stream_write(client.stream, parts, 3), TG_STREAM_SENT);
  CHECK_NUMBER(tg_stream_finish(client.stream), 0);
  CHECK_NUMBER(tg_stream_finish(client.stream), 0);
  CHECK(sink_write(&client, TG_TEXT("more")) < 0);
  tg_stream_read_start(server.stream);
  tg_stream_read_start(server.stream); /* twice is no error */
  CHECK(turn_while_not(loop, has_come, &server));
  CHECK_TEXT(tg_buffer_text(&server.bytes), TG_TEXT("one, two"));
  CHECK_NUMBER(server.end, TG_ERROR_EOF);
  sink_write(&server, TG_TEXT("answer"));
  tg_stream_finish(server.stream);
  CHECK(turn_while_not(loop, has_come, &client));
  CHECK_TEXT(tg_buffer_text(&client.bytes), TG_TEXT("answer"));
  CHECK_NUMBER(client.end, TG_ERROR_EOF);
  end();
}

/* An end that does not read hears that its peer has left, though there is something in front of that. */
static void hears_the_end_while_it_holds(tg_text where, void (*leave)(tg_stream *stream)) {
  begin_connected_at(where);
  tg_stream_read_hold(server.stream);
  tg_stream_read_hold(server.stream); /* twice is no error */
  sink_write(&client, TG_TEXT("unread"));
  turn(loop, 10);
  CHECK_NUMBER(server.reads, 0);
  CHECK_NUMBER(server.end, 0);
  leave(client.stream);
  client.stream = NULL;
  CHECK(turn_while_not(loop, has_come, &server));
  CHECK(server.end == TG_ERROR_EOF || server.end == TG_ERROR_RESET);
  CHECK_NUMBER(server.reads, 0);
  turn(loop, 10);
  end();
}

static void hears_that_one_direction_ends_while_it_holds(tg_text where) {
  begin_connected_at(where);
  tg_stream_read_hold(server.stream);
  sink_write(&client, TG_TEXT("unread"));
  tg_stream_finish(client.stream);
  CHECK(turn_while_not(loop, has_come, &server));
  CHECK_NUMBER(server.end, TG_ERROR_EOF);
  sink_write(&server, TG_TEXT("answer")); /* the other way goes on */
  tg_stream_finish(server.stream);
  CHECK(turn_while_not(loop, has_come, &client));
  CHECK_TEXT(tg_buffer_text(&client.bytes), TG_TEXT("answer"));
  end();
}

static void reads_on_after_it_held(tg_text where) {
  begin_connected_at(where);
  tg_stream_read_hold(server.stream);
  sink_write(&client, TG_TEXT("held"));
  turn(loop, 10);
  tg_stream_read_start(server.stream);
  CHECK(turn_until(loop, &server.reads));
  CHECK_TEXT(tg_buffer_text(&server.bytes), TG_TEXT("held"));
  tg_stream_read_hold(server.stream);
  tg_stream_read_stop(server.stream);
  tg_stream_finish(client.stream);
  turn(loop, 10);
  CHECK_NUMBER(server.end, 0);
  tg_stream_read_start(server.stream);
  CHECK(turn_while_not(loop, has_come, &server));
  CHECK_NUMBER(server.end, TG_ERROR_EOF);
  end();
}

static void holds(tg_text where) {
  hears_the_end_while_it_holds(where, tg_stream_close);
  hears_the_end_while_it_holds(where, tg_stream_reset);
  hears_that_one_direction_ends_while_it_holds(where);
  reads_on_after_it_held(where);
}

/* The one that hears it first closes the other, which would hear it next. */
static void is_closed_before_it_hears(void) {
  begin();
  server.close_on_end = true;
  tg_stream_read_hold(server.stream);
  tg_stream_read_hold(client.stream);
  tg_stream_finish(client.stream);
  CHECK(turn_while_not(loop, has_come, &server));
  CHECK(server.stream == NULL);
  CHECK(turn_while_not(loop, has_come, &client));
  end();
}

/* More than the system takes at once, in many parts, to a peer that reads nothing for a while: it is queued, comes
   whole and in order, drains once, and only then the own side ends. */
static void sends_a_lot_to_a_slow_reader(void) {
  begin();
  char *bytes = pattern(BIG);
  tg_text parts[20];
  for (size_t i = 0; i < 20; i++) parts[i] = (tg_text){bytes + i * (BIG / 20), BIG / 20};
  CHECK_NUMBER(tg_stream_write(client.stream, parts, 20), TG_STREAM_QUEUED);
  CHECK_NUMBER(sink_write(&client, TG_TEXT("tail")), TG_STREAM_QUEUED);
  CHECK_NUMBER(tg_stream_finish(client.stream), 0);
  turn(loop, 20);
  CHECK(tg_stream_queued_bytes(client.stream) > 0);
  CHECK_NUMBER(client.drains, 0);
  tg_stream_read_start(server.stream);
  CHECK(turn_while_not(loop, has_come, &server));
  tg_text received = tg_buffer_text(&server.bytes);
  CHECK_NUMBER(received.size, BIG / 20 * 20 + 4);
  CHECK(received.size > 4 && memcmp(received.data, bytes, received.size - 4) == 0);
  CHECK_NUMBER(client.drains, 1);
  CHECK_NUMBER(client.drain_code, 0);
  CHECK_NUMBER(tg_stream_queued_bytes(client.stream), 0);
  free(bytes);
  end();
}

static void holds_the_peer_back(void) {
  begin();
  char *bytes = pattern(BIG);
  sink_write(&client, (tg_text){bytes, BIG});
  tg_stream_read_start(server.stream);
  while (server.reads == 0) tg_loop_turn(loop);
  tg_stream_read_stop(server.stream);
  size_t received = tg_buffer_size(&server.bytes);
  turn_ms(loop, 5);
  CHECK_NUMBER(tg_buffer_size(&server.bytes), received);
  CHECK(tg_stream_queued_bytes(client.stream) > 0);
  free(bytes);
  end(); /* closes with bytes queued: they are dropped */
}

static void closes_in_a_drain(void) {
  begin();
  char *bytes = pattern(BIG);
  client.close_on_drain = true;
  CHECK_NUMBER(sink_write(&client, (tg_text){bytes, BIG}), TG_STREAM_QUEUED);
  tg_stream_read_start(server.stream);
  CHECK(turn_while_not(loop, has_come, &server));
  CHECK(client.stream == NULL);
  CHECK_NUMBER(tg_buffer_size(&server.bytes), BIG);
  free(bytes);
  end();
}

static bool has_drained(void *of) {
  return ((sink *)of)->drains > 0;
}

/* Bytes of a file go behind those that were written before, and not before these have drained. */
static void sends_a_file_behind_what_waits(void) {
  begin();
  char *bytes = pattern(BIG);
  FILE *file = tmpfile();
  CHECK(file != NULL && fwrite("of a file", 1, 9, file) == 9 && fflush(file) == 0);
  CHECK_NUMBER(sink_write(&client, (tg_text){bytes, BIG}), TG_STREAM_QUEUED);
  CHECK_NUMBER(tg_stream_send_file(client.stream, fileno(file), 0, 9), 0);
  tg_stream_read_start(server.stream);
  CHECK(turn_while_not(loop, has_drained, &client));
  CHECK_NUMBER(tg_stream_send_file(client.stream, fileno(file), 0, 9), 9);
  CHECK_NUMBER(tg_stream_send_file(client.stream, fileno(file), 9, 1), TG_ERROR_EOF);
  tg_stream_finish(client.stream);
  CHECK(tg_stream_send_file(client.stream, fileno(file), 0, 9) < 0);
  CHECK(turn_while_not(loop, has_come, &server));
  tg_text received = tg_buffer_text(&server.bytes);
  CHECK_NUMBER(received.size, BIG + 9);
  CHECK(received.size > 9 && memcmp(received.data + BIG, "of a file", 9) == 0);
  fclose(file);
  free(bytes);
  end();
}

/* The peer goes while bytes wait for it: the drain fails. */
static void fails_a_drain(void) {
  begin();
  char *bytes = pattern(BIG);
  tg_stream_read_stop(client.stream);
  CHECK_NUMBER(sink_write(&client, (tg_text){bytes, BIG}), TG_STREAM_QUEUED);
  turn(loop, 5);
  sink_free(&server); /* with bytes unread, so that the system sends a reset */
  CHECK(turn_while_not(loop, has_drained, &client));
  CHECK(client.drain_code < 0);
  CHECK_NUMBER(client.drains, 1);
  free(bytes);
  end();
}

static void closes_in_a_read(void) {
  begin();
  server.close_on_read = true;
  tg_stream_read_start(server.stream);
  sink_write(&client, TG_TEXT("x"));
  CHECK(turn_while_not(loop, has_come, &client));
  CHECK(server.stream == NULL);
  end();
}

static void hears_a_reset(void) {
  begin();
  sink_write(&server, TG_TEXT("x"));
  sink_write(&client, TG_TEXT("y"));
  turn_ms(loop, 2);
  sink_free(&server); /* y was never read */
  CHECK(turn_while_not(loop, has_come, &client));
  CHECK_NUMBER(client.end, TG_ERROR_RESET);
  end();
}

/* --- connecting --- */

/* A file of so many bytes that nobody sees. */
static int open_file(long bytes) {
  char path[] = "/tmp/tidegate-test-XXXXXX";
  int fd = mkstemp(path);
  unlink(path);
  CHECK_NUMBER(ftruncate(fd, bytes), 0);
  return fd;
}

/* A peer that reads without a turn of the loop. */
static int connect_raw(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  CHECK_NUMBER(connect(fd, (const struct sockaddr *)&address.storage, sizeof(struct sockaddr_in)), 0);
  CHECK(turn_until(loop, &accepted));
  return fd;
}

static void read_raw(int fd, size_t bytes) {
  static char into[65536];
  while (bytes > 0) {
    ssize_t count = read(fd, into, bytes < sizeof into ? bytes : sizeof into);
    if (!CHECK(count > 0)) return;
    bytes -= (size_t)count;
  }
}

/* A write that went out at once, whose end the loop has not told yet, stands in no file's way. */
static void sends_a_file_behind_a_write_that_is_out(void) {
  enum { FILE_BYTES = 64 * 1024 * 1024 };
  size_t sent = 0;
  long count;
  begin_at(TG_TEXT("127.0.0.1:0"));
  int peer = connect_raw(), file = open_file(FILE_BYTES);
  while ((count = tg_stream_send_file(server.stream, file, sent, FILE_BYTES - sent)) > 0) sent += (size_t)count;
  CHECK_NUMBER(count, 0); /* the system takes no more */
  CHECK_NUMBER(sink_write(&server, TG_TEXT("x")), TG_STREAM_QUEUED);
  CHECK_NUMBER(tg_stream_send_file(server.stream, file, sent, FILE_BYTES - sent), 0);
  read_raw(peer, sent);
  CHECK_NUMBER(sink_write(&server, TG_TEXT("y")), TG_STREAM_QUEUED);
  CHECK(tg_stream_send_file(server.stream, file, sent, FILE_BYTES - sent) >= 0);
  turn(loop, 10);
  CHECK_NUMBER(server.drains, 1);
  CHECK_NUMBER(server.drain_code, 0);
  CHECK(tg_stream_send_file(server.stream, file, sent, FILE_BYTES - sent) > 0);
  CHECK_NUMBER(tg_stream_send_file(server.stream, file, FILE_BYTES, 1), TG_ERROR_EOF);
  close(file);
  close(peer);
  end();
}

static void is_refused(void) {
  begin_at(TG_TEXT("127.0.0.1:0"));
  tg_listener_close(listener); /* nobody listens on its port now */
  listener = NULL;
  turn(loop, 3);
  CHECK_NUMBER(tg_connect_start(loop, &address, on_connect, NULL, &connecting), 0);
  CHECK_NUMBER(connected, 0);
  CHECK(turn_until(loop, &connected));
  CHECK_STRING(tg_error_name(connect_code), "ECONNREFUSED");
  end();
}

static void is_cancelled(void) {
  begin_at(TG_TEXT("127.0.0.1:0"));
  CHECK_NUMBER(tg_connect_start(loop, &address, on_connect, NULL, &connecting), 0);
  tg_connect_cancel(connecting);
  turn_ms(loop, 5);
  CHECK_NUMBER(connected, 0);
  end();
}

static void names_peers(void) {
  char text[TG_PEER_BYTES];
  begin();
  tg_peer peer = tg_stream_peer(server.stream);
  tg_peer_text(&peer, text);
  CHECK(strncmp(text, "127.0.0.1:", 10) == 0 && atoi(text + 10) > 0);
  end();
}

/* --- listening --- */

static void refuses_a_port_in_use(void) {
  begin_at(TG_TEXT("127.0.0.1:0"));
  tg_listener *second = NULL;
  int code = tg_listener_open(loop, &address, &listener_events, NULL, &second);
  CHECK_STRING(code < 0 ? tg_error_name(code) : "", "EADDRINUSE");
  CHECK(second == NULL);
  end();
}

static char unix_text[80];

static void serves_unix_sockets(void) {
  snprintf(unix_text, sizeof unix_text, "unix:/tmp/tidegate-test-%d.sock", (int)getpid());
  carries_bytes(tg_text_of(unix_text));
  holds(tg_text_of(unix_text));
  CHECK(access(unix_text + 5, F_OK) < 0); /* the file goes with its listener */
}

static void replaces_stale_unix_sockets_only(void) {
  begin_at(tg_text_of(unix_text));
  tg_listener *second = NULL;
  CHECK(tg_listener_open(loop, &address, &listener_events, NULL, &second) < 0); /* it lives */
  end();
  FILE *file = fopen(unix_text + 5, "w");
  CHECK(file != NULL);
  if (file != NULL) fclose(file);
  loop = tg_loop_new();
  CHECK(tg_listener_open(loop, &address, &listener_events, NULL, &second) < 0); /* not a socket */
  tg_loop_free(loop);
  CHECK_NUMBER(unlink(unix_text + 5), 0);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_storage name = {.ss_family = AF_UNIX};
  memcpy((char *)&name + offsetof(struct sockaddr, sa_data), address.path, sizeof address.path);
  CHECK_NUMBER(bind(fd, (struct sockaddr *)&name, sizeof(sa_family_t) + sizeof address.path), 0);
  close(fd); /* its file stays: stale */
  carries_bytes(tg_text_of(unix_text));
}

/* Sizes that no int holds, of memory that is not there: it is not touched. */
static void gathers_no_more_than_a_call_takes(void) {
  static const size_t sizes[] = {1,
                                 TG_SOCKET_CALL_BYTES_MAX - 1,
                                 TG_SOCKET_CALL_BYTES_MAX,
                                 (size_t)1 << 31,
                                 (size_t)1 << 32,
                                 ((size_t)1 << 32) + 10,
                                 SIZE_MAX};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    tg_text parts[] = {{"a", 1}, {"", 0}, {"b", sizes[i]}, {"c", 3}};
    uv_buf_t buffers[8];
    size_t total = 0;
    unsigned used = tg_socket_gather(parts, 4, buffers, 8);
    for (unsigned at = 0; at < used; at++) total += buffers[at].len;
    bool is_whole = sizes[i] + 1 < TG_SOCKET_CALL_BYTES_MAX && sizes[i] < SIZE_MAX;
    CHECK_NUMBER(used, is_whole ? 3 : 2);
    CHECK_NUMBER(total, is_whole ? sizes[i] + 4 : TG_SOCKET_CALL_BYTES_MAX);
    CHECK_NUMBER(tg_socket_gather(parts, 4, buffers, 1), 1);
  }
}

int main(void) {
  gathers_no_more_than_a_call_takes();
  carries_bytes(TG_TEXT("127.0.0.1:0"));
  sends_a_lot_to_a_slow_reader();
  holds_the_peer_back();
  closes_in_a_drain();
  sends_a_file_behind_what_waits();
  fails_a_drain();
  closes_in_a_read();
  hears_a_reset();
  holds(TG_TEXT("127.0.0.1:0"));
  is_closed_before_it_hears();
  sends_a_file_behind_a_write_that_is_out();
  is_refused();
  is_cancelled();
  names_peers();
  refuses_a_port_in_use();
  serves_unix_sockets();
  replaces_stale_unix_sockets_only();
  return check_result();
}
