/* Memory that runs out on demand: SQLite's method. */
#ifndef TESTS_FAULTS_MEMORY_H
#define TESTS_FAULTS_MEMORY_H

#include "bind/runtime.h"

/* Takes over the allocations of the gateway's Lua state too, which may come from LuaJIT's own allocator. */
void memory_take_over(tg_runtime *gateway);

/* Gives them back, before the gateway is freed. */
void memory_give_back(tg_runtime *gateway);

/* The allocation of that number from here on fails, once; the first is 1. */
void memory_arm(unsigned long number);

/* Nothing fails from here on. Has anything failed? */
bool memory_disarm(void);

#endif
