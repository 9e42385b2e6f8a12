#include "proto/connection_names.h"

#include <stdlib.h>

static const tg_text connection = {"Connection", sizeof "Connection" - 1};

static bool is_protected(tg_text name) {
  static const char names[][15] = {"Connection", "Host", "Content-Length", "Cookie", "Authorization"};
  tg_text forwarded = TG_TEXT("X-Forwarded-");
  for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (tg_text_equal_nocase(name, tg_text_of(names[i]))) return true;
  }
  return name.size > forwarded.size && tg_text_equal_nocase((tg_text){name.data, forwarded.size}, forwarded);
}

/* --- the names, in an order in which one is found in a few steps --- */

static int lower(char c) {
  return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

/* Short ones first: most comparisons end there. */
static int compare(tg_text a, tg_text b) {
  if (a.size != b.size) return a.size < b.size ? -1 : 1;
  for (size_t i = 0; i < a.size; i++) {
    int difference = lower(a.data[i]) - lower(b.data[i]);
    if (difference != 0) return difference;
  }
  return 0;
}

static int compare_fields(const void *a, const void *b) {
  return compare((*(const tg_field *const *)a)->name, (*(const tg_field *const *)b)->name);
}

/* The place of the first field with a name that is not before `name`. */
static unsigned find(const tg_field *const *order, unsigned count, tg_text name) {
  unsigned low = 0, high = count;
  while (low < high) {
    unsigned middle = low + (high - low) / 2;
    if (compare(order[middle]->name, name) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/* --- the elements of the lists --- */

/* A bit for a name, the same in every case: what has none of the fields' bits is none of their names. */
static uint64_t bit_of(tg_text name) {
  unsigned first = (unsigned char)name.data[0] | 0x20u, last = (unsigned char)name.data[name.size - 1] | 0x20u;
  return UINT64_C(1) << (name.size * 31 + first * 7 + last) % 64;
}

typedef struct names {
  const tg_field *fields;
  const tg_field **order;
  unsigned count;
  uint64_t bits;
  bool *named;
} names;

static unsigned mark(const names *of, tg_text element) {
  unsigned marked = 0;
  if ((of->bits & bit_of(element)) == 0) return 0;
  for (unsigned at = find(of->order, of->count, element); at < of->count; at++) {
    const tg_field *field = of->order[at];
    bool *named = &of->named[field - of->fields];
    if (compare(field->name, element) != 0 || *named) break; /* where one is marked, all of its name are */
    if (is_protected(field->name)) break;
    *named = true;
    marked++;
  }
  return marked;
}

static unsigned mark_list(const names *of, tg_text list) {
  unsigned marked = 0;
  tg_text element;
  while (tg_text_next_item(&list, &element)) marked += mark(of, element);
  return marked;
}

unsigned tg_connection_names(const tg_field *fields, unsigned count, const tg_field **order, bool *named) {
  names of = {.fields = fields, .order = order, .count = count, .named = named};
  bool found = false;
  unsigned marked = 0;
  for (unsigned i = 0; i < count; i++) {
    named[i] = false;
    order[i] = &fields[i];
    if (fields[i].name.size > 0) of.bits |= bit_of(fields[i].name);
    found = found || tg_text_equal_nocase(fields[i].name, connection);
  }
  if (!found) return 0;
  qsort(order, count, sizeof(const tg_field *), compare_fields);
  for (unsigned i = 0; i < count; i++) {
    if (tg_text_equal_nocase(fields[i].name, connection)) marked += mark_list(&of, fields[i].value);
  }
  return marked;
}
