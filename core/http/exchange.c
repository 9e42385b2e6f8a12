#include "http/exchange.h"
#include "http/server_connection.h"

enum { SPARE_MAX = 1024 };

tg_pool *tg_exchange_pool_new(void) {
  return tg_pool_new(sizeof(tg_exchange), SPARE_MAX);
}

tg_exchange *tg_exchange_new(tg_pool *pool) {
  tg_exchange *exchange = tg_pool_take(pool);
  if (exchange == NULL) return NULL;
  memset(exchange, 0, offsetof(tg_exchange, first_bytes));
  exchange->holders = 1;
  tg_arena_init(&exchange->arena, exchange->first_bytes, sizeof exchange->first_bytes);
  return exchange;
}

void tg_exchange_release(tg_exchange *exchange) {
  if (--exchange->holders > 0) return;
  tg_buffer_free(&exchange->body);
  tg_arena_free(&exchange->arena);
  tg_pool_give(exchange);
}

bool tg_exchange_is_too_large(const tg_exchange *exchange, uint64_t bytes_max) {
  int64_t length = exchange->head.content_length;
  return length == TG_LENGTH_HUGE || (length > 0 && (uint64_t)length > bytes_max);
}

void tg_exchange_use_body(tg_exchange *exchange, tg_body_use use) {
  exchange->body_use = use;
  if (exchange->connection != NULL) tg_server_connection_use_body(exchange->connection);
}

void tg_exchange_body_taken(tg_exchange *exchange) {
  if (exchange->connection != NULL) tg_server_connection_body_taken(exchange->connection);
}

int tg_exchange_respond(tg_exchange *exchange, const tg_response *response) {
  if (exchange->connection != NULL) return tg_server_connection_respond(exchange->connection, response);
  tg_hold hold = response->hold;
  tg_hold_release(&hold);
  return 0;
}

int tg_exchange_start(tg_exchange *exchange, const tg_response *response, int64_t length) {
  if (exchange->connection == NULL) return TG_ERROR_RESET;
  return tg_server_connection_start(exchange->connection, response, length);
}

int tg_exchange_write(tg_exchange *exchange, tg_text piece) {
  return tg_exchange_write_held(exchange, piece, (tg_hold){0});
}

int tg_exchange_write_held(tg_exchange *exchange, tg_text piece, tg_hold hold) {
  if (exchange->connection != NULL) return tg_server_connection_write(exchange->connection, piece, hold);
  tg_hold_release(&hold);
  return TG_ERROR_RESET;
}

long tg_exchange_send_file(tg_exchange *exchange, int fd, uint64_t offset, size_t size) {
  if (exchange->connection == NULL) return TG_ERROR_RESET;
  return tg_server_connection_send_file(exchange->connection, fd, offset, size);
}

int tg_exchange_end(tg_exchange *exchange) {
  if (exchange->connection == NULL) return TG_ERROR_RESET;
  return tg_server_connection_end(exchange->connection);
}

void tg_exchange_cut(tg_exchange *exchange) {
  if (exchange->connection != NULL) tg_server_connection_cut(exchange->connection);
}

void tg_exchange_limit_answer(tg_exchange *exchange, uint64_t deadline_ns) {
  exchange->answer_deadline_ns = deadline_ns;
}

size_t tg_exchange_unsent_bytes(const tg_exchange *exchange) {
  return exchange->connection != NULL ? tg_server_connection_unsent_bytes(exchange->connection) : 0;
}
