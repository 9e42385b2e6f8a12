#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>

enum { BLOCK_BYTES_MIN = 2048 };

struct tg_arena_block {
  tg_arena_block *next;
  max_align_t memory[];
};

void tg_arena_init(tg_arena *arena, void *memory, size_t size) {
  arena->cursor = memory;
  arena->limit = arena->cursor + size;
  arena->blocks = NULL;
}

static bool add_block(tg_arena *arena, size_t size) {
  size_t room = size < BLOCK_BYTES_MIN ? BLOCK_BYTES_MIN : size;
  tg_arena_block *block = malloc(sizeof *block + room);
  if (block == NULL) return false;
  block->next = arena->blocks;
  arena->blocks = block;
  arena->cursor = (char *)block->memory;
  arena->limit = arena->cursor + room;
  return true;
}

static char *take(tg_arena *arena, size_t size) {
  if ((size_t)(arena->limit - arena->cursor) < size && !add_block(arena, size)) return NULL;
  char *memory = arena->cursor;
  arena->cursor += size;
  return memory;
}

void *tg_arena_alloc(tg_arena *arena, size_t size) {
  size_t align = _Alignof(max_align_t);
  size_t skip = (size_t)(-(uintptr_t)arena->cursor & (align - 1));
  if ((size_t)(arena->limit - arena->cursor) < skip + size) return take(arena, size + align);
  arena->cursor += skip;
  return take(arena, size);
}

/* Moves the text to where there is room behind it. */
static bool move(tg_arena *arena, tg_text *text, size_t size) {
  /* A new block has room for the text to double: one that comes byte by byte must not cost a block for each. */
  size_t room = (size_t)(arena->limit - arena->cursor);
  if (room < text->size + size && !add_block(arena, 2 * text->size + size)) return false;
  char *moved = arena->cursor;
  if (text->size > 0) memcpy(moved, text->data, text->size);
  arena->cursor += text->size;
  text->data = moved;
  return true;
}

bool tg_arena_append_further(tg_arena *arena, tg_text *text, const char *data, size_t size) {
  if (size == 0 && text->data != NULL) return true;
  bool is_last = text->size > 0 && text->data + text->size == arena->cursor;
  bool has_room = (size_t)(arena->limit - arena->cursor) >= size;
  if (!(is_last && has_room) && !move(arena, text, size)) return false;
  if (size > 0) memcpy(arena->cursor, data, size);
  arena->cursor += size;
  text->size += size;
  return true;
}

tg_text tg_arena_copy(tg_arena *arena, tg_text text) {
  tg_text copy = {NULL, 0};
  tg_arena_append(arena, &copy, text.data, text.size);
  return copy;
}

void tg_arena_free(tg_arena *arena) {
  tg_arena_block *block = arena->blocks;
  while (block != NULL) {
    tg_arena_block *next = block->next;
    free(block);
    block = next;
  }
  *arena = (tg_arena){0};
}
