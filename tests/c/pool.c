#include "base/pool.h"
#include "check.h"

#include <stddef.h>
#include <stdint.h>

static void gives_blocks(void) {
  tg_pool *pool = tg_pool_new(100, 2);
  char *blocks[5];
  for (int i = 0; i < 5; i++) {
    blocks[i] = tg_pool_take(pool);
    CHECK_NUMBER((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
    memset(blocks[i], i, 100);
  }
  for (int i = 0; i < 5; i++) CHECK_NUMBER(blocks[i][99], i);
  for (int i = 0; i < 5; i++) tg_pool_give(blocks[i]);
  tg_pool_close(pool);
}

/* Under AddressSanitizer no block is used again, so that a late use of one is seen. */
static void uses_blocks_again(void) {
#ifndef TG_SANITIZE
  tg_pool *pool = tg_pool_new(100, 2);
  void *first = tg_pool_take(pool), *second = tg_pool_take(pool), *third = tg_pool_take(pool);
  tg_pool_give(first);
  tg_pool_give(second);
  tg_pool_give(third); /* one more than it keeps */
  CHECK(tg_pool_take(pool) == second);
  CHECK(tg_pool_take(pool) == first);
  tg_pool_give(first);
  tg_pool_give(second);
  tg_pool_close(pool);
#endif
}

static void outlives_its_last_block(void) {
  tg_pool *pool = tg_pool_new(1, 10);
  void *late = tg_pool_take(pool);
  tg_pool_give(tg_pool_take(pool));
  tg_pool_close(pool);
  memset(late, 1, 1);
  tg_pool_give(late); /* leaks nothing, says the leak checker */
  tg_pool_close(tg_pool_new(1, 10));
}

int main(void) {
  gives_blocks();
  uses_blocks_again();
  outlives_its_last_block();
  return check_result();
}
