/* UTF-8 (RFC 3629). */
#ifndef TG_PROTO_UTF8_H
#define TG_PROTO_UTF8_H

#include "base/text.h"

/* The bytes of the character that `text`, which is not empty, begins with; 0 where it begins with none: an overlong
   form, a surrogate, a code point over U+10FFFF, or one that is cut off. */
size_t tg_utf8_character(tg_text text);

/* Is `text` UTF-8, without any of those? */
bool tg_utf8_is_valid(tg_text text);

/* The code point of the character of so many bytes, as tg_utf8_character counts them, at `at`. */
unsigned tg_utf8_code_point(const char *at, size_t size);

/* Does a code point control a terminal, or end or turn a line: C0, DEL and C1, the line and paragraph separators, and the
   bidirectional controls (U+202A to U+202E, U+2066 to U+2069)? */
bool tg_utf8_is_control(unsigned code_point);

/* Writes `text` with U+FFFD in place of each byte that belongs to no character to `out`, which has room for three times
   as many bytes; how many they are. */
size_t tg_utf8_repair(tg_text text, char *out);

#endif
