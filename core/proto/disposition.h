/* The Content-Disposition of a part of a form (RFC 7578 section 4.2): its name, and the name of its file. */
#ifndef TG_PROTO_DISPOSITION_H
#define TG_PROTO_DISPOSITION_H

#include "base/arena.h"

typedef struct tg_disposition {
  tg_text name;     /* of the form's field; UTF-8, any bytes but NUL */
  tg_text filename; /* as the client says, UTF-8; data is NULL where there is none. Never a path to be opened */
} tg_disposition;

/* Reads a value. NULL when it is fine, else a sentence that says what is wrong with it (400).
   Quoted names are decoded from what browsers make of them (%22, %0D and %0A, and nothing else, as the WHATWG says)
   and from what other clients do (\" and \\). `filename*` (RFC 8187) is read too and wins over `filename`. */
const char *tg_disposition_parse(tg_disposition *disposition, tg_text value, tg_arena *arena);

#endif
