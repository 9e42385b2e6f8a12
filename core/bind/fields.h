/* Header fields from a Lua table. */
#ifndef TG_BIND_FIELDS_H
#define TG_BIND_FIELDS_H

#include "bind/runtime.h"
#include "proto/head.h"

/* Fields that were in the table, of those that the gateway sets itself where the script does not. */
enum {
  TG_FIELD_HOST = 1,
  TG_FIELD_USER_AGENT = 2,
  TG_FIELD_CONTENT_TYPE = 4,
  TG_FIELD_DATE = 8,
  TG_FIELD_CONTENT_LENGTH = 16,   /* left out: see tg_fields_append */
  TG_FIELD_TRANSFER_ENCODING = 32 /* left out */
};

/* Appends a line for each field of the table at `index` ({name = value} or {name = {value, …}}; nil is an empty
   table). Leaves out what belongs to the connection (RFC 9110 section 7.6.1) and Content-Length, which the gateway writes
   itself. A Connection field in the table names nothing: what a peer's names is taken off its message by whoever hands
   that on, before anything is put beside it. Raises, naming the field, for a name that is no token, one that is there in
   two spellings, and a value with CR, LF or NUL or that is no finite number. Returns the fields seen. [-0, +0, v] */
unsigned tg_fields_append(lua_State *L, int index, tg_buffer *buffer);

/* Pushes the value of the field of that name, in any case, from the table at `index`; nil where it has none.
   [-0, +1, -] */
void tg_fields_push(lua_State *L, int index, tg_text wanted);

/* Pushes the value of the field of a head; of several in one, as in a list; nil where there is none. [-0, +1, m] */
void tg_fields_push_value(lua_State *L, const tg_head *head, tg_text name);

#endif
