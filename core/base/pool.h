/* A pool: blocks of one size that are used again, for what is made and freed with each request.
   The pool outlives its last block, so a block may be given back after tg_pool_close. */
#ifndef TG_BASE_POOL_H
#define TG_BASE_POOL_H

#include <stddef.h>

typedef struct tg_pool tg_pool;

/* A pool of blocks of `size` bytes that keeps at most `spare_max` of them; NULL without memory. */
tg_pool *tg_pool_new(size_t size, unsigned spare_max);

/* A block, aligned for any type, with any content; NULL without memory. */
void *tg_pool_take(tg_pool *pool);

/* Gives a block back. */
void tg_pool_give(void *block);

/* Frees the spare blocks now, the others when they are given back. */
void tg_pool_close(tg_pool *pool);

#endif
