/* The heads of HTTP/1.1 messages, written into a buffer: a start line, fields, tg_http1_write_end. The names and
   values were checked by whoever took them from a script. */
#ifndef TG_PROTO_HTTP1_WRITER_H
#define TG_PROTO_HTTP1_WRITER_H

#include "base/buffer.h"

#include <time.h>

/* "HTTP/1.1 404 Not Found\r\n" */
void tg_http1_write_status(tg_buffer *buffer, unsigned status);

/* "GET /path HTTP/1.1\r\n" */
void tg_http1_write_request(tg_buffer *buffer, tg_text method, tg_text target);

/* "Name: value\r\n". Here, so that the compiler sees the names that are literals. */
static inline void tg_http1_write_field(tg_buffer *buffer, tg_text name, tg_text value) {
  char *room = tg_buffer_reserve(buffer, name.size + value.size + 4);
  if (room == NULL) return;
  memcpy(room, name.data, name.size);
  room += name.size;
  *room++ = ':';
  *room++ = ' ';
  if (value.size > 0) memcpy(room, value.data, value.size);
  room += value.size;
  *room++ = '\r';
  *room = '\n';
  buffer->end += name.size + value.size + 4;
}

/* "Content-Length: 12\r\n" */
void tg_http1_write_length(tg_buffer *buffer, unsigned long long bytes);

/* The empty line behind the fields. */
void tg_http1_write_end(tg_buffer *buffer);

/* A Date field's line, written once for each second. */
typedef struct tg_http1_date {
  time_t second; /* what `line` says; 0 before the first use */
  char line[40]; /* "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" (RFC 9110 section 5.6.7) */
  size_t size;
} tg_http1_date;

/* The line for a time of day, in seconds since 1970. Valid until the next call. */
tg_text tg_http1_date_line(tg_http1_date *date, time_t now);

#endif
