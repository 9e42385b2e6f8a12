#include "proto/utf8.h"
#include "check.h"
#include "support/guard.h"

#include <stdint.h>

static guard_page page;

static bool is_valid(const void *bytes, size_t size) {
  return tg_utf8_is_valid((tg_text){guard_place(&page, bytes, size), size});
}

/* The code point's bytes by the formula, also where the formula is not allowed. */
static size_t encode(uint32_t point, unsigned count, unsigned char *bytes) {
  static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
  for (unsigned i = count; i-- > 1; point >>= 6) bytes[i] = (unsigned char)(0x80 | (point & 0x3f));
  bytes[0] = (unsigned char)(leads[count] | point);
  return count;
}

static unsigned shortest(uint32_t point) {
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

static void accepts_every_code_point(void) {
  unsigned char bytes[4];
  for (uint32_t point = 0; point < 0x10ffff + 0x1000; point++) {
    bool allowed = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
    size_t size = encode(point, shortest(point), bytes);
    if (is_valid(bytes, size) != allowed) CHECK_NUMBER(point, -1);
  }
  CHECK(is_valid("", 0));
}

static void refuses_every_overlong_form(void) {
  unsigned char bytes[4];
  for (uint32_t point = 0; point < 0x10000; point++) {
    for (unsigned count = shortest(point) + 1; count <= 4; count++) {
      size_t size = encode(point, count, bytes);
      if (is_valid(bytes, size)) CHECK_NUMBER(point, -1);
    }
  }
}

static void refuses_broken_sequences(void) {
  static const char *const cases[] = {
      "\x80",
      "\xbf",
      "\xc3",
      "\xc3(",
      "\xc3\xc3",
      "\xe2\x82",
      "\xe2\x82(",
      "\xe2(\xac",
      "\xf0\x9f\x98",
      "\xf0\x9f\x98(",
      "\xf0(\x98\x80",
      "\xf5\x80\x80\x80",
      "\xff",
      "\xfe",
      "\xc3\xa4\xa4",
      "abc\xc3",
      "\xf8\x88\x80\x80\x80",
      "\xfc\x84\x80\x80\x80\x80",
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    check_case("case %zu", i);
    CHECK(!is_valid(cases[i], strlen(cases[i])));
  }
  check_case(NULL);
}

/* Cut off anywhere inside a character, the text is no longer UTF-8, and nothing behind its end is read. */
static void sees_every_cut(void) {
  static const char text[] = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z";
  static const char whole_at[] = "110100100011"; /* by the size of what is left */
  for (size_t size = 0; size < sizeof text; size++) {
    check_case("%zu bytes", size);
    CHECK_NUMBER(is_valid(text, size), whole_at[size] == '1');
  }
  check_case(NULL);
}

int main(void) {
  page = guard_open(64);
  accepts_every_code_point();
  refuses_every_overlong_form();
  refuses_broken_sequences();
  sees_every_cut();
  guard_close(&page);
  return check_result();
}
