/* Strings and numbers as JSON text (RFC 8259). Only what every reader must understand is escaped: quotes, backslashes and
   control characters; a slash is not, and text stays UTF-8. */
#ifndef TG_PROTO_JSON_WRITER_H
#define TG_PROTO_JSON_WRITER_H

#include "base/buffer.h"

enum {
  TG_JSON_ESCAPE_MAX = 6,                            /* bytes for one of a string */
  TG_JSON_SHORT_MAX = 100,                           /* a string up to here is written at once */
  TG_JSON_PIECE_MAX = 512,                           /* a longer one in pieces of about this size */
  TG_JSON_ROOM_MAX = (512 + 8) * TG_JSON_ESCAPE_MAX, /* … and a buffer with so much room never has to grow for one */
};

/* Appends a string with its quotes; false where the text is not UTF-8, with anything of it appended. Without memory
   the buffer says so. */
bool tg_json_write_string(tg_buffer *buffer, tg_text text);

/* Appends a number as tg_number_write makes it; false, with nothing written, for NaN and the infinities. */
bool tg_json_write_number(tg_buffer *buffer, double number);

#endif
