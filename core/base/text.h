/* A slice of bytes that somebody else owns: never NUL-terminated, never freed through the slice. */
#ifndef TG_BASE_TEXT_H
#define TG_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct tg_text {
  const char *data; /* may be NULL when size is 0 */
  size_t size;      /* bytes */
} tg_text;

/* A slice over a string literal or array. */
#define TG_TEXT(literal) ((tg_text){(literal), sizeof(literal) - 1})

static inline tg_text tg_text_of(const char *string) {
  return (tg_text){string, strlen(string)};
}

static inline bool tg_text_equal(tg_text a, tg_text b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* The same of texts of one size. */
bool tg_text_same_nocase(const char *a, const char *b, size_t size);

/* Equality without regard to ASCII case, as field names and codings compare (RFC 9110 section 5.1). */
static inline bool tg_text_equal_nocase(tg_text a, tg_text b) {
  return a.size == b.size && tg_text_same_nocase(a.data, b.data, a.size);
}

/* The same where there may be some. */
tg_text tg_text_trim_blanks(tg_text text);

/* `text` without spaces and tabs at its ends (OWS of RFC 9110 section 5.6.3). */
static inline tg_text tg_text_trim(tg_text text) {
  bool has_none = text.size == 0 || (text.data[0] > ' ' && text.data[text.size - 1] > ' ');
  return has_none ? text : tg_text_trim_blanks(text);
}

/* Is `text` a token of RFC 9110 section 5.6.2 (never empty)? Method and field names are tokens. */
bool tg_text_is_token(tg_text text);

/* May `text` stand as a field value: no CR, LF or NUL (RFC 9110 section 5.5)? */
bool tg_text_is_field_value(tg_text text);

/* Reads a decimal number of at most 18 digits; -1 when `text` is anything else. */
long long tg_text_to_number(tg_text text);

/* Takes the next element off a comma-separated list, trimmed; false at its end. Empty elements are given too. */
bool tg_text_next_element(tg_text *list, tg_text *element);

/* The same without empty elements, which stand for nothing in a list (RFC 9110 section 5.6.1.2). Hostile ones are made of
   them: they cost a few instructions each. */
bool tg_text_next_item(tg_text *list, tg_text *item);

#endif
