/* Range and its relatives: what is served lies within the file, and no conditions make an answer that there is not. */
#include "proto/conditional.h"
#include "proto/http_date.h"
#include "proto/range.h"
#include "support/input.h"

static const int64_t now = 1800000000;

static void check_range(tg_text field, uint64_t size) {
  tg_range range;
  tg_buffer text = {0};
  if (tg_range_parse(field, size, &range) == TG_RANGE_PART) {
    FUZZ_CHECK(range.first <= range.last);
    FUZZ_CHECK(range.last < size);
    tg_range_write(&text, range, size);
    FUZZ_CHECK(tg_text_is_field_value(tg_buffer_text(&text)));
  }
  tg_buffer_free(&text);
}

static void check_date(tg_text text) {
  int64_t seconds, again;
  char written[TG_HTTP_DATE_BYTES];
  if (!tg_http_date_parse(text, now, &seconds)) return;
  tg_http_date_write(seconds, written);
  if (seconds < 0 || seconds > INT64_C(253402300799)) return; /* it is written as the first or the last that there is */
  FUZZ_CHECK(tg_http_date_parse((tg_text){written, sizeof written}, now, &again));
  FUZZ_CHECK(again == seconds);
}

static void check_conditions(tg_text field) {
  tg_validators validators = {.etag = TG_TEXT("\"a\""), .modified = now - 100};
  for (unsigned which = 0; which < 16; which++) {
    tg_conditions conditions = {.reads = (which & 1) != 0};
    if ((which & 2) != 0) conditions.if_match = field;
    if ((which & 4) != 0) conditions.if_none_match = field;
    if ((which & 8) != 0) conditions.if_modified_since = conditions.if_unmodified_since = field;
    unsigned status = tg_conditional_status(&conditions, &validators, now);
    FUZZ_CHECK(status == 200 || status == 412 || (status == 304 && conditions.reads));
    if (which < 2) FUZZ_CHECK(status == 200);
  }
  tg_conditional_allows_range(field, &validators, now);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  static const uint64_t sizes[] = {0, 1, 5, 1000, UINT64_C(1) << 40, UINT64_MAX};
  tg_text field = {(const char *)bytes, size};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) check_range(field, sizes[i]);
  check_date(field);
  check_conditions(field);
  return 0;
}
