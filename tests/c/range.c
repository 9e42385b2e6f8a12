#include "proto/range.h"
#include "check.h"
#include "support/guard.h"

#include <stdio.h>

#define MAX "18446744073709551615"
#define BEYOND "18446744073709551616"

static guard_page page;

static tg_text placed(tg_text text) {
  return (tg_text){guard_place(&page, text.data, text.size), text.size};
}

/* What a field gets: "whole", "none", or the Content-Range of the part. */
static void check_range(const char *field, uint64_t size, const char *expected) {
  tg_buffer text = {0};
  tg_range range;
  check_case("%s of %llu", field, (unsigned long long)size);
  switch (tg_range_parse(placed(tg_text_of(field)), size, &range)) {
    case TG_RANGE_WHOLE:
      tg_buffer_append_text(&text, TG_TEXT("whole"));
      break;
    case TG_RANGE_NONE:
      tg_buffer_append_text(&text, TG_TEXT("none"));
      break;
    case TG_RANGE_PART:
      CHECK(range.first <= range.last && range.last < size);
      tg_range_write(&text, range, size);
      break;
  }
  CHECK_TEXT(tg_buffer_text(&text), tg_text_of(expected));
  tg_buffer_free(&text);
}

static const struct {
  const char *field;
  uint64_t size;
  const char *expected;
} cases[] = {
    /* from first to last */
    {"bytes=0-0", 1000, "bytes 0-0/1000"},
    {"bytes=0-499", 1000, "bytes 0-499/1000"},
    {"bytes=500-999", 1000, "bytes 500-999/1000"},
    {"bytes=999-999", 1000, "bytes 999-999/1000"},
    {"bytes=500-5000", 1000, "bytes 500-999/1000"},
    {"bytes=0-999", 1000, "bytes 0-999/1000"},
    {"bytes=007-0010", 1000, "bytes 7-10/1000"},
    {"BYTES=0-1", 1000, "bytes 0-1/1000"},
    {" bytes=0-1 ", 1000, "bytes 0-1/1000"},
    {"bytes= 0-1 ", 1000, "bytes 0-1/1000"},
    {"bytes=,0-1,, ", 1000, "bytes 0-1/1000"},
    /* to the end */
    {"bytes=0-", 1000, "bytes 0-999/1000"},
    {"bytes=999-", 1000, "bytes 999-999/1000"},
    /* the last ones */
    {"bytes=-1", 1000, "bytes 999-999/1000"},
    {"bytes=-1000", 1000, "bytes 0-999/1000"},
    {"bytes=-5000", 1000, "bytes 0-999/1000"},
    /* behind the end */
    {"bytes=1000-", 1000, "none"},
    {"bytes=1000-2000", 1000, "none"},
    {"bytes=-0", 1000, "none"},
    {"bytes=0-", 0, "none"},
    {"bytes=0-0", 0, "none"},
    {"bytes=-0", 0, "none"},
    {"bytes=-1", 0, "whole"},
    /* several */
    {"bytes=0-0,5-5", 1000, "whole"},
    {"bytes=0-,0-,0-,0-", 1000, "whole"},
    {"bytes=0-0,2000-", 1000, "whole"},
    {"bytes=2000-,3000-", 1000, "whole"},
    /* huge numbers */
    {"bytes=0-" MAX, 1000, "bytes 0-999/1000"},
    {"bytes=0-" BEYOND, 1000, "bytes 0-999/1000"},
    {"bytes=0-99999999999999999999999999999999999999999999999999", 1000, "bytes 0-999/1000"},
    {"bytes=" MAX "-", 1000, "none"},
    {"bytes=" BEYOND "-", 1000, "none"},
    {"bytes=" BEYOND "-" BEYOND, 1000, "none"},
    {"bytes=-" BEYOND, 1000, "bytes 0-999/1000"},
    {"bytes=0-", UINT64_MAX, "bytes 0-18446744073709551614/" MAX},
    {"bytes=" MAX "-" MAX, UINT64_MAX, "none"},
    {"bytes=-" MAX, UINT64_MAX, "bytes 0-18446744073709551614/" MAX},
    {"bytes=9223372036854775807-9223372036854775808", UINT64_MAX, "bytes 9223372036854775807-9223372036854775808/" MAX},
    /* nothing that can be understood */
    {"", 1000, "whole"},
    {"bytes", 1000, "whole"},
    {"bytes=", 1000, "whole"},
    {"bytes=,", 1000, "whole"},
    {"bytes=-", 1000, "whole"},
    {"bytes=--1", 1000, "whole"},
    {"bytes=5", 1000, "whole"},
    {"bytes=5-4", 1000, "whole"},
    {"bytes=5000-4", 1000, "whole"},
    {"bytes=1-2-3", 1000, "whole"},
    {"bytes=a-b", 1000, "whole"},
    {"bytes=1-b", 1000, "whole"},
    {"bytes=0x1-2", 1000, "whole"},
    {"bytes=+1-2", 1000, "whole"},
    {"bytes=1 - 2", 1000, "whole"},
    {"bytes=1.0-2", 1000, "whole"},
    {"bytes =0-1", 1000, "whole"},
    {"bytes:0-1", 1000, "whole"},
    {"lines=0-1", 1000, "whole"},
    {"none", 1000, "whole"},
};

static void parses_ranges(void) {
  tg_range range;
  CHECK_NUMBER(tg_range_parse((tg_text){NULL, 0}, 1000, &range), TG_RANGE_WHOLE);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    check_range(cases[i].field, cases[i].size, cases[i].expected);
  }
  check_case(NULL);
}

/* Every range of a small body, against the plain meaning of the RFC. */
static void is_right_for_all_small_ones(void) {
  for (uint64_t size = 0; size < 5; size++) {
    for (uint64_t first = 0; first < 6; first++) {
      for (uint64_t last = first; last < 6; last++) {
        char field[64], expected[64];
        uint64_t end = last < size ? last : size - 1;
        snprintf(field, sizeof field, "bytes=%d-%d", (int)first, (int)last);
        snprintf(expected, sizeof expected, "bytes %d-%d/%d", (int)first, (int)end, (int)size);
        check_range(field, size, first < size ? expected : "none");
      }
    }
  }
  check_case(NULL);
}

static void writes_what_is_unsatisfied(void) {
  tg_buffer text = {0};
  tg_range_write_none(&text, 1234);
  CHECK_TEXT(tg_buffer_text(&text), TG_TEXT("bytes */1234"));
  tg_buffer_free(&text);
}

int main(void) {
  page = guard_open(256);
  parses_ranges();
  is_right_for_all_small_ones();
  writes_what_is_unsatisfied();
  guard_close(&page);
  return check_result();
}
