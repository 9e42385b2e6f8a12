/* Base64 and hexadecimal digits for scripts. */
#include "base/base64.h"
#include "bind/runtime.h"

static tg_base64_alphabet alphabet_at(lua_State *L, int index) {
  return lua_toboolean(L, index) ? TG_BASE64_URL : TG_BASE64_STANDARD;
}

/* core.base64_encode(bytes, is_url) → text */
static int base64_encode(lua_State *L) {
  tg_scratches *scratches = &tg_runtime_of(L)->scratches;
  tg_text bytes = tg_check_text(L, 1);
  tg_buffer *encoded = TG_SCRATCH_TAKE(L, scratches);
  tg_base64_encode(encoded, bytes, alphabet_at(L, 2));
  tg_scratch_push(L, scratches, encoded);
  return 1;
}

/* What was decoded; or nil, what is wrong, and the byte where, from 1. */
static int push_decoded(lua_State *L, tg_scratches *scratches, tg_buffer *decoded, const char *wrong, size_t at) {
  if (wrong == NULL) {
    tg_scratch_push(L, scratches, decoded);
    return 1;
  }
  tg_scratch_give(scratches, decoded);
  lua_pushnil(L);
  lua_pushstring(L, wrong);
  lua_pushnumber(L, (lua_Number)at + 1);
  return 3;
}

/* core.base64_decode(text, is_url) → bytes; or nil, what is wrong, and the byte where, from 1 */
static int base64_decode(lua_State *L) {
  tg_scratches *scratches = &tg_runtime_of(L)->scratches;
  tg_text text = tg_check_text(L, 1);
  tg_buffer *decoded = TG_SCRATCH_TAKE(L, scratches);
  size_t at;
  const char *wrong = tg_base64_decode(decoded, text, alphabet_at(L, 2), &at);
  return push_decoded(L, scratches, decoded, wrong, at);
}

/* core.hex_encode(bytes) → lower-case digits */
static int hex_encode(lua_State *L) {
  tg_scratches *scratches = &tg_runtime_of(L)->scratches;
  tg_text bytes = tg_check_text(L, 1);
  tg_buffer *encoded = TG_SCRATCH_TAKE(L, scratches);
  tg_hex_encode(encoded, bytes);
  tg_scratch_push(L, scratches, encoded);
  return 1;
}

/* core.hex_decode(text) → bytes; or nil, what is wrong, and the byte where, from 1 */
static int hex_decode(lua_State *L) {
  tg_scratches *scratches = &tg_runtime_of(L)->scratches;
  tg_text text = tg_check_text(L, 1);
  tg_buffer *decoded = TG_SCRATCH_TAKE(L, scratches);
  size_t at;
  const char *wrong = tg_hex_decode(decoded, text, &at);
  return push_decoded(L, scratches, decoded, wrong, at);
}

const luaL_Reg tg_encoding_functions[] = {
    {"base64_encode", base64_encode},
    {"base64_decode", base64_decode},
    {"hex_encode", hex_encode},
    {"hex_decode", hex_decode},
    {NULL, NULL},
};
