/* Long strings that scripts are handed and soon let go of: the pieces of bodies. LuaJIT's collector goes on by a step
   whenever something is made, however large that is, so that a dozen megabytes of pieces may wait for it. They are
   counted here, and the collector goes on until it is through: for few of them where the loop has nothing else to do, and
   for more in any case. */
#ifndef TG_BIND_GARBAGE_H
#define TG_BIND_GARBAGE_H

#include "base/text.h"
#include "io/loop.h"

#include <lua.h>

/* Shorter strings, and fewer bytes of long ones, are left to the collector's own pace. */
enum { TG_GARBAGE_STRING_BYTES_MIN = 4 * 1024, TG_GARBAGE_BYTES_MIN = 256 * 1024 };

typedef struct tg_garbage {
  lua_State *L;
  tg_loop *loop;
  tg_job job;       /* takes a step of the collector */
  size_t bytes;     /* counted since the collector was last through */
  const char *sent; /* the last string that was sent; not to be read */
  bool is_busy;     /* a task has run since the job last looked */
  bool is_urgent;   /* … which does not matter any more */
  bool is_through;
} tg_garbage;

void tg_garbage_open(tg_garbage *garbage, lua_State *L, tg_loop *loop);
void tg_garbage_close(tg_garbage *garbage);

/* Sees to it that the collector goes on, where what was counted is much for a heap of this size. [-0, +0, -] */
void tg_garbage_plan(tg_garbage *garbage);

/* Counts a string that a script was given. [-0, +0, -] */
static inline void tg_garbage_note(tg_garbage *garbage, size_t bytes) {
  if (bytes < TG_GARBAGE_STRING_BYTES_MIN) return;
  garbage->bytes += bytes;
  if (garbage->bytes >= TG_GARBAGE_BYTES_MIN) tg_garbage_plan(garbage);
}

/* Counts a piece that a script sends and has probably made for that; not one that it sends again and again. [-0, +0, -] */
static inline void tg_garbage_note_sent(tg_garbage *garbage, tg_text text) {
  if (text.data != garbage->sent) tg_garbage_note(garbage, text.size);
  garbage->sent = text.data;
}

#endif
