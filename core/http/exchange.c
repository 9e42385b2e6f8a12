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

void tg_exchange_want_body(tg_exchange *exchange) {
  if (!exchange->continue_wanted || exchange->connection == NULL) return;
  exchange->continue_wanted = false;
  if (exchange->body_state == TG_BODY_COMING) tg_server_connection_continue(exchange->connection);
}

int tg_exchange_respond(tg_exchange *exchange, const tg_response *response) {
  if (exchange->connection == NULL) return 0;
  return tg_server_connection_respond(exchange->connection, response);
}

void tg_exchange_peer(const tg_exchange *exchange, char *text, size_t size) {
  text[0] = '\0';
  if (exchange->connection != NULL) tg_server_connection_peer(exchange->connection, text, size);
}
