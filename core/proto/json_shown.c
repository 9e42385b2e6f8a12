#include "proto/json_shown.h"
#include "proto/utf8.h"

#include <stdio.h>

static bool is_in(unsigned code, unsigned first, unsigned last) {
  return code >= first && code <= last;
}

static void append_escape(tg_buffer *buffer, unsigned code) {
  char escape[8];
  if (code == '\n') tg_buffer_append_text(buffer, TG_TEXT("\\n"));
  else if (code == '\t') tg_buffer_append_text(buffer, TG_TEXT("\\t"));
  else if (code == '\r') tg_buffer_append_text(buffer, TG_TEXT("\\r"));
  else {
    int size = snprintf(escape, sizeof escape, "\\u%04x", code);
    tg_buffer_append(buffer, escape, (size_t)size);
  }
}

/* The character at the start; how many bytes of the text it takes. */
static size_t append_character(tg_buffer *buffer, tg_text rest) {
  size_t size = tg_utf8_character(rest);
  unsigned code = size > 0 ? tg_utf8_code_point(rest.data, size) : 0;
  if (size == 0) tg_buffer_append_text(buffer, TG_TEXT("\xef\xbf\xbd"));
  else if (tg_utf8_is_control(code)) append_escape(buffer, code);
  else if (code == '"' || code == '\\') tg_buffer_append(buffer, (char[]){'\\', (char)code}, 2);
  else tg_buffer_append(buffer, rest.data, size);
  return size > 0 ? size : 1;
}

static size_t plain_ascii(tg_text text) {
  size_t size = 0;
  while (size < text.size && is_in((unsigned char)text.data[size], 0x20, 0x7e) && text.data[size] != '"' &&
         text.data[size] != '\\')
    size++;
  return size;
}

void tg_json_show(tg_buffer *buffer, tg_text text, size_t bytes_max) {
  char length[40];
  size_t taken = 0, end = text.size < bytes_max ? text.size : bytes_max;
  tg_buffer_append(buffer, "\"", 1);
  while (taken < end && !buffer->failed) {
    size_t plain = plain_ascii((tg_text){text.data + taken, end - taken});
    if (plain > 0) tg_buffer_append(buffer, text.data + taken, plain);
    else plain = append_character(buffer, (tg_text){text.data + taken, text.size - taken});
    taken += plain;
  }
  int size = taken < text.size ? snprintf(length, sizeof length, "… (%zu bytes)\"", text.size)
                               : snprintf(length, sizeof length, "\"");
  tg_buffer_append(buffer, length, (size_t)size);
}
