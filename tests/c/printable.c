#include "proto/printable.h"
#include "proto/utf8.h"
#include "check.h"
#include "support/guard.h"

static guard_page page;

static tg_text shown(tg_buffer *buffer, tg_text text, size_t bytes_max) {
  tg_buffer_clear(buffer);
  tg_text guarded = {guard_place(&page, text.data, text.size), text.size};
  tg_printable_append(buffer, guarded, TG_TEXT("  "), bytes_max);
  return tg_buffer_text(buffer);
}

static void shows_text_and_escapes_the_rest(void) {
  static const struct {
    tg_text text, shown;
  } cases[] = {
      {TG_TEXT("plain ~ text"), TG_TEXT("plain ~ text")},
      {TG_TEXT("äöü € 😀"), TG_TEXT("äöü € 😀")},
      {TG_TEXT("\xc2\xa0"), TG_TEXT("\xc2\xa0")},
      {TG_TEXT("a\tb"), TG_TEXT("a  b")},
      {TG_TEXT("a\nb\n"), TG_TEXT("a\n  b\n  ")},
      {TG_TEXT("a\r\nb"), TG_TEXT("a\\x0d\n  b")},
      {TG_TEXT("\0\x1b[2J\x08\x7f"), TG_TEXT("\\x00\\x1b[2J\\x08\\x7f")},
      {TG_TEXT("\xc2\x9bH\xc2\x80"), TG_TEXT("\\xc2\\x9bH\\xc2\\x80")},
      {TG_TEXT("\xe2\x80\xa8\xe2\x80\xae\xe2\x81\xa6\xe2\x81\xa9"),
       TG_TEXT("\\xe2\\x80\\xa8\\xe2\\x80\\xae\\xe2\\x81\\xa6\\xe2\\x81\\xa9")},
      {TG_TEXT("\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa"),
       TG_TEXT("\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa")},
      {TG_TEXT("\xff\xc3(\xed\xa0\x80"), TG_TEXT("\\xff\\xc3(\\xed\\xa0\\x80")},
      {TG_TEXT("\xf0\x9f\x98"), TG_TEXT("\\xf0\\x9f\\x98")},
      {TG_TEXT("\xc3"), TG_TEXT("\\xc3")},
  };
  tg_buffer buffer = {0};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    CHECK_TEXT(shown(&buffer, cases[i].text, 1000), cases[i].shown);
  }
  tg_buffer_free(&buffer);
}

/* Each pair of bytes: what comes out is UTF-8 without a control character but the line's end. */
static void lets_nothing_else_through(void) {
  tg_buffer buffer = {0};
  for (unsigned pair = 0; pair < 0x10000; pair++) {
    char bytes[] = {(char)(pair >> 8), (char)pair, '.'};
    tg_text text = shown(&buffer, (tg_text){bytes, sizeof bytes}, 1000);
    bool is_fine = tg_utf8_is_valid(text);
    for (size_t i = 0; i < text.size; i++) {
      unsigned char c = (unsigned char)text.data[i];
      is_fine = is_fine && (c >= 0x20 || c == '\n') && c != 0x7f;
      is_fine = is_fine && !(c == 0xc2 && (unsigned char)text.data[i + 1] < 0xa0);
    }
    if (!is_fine) CHECK_NUMBER(pair, -1);
  }
  tg_buffer_free(&buffer);
}

static void shortens_what_is_long(void) {
  tg_buffer buffer = {0};
  CHECK_TEXT(shown(&buffer, TG_TEXT("0123456789"), 10), TG_TEXT("0123456789"));
  CHECK_TEXT(shown(&buffer, TG_TEXT("0123456789a"), 10), TG_TEXT("0123456789… (11 bytes)"));
  CHECK_TEXT(shown(&buffer, TG_TEXT("01234567€9"), 9), TG_TEXT("01234567€… (12 bytes)"));
  CHECK_TEXT(shown(&buffer, TG_TEXT("\x1b\x1b\x1b"), 4), TG_TEXT("\\x1b… (3 bytes)"));
  static char text[1234567];
  memset(text, 'x', sizeof text);
  tg_buffer_clear(&buffer);
  tg_printable_append(&buffer, (tg_text){text, sizeof text}, TG_TEXT(""), 3);
  CHECK_TEXT(tg_buffer_text(&buffer), TG_TEXT("xxx… (1,234,567 bytes)"));
  tg_buffer_free(&buffer);
}

int main(void) {
  page = guard_open(64);
  shows_text_and_escapes_the_rest();
  lets_nothing_else_through();
  shortens_what_is_long();
  guard_close(&page);
  return check_result();
}
