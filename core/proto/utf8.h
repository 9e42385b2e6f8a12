/* UTF-8 (RFC 3629). */
#ifndef TG_PROTO_UTF8_H
#define TG_PROTO_UTF8_H

#include "base/text.h"

/* Is `text` UTF-8, without overlong forms, surrogates and code points over U+10FFFF? */
bool tg_utf8_is_valid(tg_text text);

#endif
