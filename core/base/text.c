#include "base/text.h"
#include "base/chars.h"

enum { BIT_OF_CASE = 0x20 };

static const uint64_t each = UINT64_C(0x0101010101010101); /* of eight bytes */

/* Are they the same letter, where they are not the same byte? */
static bool is_same_letter(char a, char b) {
  char lower = (char)(a | BIT_OF_CASE);
  return (a ^ b) == BIT_OF_CASE && lower >= 'a' && lower <= 'z';
}

static bool are_same(const char *a, const char *b, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (a[i] != b[i] && !is_same_letter(a[i], b[i])) return false;
  }
  return true;
}

/* Are eight bytes the same but for the case of letters? A sum with a byte has its highest bit set where that byte is as
   great as is asked; none carries, as the highest bits are taken off before. */
static bool are_eight_same(const char *a, const char *b) {
  uint64_t x, y;
  memcpy(&x, a, sizeof x);
  memcpy(&y, b, sizeof y);
  uint64_t differ = x ^ y, lower = (x | each * BIT_OF_CASE) & each * 0x7f;
  uint64_t letters = (lower + each * (0x80 - 'a')) & ~(lower + each * (0x80 - 'z' - 1)) & ~x & each << 7;
  return (differ & ~(letters >> 2)) == 0;
}

bool tg_text_same_nocase(const char *a, const char *b, size_t size) {
  if (size < 8) return are_same(a, b, size);
  size_t i = 0;
  while (i + 8 <= size && are_eight_same(a + i, b + i)) i += 8;
  return i + 8 > size && are_eight_same(a + size - 8, b + size - 8); /* the last eight repeat some of those before */
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

tg_text tg_text_trim_blanks(tg_text text) {
  while (text.size > 0 && is_blank(text.data[0])) {
    text.data++;
    text.size--;
  }
  while (text.size > 0 && is_blank(text.data[text.size - 1])) text.size--;
  return text;
}

bool tg_text_is_token(tg_text text) {
  return text.size > 0 && tg_chars_are(text.data, text.size, TG_CHAR_TOKEN);
}

/* Is one of eight bytes below a space? The subtraction borrows from its highest bit, which it did not have. */
static bool has_control(const char *bytes) {
  uint64_t word;
  memcpy(&word, bytes, sizeof word);
  return ((word - each * ' ') & ~word & (each << 7)) != 0;
}

bool tg_text_is_field_value(tg_text text) {
  size_t i = 0;
  while (text.size - i >= 8 && !has_control(text.data + i)) i += 8; /* it runs over every field that is sent */
  if (i > 0 && text.size - i < 8 && !has_control(text.data + text.size - 8)) return true;
  for (; i < text.size; i++) {
    char c = text.data[i];
    if (c == '\r' || c == '\n' || c == '\0') return false;
  }
  return true;
}

long long tg_text_to_number(tg_text text) {
  if (text.size == 0 || text.size > 18) return -1;
  long long number = 0;
  for (size_t i = 0; i < text.size; i++) {
    if (text.data[i] < '0' || text.data[i] > '9') return -1;
    number = number * 10 + (text.data[i] - '0');
  }
  return number;
}

bool tg_text_next_element(tg_text *list, tg_text *element) {
  if (list->data == NULL) return false;
  const char *comma = memchr(list->data, ',', list->size);
  size_t size = comma != NULL ? (size_t)(comma - list->data) : list->size;
  *element = tg_text_trim((tg_text){list->data, size});
  *list = comma != NULL ? (tg_text){comma + 1, list->size - size - 1} : (tg_text){NULL, 0};
  return true;
}

bool tg_text_next_item(tg_text *list, tg_text *item) {
  if (list->data == NULL) return false;
  const char *at = list->data, *end = at + list->size;
  while (at < end && (*at == ',' || is_blank(*at))) at++;
  *list = (tg_text){at, (size_t)(end - at)};
  return at < end && tg_text_next_element(list, item);
}
