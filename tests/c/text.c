#include "base/text.h"
#include "check.h"

#include <stdio.h>

static void compares(void) {
  CHECK(tg_text_equal(TG_TEXT("abc"), tg_text_of("abc")));
  CHECK(!tg_text_equal(TG_TEXT("abc"), TG_TEXT("abC")));
  CHECK(!tg_text_equal(TG_TEXT("abc"), TG_TEXT("ab")));
  CHECK(tg_text_equal((tg_text){NULL, 0}, TG_TEXT("")));
  CHECK(tg_text_equal(TG_TEXT("a\0b"), TG_TEXT("a\0b")));
  CHECK(!tg_text_equal(TG_TEXT("a\0b"), TG_TEXT("a\0c")));
}

static void compares_without_case(void) {
  CHECK(tg_text_equal_nocase(TG_TEXT("Content-LENGTH"), TG_TEXT("content-length")));
  CHECK(!tg_text_equal_nocase(TG_TEXT("Content-Length"), TG_TEXT("Content_Length")));
  CHECK(!tg_text_equal_nocase(TG_TEXT("@["), TG_TEXT("`{"))); /* the neighbours of the letters */
  CHECK(!tg_text_equal_nocase(TG_TEXT("\xc4"), TG_TEXT("\xe4")));
  CHECK(!tg_text_equal_nocase(TG_TEXT("a"), TG_TEXT("ab")));
}

static unsigned char lower(unsigned char c) {
  return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}

/* Every byte beside every other, wherever they stand: eight are compared at a time. */
static void compares_every_pair_without_case(void) {
  char a[20], b[20];
  for (unsigned pair = 0; pair < 256 * 256; pair++) {
    unsigned char one = (unsigned char)pair, other = (unsigned char)(pair >> 8);
    size_t size = 1 + pair % sizeof a, place = pair / 7 % size;
    memset(a, pair % 2 == 0 ? 'x' : '\x80', size);
    memcpy(b, a, size);
    a[place] = (char)one;
    b[place] = (char)other;
    CHECK(tg_text_equal_nocase((tg_text){a, size}, (tg_text){b, size}) == (lower(one) == lower(other)));
  }
}

static void trims_spaces_and_tabs_only(void) {
  CHECK_TEXT(tg_text_trim(TG_TEXT(" \t a b\t ")), TG_TEXT("a b"));
  CHECK_TEXT(tg_text_trim(TG_TEXT("\r\n a \v")), TG_TEXT("\r\n a \v"));
  CHECK_TEXT(tg_text_trim(TG_TEXT(" \t ")), TG_TEXT(""));
  CHECK_TEXT(tg_text_trim((tg_text){NULL, 0}), TG_TEXT(""));
}

/* RFC 9110 section 5.6.2, byte by byte. */
static void knows_token_bytes(void) {
  static const char others[] = "!#$%&'*+-.^_`|~";
  for (int c = 0; c < 256; c++) {
    char byte = (char)c;
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    bool expected = letter || memchr(others, c, sizeof others - 1) != NULL;
    check_case("byte %d", c);
    CHECK_NUMBER(tg_text_is_token((tg_text){&byte, 1}), expected);
  }
  check_case(NULL);
  CHECK(!tg_text_is_token(TG_TEXT("")));
  CHECK(!tg_text_is_token(TG_TEXT("X-Name\r")));
  CHECK(tg_text_is_token(TG_TEXT("X-Name")));
}

/* Whatever the length, and wherever the byte stands: it is read eight at a time. */
static void field_value_at_every_place(void) {
  static const char others[] = {'\t', ' ', '!', '\x7f', '\x80', '\xff', '\x01'}, wrong[] = {'\0', '\r', '\n'};
  char text[40];
  for (size_t size = 1; size <= sizeof text; size++) {
    for (size_t place = 0; place < size; place++) {
      memset(text, others[(size + place) % sizeof others], size);
      CHECK(tg_text_is_field_value((tg_text){text, size}));
      text[place] = wrong[place % sizeof wrong];
      CHECK(!tg_text_is_field_value((tg_text){text, size}));
    }
  }
}

static void knows_field_values(void) {
  CHECK(tg_text_is_field_value(TG_TEXT("")));
  CHECK(tg_text_is_field_value(TG_TEXT("text/plain; charset=\"utf-8\"\t\xc3\xa4")));
  CHECK(!tg_text_is_field_value(TG_TEXT("a\rb")));
  CHECK(!tg_text_is_field_value(TG_TEXT("a\nb")));
  CHECK(!tg_text_is_field_value(TG_TEXT("a\0b")));
  field_value_at_every_place();
}

static void reads_numbers(void) {
  static const struct {
    const char *text;
    long long number;
  } cases[] = {
      {"0", 0},
      {"007", 7},
      {"65535", 65535},
      {"999999999999999999", 999999999999999999},
      {"", -1},
      {"-1", -1},
      {"+1", -1},
      {" 1", -1},
      {"1 ", -1},
      {"1a", -1},
      {"0x1", -1},
      {"1.0", -1},
      {"1000000000000000000", -1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    check_case("%s", cases[i].text);
    CHECK_NUMBER(tg_text_to_number(tg_text_of(cases[i].text)), cases[i].number);
  }
  check_case(NULL);
}

static void takes_lists_apart(void) {
  static const struct {
    const char *list, *joined;
  } cases[] = {
      {"close", "[close]"},
      {" keep-alive ,\tUpgrade ", "[keep-alive][Upgrade]"},
      {"", "[]"},
      {",a,,b,", "[][a][][b][]"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char joined[64] = "";
    tg_text list = tg_text_of(cases[i].list), element;
    while (tg_text_next_element(&list, &element)) {
      size_t used = strlen(joined);
      snprintf(joined + used, sizeof joined - used, "[%.*s]", (int)element.size, element.data);
    }
    CHECK_STRING(joined, cases[i].joined);
  }
}

static void takes_lists_apart_without_empty_elements(void) {
  static const struct {
    const char *list, *joined;
  } cases[] = {
      {"close", "[close]"},
      {" keep-alive ,\tUpgrade ", "[keep-alive][Upgrade]"},
      {"", ""},
      {",a,,b c, ,\t", "[a][b c]"},
      {",,,", ""},
      {" \t", ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char joined[64] = "";
    tg_text list = tg_text_of(cases[i].list), item;
    while (tg_text_next_item(&list, &item)) {
      size_t used = strlen(joined);
      snprintf(joined + used, sizeof joined - used, "[%.*s]", (int)item.size, item.data);
    }
    CHECK_STRING(joined, cases[i].joined);
    CHECK(!tg_text_next_item(&list, &item));
  }
  tg_text none = {NULL, 0};
  CHECK(!tg_text_next_item(&none, &none));
}

int main(void) {
  compares();
  compares_without_case();
  compares_every_pair_without_case();
  trims_spaces_and_tabs_only();
  knows_token_bytes();
  knows_field_values();
  reads_numbers();
  takes_lists_apart();
  takes_lists_apart_without_empty_elements();
  return check_result();
}
