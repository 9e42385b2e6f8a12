#include "proto/parameters.h"
#include "base/chars.h"

static tg_text take(tg_text *rest, size_t size) {
  tg_text taken = {rest->data, size};
  *rest = (tg_text){rest->data + size, rest->size - size};
  return taken;
}

static bool take_char(tg_text *rest, char c) {
  if (rest->size == 0 || rest->data[0] != c) return false;
  take(rest, 1);
  return true;
}

static tg_text take_token(tg_text *rest) {
  size_t size = 0;
  while (size < rest->size && tg_char_is(rest->data[size], TG_CHAR_TOKEN)) size++;
  return take(rest, size);
}

static bool is_escape(tg_text text, size_t at) {
  return text.data[at] == '\\' && at + 1 < text.size && (text.data[at + 1] == '"' || text.data[at + 1] == '\\');
}

/* Up to the closing quote, which is taken as well; false where there is none. */
static bool take_quoted(tg_text *rest, tg_text *value) {
  size_t size = 0;
  while (size < rest->size && rest->data[size] != '"') size += is_escape(*rest, size) ? 2 : 1;
  if (size >= rest->size) return false;
  *value = take(rest, size);
  take(rest, 1);
  return true;
}

static bool take_value(tg_text *rest, tg_parameter *parameter) {
  parameter->quoted = take_char(rest, '"');
  if (parameter->quoted) return take_quoted(rest, &parameter->value);
  parameter->value = take_token(rest);
  return parameter->value.size > 0;
}

tg_text tg_parameters_begin(tg_text *rest) {
  const char *semicolon = rest->size > 0 ? memchr(rest->data, ';', rest->size) : NULL;
  return tg_text_trim(take(rest, semicolon != NULL ? (size_t)(semicolon - rest->data) : rest->size));
}

tg_parameter_result tg_parameter_next(tg_text *rest, tg_parameter *parameter) {
  bool separated = false;
  *rest = tg_text_trim(*rest);
  while (take_char(rest, ';')) {
    separated = true;
    *rest = tg_text_trim(*rest);
  }
  if (rest->size == 0) return TG_PARAMETERS_END;
  if (!separated) return TG_PARAMETERS_BAD;
  parameter->name = take_token(rest);
  bool fine = parameter->name.size > 0 && take_char(rest, '=') && take_value(rest, parameter);
  return fine ? TG_PARAMETER : TG_PARAMETERS_BAD;
}
