#include "proto/status.h"
#include "check.h"

static void names_what_is_registered(void) {
  CHECK_TEXT(tg_status_reason(200), TG_TEXT("OK"));
  CHECK_TEXT(tg_status_reason(204), TG_TEXT("No Content"));
  CHECK_TEXT(tg_status_reason(304), TG_TEXT("Not Modified"));
  CHECK_TEXT(tg_status_reason(400), TG_TEXT("Bad Request"));
  CHECK_TEXT(tg_status_reason(404), TG_TEXT("Not Found"));
  CHECK_TEXT(tg_status_reason(413), TG_TEXT("Content Too Large"));
  CHECK_TEXT(tg_status_reason(418), TG_TEXT("I'm a Teapot"));
  CHECK_TEXT(tg_status_reason(431), TG_TEXT("Request Header Fields Too Large"));
  CHECK_TEXT(tg_status_reason(500), TG_TEXT("Internal Server Error"));
  CHECK_TEXT(tg_status_reason(511), TG_TEXT("Network Authentication Required"));
}

/* A reason phrase goes into a status line as it is: any status must have one that is safe there. */
static void has_a_phrase_for_all(void) {
  for (unsigned status = 0; status < 1000; status++) {
    tg_text reason = tg_status_reason(status);
    check_case("status %u", status);
    CHECK(reason.size > 0 && tg_text_is_field_value(reason));
  }
  check_case(NULL);
  CHECK_TEXT(tg_status_reason(299), TG_TEXT("Unknown"));
  CHECK_TEXT(tg_status_reason(599), TG_TEXT("Unknown"));
}

static void knows_which_have_a_body(void) {
  for (unsigned status = 100; status < 600; status++) {
    bool expected = status >= 200 && status != 204 && status != 304;
    check_case("status %u", status);
    CHECK_NUMBER(tg_status_has_body(status), expected);
  }
  check_case(NULL);
}

int main(void) {
  names_what_is_registered();
  has_a_phrase_for_all();
  knows_which_have_a_body();
  return check_result();
}
