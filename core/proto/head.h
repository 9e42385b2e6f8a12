/* The head of a message: what stands before its body. Every slice lives in the arena of its exchange. */
#ifndef TG_PROTO_HEAD_H
#define TG_PROTO_HEAD_H

#include "base/arena.h"

#include <stdint.h>

typedef struct tg_field {
  tg_text name; /* as it was sent; names compare without regard to case */
  tg_text value;
} tg_field;

enum { TG_LENGTH_UNKNOWN = -1, TG_LENGTH_HUGE = -2 };

typedef struct tg_head {
  tg_text method;        /* of a request */
  tg_text target;        /* of a request, as it was sent */
  unsigned status;       /* of a response */
  unsigned major, minor; /* the version: 1 and 0 or 1 */
  tg_field *fields;
  unsigned field_count;
  unsigned field_capacity;
  int64_t content_length; /* bytes; TG_LENGTH_UNKNOWN without the field, TG_LENGTH_HUGE over 2^62 */
  bool chunked;           /* Transfer-Encoding ends in chunked */
  bool keep_alive;        /* as version and Connection say (RFC 9112 section 9.3) */
  bool tells_of_keeping;  /* there may be Connection or Keep-Alive fields */
} tg_head;

/* Makes room for more fields; false without memory. */
bool tg_head_grow(tg_head *head, tg_arena *arena);

/* Adds a field with empty name and value; NULL without memory. */
static inline tg_field *tg_head_add_field(tg_head *head, tg_arena *arena) {
  if (head->field_count == head->field_capacity && !tg_head_grow(head, arena)) return NULL;
  tg_field *field = &head->fields[head->field_count++];
  *field = (tg_field){{NULL, 0}, {NULL, 0}};
  return field;
}

/* The first field of that name after `previous` (NULL: from the start); NULL when there is none. */
static inline const tg_field *tg_head_find(const tg_head *head, tg_text name, const tg_field *previous) {
  size_t first = previous == NULL ? 0 : (size_t)(previous - head->fields) + 1;
  for (size_t i = first; i < head->field_count; i++) {
    if (tg_text_equal_nocase(head->fields[i].name, name)) return &head->fields[i];
  }
  return NULL;
}

/* The value of the first field of that name; {NULL, 0} when there is none. */
tg_text tg_head_value(const tg_head *head, tg_text name);

/* Does a comma-separated field of that name hold this element, without regard to case? */
bool tg_head_has_element(const tg_head *head, tg_text name, tg_text element);

#endif
