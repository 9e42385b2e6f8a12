#include "proto/coding.h"

static const char names[TG_CODING_COUNT][10] = {
    [TG_CODING_IDENTITY] = "identity", [TG_CODING_GZIP] = "gzip",
    [TG_CODING_DEFLATE] = "deflate",   [TG_CODING_BR] = "br",
    [TG_CODING_ZSTD] = "zstd",
};

tg_text tg_coding_name(tg_coding coding) {
  return tg_text_of(names[coding]);
}

bool tg_coding_find(tg_text name, tg_coding *coding) {
  if (tg_text_equal_nocase(name, TG_TEXT("x-gzip"))) name = TG_TEXT("gzip");
  for (unsigned i = 0; i < TG_CODING_COUNT; i++) {
    *coding = (tg_coding)i;
    if (tg_text_equal_nocase(name, tg_text_of(names[i]))) return true;
  }
  return false;
}

tg_coding_error tg_coding_of_field(tg_text field, tg_coding *coding) {
  tg_text element;
  unsigned count = 0;
  *coding = TG_CODING_IDENTITY;
  while (tg_text_next_item(&field, &element)) {
    tg_coding found;
    if (!tg_coding_find(element, &found)) return (tg_coding_error){415, "the content coding is not known"};
    if (found == TG_CODING_IDENTITY) continue;
    if (++count > 1) return (tg_coding_error){413, "more than one content coding"};
    *coding = found;
  }
  return (tg_coding_error){0, NULL};
}
