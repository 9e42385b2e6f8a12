/* JSON texts read: RFC 8259 strictly, in UTF-8, with exact numbers. yyjson reads; its header lets callers walk what came
   of it. The values of a document lie one behind the other, a list's or an object's items behind itself, an item's name
   before its value: whoever goes through them needs no recursion. */
#ifndef TG_PROTO_JSON_READER_H
#define TG_PROTO_JSON_READER_H

#include "base/text.h"

#include <yyjson.h>

enum {
  TG_JSON_DEPTH_MAX = 1000, /* lists and objects within each other */
  TG_JSON_MESSAGE_SIZE = 200,
};

typedef enum tg_json_result { TG_JSON_READ, TG_JSON_WRONG, TG_JSON_NO_MEMORY } tg_json_result;

/* What is wrong with a text that is empty, or blank. */
extern const char tg_json_is_empty[];

/* Reads a text into *document, which the caller frees with yyjson_doc_free; its memory is `memory`'s, malloc's where that
   is NULL, and at most 13 times the text's and 256 bytes, twice that while a broken one is read. The text is not needed any
   more. Depth is not looked at.
   TG_JSON_WRONG: message says in plain words what is wrong, and in which line and column (in characters, from 1). */
tg_json_result tg_json_read(tg_text text, const yyjson_alc *memory, yyjson_doc **document,
                            char message[TG_JSON_MESSAGE_SIZE]);

/* The message for a text, right otherwise, that is nested deeper than TG_JSON_DEPTH_MAX. */
void tg_json_tell_depth(tg_text text, char message[TG_JSON_MESSAGE_SIZE]);

#endif
