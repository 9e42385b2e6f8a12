#include "proto/accept.h"
#include "check.h"
#include "support/guard.h"

static guard_page page;

static tg_text placed(tg_text text) {
  return (tg_text){guard_place(&page, text.data, text.size), text.size};
}

enum {
  GZIP = 1 << TG_CODING_GZIP,
  DEFLATE = 1 << TG_CODING_DEFLATE,
  BR = 1 << TG_CODING_BR,
  ZSTD = 1 << TG_CODING_ZSTD,
  ALL = ZSTD | BR | GZIP,
};

typedef struct accept_case {
  const char *field; /* NULL: there is none */
  unsigned offered;
  const char *coding; /* NULL: nothing is acceptable */
} accept_case;

static const accept_case cases[] = {
    /* who asks for nothing gets nothing */
    {NULL, ALL, "identity"},
    {"", ALL, "identity"},
    {"identity", ALL, "identity"},
    {" , ,", ALL, "identity"},
    /* by our preference where the weights are the same */
    {"gzip, deflate, br, zstd", ALL, "zstd"},
    {"gzip, deflate, br", ALL, "br"},
    {"gzip, deflate", ALL, "gzip"},
    {"deflate, gzip", GZIP | DEFLATE, "gzip"},
    {"deflate", ALL, "identity"},
    {"deflate", DEFLATE, "deflate"},
    {"zstd", GZIP, "identity"},
    {"gzip", 0, "identity"},
    {"GZip", ALL, "gzip"},
    {"x-gzip", ALL, "gzip"},
    {"gzip;q=0.5, br;q=0.5, zstd;q=0.5", ALL, "zstd"},
    {"identity, gzip", ALL, "gzip"},
    {"compress, gzip", ALL, "gzip"},
    /* by weight */
    {"gzip;q=1, br;q=0.9", ALL, "gzip"},
    {"zstd;q=0.1, gzip;q=0.2", ALL, "gzip"},
    {"zstd;q=0.001, gzip;q=0.002", ALL, "gzip"},
    {"gzip;q=0.001", ALL, "gzip"},
    {"gzip;q=0.5, identity", ALL, "identity"},
    {"gzip;q=0.5, identity;q=0.5", ALL, "gzip"},
    {"gzip ; q=0.5 , identity;Q=0.4", ALL, "gzip"},
    {"gzip\t;\tq=0.4,identity;q=0.5", ALL, "identity"},
    {"gzip;q=1.000, br;q=0.999", ALL, "gzip"},
    {"gzip;q=0., br;q=0.001", ALL, "br"},
    {"gzip;q=1., br;q=0.001", ALL, "gzip"},
    /* refused */
    {"gzip;q=0", ALL, "identity"},
    {"gzip;q=0.000, br;q=0", ALL, "identity"},
    {"gzip, zstd;q=0", ALL, "gzip"},
    /* the star */
    {"*", ALL, "zstd"},
    {"*;q=0.5", GZIP, "gzip"},
    {"zstd;q=0, *", ALL, "br"},
    {"gzip, *;q=0", ALL, "gzip"},
    {"gzip;q=0.5, *;q=0.1", ALL, "gzip"},
    {"gzip;q=0.1, *;q=0.5", GZIP, "identity"},
    {"identity;q=0.5, *;q=0", ALL, "identity"},
    {"*, identity;q=0", ALL, "zstd"},
    /* nothing is acceptable */
    {"*;q=0", ALL, NULL},
    {"identity;q=0", ALL, NULL},
    {"identity;q=0, deflate", ALL, NULL},
    {"gzip;q=0, *;q=0", ALL, NULL},
    {"identity;q=0, gzip", 0, NULL},
    /* the same twice: the lowest counts */
    {"gzip;q=0, gzip", ALL, "identity"},
    {"gzip, gzip;q=0", ALL, "identity"},
    {"gzip, x-gzip;q=0", ALL, "identity"},
    {"*;q=0, *", ALL, NULL},
    {"gzip;q=0.2, gzip;q=0.9, br;q=0.3", ALL, "br"},
    /* what is not understood is as if it were not there */
    {"gzip;q=2", ALL, "identity"},
    {"gzip;q=1.001", ALL, "identity"},
    {"gzip;q=0.1234, br", ALL, "br"},
    {"gzip;q=-1", ALL, "identity"},
    {"gzip;q=.5", ALL, "identity"},
    {"gzip;q=", ALL, "identity"},
    {"gzip;q", ALL, "identity"},
    {"gzip;", ALL, "identity"},
    {"gzip;q = 1", ALL, "identity"},
    {"gzip;q=1;q=0", ALL, "identity"},
    {"gzip;level=9", ALL, "identity"},
    {"gzip;q=\"1\"", ALL, "identity"},
    {"gzip;q=1e0", ALL, "identity"},
    {"gzip;q=0,5", ALL, "identity"},
    {"gzip;q=00.5", ALL, "identity"},
    {"gzip br", ALL, "identity"},
    {"gzip;q=x, br", ALL, "br"},
    {"identity;q=x, gzip;q=0", ALL, "identity"},
    {";q=1", ALL, "identity"},
    {"gzip\xff, br", ALL, "br"},
    {"**", ALL, "identity"},
    {"gzi", ALL, "identity"},
    {"gzipp", ALL, "identity"},
};

static void chooses(void) {
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const accept_case *is = &cases[i];
    tg_coding coding;
    check_case("%s", is->field != NULL ? is->field : "(no field)");
    tg_text field = is->field != NULL ? placed(tg_text_of(is->field)) : (tg_text){NULL, 0};
    CHECK_NUMBER(tg_accept_coding(field, is->offered, &coding), is->coding != NULL);
    CHECK_TEXT(tg_coding_name(coding), tg_text_of(is->coding != NULL ? is->coding : "identity"));
  }
  check_case(NULL);
}

static void reads_every_weight(void) {
  tg_text name;
  for (int thousandths = 0; thousandths <= 1000; thousandths++) {
    char element[] = "gzip;q=0.000";
    element[7] = (char)('0' + thousandths / 1000);
    element[9] = (char)('0' + thousandths / 100 % 10);
    element[10] = (char)('0' + thousandths / 10 % 10);
    element[11] = (char)('0' + thousandths % 10);
    CHECK_NUMBER(tg_accept_weight(placed(tg_text_of(element)), &name), thousandths);
    CHECK_TEXT(name, TG_TEXT("gzip"));
  }
}

/* A megabyte of elements is read once. */
static void is_linear(void) {
  enum { SIZE = 1 << 20 };
  static char field[SIZE];
  static const char *const patterns[] = {",", " ", "gzip,", ";", "gzip;q=0.5,", "gzip ", " ,\t"};
  for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
    tg_coding coding;
    size_t size = strlen(patterns[i]);
    for (size_t at = 0; at < SIZE; at++) field[at] = patterns[i][at % size];
    tg_accept_coding((tg_text){field, SIZE}, ALL, &coding);
    CHECK(coding == TG_CODING_GZIP || coding == TG_CODING_IDENTITY);
  }
}

int main(void) {
  page = guard_open(256);
  chooses();
  reads_every_weight();
  is_linear();
  guard_close(&page);
  return check_result();
}
