#include "proto/json_writer.h"
#include "proto/number.h"
#include "proto/utf8.h"

#include <stdint.h>

/* What stands behind the backslash: 'u' for those that are written as numbers. 0 for bytes that are written as they are,
   NOT_ASCII for those of longer characters. */
enum { NOT_ASCII = 'x' };
static const char escapes[256] = {
    ['"'] = '"',
    ['\\'] = '\\',
    ['\b'] = 'b',
    ['\t'] = 't',
    ['\n'] = 'n',
    ['\f'] = 'f',
    ['\r'] = 'r',
    [0x00 ... 0x07] = 'u',
    [0x0b] = 'u',
    [0x0e ... 0x1f] = 'u',
    [0x80 ... 0xff] = NOT_ASCII,
};

/* Are all eight bytes ASCII that is not escaped? A byte's top bit comes out set where it is not. */
static bool are_plain(uint64_t bytes) {
  const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
  uint64_t quotes = bytes ^ ones * '"', backslashes = bytes ^ ones * '\\';
  return ((bytes | (bytes - ones * 0x20) | (quotes - ones) | (backslashes - ones)) & tops) == 0;
}

static char *write_escape(char *out, unsigned char byte) {
  static const char hex[] = "0123456789abcdef";
  *out++ = '\\';
  *out++ = escapes[byte];
  if (escapes[byte] != 'u') return out;
  out[0] = '0';
  out[1] = '0';
  out[2] = hex[byte >> 4];
  out[3] = hex[byte & 15];
  return out + 4;
}

static bool is_plain(char byte) {
  return escapes[(unsigned char)byte] == 0;
}

/* Copies eight bytes where all are plain. */
static bool copy_eight(char *out, const char *from) {
  uint64_t eight;
  memcpy(&eight, from, 8);
  if (!are_plain(eight)) return false;
  memcpy(out, &eight, 8);
  return true;
}

/* Copies a text of four to seven bytes where all are plain: the last four repeat some of the first. */
static bool copy_few(char *out, tg_text text) {
  uint32_t first, last;
  memcpy(&first, text.data, 4);
  memcpy(&last, text.data + text.size - 4, 4);
  if (!are_plain((uint64_t)first << 32 | last)) return false;
  memcpy(out, &first, 4);
  memcpy(out + text.size - 4, &last, 4);
  return true;
}

/* Copies what is plain, as far as it goes; how many bytes. The last eight repeat some of those before them. */
static size_t copy_plain(char *out, tg_text text) {
  size_t size = 0;
  while (size + 8 <= text.size && copy_eight(out + size, text.data + size)) size += 8;
  if (text.size >= 8) {
    if (size + 8 > text.size && copy_eight(out + text.size - 8, text.data + text.size - 8)) return text.size;
  } else if (text.size >= 4 && copy_few(out, text)) {
    return text.size;
  }
  for (; size < text.size && is_plain(text.data[size]); size++) out[size] = text.data[size];
  return size;
}

/* Writes the character that `text` begins with, which is not plain, and moves *out behind it; its size, 0 where the text
   is not UTF-8. */
static size_t write_character(char **out, tg_text text) {
  unsigned char byte = (unsigned char)text.data[0];
  if (escapes[byte] != NOT_ASCII) {
    *out = write_escape(*out, byte);
    return 1;
  }
  size_t size = tg_utf8_character(text);
  for (size_t i = 0; i < size; i++) *(*out)++ = text.data[i];
  return size;
}

/* Writes the beginning of a text, about a piece, to where there is room for it, and moves *out behind it; how much of
   the text that was, 0 where it is not UTF-8. Characters are taken whole, for which it may be a little more. */
static size_t write_piece(char **out, tg_text text) {
  size_t at = 0, end = text.size < TG_JSON_PIECE_MAX ? text.size : TG_JSON_PIECE_MAX;
  while (at < end) {
    size_t plain = copy_plain(*out, (tg_text){text.data + at, end - at});
    at += plain, *out += plain;
    while (at < end && !is_plain(text.data[at])) {
      size_t size = write_character(out, (tg_text){text.data + at, text.size - at});
      if (size == 0) return 0;
      at += size;
    }
  }
  return at;
}

/* Appends a long string behind its first quote. */
static bool write_pieces(tg_buffer *buffer, tg_text text) {
  while (text.size > 0) {
    char *room = tg_buffer_reserve(buffer, TG_JSON_ROOM_MAX), *end = room;
    if (room == NULL) return true;
    size_t taken = write_piece(&end, text);
    if (taken == 0) return false;
    buffer->end += (size_t)(end - room);
    text = (tg_text){text.data + taken, text.size - taken};
  }
  tg_buffer_append(buffer, "\"", 1);
  return true;
}

bool tg_json_write_string(tg_buffer *buffer, tg_text text) {
  char *room = tg_buffer_reserve(buffer, TG_JSON_SHORT_MAX * TG_JSON_ESCAPE_MAX + 2), *end = room;
  if (room == NULL) return true;
  *end++ = '"';
  if (text.size > TG_JSON_SHORT_MAX) {
    buffer->end++;
    return write_pieces(buffer, text);
  }
  size_t plain = copy_plain(end, text);
  end += plain;
  text = (tg_text){text.data + plain, text.size - plain};
  if (text.size > 0 && write_piece(&end, text) != text.size) return false;
  *end++ = '"';
  buffer->end += (size_t)(end - room);
  return true;
}

bool tg_json_write_number(tg_buffer *buffer, double number) {
  char *room = tg_buffer_reserve(buffer, TG_NUMBER_SIZE);
  if (room == NULL) return true;
  size_t size = tg_number_write(number, room);
  buffer->end += size;
  return size > 0;
}
