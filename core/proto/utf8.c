#include "proto/utf8.h"

/* How many bytes follow a lead byte; -1 when it is none. */
static int follow_count(unsigned char lead) {
  if (lead < 0x80) return 0;
  if (lead >= 0xc2 && lead <= 0xdf) return 1;
  if (lead >= 0xe0 && lead <= 0xef) return 2;
  if (lead >= 0xf0 && lead <= 0xf4) return 3;
  return -1;
}

/* The first byte behind some leads has a narrower range: overlong forms, surrogates, too large code points. */
static bool is_first_follow(unsigned char lead, unsigned char c) {
  unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  return c >= low && c <= high;
}

size_t tg_utf8_character(tg_text text) {
  const unsigned char *at = (const unsigned char *)text.data;
  int count = follow_count(*at);
  if (count < 0 || (size_t)count >= text.size) return 0;
  if (count > 0 && !is_first_follow(*at, at[1])) return 0;
  for (int i = 2; i <= count; i++) {
    if ((at[i] & 0xc0) != 0x80) return 0;
  }
  return (size_t)count + 1;
}

bool tg_utf8_is_valid(tg_text text) {
  while (text.size > 0) {
    size_t size = tg_utf8_character(text);
    if (size == 0) return false;
    text = (tg_text){text.data + size, text.size - size};
  }
  return true;
}

unsigned tg_utf8_code_point(const char *at, size_t size) {
  static const unsigned char of_lead[] = {0, 0x7f, 0x1f, 0xf, 7};
  unsigned code_point = (unsigned char)at[0] & of_lead[size];
  for (size_t i = 1; i < size; i++) code_point = code_point << 6 | ((unsigned char)at[i] & 0x3fU);
  return code_point;
}

static bool is_in(unsigned code_point, unsigned first, unsigned last) {
  return code_point >= first && code_point <= last;
}

bool tg_utf8_is_control(unsigned code_point) {
  return code_point < 0x20 || is_in(code_point, 0x7f, 0x9f) || is_in(code_point, 0x2028, 0x202e) ||
         is_in(code_point, 0x2066, 0x2069);
}

size_t tg_utf8_repair(tg_text text, char *out) {
  static const char replacement[] = {'\xef', '\xbf', '\xbd'};
  char *end = out;
  while (text.size > 0) {
    size_t size = tg_utf8_character(text), taken = size > 0 ? size : 1;
    memcpy(end, size > 0 ? text.data : replacement, size > 0 ? size : sizeof replacement);
    end += size > 0 ? size : sizeof replacement;
    text = (tg_text){text.data + taken, text.size - taken};
  }
  return (size_t)(end - out);
}
