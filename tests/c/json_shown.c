#include "proto/json_shown.h"
#include "check.h"

#include <stdlib.h>

typedef struct example {
  const char *text, *shown;
} example;

static const example examples[] = {
    {"", "\"\""},
    {"plain text", "\"plain text\""},
    {"a\"b\\c/d", "\"a\\\"b\\\\c/d\""},
    {"two\nlines\r\tand", "\"two\\nlines\\r\\tand\""},
    {"\x1b[2J\x01\x7f", "\"\\u001b[2J\\u0001\\u007f\""},
    {"\xc2\x9b\xc2\xa0", "\"\\u009b\xc2\xa0\""},
    {"\xe2\x80\xa8\xe2\x80\xae\xe2\x81\xa6\xe2\x80\xa7", "\"\\u2028\\u202e\\u2066\xe2\x80\xa7\""},
    {"\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""},
    {"\xff\xc3(\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
};

static void check_shown(tg_text text, size_t bytes_max, const char *expected) {
  tg_buffer buffer = {0};
  tg_json_show(&buffer, text, bytes_max);
  CHECK_TEXT(tg_buffer_text(&buffer), tg_text_of(expected));
  tg_buffer_free(&buffer);
}

static void shows_any_bytes(void) {
  for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
    check_shown(tg_text_of(examples[i].text), 1000, examples[i].shown);
  }
  check_shown((tg_text){"a\0b", 3}, 1000, "\"a\\u0000b\"");
  check_shown((tg_text){NULL, 0}, 1000, "\"\"");
}

/* It is cut between characters; nothing behind the text is read. */
static void is_cut(void) {
  check_shown(TG_TEXT("abcdef"), 6, "\"abcdef\"");
  check_shown(TG_TEXT("abcdef"), 5, "\"abcde… (6 bytes)\"");
  check_shown(TG_TEXT("abc\xc3\xa9"), 4, "\"abc\xc3\xa9\"");
  check_shown(TG_TEXT("abc\xc3\xa9x"), 4, "\"abc\xc3\xa9… (6 bytes)\"");
  char *at = malloc(1);
  if (!CHECK(at != NULL)) return;
  *at = '\xe2';
  check_shown((tg_text){at, 1}, 10, "\"\xef\xbf\xbd\"");
  free(at);
}

int main(void) {
  shows_any_bytes();
  is_cut();
  return check_result();
}
