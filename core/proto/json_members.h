/* The members of an object (RFC 8259 section 4) while they are put in order: by the bytes of their names, as they would be
   compared by memcmp. Memory and order only; where they come from and how they are written is the caller's. */
#ifndef TG_PROTO_JSON_MEMBERS_H
#define TG_PROTO_JSON_MEMBERS_H

#include "base/text.h"

#include <stdint.h>

typedef struct tg_json_value {
  int kind; /* the caller's */
  union {
    tg_text text;
    double number;
    int place;
    bool flag;
  };
} tg_json_value;

typedef struct tg_json_member {
  uint64_t first; /* while they are sorted: the first eight bytes of the name, the first the highest */
  tg_text name;
  size_t name_at; /* the caller's, for names that may move */
  tg_json_value value;
} tg_json_member;

typedef struct tg_json_members {
  tg_json_member *list;
  size_t count, capacity;
} tg_json_members;

/* A new member at the end, with its name; NULL without memory. It may move when another is added. */
tg_json_member *tg_json_members_add(tg_json_members *members, tg_text name);

/* Puts in order those from number `from` on, in O(n log n) whatever they are, without memory or recursion. */
void tg_json_members_sort(tg_json_members *members, size_t from);

void tg_json_members_free(tg_json_members *members);

#endif
