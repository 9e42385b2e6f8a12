#include "bind/log.h"
#include "base/buffer.h"
#include "io/log_target.h"

#include <stdint.h>
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

/* How many bytes the control character at the start takes, 0 where there is none: C0, DEL, and C1 as UTF-8, which
   terminals obey as well. */
static size_t control_size(tg_text rest) {
  unsigned char c = (unsigned char)rest.data[0];
  if (c < 0x20 || c == 0x7f) return 1;
  return c == 0xc2 && rest.size > 1 && (unsigned char)rest.data[1] >= 0x80 && (unsigned char)rest.data[1] < 0xa0 ? 2
                                                                                                                 : 0;
}

static void append_escapes(tg_buffer *line, tg_text bytes) {
  char escape[8];
  for (size_t i = 0; i < bytes.size; i++) {
    int size = snprintf(escape, sizeof escape, "\\x%02x", (unsigned char)bytes.data[i]);
    tg_buffer_append(line, escape, (size_t)size);
  }
}

static void append_escaped(tg_buffer *line, tg_text message) {
  size_t size = 1;
  for (; message.size > 0; message = (tg_text){message.data + size, message.size - size}) {
    size_t control = control_size(message);
    size = control > 0 ? control : 1;
    if (message.data[0] == '\n') tg_buffer_append(line, "\n    ", 5);
    else if (message.data[0] == '\t') tg_buffer_append(line, "  ", 2);
    else if (control > 0) append_escapes(line, (tg_text){message.data, control});
    else tg_buffer_append(line, message.data, 1);
  }
}

/* Standard error, which the process has once. Nobody waits for who reads it: what it does not take is dropped. */
static struct {
  tg_log_target target;
  bool is_open;
  bool is_within_line; /* the end of a message was dropped */
  uint64_t dropped;    /* messages, since the last one that went out */
} output;

/* One write for each message that a pipe takes at once, so that messages of several processes do not mix. */
static bool write_out(tg_text text) {
  size_t size = text.size;
  while (text.size > 0) {
    ssize_t written = tg_log_target_write(&output.target, text);
    if (written < 0) {
      output.is_within_line = output.is_within_line || text.size < size;
      return false;
    }
    text = (tg_text){text.data + written, text.size - (size_t)written};
  }
  output.is_within_line = false;
  return true;
}

static void append_line(tg_buffer *lines, const char *level, tg_text message) {
  append_time(lines);
  tg_buffer_append_text(lines, tg_text_of(level));
  tg_buffer_append(lines, " ", 1);
  append_escaped(lines, message);
  tg_buffer_append(lines, "\n", 1);
}

static void append_dropped(tg_buffer *lines) {
  char text[96];
  int size = snprintf(text, sizeof text, "%llu message%s dropped: standard error did not take them",
                      (unsigned long long)output.dropped, output.dropped == 1 ? " was" : "s were");
  append_line(lines, "warn", (tg_text){text, (size_t)size});
}

void tg_log_write(const char *level, tg_text message) {
  tg_buffer lines = {0};
  if (!output.is_open) output.is_open = tg_log_target_open_standard(&output.target, STDERR_FILENO) == 0;
  if (output.is_within_line) tg_buffer_append(&lines, "\n", 1);
  if (output.dropped > 0) append_dropped(&lines);
  append_line(&lines, level, message);
  bool is_out = output.is_open && !lines.failed && write_out(tg_buffer_text(&lines));
  output.dropped = is_out ? 0 : output.dropped + 1;
  tg_buffer_free(&lines);
}
