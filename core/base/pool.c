#include "base/pool.h"

#include <stdbool.h>
#include <stdlib.h>

typedef struct block {
  tg_pool *pool;
  struct block *next; /* while it is spare */
  max_align_t memory[];
} block;

struct tg_pool {
  size_t size;
  block *spare;
  unsigned spare_count;
  unsigned spare_max;
  unsigned taken; /* blocks that are out */
  bool closed;
};

tg_pool *tg_pool_new(size_t size, unsigned spare_max) {
  tg_pool *pool = calloc(1, sizeof *pool);
  if (pool == NULL) return NULL;
  pool->size = size;
#ifndef TG_SANITIZE /* there every block is freed, so that a late use of one is seen */
  pool->spare_max = spare_max;
#else
  (void)spare_max;
#endif
  return pool;
}

void *tg_pool_take(tg_pool *pool) {
  block *taken = pool->spare;
  if (taken != NULL) {
    pool->spare = taken->next;
    pool->spare_count--;
  } else {
    taken = malloc(sizeof *taken + pool->size);
    if (taken == NULL) return NULL;
    taken->pool = pool;
  }
  pool->taken++;
  return taken->memory;
}

static void free_if_done(tg_pool *pool) {
  if (pool->closed && pool->taken == 0) free(pool);
}

void tg_pool_give(void *memory) {
  block *given = (block *)((char *)memory - offsetof(block, memory));
  tg_pool *pool = given->pool;
  pool->taken--;
  if (!pool->closed && pool->spare_count < pool->spare_max) {
    given->next = pool->spare;
    pool->spare = given;
    pool->spare_count++;
    return;
  }
  free(given);
  free_if_done(pool);
}

void tg_pool_close(tg_pool *pool) {
  pool->closed = true;
  while (pool->spare != NULL) {
    block *next = pool->spare->next;
    free(pool->spare);
    pool->spare = next;
  }
  free_if_done(pool);
}
