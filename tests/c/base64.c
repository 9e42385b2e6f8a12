#include "base/base64.h"
#include "check.h"
#include "support/guard.h"

#include <stdlib.h>

static guard_page page;

static tg_text placed(const char *text) {
  size_t size = strlen(text);
  return (tg_text){guard_place(&page, text, size), size};
}

static void check_decoded(const char *text, tg_base64_alphabet alphabet, const char *expected, size_t at) {
  tg_buffer decoded = {0};
  size_t where = 0;
  check_case("%s", text);
  const char *wrong = tg_base64_decode(&decoded, placed(text), alphabet, &where);
  CHECK((wrong == NULL) == (expected != NULL));
  if (expected != NULL) CHECK_TEXT(tg_buffer_text(&decoded), tg_text_of(expected));
  else CHECK_NUMBER(where, at);
  tg_buffer_free(&decoded);
  check_case(NULL);
}

/* RFC 4648 section 10. */
static void knows_the_vectors(void) {
  static const struct {
    const char *bytes, *standard, *url, *hex;
  } cases[] = {
      {"", "", "", ""},
      {"f", "Zg==", "Zg", "66"},
      {"fo", "Zm8=", "Zm8", "666f"},
      {"foo", "Zm9v", "Zm9v", "666f6f"},
      {"foob", "Zm9vYg==", "Zm9vYg", "666f6f62"},
      {"fooba", "Zm9vYmE=", "Zm9vYmE", "666f6f6261"},
      {"foobar", "Zm9vYmFy", "Zm9vYmFy", "666f6f626172"},
      {"\xfb\xff\xbf", "+/+/", "-_-_", "fbffbf"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    tg_buffer standard = {0}, url = {0}, hex = {0}, back = {0};
    size_t at;
    check_case("%s", cases[i].standard);
    tg_base64_encode(&standard, placed(cases[i].bytes), TG_BASE64_STANDARD);
    tg_base64_encode(&url, placed(cases[i].bytes), TG_BASE64_URL);
    tg_hex_encode(&hex, placed(cases[i].bytes));
    CHECK_TEXT(tg_buffer_text(&standard), tg_text_of(cases[i].standard));
    CHECK_TEXT(tg_buffer_text(&url), tg_text_of(cases[i].url));
    CHECK_TEXT(tg_buffer_text(&hex), tg_text_of(cases[i].hex));
    CHECK(tg_hex_decode(&back, tg_buffer_text(&hex), &at) == NULL);
    CHECK_TEXT(tg_buffer_text(&back), tg_text_of(cases[i].bytes));
    tg_buffer_free(&standard);
    tg_buffer_free(&url);
    tg_buffer_free(&hex);
    tg_buffer_free(&back);
    check_decoded(cases[i].standard, TG_BASE64_STANDARD, cases[i].bytes, 0);
    check_decoded(cases[i].url, TG_BASE64_URL, cases[i].bytes, 0);
  }
}

static void refuses_what_is_none(void) {
  static const struct {
    const char *text;
    size_t at;
  } standard[] = {
      {"Zg", 2},   {"Zg=", 3},  {"Zg==Zg==", 2}, {"Zh==", 1}, {"Zm9=", 2},    {"====", 0},
      {"A===", 1}, {"Zm 9", 2}, {"Zm9v\n", 5},   {"-_-_", 0}, {"Zm9\xc3", 3}, {"=Zm9", 0},
  };
  static const struct {
    const char *text;
    size_t at;
  } url[] = {{"Zg==", 2}, {"Z", 0}, {"Zh", 1}, {"+/+/", 0}, {"Zm9vY", 4}};
  for (size_t i = 0; i < sizeof standard / sizeof standard[0]; i++) {
    check_decoded(standard[i].text, TG_BASE64_STANDARD, NULL, standard[i].at);
  }
  for (size_t i = 0; i < sizeof url / sizeof url[0]; i++) check_decoded(url[i].text, TG_BASE64_URL, NULL, url[i].at);
  static const struct {
    const char *text;
    size_t at;
  } hex[] = {{"0", 1}, {"0g", 1}, {"g0", 0}, {"00 ", 2}, {"-1", 0}, {"0x", 1}};
  for (size_t i = 0; i < sizeof hex / sizeof hex[0]; i++) {
    tg_buffer buffer = {0};
    size_t at = 99;
    check_case("%s", hex[i].text);
    CHECK(tg_hex_decode(&buffer, placed(hex[i].text), &at) != NULL);
    CHECK_NUMBER(at, hex[i].at);
    tg_buffer_free(&buffer);
  }
  check_case(NULL);
}

/* Every text of four letters that decodes is what its bytes encode to: no two texts mean the same. */
static void has_one_text_for_each(void) {
  static const char some[] = "AZaz09+/=-Q";
  char text[4];
  for (unsigned n = 0; n < 11 * 11 * 11 * 11; n++) {
    text[0] = some[n % 11];
    text[1] = some[n / 11 % 11];
    text[2] = some[n / 121 % 11];
    text[3] = some[n / 1331];
    tg_buffer bytes = {0}, again = {0};
    size_t at;
    if (tg_base64_decode(&bytes, (tg_text){text, 4}, TG_BASE64_STANDARD, &at) == NULL) {
      tg_base64_encode(&again, tg_buffer_text(&bytes), TG_BASE64_STANDARD);
      CHECK_TEXT(tg_buffer_text(&again), ((tg_text){text, 4}));
    }
    tg_buffer_free(&bytes);
    tg_buffer_free(&again);
  }
}

int main(void) {
  page = guard_open(64);
  knows_the_vectors();
  refuses_what_is_none();
  has_one_text_for_each();
  guard_close(&page);
  return check_result();
}
