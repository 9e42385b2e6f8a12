/* A connection's lines in the access log: one for each exchange, whatever becomes of it, when its last byte has been handed
   to the system or never will be. */
#include "http/server_connection_private.h"

#include <stdlib.h>

/* --- bytes ---

   What waits for the client is the end of what was written. Of an answer without chunks that is its body; between chunks
   there are their sizes, so it is noted where those lie that had to wait. */

enum { CHUNKS_MAX = 128 };

typedef struct waiting_chunk {
  uint64_t from; /* its first byte's place in all that the connection writes */
  uint64_t size;
} waiting_chunk;

struct tg_waiting_chunks {
  unsigned count;
  waiting_chunk chunks[CHUNKS_MAX]; /* the last one is several, with their sizes between, where there are more */
};

static void add_chunk(struct tg_waiting_chunks *waiting, waiting_chunk chunk) {
  if (waiting->count < CHUNKS_MAX) waiting->chunks[waiting->count++] = chunk;
  else waiting->chunks[CHUNKS_MAX - 1].size += chunk.size;
}

void tg_server_access_note_chunk(tg_server_connection *connection, size_t size, size_t behind) {
  if (!connection->draining) return;
  if (connection->waiting == NULL) connection->waiting = calloc(1, sizeof *connection->waiting);
  if (connection->waiting == NULL) return;
  uint64_t end = connection->written_bytes + connection->held.rest.size;
  if (connection->held.rest.size > 0) end += behind;
  add_chunk(connection->waiting, (waiting_chunk){end - behind - size, size});
}

static uint64_t unsent_of_chunk(const waiting_chunk *chunk, uint64_t sent) {
  if (sent <= chunk->from) return chunk->size;
  return sent - chunk->from < chunk->size ? chunk->size - (sent - chunk->from) : 0;
}

static uint64_t unsent_of_chunks(const tg_server_connection *connection) {
  const struct tg_waiting_chunks *waiting = connection->waiting;
  uint64_t unsent = 0, sent = connection->written_bytes - tg_stream_queued_bytes(connection->stream);
  for (unsigned i = 0; waiting != NULL && i < waiting->count; i++) unsent += unsent_of_chunk(&waiting->chunks[i], sent);
  return unsent;
}

static uint64_t sent_bytes(const tg_server_connection *connection, const tg_exchange *exchange) {
  uint64_t unsent = tg_server_connection_unsent_bytes(connection);
  if (unsent > 0 && exchange->answer_chunked) unsent = unsent_of_chunks(connection);
  return unsent < exchange->answer_bytes ? exchange->answer_bytes - unsent : 0;
}

/* --- lines --- */

static void add_notes(tg_access_record *record, const tg_exchange_notes *notes) {
  record->route = notes->route;
  record->upstream_count = notes->upstream_count;
  memcpy(record->upstreams, notes->upstreams, sizeof record->upstreams);
  if (notes->error.size > 0) record->error = notes->error;
  if (notes->cancelled.size > 0) record->cancelled = notes->cancelled;
}

static tg_access_record record_of(const tg_exchange *exchange, uint64_t now_ns) {
  return (tg_access_record){
      .number = exchange->number,
      .method = exchange->head.method,
      .target = exchange->head.target,
      .major = exchange->head.major,
      .minor = exchange->head.minor,
      .status = exchange->answer_status,
      .bytes_in = exchange->body_bytes,
      .duration_ns = now_ns - exchange->started_ns,
      .head_ns = exchange->answered_ns - exchange->started_ns,
      .user_agent = tg_head_value(&exchange->head, TG_TEXT("User-Agent")),
      .referer = tg_head_value(&exchange->head, TG_TEXT("Referer")),
  };
}

static void write_line(tg_server_connection *connection, tg_exchange *exchange, tg_text cancelled) {
  tg_access_log *log = connection->server->access_log;
  if (exchange->logged || !tg_access_log_is_open(log)) return;
  exchange->logged = true;
  const tg_trusted_proxies *trusted = tg_access_log_trusted(log);
  char peer[TG_PEER_BYTES], client[TG_CLIENT_TEXT_BYTES];
  tg_peer_text(&connection->peer, peer);
  tg_access_record record = record_of(exchange, tg_loop_look_ns(connection->server->loop));
  record.remote = tg_text_of(peer);
  if (tg_client_address(trusted, &exchange->head, &connection->peer, client)) {
    record.peer = record.remote;
    record.remote = tg_text_of(client);
  }
  if (exchange->number != 0) record.id = tg_client_request_id(trusted, &exchange->head, &connection->peer);
  record.bytes_out = sent_bytes(connection, exchange);
  record.cancelled = cancelled;
  if (exchange->notes != NULL) add_notes(&record, exchange->notes);
  tg_access_log_write(log, &record);
}

/* The answer is given, and is no more the connection's affair but for this. */
static void end_sending(tg_server_connection *connection, tg_text cancelled) {
  tg_exchange *exchange = connection->sending;
  connection->sending = NULL;
  write_line(connection, exchange, cancelled);
  tg_exchange_release(exchange);
}

void tg_server_access_answered(tg_server_connection *connection) {
  if (!connection->draining) {
    write_line(connection, connection->exchange, (tg_text){NULL, 0});
    return;
  }
  connection->sending = connection->exchange;
  connection->sending->holders++;
}

void tg_server_access_sent(tg_server_connection *connection) {
  if (connection->waiting != NULL) connection->waiting->count = 0;
  if (connection->sending != NULL) end_sending(connection, (tg_text){NULL, 0});
}

void tg_server_access_given_up(tg_server_connection *connection, tg_text cancelled) {
  if (connection->sending != NULL) end_sending(connection, cancelled);
  if (connection->exchange != NULL) write_line(connection, connection->exchange, cancelled);
}

void tg_server_access_close(tg_server_connection *connection) {
  free(connection->waiting);
  connection->waiting = NULL;
}
