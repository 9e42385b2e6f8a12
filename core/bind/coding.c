/* Content codings for scripts; the policy is compress.lua's. */
#include "bind/raise.h"
#include "bind/runtime.h"
#include "proto/accept.h"
#include "proto/conditional.h"
#include "proto/decoder.h"
#include "proto/encoder.h"

static const char encoder_metatable[] = "tidegate.encoder", decoder_metatable[] = "tidegate.decoder";

/* One call works on so many bytes at most, in either direction; then the script lets others run. */
enum { PIECE_BYTES = 64 * 1024 };

/* --- what is asked for --- */

static tg_coding check_coding(lua_State *L, int index) {
  tg_coding coding;
  tg_text name = tg_check_text(L, index);
  if (!tg_coding_find(name, &coding)) tg_raise(L, "\"%s\" is not a known content coding", name.data);
  return coding;
}

static void push_text(lua_State *L, tg_text text) {
  lua_pushlstring(L, text.size > 0 ? text.data : "", text.size);
}

static int push_error(lua_State *L, tg_coding_error error) {
  lua_pushnil(L);
  lua_pushinteger(L, (lua_Integer)error.status);
  lua_pushstring(L, error.text);
  return 3;
}

/* core.accept_coding(Accept-Encoding or nil, coding, …) → the one of these that the client likes best, or "identity" */
static int accept_coding(lua_State *L) {
  tg_text field = tg_opt_text(L, 1);
  unsigned offered = 0;
  tg_coding coding;
  for (int i = 2; i <= lua_gettop(L); i++) offered |= 1u << check_coding(L, i);
  tg_accept_coding(field, offered, &coding);
  push_text(L, tg_coding_name(coding));
  return 1;
}

/* core.content_coding(Content-Encoding or nil) → coding; or nil, status, what is wrong */
static int content_coding(lua_State *L) {
  tg_coding coding;
  tg_coding_error error = tg_coding_of_field(tg_opt_text(L, 1), &coding);
  if (error.status != 0) return push_error(L, error);
  push_text(L, tg_coding_name(coding));
  return 1;
}

/* core.is_etag(text) → is it an entity-tag, weak or strong? */
static int is_etag(lua_State *L) {
  lua_pushboolean(L, tg_is_etag(tg_check_text(L, 1)));
  return 1;
}

/* --- objects --- */

/* What an encoder or a decoder is to Lua: a pointer, NULL once it is closed. */
static void **push_object(lua_State *L, const char *metatable) {
  void **object = lua_newuserdata(L, sizeof *object);
  *object = NULL;
  luaL_getmetatable(L, metatable);
  lua_setmetatable(L, -2);
  return object;
}

static void *check_open(lua_State *L, const char *metatable) {
  void **object = luaL_checkudata(L, 1, metatable);
  luaL_argcheck(L, *object != NULL, 1, "it is closed");
  return *object;
}

/* The argument `text` from byte `at` on, counted from 1, and how much of it is for this call. */
static tg_text check_piece(lua_State *L, tg_text *rest) {
  tg_text text = tg_check_text(L, 2);
  lua_Number at = luaL_checknumber(L, 3);
  luaL_argcheck(L, at >= 1 && at <= (lua_Number)text.size + 1, 3, "no place in the text");
  *rest = (tg_text){text.data + (size_t)at - 1, text.size - (size_t)at + 1};
  return (tg_text){rest->data, rest->size < PIECE_BYTES ? rest->size : PIECE_BYTES};
}

/* Pushes what a call has made in a scratch, and where the next one goes on; nil where none need be. */
static int push_piece(lua_State *L, tg_buffer *out, tg_text rest, bool again) {
  tg_runtime *runtime = tg_runtime_of(L);
  tg_garbage_note(&runtime->garbage, tg_buffer_size(out));
  tg_scratch_push(L, &runtime->scratches, out);
  if (again) lua_pushnumber(L, (lua_Number)(rest.data - lua_tostring(L, 2)) + 1);
  else lua_pushnil(L);
  return 2;
}

/* --- encoding --- */

static int close_encoder(lua_State *L) {
  tg_encoder **object = luaL_checkudata(L, 1, encoder_metatable);
  if (*object != NULL) tg_encoder_free(*object);
  *object = NULL;
  return 0;
}

static int check_level(lua_State *L, int index, tg_coding coding) {
  tg_encoder_levels levels = tg_encoder_levels_of(coding);
  lua_Number level = luaL_optnumber(L, index, 0);
  bool is_level = level >= levels.lowest && level <= levels.highest && level == (lua_Number)(int)level;
  if (level != 0 && !is_level) {
    tg_raise(L, "%s has levels from %d to %d", tg_coding_name(coding).data, levels.lowest, levels.highest);
  }
  return (int)level;
}

