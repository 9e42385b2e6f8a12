#include "base/heap.h"
#include "base/list.h"
#include "check.h"

#include <stdlib.h>

enum { ITEMS = 500, STEPS = 50000 };

typedef struct item {
  tg_heap_node node;
  int key;
  bool inside;
} item;

static item items[ITEMS];

static item *item_of(const tg_heap_node *node) {
  return TG_CONTAINER(node, item, node);
}

static bool is_less(const tg_heap_node *a, const tg_heap_node *b) {
  return item_of(a)->key < item_of(b)->key;
}

/* The sorted array to compare with: how many items of each key are inside. */
static unsigned counts[ITEMS];

static int least_key(void) {
  for (int key = 0; key < ITEMS; key++) {
    if (counts[key] > 0) return key;
  }
  return -1;
}

static void insert(tg_heap *heap, item *which, int key) {
  which->key = key;
  which->inside = true;
  counts[key]++;
  tg_heap_insert(heap, &which->node);
}

static void take_out(tg_heap *heap, item *which) {
  which->inside = false;
  counts[which->key]--;
  tg_heap_remove(heap, &which->node);
}

static void agrees_with_a_sorted_array(unsigned seed) {
  tg_heap heap = {NULL, is_less};
  srand(seed);
  for (int step = 0; step < STEPS; step++) {
    item *which = &items[rand() % ITEMS];
    if (which->inside) take_out(&heap, which);
    else insert(&heap, which, rand() % ITEMS);
    int least = heap.root != NULL ? item_of(heap.root)->key : -1;
    if (!CHECK_NUMBER(least, least_key())) return;
  }
  while (heap.root != NULL) {
    CHECK_NUMBER(item_of(heap.root)->key, least_key());
    take_out(&heap, item_of(heap.root));
  }
  CHECK_NUMBER(least_key(), -1);
}

static void sorts(void) {
  tg_heap heap = {NULL, is_less};
  for (int i = 0; i < ITEMS; i++) insert(&heap, &items[i], (i * 7919) % ITEMS);
  for (int i = 0; i < ITEMS; i++) {
    CHECK_NUMBER(item_of(heap.root)->key, i);
    take_out(&heap, item_of(heap.root));
  }
  CHECK(heap.root == NULL);
}

/* A million equal deadlines hang below the first as one long list of siblings: no recursion may walk it. */
static void holds_a_million_equal_nodes(void) {
  enum { MILLION = 1000000 };
  item *many = calloc(MILLION, sizeof *many);
  tg_heap heap = {NULL, is_less};
  for (int i = 0; i < MILLION; i++) tg_heap_insert(&heap, &many[i].node);
  for (int i = 0; i < 3; i++) tg_heap_remove(&heap, heap.root);
  unsigned left = 0;
  for (int i = 0; i < MILLION; i += 2) {
    bool inside = &many[i].node == heap.root || many[i].node.previous != NULL;
    if (inside) tg_heap_remove(&heap, &many[i].node);
  }
  for (; heap.root != NULL; left++) tg_heap_remove(&heap, heap.root);
  CHECK(left >= MILLION / 2 - 3 && left <= MILLION / 2);
  free(many);
}

int main(void) {
  for (unsigned seed = 1; seed <= 4; seed++) agrees_with_a_sorted_array(seed);
  sorts();
  holds_a_million_equal_nodes();
  return check_result();
}
