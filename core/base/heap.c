#include "base/heap.h"

/* Makes the greater of two roots the first child of the other. */
static tg_heap_node *meld(const tg_heap *heap, tg_heap_node *a, tg_heap_node *b) {
  if (a == NULL) return b;
  if (b == NULL) return a;
  if (heap->less(b, a)) {
    tg_heap_node *swap = a;
    a = b;
    b = swap;
  }
  b->sibling = a->child;
  if (a->child != NULL) a->child->previous = b;
  b->previous = a;
  a->child = b;
  return a;
}

static tg_heap_node *detach(tg_heap_node *node) {
  node->sibling = node->previous = NULL;
  return node;
}

/* Melds a list of siblings: in pairs from left to right, then the pairs from right to left. Without recursion,
   so that a heap of a million equal timers does not use up the C stack. */
static tg_heap_node *meld_siblings(const tg_heap *heap, tg_heap_node *first) {
  tg_heap_node *pairs = NULL;
  while (first != NULL) {
    tg_heap_node *a = first;
    tg_heap_node *b = a->sibling;
    first = b != NULL ? b->sibling : NULL;
    detach(a);
    tg_heap_node *pair = b != NULL ? meld(heap, a, detach(b)) : a;
    pair->sibling = pairs;
    pairs = pair;
  }
  tg_heap_node *root = NULL;
  while (pairs != NULL) {
    tg_heap_node *next = pairs->sibling;
    root = meld(heap, root, detach(pairs));
    pairs = next;
  }
  return root;
}

void tg_heap_insert(tg_heap *heap, tg_heap_node *node) {
  *node = (tg_heap_node){0};
  heap->root = meld(heap, heap->root, node);
}

static void unlink_node(tg_heap_node *node) {
  if (node->previous->child == node) node->previous->child = node->sibling;
  else node->previous->sibling = node->sibling;
  if (node->sibling != NULL) node->sibling->previous = node->previous;
  detach(node);
}

void tg_heap_remove(tg_heap *heap, tg_heap_node *node) {
  tg_heap_node *rest = meld_siblings(heap, node->child);
  if (node == heap->root) {
    heap->root = rest;
  } else {
    unlink_node(node);
    heap->root = meld(heap, heap->root, rest);
  }
  *node = (tg_heap_node){0};
}
