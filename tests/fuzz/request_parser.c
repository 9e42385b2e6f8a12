/* A client's bytes: the parser tells the same of them in whatever pieces they come. */
#include "support/parsing.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  if (size > 0) fuzz_parser((tg_text){(const char *)bytes, size}, TG_HTTP1_REQUESTS);
  return 0;
}
