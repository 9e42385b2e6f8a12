/* Memory that C functions use one after the other for what they make, before it is handed to Lua or to a connection.

   Whatever asks Lua for memory may collect garbage, and a script's finalizer may then call any function of ours in the
   middle of the one that runs. So a scratch is its owner's alone, from TG_SCRATCH_TAKE to tg_scratch_give, and who takes
   one meanwhile gets another. An error that leaves the owner needs no give: that its frame is gone shows when the next
   one is taken, or one further out is given back. With the sanitizer a scratch is freed when it is given back, so that a slice of it that is read later
   is found. */
#ifndef TG_BIND_SCRATCH_H
#define TG_BIND_SCRATCH_H

#include "base/buffer.h"

#include <lua.h>

typedef struct tg_scratch {
  tg_buffer buffer;
  const char *frame;        /* of the C function that owns it */
  struct tg_scratch *outer; /* whose owner called Lua, and so the owner of this one */
  struct tg_scratch *inner; /* for whoever takes one meanwhile; NULL before the first */
} tg_scratch;

typedef struct tg_scratches {
  tg_scratch first;
  tg_scratch *top; /* the innermost that has an owner; NULL where none has */
} tg_scratches;

/* An empty buffer of the function that says this, which gives it back itself: the frames of all that it calls lie below
   its own on the C stack, and that is how they are told from those of a function that an error has left. Raises without
   memory. [-0, +0, v] */
#define TG_SCRATCH_TAKE(L, scratches) tg_scratch_take((L), (scratches), __builtin_frame_address(0))

/* The same where another has an owner, or had one that an error has left. */
tg_buffer *tg_scratch_take_further(lua_State *L, tg_scratches *scratches, const void *frame);

static inline tg_buffer *tg_scratch_take(lua_State *L, tg_scratches *scratches, const void *frame) {
  tg_scratch *self = &scratches->first;
  if (scratches->top != NULL) return tg_scratch_take_further(L, scratches, frame);
  self->frame = frame;
  scratches->top = self;
  tg_buffer_clear(&self->buffer);
  return &self->buffer;
}

/* Gives the scratch back that was taken last. [-0, +0, -] */
void tg_scratch_give(tg_scratches *scratches, tg_buffer *buffer);

/* Gives it back with its content pushed. [-0, +1, v] */
void tg_scratch_push(lua_State *L, tg_scratches *scratches, tg_buffer *buffer);

void tg_scratches_free(tg_scratches *scratches);

#endif
