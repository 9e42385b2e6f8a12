#include "base/buffer.h"
#include "base/check.h"

#include <stdint.h>
#include <stdlib.h>

enum { CAPACITY_MIN = 256 };

static void compact(tg_buffer *buffer) {
  TG_CHECK(buffer->data != NULL);
  memmove(buffer->data, buffer->data + buffer->start, tg_buffer_size(buffer));
  buffer->end -= buffer->start;
  buffer->start = 0;
}

static bool grow(tg_buffer *buffer, size_t needed) {
  if (needed > PTRDIFF_MAX) return false; /* doubling would never reach it */
  size_t capacity = buffer->capacity < CAPACITY_MIN ? CAPACITY_MIN : buffer->capacity;
  while (capacity < needed) capacity *= 2;
  char *data = realloc(buffer->data, capacity);
  if (data == NULL) return false;
  buffer->data = data;
  buffer->capacity = capacity;
  return true;
}

char *tg_buffer_make_room(tg_buffer *buffer, size_t size) {
  if (buffer->start > 0) compact(buffer);
  if (buffer->capacity - buffer->end < size && (size > PTRDIFF_MAX || !grow(buffer, buffer->end + size))) {
    buffer->failed = true;
    return NULL;
  }
  return buffer->data + buffer->end;
}

bool tg_buffer_append_number(tg_buffer *buffer, unsigned long long number) {
  char digits[20];
  size_t at = sizeof digits;
  do {
    digits[--at] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  return tg_buffer_append(buffer, digits + at, sizeof digits - at);
}

void tg_buffer_consume(tg_buffer *buffer, size_t size) {
  TG_CHECK(size <= tg_buffer_size(buffer));
  buffer->start += size;
  if (buffer->start == buffer->end) buffer->start = buffer->end = 0;
}

void tg_buffer_clear(tg_buffer *buffer) {
  buffer->start = buffer->end = 0;
  buffer->failed = false;
}

void tg_buffer_free(tg_buffer *buffer) {
  free(buffer->data);
  *buffer = (tg_buffer){0};
}
