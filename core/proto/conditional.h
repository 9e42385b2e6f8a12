/* Conditional requests (RFC 9110 section 13): does a client that has a representation need it again, may one that wants
   to change it do so. */
#ifndef TG_PROTO_CONDITIONAL_H
#define TG_PROTO_CONDITIONAL_H

#include "base/text.h"

#include <stdint.h>

/* A representation's state. */
typedef struct tg_validators {
  tg_text etag;     /* with its quotes, perhaps with W/; {NULL, 0} where there is none */
  int64_t modified; /* seconds since 1970; TG_MODIFIED_UNKNOWN where it is not known */
  bool missing;     /* there is no representation: what "*" asks */
} tg_validators;

enum { TG_MODIFIED_UNKNOWN = -1 };

/* The fields of a request. Several lines of one name are joined with commas; {NULL, 0} where there is none. */
typedef struct tg_conditions {
  tg_text if_match, if_none_match, if_modified_since, if_unmodified_since;
  bool reads; /* the method is GET or HEAD */
} tg_conditions;

/* 200 when the request is to be carried out, 304 or 412 when that is the answer; in the order of section 13.2.2. Dates
   that are none are ignored; a list of tags that is none matches nothing. `now` in seconds since 1970. */
unsigned tg_conditional_status(const tg_conditions *conditions, const tg_validators *validators, int64_t now);

/* Does If-Range (section 13.1.5) let the Range field count? It does where the field is missing, where it is the same
   strong tag, or where it is the very date of a change that is more than a second ago: a second change within the
   same second would have the same date. */
bool tg_conditional_allows_range(tg_text if_range, const tg_validators *validators, int64_t now);

/* Is it an entity-tag (section 8.8.3), weak or strong? */
bool tg_is_etag(tg_text text);

#endif
