#include "proto/head.h"

enum { FIELDS_FIRST = 8 };

bool tg_head_grow(tg_head *head, tg_arena *arena) {
  unsigned capacity = head->field_capacity == 0 ? FIELDS_FIRST : head->field_capacity * 2;
  tg_field *fields = tg_arena_alloc(arena, capacity * sizeof *fields);
  if (fields == NULL) return false;
  if (head->field_count > 0) memcpy(fields, head->fields, head->field_count * sizeof *fields);
  head->fields = fields;
  head->field_capacity = capacity;
  return true;
}

tg_text tg_head_value(const tg_head *head, tg_text name) {
  const tg_field *field = tg_head_find(head, name, NULL);
  return field != NULL ? field->value : (tg_text){NULL, 0};
}

bool tg_head_has_element(const tg_head *head, tg_text name, tg_text element) {
  const tg_field *field = NULL;
  while ((field = tg_head_find(head, name, field)) != NULL) {
    tg_text list = field->value, item;
    while (tg_text_next_item(&list, &item)) {
      if (tg_text_equal_nocase(item, element)) return true;
    }
  }
  return false;
}
