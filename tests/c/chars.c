#include "base/chars.h"
#include "check.h"

static bool is_among(int c, const char *bytes) {
  bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return letter || (c != 0 && strchr(bytes, c) != NULL);
}

int main(void) {
  for (int c = 0; c < 256; c++) {
    check_case("byte %d", c);
    CHECK_NUMBER(tg_char_is((char)c, TG_CHAR_TOKEN), is_among(c, "!#$%&'*+-.^_`|~"));
    CHECK_NUMBER(tg_char_is((char)c, TG_CHAR_UNRESERVED), is_among(c, "-._~"));
    CHECK_NUMBER(tg_char_is((char)c, TG_CHAR_PATH), is_among(c, "-._~!$&'()*+,;=:@/"));
  }
  check_case(NULL);
  CHECK(!tg_char_is(',', TG_CHAR_HOST) && !tg_char_is('/', TG_CHAR_HOST) && !tg_char_is('@', TG_CHAR_HOST));
  CHECK(tg_char_is('[', TG_CHAR_HOST) && tg_char_is(':', TG_CHAR_HOST) && tg_char_is('_', TG_CHAR_HOST));
  return check_result();
}
