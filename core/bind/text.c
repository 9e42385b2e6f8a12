/* Work on bytes that would be slow in Lua. */
#include "base/saturate.h"
#include "bind/raise.h"
#include "bind/runtime.h"
#include "io/network.h"
#include "proto/json_shown.h"
#include "proto/number.h"
#include "proto/percent.h"
#include "proto/printable.h"
#include "proto/status.h"
#include "proto/target.h"

/* core.percent_encode(text) → text with everything but unreserved bytes encoded */
static int percent_encode(lua_State *L) {
  tg_scratches *scratches = &tg_runtime_of(L)->scratches;
  tg_text plain = tg_check_text(L, 1);
  tg_buffer *encoded = TG_SCRATCH_TAKE(L, scratches);
  tg_percent_encode(encoded, plain);
  if (!encoded->failed && tg_buffer_size(encoded) == plain.size) { /* nothing needed encoding */
    tg_scratch_give(scratches, encoded);
    lua_settop(L, 1);
    return 1;
  }
  tg_scratch_push(L, scratches, encoded);
  return 1;
}

/* Pushes the decoded text; false, with nothing pushed, when its encoding is bad. [-0, +1|0, m] */
static bool push_decoded(lua_State *L, tg_text text, bool plus) {
  tg_scratches *scratches = &tg_runtime_of(L)->scratches;
  tg_buffer *decoded = TG_SCRATCH_TAKE(L, scratches);
  bool is_good = tg_percent_decode(decoded, text, plus);
  if (is_good) tg_scratch_push(L, scratches, decoded);
  else tg_scratch_give(scratches, decoded);
  return is_good;
}

/* core.percent_decode(text) → text, or nil when its encoding is bad */
static int percent_decode(lua_State *L) {
  return push_decoded(L, tg_check_text(L, 1), false) ? 1 : 0;
}

/* Appends the normal path; NULL or what is wrong with it. */
static const char *append_normal(tg_text path, tg_buffer *buffer) {
  char memory[1024];
  tg_arena arena;
  tg_text normal;
  tg_arena_init(&arena, memory, sizeof memory);
  const char *wrong = tg_path_normalize(path, 0, &arena, &normal);
  if (wrong == NULL) tg_buffer_append_text(buffer, normal);
  tg_arena_free(&arena);
  return wrong;
}

/* core.normalize_path(path) → the path as the router sees it; or nil and what is wrong with it */
static int normalize_path(lua_State *L) {
  tg_scratches *scratches = &tg_runtime_of(L)->scratches;
  tg_text path = tg_check_text(L, 1);
  tg_buffer *normal = TG_SCRATCH_TAKE(L, scratches);
  const char *wrong = append_normal(path, normal);
  if (wrong == NULL) {
    tg_scratch_push(L, scratches, normal);
    return 1;
  }
  tg_scratch_give(scratches, normal);
  lua_pushnil(L);
  lua_pushstring(L, wrong);
  return 2;
}

/* core.number_text(number) → its text for the wire, exact (proto/number.h). Raises for NaN and the infinities. */
static int number_text(lua_State *L) {
  char text[TG_NUMBER_SIZE];
  luaL_checktype(L, 1, LUA_TNUMBER);
  lua_Number number = lua_tonumber(L, 1);
  size_t size = tg_number_write(number, text);
  if (size == 0)
    tg_raise_value(L, 1, "%s is not a number that can be sent", number != number ? "nan" : number < 0 ? "-inf" : "inf");
  lua_pushlstring(L, text, size);
  return 1;
}

static int fail_pairs(lua_State *L, const char *message) {
  lua_pushnil(L);
  lua_pushstring(L, message);
  return 2;
}

static int fail_pair_count(lua_State *L, uint64_t pairs_max) {
  lua_pushnil(L);
  lua_pushfstring(L, "more than %f pairs", (lua_Number)pairs_max);
  lua_pushboolean(L, 1);
  return 3;
}

/* core.parse_pairs(text, pairs_max) → {key, value, key, value, …} of a query or a form, decoded; or nil, what is wrong,
   and whether it is that there are too many: as keys of one table, they could be chosen to have all the same hash */
