#include "proto/coding.h"
#include "check.h"
#include "support/guard.h"

static guard_page page;

static tg_text placed(tg_text text) {
  return (tg_text){guard_place(&page, text.data, text.size), text.size};
}

static void finds_names(void) {
  static const struct {
    const char *name;
    tg_coding coding; /* TG_CODING_COUNT: there is none of that name */
  } cases[] = {
      {"identity", TG_CODING_IDENTITY},
      {"gzip", TG_CODING_GZIP},
      {"GZIP", TG_CODING_GZIP},
      {"x-gzip", TG_CODING_GZIP},
      {"X-GZip", TG_CODING_GZIP},
      {"deflate", TG_CODING_DEFLATE},
      {"br", TG_CODING_BR},
      {"zstd", TG_CODING_ZSTD},
      {"", TG_CODING_COUNT},
      {"b", TG_CODING_COUNT},
      {"brr", TG_CODING_COUNT},
      {"compress", TG_CODING_COUNT},
      {"x-br", TG_CODING_COUNT},
      {"gzip ", TG_CODING_COUNT},
      {"*", TG_CODING_COUNT},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    tg_coding coding;
    check_case("%s", cases[i].name);
    CHECK_NUMBER(tg_coding_find(placed(tg_text_of(cases[i].name)), &coding), cases[i].coding != TG_CODING_COUNT);
    if (cases[i].coding != TG_CODING_COUNT) CHECK_NUMBER(coding, cases[i].coding);
  }
  check_case(NULL);
}

static void names_what_it_finds(void) {
  for (unsigned i = 0; i < TG_CODING_COUNT; i++) {
    tg_coding coding;
    CHECK(tg_coding_find(tg_coding_name((tg_coding)i), &coding));
    CHECK_NUMBER(coding, i);
  }
}

/* Class 14 of the threats: codings in a row. */
static void reads_fields(void) {
  static const struct {
    const char *field;
    unsigned status;
    tg_coding coding;
  } cases[] = {
      {"", 0, TG_CODING_IDENTITY},
      {"identity", 0, TG_CODING_IDENTITY},
      {"gzip", 0, TG_CODING_GZIP},
      {" zstd ", 0, TG_CODING_ZSTD},
      {",br,", 0, TG_CODING_BR},
      {"identity, gzip", 0, TG_CODING_GZIP},
      {"identity, identity", 0, TG_CODING_IDENTITY},
      {"gzip, gzip", 413, TG_CODING_COUNT},
      {"gzip,br", 413, TG_CODING_COUNT},
      {"gzip, identity, gzip", 413, TG_CODING_COUNT},
      {"compress", 415, TG_CODING_COUNT},
      {"gzip, compress", 415, TG_CODING_COUNT},
      {"aes128gcm", 415, TG_CODING_COUNT},
      {"gzip;q=1", 415, TG_CODING_COUNT},
      {"gzip br", 415, TG_CODING_COUNT},
      {"*", 415, TG_CODING_COUNT},
      {"\"gzip\"", 415, TG_CODING_COUNT},
      {"gzip\x01", 415, TG_CODING_COUNT},
  };
  tg_coding coding;
  CHECK_NUMBER(tg_coding_of_field((tg_text){NULL, 0}, &coding).status, 0);
  CHECK_NUMBER(coding, TG_CODING_IDENTITY);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    check_case("%s", cases[i].field);
    tg_coding_error error = tg_coding_of_field(placed(tg_text_of(cases[i].field)), &coding);
    CHECK_NUMBER(error.status, cases[i].status);
    CHECK_NUMBER(error.text != NULL, cases[i].status != 0);
    if (error.status == 0) CHECK_NUMBER(coding, cases[i].coding);
  }
  check_case(NULL);
}

int main(void) {
  page = guard_open(256);
  finds_names();
  names_what_it_finds();
  reads_fields();
  guard_close(&page);
  return check_result();
}
