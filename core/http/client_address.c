#include "http/client_address.h"
#include "base/chars.h"
#include "http/request_check.h"

#include <stdio.h>

static const tg_text nothing = {NULL, 0};

/* --- hops --- */

static bool is_among(const tg_trusted_proxies *trusted, const tg_ip *address) {
  for (unsigned i = 0; i < trusted->count; i++) {
    if (tg_network_has(&trusted->networks[i], address)) return true;
  }
  return false;
}

static bool is_trusted_peer(const tg_trusted_proxies *trusted, const tg_peer *peer) {
  if (peer->kind == TG_PEER_UNIX) return trusted->with_unix;
  return peer->kind == TG_PEER_IP && is_among(trusted, &peer->address);
}

/* A name that RFC 7239 section 6 has for somebody without an address. */
static bool is_name(tg_text host) {
  return host.size > 0 && (host.data[0] == '_' || tg_text_equal_nocase(host, TG_TEXT("unknown")));
}

/* The nearest hop that is not a trusted proxy: its place from the end, or -1 where none can be believed. */
static int find_client(const tg_trusted_proxies *trusted, const tg_hop *hops, unsigned count) {
  int found = -1;
  for (unsigned i = 0; i < count; i++) {
    const tg_hop *hop = &hops[count - 1 - i];
    tg_ip address;
    bool is_address = tg_network_parse_address(&address, hop->host);
    if (!is_address && !is_name(hop->host)) break;
    found = (int)i;
    if (!is_address || !is_among(trusted, &address)) break; /* what stands before it is the client's own word */
  }
  return found;
}

/* --- what is said of the request --- */

static tg_text read_scheme(tg_text said) {
  if (tg_text_equal_nocase(said, TG_TEXT("https"))) return TG_TEXT("https");
  if (tg_text_equal_nocase(said, TG_TEXT("http"))) return TG_TEXT("http");
  return nothing;
}

static tg_text read_host(tg_text said) {
  return tg_authority_is_valid(said) ? said : nothing;
}

static bool has_port(tg_text authority) {
  const char *bracket = authority.size > 0 ? memrchr(authority.data, ']', authority.size) : NULL;
  const char *colon = authority.size > 0 ? memrchr(authority.data, ':', authority.size) : NULL;
  return colon != NULL && (bracket == NULL || colon > bracket);
}

/* The port that must be said beside the scheme and the host. */
static tg_text read_port(tg_text said, tg_text scheme, tg_text host) {
  long long number = said.size <= 5 ? tg_text_to_number(said) : -1;
  long long usual = scheme.size == sizeof "https" - 1 ? 443 : 80;
  return number > 0 && number <= 65535 && number != usual && !has_port(host) ? said : nothing;
}

static void read_usual(tg_client_claims *claims, const tg_head *head, unsigned from_end, tg_text authority) {
  claims->scheme = read_scheme(tg_forwarded_element(head, TG_TEXT("X-Forwarded-Proto"), from_end));
  claims->host = read_host(tg_forwarded_element(head, TG_TEXT("X-Forwarded-Host"), from_end));
  claims->port = read_port(tg_forwarded_element(head, TG_TEXT("X-Forwarded-Port"), from_end), claims->scheme,
                           claims->host.size > 0 ? claims->host : authority);
}

static void read_standard(tg_client_claims *claims, tg_text element) {
  claims->scheme = read_scheme(tg_forwarded_parameter(element, TG_TEXT("proto")));
  claims->host = read_host(tg_forwarded_parameter(element, TG_TEXT("host")));
}

tg_client_claims tg_client_claims_read(const tg_trusted_proxies *trusted, const tg_head *head, const tg_peer *peer,
                                       tg_text authority) {
  tg_client_claims claims = {.is_trusted = is_trusted_peer(trusted, peer)};
  if (!claims.is_trusted) return claims;
  tg_hop hops[TG_HOPS_MAX];
  unsigned count = tg_forwarded_hops(head, hops);
  int place = find_client(trusted, hops, count);
  unsigned from_end = place > 0 ? (unsigned)place : 0;
  claims.is_standard = count > 0 && tg_head_find(head, TG_TEXT("X-Forwarded-For"), NULL) == NULL;
  if (place >= 0) claims.hop = hops[count - 1 - from_end];
  if (claims.is_standard) read_standard(&claims, hops[count - 1 - from_end].element);
  else read_usual(&claims, head, from_end, authority);
  return claims;
}

/* --- as text --- */

void tg_client_host_text(const tg_client_claims *claims, char text[TG_CLIENT_TEXT_BYTES]) {
  tg_ip address;
  tg_text host = claims->hop.host;
  if (tg_network_parse_address(&address, host)) tg_network_write(&address, text);
  else snprintf(text, TG_CLIENT_TEXT_BYTES, "%.*s", (int)host.size, host.data != NULL ? host.data : "");
}

bool tg_client_address(const tg_trusted_proxies *trusted, const tg_head *head, const tg_peer *peer,
                       char text[TG_CLIENT_TEXT_BYTES]) {
  if (trusted->count == 0 && !trusted->with_unix) return false;
  tg_client_claims claims = tg_client_claims_read(trusted, head, peer, nothing);
  if (claims.hop.host.size == 0) return false;
  char host[TG_CLIENT_TEXT_BYTES];
  tg_client_host_text(&claims, host);
  tg_text port = claims.hop.port;
  bool has_brackets = port.size > 0 && strchr(host, ':') != NULL;
  snprintf(text, TG_CLIENT_TEXT_BYTES, "%s%.80s%s%s%.*s", has_brackets ? "[" : "", host, has_brackets ? "]" : "",
           port.size > 0 ? ":" : "", (int)port.size, port.size > 0 ? port.data : "");
  return true;
}

/* --- ids --- */

static bool is_id(tg_text text) {
  if (text.size == 0 || text.size > TG_REQUEST_ID_BYTES_MAX) return false;
  for (size_t i = 0; i < text.size; i++) {
    char c = text.data[i];
    if (!tg_char_is(c, TG_CHAR_TOKEN) && (c == '\0' || strchr("/:=@", c) == NULL)) return false;
  }
  return true;
}

tg_text tg_client_request_id(const tg_trusted_proxies *trusted, const tg_head *head, const tg_peer *peer) {
  if (!is_trusted_peer(trusted, peer)) return nothing;
  tg_text name = TG_TEXT("X-Request-Id");
  const tg_field *field = tg_head_find(head, name, NULL);
  bool is_good = field != NULL && tg_head_find(head, name, field) == NULL && is_id(field->value);
  return is_good ? field->value : nothing;
}
