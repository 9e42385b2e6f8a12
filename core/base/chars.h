/* Classes of bytes, for checks that run over every byte of a message. */
#ifndef TG_BASE_CHARS_H
#define TG_BASE_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  TG_CHAR_TOKEN = 1,      /* tchar of RFC 9110 section 5.6.2 */
  TG_CHAR_UNRESERVED = 2, /* RFC 3986 section 2.3: never needs percent-encoding */
  TG_CHAR_PATH = 4,       /* stands for itself in a path: pchar of RFC 3986 section 3.3, and "/" */
  TG_CHAR_HOST = 8,       /* may stand in a host with its port: reg-name, IP literal and port of RFC 3986 section 3.2 */
  TG_CHAR_SEGMENT = 16,   /* TG_CHAR_PATH but for "/" and ".", which may be more than themselves */
};

extern const uint8_t tg_char_classes[256];

static inline bool tg_char_is(char c, unsigned classes) {
  return (tg_char_classes[(unsigned char)c] & classes) != 0;
}

/* Is each of the bytes of that class? All are looked at, which costs less than to decide at each. */
static inline bool tg_chars_are(const char *bytes, size_t size, uint8_t class) {
  uint8_t common = class;
  for (size_t i = 0; i < size; i++) common &= tg_char_classes[(unsigned char)bytes[i]];
  return common != 0;
}

#endif
