/* Memory that is given back all at once: one arena for each exchange, nothing inside is freed singly.
   The first block is the caller's (usually a part of the structure that owns the arena). */
#ifndef TG_BASE_ARENA_H
#define TG_BASE_ARENA_H

#include "base/text.h"

typedef struct tg_arena_block tg_arena_block;

typedef struct tg_arena {
  char *cursor;           /* next free byte */
  char *limit;            /* one after the last byte of the current block */
  tg_arena_block *blocks; /* what was allocated beside the first block, newest first */
} tg_arena;

/* Starts an arena in `size` bytes at `memory`, which stay the caller's. */
void tg_arena_init(tg_arena *arena, void *memory, size_t size);

/* `size` bytes, aligned for any type; NULL without memory. Valid until tg_arena_free. */
void *tg_arena_alloc(tg_arena *arena, size_t size);

/* The same where the text is not empty, or where there is no room for it. */
bool tg_arena_append_further(tg_arena *arena, tg_text *text, const char *data, size_t size);

/* Adds bytes to the end of `text`, which lives in the arena (or is empty). It grows in place where `text` was
   the last thing allocated, else it moves. False without memory; then `text` is as before. */
static inline bool tg_arena_append(tg_arena *arena, tg_text *text, const char *data, size_t size) {
  bool has_room = size > 0 && (size_t)(arena->limit - arena->cursor) >= size;
  if (text->size > 0 || !has_room) return tg_arena_append_further(arena, text, data, size);
  memcpy(arena->cursor, data, size); /* nearly every text comes whole */
  *text = (tg_text){arena->cursor, size};
  arena->cursor += size;
  return true;
}

/* A copy of `text`; {NULL, 0} without memory. */
tg_text tg_arena_copy(tg_arena *arena, tg_text text);

/* Frees every block that the arena allocated; its memory is invalid from here on. */
void tg_arena_free(tg_arena *arena);

#endif
