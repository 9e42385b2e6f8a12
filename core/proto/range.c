#include "proto/range.h"

/* A position; what is larger than any representation stays so. False when `text` is no row of digits. */
static bool read_position(tg_text text, uint64_t *position) {
  *position = 0;
  for (size_t i = 0; i < text.size; i++) {
    unsigned digit = (unsigned)(unsigned char)text.data[i] - '0';
    if (digit > 9) return false;
    if (*position > (UINT64_MAX - digit) / 10) *position = UINT64_MAX;
    else *position = *position * 10 + digit;
  }
  return text.size > 0;
}

/* "-500": the last 500 bytes. */
static tg_range_answer find_suffix(tg_text text, uint64_t size, tg_range *range) {
  uint64_t length;
  if (!read_position(text, &length)) return TG_RANGE_WHOLE;
  if (length == 0) return TG_RANGE_NONE;
  if (size == 0) return TG_RANGE_WHOLE; /* the last bytes of nothing are all there are, and have no positions */
  *range = (tg_range){length < size ? size - length : 0, size - 1};
  return TG_RANGE_PART;
}

static tg_range_answer find(tg_text spec, uint64_t size, tg_range *range) {
  const char *dash = memchr(spec.data, '-', spec.size);
  if (dash == NULL) return TG_RANGE_WHOLE;
  tg_text first = {spec.data, (size_t)(dash - spec.data)};
  tg_text last = {dash + 1, spec.size - first.size - 1};
  if (first.size == 0) return find_suffix(last, size, range);
  *range = (tg_range){0, UINT64_MAX};
  if (!read_position(first, &range->first)) return TG_RANGE_WHOLE;
  if (last.size > 0 && !read_position(last, &range->last)) return TG_RANGE_WHOLE;
  if (range->last < range->first) return TG_RANGE_WHOLE;
  if (range->first >= size) return TG_RANGE_NONE;
  if (range->last >= size) range->last = size - 1;
  return TG_RANGE_PART;
}

/* The one element of a list, which may have empty ones beside it; false where it has none or several. */
static bool only_element(tg_text list, tg_text *only) {
  tg_text element;
  *only = (tg_text){NULL, 0};
  while (tg_text_next_item(&list, &element)) {
    if (only->size > 0) return false;
    *only = element;
  }
  return only->size > 0;
}

tg_range_answer tg_range_parse(tg_text field, uint64_t size, tg_range *range) {
  tg_text unit = TG_TEXT("bytes="), spec;
  field = tg_text_trim(field);
  if (field.size < unit.size || !tg_text_equal_nocase((tg_text){field.data, unit.size}, unit)) return TG_RANGE_WHOLE;
  if (!only_element((tg_text){field.data + unit.size, field.size - unit.size}, &spec)) return TG_RANGE_WHOLE;
  return find(spec, size, range);
}

void tg_range_write(tg_buffer *buffer, tg_range range, uint64_t size) {
  tg_buffer_append_text(buffer, TG_TEXT("bytes "));
  tg_buffer_append_number(buffer, range.first);
  tg_buffer_append_text(buffer, TG_TEXT("-"));
  tg_buffer_append_number(buffer, range.last);
  tg_buffer_append_text(buffer, TG_TEXT("/"));
  tg_buffer_append_number(buffer, size);
}

void tg_range_write_none(tg_buffer *buffer, uint64_t size) {
  tg_buffer_append_text(buffer, TG_TEXT("bytes */"));
  tg_buffer_append_number(buffer, size);
}
