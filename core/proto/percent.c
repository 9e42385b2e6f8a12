#include "proto/percent.h"
#include "base/chars.h"

static int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

int tg_percent_value(tg_text text, size_t at) {
  if (at + 2 >= text.size || text.data[at] != '%') return -1;
  int high = hex_value(text.data[at + 1]), low = hex_value(text.data[at + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

void tg_percent_encode(tg_buffer *buffer, tg_text text) {
  static const char digits[] = "0123456789ABCDEF";
  for (size_t i = 0; i < text.size; i++) {
    unsigned char c = (unsigned char)text.data[i];
    char coded[3] = {'%', digits[c >> 4], digits[c & 15]};
    if (tg_char_is((char)c, TG_CHAR_UNRESERVED)) tg_buffer_append(buffer, text.data + i, 1);
    else tg_buffer_append(buffer, coded, 3);
  }
}

bool tg_percent_decode(tg_buffer *buffer, tg_text text, bool plus) {
  for (size_t i = 0; i < text.size; i++) {
    char c = text.data[i];
    if (c == '+' && plus) c = ' ';
    if (c == '%') {
      int value = tg_percent_value(text, i);
      if (value < 0) return false;
      c = (char)value;
      i += 2;
    }
    tg_buffer_append(buffer, &c, 1);
  }
  return true;
}

bool tg_query_next(tg_text *rest, tg_text *key, tg_text *value) {
  while (rest->size > 0 && rest->data[0] == '&') *rest = (tg_text){rest->data + 1, rest->size - 1};
  if (rest->size == 0) return false;
  const char *end = memchr(rest->data, '&', rest->size);
  size_t size = end != NULL ? (size_t)(end - rest->data) : rest->size;
  const char *equals = memchr(rest->data, '=', size);
  size_t key_size = equals != NULL ? (size_t)(equals - rest->data) : size;
  *key = (tg_text){rest->data, key_size};
  *value = equals != NULL ? (tg_text){equals + 1, size - key_size - 1} : (tg_text){"", 0};
  *rest = (tg_text){rest->data + size, rest->size - size};
  return true;
}