/* core.encoder(coding, level or nil, about how many bytes will come or nil) → encoder; nil without memory */
static int new_encoder(lua_State *L) {
  tg_coding coding = check_coding(L, 1);
  int level = check_level(L, 2, coding);
  lua_Number hint = luaL_optnumber(L, 3, 0);
  void **object = push_object(L, encoder_metatable);
  *object = tg_encoder_new(coding, level, hint >= 1 && hint < 1e15 ? (uint64_t)hint : 0);
  if (*object == NULL) lua_pushnil(L);
  return 1;
}

/* core.encode(encoder, text, at, mode) → bytes, at: encodes a piece of the text. Where the second is a number the next
   piece begins there; nil when the text is done, and with the mode "flush" or "finish" out. Or nil, status, what is wrong; then it is over. */
static int encode(lua_State *L) {
  static const char *const modes[] = {"more", "flush", "finish", NULL};
  tg_encoder *encoder = check_open(L, encoder_metatable);
  tg_scratches *scratches = &tg_runtime_of(L)->scratches;
  tg_encoder_mode mode = (tg_encoder_mode)luaL_checkoption(L, 4, NULL, modes);
  tg_text rest, piece = check_piece(L, &rest);
  bool is_last = piece.size == rest.size;
  tg_coding_step step = TG_CODING_AGAIN;
  tg_buffer *out = TG_SCRATCH_TAKE(L, scratches);
  while (step == TG_CODING_AGAIN && tg_buffer_size(out) < PIECE_BYTES) {
    step = tg_encoder_feed(encoder, &piece, is_last ? mode : TG_ENCODER_MORE, out);
  }
  if (step == TG_CODING_FAIL) {
    tg_scratch_give(scratches, out);
    return push_error(L, (tg_coding_error){503, "no memory to encode the body"});
  }
  rest.data = piece.data;
  return push_piece(L, out, rest, step == TG_CODING_AGAIN || !is_last);
}

/* --- decoding --- */

static int close_decoder(lua_State *L) {
  tg_decoder **object = luaL_checkudata(L, 1, decoder_metatable);
  if (*object != NULL) tg_decoder_free(*object);
  *object = NULL;
  return 0;
}

static uint64_t check_limit(lua_State *L, int index, uint64_t usual, lua_Number most) {
  lua_Number limit = luaL_optnumber(L, index, (lua_Number)usual);
  luaL_argcheck(L, limit >= 0 && limit <= most, index, "no limit");
  return (uint64_t)limit;
}

/* core.decoder(coding, bytes_max or nil, ratio_max or nil) → decoder; nil without memory */
static int new_decoder(lua_State *L) {
  tg_coding coding = check_coding(L, 1);
  tg_decoder_limits limits = tg_decoder_limits_default;
  limits.output_bytes_max = check_limit(L, 2, limits.output_bytes_max, 1e15);
  limits.ratio_max = (uint32_t)check_limit(L, 3, limits.ratio_max, UINT32_MAX);
  void **object = push_object(L, decoder_metatable);
  *object = tg_decoder_new(coding, &limits);
  if (*object == NULL) lua_pushnil(L);
  return 1;
}

/* core.decode(decoder, text, at, is_last) → bytes, at: as core.encode; or nil, status, what is wrong */
static int decode(lua_State *L) {
  tg_decoder *decoder = check_open(L, decoder_metatable);
  tg_scratches *scratches = &tg_runtime_of(L)->scratches;
  tg_text rest, piece = check_piece(L, &rest);
  bool is_last = piece.size == rest.size;
  tg_coding_step step = TG_CODING_AGAIN;
  tg_buffer *out = TG_SCRATCH_TAKE(L, scratches);
  while (step == TG_CODING_AGAIN && tg_buffer_size(out) < PIECE_BYTES) {
    step = tg_decoder_feed(decoder, &piece, is_last && lua_toboolean(L, 4), out);
  }
  if (step == TG_CODING_FAIL) {
    tg_scratch_give(scratches, out);
    return push_error(L, tg_decoder_error(decoder));
  }
  rest.data = piece.data;
  return push_piece(L, out, rest, step == TG_CODING_AGAIN || !is_last);
}

const luaL_Reg tg_coding_metatables[] = {
    {encoder_metatable, close_encoder}, {decoder_metatable, close_decoder}, {NULL, NULL}};

const luaL_Reg tg_coding_functions[] = {
    {"accept_coding", accept_coding},
    {"content_coding", content_coding},
    {"is_etag", is_etag},
    {"encoder", new_encoder},
    {"encode", encode},
    {"close_encoder", close_encoder},
    {"decoder", new_decoder},
    {"decode", decode},
    {"close_decoder", close_decoder},
    {NULL, NULL},
};
