#include "proto/connection_names.h"
#include "check.h"

#include <stdio.h>
#include <stdlib.h>

enum { FIELDS_MAX = 128 };

/* The names that are marked, each in brackets. */
static const char *marked(const tg_field *fields, unsigned count) {
  static char text[4096];
  const tg_field *order[FIELDS_MAX];
  bool named[FIELDS_MAX];
  unsigned expected = tg_connection_names(fields, count, order, named), found = 0;
  text[0] = '\0';
  for (unsigned i = 0; i < count; i++) {
    size_t used = strlen(text);
    if (!named[i]) continue;
    snprintf(text + used, sizeof text - used, "[%.*s]", (int)fields[i].name.size, fields[i].name.data);
    found++;
  }
  CHECK(found == expected);
  return text;
}

static tg_field field(const char *name, const char *value) {
  return (tg_field){tg_text_of(name), tg_text_of(value)};
}

/* "X-A", "X-B" twice and "Host" beside a Connection field of that value. */
static void marks_what_is_named(void) {
  static const struct {
    const char *value, *marked;
  } cases[] = {
      {"", ""},
      {"close", ""},
      {"x-a", "[X-A]"},
      {"X-B", "[X-B][x-b]"},
      {" close ,\tx-B,, X-A,", "[X-A][X-B][x-b]"},
      {"x-a, x-a, x-a", "[X-A]"},
      {"x-", ""},
      {"x-aa", ""},
      {"x a", ""},
      {", ,\t, ,", ""},
      {"Host, Cookie, Authorization, Content-Length, Connection, X-Forwarded-For, X-Forwarded-Other", ""},
      {"Host, X-Forwarded, X-Forwarded-", "[X-Forwarded-]"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    tg_field fields[] = {
        field("X-A", "1"),          field("Connection", cases[i].value),
        field("X-B", "2"),          field("x-b", "3"),
        field("Host", "h"),         field("COOKIE", "a=b"),
        field("authorization", ""), field("Content-Length", "0"),
        field("X-Forwarded-", "4"), field("X-Forwarded-For", "5"),
    };
    CHECK_STRING(marked(fields, sizeof fields / sizeof fields[0]), cases[i].marked);
  }
}

static void takes_several_fields(void) {
  tg_field fields[] = {field("connection", "x-a"), field("X-A", ""), field("X-C", ""), field("CONNECTION", "x-c, y")};
  CHECK_STRING(marked(fields, 4), "[X-A][X-C]");
  CHECK_STRING(marked(fields, 0), "");
  CHECK_STRING(marked(fields + 1, 2), "");
}

/* Names that share size, first and last letter: only whole names are equal. */
static void tells_names_apart(void) {
  static char names[FIELDS_MAX][16];
  tg_field fields[FIELDS_MAX];
  fields[0] = field("Connection", "X-064-Y,x-007-y, x-999-y");
  for (int i = 1; i < FIELDS_MAX; i++) {
    snprintf(names[i], sizeof names[i], "x-%03d-y", i);
    fields[i] = field(names[i], "");
  }
  CHECK_STRING(marked(fields, FIELDS_MAX), "[x-007-y][x-064-y]");
}

int main(void) {
  marks_what_is_named();
  takes_several_fields();
  tells_names_apart();
  return check_result();
}
