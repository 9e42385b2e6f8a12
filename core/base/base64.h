/* Base64 (RFC 4648 sections 4 and 5) and base16 (section 8), strict: what decodes has one text only. */
#ifndef TG_BASE_BASE64_H
#define TG_BASE_BASE64_H

#include "base/buffer.h"

typedef enum tg_base64_alphabet {
  TG_BASE64_STANDARD, /* "+" and "/", padded to whole groups of four */
  TG_BASE64_URL,      /* "-" and "_", without padding, as in JSON Web Tokens (RFC 7515) */
} tg_base64_alphabet;

/* Appends `bytes` as base64. Without memory the buffer has failed. */
void tg_base64_encode(tg_buffer *buffer, tg_text bytes, tg_base64_alphabet alphabet);

/* Appends what the text stands for. NULL, or what is wrong with it; *at is then the byte where, from 0. Bits that stand
   for nothing must be 0, and no byte may be skipped: of two texts that decode to the same one would be forged. */
const char *tg_base64_decode(tg_buffer *buffer, tg_text text, tg_base64_alphabet alphabet, size_t *at);

/* Appends `bytes` as lower-case hexadecimal digits. */
void tg_hex_encode(tg_buffer *buffer, tg_text bytes);

/* Appends what the digits, of either case, stand for; NULL, or what is wrong and where. */
const char *tg_hex_decode(tg_buffer *buffer, tg_text text, size_t *at);

#endif
