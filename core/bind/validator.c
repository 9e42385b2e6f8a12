/* Whether a client needs an answer's body, and which part of it (RFC 9110 sections 13 and 14). */
#include "base/saturate.h"
#include "bind/runtime.h"
#include "proto/conditional.h"
#include "proto/http_date.h"
#include "proto/range.h"

#include <time.h>

static tg_validators check_validators(lua_State *L, int etag) {
  return (tg_validators){
      .etag = tg_opt_text(L, etag),
      .modified = lua_isnoneornil(L, etag + 1) ? TG_MODIFIED_UNKNOWN : tg_to_i64(luaL_checknumber(L, etag + 1)),
  };
}

/* core.conditional_status(etag, modified, if_match, if_none_match, if_modified_since, if_unmodified_since) → 200, 304 or
   412, for GET and HEAD */
static int conditional_status(lua_State *L) {
  tg_validators validators = check_validators(L, 1);
  tg_conditions conditions = {
      .if_match = tg_opt_text(L, 3),
      .if_none_match = tg_opt_text(L, 4),
      .if_modified_since = tg_opt_text(L, 5),
      .if_unmodified_since = tg_opt_text(L, 6),
      .reads = true,
  };
  lua_pushinteger(
      L, (lua_Integer)tg_conditional_status(&conditions, &validators, tg_loop_wall_seconds(tg_runtime_of(L)->loop)));
  return 1;
}

/* core.range(etag, modified, size, range, if_range) → nothing where the whole is to be sent; false and Content-Range for
   416; or the first byte, how many, and Content-Range */
static int range_of(lua_State *L) {
  tg_validators validators = check_validators(L, 1);
  uint64_t size = tg_to_u64(luaL_checknumber(L, 3));
  tg_text field = tg_opt_text(L, 4), if_range = tg_opt_text(L, 5);
  tg_scratches *scratches = &tg_runtime_of(L)->scratches;
  tg_buffer *content_range;
  tg_range range;
  if (!tg_conditional_allows_range(if_range, &validators, tg_loop_wall_seconds(tg_runtime_of(L)->loop))) return 0;
  switch (tg_range_parse(field, size, &range)) {
    case TG_RANGE_NONE:
      content_range = TG_SCRATCH_TAKE(L, scratches);
      tg_range_write_none(content_range, size);
      lua_pushboolean(L, 0);
      tg_scratch_push(L, scratches, content_range);
      return 2;
    case TG_RANGE_PART:
      content_range = TG_SCRATCH_TAKE(L, scratches);
      tg_range_write(content_range, range, size);
      lua_pushnumber(L, (lua_Number)range.first);
      lua_pushnumber(L, (lua_Number)(range.last - range.first + 1));
      tg_scratch_push(L, scratches, content_range);
      return 3;
    default:
      return 0;
  }
}

/* core.http_date(seconds) → "Sun, 06 Nov 1994 08:49:37 GMT" */
static int http_date(lua_State *L) {
  char text[TG_HTTP_DATE_BYTES];
  tg_http_date_write(tg_to_i64(luaL_checknumber(L, 1)), text);
  lua_pushlstring(L, text, sizeof text);
  return 1;
}

const luaL_Reg tg_validator_functions[] = {
    {"conditional_status", conditional_status},
    {"range", range_of},
    {"http_date", http_date},
    {NULL, NULL},
};
