/* A connection's lines in the access log: one for each exchange, whatever becomes of it. */
#include "http/server_connection_private.h"
#include "io/address.h"

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
      .bytes_out = exchange->answer_bytes,
      .duration_ns = now_ns - exchange->started_ns,
      .head_ns = exchange->answered_ns > 0 ? exchange->answered_ns - exchange->started_ns : 0,
      .user_agent = tg_head_value(&exchange->head, TG_TEXT("User-Agent")),
      .referer = tg_head_value(&exchange->head, TG_TEXT("Referer")),
  };
}

void tg_server_access_note(tg_server_connection *connection, tg_text cancelled) {
  tg_exchange *exchange = connection->exchange;
  tg_access_log *log = connection->server->access_log;
  if (exchange->logged || !tg_access_log_is_open(log)) return;
  exchange->logged = true;
  char peer[TG_ADDRESS_TEXT_BYTES];
  tg_server_connection_peer(connection, peer, sizeof peer);
  tg_access_record record = record_of(exchange, tg_loop_now_ns(connection->server->loop));
  record.remote = tg_text_of(peer);
  record.cancelled = cancelled;
  if (exchange->notes != NULL) add_notes(&record, exchange->notes);
  tg_access_log_write(log, &record);
}
