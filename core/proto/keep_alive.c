#include "proto/keep_alive.h"

/* The text without the quotes around it, where it has them: the value of a parameter may have (RFC 9110 section 5.6.6). */
static tg_text unquote(tg_text text) {
  bool quoted = text.size >= 2 && text.data[0] == '"' && text.data[text.size - 1] == '"';
  return quoted ? (tg_text){text.data + 1, text.size - 2} : text;
}

/* Notes a number of any length where it is less than what is there. */
static void lower(uint32_t *least, tg_text text) {
  uint64_t number = 0;
  if (text.size == 0) return;
  for (size_t i = 0; i < text.size; i++) {
    if (text.data[i] < '0' || text.data[i] > '9') return;
    number = number * 10 + (uint64_t)(text.data[i] - '0');
    if (number > TG_KEEP_ALIVE_MAX) number = TG_KEEP_ALIVE_MAX;
  }
  if (number < *least) *least = (uint32_t)number;
}

static void read_element(tg_keep_alive *is, tg_text element) {
  const char *equals = element.size > 0 ? memchr(element.data, '=', element.size) : NULL;
  if (equals == NULL) return;
  size_t size = (size_t)(equals - element.data);
  tg_text name = tg_text_trim((tg_text){element.data, size});
  tg_text value = unquote(tg_text_trim((tg_text){equals + 1, element.size - size - 1}));
  if (tg_text_equal_nocase(name, TG_TEXT("timeout"))) lower(&is->timeout_s, value);
  else if (tg_text_equal_nocase(name, TG_TEXT("max"))) lower(&is->uses, value);
}

tg_keep_alive tg_keep_alive_of(const tg_head *head) {
  tg_keep_alive is = {TG_KEEP_ALIVE_MAX, TG_KEEP_ALIVE_MAX};
  const tg_field *field = NULL;
  if (!head->tells_of_keeping) return is;
  while ((field = tg_head_find(head, TG_TEXT("Keep-Alive"), field)) != NULL) {
    tg_text list = field->value, element;
    while (tg_text_next_item(&list, &element)) read_element(&is, element);
  }
  return is;
}
