/* The rest of a large text that is sent from where it is: piece by piece, as the client takes it. */
#include "http/server_connection_private.h"

#include <assert.h>

/* How much is written at once, which is what is copied of it where the client does not take it; and in one turn. */
enum { PIECE_BYTES = 64 * 1024, TURN_BYTES_MAX = 1024 * 1024 };

static_assert((int)PIECE_BYTES <= (int)TG_HELD_BYTES_MIN, "there is a rest behind the first piece");

void tg_hold_release(tg_hold *hold) {
  if (hold->release == NULL) return;
  void (*release)(void *owner, int key) = hold->release;
  hold->release = NULL;
  release(hold->owner, hold->key);
}

static tg_text take_piece(tg_held *held) {
  tg_text piece = {held->rest.data, held->rest.size < PIECE_BYTES ? held->rest.size : PIECE_BYTES};
  held->rest.data += piece.size;
  held->rest.size -= piece.size;
  return piece;
}

tg_text tg_server_held_begin(tg_server_connection *connection, tg_text text, tg_text behind, tg_hold hold) {
  connection->held = (tg_held){.rest = text, .behind = behind, .hold = hold};
  return take_piece(&connection->held);
}

void tg_server_held_drop(tg_server_connection *connection) {
  tg_hold_release(&connection->held.hold);
  connection->held = (tg_held){0};
}

static int write_piece(tg_server_connection *connection, tg_text piece) {
  tg_text parts[2] = {piece, connection->held.behind};
  return tg_server_writer_send(connection, parts, connection->held.rest.size == 0 ? 2 : 1);
}

/* The client takes all that it is given: others have their turn, and then it goes on. */
static int go_on_later(tg_server_connection *connection) {
  connection->draining = connection->held.is_waiting = true;
  tg_loop_post(connection->server->loop, &connection->next);
  return TG_STREAM_QUEUED;
}

int tg_server_held_send(tg_server_connection *connection) {
  tg_held *held = &connection->held;
  int code = TG_STREAM_SENT;
  size_t turn_bytes = 0;
  held->is_waiting = false;
  while (held->rest.size > 0 && code == TG_STREAM_SENT) {
    if (turn_bytes >= TURN_BYTES_MAX) return go_on_later(connection);
    turn_bytes += PIECE_BYTES;
    code = write_piece(connection, take_piece(held));
  }
  if (held->rest.size == 0) tg_server_held_drop(connection);
  return code;
}

int tg_server_held_copy(tg_server_connection *connection) {
  if (connection->held.rest.size == 0) return TG_STREAM_SENT;
  tg_text rest = connection->held.rest;
  connection->held.rest.size = 0;
  int code = write_piece(connection, rest);
  tg_server_held_drop(connection);
  return code;
}
