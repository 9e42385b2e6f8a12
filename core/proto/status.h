/* Status codes and their reason phrases (RFC 9110 section 15). */
#ifndef TG_PROTO_STATUS_H
#define TG_PROTO_STATUS_H

#include "base/text.h"

/* The reason phrase; "Unknown" for a code that is not registered. Static memory. */
tg_text tg_status_reason(unsigned status);

/* Can a response with this status have a body (RFC 9110 section 6.4.1)? Not 1xx, 204 and 304. */
bool tg_status_has_body(unsigned status);

/* May that body have content? Not where there is no body, nor in 205, whose length is always 0 (section 15.3.6). */
bool tg_status_allows_content(unsigned status);

#endif
