/* Accept-Encoding: what is chosen was offered, and what was refused by name is never chosen. */
#include "proto/accept.h"
#include "support/input.h"

/* Is the coding refused by an element of its own that every reader understands? */
static bool is_refused(tg_text field, tg_coding coding) {
  tg_text element, value;
  bool refused = false;
  while (tg_text_next_element(&field, &element)) {
    int weight = tg_accept_weight(element, &value);
    FUZZ_CHECK(weight >= -1 && weight <= 1000);
    if (weight == 0 && tg_text_equal_nocase(value, tg_coding_name(coding))) refused = true;
  }
  return refused;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  tg_text field = {(const char *)bytes, size};
  for (unsigned offered = 0; offered < 1u << TG_CODING_COUNT; offered++) {
    tg_coding coding;
    bool acceptable = tg_accept_coding(field, offered, &coding);
    FUZZ_CHECK(coding < TG_CODING_COUNT);
    FUZZ_CHECK(coding == TG_CODING_IDENTITY || (offered & 1u << coding) != 0);
    if (!acceptable) FUZZ_CHECK(coding == TG_CODING_IDENTITY);
    if (coding != TG_CODING_IDENTITY) FUZZ_CHECK(!is_refused(field, coding));
  }
  return 0;
}
