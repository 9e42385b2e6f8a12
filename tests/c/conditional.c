#include "proto/conditional.h"
#include "check.h"
#include "support/guard.h"

#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER "Sun, 06 Nov 1994 08:49:38 GMT"
static const int64_t modified = 784111777, now = 1764028800;

static guard_page page;

/* At the page's end; NULL is a field that is not there. */
static tg_text placed(const char *text) {
  if (text == NULL) return (tg_text){NULL, 0};
  return (tg_text){guard_place(&page, text, strlen(text)), strlen(text)};
}

/* Only one field can be at the page's end. */
static tg_text plain(const char *text) {
  return text == NULL ? (tg_text){NULL, 0} : tg_text_of(text);
}

/* --- single fields --- */

typedef struct tag_case {
  const char *list;
  bool strong, weak; /* does it match the tag "a" (strong), by the strong and by the weak comparison? */
} tag_case;

static const tag_case tag_cases[] = {
    {"\"a\"", true, true},
    {"W/\"a\"", false, true},
    {"\"b\"", false, false},
    {"*", true, true},
    {" * ", true, true},
    {"\"b\", \"a\"", true, true},
    {"\"b\",\"a\",\"c\"", true, true},
    {"\"b\" , W/\"a\"", false, true},
    {",, \"a\",,", true, true},
    {"\"x,y\", \"a\"", true, true},
    {"\"x\\\", \"a\"", true, true}, /* a backslash is a character like any other */
    {"\"\xc3\xa4\", \"a\"", true, true},
    {"\"A\"", false, false},
    {"\"\"", false, false},
    {"\"aa\"", false, false},
    /* no list of tags: what is wrong ends it */
    {"", false, false},
    {",", false, false},
    {"a", false, false},
    {"\"a", false, false},
    {"a\"", false, false},
    {"w/\"a\"", false, false},
    {"W/", false, false},
    {"W/a", false, false},
    {"W", false, false},
    {"\"", false, false},
    {"\"a\"x", false, false},
    {"\"b\" \"a\"", false, false},
    {"b, \"a\"", false, false},
    {"\"a b\", \"a\"", false, false},
    {"*, \"b\"", false, false},
    {"\"b\", *", false, false},
    {"'a'", false, false},
};

static void compares_tags(void) {
  const tg_validators validators = {.etag = TG_TEXT("\"a\""), .modified = modified};
  for (size_t i = 0; i < sizeof tag_cases / sizeof tag_cases[0]; i++) {
    const tag_case *is = &tag_cases[i];
    check_case("%s", is->list);
    tg_conditions match = {.if_match = placed(is->list), .reads = true};
    CHECK_NUMBER(tg_conditional_status(&match, &validators, now), is->strong ? 200 : 412);
    tg_conditions none_match = {.if_none_match = placed(is->list), .reads = true};
    CHECK_NUMBER(tg_conditional_status(&none_match, &validators, now), is->weak ? 304 : 200);
    none_match.reads = false;
    CHECK_NUMBER(tg_conditional_status(&none_match, &validators, now), is->weak ? 412 : 200);
  }
  check_case(NULL);
}

static void a_weak_tag_never_matches_strongly(void) {
  const tg_validators validators = {.etag = TG_TEXT("W/\"a\""), .modified = modified};
  tg_conditions match = {.if_match = placed("W/\"a\"")};
  CHECK_NUMBER(tg_conditional_status(&match, &validators, now), 412);
  match.if_match = placed("\"a\"");
  CHECK_NUMBER(tg_conditional_status(&match, &validators, now), 412);
  tg_conditions none_match = {.if_none_match = placed("\"a\""), .reads = true};
  CHECK_NUMBER(tg_conditional_status(&none_match, &validators, now), 304);
}

