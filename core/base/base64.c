#include "base/base64.h"

#include <stdint.h>

static const char letters[2][65] = {
    [TG_BASE64_STANDARD] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    [TG_BASE64_URL] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

static uint8_t byte_at(tg_text text, size_t at) {
  return at < text.size ? (uint8_t)text.data[at] : 0;
}

void tg_base64_encode(tg_buffer *buffer, tg_text bytes, tg_base64_alphabet alphabet) {
  const char *letter = letters[alphabet];
  for (size_t i = 0; i < bytes.size; i += 3) {
    uint32_t group = (uint32_t)byte_at(bytes, i) << 16 | (uint32_t)byte_at(bytes, i + 1) << 8 | byte_at(bytes, i + 2);
    char four[4] = {letter[group >> 18], letter[group >> 12 & 63], letter[group >> 6 & 63], letter[group & 63]};
    size_t meant = bytes.size - i >= 3 ? 4 : bytes.size - i + 1;
    for (size_t k = meant; k < 4; k++) four[k] = '=';
    tg_buffer_append(buffer, four, alphabet == TG_BASE64_URL ? meant : 4);
  }
}

/* What a letter stands for; -1 where it is none of the alphabet. */
static int value_of(char c, tg_base64_alphabet alphabet) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == letters[alphabet][62]) return 62;
  if (c == letters[alphabet][63]) return 63;
  return -1;
}

/* The text without its padding; false where that is not as the alphabet wants it. */
static bool without_padding(tg_text *text, tg_base64_alphabet alphabet) {
  if (alphabet == TG_BASE64_URL) return true; /* "=" is none of its letters */
  if (text->size % 4 != 0) return false;
  for (int i = 0; i < 2 && text->size > 0 && text->data[text->size - 1] == '='; i++) text->size--;
  return true;
}

const char *tg_base64_decode(tg_buffer *buffer, tg_text text, tg_base64_alphabet alphabet, size_t *at) {
  uint32_t bits = 0;
  unsigned count = 0; /* bits that are not written yet */
  *at = text.size;
  if (!without_padding(&text, alphabet)) return "its length is not a multiple of 4";
  for (size_t i = 0; i < text.size; i++) {
    int value = value_of(text.data[i], alphabet);
    *at = i;
    if (value < 0) return "a byte is not in the alphabet";
    bits = bits << 6 | (uint32_t)value;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    char byte = (char)(bits >> count & 255);
    tg_buffer_append(buffer, &byte, 1);
  }
  if (count == 6) return "one letter is left over at its end";
  if ((bits & ((1u << count) - 1)) != 0) return "its last letter has bits that must be zero";
  return NULL;
}

void tg_hex_encode(tg_buffer *buffer, tg_text bytes) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < bytes.size; i++) {
    char two[2] = {digits[(uint8_t)bytes.data[i] >> 4], digits[(uint8_t)bytes.data[i] & 15]};
    tg_buffer_append(buffer, two, 2);
  }
}

static int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

const char *tg_hex_decode(tg_buffer *buffer, tg_text text, size_t *at) {
  for (size_t i = 0; i < text.size; i++) {
    *at = i;
    if (digit_of(text.data[i]) < 0) return "a byte is not a hexadecimal digit";
    if (i % 2 == 0) continue;
    char byte = (char)(digit_of(text.data[i - 1]) << 4 | digit_of(text.data[i]));
    tg_buffer_append(buffer, &byte, 1);
  }
  *at = text.size;
  return text.size % 2 == 0 ? NULL : "its number of digits is odd";
}
