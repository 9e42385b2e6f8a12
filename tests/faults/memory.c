#include "memory.h"
#include "bind/task.h"

#include <dlfcn.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

static unsigned long seen, failing; /* 0: none */
static bool failed;
static _Thread_local bool counts; /* blocking calls run in threads, whose allocations come when they like */

/* Read by LeakSanitizer: lua-cjson loses its buffer when Lua raises in the middle of its work. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_options(void);

const char *__lsan_default_suppressions(void) {
  return "leak:strbuf_new\n";
}

const char *__lsan_default_options(void) {
  return "print_suppressions=0";
}

/* lua-cjson ends the process when its buffer cannot grow, which is not ours to mend. */
static bool is_exempt(const void *caller) {
  Dl_info info;
  return dladdr(caller, &info) != 0 && info.dli_sname != NULL && strncmp(info.dli_sname, "strbuf_", 7) == 0;
}

/* `caller` is NULL for Lua. */
static bool fails(const void *caller) {
  if (failing == 0 || !counts || (caller != NULL && is_exempt(caller))) return false;
  seen++;
  bool now = seen == failing;
  failed = failed || now;
  return now;
}

void *__wrap_malloc(size_t size) {
  return fails(__builtin_return_address(0)) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
  return fails(__builtin_return_address(0)) ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size) {
  return fails(__builtin_return_address(0)) ? NULL : __real_realloc(block, size);
}

void memory_arm(unsigned long number) {
  counts = true;
  seen = 0;
  failed = false;
  failing = number;
}

bool memory_disarm(void) {
  failing = 0;
  return failed;
}

/* --- Lua --- */

static lua_Alloc inner;
static void *inner_user;

/* The LuaJIT of Debian 12 writes past a stack that it could not grow. A stack grows by doubling, and 64 bytes more. */
static bool is_stack(size_t old_size, size_t new_size) {
  return old_size > 0 && new_size == old_size * 2 + 64;
}

/* LuaJIT never expects that giving memory back fails. */
static void *allocate(void *user, void *block, size_t old_size, size_t new_size) {
  (void)user;
  unsigned long was = failing;
  if (new_size > old_size && !is_stack(old_size, new_size) && fails(NULL)) return NULL;
  failing = 0; /* it may call the functions above, and was counted */
  void *result = inner(inner_user, block, old_size, new_size);
  failing = was;
  return result;
}

void memory_take_over(tg_runtime *gateway) {
  inner = lua_getallocf(gateway->L, &inner_user);
  lua_setallocf(gateway->L, allocate, NULL);
}

void memory_give_back(tg_runtime *gateway) {
  lua_setallocf(gateway->L, inner, inner_user);
}
