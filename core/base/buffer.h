/* Bytes that grow at the end and are consumed from the front. The memory is the buffer's own.
   A buffer that could not grow remembers it (`failed`), so that a row of appends is checked once at its end. */
#ifndef TG_BASE_BUFFER_H
#define TG_BASE_BUFFER_H

#include "base/text.h"

typedef struct tg_buffer {
  char *data;      /* NULL until the first append */
  size_t start;    /* first byte that is not consumed */
  size_t end;      /* one after the last byte */
  size_t capacity; /* bytes allocated */
  bool failed;     /* an append found no memory; the content is not whole */
} tg_buffer;

static inline size_t tg_buffer_size(const tg_buffer *buffer) {
  return buffer->end - buffer->start;
}

/* What the buffer holds; valid until the next append. */
static inline tg_text tg_buffer_text(const tg_buffer *buffer) {
  if (buffer->data == NULL) return (tg_text){NULL, 0};
  return (tg_text){buffer->data + buffer->start, buffer->end - buffer->start};
}

/* Makes room that is not there yet; see tg_buffer_reserve. */
char *tg_buffer_make_room(tg_buffer *buffer, size_t size);

/* Room for `size` more bytes at the end; NULL without memory. The caller adds what it wrote to `end`. */
static inline char *tg_buffer_reserve(tg_buffer *buffer, size_t size) {
  bool fits = buffer->capacity - buffer->end >= size && buffer->data != NULL;
  return fits ? buffer->data + buffer->end : tg_buffer_make_room(buffer, size);
}

/* Appends; false (and `failed`) without memory. */
static inline bool tg_buffer_append(tg_buffer *buffer, const char *data, size_t size) {
  if (size == 0) return true;
  char *room = tg_buffer_reserve(buffer, size);
  if (room == NULL) return false;
  memcpy(room, data, size);
  buffer->end += size;
  return true;
}

static inline bool tg_buffer_append_text(tg_buffer *buffer, tg_text text) {
  return tg_buffer_append(buffer, text.data, text.size);
}

/* Appends a number in decimal. */
bool tg_buffer_append_number(tg_buffer *buffer, unsigned long long number);

/* Drops `size` bytes from the front. */
void tg_buffer_consume(tg_buffer *buffer, size_t size);

/* Empties the buffer and keeps its memory, for use again. */
void tg_buffer_clear(tg_buffer *buffer);

/* Empties the buffer and gives its memory back. */
void tg_buffer_free(tg_buffer *buffer);

#endif
