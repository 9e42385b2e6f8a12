#include "proto/http_date.h"
#include "check.h"
#include "support/guard.h"

static guard_page page;

static tg_text placed(tg_text text) {
  return (tg_text){guard_place(&page, text.data, text.size), text.size};
}

static const int64_t now = 1764028800; /* 2025-11-25 */

static void writes_dates(void) {
  static const struct {
    int64_t second;
    const char *text;
  } cases[] = {
      {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},    {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
      {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},    {1709164799, "Wed, 28 Feb 2024 23:59:59 GMT"},
      {4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"},   {253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"},
      {253402300800, "Fri, 31 Dec 9999 23:59:59 GMT"}, {INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"},
      {-1, "Thu, 01 Jan 1970 00:00:00 GMT"},           {INT64_MIN, "Thu, 01 Jan 1970 00:00:00 GMT"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char date[TG_HTTP_DATE_BYTES];
    tg_http_date_write(cases[i].second, date);
    CHECK_TEXT(((tg_text){date, sizeof date}), tg_text_of(cases[i].text));
  }
}

enum { NONE = -99 };

static const struct {
  const char *text;
  int64_t second;
} parse_cases[] = {
    /* the three formats */
    {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
    {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
    {"Sun Nov  6 08:49:37 1994", 784111777},
    {"Sun Nov 06 08:49:37 1994", 784111777},
    {"Wed Nov 16 08:49:37 1994", 784975777},
    {"Monday, 07-Nov-94 08:49:37 GMT", 784198177},
    {"Tuesday, 08-Nov-94 08:49:37 GMT", 784284577},
    {"Wednesday, 09-Nov-94 08:49:37 GMT", 784370977},
    {"Thursday, 10-Nov-94 08:49:37 GMT", 784457377},
    {"Friday, 11-Nov-94 08:49:37 GMT", 784543777},
    {"Saturday, 12-Nov-94 08:49:37 GMT", 784630177},
    /* years of two digits: this one is 25 */
    {"Sunday, 06-Nov-25 08:49:37 GMT", 1762418977},
    {"Sunday, 06-Nov-75 08:49:37 GMT", 3340255777},
    {"Sunday, 06-Nov-76 08:49:37 GMT", 216118177},
    {"Sunday, 01-Jan-00 00:00:00 GMT", 946684800},
    /* the edges of the calendar */
    {"Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
    {"Thu, 29 Feb 2024 23:59:59 GMT", 1709251199},
    {"Wed, 31 Dec 1969 23:59:59 GMT", -1},
    {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
    {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},
    {"Mon, 06 Nov 1994 08:49:37 GMT", 784111777}, /* it was a Sunday */
    {"Fri, 29 Feb 2100 00:00:00 GMT", NONE},
    {"Mon, 29 Feb 2023 00:00:00 GMT", NONE},
    {"Mon, 31 Apr 2023 00:00:00 GMT", NONE},
    {"Mon, 00 Apr 2023 00:00:00 GMT", NONE},
    {"Mon, 32 Jan 2023 00:00:00 GMT", NONE},
    {"Sun, 06 Nov 1994 24:00:00 GMT", NONE},
    {"Sun, 06 Nov 1994 08:60:00 GMT", NONE},
    {"Sun, 06 Nov 1994 08:49:61 GMT", NONE},
    /* what is none */
    {"", NONE},
    {"0", NONE},
    {"784111777", NONE},
    {"S", NONE},
    {"Sun", NONE},
    {"Sun,", NONE},
    {"Sunday", NONE},
    {"sun, 06 nov 1994 08:49:37 gmt", NONE},
    {"Sun, 6 Nov 1994 08:49:37 GMT", NONE},
    {"Sun,  06 Nov 1994 08:49:37 GMT", NONE},
    {"Sun, 06 Nov 94 08:49:37 GMT", NONE},
    {"Sun, 06 Nov 1994 08:49:37", NONE},
    {"Sun, 06 Nov 1994 08:49:37 UTC", NONE},
    {"Sun, 06 Nov 1994 08:49:37 +0000", NONE},
    {"Sun, 06 Nov 1994 08:49:37 GMT ", NONE},
    {"Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT", NONE},
    {"Sun, 06 Nov 1994 8:49:37 GMT", NONE},
    {"Sun, 06 Nov 1994 08:4:37 GMT", NONE},
    {"Sun, 06 Nov 1994 -8:49:37 GMT", NONE},
    {"Sun, 06 Nov -994 08:49:37 GMT", NONE},
    {"Sun, 06 Nox 1994 08:49:37 GMT", NONE},
    {"Xun, 06 Nov 1994 08:49:37 GMT", NONE},
    {"Sunday, 06-Nov-1994 08:49:37 GMT", NONE},
    {"Sunday, 06 Nov 1994 08:49:37 GMT", NONE},
    {"Sundax, 06-Nov-94 08:49:37 GMT", NONE},
    {"Sun, 06-Nov-94 08:49:37 GMT", NONE},
    {"Monnesday, 07-Nov-94 08:49:37 GMT", NONE},
    {"Sun Nov 6 08:49:37 1994", NONE},
    {"Sun Nov  6 08:49:37 1994 GMT", NONE},
    {"Sun Nov  6 08:49:37 19945", NONE},
    {"1994-11-06T08:49:37Z", NONE},
};

static void parses_dates(void) {
  for (size_t i = 0; i < sizeof parse_cases / sizeof parse_cases[0]; i++) {
    int64_t second = NONE;
    check_case("%s", parse_cases[i].text);
    bool is_date = tg_http_date_parse(placed(tg_text_of(parse_cases[i].text)), now, &second);
    CHECK_NUMBER(is_date, parse_cases[i].second != NONE);
    CHECK_NUMBER(second, parse_cases[i].second);
  }
  check_case(NULL);
}

/* No beginning of a date is one, and none is read beyond its end. */
static void refuses_every_cut(void) {
  static const char *const dates[] = {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                                      "Sun Nov  6 08:49:37 1994"};
  for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
    for (size_t size = 0; size < strlen(dates[i]); size++) {
      int64_t second;
      check_case("%.*s", (int)size, dates[i]);
      CHECK(!tg_http_date_parse(placed((tg_text){dates[i], size}), now, &second));
    }
  }
  check_case(NULL);
}

static void reads_what_it_writes(void) {
  for (int64_t second = 0; second < 253402300799; second += 86400 * 97 + 3671) {
    char date[TG_HTTP_DATE_BYTES];
    int64_t back = NONE;
    tg_http_date_write(second, date);
    CHECK(tg_http_date_parse((tg_text){date, sizeof date}, now, &back));
    CHECK_NUMBER(back, second);
  }
}

int main(void) {
  page = guard_open(256);
  writes_dates();
  parses_dates();
  refuses_every_cut();
  reads_what_it_writes();
  guard_close(&page);
  return check_result();
}
