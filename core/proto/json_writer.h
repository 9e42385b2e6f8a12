/* Strings and numbers as JSON text (RFC 8259). Only what every reader must understand is escaped: quotes, backslashes and
   control characters; a slash is not, and text stays UTF-8. */
#ifndef TG_PROTO_JSON_WRITER_H
#define TG_PROTO_JSON_WRITER_H

#include "base/buffer.h"

/* Appends a string with its quotes; false where the text is not UTF-8, with what stood before the wrong byte written.
   Without memory the buffer says so. */
bool tg_json_write_string(tg_buffer *buffer, tg_text text);

/* Appends a number as tg_number_write makes it; false, with nothing written, for NaN and the infinities. */
bool tg_json_write_number(tg_buffer *buffer, double number);

#endif
