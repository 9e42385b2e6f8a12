#include "http/request_check.h"
#include "base/chars.h"
#include "proto/percent.h"

#include <ctype.h>

static const tg_refusal fine = {0, NULL};

static tg_refusal bad(const char *detail) {
  return (tg_refusal){400, detail};
}

/* What stands behind the host, if anything does, is a colon and a port, which may be empty (RFC 3986 section 3.2.3). */
static bool is_port(tg_text text) {
  if (text.size > 0 && text.data[0] != ':') return false;
  if (text.size > sizeof ":65535" - 1) return false;
  unsigned port = 0;
  for (size_t i = 1; i < text.size; i++) {
    unsigned digit = (unsigned char)text.data[i] - (unsigned)'0';
    if (digit > 9) return false;
    port = port * 10 + digit;
  }
  return port <= 65535;
}

static bool is_address_char(char c) {
  return isxdigit((unsigned char)c) || c == ':' || c == '.';
}

/* Behind an IPv6 address in brackets. Whether it is a good one is not asked here. */
static const char *end_of_address(tg_text text) {
  size_t size = 1;
  while (size < text.size && is_address_char(text.data[size])) size++;
  return size > 1 && size < text.size && text.data[size] == ']' ? text.data + size + 1 : NULL;
}

static const char *end_of_name(tg_text text) {
  size_t size = 0;
  while (size < text.size && tg_char_is(text.data[size], TG_CHAR_UNRESERVED)) size++; /* as most are, to their end */
  for (; size < text.size && text.data[size] != ':'; size++) {
    char c = text.data[size];
    bool is_encoded = c == '%' && tg_percent_value(text, size) > ' ';
    if (!tg_char_is(c, TG_CHAR_HOST) || c == '[' || c == ']' || (c == '%' && !is_encoded)) return NULL;
  }
  return size > 0 ? text.data + size : NULL;
}

bool tg_authority_is_valid(tg_text text) {
  if (text.size == 0) return false;
  const char *end = text.data[0] == '[' ? end_of_address(text) : end_of_name(text);
  return end != NULL && is_port((tg_text){end, text.size - (size_t)(end - text.data)});
}

/* RFC 9112 section 3.2: one Host, always, in HTTP/1.1. Beside the absolute form it must say the same. */
static tg_refusal check_authority(tg_exchange *exchange) {
  const tg_field *host = tg_head_find(&exchange->head, TG_TEXT("Host"), NULL);
  if (host == NULL && exchange->head.minor == 1) return bad("no Host field");
  if (host != NULL && tg_head_find(&exchange->head, TG_TEXT("Host"), host) != NULL) return bad("two Host fields");
  if (host != NULL && !tg_authority_is_valid(host->value)) return bad("the Host field is not a host");
  exchange->authority = host != NULL ? host->value : (tg_text){NULL, 0};
  if (exchange->target.authority.data == NULL) return fine;
  if (!tg_authority_is_valid(exchange->target.authority)) return bad("the request target's host is not a host");
  if (host != NULL && !tg_text_equal_nocase(host->value, exchange->target.authority)) {
    return bad("the Host field is not the request target's host");
  }
  exchange->authority = exchange->target.authority;
  return fine;
}

static tg_refusal check_expect(tg_exchange *exchange) {
  tg_text expect = tg_head_value(&exchange->head, TG_TEXT("Expect"));
  if (expect.data == NULL || exchange->head.minor == 0) return fine;
  if (!tg_text_equal_nocase(expect, TG_TEXT("100-continue"))) {
    return (tg_refusal){417, "the only expectation that is supported is 100-continue"};
  }
  exchange->continue_wanted = true;
  return fine;
}

static tg_refusal check_target(tg_exchange *exchange, unsigned path_rules) {
  const tg_head *head = &exchange->head;
  if (tg_text_equal(head->method, TG_TEXT("CONNECT"))) return (tg_refusal){501, "CONNECT is not supported"};
  const char *wrong = tg_target_parse(&exchange->target, head->method, head->target, path_rules, &exchange->arena);
  return wrong == NULL ? fine : bad(wrong);
}

tg_refusal tg_request_check(tg_exchange *exchange, unsigned path_rules) {
  tg_refusal refusal = tg_framing_check(&exchange->head);
  if (refusal.status == 0) refusal = check_target(exchange, path_rules);
  if (refusal.status == 0) refusal = check_authority(exchange);
  if (refusal.status == 0) refusal = check_expect(exchange);
  return refusal;
}
