#include "bind/scratch.h"
#include "check.h"

#include <lauxlib.h>

static tg_scratches scratches;

/* What a finalizer calls, and what an error leaves. */
static __attribute__((noinline)) void leaves_one(lua_State *L) {
  tg_buffer *buffer = TG_SCRATCH_TAKE(L, &scratches);
  tg_buffer_append_text(buffer, TG_TEXT("inner"));
}

static __attribute__((noinline)) void leaves_two(lua_State *L) {
  TG_SCRATCH_TAKE(L, &scratches);
  leaves_one(L);
}

static void gives_its_own_back_whatever_was_left_meanwhile(lua_State *L) {
  void (*const leave[])(lua_State *) = {leaves_one, leaves_two};
  for (size_t i = 0; i < 2; i++) {
    tg_buffer *buffer = TG_SCRATCH_TAKE(L, &scratches);
    tg_buffer_append_text(buffer, TG_TEXT("outer"));
    leave[i](L);
    tg_scratch_push(L, &scratches, buffer);
    CHECK(strcmp(lua_tostring(L, -1), "outer") == 0);
    CHECK(scratches.top == NULL);
    lua_pop(L, 1);
  }
}

static void takes_what_an_error_has_left(lua_State *L) {
  leaves_two(L);
  tg_buffer *buffer = TG_SCRATCH_TAKE(L, &scratches);
  CHECK(buffer == &scratches.first.buffer && tg_buffer_size(buffer) == 0);
  tg_scratch_give(&scratches, buffer);
}

int main(void) {
  lua_State *L = luaL_newstate();
  gives_its_own_back_whatever_was_left_meanwhile(L);
  takes_what_an_error_has_left(L);
  tg_scratches_free(&scratches);
  lua_close(L);
  return check_result();
}