static void compares_dates(void) {
  const tg_validators validators = {.etag = {NULL, 0}, .modified = modified};
  static const struct {
    const char *date;
    unsigned if_modified, if_unmodified;
  } cases[] = {
      {DATE, 304, 200},
      {AFTER, 304, 200},
      {BEFORE, 200, 412},
      {"  " DATE " ", 304, 200},
      {"x", 200, 200},
      {"", 200, 200},
      {DATE ", " DATE, 200, 200},
      {"Sunday, 06-Nov-94 08:49:37 GMT", 304, 200},
      {"Sun Nov  6 08:49:36 1994", 200, 412},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    check_case("%s", cases[i].date);
    tg_conditions since = {.if_modified_since = placed(cases[i].date), .reads = true};
    CHECK_NUMBER(tg_conditional_status(&since, &validators, now), cases[i].if_modified);
    since.reads = false;
    CHECK_NUMBER(tg_conditional_status(&since, &validators, now), 200);
    tg_conditions unmodified = {.if_unmodified_since = placed(cases[i].date)};
    CHECK_NUMBER(tg_conditional_status(&unmodified, &validators, now), cases[i].if_unmodified);
  }
  check_case(NULL);
}

/* --- all together, in the order of section 13.2.2 --- */

static void goes_in_order(void) {
  const tg_validators validators = {.etag = TG_TEXT("\"a\""), .modified = modified};
  static const struct {
    const char *match, *unmodified, *none_match, *since;
    unsigned reads, changes; /* what GET and what PUT get */
  } cases[] = {
      {NULL, NULL, NULL, NULL, 200, 200},
      {"\"a\"", BEFORE, NULL, NULL, 200, 200}, /* If-Unmodified-Since does not count beside If-Match */
      {"\"b\"", AFTER, NULL, NULL, 412, 412},
      {NULL, NULL, "\"b\"", AFTER, 200, 200}, /* nor If-Modified-Since beside If-None-Match */
      {NULL, NULL, "\"a\"", BEFORE, 304, 412},
      {"\"a\"", NULL, "\"a\"", NULL, 304, 412},
      {"\"b\"", NULL, "\"a\"", NULL, 412, 412},
      {"\"a\"", NULL, NULL, AFTER, 304, 200},
      {NULL, BEFORE, "\"a\"", NULL, 412, 412},
      {NULL, AFTER, "\"b\"", NULL, 200, 200},
      {"\"b\"", "x", "\"b\"", "x", 412, 412},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    check_case("row %zu", i);
    tg_conditions conditions = {plain(cases[i].match), plain(cases[i].none_match), plain(cases[i].since),
                                plain(cases[i].unmodified), true};
    CHECK_NUMBER(tg_conditional_status(&conditions, &validators, now), cases[i].reads);
    conditions.reads = false;
    CHECK_NUMBER(tg_conditional_status(&conditions, &validators, now), cases[i].changes);
  }
  check_case(NULL);
}

static void knows_what_is_not_there(void) {
  const tg_validators missing = {.missing = true, .modified = modified};
  const tg_validators bare = {.modified = TG_MODIFIED_UNKNOWN};
  tg_conditions star = {.if_match = TG_TEXT("*")}, none = {.if_none_match = TG_TEXT("*")};
  tg_conditions since = {.if_modified_since = TG_TEXT(AFTER), .reads = true};
  tg_conditions unmodified = {.if_unmodified_since = TG_TEXT(BEFORE)};
  tg_conditions tag = {.if_match = TG_TEXT("\"a\"")}, no_tag = {.if_none_match = TG_TEXT("\"a\""), .reads = true};
  CHECK_NUMBER(tg_conditional_status(&star, &missing, now), 412);
  CHECK_NUMBER(tg_conditional_status(&none, &missing, now), 200);
  CHECK_NUMBER(tg_conditional_status(&since, &missing, now), 200);
  CHECK_NUMBER(tg_conditional_status(&unmodified, &missing, now), 200);
  CHECK_NUMBER(tg_conditional_status(&star, &bare, now), 200);
  CHECK_NUMBER(tg_conditional_status(&none, &bare, now), 412);
  CHECK_NUMBER(tg_conditional_status(&since, &bare, now), 200);
  CHECK_NUMBER(tg_conditional_status(&unmodified, &bare, now), 200);
  CHECK_NUMBER(tg_conditional_status(&tag, &bare, now), 412);
  CHECK_NUMBER(tg_conditional_status(&no_tag, &bare, now), 200);
}

