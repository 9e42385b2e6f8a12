#include "proto/printable.h"
#include "proto/utf8.h"

#include <stdio.h>

static bool is_in(unsigned c, unsigned first, unsigned last) {
  return c >= first && c <= last;
}

static void append_escapes(tg_buffer *buffer, tg_text bytes) {
  char escape[8];
  for (size_t i = 0; i < bytes.size; i++) {
    int size = snprintf(escape, sizeof escape, "\\x%02x", (unsigned char)bytes.data[i]);
    tg_buffer_append(buffer, escape, (size_t)size);
  }
}

/* The character at the start, as it may be shown; how many bytes of the text it takes. */
static size_t append_character(tg_buffer *buffer, tg_text rest, tg_text indent) {
  size_t size = tg_utf8_character(rest);
  tg_text character = {rest.data, size > 0 ? size : 1};
  if (rest.data[0] == '\t') {
    tg_buffer_append(buffer, "  ", 2);
  } else if (rest.data[0] == '\n') {
    tg_buffer_append_text(buffer, character);
    tg_buffer_append_text(buffer, indent);
  } else if (size > 0 && !tg_utf8_is_control(tg_utf8_code_point(rest.data, size))) {
    tg_buffer_append_text(buffer, character);
  } else {
    append_escapes(buffer, character);
  }
  return character.size;
}

/* Most of a text needs no second look. */
static size_t plain_ascii(tg_text text) {
  size_t size = 0;
  while (size < text.size && is_in((unsigned char)text.data[size], 0x20, 0x7e)) size++;
  return size;
}

/* A number with a comma before every third digit. */
static void append_size(tg_buffer *buffer, size_t number) {
  char digits[24];
  int count = snprintf(digits, sizeof digits, "%zu", number);
  for (int i = 0; i < count; i++) {
    if (i > 0 && (count - i) % 3 == 0) tg_buffer_append(buffer, ",", 1);
    tg_buffer_append(buffer, digits + i, 1);
  }
}

static void append_length(tg_buffer *buffer, size_t bytes) {
  tg_buffer_append_text(buffer, TG_TEXT("… ("));
  append_size(buffer, bytes);
  tg_buffer_append_text(buffer, TG_TEXT(" bytes)"));
}

void tg_printable_append(tg_buffer *buffer, tg_text text, tg_text indent, size_t bytes_max) {
  size_t end = tg_buffer_size(buffer) + bytes_max, whole = text.size;
  while (text.size > 0) {
    size_t room = end > tg_buffer_size(buffer) ? end - tg_buffer_size(buffer) : 0;
    size_t size = plain_ascii((tg_text){text.data, text.size < room ? text.size : room});
    if (room == 0 || buffer->failed) {
      append_length(buffer, whole);
      return;
    }
    if (size > 0) tg_buffer_append(buffer, text.data, size);
    else size = append_character(buffer, text, indent);
    text = (tg_text){text.data + size, text.size - size};
  }
}
