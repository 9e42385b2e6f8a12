#include "proto/percent.h"
#include "check.h"
#include "support/guard.h"

#include <stdio.h>

static guard_page page;

static tg_text placed(const char *text) {
  size_t size = strlen(text);
  return (tg_text){guard_place(&page, text, size), size};
}

static void reads_one_encoding(void) {
  static const struct {
    const char *text;
    size_t at;
    int value;
  } cases[] = {
      {"%41", 0, 'A'}, {"x%2f", 1, '/'}, {"x%2F", 1, '/'}, {"%00", 0, 0},  {"%ff", 0, 255}, {"%4", 0, -1},
      {"%", 0, -1},    {"41", 0, -1},    {"%4g", 0, -1},   {"%g4", 0, -1}, {"%-1", 0, -1},  {"% 1", 0, -1},
      {"%41", 1, -1},  {"%%41", 0, -1},  {"%@0", 0, -1},   {"%`0", 0, -1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    check_case("%s", cases[i].text);
    CHECK_NUMBER(tg_percent_value(placed(cases[i].text), cases[i].at), cases[i].value);
  }
  check_case(NULL);
}

/* Every byte: unreserved ones stay, all others become %XX, and what is encoded decodes to itself. */
static void encodes_every_byte(void) {
  static const char marks[] = "-._~";
  for (int c = 0; c < 256; c++) {
    char byte = (char)c, expected[4];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    bool stays = letter || memchr(marks, c, 4) != NULL;
    snprintf(expected, sizeof expected, stays ? "%c" : "%%%02X", c);
    tg_buffer coded = {0}, decoded = {0};
    check_case("byte %d", c);
    tg_percent_encode(&coded, (tg_text){&byte, 1});
    CHECK_TEXT(tg_buffer_text(&coded), tg_text_of(stays ? (char[]){byte, 0} : expected));
    CHECK(tg_percent_decode(&decoded, tg_buffer_text(&coded), true));
    CHECK_TEXT(tg_buffer_text(&decoded), ((tg_text){&byte, 1}));
    tg_buffer_free(&coded);
    tg_buffer_free(&decoded);
  }
  check_case(NULL);
}

static void decodes(void) {
  static const struct {
    const char *text, *plain, *form; /* NULL: bad */
  } cases[] = {
      {"", "", ""},
      {"a+b%20c", "a+b c", "a b c"},
      {"%2B", "+", "+"},
      {"%c3%a4", "\xc3\xa4", "\xc3\xa4"},
      {"%2541", "%41", "%41"},
      {"%", NULL, NULL},
      {"a%4", NULL, NULL},
      {"%zz", NULL, NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    for (int plus = 0; plus < 2; plus++) {
      const char *expected = plus ? cases[i].form : cases[i].plain;
      tg_buffer decoded = {0};
      check_case("%s", cases[i].text);
      CHECK_NUMBER(tg_percent_decode(&decoded, placed(cases[i].text), plus), expected != NULL);
      if (expected != NULL) CHECK_TEXT(tg_buffer_text(&decoded), tg_text_of(expected));
      tg_buffer_free(&decoded);
    }
  }
  check_case(NULL);
}

static void takes_queries_apart(void) {
  static const struct {
    const char *query, *pairs;
  } cases[] = {
      {"", ""},
      {"a=1&b=2", "[a:1][b:2]"},
      {"a", "[a:]"},
      {"a=", "[a:]"},
      {"=1", "[:1]"},
      {"a=1=2", "[a:1=2]"},
      {"&&a=1&&&b&", "[a:1][b:]"},
      {"=", "[:]"},
      {"a%3D=%26&a=x;b=y", "[a%3D:%26][a:x;b=y]"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char pairs[128] = "";
    tg_text rest = placed(cases[i].query), key, value;
    while (tg_query_next(&rest, &key, &value)) {
      size_t used = strlen(pairs);
      snprintf(pairs + used, sizeof pairs - used, "[%.*s:%.*s]", (int)key.size, key.data, (int)value.size, value.data);
    }
    CHECK_STRING(pairs, cases[i].pairs);
  }
}

int main(void) {
  page = guard_open(64);
  reads_one_encoding();
  encodes_every_byte();
  decodes();
  takes_queries_apart();
  guard_close(&page);
  return check_result();
}
