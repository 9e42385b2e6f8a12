#include "bind/log.h"
#include "base/buffer.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static void append_time(tg_buffer *line) {
  struct timespec now;
  struct tm utc;
  char text[40];
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &utc);
  size_t size = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  size += (size_t)snprintf(text + size, sizeof text - size, ".%03ldZ ", now.tv_nsec / 1000000);
  tg_buffer_append(line, text, size);
}

static void append_escaped(tg_buffer *line, tg_text message) {
  for (const char *at = message.data; at < message.data + message.size; at++) {
    unsigned char c = (unsigned char)*at;
    char escaped[8];
    if (c == '\n') tg_buffer_append(line, "\n    ", 5);
    else if (c == '\t') tg_buffer_append(line, "  ", 2);
    else if (c < 0x20 || c == 0x7f) tg_buffer_append(line, escaped, (size_t)snprintf(escaped, 8, "\\x%02x", c));
    else tg_buffer_append(line, at, 1);
  }
}

void tg_log_write(const char *level, tg_text message) {
  tg_buffer line = {0};
  append_time(&line);
  tg_buffer_append_text(&line, tg_text_of(level));
  tg_buffer_append(&line, " ", 1);
  append_escaped(&line, message);
  tg_buffer_append(&line, "\n", 1);
  tg_text text = tg_buffer_text(&line);
  /* One write for each message, so that messages of several processes do not mix. There is nobody to tell when it
     fails. */
  if (!line.failed && write(STDERR_FILENO, text.data, text.size) < 0) line.failed = true;
  tg_buffer_free(&line);
}
