/* UTF-8 (RFC 3629). */
#ifndef TG_PROTO_UTF8_H
#define TG_PROTO_UTF8_H

#include "base/text.h"

/* The bytes of the character that `text`, which is not empty, begins with; 0 where it begins with none: an overlong
   form, a surrogate, a code point over U+10FFFF, or one that is cut off. */
size_t tg_utf8_character(tg_text text);

/* Is `text` UTF-8, without any of those? */
bool tg_utf8_is_valid(tg_text text);

/* Writes `text` with U+FFFD in place of each byte that belongs to no character to `out`, which has room for three times
   as many bytes; how many they are. */
size_t tg_utf8_repair(tg_text text, char *out);

#endif
