/* Text from elsewhere, in a form that does nothing but show: in a log, on a terminal. */
#ifndef TG_PROTO_PRINTABLE_H
#define TG_PROTO_PRINTABLE_H

#include "base/buffer.h"

/* Appends the text. Escaped byte by byte, as "\x1b", is what a terminal or a reader could take for more than text:
   control characters of C0 and C1, DEL, what is not UTF-8, the code points that end a line elsewhere (U+2028, U+2029),
   and those that turn the order of what is shown (U+202A to U+202E, U+2066 to U+2069). An end of a line stays, with
   `indent` behind it, and a tab becomes two spaces. Of what would take more than about `bytes_max` only the beginning is
   appended, with "… (16,384 bytes)" behind it, which says how long the whole was. */
void tg_printable_append(tg_buffer *buffer, tg_text text, tg_text indent, size_t bytes_max);

#endif
