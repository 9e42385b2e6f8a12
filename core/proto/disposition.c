#include "proto/disposition.h"
#include "base/chars.h"
#include "proto/parameters.h"
#include "proto/percent.h"
#include "proto/utf8.h"

typedef struct reading {
  tg_disposition *disposition;
  tg_arena *arena;
  tg_text extended; /* filename*, decoded */
} reading;

/* --- one value --- */

static int escaped_by_browser(tg_text text, size_t at) {
  static const char *const escapes[] = {"%22", "%0D", "%0A"};
  static const char bytes[] = "\"\r\n";
  for (size_t i = 0; text.data[at] == '%' && i < 3; i++) {
    if (text.size - at >= 3 && memcmp(text.data + at, escapes[i], 3) == 0) return bytes[i];
  }
  return -1;
}

static int escaped_by_backslash(tg_text text, size_t at) {
  if (text.data[at] != '\\' || at + 1 >= text.size) return -1;
  char next = text.data[at + 1];
  return next == '"' || next == '\\' ? next : -1;
}

/* Undoes both kinds of escapes at once, so that what one of them gives is never read as the other. */
static const char *decode(const reading *is, const tg_parameter *parameter, tg_text *text) {
  tg_text raw = parameter->value;
  char *memory = tg_arena_alloc(is->arena, raw.size + 1), *end = memory;
  if (memory == NULL) return "out of memory";
  for (size_t at = 0; at < raw.size; at++) {
    int quoted = parameter->quoted ? escaped_by_backslash(raw, at) : -1;
    int percent = parameter->quoted ? escaped_by_browser(raw, at) : -1;
    *end++ = quoted >= 0 ? (char)quoted : percent >= 0 ? (char)percent : raw.data[at];
    at += quoted >= 0 ? 1 : percent >= 0 ? 2 : 0;
  }
  *text = (tg_text){memory, (size_t)(end - memory)};
  return tg_utf8_is_valid(*text) ? NULL : "a name in Content-Disposition is not UTF-8";
}

/* attr-char of RFC 8187 section 3.2.1. */
static bool is_plain(char c) {
  return tg_char_is(c, TG_CHAR_TOKEN) && c != '*' && c != '\'' && c != '%';
}

/* UTF-8'language'text with percent-encoding. */
static const char *decode_extended(const reading *is, tg_text raw, tg_text *text) {
  static const char wrong[] = "bad filename* in Content-Disposition";
  const char *first = memchr(raw.data, '\'', raw.size);
  const char *end = raw.data + raw.size;
  const char *second = first != NULL ? memchr(first + 1, '\'', (size_t)(end - first - 1)) : NULL;
  if (second == NULL) return wrong;
  if (!tg_text_equal_nocase((tg_text){raw.data, (size_t)(first - raw.data)}, TG_TEXT("UTF-8"))) return wrong;
  tg_text coded = {second + 1, (size_t)(end - second - 1)};
  char *memory = tg_arena_alloc(is->arena, coded.size + 1), *to = memory;
  if (memory == NULL) return "out of memory";
  for (size_t at = 0; at < coded.size; at++) {
    int value = tg_percent_value(coded, at);
    if (value == 0 || (value < 0 && !is_plain(coded.data[at]))) return wrong;
    *to++ = value > 0 ? (char)value : coded.data[at];
    if (value > 0) at += 2;
  }
  *text = (tg_text){memory, (size_t)(to - memory)};
  return tg_utf8_is_valid(*text) ? NULL : wrong;
}

/* --- all of them --- */

/* Parameters that come twice are read differently by different servers. */
static const char *read_parameter(reading *is, const tg_parameter *parameter) {
  static const char twice[] = "a parameter of Content-Disposition comes twice";
  tg_disposition *disposition = is->disposition;
  if (tg_text_equal_nocase(parameter->name, TG_TEXT("name"))) {
    return disposition->name.data != NULL ? twice : decode(is, parameter, &disposition->name);
  }
  if (tg_text_equal_nocase(parameter->name, TG_TEXT("filename"))) {
    return disposition->filename.data != NULL ? twice : decode(is, parameter, &disposition->filename);
  }
  if (!tg_text_equal_nocase(parameter->name, TG_TEXT("filename*"))) return NULL;
  if (parameter->quoted) return "bad filename* in Content-Disposition";
  return is->extended.data != NULL ? twice : decode_extended(is, parameter->value, &is->extended);
}

const char *tg_disposition_parse(tg_disposition *disposition, tg_text value, tg_arena *arena) {
  reading is = {.disposition = disposition, .arena = arena};
  tg_parameter parameter;
  tg_parameter_result result;
  *disposition = (tg_disposition){0};
  if (!tg_text_equal_nocase(tg_parameters_begin(&value), TG_TEXT("form-data"))) {
    return "the Content-Disposition of a part is not form-data";
  }
  while ((result = tg_parameter_next(&value, &parameter)) == TG_PARAMETER) {
    const char *wrong = read_parameter(&is, &parameter);
    if (wrong != NULL) return wrong;
  }
  if (result == TG_PARAMETERS_BAD) return "bad parameters in Content-Disposition";
  if (is.extended.data != NULL) disposition->filename = is.extended;
  return disposition->name.data != NULL ? NULL : "a part has no name";
}
