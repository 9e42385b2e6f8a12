/* Dates of HTTP (RFC 9110 section 5.6.7), in seconds since 1970 without leap seconds. The system's locale and time
   zone, which a script may have changed, have no say. */
#ifndef TG_PROTO_HTTP_DATE_H
#define TG_PROTO_HTTP_DATE_H

#include "base/text.h"

#include <stdint.h>

enum { TG_HTTP_DATE_BYTES = 29 };

/* Writes "Sun, 06 Nov 1994 08:49:37 GMT", without a NUL. What lies outside the years 1970 to 9999 becomes the first or
   the last second of them. */
void tg_http_date_write(int64_t seconds, char out[TG_HTTP_DATE_BYTES]);

/* Reads any of the three formats; false when `text` is none of them, or a day that no calendar has. The name of the
   weekday need not fit. A year of two digits is the one that lies at most 50 years after `now`. */
bool tg_http_date_parse(tg_text text, int64_t now, int64_t *seconds);

#endif
