#include "proto/coding_library.h"

#include <stdlib.h>

/* Stands before the bytes, which are aligned as malloc would align them. */
typedef struct piece {
  _Alignas(max_align_t) tg_list node;
  size_t size;
} piece;

void tg_coding_memory_init(tg_coding_memory *memory, size_t max) {
  memory->used = 0;
  memory->max = max;
  tg_list_init(&memory->pieces);
}

void tg_coding_memory_clear(tg_coding_memory *memory) {
  tg_list *node = memory->pieces.next;
  while (node != &memory->pieces) {
    piece *is = TG_CONTAINER(node, piece, node);
    node = node->next;
    free(is);
  }
  tg_coding_memory_init(memory, memory->max);
}

void *tg_coding_alloc(void *opaque, size_t size) {
  tg_coding_memory *memory = opaque;
  if (size > memory->max - memory->used) return NULL;
  piece *is = malloc(sizeof *is + size);
  if (is == NULL) return NULL;
  is->size = size;
  memory->used += size;
  tg_list_push_back(&memory->pieces, &is->node);
  return is + 1;
}

void tg_coding_free(void *opaque, void *at) {
  tg_coding_memory *memory = opaque;
  if (at == NULL) return;
  piece *is = (piece *)at - 1;
  memory->used -= is->size;
  tg_list_remove(&is->node);
  free(is);
}

const tg_coding_library *tg_coding_library_of(tg_coding coding) {
  static const tg_coding_library *const libraries[TG_CODING_COUNT] = {
      [TG_CODING_GZIP] = &tg_coding_zlib,
      [TG_CODING_DEFLATE] = &tg_coding_zlib,
      [TG_CODING_BR] = &tg_coding_brotli,
      [TG_CODING_ZSTD] = &tg_coding_zstd,
  };
  return libraries[coding];
}

int tg_coding_window(uint64_t bytes_hint, int lowest, int highest) {
  int window = lowest;
  if (bytes_hint == 0) return highest;
  while (window < highest && (uint64_t)1 << window < bytes_hint) window++;
  return window;
}
