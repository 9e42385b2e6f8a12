#include "proto/conditional.h"
#include "proto/http_date.h"

/* --- entity-tags --- */

static bool is_weak(tg_text tag) {
  return tag.size >= 2 && tag.data[0] == 'W' && tag.data[1] == '/';
}

/* The part in quotes, with them. */
static tg_text opaque(tg_text tag) {
  return is_weak(tag) ? (tg_text){tag.data + 2, tag.size - 2} : tag;
}

static bool is_etag_char(unsigned char c) {
  return c == 0x21 || (c >= 0x23 && c != 0x7f);
}

/* The bytes of the entity-tag that `text` begins with; 0 when it begins with none. */
static size_t etag_size(tg_text text) {
  size_t at = is_weak(text) ? 2 : 0;
  if (at >= text.size || text.data[at] != '"') return 0;
  for (at++; at < text.size; at++) {
    if (text.data[at] == '"') return at + 1;
    if (!is_etag_char((unsigned char)text.data[at])) return 0;
  }
  return 0;
}

bool tg_is_etag(tg_text text) {
  return text.size > 0 && etag_size(text) == text.size;
}

static bool equal_strong(tg_text a, tg_text b) {
  return !is_weak(a) && !is_weak(b) && tg_text_equal(a, b);
}

static bool equal_weak(tg_text a, tg_text b) {
  return tg_text_equal(opaque(a), opaque(b));
}

/* Takes commas and blanks off the front. */
static tg_text skip_commas(tg_text text) {
  while (text.size > 0 && (text.data[0] == ',' || text.data[0] == ' ' || text.data[0] == '\t')) {
    text = (tg_text){text.data + 1, text.size - 1};
  }
  return text;
}

/* Takes the next tag off a list; false at its end, and where what follows is no tag. Commas stand in tags, too, so that
   a list cannot be cut at them. */
static bool next_tag(tg_text *list, tg_text *tag) {
  tg_text rest = skip_commas(*list);
  size_t size = etag_size(rest);
  if (size == 0) return false;
  *tag = (tg_text){rest.data, size};
  rest = tg_text_trim((tg_text){rest.data + size, rest.size - size});
  *list = rest;
  return rest.size == 0 || rest.data[0] == ',';
}

static bool has_tag(tg_text list, const tg_validators *validators, bool (*equal)(tg_text a, tg_text b)) {
  tg_text tag;
  if (tg_text_equal(tg_text_trim(list), TG_TEXT("*"))) return !validators->missing;
  if (validators->missing || validators->etag.data == NULL) return false;
  while (next_tag(&list, &tag)) {
    if (equal(tag, validators->etag)) return true;
  }
  return false;
}

/* --- dates --- */

/* Does the field say a date, and is there one to compare it with? */
static bool has_date(tg_text field, const tg_validators *validators, int64_t now, int64_t *date) {
  if (validators->missing || validators->modified == TG_MODIFIED_UNKNOWN) return false;
  return tg_http_date_parse(tg_text_trim(field), now, date);
}

/* --- the conditions --- */

static bool may_change(const tg_conditions *conditions, const tg_validators *validators, int64_t now) {
  int64_t date;
  if (conditions->if_match.data != NULL) return has_tag(conditions->if_match, validators, equal_strong);
  if (!has_date(conditions->if_unmodified_since, validators, now, &date)) return true;
  return validators->modified <= date;
}

static bool is_needed(const tg_conditions *conditions, const tg_validators *validators, int64_t now) {
  int64_t date;
  if (conditions->if_none_match.data != NULL) return !has_tag(conditions->if_none_match, validators, equal_weak);
  if (!conditions->reads || !has_date(conditions->if_modified_since, validators, now, &date)) return true;
  return validators->modified > date;
}

unsigned tg_conditional_status(const tg_conditions *conditions, const tg_validators *validators, int64_t now) {
  if (!may_change(conditions, validators, now)) return 412;
  if (is_needed(conditions, validators, now)) return 200;
  return conditions->reads ? 304 : 412;
}

bool tg_conditional_allows_range(tg_text if_range, const tg_validators *validators, int64_t now) {
  int64_t date;
  if (if_range.data == NULL) return true;
  tg_text value = tg_text_trim(if_range);
  if (tg_is_etag(value)) return validators->etag.data != NULL && equal_strong(value, validators->etag);
  return has_date(value, validators, now, &date) && date == validators->modified && now - date > 1;
}
