#include "support/guard.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t page_bytes(void) {
  return (size_t)sysconf(_SC_PAGESIZE);
}

guard_page guard_open(size_t size) {
  size_t page = page_bytes();
  size_t capacity = (size / page + 1) * page;
  char *memory = mmap(NULL, capacity + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory + capacity, page, PROT_NONE) < 0) abort();
  return (guard_page){memory, capacity};
}

const char *guard_place(guard_page *guard, const char *bytes, size_t size) {
  assert(size <= guard->capacity);
  char *start = guard->memory + guard->capacity - size;
  if (size > 0) memcpy(start, bytes, size);
  return start;
}

void guard_close(guard_page *guard) {
  munmap(guard->memory, guard->capacity + page_bytes());
}