/* --- If-Range --- */

static void allows_ranges(void) {
  static const struct {
    const char *field, *etag;
    int64_t now;
    bool allowed;
  } cases[] = {
      {NULL, "\"a\"", 1764028800, true},
      {"\"a\"", "\"a\"", 1764028800, true},
      {" \"a\" ", "\"a\"", 1764028800, true},
      {"\"b\"", "\"a\"", 1764028800, false},
      {"W/\"a\"", "\"a\"", 1764028800, false},
      {"\"a\"", "W/\"a\"", 1764028800, false},
      {"W/\"a\"", "W/\"a\"", 1764028800, false},
      {"\"a\"", NULL, 1764028800, false},
      {"\"a\", \"b\"", "\"a\"", 1764028800, false},
      {"*", "\"a\"", 1764028800, false},
      {"", "\"a\"", 1764028800, false},
      {DATE, "\"a\"", 1764028800, true},
      {BEFORE, "\"a\"", 1764028800, false},
      {AFTER, "\"a\"", 1764028800, false},
      {DATE, NULL, 784111779, true},
      {DATE, NULL, 784111778, false}, /* it may change again within that second */
      {DATE, NULL, 784111777, false},
      {DATE, NULL, 784111000, false}, /* a date to come */
      {"x", NULL, 1764028800, false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const tg_validators validators = {.etag = plain(cases[i].etag), .modified = modified};
    check_case("%s", cases[i].field != NULL ? cases[i].field : "(no field)");
    CHECK_NUMBER(tg_conditional_allows_range(placed(cases[i].field), &validators, cases[i].now), cases[i].allowed);
  }
  const tg_validators unknown = {.modified = TG_MODIFIED_UNKNOWN};
  CHECK(!tg_conditional_allows_range(TG_TEXT("Wed, 31 Dec 1969 23:59:59 GMT"), &unknown, now));
  check_case(NULL);
}

static void knows_tags(void) {
  static const char *const tags[] = {"\"\"", "\"a\"", "W/\"\"", "W/\"a,b\"", "\"\x80\xff\""};
  static const char *const others[] = {"",        "a",       "\"",      "\"a",      "W/",    "W/a",
                                       "w/\"a\"", "\"a\"\"", "\"a b\"", "\"\x7f\"", "\"a\" "};
  for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) CHECK(tg_is_etag(placed(tags[i])));
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) CHECK(!tg_is_etag(placed(others[i])));
}

/* A megabyte of tags and commas takes no longer than it is long: if it were tried from every byte on, this test would
   not end in time. */
static void is_linear(void) {
  enum { SIZE = 1 << 20 };
  static char list[SIZE];
  static const char *const patterns[] = {",", " ", "\"x\",", "\"", "W/", ", ,"};
  const tg_validators validators = {.etag = TG_TEXT("\"a\""), .modified = modified};
  for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
    size_t size = strlen(patterns[i]);
    for (size_t at = 0; at < SIZE; at++) list[at] = patterns[i][at % size];
    tg_conditions conditions = {.if_none_match = {list, SIZE}, .reads = true};
    CHECK_NUMBER(tg_conditional_status(&conditions, &validators, now), 200);
  }
}

int main(void) {
  page = guard_open(256);
  compares_tags();
  a_weak_tag_never_matches_strongly();
  compares_dates();
  goes_in_order();
  knows_what_is_not_there();
  allows_ranges();
  knows_tags();
  is_linear();
  guard_close(&page);
  return check_result();
}
