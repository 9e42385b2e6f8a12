/* Whose request it is: the other end of its connection, and behind trusted proxies what those say of the client. */
#include "bind/request.h"

#include <stdlib.h>

enum { NETWORKS_MAX = 1024 };

/* Reads the list at `index` into `networks`; "unix:" stands for every Unix socket. [-0, +0, v] */
static tg_trusted_proxies read_trusted(lua_State *L, int index, tg_network *networks) {
  tg_trusted_proxies trusted = {.networks = networks};
  luaL_checktype(L, index, LUA_TTABLE);
  size_t count = lua_objlen(L, index);
  luaL_argcheck(L, count <= NETWORKS_MAX, index, "too many trusted proxies");
  for (size_t i = 1; i <= count; i++) {
    lua_rawgeti(L, index, (int)i);
    tg_text text = tg_check_text(L, -1);
    if (tg_text_equal(text, TG_TEXT("unix:"))) trusted.with_unix = true;
    else if (tg_network_parse(&networks[trusted.count], text)) trusted.count++;
    else luaL_argerror(L, index, "a trusted proxy is no network");
    lua_pop(L, 1);
  }
  return trusted;
}

/* The watchdog's handler may come in between. */
void tg_trusted_proxies_free(tg_runtime *runtime) {
  tg_network *networks = runtime->networks;
  runtime->trusted = (tg_trusted_proxies){.count = 0};
  runtime->networks = NULL;
  free(networks);
}

/* core.trust_proxies{"10.0.0.0/8", "unix:", …}: believe these about their clients, in place of those before */
static int trust_proxies(lua_State *L) {
  tg_runtime *runtime = tg_runtime_of(L);
  tg_network networks[NETWORKS_MAX];
  tg_trusted_proxies trusted = read_trusted(L, 1, networks);
  tg_network *kept = trusted.count > 0 ? malloc(trusted.count * sizeof *kept) : NULL;
  if (trusted.count > 0 && kept == NULL) return luaL_error(L, "out of memory");
  if (kept != NULL) memcpy(kept, networks, trusted.count * sizeof *kept);
  tg_trusted_proxies_free(runtime);
  runtime->networks = kept;
  runtime->trusted = (tg_trusted_proxies){kept, trusted.count, trusted.with_unix};
  return 0;
}

static tg_client_claims claims_of(lua_State *L, const tg_exchange *exchange) {
  const tg_trusted_proxies *trusted = &tg_runtime_of(L)->trusted;
  return tg_client_claims_read(trusted, &exchange->head, &exchange->peer, exchange->authority);
}

/* Pushes a text, or nil for "". [-0, +1, m] */
static void push_or_nil(lua_State *L, const char *text) {
  if (text[0] == '\0') lua_pushnil(L);
  else lua_pushstring(L, text);
}

/* core.request_peer(exchange) → "127.0.0.1:4711", "[::1]:80", "unix:"; nil where the system did not say */
static int peer(lua_State *L) {
  char text[TG_PEER_BYTES];
  tg_peer_text(&tg_request_check_exchange(L)->peer, text);
  push_or_nil(L, text);
  return 1;
}

static void push_address(lua_State *L, const tg_peer *peer, const tg_client_claims *claims) {
  char text[TG_CLIENT_TEXT_BYTES];
  if (claims->hop.host.size > 0) tg_client_host_text(claims, text);
  else tg_peer_address_text(peer, text);
  push_or_nil(L, text);
}

/* core.request_address(exchange) → the client's address, without a port; nil as above */
static int address(lua_State *L) {
  const tg_exchange *exchange = tg_request_check_exchange(L);
  tg_client_claims claims = claims_of(L, exchange);
  push_address(L, &exchange->peer, &claims);
  return 1;
}

static void push_scheme(lua_State *L, const tg_client_claims *claims) {
  tg_text scheme = claims->scheme.size > 0 ? claims->scheme : TG_TEXT("http");
  lua_pushlstring(L, scheme.data, scheme.size);
}

/* core.request_scheme(exchange) → "http" or "https" */
static int scheme(lua_State *L) {
  tg_client_claims claims = claims_of(L, tg_request_check_exchange(L));
  push_scheme(L, &claims);
  return 1;
}

static void push_host(lua_State *L, const tg_exchange *exchange, const tg_client_claims *claims) {
  tg_text host = claims->host.size > 0 ? claims->host : exchange->authority;
  if (host.size == 0) {
    lua_pushnil(L);
    return;
  }
  lua_pushlstring(L, host.data, host.size);
  if (claims->port.size == 0) return;
  lua_pushliteral(L, ":");
  lua_pushlstring(L, claims->port.data, claims->port.size);
  lua_concat(L, 3);
}

/* core.request_host(exchange) → host and port that the client asked for; nil where nobody says one */
static int host(lua_State *L) {
  const tg_exchange *exchange = tg_request_check_exchange(L);
  tg_client_claims claims = claims_of(L, exchange);
  push_host(L, exchange, &claims);
  return 1;
}

static const char *trust_of(const tg_client_claims *claims) {
  if (!claims->is_trusted) return "none";
  return claims->is_standard ? "forwarded" : "x-forwarded";
}

/* core.request_client(exchange) → the peer's address, without a port, or nil; is it an IP address?; the fields that count:
   "none", "forwarded" or "x-forwarded"; address, scheme and host as above. For who hands a request on. */
static int client(lua_State *L) {
  const tg_exchange *exchange = tg_request_check_exchange(L);
  tg_client_claims claims = claims_of(L, exchange);
  char text[TG_PEER_BYTES];
  tg_peer_address_text(&exchange->peer, text);
  push_or_nil(L, text);
  lua_pushboolean(L, exchange->peer.kind == TG_PEER_IP);
  lua_pushstring(L, trust_of(&claims));
  push_address(L, &exchange->peer, &claims);
  push_scheme(L, &claims);
  push_host(L, exchange, &claims);
  return 6;
}

tg_text tg_request_given_id(const tg_runtime *runtime, const tg_exchange *exchange) {
  return tg_client_request_id(&runtime->trusted, &exchange->head, &exchange->peer);
}

void tg_request_push_id(lua_State *L, const tg_exchange *exchange) {
  tg_text id = tg_request_given_id(tg_runtime_of(L), exchange);
  if (id.size > 0) lua_pushlstring(L, id.data, id.size);
  else lua_pushnumber(L, (lua_Number)exchange->number);
}

/* core.request_id(exchange) → the id that a trusted peer gave it, or its number, from 1 */
static int id(lua_State *L) {
  tg_request_push_id(L, tg_request_check_exchange(L));
  return 1;
}

const luaL_Reg tg_client_functions[] = {
    {"trust_proxies", trust_proxies}, {"request_peer", peer}, {"request_address", address}, {"request_scheme", scheme},
    {"request_host", host},           {"request_id", id},     {"request_client", client},   {NULL, NULL},
};
