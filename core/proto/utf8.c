#include "proto/utf8.h"

/* How many bytes follow a lead byte; -1 when it is none. */
static int follow_count(unsigned char lead) {
  if (lead < 0x80) return 0;
  if (lead >= 0xc2 && lead <= 0xdf) return 1;
  if (lead >= 0xe0 && lead <= 0xef) return 2;
  if (lead >= 0xf0 && lead <= 0xf4) return 3;
  return -1;
}

/* The first byte behind some leads has a narrower range: overlong forms, surrogates, too large code points. */
static bool is_first_follow(unsigned char lead, unsigned char c) {
  unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  return c >= low && c <= high;
}

bool tg_utf8_is_valid(tg_text text) {
  const unsigned char *at = (const unsigned char *)text.data, *end = at + text.size;
  while (at < end) {
    unsigned char lead = *at++;
    int count = follow_count(lead);
    if (count < 0 || count > end - at) return false;
    if (count > 0 && !is_first_follow(lead, *at)) return false;
    for (int i = 0; i < count; i++) {
      if ((*at++ & 0xc0) != 0x80) return false;
    }
  }
  return true;
}
