/* A pairing heap threaded through its members: the least node first, any node removable, no allocation. */
#ifndef TG_BASE_HEAP_H
#define TG_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>

typedef struct tg_heap_node {
  struct tg_heap_node *child;    /* first child */
  struct tg_heap_node *sibling;  /* next sibling */
  struct tg_heap_node *previous; /* previous sibling, or the parent of a first child; NULL at the root */
} tg_heap_node;

typedef bool (*tg_heap_less)(const tg_heap_node *a, const tg_heap_node *b);

typedef struct tg_heap {
  tg_heap_node *root; /* the least node; NULL when the heap is empty */
  tg_heap_less less;
} tg_heap;

/* Adds `node`, which is in no heap. O(1). */
void tg_heap_insert(tg_heap *heap, tg_heap_node *node);

/* Removes `node`, which is in this heap. O(log n) amortised. */
void tg_heap_remove(tg_heap *heap, tg_heap_node *node);

#endif
