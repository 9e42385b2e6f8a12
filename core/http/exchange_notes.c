#include "http/exchange.h"

static tg_exchange_notes *notes_of(tg_exchange *exchange) {
  if (exchange->notes != NULL) return exchange->notes;
  exchange->notes = tg_arena_alloc(&exchange->arena, sizeof *exchange->notes);
  if (exchange->notes != NULL) *exchange->notes = (tg_exchange_notes){.upstream_count = 0};
  return exchange->notes;
}

static void copy(tg_exchange *exchange, tg_text *to, tg_text text) {
  *to = (tg_text){NULL, 0};
  if (!tg_arena_append(&exchange->arena, to, text.data, text.size)) *to = (tg_text){NULL, 0};
}

void tg_exchange_note_route(tg_exchange *exchange, tg_text pattern) {
  tg_exchange_notes *notes = notes_of(exchange);
  if (notes != NULL) copy(exchange, &notes->route, pattern);
}

void tg_exchange_note_error(tg_exchange *exchange, tg_text kind) {
  tg_exchange_notes *notes = notes_of(exchange);
  if (notes != NULL) copy(exchange, &notes->error, kind);
}

void tg_exchange_note_cancelled(tg_exchange *exchange, tg_text reason) {
  tg_exchange_notes *notes = notes_of(exchange);
  if (notes != NULL) copy(exchange, &notes->cancelled, reason);
}

void tg_exchange_note_upstream(tg_exchange *exchange, tg_text host, unsigned status, uint64_t duration_ns) {
  tg_exchange_notes *notes = notes_of(exchange);
  if (notes == NULL) return;
  unsigned place = notes->upstream_count++;
  if (place >= TG_ACCESS_UPSTREAMS_MAX) return;
  notes->upstreams[place] = (tg_access_upstream){.status = status, .duration_ns = duration_ns};
  copy(exchange, &notes->upstreams[place].host, host);
}
