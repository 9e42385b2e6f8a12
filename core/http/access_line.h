/* A line of the access log: one exchange, as JSON or in the combined format of Apache and nginx with the seconds that
   the exchange took at its end.

   A line is printable and is one line, whatever a client sends. In JSON, control characters (those behind U+007F and
   the separators U+2028 and U+2029 too), quotes and bytes that are not UTF-8 become \u00XX and the like. In the
   combined format all that is not printable ASCII becomes \xHH, and so do quotes, backslashes, and spaces where a space
   ends a field. Long values are cut, and end in "...". */
#ifndef TG_HTTP_ACCESS_LINE_H
#define TG_HTTP_ACCESS_LINE_H

#include "http/access_record.h"

#include <time.h>

enum {
  TG_ACCESS_TARGET_BYTES_MAX = 2048, /* of the value, before it is escaped */
  TG_ACCESS_FIELD_BYTES_MAX = 1024,  /* user agent and referer */
  TG_ACCESS_WORD_BYTES_MAX = 256,    /* all others */
  TG_ACCESS_LINE_BYTES_MAX = 53248,  /* no line is longer, its '\n' included */
};

/* What lines of one log share. All zero is a start. */
typedef struct tg_access_line_state {
  tg_text id_prefix; /* ids are this, "-" and the number in six hexadecimal digits or more */
  time_t second;     /* what the two texts say */
  char json_time[19];
  char combined_time[26];
} tg_access_line_state;

/* Writes the line with its '\n' into `line`, which has room for TG_ACCESS_LINE_BYTES_MAX; returns its size. */
size_t tg_access_line_json(tg_access_line_state *state, const tg_access_record *record, char *line);
size_t tg_access_line_combined(tg_access_line_state *state, const tg_access_record *record, char *line);

#endif
