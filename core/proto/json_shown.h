/* Text from elsewhere as a JSON string that does nothing but show: in a line of the log. */
#ifndef TG_PROTO_JSON_SHOWN_H
#define TG_PROTO_JSON_SHOWN_H

#include "base/buffer.h"

/* Appends the text with its quotes, on one line. Escaped is what RFC 8259 asks for, and what printable.h escapes: C1, DEL,
   U+2028, U+2029, and what turns the order of what is shown. A byte that is not UTF-8 becomes U+FFFD. Of more than
   `bytes_max` bytes only the beginning is appended, with "… (16384 bytes)" behind it, which says how long the whole was. */
void tg_json_show(tg_buffer *buffer, tg_text text, size_t bytes_max);

#endif
