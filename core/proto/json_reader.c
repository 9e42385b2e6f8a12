#include "proto/json_reader.h"

#include <stdio.h>

const char tg_json_is_empty[] = "it is empty";

/* --- places --- */

typedef struct place {
  size_t line, column;
} place;

/* Columns count characters: the bytes that continue one do not count. */
static place place_of(tg_text text, size_t position) {
  place is = {1, 1};
  for (size_t i = 0; i < position && i < text.size; i++) {
    unsigned char byte = (unsigned char)text.data[i];
    if (byte == '\n') is = (place){is.line + 1, 1};
    else if ((byte & 0xc0) != 0x80) is.column++;
  }
  return is;
}

static void tell(tg_text text, size_t position, const char *wrong, char message[TG_JSON_MESSAGE_SIZE]) {
  place at = place_of(text, position);
  snprintf(message, TG_JSON_MESSAGE_SIZE, "line %zu, column %zu: %s", at.line, at.column, wrong);
}

/* --- what is wrong --- */

static bool begins(const char *sentence, const char *words) {
  return strncmp(sentence, words, strlen(words)) == 0;
}

/* "unexpected character, expected …", where the character can be named. */
static void tell_character(tg_text text, const yyjson_read_err *error, char message[TG_JSON_MESSAGE_SIZE]) {
  static const char prefix[] = "unexpected character";
  char wrong[TG_JSON_MESSAGE_SIZE / 2];
  const char *rest = begins(error->msg, prefix) ? error->msg + sizeof prefix - 1 : "";
  unsigned char byte = (unsigned char)text.data[error->pos];
  const char *format = byte > ' ' && byte < 0x7f ? "unexpected '%c'%s" : "unexpected byte 0x%02X%s";
  snprintf(wrong, sizeof wrong, format, byte, rest);
  tell(text, error->pos, wrong, message);
}

static void tell_wrong(tg_text text, const yyjson_read_err *error, char message[TG_JSON_MESSAGE_SIZE]) {
  switch (error->code) {
    case YYJSON_READ_ERROR_INVALID_PARAMETER: /* no bytes at all */
    case YYJSON_READ_ERROR_EMPTY_CONTENT:
      snprintf(message, TG_JSON_MESSAGE_SIZE, "%s", tg_json_is_empty);
      break;
    case YYJSON_READ_ERROR_UNEXPECTED_END:
      tell(text, text.size, "it ends too early", message);
      break;
    case YYJSON_READ_ERROR_UNEXPECTED_CONTENT:
      tell(text, error->pos, "something follows the value", message);
      break;
    case YYJSON_READ_ERROR_UNEXPECTED_CHARACTER:
      if (error->pos < text.size && !begins(error->msg, "byte order mark")) tell_character(text, error, message);
      else tell(text, error->pos, error->msg, message);
      break;
    default:
      tell(text, error->pos, error->msg, message);
      break;
  }
}

tg_json_result tg_json_read(tg_text text, const yyjson_alc *memory, yyjson_doc **document,
                            char message[TG_JSON_MESSAGE_SIZE]) {
  yyjson_read_err error;
  /* What the flags leave out writes to its input. */
  *document = yyjson_read_opts((char *)(uintptr_t)text.data, text.size, YYJSON_READ_NOFLAG, memory, &error);
  if (*document != NULL) return TG_JSON_READ;
  if (error.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION) return TG_JSON_NO_MEMORY;
  tell_wrong(text, &error, message);
  return TG_JSON_WRONG;
}

/* --- depth --- */

/* Where a string ends that begins at `at`, in a text that was read. */
static size_t end_of_string(tg_text text, size_t at) {
  for (at++; at < text.size && text.data[at] != '"'; at++) {
    if (text.data[at] == '\\') at++;
  }
  return at;
}

void tg_json_tell_depth(tg_text text, char message[TG_JSON_MESSAGE_SIZE]) {
  char wrong[64];
  size_t at = 0;
  for (unsigned depth = 0; at < text.size; at++) {
    char byte = text.data[at];
    if (byte == '"') at = end_of_string(text, at);
    else if (byte == ']' || byte == '}') depth--;
    else if ((byte == '[' || byte == '{') && ++depth > TG_JSON_DEPTH_MAX) break;
  }
  snprintf(wrong, sizeof wrong, "it is nested deeper than %d levels", TG_JSON_DEPTH_MAX);
  tell(text, at, wrong, message);
}
