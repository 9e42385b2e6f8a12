#include "proto/part_head.h"

static bool is_control(char c) {
  return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

static bool has_control(tg_text text) {
  for (size_t i = 0; i < text.size; i++) {
    if (is_control(text.data[i])) return true;
  }
  return false;
}

static const char *add_line(tg_head *head, tg_text line, tg_arena *arena) {
  if (line.data[0] == ' ' || line.data[0] == '\t') return "a header line of a part is folded";
  if (has_control(line)) return "a header line of a part has a control character";
  const char *colon = memchr(line.data, ':', line.size);
  tg_text name = {line.data, colon != NULL ? (size_t)(colon - line.data) : 0};
  if (colon == NULL || !tg_text_is_token(name)) return "a header line of a part is not a name, a colon and a value";
  tg_field *field = tg_head_add_field(head, arena);
  if (field == NULL) return "out of memory";
  field->name = name;
  field->value = tg_text_trim((tg_text){colon + 1, line.size - name.size - 1});
  return NULL;
}

const char *tg_part_head_parse(tg_head *head, tg_text lines, tg_arena *arena) {
  const char *at = lines.data, *end = lines.data + lines.size, *newline;
  while ((newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
    tg_text line = {at, (size_t)(newline - at)};
    if (line.size == 0 || line.data[line.size - 1] != '\r') return "a header line of a part ends without CRLF";
    line.size--;
    if (line.size == 0) break;
    const char *wrong = add_line(head, line, arena);
    if (wrong != NULL) return wrong;
    at = newline + 1;
  }
  return NULL;
}

static bool comes_twice(const tg_head *head, tg_text name) {
  const tg_field *first = tg_head_find(head, name, NULL);
  return first != NULL && tg_head_find(head, name, first) != NULL;
}

/* Codings that leave the bytes as they are. */
static bool is_identity(tg_text coding) {
  return tg_text_equal_nocase(coding, TG_TEXT("binary")) || tg_text_equal_nocase(coding, TG_TEXT("8bit")) ||
         tg_text_equal_nocase(coding, TG_TEXT("7bit"));
}

const char *tg_part_head_check(const tg_head *head) {
  const tg_field *coding = NULL;
  if (comes_twice(head, TG_TEXT("Content-Disposition"))) return "a part has two Content-Dispositions";
  if (comes_twice(head, TG_TEXT("Content-Type"))) return "a part has two Content-Types";
  while ((coding = tg_head_find(head, TG_TEXT("Content-Transfer-Encoding"), coding)) != NULL) {
    if (!is_identity(coding->value)) return "a part has a Content-Transfer-Encoding other than binary, 8bit and 7bit";
  }
  return NULL;
}