static int parse_pairs(lua_State *L) {
  tg_text rest = tg_check_text(L, 1), key, value;
  uint64_t pairs_max = tg_to_u32(luaL_checknumber(L, 2));
  int count = 0;
  lua_newtable(L);
  while (tg_query_next(&rest, &key, &value)) {
    if ((uint64_t)count >= 2 * pairs_max) return fail_pair_count(L, pairs_max);
    if (!push_decoded(L, key, true)) return fail_pairs(L, "bad percent-encoding");
    lua_rawseti(L, -2, ++count);
    if (!push_decoded(L, value, true)) return fail_pairs(L, "bad percent-encoding");
    lua_rawseti(L, -2, ++count);
  }
  return 1;
}

/* core.status_reason(status) → "Not Found" */
static int status_reason(lua_State *L) {
  tg_text reason = tg_status_reason(tg_to_u32(luaL_checknumber(L, 1))); /* for people: no number is refused */
  lua_pushlstring(L, reason.data, reason.size);
  return 1;
}

/* core.is_token(text) → is it a token of RFC 9110? */
static int is_token(lua_State *L) {
  lua_pushboolean(L, tg_text_is_token(tg_check_text(L, 1)));
  return 1;
}

/* core.is_network(text) → is it an address or a range of them, like "10.0.0.0/8"? */
static int is_network(lua_State *L) {
  tg_network network;
  lua_pushboolean(L, tg_network_parse(&network, tg_check_text(L, 1)));
  return 1;
}

/* core.is_in_network(address, network) → is the address in the range? */
static int is_in_network(lua_State *L) {
  tg_network network;
  bool is_range = tg_network_parse(&network, tg_check_text(L, 2));
  lua_pushboolean(L, is_range && tg_network_contains(&network, tg_check_text(L, 1)));
  return 1;
}

/* core.constant_time_equal(a, b) → are they the same? The time that it takes tells nothing about the bytes, only how
   long the second one is. */
static int constant_time_equal(lua_State *L) {
  tg_text a = tg_check_text(L, 1), b = tg_check_text(L, 2);
  volatile unsigned char difference = a.size != b.size;
  for (size_t i = 0; i < b.size; i++) {
    difference |= (unsigned char)((a.size > 0 ? a.data[i % a.size] : 0) ^ b.data[i]);
  }
  lua_pushboolean(L, difference == 0);
  return 1;
}

/* core.printable(text, bytes_max or nil) → the text as proto/printable.h has it, for a terminal */
static int printable(lua_State *L) {
  tg_scratches *scratches = &tg_runtime_of(L)->scratches;
  tg_text text = tg_check_text(L, 1);
  size_t most = tg_to_u32(luaL_optnumber(L, 2, 1e9));
  tg_buffer *shown = TG_SCRATCH_TAKE(L, scratches);
  tg_printable_append(shown, text, TG_TEXT(""), most);
  tg_scratch_push(L, scratches, shown);
  return 1;
}

/* core.json_shown(text, bytes_max) → the text as a JSON string, as proto/json_shown.h has it */
static int json_shown(lua_State *L) {
  tg_scratches *scratches = &tg_runtime_of(L)->scratches;
  tg_text text = tg_check_text(L, 1);
  size_t most = tg_to_u32(luaL_checknumber(L, 2));
  tg_buffer *shown = TG_SCRATCH_TAKE(L, scratches);
  tg_json_show(shown, text, most);
  tg_scratch_push(L, scratches, shown);
  return 1;
}

const luaL_Reg tg_text_functions[] = {
    {"json_shown", json_shown},
    {"printable", printable},
    {"percent_encode", percent_encode},
    {"percent_decode", percent_decode},
    {"normalize_path", normalize_path},
    {"number_text", number_text},
    {"parse_pairs", parse_pairs},
    {"status_reason", status_reason},
    {"is_token", is_token},
    {"is_network", is_network},
    {"is_in_network", is_in_network},
    {"constant_time_equal", constant_time_equal},
    {NULL, NULL},
};
