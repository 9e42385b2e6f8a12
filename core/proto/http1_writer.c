#include "proto/http1_writer.h"
#include "proto/http_date.h"
#include "proto/status.h"

static void append(tg_buffer *buffer, tg_text text) {
  tg_buffer_append_text(buffer, text); /* a failure is remembered by the buffer */
}

void tg_http1_write_status(tg_buffer *buffer, unsigned status) {
  if (status == 200) {
    append(buffer, TG_TEXT("HTTP/1.1 200 OK\r\n"));
    return;
  }
  append(buffer, TG_TEXT("HTTP/1.1 "));
  tg_buffer_append_number(buffer, status);
  append(buffer, TG_TEXT(" "));
  append(buffer, tg_status_reason(status));
  append(buffer, TG_TEXT("\r\n"));
}

void tg_http1_write_request(tg_buffer *buffer, tg_text method, tg_text target) {
  append(buffer, method);
  append(buffer, TG_TEXT(" "));
  append(buffer, target);
  append(buffer, TG_TEXT(" HTTP/1.1\r\n"));
}

void tg_http1_write_length(tg_buffer *buffer, unsigned long long bytes) {
  static const char name[] = "Content-Length: ";
  enum { NAME_BYTES = sizeof name - 1, DIGITS_MAX = 20 };
  char line[NAME_BYTES + DIGITS_MAX + 2];
  char *end = line + sizeof line - 2, *at = end; /* from behind, and appended once: nearly every answer has it */
  memcpy(end, "\r\n", 2);
  do *--at = (char)('0' + bytes % 10);
  while ((bytes /= 10) > 0);
  at -= NAME_BYTES;
  memcpy(at, name, NAME_BYTES);
  tg_buffer_append(buffer, at, (size_t)(end + 2 - at));
}

void tg_http1_write_end(tg_buffer *buffer) {
  append(buffer, TG_TEXT("\r\n"));
}

tg_text tg_http1_date_line(tg_http1_date *date, time_t now) {
  if (now != date->second) {
    date->second = now;
    memcpy(date->line, "Date: ", 6);
    tg_http_date_write(now, date->line + 6);
    memcpy(date->line + 6 + TG_HTTP_DATE_BYTES, "\r\n", 2);
    date->size = 6 + TG_HTTP_DATE_BYTES + 2;
  }
  return (tg_text){date->line, date->size};
}
