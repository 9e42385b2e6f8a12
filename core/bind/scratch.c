#include "bind/scratch.h"
#include "base/check.h"

#include <lauxlib.h>
#include <stdlib.h>

enum { KEPT_BYTES_MAX = 256 * 1024 }; /* a scratch that has become larger is not kept */

static void release(tg_scratches *scratches) {
  tg_scratch *self = scratches->top;
#ifdef TG_SANITIZE
  tg_buffer_free(&self->buffer);
#else
  if (self->buffer.capacity > KEPT_BYTES_MAX) tg_buffer_free(&self->buffer);
#endif
  scratches->top = self->outer;
}

/* The next one further in; NULL without memory. */
static tg_scratch *next(tg_scratches *scratches) {
  tg_scratch *top = scratches->top;
  if (top == NULL) return &scratches->first;
  if (top->inner == NULL) top->inner = calloc(1, sizeof *top);
  return top->inner;
}

tg_buffer *tg_scratch_take_further(lua_State *L, tg_scratches *scratches, const void *frame) {
  /* The stack grows downwards: a function that still runs, and has called ours, is above it. */
  while (scratches->top != NULL && scratches->top->frame <= (const char *)frame) release(scratches);
  tg_scratch *self = next(scratches);
  if (self == NULL) {
    luaL_error(L, "out of memory");
    return NULL; /* for readers of the code that do not know that luaL_error never returns */
  }
  self->frame = frame;
  self->outer = scratches->top;
  scratches->top = self;
  tg_buffer_clear(&self->buffer);
  return &self->buffer;
}

void tg_scratch_give(tg_scratches *scratches, tg_buffer *buffer) {
  while (scratches->top != NULL && buffer != &scratches->top->buffer) release(scratches); /* an error has left them */
  TG_CHECK(scratches->top != NULL);
  release(scratches);
}

void tg_scratch_push(lua_State *L, tg_scratches *scratches, tg_buffer *buffer) {
  if (buffer->failed) luaL_error(L, "out of memory");
  tg_text text = tg_buffer_text(buffer);
  lua_pushlstring(L, text.size > 0 ? text.data : "", text.size);
  tg_scratch_give(scratches, buffer);
}

void tg_scratches_free(tg_scratches *scratches) {
  tg_scratch *self = scratches->first.inner;
  while (self != NULL) {
    tg_scratch *inner = self->inner;
    tg_buffer_free(&self->buffer);
    free(self);
    self = inner;
  }
  tg_buffer_free(&scratches->first.buffer);
  *scratches = (tg_scratches){0};
}
